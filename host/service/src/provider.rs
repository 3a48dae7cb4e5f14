//! The provider of a registration, ready to be called.

use crate::{Result, Service, ServiceError};
use forgeport_components::{Component, built_in, fetch};
use forgeport_model::{ComponentSource, Description, Limits};
use forgeport_runtime::{MOST_BYTES, Provider};
use forgeport_store::{CodeRepository, ProviderRef, StoreError};

/// A component that is ready to be called, and what it has just said of itself.
pub(crate) struct Described {
    pub(crate) provider: Provider,
    pub(crate) description: Description,
    pub(crate) component: Component,
    /// Whether the component comes from a file, and the store does not have it yet.
    is_new: bool,
}

impl Described {
    pub(crate) fn reference(&self, source: &ComponentSource) -> ProviderRef {
        ProviderRef {
            name: self.description.name.clone(),
            version: self.description.version.clone(),
            digest: self.component.digest().to_string(),
            source: source.stored(),
        }
    }

    /// The bytes that the store has to keep, if it does not have them.
    pub(crate) fn new_bytes(&self) -> Option<&[u8]> {
        self.is_new.then(|| self.component.bytes())
    }
}

/// Where the component of a registration comes from.
pub(crate) fn source_of(repository: &CodeRepository) -> ComponentSource {
    ComponentSource::from_stored(&repository.kind, repository.provider.source.clone())
}

impl Service {
    /// What a provider says of itself, and the digest of its component.
    ///
    /// # Errors
    /// When the file cannot be read, or is no provider.
    pub async fn describe_provider(&self, source: &ComponentSource) -> Result<(Description, String)> {
        let described = self.describe_source(source, &Limits::default()).await?;
        Ok((described.description, described.component.digest().to_string()))
    }

    /// `limits` are those of the registration that it is for.
    pub(crate) async fn describe_source(&self, source: &ComponentSource, limits: &Limits) -> Result<Described> {
        let described = self.describe(fetch(source, MOST_BYTES)?, limits).await;
        match source.file() {
            None => described,
            Some(path) => described
                .map(|described| Described { is_new: true, ..described })
                .map_err(|error| ServiceError::Source { path: path.to_owned(), source: Box::new(error) }),
        }
    }

    /// Asks the component of a registration anew, which only somebody who changes it does.
    pub(crate) async fn describe_registered(&self, repository: &CodeRepository) -> Result<Described> {
        self.describe(self.component(repository).await?, &repository.limits).await
    }

    /// The component that a code repository was registered with, ready to be called.
    pub(crate) async fn provider(&self, repository: &CodeRepository) -> Result<Provider> {
        self.load(&self.component(repository).await?, &repository.limits).await
    }

    /// Asks a component what it is. One that said something else of its options when it was registered is refused.
    pub(crate) async fn describe(&self, component: Component, limits: &Limits) -> Result<Described> {
        let provider = self.load(&component, limits).await?;
        let description = provider.describe().await?;
        description.validate()?;
        let digest = component.digest().to_string();
        match self.store().component_settings(&digest).await? {
            Some(before) if before != description.options => Err(StoreError::ComponentContradicts(digest).into()),
            _ => Ok(Described { provider, description, component, is_new: false }),
        }
    }

    async fn component(&self, repository: &CodeRepository) -> Result<Component> {
        Ok(match source_of(repository) {
            ComponentSource::BuiltIn(name) => built_in(&name)?.clone(),
            ComponentSource::File(_) => Component::of(self.store().component(&repository.provider.digest).await?),
        })
    }

    async fn load(&self, component: &Component, limits: &Limits) -> Result<Provider> {
        let limits = limits.within(&self.host.policy.limits);
        Ok(self.host.runtime().await?.load(component.bytes(), &component.digest().to_string(), &limits).await?)
    }
}
