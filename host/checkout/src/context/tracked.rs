//! The index, seen as directories.

use std::ops::Range;

use git2::{Index, IndexEntry};

use super::stat::Flags;

/// The entries of an index in the order of their paths' bytes, so that each directory's are side by side.
pub struct Tracked {
    entries: Vec<IndexEntry>,
}

/// A directory that holds tracked files.
#[derive(Debug, Clone)]
pub struct Directory {
    /// The entries below it.
    pub range: Range<usize>,
    /// The length of its path in bytes with the final `/`; 0 for the root.
    prefix: usize,
}

/// What a directory of the index holds under a name.
pub enum Child {
    Directory(Directory),
    /// The place of its entry.
    File(usize),
    /// A file with several stages.
    Conflicted,
}

/// The children of a directory, to be found by name.
pub struct Children<'a> {
    /// In the order of the names' bytes.
    names: Vec<(&'a [u8], Child)>,
}

impl Tracked {
    pub fn read(index: &Index) -> Self {
        let mut entries: Vec<IndexEntry> = index.iter().collect();
        // libgit2 sorts without regard to case where `core.ignoreCase` is on.
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Self { entries }
    }

    pub fn root(&self) -> Directory {
        Directory { range: 0..self.entries.len(), prefix: 0 }
    }

    pub fn entry(&self, place: usize) -> &IndexEntry {
        &self.entries[place]
    }

    pub fn entries(&self, range: Range<usize>) -> &[IndexEntry] {
        &self.entries[range]
    }

    /// An entry of that path.
    pub fn find(&self, path: &[u8]) -> Option<&IndexEntry> {
        let place = self.entries.binary_search_by(|entry| entry.path.as_slice().cmp(path)).ok()?;
        Some(&self.entries[place])
    }

    /// The path of a directory from the root, with its final `/`.
    pub fn path(&self, directory: &Directory) -> &[u8] {
        match self.entries.get(directory.range.start) {
            Some(first) => &first.path[..directory.prefix],
            None => &[],
        }
    }

    pub fn children(&self, directory: &Directory) -> Children<'_> {
        let mut names = Vec::new();
        let mut place = directory.range.start;
        while place < directory.range.end {
            let (name, child, end) = self.child(directory, place);
            names.push((name, child));
            place = end;
        }
        // While a merge is not settled, a file and a directory may have the same name: the directory wins, as it has to be walked.
        names.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.rank().cmp(&y.rank())));
        names.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Children { names }
    }

    /// The child whose first entry is at `place`, and the place after its last.
    fn child(&self, directory: &Directory, place: usize) -> (&[u8], Child, usize) {
        let entry = &self.entries[place];
        let rest = &entry.path[directory.prefix..];
        let Some(slash) = rest.iter().position(|byte| *byte == b'/') else {
            let child = if entry.is_conflicted() { Child::Conflicted } else { Child::File(place) };
            return (rest, child, place + 1);
        };
        let prefix = directory.prefix + slash + 1;
        let below = &self.entries[place..directory.range.end];
        let end = place + below.partition_point(|other| other.path.starts_with(&entry.path[..prefix]));
        let range = place..end;
        (&rest[..slash], Child::Directory(Directory { range, prefix }), end)
    }
}

impl Child {
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

    /// The place of a name among the children.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.names.binary_search_by(|(other, _)| (*other).cmp(name)).ok()
    }

    pub fn get(&self, place: usize) -> &Child {
        &self.names[place].1
    }
}
