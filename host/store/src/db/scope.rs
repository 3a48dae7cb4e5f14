//! Whose rows a transaction is about.

/// Whose rows a transaction may see and write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    Workspace(&'a str),
    /// The wrapped keys of all workspaces, and none of their other rows; nobody else writes meanwhile.
    EveryKey,
}
