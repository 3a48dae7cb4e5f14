//! The provider of a registration, ready to be called.

use crate::{Result, Service, ServiceError, download::blocking};
use forgeport_model::{Description, Limits, nearest};
use forgeport_runtime::{MOST_BYTES, Provider};
use forgeport_store::{CodeRepository, ProviderRef, StoreError, digest_of};
use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// The names and components of the built-in providers, which need no consent.
pub const BUILT_IN: [(&str, &[u8]); 2] = [
    ("github", include_bytes!("../../../providers/artifacts/github.wasm")),
    ("gitlab", include_bytes!("../../../providers/artifacts/gitlab.wasm")),
];

/// The type that a component of the user's own is registered as.
pub const CUSTOM: &str = "custom";

/// Which component is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// One of [`BUILT_IN`].
    BuiltIn(String),
    /// The component in a file.
    Custom(PathBuf),
}

/// A component that is ready to be called, and what it has just said of itself.
pub(crate) struct Described {
    pub(crate) provider: Provider,
    pub(crate) description: Description,
    pub(crate) digest: String,
    /// Of a component that the store does not have yet.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Source {
    /// From what a user gives as type and file.
    ///
    /// # Errors
    /// When the two do not go together, or there is no such type.
    pub fn new(kind: Option<&str>, file: Option<&Path>) -> Result<Source> {
        match (kind, file) {
            (None | Some(CUSTOM), Some(file)) => Ok(Source::Custom(file.to_owned())),
            (Some(CUSTOM), None) => Err(ServiceError::NoSource),
            (Some(kind), Some(_)) => Err(ServiceError::SourceOfBuiltIn(kind.to_owned())),
            (Some(kind), None) if BUILT_IN.iter().any(|(name, _)| *name == kind) => {
                Ok(Source::BuiltIn(kind.to_owned()))
            }
            (Some(kind), None) => Err(ServiceError::UnknownType {
                kind: kind.to_owned(),
                nearest: nearest(kind, BUILT_IN.iter().map(|(name, _)| *name).chain([CUSTOM])),
            }),
            (None, None) => Err(ServiceError::NoType),
        }
    }

    /// As in `--type`.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Source::BuiltIn(name) => name,
            Source::Custom(_) => CUSTOM,
        }
    }

    /// The component itself, read on a thread where that keeps nobody waiting.
    pub(crate) async fn read(&self) -> Result<Vec<u8>> {
        let source = self.clone();
        blocking(move || source.bytes()).await?
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        match self {
            Source::BuiltIn(name) => Ok(built_in(name)?.to_vec()),
            Source::Custom(path) => {
                read(path).map_err(|source| ServiceError::Unreadable { path: path.clone(), source })
            }
        }
    }

    pub(crate) fn file(&self) -> Option<String> {
        match self {
            Source::BuiltIn(_) => None,
            Source::Custom(file) => Some(file.display().to_string()),
        }
    }
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
    pub(crate) async fn describe_source(&self, source: &Source, limits: &Limits) -> Result<Described> {
        match source {
            Source::BuiltIn(name) => self.describe(built_in(name)?.into(), limits).await,
            Source::Custom(file) => {
                let bytes = source.read().await?;
                let described = self.describe(bytes.clone().into(), limits).await;
                let named = |error| ServiceError::Source { path: file.clone(), source: Box::new(error) };
                Ok(Described { bytes: Some(bytes), ..described.map_err(named)? })
            }
        }
    }

    /// Asks the component of a registration anew, which only somebody who changes it does.
    pub(crate) async fn describe_registered(&self, repository: &CodeRepository) -> Result<Described> {
        match repository.provider.source {
            None => self.describe(built_in(&repository.kind)?.into(), &repository.limits).await,
            Some(_) => {
                let bytes = self.stored_component(&repository.provider.digest).await?;
                self.describe(bytes.into(), &repository.limits).await
            }
        }
    }

    /// Asks a component what it is. One that said something else of its options when it was registered is refused.
    pub(crate) async fn describe(&self, bytes: Cow<'static, [u8]>, limits: &Limits) -> Result<Described> {
        let hash = move || (digest_of(&bytes), bytes);
        let (digest, bytes) = blocking(hash).await?;
        let provider = self.load(&digest, limits, async { Ok(bytes) }).await?;
        let description = provider.describe().await?;
        description.validate()?;
        match self.host.store.component_settings(&digest)? {
            Some(before) if before != description.settings => Err(StoreError::ComponentContradicts(digest).into()),
            _ => Ok(Described { provider, description, digest, bytes: None }),
        }
    }

    /// The component that a code repository was registered with, ready to be called.
    pub(crate) async fn provider(&self, repository: &CodeRepository) -> Result<Provider> {
        let ProviderRef { digest, source, .. } = &repository.provider;
        let read = async {
            match source {
                None => Ok(built_in(&repository.kind)?.into()),
                Some(_) => self.stored_component(digest).await.map(Cow::Owned),
            }
        };
        self.load(digest, &repository.limits, read).await
    }

    /// Megabytes that are read and hashed, on a thread where that keeps nobody waiting.
    async fn stored_component(&self, digest: &str) -> Result<Vec<u8>> {
        let (store, digest) = (self.host.store.clone(), digest.to_owned());
        Ok(blocking(move || store.component(&digest)).await??)
    }

    /// `bytes` are asked for only if the component is not ready yet.
    async fn load(
        &self,
        digest: &str,
        limits: &Limits,
        bytes: impl Future<Output = Result<Cow<'static, [u8]>>>,
    ) -> Result<Provider> {
        self.host.runtime()?.load(digest, &limits.within(&self.host.policy.limits), bytes).await
    }
}
