//! Inspecting a component without trusting it.

use crate::{Result, Service, ServiceError, api::Inspection, provider::fetched};
use forgeport_model::{ComponentSource, Limits};
use forgeport_runtime::ComponentInfo;

impl Service {
    /// Reads a component, and calls `describe` if it has the exports of a provider. No access is granted to it.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a component.
    pub async fn inspect(&self, source: &ComponentSource) -> Result<Inspection> {
        let component = fetched(source).await?;
        let named = |error: ServiceError| match source.file() {
            Some(path) => ServiceError::Source { path: path.to_owned(), source: Box::new(error) },
            None => error,
        };
        let info = ComponentInfo::of(component.bytes()).map_err(|error| named(error.into()))?;
        let ComponentInfo { size, world, imports, foreign, exports, modules, producers } = info;
        let digest = *component.digest();
        let (description, problem) = match self.describe(component, &Limits::default()).await {
            Ok(described) => (Some(described.description), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Ok(Inspection { digest, size, world, imports, foreign, exports, modules, producers, description, problem })
    }
}
