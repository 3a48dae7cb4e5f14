//! The errors of keys, worded for the person who has to act. No text contains a key or a value.

use crate::{key_id::KeyId, keyring::KeyringError, place::MAX_VALUE_LENGTH};
use forgeport_model::shell_word;
use forgeport_platform::FileError;
use std::path::PathBuf;
use thiserror::Error;

pub(crate) type Result<T> = std::result::Result<T, VaultError>;

/// Why a key was not found, made or changed, or why a value did not open. What was there before is still there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Others may read the master key.
    #[error(
        "the key {path:?} can be read by others (mode {mode:03o}); run `chmod 600 {word}`, and replace the tokens if somebody has",
        word = shell_word(.path)
    )]
    KeyNotPrivate {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something else than 32 bytes.
    #[error("{0} does not contain a key: it must be 32 bytes, written as 64 hexadecimal digits or in base64")]
    BadKey(String),
    /// A master key is in use, and there is no key file.
    #[error(
        "the key {0:?} is missing, and this store has values encrypted with it; restore it, set FORGEPORT_KEY to it, or delete the secrets and code repositories that need it"
    )]
    KeyMissing(PathBuf),
    /// The keyring works, and has no such key.
    #[error(
        "the keyring does not have this store's key (forgeport {0}), and the store has values encrypted with it; restore it, set FORGEPORT_KEY to it, or delete the secrets and code repositories that need it"
    )]
    NotInKeyring(KeyId),
    /// The keyring could not be used.
    #[error(
        "this system's keyring cannot be used for the store's key: {0}; unlock it, log in to a session that has one, or set FORGEPORT_KEY to the key"
    )]
    Keyring(#[from] KeyringError),
    /// A change of the key in the environment without a new one.
    #[error(
        "FORGEPORT_KEY has the store's key, so FORGEPORT_NEW_KEY must have the new one (32 bytes, as `openssl rand -hex 32` prints them); or choose another place with --keep-in"
    )]
    NoNewKey,
    /// A change to the key that is in use already.
    #[error(
        "FORGEPORT_NEW_KEY has the key that the store is encrypted with already; if that was done by a rotation, set FORGEPORT_KEY to it, otherwise choose a new one"
    )]
    SameKey,
    /// Another master key is in use than the one that is there.
    #[error(
        "the key in {0} is not the one that this store's values are encrypted with; was it rotated? use that one (nothing was changed)"
    )]
    WrongKey(String),
    /// A wrapped data key was altered, or moved from another workspace.
    #[error(
        "the data key of the workspace {0:?} was damaged or tampered with; restore the store's directory from a copy, or delete the workspace's secrets and sealed options and set them anew"
    )]
    DataKeyTampered(String),
    /// A sealed value was altered, or moved from another place.
    #[error("the encrypted value of {0} was damaged or tampered with; set it anew")]
    Tampered(String),
    /// A value that is no credential by its size.
    #[error("the value of {0} is longer than {max} bytes; was it read from the right file?", max = MAX_VALUE_LENGTH)]
    ValueTooLong(String),
    /// The system has no random numbers.
    #[error("the system gave no random numbers ({0}); try again")]
    NoRandomness(String),
    /// The file system failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl VaultError {
    /// True if it is about the master key alone, so that it may be different after a rotation by another process.
    pub fn is_of_the_key(&self) -> bool {
        matches!(self, VaultError::WrongKey(_) | VaultError::KeyMissing(_) | VaultError::NotInKeyring(_))
    }

    /// True if it is about the place where keys are kept, and not about what is kept.
    pub fn is_of_the_disk(&self) -> bool {
        matches!(self, VaultError::File(_))
    }
}
