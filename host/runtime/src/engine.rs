//! The engine's configuration, in one place: compiled code is valid only for the very same settings. Below the engines that providers run
//! on (`engines.rs`) and the compiler (`compile.rs`).

use forgeport_model::Limit;
use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::Duration,
};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often the epoch moves on, and so how long a component computes before others go on.
const TICK: Duration = Duration::from_millis(10);

/// Calls that may run at the same time; others wait for a slot. Each takes four gigabytes of address space for each of its memories.
pub(crate) const CONCURRENT_CALLS: u32 = 64;

/// Core modules in one component; those that adapters and runtimes of languages add are counted too.
const CORE_INSTANCES: u32 = Limit::Instances.most() as u32;

/// Memories in one component; no toolchain makes more than two or three.
const MEMORIES: u32 = 8;

/// Bytes of stack that the host's own functions have, below a component's.
const HOST_STACK: usize = 1536 << 10;

/// An engine that runs components, which have this many bytes of stack. Compiled code is the same for all of them.
pub(crate) fn running(stack: usize) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(CONCURRENT_CALLS)
        // Whatever components they are, as many calls as get a slot must find room.
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
    let mut config = config();
    config
        .enable_compiler(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .max_wasm_stack(stack)
        .async_stack_size(stack + HOST_STACK);
    Engine::new(&config)
}

/// An engine that compiles for the others, and reserves no address space.
pub(crate) fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(config().allocation_strategy(InstanceAllocationStrategy::OnDemand))
}

/// Settings that change compiled code.
fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        // No guest language has async exports everywhere, so none of the concurrent machinery is needed.
        .concurrency_support(false);
    config
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
