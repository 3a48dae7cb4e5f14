//! What a component contains, seen without trusting it.

use forgeport_model::{Description, Digest};
use serde::Serialize;

/// The contents of a component, and its description.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The digest, which grants belong to.
    pub digest: Digest,
    /// Its bytes.
    pub size: usize,
    /// The world that it implements, with the version, if providers can be made for it.
    pub world: Option<String>,
    /// All that it could call of the host.
    pub imports: Vec<String>,
    /// Those of them that no provider gets.
    pub foreign: Vec<String>,
    /// Its exports.
    pub exports: Vec<String>,
    /// The number of core modules in it.
    pub modules: usize,
    /// The tools that made it, as it says itself.
    pub producers: Vec<String>,
    /// Its description, which it gave with nothing granted.
    pub description: Option<Description>,
    /// Why it cannot be a provider.
    pub problem: Option<String>,
}
