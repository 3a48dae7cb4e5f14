//! Where a master key comes from when it is not told otherwise: the environment, or the vault's directory.

use std::fmt;
use zeroize::Zeroizing;

/// The variable with the master key.
pub(crate) const VARIABLE: &str = "FORGEPORT_KEY";
/// The variable with the master key that is to replace it.
pub(crate) const NEW_VARIABLE: &str = "FORGEPORT_NEW_KEY";

/// Where the master key comes from.
pub enum KeySource {
    /// The value of the variable `FORGEPORT_KEY`: 32 bytes as hexadecimal digits or in base64.
    Environment(Zeroizing<String>),
    /// The file `key` in the vault's directory, made when it is first needed; or the keyring, where that file says so.
    File,
}

/// Where a vault keeps a master key that it has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// The file `key` in its directory.
    File,
    /// The system's keyring.
    Keyring,
}

impl KeySource {
    /// The variable `FORGEPORT_KEY` where it is set and not empty, the file otherwise.
    pub fn detect() -> KeySource {
        variable(VARIABLE).map_or(KeySource::File, KeySource::Environment)
    }

    /// The value of the variable `FORGEPORT_NEW_KEY`, for a rotation of the key in `FORGEPORT_KEY`; an empty one is none here too.
    pub fn detect_new() -> Option<Zeroizing<String>> {
        variable(NEW_VARIABLE)
    }
}

/// What is not UTF-8 is no key either; the error comes when it is needed.
fn variable(name: &str) -> Option<Zeroizing<String>> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    Some(Zeroizing::new(value.into_string().unwrap_or_else(|_| "?".to_owned())))
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeySource::Environment(_) => "Environment(..)",
            KeySource::File => "File",
        })
    }
}
