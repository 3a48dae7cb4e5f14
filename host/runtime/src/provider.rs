//! A provider that is ready to be called, and one code repository seen through it.

use crate::{
    bindings::{CodeProvider, CodeProviderPre, Commit, Identity, wit},
    cpu::CpuTime,
    download::Download,
    engines::ProviderEngine,
    error::{CallError, LoadError, ProviderError},
    state::State,
};
use forgeport_egress::{Gate, Permit, Placeholder};
use forgeport_model::{Description, Limit, LimitReached, Limits, RemoteUrl, deadline};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};
use tokio::sync::Semaphore;
use wasmtime::{
    Store,
    component::{Component, Resource, ResourceAny},
};

/// The most time that reading a description may take; it does no more than hand over constants.
const DESCRIBE: std::time::Duration = std::time::Duration::from_secs(10);

/// A compiled component that fits the interface. Clones share it.
#[derive(Clone)]
pub struct Provider {
    loaded: Arc<Loaded>,
    /// For describing itself.
    limits: Limits,
    call_slots: Arc<Semaphore>,
}

/// A compiled component with all its imports linked, on the engine of its stack. It has no limits yet, so that every registration of the
/// same component shares it.
pub(crate) struct Loaded {
    engine: Arc<ProviderEngine>,
    component: CodeProviderPre<State>,
}

impl Loaded {
    /// # Errors
    /// When the component's imports or exports have other functions than the interface says.
    pub(crate) fn new(engine: Arc<ProviderEngine>, component: &Component, wasi: bool) -> Result<Loaded, LoadError> {
        let component = engine.linker(wasi)?.instantiate_pre(component).and_then(CodeProviderPre::new);
        Ok(Loaded { component: component.map_err(LoadError::Unfit)?, engine })
    }
}

/// What a call acts with: the way out, what of it is allowed, and the options.
pub struct Session {
    /// The only way to the network.
    pub gate: Gate,
    /// What may pass it, for how long, and with which credentials.
    pub permit: Permit,
    /// The options that are no secrets, with defaults. For the secret ones the permit has placeholders.
    pub values: Vec<(String, String)>,
    /// The limit that the permit's deadline comes from.
    pub time: Limit,
}

/// One code repository, seen through its provider. Every call has an instance of its own.
#[derive(Clone)]
pub struct Repository {
    provider: Provider,
    session: Arc<Session>,
}

/// The same for the functions that follow from the options alone. They get no network, no credential, no clock and no randomness: what
/// they are told, such as the remote of another repository, they can tell nobody.
#[derive(Clone)]
pub struct Offline {
    provider: Provider,
    opening: Opening,
    limits: Limits,
}

/// What a provider knows of the code repository that it is opened for.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The options that are no secrets, with defaults.
    pub values: Vec<(String, String)>,
    /// For the secret ones.
    pub placeholders: Vec<Placeholder>,
}

/// How long a call may take, and what it may use up.
struct Bounds<'a> {
    deadline: Instant,
    /// The limit that the deadline comes from.
    time: Limit,
    limits: &'a Limits,
}

/// An instance in which the repository was opened.
struct Opened {
    store: Store<State>,
    instance: CodeProvider,
    repository: ResourceAny,
}

impl Provider {
    pub(crate) fn new(loaded: Arc<Loaded>, limits: Limits, call_slots: Arc<Semaphore>) -> Provider {
        Provider { loaded, limits, call_slots }
    }

    /// What the provider says of itself; nothing is granted to it meanwhile.
    ///
    /// # Errors
    /// When the component fails or reaches a limit. The description itself is not checked here.
    pub async fn describe(&self) -> Result<Description, CallError> {
        let ended = LimitReached::fixed(Limit::CallTime, DESCRIBE.as_millis() as u64);
        let cpu = CpuTime::new(&self.limits);
        let described = cpu.bound(async {
            let _slot = self.call_slots.acquire().await;
            let mut store = State::store(&self.loaded.engine.engine, &self.limits, &cpu, None);
            let instance = self.instantiate(&mut store, &self.limits).await?;
            let described = instance.forgeport_code_repository_provider().call_describe(&mut store).await;
            described.map(Into::into).map_err(|error| CallError::from_trap("describe", &self.limits, error))
        });
        within("describe", deadline(DESCRIBE), ended, described).await
    }

    /// The code repository that a session's options name.
    pub fn repository(&self, session: Session) -> Repository {
        Repository { provider: self.clone(), session: Arc::new(session) }
    }

    /// The code repository that options name, for what needs no network.
    #[must_use]
    pub fn offline(&self, opening: Opening, limits: Limits) -> Offline {
        Offline { provider: self.clone(), opening, limits }
    }

    /// Opens the repository in a fresh instance, calls, and drops both. The outer error of `call` is a trap.
    async fn call<T>(
        &self,
        name: &'static str,
        bounds: Bounds<'_>,
        session: Option<&Arc<Session>>,
        opening: Opening,
        call: impl AsyncFnOnce(&mut Opened) -> wasmtime::Result<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let Bounds { deadline, time, limits } = bounds;
        let cpu = CpuTime::new(limits);
        let called = cpu.bound(async {
            let _slot = self.call_slots.acquire().await;
            let store = State::store(&self.loaded.engine.engine, limits, &cpu, session.cloned());
            let mut opened = self.open(store, limits, opening).await?;
            call(&mut opened).await.unwrap_or_else(|error| Err(CallError::from_trap(name, limits, error)))
        });
        within(name, deadline, limits.reached(time), called).await
    }

    async fn open(&self, mut store: Store<State>, limits: &Limits, opening: Opening) -> Result<Opened, CallError> {
        let Opening { values, placeholders } = opening;
        let values: Vec<_> = values.into_iter().map(|(name, value)| wit::Value { name, value }).collect();
        let secret = |found: &Placeholder| wit::Value { name: found.setting.clone(), value: found.text().to_owned() };
        let secrets: Vec<_> = placeholders.iter().map(secret).collect();
        let instance = self.instantiate(&mut store, limits).await?;
        let opened = instance
            .forgeport_code_repository_provider()
            .repository()
            .call_open(&mut store, &values, &secrets)
            .await
            .map_err(|error| CallError::from_trap("open", limits, error))?;
        let repository = opened.map_err(provider_error)?;
        Ok(Opened { store, instance, repository })
    }

    async fn instantiate(&self, store: &mut Store<State>, limits: &Limits) -> Result<CodeProvider, CallError> {
        let instance = self.loaded.component.instantiate_async(store).await;
        instance.map_err(|error| CallError::from_trap("instantiate", limits, error))
    }
}

impl Repository {
    /// Checks the credential, and that the repository can be read.
    ///
    /// # Errors
    /// The provider's answer, or what ended the call.
    pub async fn login(&self) -> Result<Identity, CallError> {
        self.call("login", async |opened| {
            let Opened { store, instance, repository } = opened;
            let provider = instance.forgeport_code_repository_provider();
            let identity = provider.repository().call_login(store, *repository).await?;
            Ok(identity.map(|identity| self.without_credentials(identity.into())).map_err(provider_error))
        })
        .await
    }

    /// What a provider read from the forge's answer may be a credential that the answer had in some encoding.
    fn without_credentials(&self, identity: Identity) -> Identity {
        let clean = |text: String| self.session.permit.redact(&text);
        let Identity { account, repository, default_branch } = identity;
        Identity {
            account: account.map(clean),
            repository: clean(repository),
            default_branch: default_branch.map(clean),
        }
    }

    /// The commit that an id, a branch or a tag stands for.
    ///
    /// # Errors
    /// The provider's answer, or what ended the call.
    pub async fn resolve(&self, revision: &str) -> Result<Commit, CallError> {
        self.call("resolve", async |opened| {
            let Opened { store, instance, repository } = opened;
            let provider = instance.forgeport_code_repository_provider();
            let commit = provider.repository().call_resolve(store, *repository, revision).await?;
            Ok(commit.map_err(provider_error).and_then(Commit::try_from))
        })
        .await
    }

    /// Fills the download's directory with the files of a commit.
    ///
    /// # Errors
    /// The provider's answer, or what ended the call.
    pub async fn download_files(&self, commit: &str, download: Arc<Download>) -> Result<(), CallError> {
        self.call("download-files", async |opened| {
            let Opened { store, instance, repository } = opened;
            let subdirectory = download.subdirectory();
            let directory = store.data_mut().table.push(download)?;
            // The guest borrows it for the call only; the host's own handle stays in the table until the store goes.
            let lent = Resource::new_borrow(directory.rep());
            let provider = instance.forgeport_code_repository_provider();
            let repositories = provider.repository();
            let done =
                repositories.call_download_files(store, *repository, commit, lent, subdirectory.as_deref()).await?;
            Ok(done.map_err(provider_error))
        })
        .await
    }

    async fn call<T>(
        &self,
        name: &'static str,
        call: impl AsyncFnOnce(&mut Opened) -> wasmtime::Result<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let Session { permit, values, time, .. } = &*self.session;
        let bounds = Bounds { deadline: permit.deadline, time: *time, limits: permit.usage.limits() };
        let opening = Opening { values: values.clone(), placeholders: permit.placeholders.clone() };
        let called = self.provider.call(name, bounds, Some(&self.session), opening, call).await;
        // A forge that tells credentials back is quoted too: by the provider, and by the host where no archive came.
        called.map_err(|error| error.reworded(|text| permit.redact(text)))
    }
}

impl Offline {
    /// Is this the URL of the repository, in any of the forge's spellings?
    ///
    /// # Errors
    /// What ended the call, or why the options are refused.
    pub async fn owns_remote(&self, remote: &RemoteUrl) -> Result<bool, CallError> {
        let remote = wit::Remote {
            scheme: remote.scheme().as_str().to_owned(),
            host: remote.host().to_owned(),
            port: remote.port(),
            path: remote.path().to_owned(),
        };
        self.call("owns-remote", async |opened| {
            let Opened { store, instance, repository } = opened;
            let provider = instance.forgeport_code_repository_provider();
            provider.repository().call_owns_remote(store, *repository, &remote).await.map(Ok)
        })
        .await
    }

    /// Where a person can look at the commit.
    ///
    /// # Errors
    /// What ended the call, or why the options are refused.
    pub async fn commit_url(&self, commit: &str) -> Result<Option<String>, CallError> {
        self.call("commit-url", async |opened| {
            let Opened { store, instance, repository } = opened;
            let provider = instance.forgeport_code_repository_provider();
            provider.repository().call_commit_url(store, *repository, commit).await.map(Ok)
        })
        .await
    }

    async fn call<T>(
        &self,
        name: &'static str,
        call: impl AsyncFnOnce(&mut Opened) -> wasmtime::Result<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let time = Limit::CallTime;
        let bounds = Bounds { deadline: self.limits.deadline(time), time, limits: &self.limits };
        self.provider.call(name, bounds, None, self.opening.clone(), call).await
    }
}

fn provider_error(error: wit::Error) -> CallError {
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
