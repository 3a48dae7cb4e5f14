//! The index as a tree: what is tracked, directory by directory.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use gix::bstr::{BStr, ByteSlice};
use gix::hash::Kind;
use gix::index::entry::Flags;
use gix::index::extension::Tree;
use gix::index::{Entry, State};
use gix::{ObjectId, Repository};

use crate::inspection::Inspection;
use crate::{ContextError, sparse};

/// The entries of an index in the order of their paths' bytes, so that each directory's are side by side.
pub struct Tracked {
    state: State,
}

/// A directory with tracked files.
#[derive(Debug, Clone)]
pub struct TrackedDirectory {
    /// The entries below it.
    pub range: Range<usize>,
    /// The length of its path in bytes with the final `/`; 0 for the root.
    prefix: usize,
}

/// A child of a directory of the index.
pub enum TrackedChild {
    Directory(TrackedDirectory),
    /// The position of its entry.
    File(usize),
    /// A file with a merge conflict, which has several entries.
    Conflicted,
}

/// The children of a directory, which are found by name.
pub struct Children<'a> {
    /// In the order of the names' bytes.
    names: Vec<(&'a [u8], TrackedChild)>,
}

/// What the index knows of a directory's tree: its id, unless a file in it changed since, and those of its directories.
#[derive(Clone, Copy)]
pub struct KnownTree<'a>(&'a Tree);

impl Tracked {
    /// Reads the index of a repository whose work tree is at `root`; no file is tracked where it has no index.
    pub fn read(repository: &Repository, root: &Path, inspection: &Inspection) -> Result<Self, ContextError> {
        let path = repository.git_dir().join("index");
        // Like git, this leaves out the file's checksum: with it, reading takes twice as long.
        let file = gix::index::File::at_or_default(&path, Kind::Sha1, true, gix::index::decode::Options::default())
            .map_err(ContextError::damaged("the index", root))?;
        let (mut state, _) = file.into_parts();
        sparse::expand(&mut state, repository, root, inspection)?;
        // Only git keeps the order, which the binary search needs.
        let in_order = |(a, b): (&Entry, &Entry)| a.path_in(state.path_backing()) <= b.path_in(state.path_backing());
        if !state.entries().iter().zip(state.entries().iter().skip(1)).all(in_order) {
            state.sort_entries();
        }
        Ok(Self { state })
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn root(&self) -> TrackedDirectory {
        TrackedDirectory { range: 0..self.state.entries().len(), prefix: 0 }
    }

    pub fn entry(&self, place: usize) -> &Entry {
        &self.state.entries()[place]
    }

    pub fn entries(&self, range: Range<usize>) -> &[Entry] {
        &self.state.entries()[range]
    }

    /// The path of an entry from the root, separated by `/`.
    pub fn path_of(&self, entry: &Entry) -> &BStr {
        entry.path(&self.state)
    }

    /// An entry of that path.
    pub fn find(&self, path: &[u8]) -> Option<&Entry> {
        let entries = self.state.entries();
        let place = entries.binary_search_by(|entry| self.path_of(entry).as_bytes().cmp(path)).ok()?;
        Some(&entries[place])
    }

    /// The path of a directory from the root, with its final `/`.
    pub fn path(&self, directory: &TrackedDirectory) -> &[u8] {
        match self.state.entries().get(directory.range.start) {
            Some(first) => &self.path_of(first)[..directory.prefix],
            None => &[],
        }
    }

    /// What the index knows of the root's tree.
    pub fn known_tree(&self) -> Option<KnownTree<'_>> {
        self.state.tree().map(KnownTree)
    }

    pub fn children(&self, directory: &TrackedDirectory) -> Children<'_> {
        let mut names = Vec::new();
        let mut place = directory.range.start;
        while place < directory.range.end {
            let (name, child, end) = self.child(directory, place);
            names.push((name, child));
            place = end;
        }
        // In a merge conflict, a file and a directory may have the same name: the directory is kept, as it has to be walked.
        names.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.rank().cmp(&y.rank())));
        names.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Children { names }
    }

    /// The child whose first entry is at `place`, and the position after its last.
    fn child(&self, directory: &TrackedDirectory, place: usize) -> (&[u8], TrackedChild, usize) {
        let entry = self.entry(place);
        let path = self.path_of(entry).as_bytes();
        let rest = &path[directory.prefix..];
        let Some(slash) = rest.iter().position(|byte| *byte == b'/') else {
            let child = if is_conflicted(entry) { TrackedChild::Conflicted } else { TrackedChild::File(place) };
            return (rest, child, place + 1);
        };
        let prefix = directory.prefix + slash + 1;
        let below = self.entries(place..directory.range.end);
        let end = place + below.partition_point(|other| self.path_of(other).starts_with(&path[..prefix]));
        let range = place..end;
        (&rest[..slash], TrackedChild::Directory(TrackedDirectory { range, prefix }), end)
    }
}

impl<'a> KnownTree<'a> {
    /// True if the tree of `directory` is surely the one with that id.
    pub fn is(self, id: ObjectId, directory: &TrackedDirectory) -> bool {
        self.0.id == id && self.0.num_entries.is_some_and(|entries| entries as usize == directory.range.len())
    }

    pub fn below(self) -> HashMap<&'a [u8], KnownTree<'a>> {
        self.0.children.iter().map(|tree| (&tree.name[..], KnownTree(tree))).collect()
    }
}

/// True for one side of a merge conflict.
pub fn is_conflicted(entry: &Entry) -> bool {
    entry.stage_raw() != 0
}

/// True for `git add --intent-to-add`: the path is known, but has no content yet.
pub fn is_intent_to_add(entry: &Entry) -> bool {
    entry.flags.contains(Flags::INTENT_TO_ADD)
}

impl TrackedChild {
    fn rank(&self) -> u8 {
        match self {
            Self::Directory(_) => 0,
            Self::File(_) => 1,
            Self::Conflicted => 2,
        }
    }
}

impl Children<'_> {
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The position of a name among the children.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.names.binary_search_by(|(other, _)| (*other).cmp(name)).ok()
    }

    pub fn get(&self, place: usize) -> &TrackedChild {
        &self.names[place].1
    }
}
