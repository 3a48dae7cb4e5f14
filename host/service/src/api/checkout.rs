//! A checkout on the disk: its commit, its changes and its remotes.

use forgeport_worktree as worktree;
use serde::Serialize;

/// The state of a checkout, from the disk alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkout {
    /// The root of the work tree; of a bare repository, its directory.
    pub root: String,
    /// The path that was given, relative to the root and separated by `/`; empty for the root.
    pub subdirectory: String,
    /// The full id of the commit that is checked out; none before the first commit.
    pub commit: Option<String>,
    /// The target of `HEAD`.
    pub head: Head,
    /// The upstream of the branch.
    pub upstream: Option<Upstream>,
    /// True if the repository has no work tree.
    pub bare: bool,
    /// True if the history was cut off when it was cloned or fetched.
    pub shallow: bool,
    /// The differences from the commit; none for a bare repository.
    pub changes: Option<WorktreeChanges>,
    /// The remotes, ordered by name.
    pub remotes: Vec<Remote>,
    /// The facts that are missing from the other fields.
    pub unknown: Vec<Unknown>,
}

/// The target of `HEAD`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// The upstream of a branch, as it was when last fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// Such as `origin/main`.
    pub name: String,
    /// None if the upstream's commits are not in the checkout, or there is no commit yet.
    pub distance: Option<Distance>,
}

/// How far a commit is from its upstream, in commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Distance {
    /// Those that the upstream lacks.
    pub ahead: usize,
    /// Those that only the upstream has.
    pub behind: usize,
}

/// The numbers of paths that differ from the commit; one that was staged and then changed again counts twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WorktreeChanges {
    /// Clean, dirty or unknown, as the numbers say.
    pub state: WorktreeState,
    /// Tracked files that are not as they were staged.
    pub modified: usize,
    /// Paths where the index differs from the commit.
    pub staged: usize,
    /// Files that are neither tracked nor ignored; a directory without a tracked file counts once. None if unknown.
    pub untracked: Option<usize>,
    /// Paths with an unresolved merge conflict.
    pub conflicted: usize,
    /// Submodules that are not as they were staged.
    pub submodules: usize,
    /// Tracked files and submodules of which it is unknown whether they changed.
    pub not_compared: usize,
}

/// Whether anything differs from the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorktreeState {
    /// Nothing differs.
    Clean,
    /// Something differs.
    Dirty,
    /// Nothing that could be compared differs, and something could not be compared.
    Unknown,
}

/// A remote of the checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remote {
    /// Such as `origin`.
    pub name: String,
    /// The address that git fetches from.
    pub address: RemoteAddress,
    /// Whether the remote has the commit, by what was last fetched from it or pushed to it.
    pub pushed: Pushed,
}

/// The address of a remote, without user names and passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RemoteAddress {
    /// A URL that may be one of a forge.
    Forge(String),
    /// Another address, which no forge could serve.
    Other {
        /// The reason, for a person.
        why: String,
    },
}

/// Whether a remote has the commit, as of the last fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Pushed {
    /// It has the commit.
    Pushed {
        /// The refs that are the commit or come after it, such as `origin/main`.
        refs: Vec<String>,
    },
    /// None of its refs that are known in the checkout has it.
    NotPushed,
    /// The remote's refs are not in the checkout, or too little of the history.
    Unknown {
        /// The reason, for a person.
        why: String,
    },
}

/// A fact that is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The fact.
    pub fact: Fact,
    /// The reason, for a person.
    pub why: String,
}

/// A fact about a checkout that may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

impl From<worktree::LocalContext> for Checkout {
    fn from(context: worktree::LocalContext) -> Checkout {
        Checkout {
            root: context.root.display().to_string(),
            subdirectory: context.subdirectory,
            commit: context.commit,
            head: context.head.into(),
            upstream: context.upstream.map(Upstream::from),
            bare: context.bare,
            shallow: context.shallow,
            changes: context.changes.map(WorktreeChanges::from),
            remotes: context.remotes.into_iter().map(Remote::from).collect(),
            unknown: context.unknown.into_iter().map(Unknown::from).collect(),
        }
    }
}

impl From<worktree::Head> for Head {
    fn from(head: worktree::Head) -> Head {
        match head {
            worktree::Head::Branch { name } => Head::Branch { name },
            worktree::Head::Detached => Head::Detached,
        }
    }
}

impl From<worktree::Upstream> for Upstream {
    fn from(upstream: worktree::Upstream) -> Upstream {
        let worktree::Upstream { name, distance } = upstream;
        let distance = distance.map(|worktree::Distance { ahead, behind }| Distance { ahead, behind });
        Upstream { name, distance }
    }
}

impl From<worktree::WorktreeChanges> for WorktreeChanges {
    fn from(changes: worktree::WorktreeChanges) -> WorktreeChanges {
        let state = match changes.state() {
            worktree::WorktreeState::Clean => WorktreeState::Clean,
            worktree::WorktreeState::Dirty => WorktreeState::Dirty,
            worktree::WorktreeState::Unknown => WorktreeState::Unknown,
        };
        let worktree::WorktreeChanges { modified, staged, untracked, conflicted, submodules, not_compared } = changes;
        WorktreeChanges { state, modified, staged, untracked, conflicted, submodules, not_compared }
    }
}

impl From<worktree::Remote> for Remote {
    fn from(remote: worktree::Remote) -> Remote {
        let address = match remote.address {
            worktree::RemoteAddress::Forge(url) => RemoteAddress::Forge(url.to_string()),
            worktree::RemoteAddress::Other { why } => RemoteAddress::Other { why },
        };
        let pushed = match remote.pushed {
            worktree::Pushed::Pushed { refs } => Pushed::Pushed { refs },
            worktree::Pushed::NotPushed => Pushed::NotPushed,
            worktree::Pushed::Unknown { why } => Pushed::Unknown { why },
        };
        Remote { name: remote.name, address, pushed }
    }
}

impl From<worktree::Unknown> for Unknown {
    fn from(unknown: worktree::Unknown) -> Unknown {
        let fact = match unknown.fact {
            worktree::Fact::Upstream => Fact::Upstream,
            worktree::Fact::Remotes => Fact::Remotes,
            worktree::Fact::Modified => Fact::Modified,
            worktree::Fact::Untracked => Fact::Untracked,
            worktree::Fact::Submodules => Fact::Submodules,
        };
        Unknown { fact, why: unknown.why }
    }
}
