//! Looking at a component without trusting it.

use crate::{Result, Service, ServiceError, Source};
use forgeport_model::{Description, Limits};
use forgeport_runtime::ComponentInfo;
use forgeport_store::digest_of;
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
    pub async fn inspect(&self, source: &Source) -> Result<Inspection> {
        let bytes = source.read().await?;
        let named = |error: ServiceError| match source {
            Source::Custom(path) => ServiceError::Source { path: path.clone(), source: Box::new(error) },
            Source::BuiltIn(_) => error,
        };
        let info = ComponentInfo::of(&bytes).map_err(|error| named(error.into()))?;
        let (description, problem) = match self.describe(bytes.clone().into(), &Limits::default()).await {
            Ok(described) => (Some(described.description), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Ok(Inspection { digest: digest_of(&bytes), info, description, problem })
    }
}
