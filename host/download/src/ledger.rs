//! The state of a download, in memory: every path with its content's id, the ids that the forge reports, and the used part of the limits.
//!
//! The layer below [`staging`](crate::staging): no function here touches the disk.

use std::collections::BTreeSet;

use forgeport_model::{Limit, Limits, ObjectFormat, RepoPath};

use crate::claims::{Claims, TreeCheck};
use crate::error::{RejectReason, Rejected};
use crate::layout::Layout;
use crate::limits::check;
use crate::links::{self, Links};
use crate::mark;
use crate::tree::{Found, InTheWay, Leaf, Tree};

/// The state of a download.
pub(crate) struct Ledger {
    pub tree: Tree,
    /// Links, by their paths below the wanted directory.
    pub links: Links,
    pub claims: Claims,
    /// The paths that the root's `.gitmodules` names.
    pub submodules: BTreeSet<RepoPath>,
    /// The layout of the archive in the copy, if all that is here came from that one archive.
    pub copied: Option<Layout>,
    pub tries: Tries,
    entries: u64,
    names: u64,
    /// Bytes of files, those included that are being written.
    pub bytes: u64,
    /// Files that are being fetched one by one.
    pub writing: BTreeSet<RepoPath>,
}

/// Which archives a staged directory was filled from.
///
/// What a try brought that failed before the end is kept, so that the next one need not ask for it again: a forge that limits the rate of
/// requests would otherwise answer the same first ones in each try, and never come to the last. None of it is trusted: it is unpacked and
/// hashed like what comes from a forge, and judged with the rest.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    /// The names of those that came whole, in this try or an earlier one.
    pub archives: Vec<String>,
    /// All that is here is an earlier try's.
    pub earlier: bool,
    /// A part of an archive may be here.
    pub torn: bool,
}

impl Ledger {
    pub(crate) fn new(format: ObjectFormat) -> Self {
        Self {
            tree: Tree::new(format),
            links: Links::new(),
            claims: Claims::default(),
            submodules: BTreeSet::new(),
            copied: None,
            tries: Tries::default(),
            entries: 0,
            names: 0,
            bytes: 0,
            writing: BTreeSet::new(),
        }
    }

    /// Forgets all that was written; what the forge claimed is kept.
    pub(crate) fn clear(&mut self, format: ObjectFormat) {
        let tries = Tries { torn: self.tries.torn, ..Tries::default() };
        let claims = std::mem::take(&mut self.claims);
        *self = Self { claims, tries, ..Self::new(format) };
    }

    /// Adds a file, link or submodule where there is none; `target` is the length of a link's target.
    pub(crate) fn add(&mut self, path: &RepoPath, leaf: Leaf, target: usize, limits: &Limits) -> Result<(), Rejected> {
        self.count(path, target, limits)?;
        let made = self.tree.add(path, leaf).map_err(|way| in_the_way(path, way))?;
        self.count_entries(made, limits)
    }

    pub(crate) fn add_directory(&mut self, path: &RepoPath, limits: &Limits) -> Result<(), Rejected> {
        self.count(path, 0, limits)?;
        let made = self.tree.add_directory(path).map_err(|way| in_the_way(path, way))?;
        self.count_entries(made.saturating_sub(1), limits)
    }

    /// Removes what is at a path, with all that is in it; `false` if there is none.
    pub(crate) fn remove(&mut self, path: &RepoPath, wanted: &RepoPath) -> bool {
        if self.tree.get(path).is_none() {
            return false;
        }
        self.copied = None;
        self.tree.remove(path);
        if let Some(below) = path.below(wanted) {
            links::remove(&mut self.links, &below);
        } else if wanted.is_in(path) {
            self.links.clear();
        }
        true
    }

    /// Compares what is here with what the forge said.
    pub(crate) fn check(&mut self, wanted: &RepoPath) -> TreeCheck {
        self.claims.check(&mut self.tree, wanted)
    }

    /// True if there is something that a later try could go on with.
    pub(crate) fn is_of_use(&self) -> bool {
        !self.tree.is_empty() && !self.tries.torn
    }

    /// Begins to write one file. Files may be written at the same time, but not in each other's place: one's content could be taken for the
    /// other's.
    pub(crate) fn begin_file(&mut self, path: &RepoPath) -> Result<(), Rejected> {
        if self.writing.iter().any(|other| other.is_in(path) || path.is_in(other)) {
            return Err(Rejected::new(path.as_bytes(), RejectReason::Twice(forgeport_model::FileKind::Regular)));
        }
        // A directory is removed by a listing that does not have it, and not by the way.
        if let Some(Found::Directory { .. }) = self.tree.get(path) {
            return Err(Rejected::new(path.as_bytes(), RejectReason::Twice(forgeport_model::FileKind::Tree)));
        }
        self.writing.insert(path.clone());
        Ok(())
    }

    fn count(&mut self, path: &RepoPath, target: usize, limits: &Limits) -> Result<(), Rejected> {
        self.count_entries(1, limits)?;
        if path.components().any(mark::is_taken) {
            return Err(Rejected::new(path.as_bytes(), RejectReason::Mark));
        }
        self.names += (path.as_bytes().len() + target) as u64;
        let bytes = path.as_bytes();
        let depth = bytes.split(|byte| *byte == b'/').count();
        for (limit, used) in [(Limit::PathLength, bytes.len()), (Limit::PathDepth, depth)] {
            if used as u64 > limits.get(limit) {
                return Err(Rejected::new(bytes, limits.reached(limit)));
            }
        }
        check(limits, Limit::ArchiveNames, self.names)
    }

    /// Directories count too that have no entry of their own but come with the paths of others: each costs as much.
    fn count_entries(&mut self, made: u64, limits: &Limits) -> Result<(), Rejected> {
        self.entries += made;
        check(limits, Limit::ArchiveEntries, self.entries)
    }
}

fn in_the_way(path: &RepoPath, way: InTheWay) -> Rejected {
    let why = match way {
        InTheWay::Same(kind) => RejectReason::Twice(kind),
        InTheWay::Parent(parent, kind) => RejectReason::Parent { parent: parent.to_string(), kind },
    };
    Rejected::new(path.as_bytes(), why)
}
