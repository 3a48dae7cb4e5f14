//! What is known of a checkout.

use std::path::{Path, PathBuf};
use std::time::Duration;

use forgeport_model::RemoteUrl;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub struct InspectOptions {
    /// Whether files that are neither tracked nor ignored count as changes.
    pub untracked: bool,
    /// How long it may take. A checkout may be made so that it takes for ever.
    pub time: Duration,
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
    /// The upstream that is configured for the branch, as `git status` tells it.
    pub upstream: Option<Upstream>,
    /// The repository has no work tree.
    pub bare: bool,
    /// The history was cut off when it was cloned or fetched.
    pub shallow: bool,
    /// What differs from the commit; nothing for a bare repository, which has no files.
    pub changes: Option<WorktreeChanges>,
    /// The remotes, in the order of their names.
    pub remotes: Vec<Remote>,
    /// What cannot be told, and is no part of the rest.
    pub unknown: Vec<Unknown>,
}

/// A fact that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Which one.
    pub fact: Fact,
    /// For a person.
    pub why: String,
}

/// What a checkout may be asked for, and may not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The branch's upstream.
    Upstream,
    /// The remotes, and what they have.
    Remotes,
    /// Whether some of the tracked files changed.
    Modified,
    /// What is not tracked.
    Untracked,
    /// Whether some of the submodules changed.
    Submodules,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorktreeChanges {
    /// Tracked files whose content, executable bit or type is not what was staged, or that are gone.
    pub modified: usize,
    /// Paths where the index differs from the commit.
    pub staged: usize,
    /// Files that are neither tracked nor ignored; a directory with no tracked file in it counts once. Nothing where it cannot be told.
    pub untracked: Option<usize>,
    /// Paths that wait for a merge to be settled.
    pub conflicted: usize,
    /// Submodules with another commit checked out than staged, or with changed tracked files (not: untracked ones) in them. Git's
    /// setting to overlook some (`submodule.<name>.ignore`) is not heeded: the code is not that of the commit.
    pub submodules: usize,
    /// Tracked files, here and in submodules, and whole submodules, of which it cannot be told whether they changed; see
    /// [`LocalContext::unknown`].
    pub not_compared: usize,
}

/// Whether anything differs from the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorktreeState {
    /// Nothing does.
    Clean,
    /// Something does.
    Dirty,
    /// Nothing that could be compared does, and not everything could.
    Unknown,
}

/// A remote of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remote {
    /// Such as `origin`.
    pub name: String,
    /// The URL that git fetches from: the first one, with `insteadOf` applied.
    pub address: RemoteAddress,
    /// Whether the remote has the commit.
    pub pushed: Pushed,
}

/// Where a remote is. Neither form holds user names or passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RemoteAddress {
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

impl Default for WorktreeChanges {
    /// None, and all is known.
    fn default() -> Self {
        Self { modified: 0, staged: 0, untracked: Some(0), conflicted: 0, submodules: 0, not_compared: 0 }
    }
}

impl WorktreeChanges {
    /// Whether anything differs from the commit.
    pub fn state(&self) -> WorktreeState {
        let Self { modified, staged, untracked, conflicted, submodules, not_compared } = *self;
        if modified + staged + untracked.unwrap_or_default() + conflicted + submodules > 0 {
            WorktreeState::Dirty
        } else if not_compared > 0 || untracked.is_none() {
            WorktreeState::Unknown
        } else {
            WorktreeState::Clean
        }
    }
}

/// With the state: who adds up the numbers alone would take the unknown for clean.
impl Serialize for WorktreeChanges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { modified, staged, untracked, conflicted, submodules, not_compared } = self;
        let mut fields = serializer.serialize_struct("WorktreeChanges", 7)?;
        fields.serialize_field("state", &self.state())?;
        fields.serialize_field("modified", modified)?;
        fields.serialize_field("staged", staged)?;
        fields.serialize_field("untracked", untracked)?;
        fields.serialize_field("conflicted", conflicted)?;
        fields.serialize_field("submodules", submodules)?;
        fields.serialize_field("not_compared", not_compared)?;
        fields.end()
    }
}

impl LocalContext {
    /// Whether anything differs from the commit; a bare repository has nothing that could.
    pub fn state(&self) -> WorktreeState {
        self.changes.map_or(WorktreeState::Clean, |changes| changes.state())
    }
}

fn as_text<S: Serializer>(url: &RemoteUrl, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(url)
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
