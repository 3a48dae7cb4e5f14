//! What a provider can call. There is nothing else: a component that imports more is refused when it is loaded.

mod checkout;
mod clock;
mod http;
mod log;
mod outgoing;
mod output;
mod wasi;

pub(crate) use log::ProviderLog;
pub(crate) use wasi::Wasi;

use crate::{anatomy::without_version, bindings::CodeProvider, state::State};
use wasmtime::{
    Engine, Result,
    component::{HasSelf, Linker},
};

/// The interfaces that every provider gets, without their version.
const OWN: [&str; 3] =
    ["forgeport:code-repository/http", "forgeport:code-repository/checkout", "forgeport:code-repository/log"];

/// What every provider can call.
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

/// Is an interface of this name, with its version, one that a provider gets?
pub(crate) fn is_offered(name: &str) -> bool {
    OWN.contains(&without_version(name)) || is_offered_wasi(name)
}

/// Is it one of those that only the runtimes of languages and ordinary HTTP libraries need?
pub(crate) fn is_offered_wasi(name: &str) -> bool {
    // Drafts of 0.2 had other functions.
    let is_spoken = |version: &str| version.starts_with("0.2.") && !version.contains('-');
    name.split_once('@').is_some_and(|(interface, version)| wasi::OFFERED.contains(&interface) && is_spoken(version))
}
