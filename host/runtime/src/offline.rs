//! One code repository, seen through its provider without the network: recognising a remote, and linking to a commit.

use crate::{
    bindings::wit,
    call::{CallBounds, Callee, Instance, OpenRepository, Opening},
    error::CallError,
};
use forgeport_model::{Limit, Limits, RemoteUrl};

/// What needs no network: the functions that follow from the options alone. They get no credential, no clock and no randomness either: what
/// they learn, such as the remote of another repository, they can pass on to no server.
#[derive(Clone)]
pub struct Offline {
    callee: Callee,
    opening: Opening,
    limits: Limits,
}

impl Offline {
    pub(crate) fn new(callee: Callee, opening: Opening, limits: Limits) -> Offline {
        Offline { callee, opening, limits }
    }

    /// This is the URL of the repository, in one of the forge's spellings.
    ///
    /// # Errors
    /// The error that ended the call, or why the options are refused.
    pub async fn owns_remote(&self, remote: &RemoteUrl) -> Result<bool, CallError> {
        let remote = wit::Remote {
            scheme: remote.scheme().as_str().to_owned(),
            host: remote.host().to_owned(),
            port: remote.port(),
            path: remote.path().to_owned(),
        };
        self.call("owns-remote", async |opened| {
            let OpenRepository { instance: Instance { store, exports }, repository } = opened;
            let provider = exports.forgeport_code_repository_provider();
            provider.repository().call_owns_remote(store, *repository, &remote).await.map(Ok)
        })
        .await
    }

    /// The web page of the commit.
    ///
    /// # Errors
    /// The error that ended the call, or why the options are refused.
    pub async fn commit_url(&self, commit: &str) -> Result<Option<String>, CallError> {
        self.call("commit-url", async |opened| {
            let OpenRepository { instance: Instance { store, exports }, repository } = opened;
            let provider = exports.forgeport_code_repository_provider();
            provider.repository().call_commit_url(store, *repository, commit).await.map(Ok)
        })
        .await
    }

    async fn call<T>(
        &self,
        name: &'static str,
        call: impl AsyncFnOnce(&mut OpenRepository) -> wasmtime::Result<Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let (time, limits) = (Limit::CallTime, &self.limits);
        let bounds = CallBounds { deadline: limits.deadline(time), ended: limits.reached(time), limits };
        self.callee.call_repository(name, bounds, None, self.opening.clone(), call).await
    }
}
