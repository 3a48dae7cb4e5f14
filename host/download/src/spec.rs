//! The specification of a download.

use forgeport_model::{Limits, ObjectId, RepoPath};

/// The specification of a download.
#[derive(Clone, Debug)]
pub struct DownloadSpec {
    /// The commit, in full.
    pub commit: ObjectId,
    /// The wanted directory of the repository; its content lies directly in the target then.
    pub subdirectory: RepoPath,
    /// Remove what is in the target and not in the commit.
    pub force: bool,
    /// Its limits.
    pub limits: Limits,
}
