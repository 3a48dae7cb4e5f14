//! How an exported function is called: a slot, a fresh instance, the call itself within its bounds, and then the instance is dropped,
//! however it ended. Layer: above engines and imports, below what a caller of this crate sees.
//!
//! | what ends a call | the error |
//! | --- | --- |
//! | its deadline | the limit that the deadline comes from |
//! | what it computes, host's work for it included | `cpu_time` |
//! | memory, tables, instances, handles, stack, fuel of host calls | that limit |
//! | a trap | the provider failed |
//! | a panic of the host | Forgeport failed; the panic's text is not repeated |

use crate::{
    bindings::{CodeProvider, wit},
    cpu::CpuTime,
    error::{CallError, ProviderError},
    loaded::Loaded,
    network::Network,
    state::State,
};
use forgeport_egress::Placeholder;
use forgeport_model::{LimitReached, Limits};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};
use tokio::sync::Semaphore;
use wasmtime::{Store, component::ResourceAny};

/// The values that a provider is opened with.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The options that are no secrets, with defaults.
    pub values: Vec<(String, String)>,
    /// For the secret ones.
    pub placeholders: Vec<Placeholder>,
}

/// How long a call may take, and what it may use up.
pub(crate) struct CallBounds<'a> {
    pub(crate) deadline: Instant,
    /// The error when the deadline has come.
    pub(crate) ended: LimitReached,
    pub(crate) limits: &'a Limits,
}

/// A component whose functions are called, as many at a time as there are slots.
#[derive(Clone)]
pub(crate) struct Callee {
    loaded: Arc<Loaded>,
    slots: Arc<Semaphore>,
}

/// An instance of one call.
pub(crate) struct Instance {
    pub(crate) store: Store<State>,
    pub(crate) exports: CodeProvider,
}

/// An instance in which a code repository was opened.
pub(crate) struct OpenRepository {
    pub(crate) instance: Instance,
    pub(crate) repository: ResourceAny,
}

impl Callee {
    pub(crate) fn new(loaded: Arc<Loaded>, slots: Arc<Semaphore>) -> Callee {
        Callee { loaded, slots }
    }

    /// Calls in a fresh instance, which is dropped then. The call has no network unless one is given. The outer error of `call` is a trap.
    pub(crate) async fn call<T>(
        &self,
        name: &'static str,
        bounds: CallBounds<'_>,
        network: Option<Arc<Network>>,
        call: impl AsyncFnOnce(Instance) -> wasmtime::Result<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let CallBounds { deadline, ended, limits } = bounds;
        let cpu = CpuTime::new(limits);
        let called = cpu.bound(async {
            let _slot = self.slots.acquire().await;
            let mut store = State::store(&self.loaded.engine.engine, limits, &cpu, network);
            let exports = self.loaded.component.instantiate_async(&mut store).await;
            let exports = exports.map_err(|error| CallError::from_trap("instantiate", limits, error))?;
            let called = call(Instance { store, exports }).await;
            called.unwrap_or_else(|error| Err(CallError::from_trap(name, limits, error)))
        });
        within(name, deadline, ended, called).await
    }

    /// The same, with a code repository that was opened in the instance before.
    pub(crate) async fn call_repository<T>(
        &self,
        name: &'static str,
        bounds: CallBounds<'_>,
        network: Option<Arc<Network>>,
        opening: Opening,
        call: impl AsyncFnOnce(&mut OpenRepository) -> wasmtime::Result<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let limits = bounds.limits;
        let opened = async |instance| {
            let mut open = match open(instance, limits, opening).await {
                Ok(open) => open,
                Err(error) => return Ok(Err(error)),
            };
            call(&mut open).await
        };
        self.call(name, bounds, network, opened).await
    }
}

async fn open(mut instance: Instance, limits: &Limits, opening: Opening) -> Result<OpenRepository, CallError> {
    let Opening { values, placeholders } = opening;
    let values: Vec<_> = values.into_iter().map(|(name, value)| wit::Value { name, value }).collect();
    let secret = |found: &Placeholder| wit::Value { name: found.setting.clone(), value: found.text().to_owned() };
    let secrets: Vec<_> = placeholders.iter().map(secret).collect();
    let Instance { store, exports } = &mut instance;
    let provider = exports.forgeport_code_repository_provider();
    let opened = provider.repository().call_open(store, &values, &secrets).await;
    let opened = opened.map_err(|error| CallError::from_trap("open", limits, error))?;
    let repository = opened.map_err(provider_error)?;
    Ok(OpenRepository { instance, repository })
}

pub(crate) fn provider_error(error: wit::Error) -> CallError {
    CallError::Provider(ProviderError::from(error))
}

/// Ends a call at its deadline by dropping it, and with it its instance and its connections. A panic ends this call and no other: nothing
/// that it had is used again.
async fn within<T>(
    name: &'static str,
    deadline: Instant,
    ended: LimitReached,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let call = AssertUnwindSafe(call).catch_unwind();
    match tokio::time::timeout_at(deadline.into(), call).await {
        Ok(Ok(called)) => called,
        Ok(Err(_panic)) => Err(CallError::Failed { call: name }),
        Err(_) => Err(CallError::Limit(ended)),
    }
}
