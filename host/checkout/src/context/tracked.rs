//! The index, seen as directories.

use std::ops::Range;

use git2::{Oid, Repository};

use super::index::{self, Entry, Trees};

/// The entries of an index in the order of their paths' bytes, so that each directory's are side by side.
pub struct Tracked<'a> {
    entries: Vec<Entry<'a>>,
    trees: Trees,
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

impl<'a> Tracked<'a> {
    /// `file` is the content of the repository's index, nothing if there is none.
    pub fn read(repository: &Repository, file: Option<&'a [u8]>) -> Result<Self, git2::Error> {
        let Some(file) = file else {
            return Ok(Self { entries: Vec::new(), trees: Trees::new() });
        };
        let (mut entries, trees) = match index::parse(file) {
            Some(parsed) => parsed,
            None => (repository.index()?.iter().map(Entry::owned).collect(), Trees::new()),
        };
        // libgit2 sorts without regard to case where `core.ignoreCase` is on.
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { entries, trees })
    }

    pub fn root(&self) -> Directory {
        Directory { range: 0..self.entries.len(), prefix: 0 }
    }

    pub fn entry(&self, place: usize) -> &Entry<'a> {
        &self.entries[place]
    }

    pub fn entries(&self, range: Range<usize>) -> &[Entry<'a>] {
        &self.entries[range]
    }

    /// An entry of that path.
    pub fn find(&self, path: &[u8]) -> Option<&Entry<'a>> {
        let place = self.entries.binary_search_by(|entry| entry.path.as_ref().cmp(path)).ok()?;
        Some(&self.entries[place])
    }

    /// The path of a directory from the root, with its final `/`.
    pub fn path(&self, directory: &Directory) -> &[u8] {
        match self.entries.get(directory.range.start) {
            Some(first) => &first.path[..directory.prefix],
            None => &[],
        }
    }

    /// The id of the tree that a directory would be committed as, where the index knows it.
    pub fn tree_id(&self, directory: &Directory) -> Option<Oid> {
        let known = self.trees.get(self.path(directory))?;
        (known.entries == directory.range.len()).then_some(known.id)
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
