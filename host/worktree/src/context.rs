//! The answer of an inspection: the local context of a checkout, and the options for it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use forgeport_model::RemoteUrl;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// The options of an inspection.
#[derive(Debug, Clone, Copy)]
pub struct InspectOptions {
    /// True if files that are neither tracked nor ignored count as changes.
    pub untracked: bool,
    /// The time limit. A checkout may be made so that reading it has no end.
    pub time: Duration,
}

/// The context of a checkout, from the disk alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocalContext {
    /// The root of the work tree, without symbolic links; of a bare repository, its directory.
    #[serde(serialize_with = "lossy")]
    pub root: PathBuf,
    /// The path that was given, relative to the root and separated by `/`; empty for the root.
    pub subdirectory: String,
    /// The full id of the commit that is checked out; none before the first commit.
    pub commit: Option<String>,
    /// The target of `HEAD`.
    pub head: Head,
    /// The upstream that is configured for the branch, as `git status` reports it.
    pub upstream: Option<Upstream>,
    /// True if the repository has no work tree.
    pub bare: bool,
    /// True if the history was cut off when it was cloned or fetched.
    pub shallow: bool,
    /// The differences from the commit; none for a bare repository, which has no files.
    pub changes: Option<WorktreeChanges>,
    /// The remotes, in the order of their names.
    pub remotes: Vec<Remote>,
    /// The facts that cannot be determined, and are missing from the other fields.
    pub unknown: Vec<Unknown>,
}

/// A fact that cannot be determined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The fact.
    pub fact: Fact,
    /// The reason, for a person.
    pub why: String,
}

/// A fact about a checkout that may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The branch's upstream.
    Upstream,
    /// The remotes, and what they have.
    Remotes,
    /// Whether some of the tracked files changed.
    Modified,
    /// Which files are not tracked.
    Untracked,
    /// Whether some of the submodules changed.
    Submodules,
}

/// The target of `HEAD`.
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
    /// None where the upstream's commits are not here, or there is no commit yet.
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

/// The numbers of paths that differ from the commit. A path that was staged and then changed again counts twice, a renamed one as one
/// removed and one added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorktreeChanges {
    /// Tracked files whose content, executable bit or type is not what was staged, or that are missing.
    pub modified: usize,
    /// Paths where the index differs from the commit.
    pub staged: usize,
    /// Files that are neither tracked nor ignored; a directory with no tracked file in it counts once. None where it is unknown.
    pub untracked: Option<usize>,
    /// Paths with an unresolved merge conflict.
    pub conflicted: usize,
    /// Submodules with another commit checked out than staged, or with changed tracked files (not: untracked ones) in them. Git's
    /// `submodule.<name>.ignore` does not apply: the code is not that of the commit.
    pub submodules: usize,
    /// Tracked files, here and in submodules, and whole submodules, of which it is unknown whether they changed; see
    /// [`LocalContext::unknown`].
    pub not_compared: usize,
}

/// Whether anything differs from the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorktreeState {
    /// It is as in the commit.
    Clean,
    /// Something differs.
    Dirty,
    /// Whatever could be compared is as in the commit, and some could not.
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

/// The address of a remote, without user names and passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RemoteAddress {
    /// A URL that may be one of a forge.
    #[serde(serialize_with = "as_text")]
    Forge(RemoteUrl),
    /// Another address, which no forge could serve.
    Other {
        /// The reason, for a person.
        why: String,
    },
}

/// Whether a remote has the commit, judged by what was last fetched from it or pushed to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Pushed {
    /// It has the commit: these refs, such as `origin/main`, are the commit or come after it.
    Pushed {
        /// In alphabetical order, never empty.
        refs: Vec<String>,
    },
    /// None of its refs that are known here has it.
    NotPushed,
    /// The remote's refs are not here, or too little of the history.
    Unknown {
        /// The reason, for a person.
        why: String,
    },
}

impl Default for WorktreeChanges {
    /// No changes, and none unknown.
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

/// With the state: the numbers alone would let the unknown pass for clean.
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
    /// Whether anything differs from the commit; a bare repository is clean.
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
