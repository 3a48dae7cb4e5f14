//! Work that blocks (the disk, hashing, git) runs apart from the threads that serve calls.

use crate::{Result, ServiceError};
use tokio::task::JoinError;

/// Runs work on a thread where it may block.
///
/// # Errors
/// When the work panics, or the process ends.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| stopped(&error))
}

/// Why work did not complete. The text of a panic is not repeated: it may contain anything.
pub(crate) fn stopped(by: &JoinError) -> ServiceError {
    ServiceError::Stopped(if by.is_panic() { "an internal error" } else { "it was cancelled" }.to_owned())
}
