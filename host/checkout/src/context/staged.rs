//! What the index holds that the commit does not, and the other way round.

use std::path::Path;

use git2::{ObjectType, Oid, Repository, Tree, TreeEntry};

use super::ContextError;
use super::index::Entry;
use super::inquiry::Inquiry;
use super::tracked::{Child, Children, Directory, Tracked};

const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
/// All that git keeps of a regular file's mode.
const EXECUTABLE: u32 = 0o111;

/// So deep git itself goes (`core.maxTreeDepth`); each step takes room on the stack.
const DEEPEST: usize = 2048;

/// The index beside the commit's tree. libgit2 reads all trees for that; here, those that the index knows to be the same are left out.
pub struct Staged<'a> {
    pub repository: &'a Repository,
    pub tracked: &'a Tracked<'a>,
    pub root: &'a Path,
    pub inquiry: &'a Inquiry,
}

impl Staged<'_> {
    /// How many paths below `directory` differ from `tree` (nothing, before the first commit); a renamed file is one that went and
    /// one that came. What waits for a merge to be settled does not count here.
    pub fn count(&self, tree: Option<&Tree>, directory: &Directory) -> Result<usize, ContextError> {
        self.count_at(0, tree, directory)
    }

    fn count_at(&self, depth: usize, tree: Option<&Tree>, directory: &Directory) -> Result<usize, ContextError> {
        let Some(tree) = tree else {
            return Ok(self.added(directory));
        };
        if self.tracked.tree_id(directory) == Some(tree.id()) {
            return Ok(0);
        }
        let children = self.tracked.children(directory);
        let mut seen = vec![false; children.len()];
        let mut count = 0;
        for item in tree {
            count += match children.find(item.name_bytes()) {
                Some(place) => {
                    seen[place] = true;
                    self.compare(depth, &item, &children, place)?
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
        item: &TreeEntry,
        children: &Children,
        place: usize,
    ) -> Result<usize, ContextError> {
        let is_tree = item.kind() == Some(ObjectType::Tree);
        Ok(match children.get(place) {
            Child::Directory(directory) if is_tree => {
                self.count_at(depth + 1, Some(&self.tree(depth, item.id())?), directory)?
            }
            Child::Directory(directory) => self.added(directory) + usize::from(!self.is_file_unsettled(directory)),
            Child::File(entry) if !is_tree => {
                let entry = self.tracked.entry(*entry);
                let same = entry.id == item.id() && same_mode(entry.mode, item.filemode_raw().cast_unsigned());
                usize::from(!same || entry.is_intent_to_add())
            }
            Child::Conflicted if !is_tree => 0,
            child => self.added_child(child) + self.removed(depth, item)?,
        })
    }

    /// Whether a file that a merge has not settled has the directory's name too.
    fn is_file_unsettled(&self, directory: &Directory) -> bool {
        let path = self.tracked.path(directory);
        let file = path.strip_suffix(b"/").and_then(|path| self.tracked.find(path));
        file.is_some_and(Entry::is_conflicted)
    }

    fn tree(&self, depth: usize, id: Oid) -> Result<Tree<'_>, ContextError> {
        if depth > DEEPEST {
            return Err(ContextError::TooDeep { path: self.root.to_path_buf(), limit: DEEPEST });
        }
        self.inquiry.check_time(self.root)?;
        self.repository.find_tree(id).map_err(ContextError::reading("the tree of the commit", self.root))
    }

    /// How many files the commit has there and the index has not.
    fn removed(&self, depth: usize, item: &TreeEntry) -> Result<usize, ContextError> {
        if item.kind() != Some(ObjectType::Tree) {
            return Ok(1);
        }
        let mut count = 0;
        for item in &self.tree(depth, item.id())? {
            count += self.removed(depth + 1, &item)?;
        }
        Ok(count)
    }

    fn added_child(&self, child: &Child) -> usize {
        match child {
            Child::Directory(directory) => self.added(directory),
            Child::File(entry) => usize::from(is_settled(self.tracked.entry(*entry))),
            Child::Conflicted => 0,
        }
    }

    fn added(&self, directory: &Directory) -> usize {
        let entries = self.tracked.entries(directory.range.clone());
        entries.iter().filter(|entry| is_settled(entry)).count()
    }
}

/// Whether the entry says what the next commit will have.
fn is_settled(entry: &Entry) -> bool {
    !entry.is_conflicted() && !entry.is_intent_to_add()
}

/// Old trees hold modes like 100664, which git reads as 100644.
fn same_mode(a: u32, b: u32) -> bool {
    let kind = a & TYPE_MASK;
    kind == b & TYPE_MASK && (kind != REGULAR || (a & EXECUTABLE == 0) == (b & EXECUTABLE == 0))
}
