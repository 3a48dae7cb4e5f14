//! The options that a provider accepts, for command lines and help texts.

use crate::{Result, Service, provider::Described};
use forgeport_model::{CallOf, ComponentSource, Limits, OptionDefinition};

/// The options of one provider.
#[derive(Clone, Debug)]
pub struct ProviderOptions {
    /// The provider's name.
    pub provider: String,
    /// Its version.
    pub version: String,
    /// The options, in its own order.
    pub options: Vec<OptionDefinition>,
}

impl Service {
    /// The options to register a code repository with. `limits` are as in [`GrantOptions::limits`](crate::GrantOptions::limits).
    ///
    /// # Errors
    /// When the file cannot be read, or is not a provider, or a limit is wrong.
    pub async fn options_to_register(&self, source: &ComponentSource, limits: &[String]) -> Result<ProviderOptions> {
        let limits = self.limited(Limits::default().of(CallOf::New), limits)?;
        Ok(self.describe_source(source, &limits).await?.into())
    }

    /// The options to update a code repository with: those of its provider, or of `source`, which replaces it. For a custom component with
    /// a stored consent they are the stored ones, and it is not called.
    ///
    /// # Errors
    /// As for registering, and when there is no such code repository.
    pub async fn options_to_update(
        &self,
        name: &str,
        source: Option<&ComponentSource>,
        limits: &[String],
    ) -> Result<ProviderOptions> {
        let mut repository = self.find_stored(name).await?;
        repository.limits = self.limited(repository.limits, limits)?;
        let stored = repository.consent.as_ref().filter(|_| !repository.provider.source.is_built_in());
        match (source, stored) {
            (Some(source), _) => Ok(self.describe_source(source, &repository.limits).await?.into()),
            (None, Some(consent)) => Ok(ProviderOptions {
                provider: repository.provider.name.clone(),
                version: repository.provider.version.clone(),
                options: consent.settings.clone(),
            }),
            (None, None) => Ok(self.describe_registered(&repository).await?.into()),
        }
    }
}

impl From<Described> for ProviderOptions {
    fn from(described: Described) -> ProviderOptions {
        let description = described.description;
        ProviderOptions { provider: description.name, version: description.version, options: description.options }
    }
}
