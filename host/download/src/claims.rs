//! The ids that the forge reports for the commit's trees, and their comparison with the received files.

use std::collections::BTreeMap;

use forgeport_model::{Limit, Limits, ObjectId, RepoPath};

use crate::error::Rejected;
use crate::limits::check;
use crate::tree::Tree;

/// The trees that the forge named, by their paths.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    trees: BTreeMap<RepoPath, ObjectId>,
    /// Bytes of all paths.
    names: u64,
    contradiction: Option<Contradiction>,
}

/// The forge named two trees for the same directory.
#[derive(Clone, Debug)]
pub(crate) struct Contradiction {
    pub path: RepoPath,
    pub one: ObjectId,
    pub other: ObjectId,
}

/// How what came compares to what the forge said.
#[derive(Clone, Debug)]
pub(crate) enum TreeCheck {
    /// It is what the forge said, here and for all below.
    Matches,
    Differs {
        path: RepoPath,
        told: ObjectId,
        found: Option<ObjectId>,
    },
    Contradiction(Contradiction),
    /// The forge said nothing to compare with.
    Unknown,
}

impl Claims {
    /// The forge says that the directory at `path` has this tree. There are no more directories than entries, so a forge that names more
    /// is refused.
    pub(crate) fn add(&mut self, path: &RepoPath, id: ObjectId, limits: &Limits) -> Result<(), Rejected> {
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

    /// Compares what came with what the forge said about `wanted` and the directories that it lies in.
    pub(crate) fn check(&self, tree: &mut Tree, wanted: &RepoPath) -> TreeCheck {
        if let Some(contradiction) = &self.contradiction {
            return TreeCheck::Contradiction(contradiction.clone());
        }
        // From the directory itself up to the root: to look at all claims would cost as much as the forge likes.
        let mut covering = Some(wanted.clone());
        while let Some(path) = covering {
            if self.trees.get(&path).is_some_and(|told| tree.id_as_root(&path) == Some(*told)) {
                return TreeCheck::Matches;
            }
            covering = path.split_last().map(|(parent, _)| parent);
        }
        // An archive of the wanted directory alone says nothing about the trees above it.
        match self.trees.get(wanted) {
            Some(told) => TreeCheck::Differs { path: wanted.clone(), told: *told, found: tree.id(wanted) },
            None => TreeCheck::Unknown,
        }
    }
}
