//! The functions that a provider can call. A component that imports anything else is refused when it is loaded.

mod checkout;
mod clock;
mod http;
mod log;
mod wasi;

use crate::{bindings::CodeProvider, state::State};
use wasmtime::{
    Engine, Result,
    component::{HasSelf, Linker},
};

/// The functions that every provider can call.
pub(crate) fn own(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    CodeProvider::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// The same, and WASI.
pub(crate) fn with_wasi(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = own(engine)?;
    wasi::add_to_linker(&mut linker)?;
    Ok(linker)
}
