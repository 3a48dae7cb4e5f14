//! Completed downloads.

use super::RegisteredProvider;
use forgeport_model::{ObjectId, RepoPath};
use serde::Serialize;
use std::path::PathBuf;

/// A download that was completed.
#[derive(Clone, Debug, Serialize)]
pub struct Downloaded {
    /// The code repository's name.
    pub repository: String,
    /// The full id of the commit.
    pub commit: String,
    /// The web page of the commit.
    pub url: Option<String>,
    /// The directory of the repository, if it was not all of it.
    pub subdirectory: Option<String>,
    /// The provider that reported which tree the commit has.
    pub provider: RegisteredProvider,
    /// True if it came from the cache, without an archive request.
    pub cached: bool,
    /// The content of the target.
    #[serde(flatten)]
    pub receipt: Receipt,
}

/// The content of a download's target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The target.
    pub directory: PathBuf,
    /// How the files came there.
    pub arrival: Arrival,
    /// Files, executable ones included.
    pub files: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The id of the tree that is there; none for one without any file.
    pub tree: Option<ObjectId>,
    /// Whether it is known to be the commit's tree.
    pub verification: Verification,
    /// Directories that stand for other repositories, and are empty.
    pub submodules: Vec<RepoPath>,
    /// Files that are pointers to content elsewhere (Git LFS).
    pub lfs_pointers: Vec<RepoPath>,
}

/// How the files came into the target, which decides what others could see of it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "guarantee")]
pub enum Arrival {
    /// The directory did not exist, and appeared as a whole.
    OneStep,
    /// The directory existed and was filled, marked as unfinished until everything was in it.
    Marked {
        /// True if its previous content was kept until then, so that it could be put back.
        kept_until_complete: bool,
        /// The previous content that stays, by paths below the directory: `lost+found`, and mount points.
        stays: Vec<String>,
        /// The place of its previous content, if it could not be removed.
        left: Option<PathBuf>,
    },
}

/// Whether the files are known to be those of the commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum Verification {
    /// The id of their tree is the one that the forge reported.
    Verified,
    /// The forge reported no tree to compare with; the reason, for a person.
    NotVerified(String),
}

impl From<forgeport_download::Receipt> for Receipt {
    fn from(receipt: forgeport_download::Receipt) -> Receipt {
        Receipt {
            directory: receipt.directory,
            arrival: receipt.arrival.into(),
            files: receipt.files,
            links: receipt.links,
            bytes: receipt.bytes,
            tree: receipt.tree,
            verification: receipt.verification.into(),
            submodules: receipt.submodules,
            lfs_pointers: receipt.lfs_pointers,
        }
    }
}

impl From<forgeport_download::Arrival> for Arrival {
    fn from(arrival: forgeport_download::Arrival) -> Arrival {
        match arrival {
            forgeport_download::Arrival::OneStep => Arrival::OneStep,
            forgeport_download::Arrival::Marked { kept_until_complete, stays, left } => {
                Arrival::Marked { kept_until_complete, stays, left }
            }
        }
    }
}

impl From<forgeport_download::Verification> for Verification {
    fn from(verification: forgeport_download::Verification) -> Verification {
        match verification {
            forgeport_download::Verification::Verified => Verification::Verified,
            forgeport_download::Verification::NotVerified(why) => Verification::NotVerified(why),
        }
    }
}
