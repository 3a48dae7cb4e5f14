//! Questions to a provider about a commit, and what its errors advise.

use crate::{Result, ServiceError};
use forgeport_model::{Access, Commit, OptionDefinition};
use forgeport_runtime::{CallError, Offline, ProviderError, Repository};
use forgeport_store::CodeRepository;

/// What a revision stands for.
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

/// Resolves a revision. A forge answers alike for what is not there and for what may not be seen. So if there is no commit, it is asked for
/// the repository too, and an error about that (renamed, private, deleted) is reported instead of the missing commit.
pub(crate) async fn resolve(session: &Repository, revision: &str) -> std::result::Result<Resolved, CallError> {
    match session.resolve(revision).await {
        Err(missing @ CallError::Provider(ProviderError::NotFound(_))) => {
            session.login().await?;
            Ok(Resolved::Missing(missing))
        }
        answered => answered.map(Resolved::Commit),
    }
}

/// Adds the command that sets the option which the provider's error names.
pub(crate) fn advised(repository: &CodeRepository, options: &[OptionDefinition], error: CallError) -> ServiceError {
    let CallError::Provider(said) = &error else { return error.into() };
    let text = said.to_string();
    let named = options.iter().find(|option| text.contains(&format!("--{}=@FILE", option.name)));
    match named {
        Some(option) => {
            ServiceError::Registered { name: repository.name.clone(), option: option.name.clone(), source: error }
        }
        None => error.into(),
    }
}

/// True if this is an answer of the forge, whose reason another answer may give.
pub(crate) fn is_an_answer(error: &CallError) -> bool {
    matches!(error, CallError::Provider(error) if !matches!(error, ProviderError::Host(_) | ProviderError::InvalidOption { .. }))
}

/// [`advised`] for a result.
pub(crate) trait Advised<T> {
    fn advised(self, repository: &CodeRepository, options: &[OptionDefinition]) -> Result<T>;
}

impl<T> Advised<T> for std::result::Result<T, CallError> {
    fn advised(self, repository: &CodeRepository, options: &[OptionDefinition]) -> Result<T> {
        self.map_err(|error| advised(repository, options, error))
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
