//! The key that wraps the workspaces' data keys, and from which keys for other purposes are derived.
//!
//! A wrapped data key has format 3 (see envelope.rs). The associated data is its workspace, so that a data key which is moved to another
//! workspace does not open. A change of the master key wraps one data key for each workspace anew, and touches no value.

use crate::{
    envelope::{self, Envelope, associated_data},
    error::{Result, VaultError},
    key_id::KeyId,
    key_text,
    raw_key::RawKey,
    sealed::DataKey,
};
use std::fmt;
use zeroize::Zeroizing;

const WRAPPING: &str = "forgeport vault: wrapping";
/// Of the time before the vault: key files, keyrings and sealed values have these ids.
const MASTER_KEY_ID: &str = "forgeport store: key id";

/// The master key in memory.
pub struct MasterKey {
    pub(crate) raw: RawKey,
    id: KeyId,
    /// Its source, for a person.
    pub(crate) origin: String,
}

/// A data key that a master key has encrypted for one workspace.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey(Vec<u8>);

impl MasterKey {
    pub(crate) fn new(raw: RawKey, origin: String) -> MasterKey {
        MasterKey { id: raw.id(MASTER_KEY_ID), raw, origin }
    }

    /// A new random key.
    pub(crate) fn generate(origin: String) -> Result<MasterKey> {
        Ok(MasterKey::new(RawKey::random()?, origin))
    }

    /// Parses a key that was given: 64 hexadecimal digits, or base64. An error names it by its `origin`.
    ///
    /// # Errors
    /// When it is no key.
    pub fn parse(text: &str, origin: &str) -> Result<MasterKey> {
        let raw = key_text::parse(text).ok_or_else(|| VaultError::BadKey(origin.to_owned()))?;
        Ok(MasterKey::new(raw, origin.to_owned()))
    }

    /// Identifies it; each data key that it has wrapped names it so.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Encrypts the data key of a workspace.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn wrap(&self, workspace: &str, key: &DataKey) -> Result<WrappedKey> {
        self.envelope(workspace).close(key.raw.bytes(), "a data key").map(WrappedKey)
    }

    /// Decrypts the data key of a workspace.
    ///
    /// # Errors
    /// When another master key has wrapped it, it was altered, or it is another workspace's.
    pub fn unwrap(&self, workspace: &str, wrapped: &WrappedKey) -> Result<DataKey> {
        let tampered = || VaultError::DataKeyTampered(workspace.to_owned());
        if wrapped.master_id().is_some_and(|id| id != self.id) {
            return Err(VaultError::WrongKey(self.origin.clone()));
        }
        let content = self.envelope(workspace).open(&wrapped.0).ok_or_else(tampered)?;
        RawKey::from_slice(&content).map(DataKey::new).ok_or_else(tampered)
    }

    /// The key for one other purpose; from it neither the master key nor another purpose's can be found.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        self.raw.derive(&format!("forgeport store: key for {purpose}"))
    }

    fn envelope(&self, workspace: &str) -> Envelope {
        Envelope {
            format: envelope::WRAPPED,
            key_id: self.id,
            key: self.raw.derive(WRAPPING),
            associated_data: associated_data("data key", &[workspace]),
        }
    }
}

impl WrappedKey {
    /// Reads the stored bytes of a wrapped key. Wrong bytes are detected when it is unwrapped.
    pub fn from_bytes(bytes: Vec<u8>) -> WrappedKey {
        WrappedKey(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The master key that has wrapped it; none where it is no wrapped key.
    pub fn master_id(&self) -> Option<KeyId> {
        if envelope::format(&self.0) == Some(envelope::WRAPPED) { envelope::key_id(&self.0) } else { None }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappedKey(..)")
    }
}
