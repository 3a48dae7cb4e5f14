//! The status of a checkout: its state, and the code repositories that it belongs to.

use crate::{
    Result, Service, ServiceError,
    advised::Advised,
    api::{Match, RemoteState, Status},
    blocking::blocking,
    commit::{self, Resolved},
};
use forgeport_model::RemoteUrl;
use forgeport_runtime::Provider;
use forgeport_store::{CodeRepository, Consent};
use forgeport_worktree::{LocalContext, RemoteAddress};
use std::{path::Path, time::Duration};

/// Time limit of inspecting a checkout: enough for a large one on a slow disk, and an end for a hostile one.
const TIME: Duration = Duration::from_secs(300);

impl Service {
    /// Reports the status of a checkout. With `ask`, a request to each forge finds out whether it has the commit.
    ///
    /// # Errors
    /// When there is no checkout at the path, it cannot be read, or the path is in a directory that a download has not completed.
    pub async fn status(&self, path: &Path, untracked: bool, ask: bool) -> Result<Status> {
        let path = path.to_owned();
        // It blocks, for as long as the disk takes.
        let look = move || {
            forgeport_download::check_finished(&path)?;
            Ok::<_, ServiceError>(forgeport_worktree::inspect(
                &path,
                forgeport_worktree::InspectOptions { untracked, time: TIME },
            )?)
        };
        let context = blocking(look).await??;
        let (mut code_repositories, mut problems) = (Vec::new(), Vec::new());
        // Few of many registrations can match.
        for repository in self.store().code_repositories().that_may_own(&urls(&context)).await? {
            let name = repository.name.clone();
            match self.compare(repository, &context, ask).await {
                Ok(found) => code_repositories.extend(found),
                Err(error) => problems.push(format!("{name}: {error}")),
            }
        }
        Ok(Status { checkout: context.into(), code_repositories, problems })
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
                    _ => RemoteState::from(&remote.pushed),
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
            Some(commit) => Ok(Some(commit::link(&offline, &consent.access, commit).await?)),
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
        match commit::resolve(&session, commit).await.advised(repository, &consent.settings)? {
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
