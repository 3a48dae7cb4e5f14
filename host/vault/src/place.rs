//! The place that a sealed value is bound to, and the longest value.

/// Bytes of the longest value that is taken for a credential; a private key in PEM is below 10,000.
pub const MAX_VALUE_LENGTH: usize = 64 * 1024;

/// The place of a sealed value.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The id of the workspace.
    pub workspace: &'a str,
    /// The table.
    pub table: &'a str,
    /// The id of the row.
    pub row: &'a str,
    /// The value's key within the row.
    pub key: &'a str,
    /// The place in words for a person, which the value is not bound to.
    pub shown: &'a str,
}
