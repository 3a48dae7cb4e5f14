//! Deterministic time and randomness, for calls in which a component describes itself.
//!
//! A component that declared its token a secret at first, and no secret 20 seconds later, received it in plain. Since then descriptions are
//! stored, and this is the second line of defence: during such calls the wall clock does not move, random bytes are fixed, and the monotonic
//! clock moves only by the times that the component itself waits for, which pass at once.

use std::time::Duration;
use wasmtime_wasi::{Deterministic, HostWallClock};

/// Nanoseconds by which each look at the made clock moves it on, so that a loop that waits for the next moment ends.
pub(crate) const STEP: u64 = 1_000;

/// A store's monotonic clock.
pub(crate) enum Clock {
    /// WASI's own.
    Real,
    /// Starts at zero in each call.
    Made {
        /// Nanoseconds.
        now: u64,
    },
}

/// A wall clock that shows the beginning of 1970.
pub(super) struct StoppedClock;

impl HostWallClock for StoppedClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// Random bytes that are the same in each call. They differ from one another: who waits for one that is not zero gets it.
pub(super) fn known_bytes() -> Deterministic {
    Deterministic::new((0..=u8::MAX).collect())
}
