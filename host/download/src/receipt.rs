//! The end of a download: judged, linked, moved to its place, and told about.

use std::path::PathBuf;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use crate::claims::Verdict;
use crate::error::{FinishError, UnpackError};
use crate::links;
use crate::staged::{Staged, State};
use crate::target::Arrival;
use crate::tree::Found;
use forgeport_model::RepoPath;
use forgeport_model::{FileKind, ObjectId};

/// What a download has become.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    /// Where it lies.
    pub directory: PathBuf,
    /// How it came there.
    pub arrival: Arrival,
    /// Files, executable ones included.
    pub files: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The id of the tree that lies there; nothing for one without any file.
    pub tree: Option<ObjectId>,
    /// Is it known to be the commit's?
    pub verification: Verification,
    /// Directories that stand for other repositories, and are empty.
    pub submodules: Vec<RepoPath>,
    /// Files that are pointers to content that lies elsewhere (git-lfs).
    pub lfs_pointers: Vec<RepoPath>,
}

/// Is what lies on the disk known to be the commit's?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum Verification {
    /// The tree's id is the one that the forge told.
    Verified,
    /// The forge told nothing to compare with; for a person.
    NotVerified(String),
}

impl Staged {
    /// Judge what came and put it in its place.
    ///
    /// # Errors
    /// When it is not what the forge told, a link leads out of it, the subdirectory does not exist, or the disk fails. The target is as
    /// it was then, unless the error says that it is marked as unfinished.
    pub fn finish(self) -> Result<Receipt, FinishError> {
        self.finish_after(|_, _| {})
    }

    /// As [`finish`](Self::finish), with something to do with the whole content before anybody else sees it.
    ///
    /// # Errors
    /// As for [`finish`](Self::finish).
    pub fn finish_after(mut self, last: impl FnOnce(&mut Self, &Verification)) -> Result<Receipt, FinishError> {
        self.deadline().check().map_err(UnpackError::from)?;
        let verification = self.judge()?;
        last(&mut self, &verification);
        links::write(&self.state().links, self.target.staging(), self.deadline())?;
        // From here on it is the target's: nobody who gave up waiting is to find it filled, and nobody stops it half-way.
        self.deadline().pass().map_err(UnpackError::from)?;
        let Self { target, settings, state, .. } = self;
        let directory = target.path();
        let arrival = target.publish()?;
        let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(state.receipt(directory, arrival, &settings.subdirectory, verification))
    }

    fn judge(&self) -> Result<Verification, FinishError> {
        let wanted = &self.settings().subdirectory;
        let mut state = self.state();
        match state.tree.get(wanted) {
            Some(Found::Directory { .. }) => {}
            Some(Found::Leaf(_)) => return Err(FinishError::NoDirectory(wanted.to_string())),
            None => return Err(FinishError::Missing(wanted.to_string())),
        }
        match state.verdict(wanted) {
            Verdict::Right => Ok(Verification::Verified),
            Verdict::Unknown => Ok(Verification::NotVerified("the forge does not tell the commit's tree".to_owned())),
            Verdict::Wrong { path, told, found } => Err(FinishError::Mismatch { path, told, found }),
            Verdict::Contradiction(claims) => {
                Err(FinishError::Contradiction { path: claims.path, one: claims.one, other: claims.other })
            }
        }
    }
}

impl State {
    fn receipt(
        mut self,
        directory: PathBuf,
        arrival: Arrival,
        wanted: &RepoPath,
        verification: Verification,
    ) -> Receipt {
        let mut receipt = Receipt {
            directory,
            arrival,
            files: 0,
            links: 0,
            bytes: 0,
            tree: self.tree.id(wanted),
            verification,
            submodules: Vec::new(),
            lfs_pointers: Vec::new(),
        };
        self.tree.visit(wanted, &mut |path, found| match found {
            Found::Leaf(leaf) => {
                match leaf.kind {
                    FileKind::Symlink => receipt.links += 1,
                    FileKind::Submodule => receipt.submodules.push(path.clone()),
                    _ => receipt.files += 1,
                }
                receipt.bytes += leaf.size;
                if leaf.pointer {
                    receipt.lfs_pointers.push(path.clone());
                }
            }
            // Without a listing an empty directory is all that is seen of a submodule.
            Found::Directory { empty: true } if self.submodules.contains(path) => {
                receipt.submodules.push(path.clone());
            }
            Found::Directory { .. } => {}
        });
        receipt
    }
}
