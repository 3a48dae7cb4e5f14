//! The receipt of a download: where the files are, how they got there, and whether they were verified.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::target::Arrival;
use crate::tree::Found;
use forgeport_model::RepoPath;
use forgeport_model::{FileKind, ObjectId};

/// The result of a download.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    /// The target directory.
    pub directory: PathBuf,
    /// How it came there.
    pub arrival: Arrival,
    /// Files, executable ones included.
    pub files: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The id of the tree that lies there; none for one without any file.
    pub tree: Option<ObjectId>,
    /// Whether it is known to be the commit's.
    pub verification: Verification,
    /// Directories that stand for other repositories, and are empty.
    pub submodules: Vec<RepoPath>,
    /// Files that are pointers to content that lies elsewhere (git-lfs).
    pub lfs_pointers: Vec<RepoPath>,
}

/// Whether what lies on the disk is known to be the commit's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum Verification {
    /// The tree's id is the one that the forge reported.
    Verified,
    /// The forge reported no tree to compare with; the reason, for a person.
    NotVerified(String),
}

impl Receipt {
    pub(crate) fn of(
        ledger: &mut Ledger,
        directory: PathBuf,
        arrival: Arrival,
        wanted: &RepoPath,
        verification: Verification,
    ) -> Self {
        let mut receipt = Self {
            directory,
            arrival,
            files: 0,
            links: 0,
            bytes: 0,
            tree: ledger.tree.id(wanted),
            verification,
            submodules: Vec::new(),
            lfs_pointers: Vec::new(),
        };
        ledger.tree.visit(wanted, &mut |path, found| match found {
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
            Found::Directory { empty: true } if ledger.submodules.contains(path) => {
                receipt.submodules.push(path.clone());
            }
            Found::Directory { .. } => {}
        });
        receipt
    }
}
