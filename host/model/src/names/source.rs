//! The source of a component.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// The source of a component, as it was given.
///
/// | given as | where from |
/// | --- | --- |
/// | `--type=github` | it came with Forgeport, which grants it what it requests |
/// | `--type=custom --source=FILE.wasm` | a file of the user's, which the store keeps a copy of |
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentSource {
    /// It came with Forgeport, under this name.
    BuiltIn(String),
    /// A file.
    File(PathBuf),
}

impl ComponentSource {
    /// The type of code repositories whose component the user brings.
    pub const CUSTOM: &str = "custom";

    /// Reads what [`Self::kind`] and [`Self::stored`] gave.
    pub fn from_stored(kind: &str, stored: Option<String>) -> Self {
        stored.map_or_else(|| Self::BuiltIn(kind.to_owned()), |path| Self::File(path.into()))
    }

    /// As in `--type`: the name of a built-in component, or `custom`.
    pub fn kind(&self) -> &str {
        match self {
            Self::BuiltIn(name) => name,
            Self::File(_) => Self::CUSTOM,
        }
    }

    /// As in `--source`; none for a built-in component.
    pub fn stored(&self) -> Option<String> {
        self.file().map(|path| path.display().to_string())
    }

    /// True if the component came with Forgeport.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn(_))
    }

    /// The file of a component that came from one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::BuiltIn(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

/// As in [`ComponentSource::stored`].
impl Serialize for ComponentSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.stored().serialize(serializer)
    }
}
