//! The difference between the commit and the index.

use std::path::Path;

use gix::bstr::ByteSlice;
use gix::index::Entry;
use gix::object::tree::EntryRef;
use gix::{ObjectId, Repository, Tree};

use crate::ContextError;
use crate::inspection::Inspection;
use crate::tracked::{Children, KnownTree, Tracked, TrackedChild, TrackedDirectory, is_conflicted, is_intent_to_add};

const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
/// All that git keeps of a regular file's mode.
const EXECUTABLE: u32 = 0o111;

/// The depth that git itself accepts (`core.maxTreeDepth`); each level takes stack.
const DEEPEST: usize = 2048;

/// The comparison of the index with the commit's tree. Trees that the index knows to be the same are not read.
pub struct StagedComparison<'a> {
    pub repository: &'a Repository,
    pub tracked: &'a Tracked,
    pub root: &'a Path,
    pub inspection: &'a Inspection,
}

impl StagedComparison<'_> {
    /// Counts the paths that differ from `tree` (none before the first commit); a renamed file is one removed and one added. Conflicted
    /// paths are not counted here.
    pub fn count(&self, tree: Option<&Tree>) -> Result<usize, ContextError> {
        let root = self.tracked.root();
        match tree {
            Some(tree) => self.count_at(0, tree.id, &root, self.tracked.known_tree()),
            None => Ok(self.added(&root)),
        }
    }

    fn count_at(
        &self,
        depth: usize,
        id: ObjectId,
        directory: &TrackedDirectory,
        known: Option<KnownTree>,
    ) -> Result<usize, ContextError> {
        if known.is_some_and(|known| known.is(id, directory)) {
            return Ok(0);
        }
        let tree = self.tree(depth, id)?;
        let known = known.map(KnownTree::below).unwrap_or_default();
        let children = self.tracked.children(directory);
        let mut seen = vec![false; children.len()];
        let mut count = 0;
        for item in tree.iter() {
            let item = item.map_err(self.broken())?;
            count += match children.find(item.filename()) {
                Some(place) => {
                    seen[place] = true;
                    self.compare(depth, &item, &children, place, known.get(item.filename().as_bytes()).copied())?
                }
                None => self.removed(depth, &item)?,
            };
        }
        let new = seen.iter().enumerate().filter(|(_, seen)| !**seen);
        Ok(count + new.map(|(place, _)| self.added_child(children.get(place))).sum::<usize>())
    }

    fn compare(
        &self,
        depth: usize,
        item: &EntryRef,
        children: &Children,
        place: usize,
        known: Option<KnownTree>,
    ) -> Result<usize, ContextError> {
        let is_tree = item.mode().is_tree();
        Ok(match children.get(place) {
            TrackedChild::Directory(directory) if is_tree => {
                self.count_at(depth + 1, item.object_id(), directory, known)?
            }
            TrackedChild::Directory(directory) => {
                self.added(directory) + usize::from(!self.is_file_unsettled(directory))
            }
            TrackedChild::File(entry) if !is_tree => {
                let entry = self.tracked.entry(*entry);
                let same = entry.id == item.object_id() && same_mode(entry.mode.bits(), item.mode().value().into());
                usize::from(!same || is_intent_to_add(entry))
            }
            TrackedChild::Conflicted if !is_tree => 0,
            child => self.added_child(child) + self.removed(depth, item)?,
        })
    }

    /// True if a conflicted file has the directory's name too.
    fn is_file_unsettled(&self, directory: &TrackedDirectory) -> bool {
        let path = self.tracked.path(directory);
        let file = path.strip_suffix(b"/").and_then(|path| self.tracked.find(path));
        file.is_some_and(is_conflicted)
    }

    fn tree(&self, depth: usize, id: ObjectId) -> Result<Tree<'_>, ContextError> {
        if depth > DEEPEST {
            return Err(ContextError::TooDeep { path: self.root.to_path_buf(), limit: DEEPEST });
        }
        self.inspection.check_time(self.root)?;
        self.repository.find_tree(id).map_err(self.broken())
    }

    fn broken(&self) -> impl Fn(gix::Error) -> ContextError {
        ContextError::damaged("the tree of the commit", self.root)
    }

    /// Counts the files that the commit has there and the index has not.
    fn removed(&self, depth: usize, item: &EntryRef) -> Result<usize, ContextError> {
        if !item.mode().is_tree() {
            return Ok(1);
        }
        let mut count = 0;
        for item in self.tree(depth, item.object_id())?.iter() {
            count += self.removed(depth + 1, &item.map_err(self.broken())?)?;
        }
        Ok(count)
    }

    fn added_child(&self, child: &TrackedChild) -> usize {
        match child {
            TrackedChild::Directory(directory) => self.added(directory),
            TrackedChild::File(entry) => usize::from(is_settled(self.tracked.entry(*entry))),
            TrackedChild::Conflicted => 0,
        }
    }

    fn added(&self, directory: &TrackedDirectory) -> usize {
        let entries = self.tracked.entries(directory.range.clone());
        entries.iter().filter(|entry| is_settled(entry)).count()
    }
}

/// True if the entry is part of the next commit.
fn is_settled(entry: &Entry) -> bool {
    !is_conflicted(entry) && !is_intent_to_add(entry)
}

/// Old trees have modes like 100664, which git reads as 100644.
fn same_mode(a: u32, b: u32) -> bool {
    let kind = a & TYPE_MASK;
    kind == b & TYPE_MASK && (kind != REGULAR || (a & EXECUTABLE == 0) == (b & EXECUTABLE == 0))
}
