//! The staging directory with its ledger: functions that add, remove, count and hash entries. It uses none of the layers above it.
//!
//! | layer, from below | what it does |
//! | --- | --- |
//! | `ledger` | the state of each path, in memory |
//! | `staging` (here) | the same in a directory on the disk |
//! | `unpack`, `pack`, `single`, `listing` | fill it from an archive, from git's protocol, file by file; compare it with a listing |
//! | `download` | one download, from its target to its receipt |

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use forgeport_model::{FileKind, ObjectFormat, ObjectId, RepoPath};

use crate::deadline::Deadline;
use crate::directory::Directory;
use crate::error::{RejectReason, Rejected, TargetError, UnpackError};
use crate::ledger::Ledger;
use crate::links;
use crate::spec::DownloadSpec;
use crate::target::{Scratch, Target};
use crate::tree::Leaf;
use crate::unfinished::Unfinished;
use crate::writer::{Sink, Written};

/// A directory that is being filled. Dropped before it is published, it leaves nothing behind.
pub(crate) struct Staging {
    target: Target,
    spec: DownloadSpec,
    deadline: Deadline,
    ledger: Mutex<Ledger>,
}

impl Staging {
    pub(crate) fn new(target: &Path, spec: DownloadSpec) -> Result<Self, TargetError> {
        let of = Unfinished::new(spec.commit, &spec.subdirectory);
        let target = Target::prepare(target, of, spec.force)?;
        let ledger = Mutex::new(Ledger::new(spec.commit.format()));
        Ok(Self { target, spec, deadline: Deadline::never(), ledger })
    }

    pub(crate) fn until(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }

    pub(crate) fn spec(&self) -> &DownloadSpec {
        &self.spec
    }

    pub(crate) fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// The hash that the commit's objects are named by.
    pub(crate) fn format(&self) -> ObjectFormat {
        self.spec.commit.format()
    }

    /// Locked until what is returned is dropped: in an expression, that is at its very end.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Nothing panics while it holds the lock half-way through a change that matters.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of files that are here, or are being written.
    pub(crate) fn bytes(&self) -> u64 {
        self.ledger().bytes
    }

    /// True if there is something that a later try could go on with.
    pub(crate) fn is_of_use(&self) -> bool {
        self.ledger().is_of_use()
    }

    /// The names of the archives that came whole.
    pub(crate) fn archives(&self) -> Vec<String> {
        self.ledger().tries.archives.clone()
    }

    /// The directory that is filled.
    pub(crate) fn directory(&self) -> &Directory {
        self.target.staging()
    }

    /// Another directory, for what only one step needs. There is one at a time.
    pub(crate) fn scratch(&self) -> Result<Scratch<'_>, UnpackError> {
        self.target.scratch()
    }

    /// The directory, id format and deadline for the threads that write.
    pub(crate) fn sink(&self) -> Sink<'_> {
        Sink { directory: self.directory(), format: self.format(), deadline: &self.deadline }
    }

    /// Removes all that was written, on the disk and in the ledger; what the forge claimed is kept.
    pub(crate) fn clear(&self) -> Result<(), UnpackError> {
        let mut ledger = self.ledger();
        self.directory().clear(&self.deadline)?;
        ledger.clear(self.format());
        Ok(())
    }

    /// Removes a file, a link or a directory with all that is in it, if it is there.
    pub(crate) fn remove(&self, path: &RepoPath) -> Result<(), UnpackError> {
        self.deadline.check()?;
        let mut ledger = self.ledger();
        if !ledger.remove(path, &self.spec.subdirectory) {
            return Ok(());
        }
        // The lock is held until it is removed from the disk too.
        match self.place(path) {
            // Links are written last, and directories with the first file in them: it may not be there yet.
            Some(place) => self.directory().remove(&place, &self.deadline),
            None => Ok(()),
        }
    }

    pub(crate) fn add_directory(&self, path: &RepoPath) -> Result<(), UnpackError> {
        self.ledger().add_directory(path, &self.spec.limits)?;
        match self.place(path) {
            Some(place) => Ok(self.directory().make_all(&place)?),
            None => Ok(()),
        }
    }

    /// Adds a directory that stands for another repository. An empty one that is there gives way to it.
    pub(crate) fn add_submodule(&self, path: &RepoPath, commit: ObjectId) -> Result<(), UnpackError> {
        self.add_directory(path)?;
        let replaced = self.ledger().tree.replace(path, Leaf::known(FileKind::Submodule, commit));
        let twice = |_| Rejected::new(path.as_bytes(), RejectReason::Twice(FileKind::Submodule));
        Ok(replaced.map_err(twice)?)
    }

    pub(crate) fn add_symlink(&self, path: &RepoPath, target: Vec<u8>) -> Result<(), UnpackError> {
        links::check_target(&target).map_err(|reason| Rejected::new(path.as_bytes(), reason))?;
        let id = ObjectId::of_blob(self.format(), &target);
        let id = id.map_err(|collision| Rejected::new(path.as_bytes(), collision))?;
        let mut ledger = self.ledger();
        ledger.add(path, Leaf::known(FileKind::Symlink, id), target.len(), &self.spec.limits)?;
        if let Some(below) = path.below(&self.spec.subdirectory) {
            ledger.links.insert(below, target);
        }
        Ok(())
    }

    /// Adds a file whose content is to come; returns where to write it, or none if it is not wanted.
    pub(crate) fn add_file(&self, path: &RepoPath, kind: FileKind) -> Result<Option<PathBuf>, UnpackError> {
        self.ledger().add(path, Leaf::pending(kind), 0, &self.spec.limits)?;
        Ok(self.place(path))
    }

    /// All of a file's content has passed.
    pub(crate) fn complete(&self, written: &Written<RepoPath>) {
        let mut ledger = self.ledger();
        ledger.bytes += written.bytes;
        ledger.tree.complete(&written.name, written.id, written.pointer, written.bytes);
    }

    /// Reads from a small file's content what it says about others.
    pub(crate) fn notice(&self, path: &RepoPath, content: &[u8]) {
        if path.as_bytes() == b".gitmodules" {
            self.ledger().submodules = submodules(content);
        }
    }

    /// The forge says that the directory at `path` has this tree.
    pub(crate) fn expect_tree(&self, path: &RepoPath, id: ObjectId) -> Result<(), Rejected> {
        self.ledger().claims.add(path, id, &self.spec.limits)
    }

    /// Writes the links that were added, or none if one of them leads out of the directory.
    pub(crate) fn write_links(&self) -> Result<(), UnpackError> {
        links::write(&self.ledger().links, self.directory(), &self.deadline)
    }

    /// The target that it was made for, with the directory, and what is in it.
    pub(crate) fn into_parts(self) -> (Target, Ledger, DownloadSpec) {
        (self.target, self.ledger.into_inner().unwrap_or_else(PoisonError::into_inner), self.spec)
    }

    /// The place of a path in the staging directory; none if it is not wanted. The root itself exists already.
    fn place(&self, path: &RepoPath) -> Option<PathBuf> {
        let below = path.below(&self.spec.subdirectory).filter(|below| !below.is_root())?;
        Some(below.as_path().to_path_buf())
    }
}

/// The paths in a `.gitmodules` (gitmodules(5)). Only for a warning, so what is not understood is left out.
fn submodules(content: &[u8]) -> BTreeSet<RepoPath> {
    let paths = String::from_utf8_lossy(content);
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "path").then(|| value.trim().trim_matches('"').to_owned())
    };
    paths.lines().filter_map(value).filter_map(|path| RepoPath::parse(path).ok()).collect()
}
