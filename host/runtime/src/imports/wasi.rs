//! WASI 0.2, for what the runtimes of languages cannot do without. Everything is there, and nothing of it leads anywhere: no arguments
//! and no environment, no file, sockets that refuse, an output that is the provider's log. Requests of `wasi:http` pass the gate.
//!
//! Time and randomness are real in calls that have a session. Without one they are not, see clock.rs: what a component says of itself is
//! believed from then on, so it must not be able to say one thing to the person who consents and another one later.

use super::{
    ProviderLog,
    clock::{self, Clock, StoppedClock, known_bytes},
    outgoing::Outgoing,
    output::Output,
};
use crate::{bindings::log::Level, cpu::CpuTime, provider::Session, state::State};
use std::sync::Arc;
use wasmtime::{
    Result, StoreContextMut,
    component::{Linker, LinkerInstance, Resource, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest, Method, OutgoingRequest};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Random bytes that one call gives: making more would keep other calls waiting.
const RANDOM: u64 = 64 << 10;

/// Bytes of the headers of one message while the guest puts them together, in as many as it has handles; the gate counts them anew.
/// Servers take some 8 KiB.
const FIELDS: usize = 16 << 10;

/// Bytes of a request's method, and of its authority: the library would keep any number of them, for each handle.
const WORD: usize = 1 << 10;

/// The interface whose requests are bounded here, as the library names it.
const HTTP_TYPES: &str = "wasi:http/types@0.2.12";

/// What a store has of WASI.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    pub(super) clock: Clock,
}

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

impl Wasi {
    fn new(session: Option<Arc<Session>>, log: Arc<ProviderLog>, cpu: CpuTime) -> Wasi {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS);
        // Without arguments, environment, directories and standard input, unless they are given.
        let mut ctx = WasiCtx::builder();
        if session.is_none() {
            ctx.wall_clock(StoppedClock).secure_random(known_bytes());
            ctx.insecure_random(known_bytes()).insecure_random_seed(1);
        }
        let ctx = ctx
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM)
            .stdout(Output { log: log.clone(), level: Level::Info })
            .stderr(Output { log: log.clone(), level: Level::Warn })
            .build();
        let clock = if session.is_some() { Clock::Real } else { Clock::Made { now: 0 } };
        Wasi { ctx, http, outgoing: Outgoing { session, log, cpu }, clock }
    }
}

impl State {
    /// Seeding generators takes longer than the rest of a store, and most providers never ask: it is made when it is needed.
    pub(super) fn wasi(&mut self) -> (&mut Wasi, &mut ResourceTable) {
        let State { wasi, session, log, cpu, table, .. } = self;
        (wasi.get_or_insert_with(|| Box::new(Wasi::new(session.clone(), log.clone(), cpu.clone()))), table)
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

#[cfg(test)]
mod tests {
    use super::FIELDS;
    use forgeport_model::Limit;

    #[test]
    fn headers_of_all_handles_together_take_less_than_the_memory_of_a_component() {
        let handles = Limit::Handles.default_value();
        let headers = [FIELDS as u64, Limit::HeaderBytes.default_value()];
        assert!(headers.iter().all(|bytes| handles * bytes <= Limit::Memory.default_value() / 4));
    }
}
