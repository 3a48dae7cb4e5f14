//! WASI 0.2, which the runtimes of languages need. All interfaces are there, and none leads out of the sandbox: no arguments
//! and no environment, no file, sockets that refuse, an output that is the provider's log. Requests of `wasi:http` pass the gate.
//!
//! Time and randomness are real in calls that have a network. Without one they are not, see `wasi::clock`: what a component says of itself is
//! believed from then on, so it must not be able to say one thing to the person who consents and another one later.

use super::clock;
use crate::{state::State, wasi::Wasi};
use wasmtime::{
    Result, StoreContextMut,
    component::{Linker, LinkerInstance, Resource, ResourceTable},
};
use wasmtime_wasi::{WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest, Method, OutgoingRequest};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

/// Bytes of a request's method, and of its authority: the library would keep any number of them, for each handle.
const WORD: usize = 1 << 10;

/// The interface whose requests are bounded here, as the library names it.
const HTTP_TYPES: &str = "wasi:http/types@0.2.12";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    clock::add_to_linker(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    bound_words(&mut linker.instance(HTTP_TYPES)?)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Puts functions in the place of those that would keep words of any length.
fn bound_words(types: &mut LinkerInstance<'_, State>) -> Result<()> {
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, State>, (request, method): (Resource<OutgoingRequest>, Method)| {
            let is_long = matches!(&method, Method::Other(name) if name.len() > WORD);
            Ok((if is_long { Err(()) } else { store.data_mut().http().set_method(request, method)? },))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, State>, (request, authority): (Resource<OutgoingRequest>, Option<String>)| {
            let is_long = authority.as_ref().is_some_and(|authority| authority.len() > WORD);
            Ok((if is_long { Err(()) } else { store.data_mut().http().set_authority(request, authority)? },))
        },
    )
}

impl State {
    /// Seeding generators takes longer than the rest of a store, and most providers never ask: it is made when it is needed.
    pub(super) fn wasi(&mut self) -> (&mut Wasi, &mut ResourceTable) {
        let State { wasi, network, log, cpu, table, .. } = self;
        (wasi.get_or_insert_with(|| Box::new(Wasi::new(network.clone(), log.clone(), cpu.clone()))), table)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (wasi, table) = self.wasi();
        WasiCtxView { ctx: &mut wasi.ctx, table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (wasi, table) = self.wasi();
        WasiHttpCtxView { hooks: &mut wasi.outgoing, table, ctx: &mut wasi.http }
    }
}
