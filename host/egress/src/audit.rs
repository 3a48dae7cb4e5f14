//! The receiver of audit records: it gets one for every request, also for refused ones.

use forgeport_model::AuditRecord;

/// Keeps records.
pub trait Auditor: Send + Sync {
    /// Is given the record of a request before it leaves, so that it is known even if this process dies on the way. Must not wait.
    ///
    /// # Errors
    /// Why it cannot be recorded: it does not leave then.
    fn leaving(&self, _record: &AuditRecord) -> Result<(), String> {
        Ok(())
    }

    /// Is given the record of a request that has ended, under the same id. Must not wait: it is called in the middle of requests.
    fn record(&self, record: AuditRecord);
}

/// Keeps none.
pub struct Unaudited;

impl Auditor for Unaudited {
    fn record(&self, _record: AuditRecord) {}
}
