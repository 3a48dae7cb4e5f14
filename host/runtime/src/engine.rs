//! The engine's configuration, in one place: compiled code is valid only for the very same settings.

use forgeport_grants::Limit;
use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::Duration,
};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often the epoch moves on, and so how finely a component's computing time is counted.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Calls that may run at the same time; others wait for their turn.
pub(crate) const CONCURRENT_CALLS: u32 = 64;

/// Core modules in one component; those that adapters and runtimes of languages add are counted too.
const CORE_INSTANCES: u32 = Limit::Instances.most() as u32;

/// Memories in one component; no toolchain makes more than two or three.
const MEMORIES: u32 = 8;

/// Bytes of stack that the host's own functions have, below a component's.
const HOST_STACK: usize = 1536 << 10;

/// An engine whose components have this many bytes of stack; the engine itself is where wasmtime bounds it. Compiled code is the same
/// for all of them.
pub(crate) fn build(stack: usize) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(CONCURRENT_CALLS)
        // Whatever components they are, as many calls as get a turn must find their place.
        .total_core_instances(CONCURRENT_CALLS * CORE_INSTANCES)
        .total_memories(CONCURRENT_CALLS * MEMORIES)
        .total_tables(CONCURRENT_CALLS * CORE_INSTANCES)
        .total_stacks(CONCURRENT_CALLS)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(CORE_INSTANCES)
        // A slot takes address space only, until it is used.
        .max_memory_size(Limit::Memory.most() as usize)
        .table_elements(Limit::TableElements.most() as usize);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .max_wasm_stack(stack)
        .async_stack_size(stack + HOST_STACK)
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
