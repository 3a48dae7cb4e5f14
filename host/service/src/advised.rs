//! Errors of a provider, completed by the command that mends them.

use crate::{Result, ServiceError};
use forgeport_model::OptionDefinition;
use forgeport_runtime::{CallError, ProviderError};
use forgeport_store::CodeRepository;

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
