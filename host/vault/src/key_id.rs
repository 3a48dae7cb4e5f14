//! The name of a key.

use std::fmt;

/// Identifies a key without disclosing it: the first 8 bytes of what is derived from it for this purpose.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; KeyId::LENGTH]);

impl KeyId {
    /// How many bytes it has.
    pub const LENGTH: usize = 8;

    /// Of these bytes.
    pub const fn from_bytes(bytes: [u8; KeyId::LENGTH]) -> KeyId {
        KeyId(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; KeyId::LENGTH] {
        &self.0
    }

    /// Parses 16 hexadecimal digits, which is how it is displayed.
    pub fn parse(text: &str) -> Option<KeyId> {
        let mut bytes = [0; KeyId::LENGTH];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(KeyId(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}
