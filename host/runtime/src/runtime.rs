//! The runtime: makes components ready to be called, each once. The top layer of this crate, above engines, compiler and
//! caches.
//!
//! | where a component's code is | what a call of [`Runtime::load`] does |
//! | --- | --- |
//! | in the registry of this process | counts it as used; reads no file |
//! | in the cache on disk | reads the component and its code, checks the code's MAC, links |
//! | nowhere | reads the component, has it compiled in a child process, writes the cache, links |

use crate::{
    blocking::run_blocking,
    code_cache::{CodeCache, CodeCacheSettings},
    compile::{Compiler, CompilerSettings},
    component_info::ComponentInfo,
    engine,
    engines::{Engines, PoolUse, ProviderEngine},
    error::LoadError,
    loaded::Loaded,
    provider::Provider,
    registry::{Measured, Registry, RegistryBounds},
};
use forgeport_model::{Digest, Limit, Limits};
use std::{borrow::Cow, sync::Arc};
use tokio::sync::Semaphore;
use wasmtime::{Engine, component::Component};

/// Providers that are kept ready. The machine code of one in Python or JavaScript takes about 35 MB, of one in Rust 0.7 MB: so there is room
/// for a dozen of the former.
const LOADED: RegistryBounds = RegistryBounds { entries: 128, bytes: 512 << 20 };

/// The state that all providers share; one for each process.
pub struct Runtime {
    engines: Engines,
    loaded: Registry<LoadedKey, Arc<Loaded>>,
    code_cache: Option<Arc<CodeCache>>,
    compiler: Compiler,
    call_slots: Arc<Semaphore>,
}

/// Names a component that is ready to be called: the digest of its bytes, and the stack that its engine gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LoadedKey {
    digest: Digest,
    stack: u64,
}

impl Runtime {
    /// Without a cache every process compiles anew.
    ///
    /// # Errors
    /// When the machine cannot give the engine the address space it reserves.
    pub fn new(compiler: CompilerSettings, code_cache: Option<CodeCacheSettings>) -> Result<Runtime, LoadError> {
        let engines = Engines::new()?;
        let code_cache = code_cache.zip(engines.any()).map(|(settings, engine)| CodeCache::new(settings, engine));
        Ok(Runtime {
            engines,
            loaded: Registry::new(LOADED),
            code_cache: code_cache.map(Arc::new),
            compiler: Compiler::new(compiler),
            call_slots: Arc::new(Semaphore::new(engine::CONCURRENT_CALLS as usize)),
        })
    }

    /// Makes a component ready to be called. `digest` is that of its bytes, and names it here and its code in the cache;
    /// `bytes` gives them, and is not polled where the component is ready already. It has the class of stack that the limits say, and
    /// describes itself within them; every other call has the limits of its own.
    ///
    /// # Errors
    /// Those of `bytes`; and when the bytes are no component, or one that is too large, imports or exports something else than a provider
    /// does, or cannot be compiled within bounds.
    pub async fn load<E: From<LoadError>>(
        &self,
        digest: Digest,
        limits: &Limits,
        bytes: impl Future<Output = Result<Cow<'static, [u8]>, E>>,
    ) -> Result<Provider, E> {
        let stack = limits.get(Limit::Stack);
        let key = LoadedKey { digest, stack };
        let loading = async {
            let engine = self.engines.for_stack(stack).await?;
            Ok::<_, E>(self.load_anew(engine, digest, bytes.await?).await?)
        };
        let loaded = self.loaded.get_or_load(&key, loading).await?;
        Ok(Provider::new(loaded, limits.clone(), self.call_slots.clone()))
    }

    /// The use of the engines' pools by calls at this moment.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        self.engines.pool_use()
    }

    async fn load_anew(
        &self,
        engine: Arc<ProviderEngine>,
        digest: Digest,
        bytes: Cow<'static, [u8]>,
    ) -> Result<Measured<Arc<Loaded>>, LoadError> {
        let read = move || {
            let info = ComponentInfo::of(&bytes)?;
            info.check_provider()?;
            Ok((info, bytes))
        };
        let (info, bytes) = run_blocking(read).await?;
        let component = self.component(&engine.engine, &bytes, digest).await?;
        let link = move || {
            let code = component.image_range();
            let value = Arc::new(Loaded::new(engine, &component, info.imports_wasi())?);
            Ok(Measured { value, bytes: (code.end as usize).saturating_sub(code.start as usize) })
        };
        run_blocking(link).await
    }

    /// From the cache, or compiled.
    async fn component(&self, engine: &Engine, bytes: &[u8], digest: Digest) -> Result<Component, LoadError> {
        if let Some(component) = self.cached(engine, digest).await {
            return Ok(component);
        }
        let _slot = match self.compiler.slots.try_acquire() {
            Ok(slot) => Ok(slot),
            Err(_) => {
                let slot = self.compiler.slots.acquire().await;
                // Whoever had the slot before may have compiled the same for another class of stack, or in another process.
                if let Some(component) = self.cached(engine, digest).await {
                    return Ok(component);
                }
                slot
            }
        };
        let code = self.compiler.compile(bytes).await?;
        let engine = engine.clone();
        let ready = move || {
            // SAFETY: a child made these bytes of this very component; see `compile` for how far that goes.
            let component = unsafe { Component::deserialize(&engine, &code) }.map_err(LoadError::Code)?;
            Ok((component, code))
        };
        let (component, code) = run_blocking(ready).await?;
        if let Some(cache) = &self.code_cache {
            cache.keep(digest, code).await;
        }
        Ok(component)
    }

    async fn cached(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        self.code_cache.as_ref()?.read(engine, digest).await
    }
}
