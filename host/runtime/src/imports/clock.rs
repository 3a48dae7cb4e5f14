//! `wasi:clocks/monotonic-clock`: WASI's own functions wait in real time, whatever clock they are given, so these take their place.

use crate::{
    state::State,
    wasi::{Clock, STEP},
};
use wasmtime::{
    Result,
    component::{HasData, Linker, Resource},
};
use wasmtime_wasi::{
    clocks::WasiClocksView,
    p2::{
        DynPollable, Pollable,
        bindings::clocks::monotonic_clock::{self, Host},
        subscribe,
    },
};

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
