//! What is known of a checkout.

use std::path::{Path, PathBuf};

use forgeport_grants::RemoteUrl;
use serde::{Serialize, Serializer};

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Whether files that are neither tracked nor ignored count as changes.
    pub untracked: bool,
}

/// What is known of a checkout, from the disk alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocalContext {
    /// The root of the work tree, without symbolic links; of a bare repository, its directory.
    #[serde(serialize_with = "lossy")]
    pub root: PathBuf,
    /// Where the path that was asked about is below the root, separated by `/`; empty for the root.
    pub subdirectory: String,
    /// The full id of the commit that is checked out; nothing before the first one.
    pub commit: Option<String>,
    /// What `HEAD` names.
    pub head: Head,
    /// The upstream that is configured for the branch.
    pub upstream: Option<Upstream>,
    /// The repository has no work tree.
    pub bare: bool,
    /// The history was cut off when it was cloned or fetched.
    pub shallow: bool,
    /// What differs from the commit; nothing for a bare repository, which has no files.
    pub changes: Option<Changes>,
    /// The remotes, in the order of their names.
    pub remotes: Vec<Remote>,
}

/// What `HEAD` names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Head {
    /// A branch, which before the first commit does not exist yet.
    Branch {
        /// Without `refs/heads/`.
        name: String,
    },
    /// A commit, and no branch.
    Detached,
}

/// A branch's upstream, as it was when last fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// Such as `origin/main`.
    pub name: String,
    /// Nothing where the upstream's commits are not here, or there is no commit yet.
    pub distance: Option<Distance>,
}

/// How far a commit is from its upstream, counted in commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Distance {
    /// Those that the upstream lacks.
    pub ahead: usize,
    /// Those that only the upstream has.
    pub behind: usize,
}

/// How many paths differ from the commit. A path that was staged and then changed again counts twice, a renamed one as one that went
/// and one that came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Tracked files whose content, executable bit or type is not what was staged, or that are gone.
    pub modified: usize,
    /// Paths where the index differs from the commit.
    pub staged: usize,
    /// Files that are neither tracked nor ignored; a directory with no tracked file in it counts once.
    pub untracked: usize,
    /// Paths that wait for a merge to be settled.
    pub conflicted: usize,
    /// Submodules with another commit checked out than staged, or with changed tracked files (not: untracked ones) in them. Git's
    /// setting to overlook some (`submodule.<name>.ignore`) is not heeded: the code is not that of the commit.
    pub submodules: usize,
}

/// A remote of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remote {
    /// Such as `origin`.
    pub name: String,
    /// The URL that git fetches from: the first one, with `insteadOf` applied.
    pub address: Address,
    /// Whether the remote has the commit.
    pub pushed: Pushed,
}

/// Where a remote is. Neither form holds user names or passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Address {
    /// A URL that may be one of a forge.
    #[serde(serialize_with = "as_text")]
    Forge(RemoteUrl),
    /// None that could be.
    Other {
        /// For a person.
        why: String,
    },
}

/// Whether a remote has the commit, judged by what was last fetched from it or pushed to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Pushed {
    /// It has: these refs, such as `origin/main`, are the commit or come after it.
    Pushed {
        /// In alphabetical order, never empty.
        refs: Vec<String>,
    },
    /// None of its refs that are known here has it.
    NotPushed,
    /// Nothing is known here of the remote's refs, or too little of the history.
    Unknown {
        /// For a person.
        why: String,
    },
}

impl Changes {
    /// Whether anything differs from the commit.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

impl LocalContext {
    /// Whether anything differs from the commit; a bare repository has nothing that could.
    pub fn is_dirty(&self) -> bool {
        self.changes.is_some_and(|changes| changes.any())
    }
}

fn as_text<S: Serializer>(url: &RemoteUrl, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(url)
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
