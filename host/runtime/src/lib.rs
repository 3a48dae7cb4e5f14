//! Runs providers: WebAssembly components that can reach nothing but what their call's session holds.
//!
//! One [`Runtime`] per process compiles components once and remembers the result on disk; every call of a [`Repository`] gets a
//! fresh instance, so nothing of one call is left for the next.

mod anatomy;
mod bindings;
mod code_cache;
mod download;
mod engine;
mod error;
mod imports;
mod limits;
mod provider;
mod state;

pub use anatomy::Anatomy;
pub use bindings::{Commit, Identity};
pub use code_cache::CodeCacheSettings;
pub use download::Download;
pub use error::{CallError, LoadError, ProviderError};
pub use provider::{Offline, Opening, Provider, Repository, Session};

use code_cache::CodeCache;
use engine::Ticker;
use forgeport_grants::{Limit, Limits};
use state::State;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};
use tokio::sync::Semaphore;
use wasmtime::{
    Engine,
    component::{Component, Linker},
};

/// What all providers share.
pub struct Runtime {
    /// By the stack that their components have; one that no provider uses any more goes.
    machines: Mutex<BTreeMap<usize, Weak<Machine>>>,
    /// The one that most providers use stays.
    _usual: Arc<Machine>,
    code_cache: Option<CodeCache>,
    turns: Arc<Semaphore>,
}

/// An engine with what runs on it.
pub(crate) struct Machine {
    engine: Engine,
    own: Linker<State>,
    /// Made for the first that asks: to link its functions takes half a millisecond, the others' a twentieth.
    with_wasi: OnceLock<Linker<State>>,
    _ticker: Ticker,
}

impl Runtime {
    /// Without a cache every process compiles anew.
    ///
    /// # Errors
    /// When the machine cannot give the engine the address space it reserves.
    pub fn new(code_cache: Option<CodeCacheSettings>) -> Result<Runtime, LoadError> {
        let stack = Limits::default().size(Limit::Stack);
        let usual = Arc::new(Machine::new(stack)?);
        Ok(Runtime {
            machines: Mutex::new(BTreeMap::from([(stack, Arc::downgrade(&usual))])),
            code_cache: code_cache.map(|settings| CodeCache::new(settings, &usual.engine)),
            _usual: usual,
            turns: Arc::new(Semaphore::new(engine::CONCURRENT_CALLS as usize)),
        })
    }

    /// Makes a component ready to be called. `digest` is the SHA-256 of `bytes` in hex, and names the compiled code in the cache. It
    /// has the stack that the limits say, and describes itself within them; every other call has the limits of its permit.
    ///
    /// # Errors
    /// When the bytes are no component, or one that imports or exports something else than a provider does.
    pub fn load(&self, bytes: &[u8], digest: &str, limits: &Limits) -> Result<Provider, LoadError> {
        let machine = self.machine(limits.size(Limit::Stack))?;
        let compile = || Component::from_binary(&machine.engine, bytes);
        let component = match &self.code_cache {
            Some(cache) => cache.get_or_compile(&machine.engine, digest, compile),
            None => compile(),
        }
        .map_err(LoadError::NoComponent)?;
        Provider::new(machine, &component, limits.clone(), self.turns.clone())
    }

    fn machine(&self, stack: usize) -> Result<Arc<Machine>, LoadError> {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = machines.get(&stack).and_then(Weak::upgrade) {
            return Ok(machine);
        }
        let machine = Arc::new(Machine::new(stack)?);
        machines.retain(|_, machine| machine.strong_count() > 0);
        machines.insert(stack, Arc::downgrade(&machine));
        Ok(machine)
    }
}

impl Machine {
    fn new(stack: usize) -> Result<Machine, LoadError> {
        let engine = engine::build(stack).map_err(LoadError::Engine)?;
        let own = imports::own(&engine).map_err(LoadError::Engine)?;
        Ok(Machine { _ticker: Ticker::start(&engine), engine, own, with_wasi: OnceLock::new() })
    }

    /// What a component is given, if it asks for nothing else.
    fn linker(&self, component: &Component) -> Result<&Linker<State>, LoadError> {
        if !imports::check(&self.engine, component)? {
            return Ok(&self.own);
        }
        if let Some(linker) = self.with_wasi.get() {
            return Ok(linker);
        }
        let linker = imports::with_wasi(&self.engine).map_err(LoadError::Engine)?;
        Ok(self.with_wasi.get_or_init(|| linker))
    }
}
