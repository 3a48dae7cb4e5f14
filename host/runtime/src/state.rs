//! The host's state of one call: the data of its wasmtime store. It is dropped with the store when the call ends.

use crate::{cpu::CpuTime, limits::Meter, log::ProviderLog, network::Network, wasi::Wasi};
use forgeport_model::{Limit, Limits};
use std::sync::Arc;
use wasmtime::{Engine, Store, component::ResourceTable};

/// A store's data: the network that its call has, and what it has used up.
pub(crate) struct State {
    /// `None` where a provider says what follows from its options alone, or from nothing: then nothing is granted, and nothing that could
    /// make it say something else the next time is real.
    pub(crate) network: Option<Arc<Network>>,
    /// The resources that the guest has handles of.
    pub(crate) table: ResourceTable,
    pub(crate) log: Arc<ProviderLog>,
    pub(crate) cpu: CpuTime,
    /// Made for whoever asks for it.
    pub(crate) wasi: Option<Box<Wasi>>,
    meter: Meter,
}

impl State {
    /// A store for one call.
    pub(crate) fn store(
        engine: &Engine,
        limits: &Limits,
        cpu: &CpuTime,
        network: Option<Arc<Network>>,
    ) -> Store<State> {
        let log = Arc::new(ProviderLog::new(network.clone(), limits.size(Limit::LogBytes)));
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.size(Limit::Handles));
        let state = State { network, table, log, cpu: cpu.clone(), wasi: None, meter: Meter::new(limits.clone()) };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(limits.size(Limit::CallBytes));
        // Giving way at each tick keeps one busy provider from holding the others' thread.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }
}
