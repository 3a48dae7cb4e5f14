//! Where components come from: this program, or a file. Whatever the source, a component is known by the digest of its bytes, and what is
//! granted is granted to that digest.
//!
//! | source | given as | read from |
//! | --- | --- | --- |
//! | built in | `--type=github`, `--type=gitlab` | this program |
//! | file | `--source=FILE.wasm` | the disk, at most so many bytes as a component may have |
//!
//! ```
//! use forgeport_components::{built_in, fetch, source};
//!
//! let source = source(Some("github"), None)?;
//! assert_eq!(fetch(&source, 1 << 20)?.digest(), built_in("github")?.digest());
//! # Ok::<(), forgeport_components::ComponentError>(())
//! ```

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use forgeport_model::{ComponentSource, Digest, nearest};
use thiserror::Error;

/// The built-in providers, which need no consent.
const BUILT_IN: [(&str, &[u8]); 2] = [
    ("github", include_bytes!("../../../providers/artifacts/github.wasm")),
    ("gitlab", include_bytes!("../../../providers/artifacts/gitlab.wasm")),
];

const CUSTOM: &str = ComponentSource::CUSTOM;

/// Hashed once: every registration is compared with it.
static COMPONENTS: LazyLock<[Component; BUILT_IN.len()]> =
    LazyLock::new(|| BUILT_IN.map(|(_, bytes)| Component::of(bytes)));

/// The bytes of a component, and their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    digest: Digest,
    bytes: Cow<'static, [u8]>,
}

/// Why there is no component.
#[derive(Debug, Error)]
pub enum ComponentError {
    /// No such type.
    #[error("unknown type {kind:?}{}: the types are github, gitlab and custom (with --source)", did_you_mean(.nearest))]
    UnknownType {
        /// As given.
        kind: String,
        /// One that is spelled alike.
        nearest: Option<String>,
    },
    /// Neither type nor file.
    #[error("which provider? Add --type=github, --type=gitlab, or --type=custom with --source=FILE.wasm")]
    NoType,
    /// A custom provider without a component.
    #[error("--type=custom needs the provider's component: add --source=FILE.wasm")]
    NoSource,
    /// A component for a type that has its own.
    #[error("--source is for custom providers, and {0} is built in: use --type=custom, or leave --source out")]
    SourceOfBuiltIn(String),
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Component {
    /// Hashes the bytes.
    pub fn of(bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), bytes }
    }

    /// Bytes that were compared with their digest already, as those that the store gives out are: hashing 40 MB takes a tenth of a second.
    pub fn checked(digest: Digest, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { digest, bytes: bytes.into() }
    }

    /// The digest of the component.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The component itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The component itself, without its digest.
    pub fn into_bytes(self) -> Cow<'static, [u8]> {
        self.bytes
    }
}

/// The source that a type and a file name.
///
/// # Errors
/// When the two contradict each other, or there is no such type.
pub fn source(kind: Option<&str>, file: Option<&Path>) -> Result<ComponentSource, ComponentError> {
    match (kind, file) {
        (None | Some(CUSTOM), Some(file)) => Ok(ComponentSource::File(file.to_owned())),
        (Some(CUSTOM), None) => Err(ComponentError::NoSource),
        (Some(kind), Some(_)) => Err(ComponentError::SourceOfBuiltIn(kind.to_owned())),
        (Some(kind), None) => built_in(kind).map(|_| ComponentSource::BuiltIn(kind.to_owned())),
        (None, None) => Err(ComponentError::NoType),
    }
}

/// The component that came with Forgeport under a name.
///
/// # Errors
/// When there is none.
pub fn built_in(name: &str) -> Result<&'static Component, ComponentError> {
    let known = BUILT_IN.iter().zip(COMPONENTS.iter()).find(|((known, _), _)| *known == name);
    known.map(|(_, component)| component).ok_or_else(|| ComponentError::UnknownType {
        kind: name.to_owned(),
        nearest: nearest(name, built_in_names().chain([CUSTOM])),
    })
}

/// The names of the built-in components.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// Reads the component of a source. A file is read to one byte more than `longest`, so that an endless one can be refused; this blocks.
///
/// # Errors
/// When there is no such component, or the file cannot be read.
pub fn fetch(source: &ComponentSource, longest: u64) -> Result<Component, ComponentError> {
    match source {
        ComponentSource::BuiltIn(name) => built_in(name).cloned(),
        ComponentSource::File(path) => {
            let unreadable = |source| ComponentError::Unreadable { path: path.clone(), source };
            read(path, longest).map(Component::of).map_err(unreadable)
        }
    }
}

fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_type_and_a_file_name_one_source_or_none() {
        let file = Path::new("a.wasm");
        let built_in = |name: &str| ComponentSource::BuiltIn(name.to_owned());
        assert_eq!(source(Some("gitlab"), None).unwrap(), built_in("gitlab"));
        for kind in [None, Some("custom")] {
            assert_eq!(source(kind, Some(file)).unwrap(), ComponentSource::File(file.to_owned()));
        }
        let error = |kind, file| source(kind, file).unwrap_err().to_string();
        assert!(error(Some("githab"), None).contains("did you mean github?"));
        assert!(error(Some("github"), Some(file)).contains("github is built in"));
        assert!(error(Some("custom"), None).contains("--source=FILE.wasm"));
        assert!(error(None, None).contains("--type=github"));
    }

    #[test]
    fn an_endless_file_is_read_only_so_far_that_it_can_be_refused() {
        let zero = ComponentSource::File("/dev/zero".into());
        assert_eq!(fetch(&zero, 1000).unwrap().bytes().len(), 1001);
        let missing = ComponentSource::File("missing.wasm".into());
        assert!(fetch(&missing, 1000).unwrap_err().to_string().contains("missing.wasm"));
    }
}
