//! The source of a component, as a person names it.

use crate::Result;
use forgeport_model::ComponentSource;
use std::path::Path;

/// The source that a type (`--type`) and a file (`--source`) name.
///
/// # Errors
/// When the two contradict each other, or there is no such type; see [`ServiceError::is_usage`](crate::ServiceError::is_usage).
pub fn component_source(kind: Option<&str>, file: Option<&Path>) -> Result<ComponentSource> {
    Ok(forgeport_components::source(kind, file)?)
}
