//! What a forge says of a commit, and what its refusals want of whoever has the registration.

use crate::{Result, ServiceError};
use forgeport_model::{Access, OptionDefinition};
use forgeport_runtime::{CallError, Commit, Offline, ProviderError, Repository};
use forgeport_store::CodeRepository;

/// What a revision stands for.
pub(crate) enum Resolved {
    /// This.
    Commit(Commit),
    /// Nothing, in a repository that can be read; in the provider's words.
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

/// What a revision stands for. Of what may not be seen a forge says the same as of what is not there, so where it has nothing it is asked
/// for the repository too: that it is renamed, private or gone is told in the place of the commit's absence.
pub(crate) async fn resolve(session: &Repository, revision: &str) -> std::result::Result<Resolved, CallError> {
    match session.resolve(revision).await {
        Err(missing @ CallError::Provider(ProviderError::NotFound(_))) => {
            session.login().await?;
            Ok(Resolved::Missing(missing))
        }
        answered => answered.map(Resolved::Commit),
    }
}

/// With the command that gives a registration the option that the provider's words name.
pub(crate) fn advised(repository: &CodeRepository, settings: &[OptionDefinition], error: CallError) -> ServiceError {
    let CallError::Provider(said) = &error else { return error.into() };
    let text = said.to_string();
    let named = settings.iter().find(|setting| text.contains(&format!("--{}=@FILE", setting.name)));
    match named {
        Some(setting) => {
            ServiceError::Registered { name: repository.name.clone(), option: setting.name.clone(), source: error }
        }
        None => error.into(),
    }
}

/// Is it a forge's answer, of which another answer may tell the reason?
pub(crate) fn is_an_answer(error: &CallError) -> bool {
    matches!(error, CallError::Provider(error) if !matches!(error, ProviderError::Host(_) | ProviderError::InvalidOption { .. }))
}

/// [`advised`] for a result.
pub(crate) trait Advised<T> {
    fn advised(self, repository: &CodeRepository, settings: &[OptionDefinition]) -> Result<T>;
}

impl<T> Advised<T> for std::result::Result<T, CallError> {
    fn advised(self, repository: &CodeRepository, settings: &[OptionDefinition]) -> Result<T> {
        self.map_err(|error| advised(repository, settings, error))
    }
}

/// Where a person can look at a commit, if the provider's link leads where it may.
pub(crate) async fn link(offline: &Offline, access: &Access, commit: &str) -> Result<Option<String>> {
    let told = offline.commit_url(commit).await?;
    let link = told.as_deref().and_then(|text| access.web_url(text));
    if link.is_none() && told.is_some() {
        tracing::debug!(
            "the provider's link to the commit is left out: it is not https, or leads to a host that was not consented to"
        );
    }
    Ok(link.map(String::from))
}
