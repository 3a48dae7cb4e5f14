//! One code repository, seen through its provider with the network: what a person registered. Every call has an instance, a deadline and a
//! budget of its own; the session, with authority and credentials, is the same for all of them.

use crate::{
    call::{CallBounds, Callee, Instance, OpenRepository, Opening, provider_error},
    download::Download,
    error::CallError,
    network::Network,
};
use forgeport_egress::{Call, Gate, Notices, Session};
use forgeport_model::{Commit, Identity, Limit, Limits};
use std::sync::Arc;
use wasmtime::component::Resource;

/// The session and limits of a code repository's calls.
#[derive(Clone)]
pub struct Connection {
    /// The only way to the network.
    pub gate: Gate,
    /// The authority and the credentials.
    pub session: Arc<Session>,
    /// The options that are no secrets, with defaults. For the secret ones the session has placeholders.
    pub values: Vec<(String, String)>,
    /// The limits of each call.
    pub limits: Limits,
    /// Waits are reported to it.
    pub notices: Arc<dyn Notices>,
}

/// One code repository, seen through its provider. Every call has an instance of its own.
#[derive(Clone)]
pub struct Repository {
    callee: Callee,
    connection: Arc<Connection>,
}

impl Repository {
    pub(crate) fn new(callee: Callee, connection: Connection) -> Repository {
        Repository { callee, connection: Arc::new(connection) }
    }

    /// Checks the credential, and that the repository can be read.
    ///
    /// # Errors
    /// The provider's answer, or what ended the call.
    pub async fn login(&self) -> Result<Identity, CallError> {
        self.call("login", Limit::CallTime, async |opened| {
            let OpenRepository { instance: Instance { store, exports }, repository } = opened;
            let provider = exports.forgeport_code_repository_provider();
            let identity = provider.repository().call_login(store, *repository).await?;
            Ok(identity.map(|identity| self.without_credentials(identity.into())).map_err(provider_error))
        })
        .await
    }

    /// What a provider read from the forge's answer may be a credential that the answer had in some encoding.
    fn without_credentials(&self, identity: Identity) -> Identity {
        let clean = |text: String| self.connection.session.redact(&text);
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
        self.call("resolve", Limit::CallTime, async |opened| {
            let OpenRepository { instance: Instance { store, exports }, repository } = opened;
            let provider = exports.forgeport_code_repository_provider();
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
        self.call("download-files", Limit::DownloadTime, async |opened| {
            let OpenRepository { instance: Instance { store, exports }, repository } = opened;
            let subdirectory = download.subdirectory();
            let directory = store.data_mut().table.push(download)?;
            // The guest borrows it for the call only; the host's own handle stays in the table until the store goes.
            let lent = Resource::new_borrow(directory.rep());
            let provider = exports.forgeport_code_repository_provider();
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
        time: Limit,
        call: impl AsyncFnOnce(&mut OpenRepository) -> wasmtime::Result<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let Connection { gate, session, values, limits, notices } = &*self.connection;
        let deadline = limits.deadline(time);
        let notices = notices.clone();
        let network =
            Network::new(gate.clone(), Call { notices, ..Call::new(session.clone(), limits.clone(), deadline) });
        let bounds = CallBounds { deadline, ended: limits.reached(time), limits };
        let opening = Opening { values: values.clone(), placeholders: session.placeholders.clone() };
        let called = self.callee.call_repository(name, bounds, Some(Arc::new(network)), opening, call).await;
        // A forge that repeats credentials is quoted too: by the provider, and by the host where no archive came.
        called.map_err(|error| error.reworded(|text| session.redact(text)))
    }
}
