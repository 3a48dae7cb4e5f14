//! Runs long work (reading files, MACs over megabytes, linking) on the blocking pool: on an asynchronous thread it would delay every other
//! call of that thread.

use crate::error::LoadError;

/// Runs work that loads something, and waits for it.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| LoadError::Code(wasmtime::Error::new(error))).flatten()
}
