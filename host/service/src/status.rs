//! The status of a checkout: what git knows of it, and which code repositories it belongs to.

use crate::{
    Result, Service, ServiceError,
    ask::{self, Advised, Resolved},
    blocking::blocking,
};
use forgeport_model::RemoteUrl;
use forgeport_runtime::Provider;
use forgeport_store::{CodeRepository, Consent};
use forgeport_worktree::{LocalContext, Pushed, RemoteAddress};
use serde::Serialize;
use std::{path::Path, time::Duration};

/// Time limit of inspecting a checkout: enough for a large one on a slow disk, and an end for a hostile one.
const TIME: Duration = Duration::from_secs(300);

/// A checkout, and the code repositories that it is one of.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// What is on the disk.
    #[serde(flatten)]
    pub context: LocalContext,
    /// The code repositories of the checkout, ordered by name; there can be several.
    pub code_repositories: Vec<Match>,
    /// Why it is unknown of some code repositories whether the checkout belongs to them.
    pub problems: Vec<String>,
}

/// A code repository that tracks a checkout.
#[derive(Clone, Debug, Serialize)]
pub struct Match {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The type it was registered as.
    pub kind: String,
    /// The remote of the checkout that it is.
    pub remote: String,
    /// Whether the remote has the commit.
    pub pushed: RemoteState,
    /// The web page of the commit.
    pub url: Option<String>,
}

/// Whether a remote has the commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "why", rename_all = "kebab-case")]
pub enum RemoteState {
    /// These refs have it, or the forge itself says so.
    Pushed(Vec<String>),
    /// It does not have the commit, as far as is known here, or as the forge itself says.
    NotPushed,
    /// Unknown, with the reason.
    Unknown(String),
}

impl Service {
    /// Reports the status of a checkout. With `ask`, the forges are asked whether they have the commit.
    ///
    /// # Errors
    /// When there is no checkout at the path, it cannot be read, or the path is in a directory that a download has not completed.
    pub async fn status(&self, path: &Path, untracked: bool, ask: bool) -> Result<Status> {
        let asked = path.to_owned();
        // It blocks, for as long as the disk takes.
        let look = move || {
            forgeport_download::check_finished(&asked)?;
            Ok::<_, ServiceError>(forgeport_worktree::inspect(
                &asked,
                forgeport_worktree::InspectOptions { untracked, time: TIME },
            )?)
        };
        let context = blocking(look).await??;
        let mut status = Status { context, code_repositories: Vec::new(), problems: Vec::new() };
        // Few of many registrations can match.
        for repository in self.store().code_repositories().that_may_own(&urls(&status.context)).await? {
            let name = repository.name.clone();
            match self.compare(repository, &status.context, ask).await {
                Ok(found) => status.code_repositories.extend(found),
                Err(error) => status.problems.push(format!("{name}: {error}")),
            }
        }
        Ok(status)
    }

    async fn compare(&self, repository: CodeRepository, context: &LocalContext, ask: bool) -> Result<Option<Match>> {
        let (repository, consent) = self.consented(repository).await?;
        let hosts = &consent.access.remote_hosts;
        let possible = context.remotes.iter().filter_map(|remote| match &remote.address {
            RemoteAddress::Forge(url) if hosts.iter().any(|host| host == url.host()) => Some((remote, url)),
            _ => None,
        });
        for (remote, url) in possible {
            let provider = self.provider(&repository).await?;
            if let Some(url) = self.owns(&repository, &consent, &provider, url, context.commit.as_deref()).await? {
                let pushed = match (ask, &context.commit) {
                    (true, Some(commit)) => {
                        let asking = async || self.ask(&repository, &consent, &provider, commit).await;
                        self.renewing(&repository, asking).await?
                    }
                    _ => known_here(&remote.pushed),
                };
                let CodeRepository { name, id, kind, .. } = repository;
                return Ok(Some(Match { name, id, kind, remote: remote.name.clone(), pushed, url }));
            }
        }
        Ok(None)
    }

    /// None if the remote is another repository, otherwise the web page of the commit.
    async fn owns(
        &self,
        repository: &CodeRepository,
        consent: &Consent,
        provider: &Provider,
        remote: &RemoteUrl,
        commit: Option<&str>,
    ) -> Result<Option<Option<String>>> {
        let offline = self.offline(repository, consent, provider)?;
        if !offline.owns_remote(remote).await? {
            return Ok(None);
        }
        match commit {
            Some(commit) => Ok(Some(ask::link(&offline, &consent.access, commit).await?)),
            None => Ok(Some(None)),
        }
    }

    async fn ask(
        &self,
        repository: &CodeRepository,
        consent: &Consent,
        provider: &Provider,
        commit: &str,
    ) -> Result<RemoteState> {
        let session = self.connect(repository, consent, provider, self.notices.clone()).await?;
        match ask::resolve(&session, commit).await.advised(repository, &consent.settings)? {
            Resolved::Commit(found) if found.id == commit => Ok(RemoteState::Pushed(Vec::new())),
            _ => Ok(RemoteState::NotPushed),
        }
    }
}

/// The remotes that a forge could serve.
fn urls(context: &LocalContext) -> Vec<RemoteUrl> {
    let url = |remote: &forgeport_worktree::Remote| match &remote.address {
        RemoteAddress::Forge(url) => Some(url.clone()),
        _ => None,
    };
    context.remotes.iter().filter_map(url).collect()
}

fn known_here(pushed: &Pushed) -> RemoteState {
    match pushed {
        Pushed::Pushed { refs } => RemoteState::Pushed(refs.clone()),
        Pushed::NotPushed => RemoteState::NotPushed,
        Pushed::Unknown { why } => RemoteState::Unknown(why.clone()),
    }
}
