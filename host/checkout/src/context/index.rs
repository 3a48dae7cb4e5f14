//! Reads the file that git keeps its index in.
//!
//! Source: gitformat-index(5). libgit2 copies each entry twice and hashes the whole file against collisions, one thread for 48 ms with
//! 100,000 files, more than a third of what `git status` takes for everything. What is rare (version 4, a split or sparse index) is
//! left to it. Like git, this does not check the file's own checksum.

use std::borrow::Cow;
use std::collections::HashMap;

use git2::Oid;

const HEADER_LENGTH: usize = 12;
const ID_LENGTH: usize = 20;
/// From the times to the flags.
const FIXED_LENGTH: usize = 62;
/// Entries are padded with zeros, at least one, to a multiple of this.
const ALIGNMENT: usize = 8;

const ASSUME_UNCHANGED: u16 = 1 << 15;
const EXTENDED: u16 = 1 << 14;
const STAGE_MASK: u16 = 3 << 12;
/// In the second word.
const SKIP_WORKTREE: u16 = 1 << 14;
const INTENT_TO_ADD: u16 = 1 << 13;

const TYPE_MASK: u32 = 0o170_000;
const SUBMODULE: u32 = 0o160_000;

/// An entry of the index.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    pub changed: Time,
    pub modified: Time,
    /// The low 32 bits.
    pub inode: u32,
    pub mode: u32,
    /// In bytes, modulo 2^32.
    pub size: u32,
    pub id: Oid,
    pub flags: u16,
    /// The second word of the flags; 0 where there is none.
    pub extended: u16,
    /// From the root, separated by `/`.
    pub path: Cow<'a, [u8]>,
}

/// A time as the index keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    pub seconds: i32,
    /// Tools that keep whole seconds record 0.
    pub nanoseconds: u32,
}

/// The ids of the directories that did not change since their tree was written: by their paths, with a final `/`, empty for the root.
pub type Trees = HashMap<Vec<u8>, KnownTree>;

/// What the index knows of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownTree {
    pub id: Oid,
    /// How many entries it has, with those further below.
    pub entries: usize,
}

/// The entries, in the file's order, and the trees. Nothing if this is not the plain form, or broken.
pub fn parse(file: &[u8]) -> Option<(Vec<Entry<'_>>, Trees)> {
    let mut rest = file.get(..file.len().checked_sub(ID_LENGTH)?)?;
    let header = take(&mut rest, HEADER_LENGTH)?;
    if !header.starts_with(b"DIRC") || !matches!(number(&header[4..])?, 2 | 3) {
        return None;
    }
    let count = number(&header[8..])? as usize;
    // A count that is not true does not reserve what is not there.
    let mut entries = Vec::with_capacity(count.min(rest.len() / FIXED_LENGTH));
    for _ in 0..count {
        entries.push(entry(&mut rest)?);
    }
    let mut trees = Trees::new();
    while !rest.is_empty() {
        let head = take(&mut rest, 8)?;
        let body = take(&mut rest, number(&head[4..])? as usize)?;
        match &head[..4] {
            b"TREE" => trees = known_trees(body)?,
            // The others may be left out: they only make things faster.
            name if name[0].is_ascii_uppercase() => {}
            _ => return None,
        }
    }
    Some((entries, trees))
}

fn entry<'a>(rest: &mut &'a [u8]) -> Option<Entry<'a>> {
    let whole = *rest;
    let fixed = take(rest, FIXED_LENGTH)?;
    let flags = u16::from_be_bytes([fixed[60], fixed[61]]);
    let extended = match flags & EXTENDED {
        0 => 0,
        _ => u16::from_be_bytes(take(rest, 2)?.try_into().ok()?),
    };
    let path = take(rest, rest.iter().position(|byte| *byte == 0)?)?;
    let length = whole.len() - rest.len();
    take(rest, ALIGNMENT - length % ALIGNMENT)?;
    Some(Entry {
        changed: time(fixed)?,
        modified: time(&fixed[8..])?,
        inode: number(&fixed[20..])?,
        mode: number(&fixed[24..])?,
        size: number(&fixed[36..])?,
        id: Oid::from_bytes(&fixed[40..60]).ok()?,
        flags,
        extended,
        path: Cow::Borrowed(path),
    })
}

/// The extension lists the directories in depth-first order: `<name> NUL <entries> SP <subdirectories> LF <id>`, and no id where the
/// number of entries is negative, as something below has changed.
fn known_trees(mut body: &[u8]) -> Option<Trees> {
    let mut trees = Trees::new();
    // The directories that wait for more subdirectories: how many, and the length of the path.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut path = Vec::new();
    while !body.is_empty() {
        let name = until(&mut body, 0)?;
        let entries: i64 = decimal(until(&mut body, b' ')?)?;
        let below: usize = decimal(until(&mut body, b'\n')?)?;
        if let Some((missing, length)) = open.last_mut() {
            path.truncate(*length);
            path.extend_from_slice(name);
            path.push(b'/');
            *missing = missing.checked_sub(1)?;
        }
        if let Ok(entries) = usize::try_from(entries) {
            let id = Oid::from_bytes(take(&mut body, ID_LENGTH)?).ok()?;
            trees.insert(path.clone(), KnownTree { id, entries });
        }
        open.push((below, path.len()));
        while open.last().is_some_and(|(missing, _)| *missing == 0) {
            open.pop();
        }
    }
    open.is_empty().then_some(trees)
}

fn time(bytes: &[u8]) -> Option<Time> {
    Some(Time { seconds: number(bytes)?.cast_signed(), nanoseconds: number(&bytes[4..])? })
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?))
}

fn decimal<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    rest.split_off(..length)
}

fn until<'a>(rest: &mut &'a [u8], end: u8) -> Option<&'a [u8]> {
    let field = take(rest, rest.iter().position(|byte| *byte == end)?)?;
    take(rest, 1)?;
    Some(field)
}

impl Entry<'_> {
    /// As libgit2 has it.
    pub fn owned(entry: git2::IndexEntry) -> Self {
        let time = |time: git2::IndexTime| Time { seconds: time.seconds(), nanoseconds: time.nanoseconds() };
        Self {
            changed: time(entry.ctime),
            modified: time(entry.mtime),
            inode: entry.ino,
            mode: entry.mode,
            size: entry.file_size,
            id: entry.id,
            flags: entry.flags,
            extended: entry.flags_extended,
            path: Cow::Owned(entry.path),
        }
    }

    /// One side of a merge that has not been settled.
    pub fn is_conflicted(&self) -> bool {
        self.flags & STAGE_MASK != 0
    }

    /// `git add --intent-to-add`: known, but with no content yet.
    pub fn is_intent_to_add(&self) -> bool {
        self.extended & INTENT_TO_ADD != 0
    }

    /// The user or a sparse checkout told git not to look at the file.
    pub fn is_unwatched(&self) -> bool {
        self.flags & ASSUME_UNCHANGED != 0 || self.is_skipped()
    }

    /// Left out of the work tree by a sparse checkout.
    pub fn is_skipped(&self) -> bool {
        self.extended & SKIP_WORKTREE != 0
    }

    pub fn is_submodule(&self) -> bool {
        self.mode & TYPE_MASK == SUBMODULE
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Version 3: three files, one with extended flags, and a tree extension that knows `d/` but not the root.
    fn sample() -> Vec<u8> {
        let mut file = b"DIRC\0\0\0\x03\0\0\0\x03".to_vec();
        for (path, extended) in [("a", None), ("d/b", Some(INTENT_TO_ADD)), ("d/longer name", None)] {
            let begin = file.len();
            file.extend([7; FIXED_LENGTH - 2]);
            file.extend(if extended.is_some() { EXTENDED } else { 0 }.to_be_bytes());
            file.extend(extended.map(u16::to_be_bytes).iter().flatten());
            file.extend(path.bytes());
            file.extend(std::iter::repeat_n(0, ALIGNMENT - (file.len() - begin) % ALIGNMENT));
        }
        let trees = [b"\0-1 1\nd\x002 0\n".as_slice(), &[9; ID_LENGTH]].concat();
        file.extend(b"TREE");
        file.extend((trees.len() as u32).to_be_bytes());
        file.extend(trees);
        file.extend([0; ID_LENGTH]);
        file
    }

    #[test]
    fn entries_flags_and_known_trees_are_read() {
        let file = sample();
        let (entries, trees) = parse(&file).unwrap();
        let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_ref()).collect();
        assert_eq!(paths, [b"a".as_slice(), b"d/b", b"d/longer name"]);
        let intended: Vec<_> = entries.iter().map(Entry::is_intent_to_add).collect();
        assert_eq!(intended, [false, true, false]);
        let id = Oid::from_bytes(&[9; ID_LENGTH]).unwrap();
        assert_eq!(trees, Trees::from([(b"d/".to_vec(), KnownTree { id, entries: 2 })]));
    }

    #[test]
    fn what_is_cut_short_is_not_read() {
        let file = sample();
        for length in 0..file.len() - 1 {
            // A file that ends where an extension ends is whole: the checksum's place is taken from what is there.
            let end_of_entries = file.windows(4).position(|word| word == b"TREE").unwrap() + ID_LENGTH;
            assert_eq!(parse(&file[..length]).is_some(), length == end_of_entries, "{length}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_stands_in_the_file_makes_the_reader_fail(place in any::<proptest::sample::Index>(), with in any::<Vec<u8>>()) {
            let mut file = sample();
            let place = place.index(file.len());
            file.splice(place..(place + with.len()).min(file.len()), with);
            let _ = parse(&file);
        }
    }
}
