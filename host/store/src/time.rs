//! Times as the database keeps them, and the timeout for locks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a call waits for another process' write.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Milliseconds since 1970 (UTC).
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
