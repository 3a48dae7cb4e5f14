//! Runs providers: WebAssembly components that can reach nothing but what their call's session holds.
//!
//! One [`Runtime`] per process has components compiled once, in a child process, and remembers the result on disk; every call of a
//! [`Repository`] gets a fresh instance, so nothing of one call is left for the next.

mod anatomy;
mod bindings;
mod code_cache;
mod compile;
mod completion;
mod cpu;
mod download;
mod engine;
mod error;
mod imports;
mod limits;
mod provider;
mod sizes;
mod state;

pub use anatomy::Anatomy;
pub use bindings::{Commit, Identity};
pub use code_cache::CodeCacheSettings;
pub use compile::CompilerSettings;
pub use download::Download;
pub use error::{CallError, LoadError, ProviderError};
pub use forgeport_child::{Bounds, ChildError, Program};
pub use provider::{Offline, Opening, Provider, Repository, Session};
pub use sizes::MOST_BYTES;

use code_cache::CodeCache;
use compile::Compiler;
use engine::Ticker;
use forgeport_model::{Limit, Limits};
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
    code_cache: Option<Arc<CodeCache>>,
    compiler: Compiler,
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

/// Makes this process a child that compiles, if it was started as one, and does not return then. Programs that use a [`Runtime`] call it
/// before anything else.
pub fn serve_as_child() {
    forgeport_child::serve(&[compile::JOB]);
}

impl Runtime {
    /// Without a cache every process compiles anew.
    ///
    /// # Errors
    /// When the machine cannot give the engine the address space it reserves.
    pub fn new(compiler: CompilerSettings, code_cache: Option<CodeCacheSettings>) -> Result<Runtime, LoadError> {
        let stack = engine::stack_for(Limits::default().size(Limit::Stack));
        let usual = Arc::new(Machine::new(stack)?);
        Ok(Runtime {
            machines: Mutex::new(BTreeMap::from([(stack, Arc::downgrade(&usual))])),
            code_cache: code_cache.map(|settings| Arc::new(CodeCache::new(settings, &usual.engine))),
            compiler: Compiler::new(compiler),
            _usual: usual,
            turns: Arc::new(Semaphore::new(engine::CONCURRENT_CALLS as usize)),
        })
    }

    /// Makes a component ready to be called. `digest` is the SHA-256 of `bytes` in hex, and names the compiled code in the cache. It
    /// has the stack that the limits say, and describes itself within them; every other call has the limits of its permit.
    ///
    /// # Errors
    /// When the bytes are no component, or one that is too large, imports or exports something else than a provider does, or cannot be
    /// compiled within bounds.
    pub async fn load(&self, bytes: &[u8], digest: &str, limits: &Limits) -> Result<Provider, LoadError> {
        let anatomy = Anatomy::of(bytes)?;
        // Nothing is compiled that could not be used.
        if let Some(name) = anatomy.foreign.first() {
            return Err(LoadError::Import(name.clone()));
        }
        if !anatomy.is_provider() {
            return Err(LoadError::Unfit(wasmtime::Error::msg(format!("it does not export {}", anatomy::EXPORTED))));
        }
        let machine = self.machine(engine::stack_for(limits.size(Limit::Stack)))?;
        let component = self.component(&machine.engine, bytes, digest).await?;
        Provider::new(machine, &component, anatomy.imports_wasi(), limits.clone(), self.turns.clone())
    }

    /// From the cache, or compiled.
    async fn component(&self, engine: &Engine, bytes: &[u8], digest: &str) -> Result<Component, LoadError> {
        if let Some(component) = self.kept(engine, digest).await {
            return Ok(component);
        }
        let _place = match self.compiler.places.try_acquire() {
            Ok(place) => Ok(place),
            Err(_) => {
                let place = self.compiler.places.acquire().await;
                // Whoever had the place before may have compiled the same.
                if let Some(component) = self.kept(engine, digest).await {
                    return Ok(component);
                }
                place
            }
        };
        let code = self.compiler.compile(bytes).await?;
        let (cache, engine, digest) = (self.code_cache.clone(), engine.clone(), digest.to_owned());
        let ready = move || {
            // SAFETY: a child made these bytes of this very component; see `compile` for how far that goes.
            let component = unsafe { Component::deserialize(&engine, &code) }?;
            if let Some(cache) = cache {
                cache.keep(&digest, &code);
            }
            Ok(component)
        };
        let ready = tokio::task::spawn_blocking(ready).await;
        ready.map_err(wasmtime::Error::new).flatten().map_err(LoadError::Code)
    }

    async fn kept(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let (cache, engine, digest) = (self.code_cache.clone()?, engine.clone(), digest.to_owned());
        tokio::task::spawn_blocking(move || cache.read(&engine, &digest)).await.ok().flatten()
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

    /// What a component is given, which gets WASI only if it asks for it.
    fn linker(&self, wasi: bool) -> Result<&Linker<State>, LoadError> {
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
