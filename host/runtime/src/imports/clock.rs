//! Time and randomness that are the same each time, for what a component says of itself.
//!
//! A component that called its token a secret while somebody looked, and no secret 20 seconds later, was given it in plain. What it says is
//! stored since then, and here is the second line: while it says it, the wall clock stands still, random bytes are known ones, and the
//! monotonic clock moves on only by what the component itself waits for, without anybody waiting.

use crate::state::State;
use std::time::Duration;
use wasmtime::{
    Result,
    component::{HasData, Linker, Resource},
};
use wasmtime_wasi::{
    Deterministic, HostWallClock,
    clocks::WasiClocksView,
    p2::{
        DynPollable, Pollable,
        bindings::clocks::monotonic_clock::{self, Host},
        subscribe,
    },
};

/// Nanoseconds by which each look at the made clock moves it on, so that whoever waits for the next moment gets there.
const STEP: u64 = 1_000;

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

struct Clocks;

/// Takes the place of WASI's own functions, which wait in real time whatever clock they are given.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<State, Clocks>(linker, |state| ClockView(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

struct ClockView<'a>(&'a mut State);

impl HasData for Clocks {
    type Data<'a> = ClockView<'a>;
}

impl ClockView<'_> {
    fn made(&mut self) -> Option<&mut u64> {
        match &mut self.0.wasi().0.clock {
            Clock::Real => None,
            Clock::Made { now } => Some(now),
        }
    }

    /// Moves the made clock on to a moment, and says at once that it has come.
    fn come(&mut self, when: impl FnOnce(u64) -> u64) -> Result<Option<Resource<DynPollable>>> {
        let Some(now) = self.made() else { return Ok(None) };
        *now = when(*now).max(*now);
        let (_, table) = self.0.wasi();
        let moment = table.push(Come)?;
        subscribe(table, moment).map(Some)
    }
}

impl Host for ClockView<'_> {
    fn now(&mut self) -> Result<u64> {
        match self.made() {
            None => self.0.clocks().now(),
            Some(now) => {
                *now = now.saturating_add(STEP);
                Ok(*now)
            }
        }
    }

    fn resolution(&mut self) -> Result<u64> {
        match self.made() {
            None => self.0.clocks().resolution(),
            Some(_) => Ok(STEP),
        }
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<DynPollable>> {
        match self.come(|_| when)? {
            Some(come) => Ok(come),
            None => self.0.clocks().subscribe_instant(when),
        }
    }

    fn subscribe_duration(&mut self, duration: u64) -> Result<Resource<DynPollable>> {
        match self.come(|now| now.saturating_add(duration))? {
            Some(come) => Ok(come),
            None => self.0.clocks().subscribe_duration(duration),
        }
    }
}

struct Come;

#[wasmtime_wasi::async_trait]
impl Pollable for Come {
    async fn ready(&mut self) {}
}

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
