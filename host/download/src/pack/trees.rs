//! The commit and its trees among the objects of a pack: the entries of each directory, with names checked for writing.

use std::rc::Rc;

use super::malformed;
use super::objects::{ObjectType, Objects};
use crate::error::{RejectReason, Rejected, UnpackError};
use crate::listing::ListedEntry;
use forgeport_model::RepoPath;
use forgeport_model::{FileKind, ObjectId};

/// The entry of the commit at a path.
pub(super) enum At {
    Nothing,
    /// A directory, and its tree.
    Tree(ObjectId),
    Other,
}

/// An entry of a tree object.
#[derive(Clone, Copy)]
struct TreeEntry<'a> {
    mode: u32,
    name: &'a [u8],
    id: ObjectId,
}

impl TreeEntry<'_> {
    /// Odd modes of old tools are files.
    fn kind(&self) -> FileKind {
        match self.mode {
            0o040000 => FileKind::Tree,
            0o160000 => FileKind::Submodule,
            0o120000 => FileKind::Symlink,
            0o100755 => FileKind::Executable,
            _ => FileKind::Regular,
        }
    }
}

/// The entry of a commit at a path.
pub(super) fn at(objects: &Objects, commit: &ObjectId, path: &RepoPath) -> Result<At, UnpackError> {
    let mut id = commit_tree(objects, commit)?;
    for name in path.components() {
        let tree = content(objects, &id)?;
        match find(&tree, objects.format().length(), name)? {
            None => return Ok(At::Nothing),
            Some(entry) if entry.kind() == FileKind::Tree => id = entry.id,
            Some(entry) if entry.kind() == FileKind::Submodule => {
                return Err(Rejected::new(path.as_bytes(), RejectReason::Submodule).into());
            }
            Some(_) => return Ok(At::Other),
        }
    }
    Ok(At::Tree(id))
}

/// The entries of a tree that is the directory at `path`.
pub(super) fn entries(objects: &Objects, tree: &ObjectId, path: &RepoPath) -> Result<Vec<ListedEntry>, UnpackError> {
    let content = content(objects, tree)?;
    let named = |entry: Result<TreeEntry<'_>, Rejected>| {
        let entry = entry?;
        let (name, kind, id) = (entry.name, entry.kind(), entry.id);
        let rejected = |why: RejectReason| Rejected::new(name, why);
        if name.contains(&b'/') {
            return Err(rejected(RejectReason::Malformed("a name in a tree has a slash")));
        }
        if name.is_empty() {
            return Err(rejected(RejectReason::Malformed("a name in a tree is empty")));
        }
        let below = RepoPath::parse(name).and_then(|name| path.join(&name));
        Ok(ListedEntry { path: below.map_err(|error| rejected(error.into()))?, kind, id })
    };
    Ok(raw(&content, objects.format().length()).map(named).collect::<Result<_, _>>()?)
}

/// The tree of a commit, from its first line.
fn commit_tree(objects: &Objects, id: &ObjectId) -> Result<ObjectId, UnpackError> {
    let missing = || malformed("the commit is not in it");
    let (number, _) = objects.find(id).filter(|(_, found)| found.kind == ObjectType::Commit).ok_or_else(missing)?;
    let content = objects.held(number).ok_or_else(missing)?;
    let line = content.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(b"tree "));
    let tree = line.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok());
    Ok(tree.ok_or_else(|| malformed("the commit has no tree"))?)
}

fn content(objects: &Objects, tree: &ObjectId) -> Result<Rc<Vec<u8>>, UnpackError> {
    let found = objects.find(tree).filter(|(_, found)| found.kind == ObjectType::Tree);
    let content = found.and_then(|(number, _)| objects.held(number));
    Ok(content.ok_or_else(|| malformed("a tree of the commit is not in it"))?)
}

fn find<'t>(tree: &'t [u8], id: usize, name: &[u8]) -> Result<Option<TreeEntry<'t>>, Rejected> {
    raw(tree, id).find(|entry| entry.as_ref().map_or(true, |entry| entry.name == name)).transpose()
}

/// The entries of a tree object: `mode SP name NUL id`, the mode in octal.
fn raw(tree: &[u8], id: usize) -> impl Iterator<Item = Result<TreeEntry<'_>, Rejected>> {
    let mut rest = tree;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = split(&mut rest, id);
        if entry.is_none() {
            rest = &[];
        }
        Some(entry.ok_or_else(|| malformed("a tree is no list of names")))
    })
}

fn split<'t>(rest: &mut &'t [u8], id: usize) -> Option<TreeEntry<'t>> {
    let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
    let mode = u32::from_str_radix(std::str::from_utf8(&rest[..space]).ok()?, 8).ok()?;
    let nul = space + rest[space..].iter().position(|byte| *byte == 0)?;
    let raw = rest.get(nul + 1..nul + 1 + id)?;
    let entry = TreeEntry { mode, name: &rest[space + 1..nul], id: ObjectId::from_bytes(raw)? };
    *rest = &rest[nul + 1 + id..];
    Some(entry)
}
