//! What the host holds for one call.

use crate::{
    download::Download,
    engine::TICK,
    imports::{ProviderLog, Wasi},
    limits::Meter,
    provider::Session,
};
use forgeport_grants::{Limit, Limits};
use std::sync::Arc;
use wasmtime::{Engine, Store, UpdateDeadline, component::ResourceTable};

/// A store's data: the session it acts for, and what it has used up.
pub(crate) struct State {
    /// `None` where a provider says what follows from its options alone, or from nothing: then nothing is granted, and nothing that could
    /// make it say something else the next time is real.
    pub(crate) session: Option<Arc<Session>>,
    /// What the guest has handles of.
    pub(crate) table: ResourceTable,
    pub(crate) log: Arc<ProviderLog>,
    /// Made for whoever asks for it.
    pub(crate) wasi: Option<Box<Wasi>>,
    meter: Meter,
}

impl State {
    /// A store for one call.
    pub(crate) fn store(engine: &Engine, limits: &Limits, session: Option<Arc<Session>>) -> Store<State> {
        let log = Arc::new(ProviderLog::new(session.clone(), limits.size(Limit::LogBytes)));
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.size(Limit::Handles));
        let state = State { session, table, log, wasi: None, meter: Meter::new(limits.clone()) };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(limits.size(Limit::CallBytes));
        bound_cpu(&mut store, limits);
        store
    }
}

/// Counts ticks in which the component computed: while it waits for the host, no epoch check runs.
fn bound_cpu(store: &mut Store<State>, limits: &Limits) {
    let reached = limits.reached(Limit::CpuTime);
    let mut ticks_left = limits.time(Limit::CpuTime).as_millis() / TICK.as_millis();
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| match ticks_left.checked_sub(1) {
        Some(left) => {
            ticks_left = left;
            // Giving way at each tick keeps one busy provider from holding the others' thread.
            Ok(UpdateDeadline::Yield(1))
        }
        None => Err(wasmtime::Error::new(reached)),
    });
}

/// The resource behind `checkout.directory`.
pub type Directory = Arc<Download>;
