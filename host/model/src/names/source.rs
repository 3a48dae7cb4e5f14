//! Where a component comes from.
//!
//! | form | where from |
//! | --- | --- |
//! | none | it came with Forgeport |
//! | a path | a file of the user's |

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// Where a component comes from, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentSource {
    /// It came with Forgeport, which grants it what it asks for.
    BuiltIn,
    /// A file. The store keeps the component.
    File(PathBuf),
}

impl ComponentSource {
    /// Reads what [`Self::stored`] wrote.
    pub fn from_stored(stored: Option<String>) -> Self {
        stored.map_or(Self::BuiltIn, |path| Self::File(path.into()))
    }

    /// As it is kept and shown; none for a built-in component.
    pub fn stored(&self) -> Option<String> {
        self.file().map(|path| path.display().to_string())
    }

    /// Whether the component came with Forgeport.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn)
    }

    /// The file, of a component that came from one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::BuiltIn => None,
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
