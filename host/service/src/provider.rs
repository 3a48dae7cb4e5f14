//! Components: those that come with Forgeport, and those that a user brings.

use crate::{Result, Service, ServiceError};
use forgeport_model::{Description, Limits, nearest};
use forgeport_runtime::{MOST_BYTES, Provider};
use forgeport_store::{CodeRepository, ProviderRef, StoreError, digest_of};
use std::{
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

    /// The component itself.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>> {
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
    pub(crate) fn reference(&self, source: Option<String>) -> ProviderRef {
        ProviderRef {
            name: self.description.name.clone(),
            version: self.description.version.clone(),
            digest: self.digest.clone(),
            source,
        }
    }
}

impl Service {
    /// What a provider says of itself, and the digest of its component.
    ///
    /// # Errors
    /// When the file cannot be read, or is no provider.
    pub async fn describe_provider(&self, source: &Source) -> Result<(Description, String)> {
        let described = self.describe_source(source, &Limits::default()).await?;
        Ok((described.description, described.digest))
    }

    /// `limits` are those of the registration that it is for.
    pub(crate) async fn describe_source(&self, source: &Source, limits: &Limits) -> Result<Described> {
        match source {
            Source::BuiltIn(name) => self.describe(built_in(name)?, limits).await,
            Source::Custom(file) => {
                let bytes = source.bytes()?;
                let described = self.describe(&bytes, limits).await;
                let named = |error| ServiceError::Source { path: file.clone(), source: Box::new(error) };
                Ok(Described { bytes: Some(bytes), ..described.map_err(named)? })
            }
        }
    }

    /// Asks the component of a registration anew, which only somebody who changes it does.
    pub(crate) async fn describe_registered(&self, repository: &CodeRepository) -> Result<Described> {
        match repository.provider.source {
            None => self.describe(built_in(&repository.kind)?, &repository.limits).await,
            Some(_) => {
                self.describe(&self.host.store.component(&repository.provider.digest)?, &repository.limits).await
            }
        }
    }

    /// Asks a component what it is. One that said something else of its options when it was registered is refused.
    pub(crate) async fn describe(&self, bytes: &[u8], limits: &Limits) -> Result<Described> {
        let digest = digest_of(bytes);
        let provider = self.load(bytes, &digest, limits).await?;
        let description = provider.describe().await?;
        description.validate()?;
        match self.host.store.component_settings(&digest)? {
            Some(before) if before != description.options => Err(StoreError::ComponentContradicts(digest).into()),
            _ => Ok(Described { provider, description, digest, bytes: None }),
        }
    }

    /// The component that a code repository was registered with, ready to be called.
    pub(crate) async fn provider(&self, repository: &CodeRepository) -> Result<Provider> {
        let ProviderRef { digest, source, .. } = &repository.provider;
        match source {
            None => self.load(built_in(&repository.kind)?, digest, &repository.limits).await,
            Some(_) => self.load(&self.host.store.component(digest)?, digest, &repository.limits).await,
        }
    }

    async fn load(&self, bytes: &[u8], digest: &str, limits: &Limits) -> Result<Provider> {
        Ok(self.host.runtime()?.load(bytes, digest, &limits.within(&self.host.policy.limits)).await?)
    }
}

/// A file that is longer than any component, or endless, is read only so far that it can be refused.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The digest of a built-in provider's component; found once, since every registration is compared with it.
pub(crate) fn built_in_digest(name: &str) -> Result<&'static str> {
    static DIGESTS: LazyLock<[String; BUILT_IN.len()]> = LazyLock::new(|| BUILT_IN.map(|(_, bytes)| digest_of(bytes)));
    let known = BUILT_IN.iter().zip(DIGESTS.iter()).find(|((known, _), _)| *known == name);
    known.map(|(_, digest)| digest.as_str()).ok_or_else(|| unknown(name))
}

pub(crate) fn built_in(name: &str) -> Result<&'static [u8]> {
    let known = BUILT_IN.iter().find(|(known, _)| *known == name);
    known.map(|(_, bytes)| *bytes).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> ServiceError {
    ServiceError::UnknownType { kind: name.to_owned(), nearest: None }
}
