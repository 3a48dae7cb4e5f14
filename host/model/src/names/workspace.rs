//! Workspaces. Every registration, secret, key, cache and audit record belongs to one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A workspace. Nothing in one is visible from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Workspace {
    id: String,
    name: String,
}

impl Workspace {
    /// The id of the one workspace of a command line.
    pub const LOCAL: &str = "local";

    /// The one workspace of a command line, which has its id for a name.
    pub fn local() -> Self {
        Self::new(Self::LOCAL, Self::LOCAL)
    }

    /// A workspace of a server.
    pub fn new(id: &str, name: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned() }
    }

    /// The id of the workspace in tables, keys and caches; it never changes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name for people.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
