//! The filter of a query of the audit log.

use forgeport_model::{AuditRecord, Outcome};

/// Which records are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this code repository only.
    pub repository: Option<String>,
    /// Records from this time on, in milliseconds since 1970 (UTC).
    pub since: Option<i64>,
    /// Requests that were refused only, and those of which nothing else is known.
    pub refused: bool,
    /// The newest so many.
    pub last: Option<u32>,
}

impl AuditFilter {
    /// As the database selects.
    pub(super) fn takes(&self, record: &AuditRecord) -> bool {
        self.repository.as_ref().is_none_or(|name| *name == record.context.repository)
            && self.since.is_none_or(|since| record.until >= since)
            && (!self.refused || matches!(record.outcome(), Some(Outcome::Refused | Outcome::Unrecorded)))
    }
}
