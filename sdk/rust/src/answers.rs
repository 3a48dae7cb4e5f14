//! What a provider answers with.

use crate::{Commit, Identity};

impl Identity {
    /// A repository that can be read, as the forge spells it. Who asks is left open: many tokens may not ask that.
    #[must_use]
    pub fn of_repository(repository: String, default_branch: Option<String>) -> Self {
        Self { account: None, repository, default_branch }
    }
}

impl Commit {
    /// A commit whose tree's id the forge does not tell.
    #[must_use]
    pub fn new(id: String) -> Self {
        Self { id, tree: None }
    }

    /// With the id of its tree.
    #[must_use]
    pub fn with_tree(self, tree: String) -> Self {
        Self { tree: Some(tree), ..self }
    }
}
