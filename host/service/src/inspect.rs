//! Looking at a component without trusting it.

use crate::{Result, Service, ServiceError, provider::fetched};
use forgeport_model::{ComponentSource, Description, Digest, Limits};
use forgeport_runtime::ComponentInfo;
use serde::Serialize;

/// What a component is, and what it says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// SHA-256 of the file in hex, which grants belong to.
    pub digest: Digest,
    /// What it is made of.
    #[serde(flatten)]
    pub info: ComponentInfo,
    /// What it says of itself, asked for with nothing granted.
    pub description: Option<Description>,
    /// Why it cannot be a provider here.
    pub problem: Option<String>,
}

impl Service {
    /// Takes a component apart, and lets it describe itself with nothing granted if it can be a provider.
    ///
    /// # Errors
    /// When the file cannot be read, or is no component at all.
    pub async fn inspect(&self, source: &ComponentSource) -> Result<Inspection> {
        let component = fetched(source).await?;
        let named = |error: ServiceError| match source.file() {
            Some(path) => ServiceError::Source { path: path.to_owned(), source: Box::new(error) },
            None => error,
        };
        let info = ComponentInfo::of(component.bytes()).map_err(|error| named(error.into()))?;
        let digest = *component.digest();
        let (description, problem) = match self.describe(component, &Limits::default()).await {
            Ok(described) => (Some(described.description), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Ok(Inspection { digest, info, description, problem })
    }
}
