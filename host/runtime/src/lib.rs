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
pub use provider::{Provider, Repository, Session};

use code_cache::CodeCache;
use engine::Ticker;
use forgeport_grants::Limits;
use state::State;
use std::sync::Arc;
use tokio::sync::Semaphore;
use wasmtime::{Engine, component::Linker};

/// The engine with everything that all providers share.
pub struct Runtime {
    engine: Engine,
    linker: Linker<State>,
    code_cache: Option<CodeCache>,
    limits: Limits,
    turns: Arc<Semaphore>,
    _ticker: Ticker,
}

impl Runtime {
    /// A runtime that lets a provider describe itself within these limits; every other call has those of its permit. Without a cache
    /// every process compiles anew.
    ///
    /// # Errors
    /// When the machine cannot give the engine the address space it reserves.
    pub fn new(limits: Limits, code_cache: Option<CodeCacheSettings>) -> Result<Runtime, LoadError> {
        let engine = engine::build().map_err(LoadError::Engine)?;
        let linker = imports::linker(&engine).map_err(LoadError::Engine)?;
        Ok(Runtime {
            _ticker: Ticker::start(&engine),
            code_cache: code_cache.map(|settings| CodeCache::new(settings, &engine)),
            engine,
            linker,
            limits,
            turns: Arc::new(Semaphore::new(engine::CONCURRENT_CALLS as usize)),
        })
    }

    /// Makes a component ready to be called. `digest` is the SHA-256 of `bytes` in hex, and names the compiled code in the cache.
    ///
    /// # Errors
    /// When the bytes are no component, or one that imports or exports something else than a provider does.
    pub fn load(&self, bytes: &[u8], digest: &str) -> Result<Provider, LoadError> {
        let compile = || wasmtime::component::Component::from_binary(&self.engine, bytes);
        let component = match &self.code_cache {
            Some(cache) => cache.get_or_compile(&self.engine, digest, compile),
            None => compile(),
        }
        .map_err(LoadError::NoComponent)?;
        Provider::new(self, &component)
    }
}
