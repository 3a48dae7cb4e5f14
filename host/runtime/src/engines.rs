//! The engines that providers run on: one for each class of stack that is in use, and so never more than there are classes. Each reserves
//! two terabytes of address space, of which a process has 128; one for each value of the limit would use them up with some sixty.

use crate::{
    blocking::run_blocking,
    engine::{self, Ticker},
    error::LoadError,
    imports,
    state::State,
};
use forgeport_model::{Limit, STACK_CLASSES};
use std::sync::{Arc, OnceLock};
use tokio::sync::OnceCell;
use wasmtime::{Engine, component::Linker};

/// An engine with what every component that runs on it is given.
pub(crate) struct ProviderEngine {
    pub(crate) engine: Engine,
    own: Linker<State>,
    /// Made for the first that asks: to link its functions takes half a millisecond, the others' a twentieth.
    with_wasi: OnceLock<Linker<State>>,
    _ticker: Ticker,
}

/// The use of the engines' pools by instances at a moment, as the engines count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolUse {
    /// Component instances of calls that have not ended.
    pub instances: u64,
    /// Their memories.
    pub memories: u64,
    /// Bytes that are still resident in slots of instances that are gone.
    pub idle_bytes: u64,
}

/// All of them, by class. Each is built when the first provider of its class is loaded, and kept.
pub(crate) struct Engines([OnceCell<Arc<ProviderEngine>>; STACK_CLASSES.len()]);

impl Engines {
    /// With the engine of the default limit, which most providers use, and which any address space has to have room for.
    pub(crate) fn new() -> Result<Engines, LoadError> {
        let engines = Engines(Default::default());
        let class = class_of(Limit::Stack.default_value());
        // The cell was empty.
        let _ = engines.0[class].set(Arc::new(ProviderEngine::new(STACK_CLASSES[class])?));
        Ok(engines)
    }

    /// The engine whose components have at least this many bytes of stack, built at most once.
    pub(crate) async fn for_stack(&self, bytes: u64) -> Result<Arc<ProviderEngine>, LoadError> {
        let class = class_of(bytes);
        let build = || run_blocking(move || ProviderEngine::new(STACK_CLASSES[class]).map(Arc::new));
        self.0[class].get_or_try_init(build).await.cloned()
    }

    /// The present use, with that of earlier calls which was not given back.
    pub(crate) fn pool_use(&self) -> PoolUse {
        let built = self.0.iter().filter_map(|cell| cell.get()?.engine.pooling_allocator_metrics());
        built.fold(PoolUse::default(), |sum, pool| {
            let idle = [pool.unused_memory_bytes_resident(), pool.unused_table_bytes_resident()];
            let idle = idle.into_iter().chain(pool.unused_stack_bytes_resident()).sum::<usize>();
            PoolUse {
                instances: sum.instances + pool.component_instances(),
                memories: sum.memories + pool.memories() as u64,
                idle_bytes: sum.idle_bytes + idle as u64,
            }
        })
    }

    /// One that is built; what is compiled is the same for all.
    pub(crate) fn any(&self) -> Option<&Engine> {
        self.0.iter().find_map(|cell| cell.get()).map(|built| &built.engine)
    }
}

impl ProviderEngine {
    fn new(stack: u64) -> Result<ProviderEngine, LoadError> {
        let engine = engine::running(usize::try_from(stack).unwrap_or(usize::MAX)).map_err(LoadError::Engine)?;
        let own = imports::own(&engine).map_err(LoadError::Engine)?;
        Ok(ProviderEngine { _ticker: Ticker::start(&engine), engine, own, with_wasi: OnceLock::new() })
    }

    /// The linker for a component, with WASI only if it imports it.
    pub(crate) fn linker(&self, wasi: bool) -> Result<&Linker<State>, LoadError> {
        if !wasi {
            return Ok(&self.own);
        }
        if let Some(linker) = self.with_wasi.get() {
            return Ok(linker);
        }
        let linker = imports::with_wasi(&self.engine).map_err(LoadError::Engine)?;
        Ok(self.with_wasi.get_or_init(|| linker))
    }
}

fn class_of(bytes: u64) -> usize {
    STACK_CLASSES.iter().position(|class| *class >= bytes).unwrap_or(STACK_CLASSES.len() - 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn seventy_different_stacks_have_four_engines() {
        let engines = Engines::new().unwrap();
        let mut built: Vec<Arc<ProviderEngine>> = Vec::new();
        for number in 1..=70 {
            let engine = engines.for_stack((number * 900) << 10).await.unwrap();
            if !built.iter().any(|known| Arc::ptr_eq(known, &engine)) {
                built.push(engine);
            }
        }
        assert_eq!(built.len(), STACK_CLASSES.len() - 1, "none of them fits the smallest");
        engines.for_stack(1).await.unwrap();
        assert_eq!(engines.0.iter().filter(|cell| cell.initialized()).count(), 4);
    }
}
