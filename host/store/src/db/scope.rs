//! The scope of a transaction: one workspace, or the wrapped keys of all.

/// Whose rows a transaction may see and write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    Workspace(&'a str),
    /// The wrapped keys of all workspaces, and none of their other rows; nobody else writes meanwhile.
    EveryKey,
}
