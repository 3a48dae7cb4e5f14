//! Gates: how a test and a stalled answer wait for each other, without sleeping.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// How long a test waits for something that ought to happen at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// Holds answers back until a test has seen what it wanted to see.
#[derive(Clone, Default)]
pub struct Gate {
    inner: Arc<GateInner>,
}

#[derive(Default)]
struct GateInner {
    seen: Mutex<Seen>,
    changed: Condvar,
    opened: Notify,
}

#[derive(Default)]
struct Seen {
    reached: bool,
    released: bool,
    abandoned: bool,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everything through, now and later.
    pub fn release(&self) {
        self.note(|seen| seen.released = true);
        self.inner.opened.notify_waiters();
    }

    /// Blocks until a request stands at the gate; false if none came within half a minute.
    #[must_use]
    pub fn wait_until_reached(&self) -> bool {
        self.wait(|seen| seen.reached)
    }

    /// Blocks until a client has hung up while it stood at the gate; false if none did within half a minute. One that sent
    /// `Connection: close` and then hangs up inside a body is not noticed.
    #[must_use]
    pub fn wait_until_abandoned(&self) -> bool {
        self.wait(|seen| seen.abandoned)
    }

    pub(crate) async fn pass(&self) {
        let opened = self.inner.opened.notified();
        tokio::pin!(opened);
        // Registered before the flag is read, so that a release in between is not missed.
        opened.as_mut().enable();
        self.note(|seen| seen.reached = true);
        if self.seen().released {
            return;
        }
        let waiting = Waiting(self);
        opened.await;
        std::mem::forget(waiting);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen());
        self.inner.changed.notify_all();
    }

    fn wait(&self, done: impl Fn(&Seen) -> bool) -> bool {
        let (seen, _) = self
            .inner
            .changed
            .wait_timeout_while(self.seen(), PATIENCE, |seen| !done(seen))
            .unwrap_or_else(PoisonError::into_inner);
        done(&seen)
    }
}

/// Dropped while still waiting: the client has gone.
struct Waiting<'a>(&'a Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.note(|seen| seen.abandoned = true);
    }
}
