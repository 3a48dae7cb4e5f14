//! Commits, as a provider reports them: the commit of a revision, and the web page of a commit.

use crate::Result;
use forgeport_model::{Access, Commit};
use forgeport_runtime::{CallError, Offline, ProviderError, Repository};

/// The result of resolving a revision.
pub(crate) enum Resolved {
    /// A commit.
    Commit(Commit),
    /// No commit, in a repository that can be read; the error is the provider's.
    Missing(CallError),
}

impl Resolved {
    /// # Errors
    /// When there is none.
    pub(crate) fn commit(self) -> std::result::Result<Commit, CallError> {
        match self {
            Resolved::Commit(commit) => Ok(commit),
            Resolved::Missing(error) => Err(error),
        }
    }
}

/// Resolves a revision. A forge gives the same answer for a commit that is missing and for one in a repository that the credential cannot
/// read. So if there is no commit, `login` is called as well, and its error (renamed, private, deleted) is reported instead.
pub(crate) async fn resolve(session: &Repository, revision: &str) -> std::result::Result<Resolved, CallError> {
    match session.resolve(revision).await {
        Err(missing @ CallError::Provider(ProviderError::NotFound(_))) => {
            session.login().await?;
            Ok(Resolved::Missing(missing))
        }
        answered => answered.map(Resolved::Commit),
    }
}

/// The web page of a commit, if the provider's link is https and leads to a host that was consented to.
pub(crate) async fn link(offline: &Offline, access: &Access, commit: &str) -> Result<Option<String>> {
    let given = offline.commit_url(commit).await?;
    let link = given.as_deref().and_then(|text| access.web_url(text));
    if link.is_none() && given.is_some() {
        tracing::debug!(
            "the provider's link to the commit is left out: it is not https, or leads to a host that was not consented to"
        );
    }
    Ok(link.map(String::from))
}
