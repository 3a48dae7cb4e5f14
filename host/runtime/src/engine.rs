//! The engine's configuration, in one place: compiled code is valid only for the very same settings.

use crate::limits::Limits;
use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::Duration,
};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often the epoch moves on, and so how finely a component's computing time is counted.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Calls that may run at the same time.
const CONCURRENT_CALLS: u32 = 64;

/// Core modules in one component; those that adapters and runtimes of languages add are counted too.
const CORE_INSTANCES: u32 = 64;

pub(crate) fn build(limits: &Limits) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(CONCURRENT_CALLS)
        .total_core_instances(CONCURRENT_CALLS * 4)
        .total_memories(CONCURRENT_CALLS * 2)
        .total_tables(CONCURRENT_CALLS * 4)
        .total_stacks(CONCURRENT_CALLS)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(8)
        .max_tables_per_component(CORE_INSTANCES)
        .max_memory_size(limits.memory)
        .table_elements(limits.table_elements);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        // No guest language has async exports everywhere, so none of the concurrent machinery is needed.
        .concurrency_support(false);
    Engine::new(&config)
}

/// Moves the engine's epoch on until it is dropped.
pub(crate) struct Ticker {
    _stop: Sender<()>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> Ticker {
        let (stop, stopped) = channel::<()>();
        let engine = engine.weak();
        std::thread::spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        });
        Ticker { _stop: stop }
    }
}
