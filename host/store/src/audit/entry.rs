//! What the audit log says of a request.

use serde::{Deserialize, Serialize};

/// The outcome of a request that was answered.
pub(super) const ANSWERED: &str = "answered";
/// The outcome of a request that did not leave.
pub(super) const REFUSED: &str = "refused";
/// The outcome of a request that is on its way, or was when its process was killed.
pub const IN_FLIGHT: &str = "in-flight";

/// The outcome of an entry that stands for requests which could not be written down.
pub const UNRECORDED: &str = "unrecorded";

/// One request, or several that were refused alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it was made, in milliseconds since 1970 (UTC); of several, the first one.
    pub at: i64,
    /// When the last one was made.
    pub until: i64,
    /// How many there were.
    pub count: u64,
    /// The workspace.
    pub tenant: String,
    /// The code repository's id, which no other has. Empty in entries from before Forgeport wrote it down.
    pub registration: String,
    /// The code repository's name at that time.
    pub repository: String,
    /// The provider's name and version.
    pub provider: String,
    /// The SHA-256 of its component.
    pub digest: String,
    /// The method.
    pub method: String,
    /// Where to.
    pub origin: String,
    /// The path; of a query the keys only.
    pub path: String,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// Bytes.
    pub sent: u64,
    /// Bytes.
    pub received: u64,
    /// The names of the secret options that went along.
    pub secrets: Vec<String>,
    /// `answered`, `failed`, `refused`, `in-flight` or `unrecorded`.
    pub outcome: String,
    /// The rule that let it out, or why it did not leave.
    pub rule: String,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this code repository only.
    pub repository: Option<String>,
    /// What there was from this time on, in milliseconds since 1970 (UTC).
    pub since: Option<i64>,
    /// Those that were refused only, and those of which nothing else is known.
    pub refused: bool,
    /// The newest so many.
    pub last: Option<u32>,
}

impl AuditFilter {
    /// As the database selects.
    pub(super) fn takes(&self, entry: &AuditEntry) -> bool {
        self.repository.as_ref().is_none_or(|name| *name == entry.repository)
            && self.since.is_none_or(|since| entry.until >= since)
            && (!self.refused || [REFUSED, UNRECORDED].contains(&entry.outcome.as_str()))
    }
}
