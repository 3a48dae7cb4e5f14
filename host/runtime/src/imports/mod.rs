//! What a provider can call. There is nothing else: a component that imports more is refused when it is loaded.

mod checkout;
mod http;
mod log;

use crate::{anatomy::is_offered, bindings::CodeProvider, error::LoadError, state::State};
use wasmtime::{
    Engine,
    component::{Component, HasSelf, Linker},
};

/// The interfaces that [`linker`] gives, without their version.
pub(crate) const OFFERED: [&str; 3] =
    ["forgeport:code-repository/http", "forgeport:code-repository/checkout", "forgeport:code-repository/log"];

pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    CodeProvider::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// Names the first import that no provider gets; the linker's own message would name a function deep inside it.
pub(crate) fn check(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    let component_type = component.component_type();
    let foreign = component_type.imports(engine).map(|(name, _)| name).find(|name| !is_offered(name));
    match foreign {
        Some(name) => Err(LoadError::Import(name.to_owned())),
        None => Ok(()),
    }
}
