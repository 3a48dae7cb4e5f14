//! Work that takes long, reading files, MACs over megabytes, linking, is done on the blocking pool: on an asynchronous thread it would keep
//! every other call of that thread waiting.

use crate::error::LoadError;

/// Runs work that loads something, and waits for it.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| LoadError::Code(wasmtime::Error::new(error))).flatten()
}
