//! A component that is ready: compiled, and linked to what it imports.

use crate::{bindings::CodeProviderPre, engines::ProviderEngine, error::LoadError, state::State};
use std::sync::Arc;
use wasmtime::component::Component;

/// A compiled component with all its imports linked, on the engine of its stack. It has no limits yet, so that every registration of the
/// same component shares it.
pub(crate) struct Loaded {
    pub(crate) engine: Arc<ProviderEngine>,
    pub(crate) component: CodeProviderPre<State>,
}

impl Loaded {
    /// # Errors
    /// When the component's imports or exports have other functions than the interface says.
    pub(crate) fn new(engine: Arc<ProviderEngine>, component: &Component, wasi: bool) -> Result<Loaded, LoadError> {
        let component = engine.linker(wasi)?.instantiate_pre(component).and_then(CodeProviderPre::new);
        Ok(Loaded { component: component.map_err(LoadError::Unfit)?, engine })
    }
}
