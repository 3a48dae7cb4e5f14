//! Walks the tree of the commit, and puts the files where it says.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::malformed;
use super::objects::{Kind as Type, Object, Objects, place};
use crate::error::{Reason, Rejected, UnpackError};
use crate::limits::Budget;
use crate::object::{Kind, ObjectId};
use crate::paths::RepoPath;
use crate::staged::{Progress, Staged};
use crate::tree::Leaf;
use crate::writer::Written;

/// Bytes of a link's target that are read. A longer one than can be is refused by its length.
const TARGET: u64 = 8 << 10;

/// Puts the directory that is wanted in its place.
pub(super) fn walk(staged: &Staged, objects: &Objects, progress: &dyn Progress) -> Result<(), UnpackError> {
    let mut budget = Budget::new(&staged.settings().limits, staged.bytes_taken());
    budget.came(objects.budget.packed());
    let walk = Walk { staged, objects, progress, budget: budget.into(), moved: RefCell::default() };
    walk.wanted(commit_tree(objects, &staged.settings().commit)?)
}

/// The tree of a commit, from its first line.
fn commit_tree(objects: &Objects, id: &ObjectId) -> Result<ObjectId, UnpackError> {
    let missing = || malformed("the commit is not in it");
    let (number, _) = objects.find(id).filter(|(_, found)| found.kind == Type::Commit).ok_or_else(missing)?;
    let content = objects.held(number).ok_or_else(missing)?;
    let line = content.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(b"tree "));
    let tree = line.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok());
    Ok(tree.ok_or_else(|| malformed("the commit has no tree"))?)
}

struct Walk<'a> {
    staged: &'a Staged,
    objects: &'a Objects<'a>,
    progress: &'a dyn Progress,
    /// A small tree may name the same file very often.
    budget: RefCell<Budget>,
    /// Where the files are that are in their place already.
    moved: RefCell<HashMap<u32, PathBuf>>,
}

/// An entry of a tree object.
#[derive(Clone, Copy)]
struct Entry<'a> {
    mode: u32,
    name: &'a [u8],
    id: ObjectId,
}

impl Entry<'_> {
    /// Odd modes of old tools are files.
    fn kind(&self) -> Kind {
        match self.mode {
            0o040000 => Kind::Tree,
            0o160000 => Kind::Submodule,
            0o120000 => Kind::Symlink,
            0o100755 => Kind::Executable,
            _ => Kind::Regular,
        }
    }
}

impl Walk<'_> {
    /// The subdirectory that is wanted; where there is none, nothing is written, and the end says so.
    fn wanted(&self, root: ObjectId) -> Result<(), UnpackError> {
        let wanted = &self.staged.settings().subdirectory;
        let mut id = root;
        for name in wanted.components() {
            let tree = self.content(&id)?;
            let Some(entry) = self.find(&tree, name)? else { return Ok(()) };
            if entry.kind() != Kind::Tree {
                return self.staged.add_file(wanted, Kind::Regular).map(drop);
            }
            id = entry.id;
        }
        self.staged.expect_tree(wanted, id)?;
        self.tree(&id, wanted)
    }

    fn find<'t>(&self, tree: &'t [u8], name: &[u8]) -> Result<Option<Entry<'t>>, UnpackError> {
        for entry in entries(tree, self.objects.format().length()) {
            let entry = entry?;
            if entry.name == name {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn content(&self, tree: &ObjectId) -> Result<Rc<Vec<u8>>, UnpackError> {
        let found = self.objects.find(tree).filter(|(_, found)| found.kind == Type::Tree);
        let content = found.and_then(|(number, _)| self.objects.held(number));
        Ok(content.ok_or_else(|| malformed("a tree of the commit is not in it"))?)
    }

    /// The recursion is bounded by the depth that paths may have.
    fn tree(&self, id: &ObjectId, path: &RepoPath) -> Result<(), UnpackError> {
        let content = self.content(id)?;
        for entry in entries(&content, self.objects.format().length()) {
            let entry = entry?;
            let rejected = |why: Reason| Rejected::new(entry.name, why);
            self.staged.deadline().check()?;
            if entry.name.contains(&b'/') {
                return Err(rejected(Reason::Malformed("a name in a tree has a slash")).into());
            }
            if entry.name.is_empty() {
                return Err(rejected(Reason::Malformed("a name in a tree is empty")).into());
            }
            let name = RepoPath::parse(entry.name);
            let below = name.and_then(|name| path.join(&name)).map_err(|error| rejected(error.into()))?;
            match entry.kind() {
                Kind::Tree => {
                    self.staged.add_directory(&below)?;
                    self.tree(&entry.id, &below)?;
                }
                Kind::Submodule => {
                    self.staged.add_directory(&below)?;
                    let leaf = Leaf::known(Kind::Submodule, entry.id);
                    let replaced = self.staged.state().tree.replace(&below, leaf);
                    replaced.map_err(|_| rejected(Reason::Twice(Kind::Submodule)))?;
                }
                Kind::Symlink => self.link(&below, &entry.id)?,
                kind => self.file(&below, kind, &entry.id)?,
            }
        }
        Ok(())
    }

    fn blob(&self, path: &RepoPath, id: &ObjectId) -> Result<(u32, &Object), UnpackError> {
        let found = self.objects.find(id).filter(|(_, found)| found.kind == Type::Blob);
        let missing = || Rejected::new(path.as_bytes(), Reason::Malformed("its content is not in it"));
        Ok(found.ok_or_else(missing)?)
    }

    fn link(&self, path: &RepoPath, id: &ObjectId) -> Result<(), UnpackError> {
        let (number, _) = self.blob(path, id)?;
        let mut target = Vec::new();
        self.read(number)?.take(TARGET).read_to_end(&mut target)?;
        self.staged.add_symlink(path, target)
    }

    fn file(&self, path: &RepoPath, kind: Kind, id: &ObjectId) -> Result<(), UnpackError> {
        let (number, object) = self.blob(path, id)?;
        let place = self.staged.add_file(path, kind)?;
        self.budget.borrow_mut().pass(object.size)?;
        if let Some(place) = place {
            self.put(number, &place, kind == Kind::Executable)?;
        }
        self.staged.complete(&Written { name: path.clone(), id: *id, pointer: object.pointer, bytes: object.size });
        self.progress.advance(object.size, 1);
        Ok(())
    }

    /// The file is moved the first time, and copied where it is wanted again or with another mode.
    fn put(&self, number: u32, to: &Path, executable: bool) -> Result<(), UnpackError> {
        let staging = self.staged.target.staging();
        if !executable && !self.moved.borrow().contains_key(&number) {
            self.objects.sink.directory.move_to(&place(number), staging, to)?;
            self.moved.borrow_mut().insert(number, to.to_path_buf());
            return Ok(());
        }
        let mut source = self.staged.deadline().reading(self.read(number)?);
        let mut file = staging.create(to, executable)?;
        let copied = io::copy(&mut source, &mut file);
        copied.map(drop).map_err(|error| UnpackError::at(error, "write", &staging.path().join(to)))
    }

    fn read(&self, number: u32) -> Result<std::fs::File, UnpackError> {
        match self.moved.borrow().get(&number) {
            Some(moved) => Ok(self.staged.target.staging().read(moved)?),
            None => Ok(self.objects.sink.directory.read(&place(number))?),
        }
    }
}

/// The entries of a tree object: `mode SP name NUL id`, the mode in octal.
fn entries(tree: &[u8], id: usize) -> impl Iterator<Item = Result<Entry<'_>, Rejected>> {
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

fn split<'t>(rest: &mut &'t [u8], id: usize) -> Option<Entry<'t>> {
    let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
    let mode = u32::from_str_radix(std::str::from_utf8(&rest[..space]).ok()?, 8).ok()?;
    let nul = space + rest[space..].iter().position(|byte| *byte == 0)?;
    let raw = rest.get(nul + 1..nul + 1 + id)?;
    let entry = Entry { mode, name: &rest[space + 1..nul], id: ObjectId::from_bytes(raw)? };
    *rest = &rest[nul + 1 + id..];
    Some(entry)
}
