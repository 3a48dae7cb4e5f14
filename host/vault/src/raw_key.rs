//! 32 random bytes from which keys are derived.

use crate::{
    error::{Result, VaultError},
    key_id::KeyId,
};
use zeroize::Zeroizing;

/// The bytes of a key. They are on the heap, so that moving it leaves no copies behind, and are overwritten when it is dropped.
pub(crate) struct RawKey(Box<Zeroizing<[u8; RawKey::LENGTH]>>);

impl RawKey {
    pub(crate) const LENGTH: usize = 32;

    pub(crate) fn random() -> Result<RawKey> {
        let mut key = RawKey::zeros();
        getrandom::fill(key.bytes_mut()).map_err(|error| VaultError::NoRandomness(error.to_string()))?;
        Ok(key)
    }

    /// To be filled in its place.
    pub(crate) fn zeros() -> RawKey {
        RawKey(Box::default())
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<RawKey> {
        let mut key = RawKey::zeros();
        (bytes.len() == RawKey::LENGTH).then(|| key.bytes_mut().copy_from_slice(bytes))?;
        Some(key)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0[..]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0[..]
    }

    /// The key for one purpose; from it neither this key nor another purpose's can be found.
    pub(crate) fn derive(&self, context: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(context, self.bytes()))
    }

    pub(crate) fn id(&self, context: &str) -> KeyId {
        let [a, b, c, d, e, f, g, h, ..] = *self.derive(context);
        KeyId::from_bytes([a, b, c, d, e, f, g, h])
    }
}
