//! What one call has of WASI 0.2: contexts without arguments, environment, files and sockets, the way from `wasi:http` to the gate, and
//! clocks that are not real where the call has no network. `imports` links the functions to it.

mod clock;
mod outgoing;
mod output;

pub(crate) use clock::{Clock, STEP};

use crate::{bindings::log::Level, cpu::CpuTime, log::ProviderLog, network::Network};
use clock::{StoppedClock, known_bytes};
use outgoing::Outgoing;
use output::Output;
use std::sync::Arc;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::WasiHttpCtx;

/// Random bytes that one call gives: making more would keep other calls waiting.
const RANDOM: u64 = 64 << 10;

/// Bytes of the headers of one message while the guest puts them together, in as many as it has handles; the gate counts them anew.
/// Servers take some 8 KiB.
const FIELDS: usize = 16 << 10;

/// The WASI state of a wasmtime store.
pub(crate) struct Wasi {
    pub(crate) ctx: WasiCtx,
    pub(crate) http: WasiHttpCtx,
    pub(crate) outgoing: Outgoing,
    pub(crate) clock: Clock,
}

impl Wasi {
    pub(crate) fn new(network: Option<Arc<Network>>, log: Arc<ProviderLog>, cpu: CpuTime) -> Wasi {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS);
        // Without arguments, environment, directories and standard input, unless they are given.
        let mut ctx = WasiCtx::builder();
        if network.is_none() {
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
        let clock = if network.is_some() { Clock::Real } else { Clock::Made { now: 0 } };
        Wasi { ctx, http, outgoing: Outgoing { network, log, cpu }, clock }
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
