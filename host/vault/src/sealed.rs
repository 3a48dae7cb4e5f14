//! A value encrypted at rest (format 2, see envelope.rs): with the data key of its workspace, and bound to its place.
//!
//! The associated data is the place: workspace, table, row and key. So a value that is moved to another place does not open.

use crate::{
    envelope::{self, Envelope, OVERHEAD, associated_data},
    error::{Result, VaultError},
    key_id::KeyId,
    place::{MAX_VALUE_LENGTH, Place},
    raw_key::RawKey,
};
use std::{fmt, mem};
use zeroize::{Zeroize, Zeroizing};

const SEALING: &str = "forgeport vault: sealing";
const DATA_KEY_ID: &str = "forgeport vault: data key id";

/// The key that seals the values of one workspace. It is kept only wrapped by the master key.
pub struct DataKey {
    pub(crate) raw: RawKey,
    id: KeyId,
}

/// An encrypted value. It opens only in the place that it was made for.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl DataKey {
    /// A new random key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate() -> Result<DataKey> {
        RawKey::random().map(DataKey::new)
    }

    pub(crate) fn new(raw: RawKey) -> DataKey {
        DataKey { id: raw.id(DATA_KEY_ID), raw }
    }

    /// Identifies it; each sealed value names its data key so.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Encrypts a value for a place.
    ///
    /// # Errors
    /// When the value is longer than [`MAX_VALUE_LENGTH`], or the system has no random numbers.
    pub fn seal(&self, place: &Place<'_>, value: &str) -> Result<Sealed> {
        if value.len() > MAX_VALUE_LENGTH {
            return Err(VaultError::ValueTooLong(place.shown.to_owned()));
        }
        self.envelope(place).close(value.as_bytes(), place.shown).map(Sealed)
    }

    /// Decrypts the value of a place.
    ///
    /// # Errors
    /// When it was altered, or sealed with another data key or for another place.
    pub fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<String>> {
        sealed.open(&self.envelope(place), place)
    }

    fn envelope(&self, place: &Place<'_>) -> Envelope {
        Envelope {
            format: envelope::SEALED,
            key_id: self.id,
            key: self.raw.derive(SEALING),
            associated_data: associated_data("value", &[place.workspace, place.table, place.row, place.key]),
        }
    }
}

impl Sealed {
    /// Reads the stored bytes of a sealed value. Wrong bytes are detected when it is opened.
    pub fn from_bytes(bytes: Vec<u8>) -> Sealed {
        Sealed(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Distinguishes this value from another at the same place. It discloses nothing of the value: each encryption has a nonce of its own,
    /// so the same value given twice has two versions.
    pub fn version(&self) -> String {
        blake3::hash(&self.0).to_hex().to_string()
    }

    /// True if it was sealed before there were data keys, see [`crate::former`].
    pub fn is_former(&self) -> bool {
        envelope::format(&self.0) == Some(envelope::FORMER)
    }

    /// The key that it names: a data key, or of a former value the master key. None where it is no sealed value.
    pub fn key_id(&self) -> Option<KeyId> {
        envelope::key_id(&self.0)
    }

    pub(crate) fn open(&self, envelope: &Envelope, place: &Place<'_>) -> Result<Zeroizing<String>> {
        let tampered = || VaultError::Tampered(place.shown.to_owned());
        if self.0.len() > MAX_VALUE_LENGTH + OVERHEAD {
            return Err(tampered());
        }
        let mut content = envelope.open(&self.0).ok_or_else(tampered)?;
        match String::from_utf8(mem::take(&mut *content)) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(tampered())
            }
        }
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}
