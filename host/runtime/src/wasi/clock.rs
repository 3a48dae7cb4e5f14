//! Time and randomness that are the same each time, for what a component says of itself.
//!
//! A component that called its token a secret while somebody looked, and no secret 20 seconds later, was given it in plain. What it says is
//! stored since then, and here is the second line: while it says it, the wall clock stands still, random bytes are known ones, and the
//! monotonic clock moves on only by what the component itself waits for, without anybody waiting.

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
