//! What the forge says about the commit's trees, compared with what came.

use std::collections::{BTreeMap, BTreeSet};

use forgeport_model::{Limit, Limits};

use crate::error::{Reason, Rejected, UnpackError};
use crate::limits::check;
use crate::staged::{Staged, State};
use crate::tree::{Found, Leaf, tree_id};
use forgeport_model::RepoPath;
use forgeport_model::{FileKind, ObjectId};

/// One entry of a listing that the forge gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From the repository's root.
    pub path: RepoPath,
    /// What it is.
    pub kind: FileKind,
    /// Its object.
    pub id: ObjectId,
}

/// The trees that the forge told, by their paths.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    trees: BTreeMap<RepoPath, ObjectId>,
    /// Bytes of all paths.
    names: u64,
    contradiction: Option<Contradiction>,
}

/// The forge told two trees for the same directory.
#[derive(Clone, Debug)]
pub(crate) struct Contradiction {
    pub path: RepoPath,
    pub one: ObjectId,
    pub other: ObjectId,
}

/// How what came compares to what the forge told.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// It is what the forge told, here and for all below.
    Right,
    /// It is not.
    Wrong {
        path: RepoPath,
        told: ObjectId,
        found: Option<ObjectId>,
    },
    Contradiction(Contradiction),
    /// The forge told nothing that could be compared.
    Unknown,
}

impl Claims {
    /// There are no more directories than entries, so a forge that tells of more is not listened to.
    fn add(&mut self, path: &RepoPath, id: ObjectId, limits: &Limits) -> Result<(), Rejected> {
        match self.trees.insert(path.clone(), id) {
            Some(old) if old != id => {
                self.contradiction = Some(Contradiction { path: path.clone(), one: old, other: id });
            }
            Some(_) => {}
            None => self.names += path.as_bytes().len() as u64,
        }
        check(limits, Limit::ArchiveEntries, self.trees.len() as u64)?;
        check(limits, Limit::ArchiveNames, self.names)
    }
}

impl State {
    /// Compare what is here with what the forge told about `wanted` and the directories that it lies in.
    pub(crate) fn verdict(&mut self, wanted: &RepoPath) -> Verdict {
        if let Some(contradiction) = &self.claims.contradiction {
            return Verdict::Contradiction(contradiction.clone());
        }
        // From the directory itself up to the root: a look at all that was told would cost as much as the forge likes.
        let mut covering = Some(wanted.clone());
        while let Some(path) = covering {
            if self.claims.trees.get(&path).is_some_and(|told| self.tree.id_as_root(&path) == Some(*told)) {
                return Verdict::Right;
            }
            covering = path.split_last().map(|(parent, _)| parent);
        }
        // An archive of the wanted directory alone says nothing about the trees above it.
        match self.claims.trees.get(wanted) {
            Some(told) => Verdict::Wrong { path: wanted.clone(), told: *told, found: self.tree.id(wanted) },
            None => Verdict::Unknown,
        }
    }
}

impl Staged {
    /// The forge says that the directory at `path` has this tree.
    ///
    /// # Errors
    /// When more directories were told than the limits have room for.
    pub fn expect_tree(&self, path: &RepoPath, id: ObjectId) -> Result<(), UnpackError> {
        Ok(self.state().claims.add(path, id, &self.settings().limits)?)
    }

    /// Is what has been written known to be what the commit has?
    ///
    /// # Errors
    /// When its time is up.
    pub fn verified(&self) -> Result<bool, UnpackError> {
        self.deadline().check()?;
        Ok(matches!(self.state().verdict(&self.settings().subdirectory), Verdict::Right))
    }

    /// Take the forge's whole listing of one directory; returns what of it is missing or different. What the listing does not have is
    /// removed, submodules are noted.
    ///
    /// # Errors
    /// When an entry does not lie directly in the directory, or something cannot be removed.
    pub fn compare(&self, path: &RepoPath, entries: Vec<Entry>) -> Result<Vec<Entry>, UnpackError> {
        self.deadline().check()?;
        let names = names(path, &entries)?;
        let format = self.settings().commit.format();
        let listed = entries.iter().map(|entry| (last_name(&entry.path), entry.kind, entry.id)).collect();
        self.expect_tree(path, tree_id(format, listed))?;
        // Not in the loop's head: the lock would be held while `remove` asks for it.
        let here = self.state().tree.names(path);
        for name in here {
            if !names.contains(&name[..]) {
                self.remove(&path.child(&name))?;
            }
        }
        let mut different = Vec::new();
        for entry in entries {
            self.deadline().check()?;
            if !self.agrees(&entry)? {
                different.push(entry);
            }
        }
        Ok(different)
    }

    /// Is it here as listed? What is of another kind is removed, to make room.
    fn agrees(&self, entry: &Entry) -> Result<bool, UnpackError> {
        let found = self.state().tree.get(&entry.path);
        if entry.kind == FileKind::Submodule {
            if matches!(found, Some(Found::Leaf(_)) | Some(Found::Directory { empty: false })) {
                self.remove(&entry.path)?;
            }
            // Git has an empty directory there. The parent is one: its listing is being compared.
            self.add_directory(&entry.path)?;
            let _ = self.state().tree.replace(&entry.path, Leaf::known(FileKind::Submodule, entry.id));
            return Ok(true);
        }
        let Some(found) = found else { return Ok(false) };
        if (found.kind() == FileKind::Tree) != (entry.kind == FileKind::Tree) {
            self.remove(&entry.path)?;
            return Ok(false);
        }
        let same = found.kind() == entry.kind && self.state().tree.id(&entry.path) == Some(entry.id);
        Ok(same)
    }
}

/// The names of a listing, each of which has to lie directly in `path`, and once.
fn names<'a>(path: &RepoPath, entries: &'a [Entry]) -> Result<BTreeSet<&'a [u8]>, Rejected> {
    let mut names = BTreeSet::new();
    for entry in entries {
        let Some((_, name)) = entry.path.split_last().filter(|(parent, _)| parent == path) else {
            return Err(Rejected::new(entry.path.as_bytes(), Reason::Listing(path.to_string())));
        };
        let start = entry.path.as_bytes().len() - name.len();
        if !names.insert(&entry.path.as_bytes()[start..]) {
            return Err(Rejected::new(entry.path.as_bytes(), Reason::Twice(entry.kind)));
        }
    }
    Ok(names)
}

fn last_name(path: &RepoPath) -> &[u8] {
    path.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}
