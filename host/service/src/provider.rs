//! The provider of a registration, ready to be called.

use crate::{Result, Service, ServiceError, blocking::blocking};
use forgeport_components::{Component, built_in, fetch};
use forgeport_model::{ComponentSource, Description, Digest, Limits};
use forgeport_runtime::{MOST_BYTES, Provider};
use forgeport_store::{CodeRepository, ProviderRef, StoreError};
use std::borrow::Cow;

/// A component that is ready to be called, and its description.
pub(crate) struct Described {
    pub(crate) provider: Provider,
    pub(crate) description: Description,
    pub(crate) component: Component,
    /// True if the component comes from a file, and the store does not have it yet.
    is_new: bool,
}

impl Described {
    pub(crate) fn reference(&self, source: &ComponentSource) -> ProviderRef {
        ProviderRef {
            name: self.description.name.clone(),
            version: self.description.version.clone(),
            digest: *self.component.digest(),
            source: source.clone(),
        }
    }

    /// The bytes that the store has to keep, if it does not have them.
    pub(crate) fn new_bytes(&self) -> Option<&[u8]> {
        self.is_new.then(|| self.component.bytes())
    }
}

/// The component of a source, read and hashed off the threads that serve calls.
pub(crate) async fn fetched(source: &ComponentSource) -> Result<Component> {
    let source = source.clone();
    Ok(blocking(move || fetch(&source, MOST_BYTES)).await??)
}

impl Service {
    /// The description of a provider, and the digest of its component.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a provider.
    pub async fn describe_provider(&self, source: &ComponentSource) -> Result<(Description, Digest)> {
        let described = self.describe_source(source, &Limits::default()).await?;
        Ok((described.description, *described.component.digest()))
    }

    /// `limits` are those of the registration that it is for.
    pub(crate) async fn describe_source(&self, source: &ComponentSource, limits: &Limits) -> Result<Described> {
        let described = self.describe(fetched(source).await?, limits).await;
        match source.file() {
            None => described,
            Some(path) => described
                .map(|described| Described { is_new: true, ..described })
                .map_err(|error| ServiceError::Source { path: path.to_owned(), source: Box::new(error) }),
        }
    }

    /// Asks the component of a registration again, for a change of it.
    pub(crate) async fn describe_registered(&self, repository: &CodeRepository) -> Result<Described> {
        let component = self.component(repository).await?;
        self.describe(component, &repository.limits).await
    }

    /// The component that a code repository was registered with, ready to be called.
    pub(crate) async fn provider(&self, repository: &CodeRepository) -> Result<Provider> {
        let read = async { Ok(self.component(repository).await?.into_bytes()) };
        self.load(repository.provider.digest, &repository.limits, read).await
    }

    /// Asks a component for its description. One that declared other options when it was registered is rejected.
    pub(crate) async fn describe(&self, component: Component, limits: &Limits) -> Result<Described> {
        let digest = *component.digest();
        let provider = self.load(digest, limits, async { Ok(component.clone().into_bytes()) }).await?;
        let description = provider.describe().await?;
        description.validate()?;
        match self.store().component_settings(digest).await? {
            Some(before) if before != description.options => Err(StoreError::ComponentContradicts(digest).into()),
            _ => Ok(Described { provider, description, component, is_new: false }),
        }
    }

    async fn component(&self, repository: &CodeRepository) -> Result<Component> {
        Ok(match &repository.provider.source {
            ComponentSource::BuiltIn(name) => built_in(name)?.clone(),
            ComponentSource::File(_) => {
                let digest = repository.provider.digest;
                Component::checked(digest, self.store().component(digest).await?)
            }
        })
    }

    /// `bytes` is awaited only if the component is not loaded yet.
    async fn load(
        &self,
        digest: Digest,
        limits: &Limits,
        bytes: impl Future<Output = Result<Cow<'static, [u8]>>>,
    ) -> Result<Provider> {
        self.host.runtime().await?.load(digest, &limits.within(&self.host.policy.limits), bytes).await
    }
}
