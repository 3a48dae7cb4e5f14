//! The deadline of work on the disk. A thread cannot be stopped from outside, so every loop whose length depends on untrusted input checks
//! the deadline again and again.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

/// When work has to stop: at a moment, or when it is cancelled. Clones stop together.
#[derive(Clone, Debug, Default)]
pub struct Deadline {
    end: Option<Instant>,
    state: Arc<AtomicU8>,
}

/// The state of the work: it can still be cancelled, it was cancelled, or it is too late to.
const OPEN: u8 = 0;
const CANCELLED: u8 = 1;
const PAST: u8 = 2;

/// Work was stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was stopped before its end, because its time was up or its result was no longer awaited")]
pub struct Stopped;

/// Cancels when it is dropped, if it is not too late.
#[derive(Debug)]
pub struct CancelGuard(Deadline);

impl Deadline {
    /// Stops by being cancelled alone.
    pub fn never() -> Self {
        Self::default()
    }

    /// Stops at a moment.
    pub fn at(end: Instant) -> Self {
        Self { end: Some(end), ..Self::default() }
    }

    /// The same, with an end at a moment.
    pub fn ending(&self, end: Instant) -> Self {
        Self { end: Some(end), state: self.state.clone() }
    }

    /// Stops it now; `false` if it is too late, and the work goes on to its end.
    pub fn cancel(&self) -> bool {
        self.leave_open(CANCELLED) != PAST
    }

    /// After this call the work is not stopped any more.
    ///
    /// # Errors
    /// When it has to stop, and must not go on.
    pub fn pass(&self) -> Result<(), Stopped> {
        self.check()?;
        if self.leave_open(PAST) == CANCELLED { Err(Stopped) } else { Ok(()) }
    }

    /// Leaves the open state, once; returns the state that it is in then.
    fn leave_open(&self, to: u8) -> u8 {
        self.state.compare_exchange(OPEN, to, Ordering::SeqCst, Ordering::SeqCst).map_or_else(|now| now, |_| to)
    }

    /// Stops when the guard is dropped: a future that is dropped half-way stops the threads that work for it.
    pub fn cancel_when_dropped(&self) -> CancelGuard {
        CancelGuard(self.clone())
    }

    /// Checks whether the work may go on.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self) -> Result<(), Stopped> {
        match self.state.load(Ordering::Relaxed) {
            PAST => Ok(()),
            OPEN if self.end.is_none_or(|end| Instant::now() < end) => Ok(()),
            _ => Err(Stopped),
        }
    }

    /// True if its time is up. What was cancelled before is not stopped for that.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Reads `source` for as long as the work may go on.
    pub(crate) fn reading<R: Read>(&self, source: R) -> impl Read + use<R> {
        Reading { source, deadline: self.clone() }
    }
}

impl CancelGuard {
    /// The work has come to its end: there is nothing to cancel any more.
    pub fn done(mut self) {
        self.0 = Deadline::never();
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Readers and writers report it inside of an `io::Error`; `UnpackError` takes it out again.
impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> Self {
        Self::other(stopped)
    }
}

struct Reading<R> {
    source: R,
    deadline: Deadline,
}

impl<R: Read> Read for Reading<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.deadline.check()?;
        self.source.read(buffer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_at_its_moment_or_when_nobody_waits() {
        assert_eq!(Deadline::never().check(), Ok(()));
        assert_eq!(Deadline::at(Instant::now()).check(), Err(Stopped));
        let deadline = Deadline::at(forgeport_model::deadline(std::time::Duration::from_secs(3600)));
        let working = deadline.clone();
        let guard = deadline.cancel_when_dropped();
        assert_eq!(working.check(), Ok(()));
        working.cancel_when_dropped().done();
        assert_eq!(working.check(), Ok(()));
        drop(guard);
        assert_eq!(working.check(), Err(Stopped));
    }

    #[test]
    fn work_is_cancelled_in_time_or_not_at_all() {
        let deadline = Deadline::never();
        assert_eq!(deadline.pass(), Ok(()));
        assert!(!deadline.cancel() && !deadline.cancel());
        assert_eq!(deadline.ending(Instant::now()).check(), Ok(()));
        let deadline = Deadline::never();
        assert!(deadline.cancel() && deadline.cancel());
        assert_eq!(deadline.pass(), Err(Stopped));
        assert_eq!(Deadline::at(Instant::now()).pass(), Err(Stopped));
    }

    /// Callers of `cancel` and `pass` agree on which came first.
    #[test]
    fn one_of_cancelling_and_passing_wins() {
        for _ in 0..1000 {
            let deadline = Deadline::never();
            let working = deadline.clone();
            let passed = std::thread::spawn(move || working.pass().is_ok());
            let cancelled = deadline.cancel();
            assert_ne!(cancelled, passed.join().unwrap());
        }
    }
}
