//! The filter of audit records. The records themselves are values of the model.

/// Which records are wanted; by default all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those of the code repository with this name.
    pub repository: Option<String>,
    /// Only those from this time on, in milliseconds since 1970 (UTC).
    pub since: Option<i64>,
    /// Only refused requests, and those of which nothing else is known.
    pub refused: bool,
    /// Only the newest, at most this many.
    pub last: Option<u32>,
}

impl From<AuditFilter> for forgeport_store::AuditFilter {
    fn from(filter: AuditFilter) -> forgeport_store::AuditFilter {
        let AuditFilter { repository, since, refused, last } = filter;
        forgeport_store::AuditFilter { repository, since, refused, last }
    }
}
