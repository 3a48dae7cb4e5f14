//! Runs work that would block an asynchronous thread on the blocking pool.

/// Bytes that are searched in less time than it takes to hand them to another thread; more would keep other calls waiting.
const AT_ONCE: usize = 64 << 10;

/// Searches so many bytes, on a thread of its own where they are many.
pub(crate) async fn run_off_thread_if_long<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= AT_ONCE {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The process is about to end.
            Err(_) => std::future::pending().await,
        },
    }
}
