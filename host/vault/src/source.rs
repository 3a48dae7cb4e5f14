//! The source of a master key: a text that an operator keeps in the environment, or the vault's directory.

use std::fmt;
use zeroize::Zeroizing;

/// The variable with the master key.
pub(crate) const VARIABLE: &str = "FORGEPORT_KEY";
/// The variable with the master key that is to replace it.
pub(crate) const NEW_VARIABLE: &str = "FORGEPORT_NEW_KEY";

/// The source of the master key.
pub enum KeySource {
    /// The value of the variable `FORGEPORT_KEY`, as whoever started the process has read it: 32 bytes as hexadecimal digits or in base64.
    Environment(Zeroizing<String>),
    /// The file `key` in the vault's directory, made when it is first needed; or the keyring, where that file says so.
    File,
}

/// The place in which a vault keeps a master key that it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// The file `key` in its directory.
    File,
    /// The system's keyring.
    Keyring,
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeySource::Environment(_) => "Environment(..)",
            KeySource::File => "File",
        })
    }
}
