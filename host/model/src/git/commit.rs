//! A repository and its commits, as a forge reports them.

/// The account of a credential, and the repository that it can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account, where the forge names it.
    pub account: Option<String>,
    /// The repository's name as the forge spells it.
    pub repository: String,
    /// The branch that the forge shows first.
    pub default_branch: Option<String>,
}

/// A commit as the forge knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The full id, in lower-case hex.
    pub id: String,
    /// The id of the commit's tree, where the forge gives it.
    pub tree: Option<String>,
}
