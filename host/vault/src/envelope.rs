//! The one form of everything that is encrypted: authenticated, and bound to the place that it is for.
//!
//! | bytes | content |
//! | --- | --- |
//! | 1 | the format, which says what is inside and what it is bound to |
//! | 8 | the id of the key |
//! | 24 | the nonce, random each time |
//! | as long as the content | the encrypted content (XChaCha20) |
//! | 16 | the tag (Poly1305) of the content and the associated data |
//!
//! | format | content | key | bound to |
//! | --- | --- | --- | --- |
//! | 1 | a value, sealed before there were data keys (former.rs) | of the master key | table, row, key |
//! | 2 | a value (sealed.rs) | of the workspace's data key | workspace, table, row, key |
//! | 3 | a data key (master_key.rs) | of the master key | workspace |

use crate::{
    error::{Result, VaultError},
    key_id::KeyId,
};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::AeadInOut};
use zeroize::Zeroizing;

pub(crate) const FORMER: u8 = 1;
pub(crate) const SEALED: u8 = 2;
pub(crate) const WRAPPED: u8 = 3;

const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = 1 + KeyId::LENGTH + NONCE;

/// How much longer an envelope is than its content.
pub(crate) const OVERHEAD: usize = HEAD + TAG;

/// What is encrypted with one key in one format.
pub(crate) struct Envelope {
    pub(crate) format: u8,
    pub(crate) key_id: KeyId,
    /// Derived for this format alone.
    pub(crate) key: Zeroizing<[u8; 32]>,
    pub(crate) associated_data: Vec<u8>,
}

impl Envelope {
    /// Encrypts some content, which an error calls what is `shown`.
    pub(crate) fn close(&self, content: &[u8], shown: &str) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| VaultError::NoRandomness(error.to_string()))?;
        // Long enough from the start, so that growing leaves no copy of the content behind.
        let mut buffer = Zeroizing::new(Vec::with_capacity(content.len() + TAG));
        buffer.extend_from_slice(content);
        self.cipher()
            .encrypt_in_place(&XNonce::from(nonce), &self.associated_data, &mut *buffer)
            .map_err(|_| VaultError::ValueTooLong(shown.to_owned()))?;
        Ok([&[self.format][..], self.key_id.as_bytes(), &nonce, &buffer].concat())
    }

    /// Decrypts what this key has encrypted in this format for this place; none where it is anything else.
    pub(crate) fn open(&self, bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (head, encrypted) = bytes.split_at_checked(HEAD)?;
        if format(bytes) != Some(self.format) || key_id(bytes) != Some(self.key_id) {
            return None;
        }
        let nonce = <[u8; NONCE]>::try_from(&head[1 + KeyId::LENGTH..]).ok()?;
        let mut buffer = Zeroizing::new(encrypted.to_vec());
        let opened = self.cipher().decrypt_in_place(&XNonce::from(nonce), &self.associated_data, &mut *buffer);
        opened.ok().map(|()| buffer)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.key).into())
    }
}

pub(crate) fn format(bytes: &[u8]) -> Option<u8> {
    bytes.first().copied()
}

/// The key that an envelope names.
pub(crate) fn key_id(bytes: &[u8]) -> Option<KeyId> {
    let id = bytes.get(1..1 + KeyId::LENGTH)?;
    id.try_into().ok().map(KeyId::from_bytes)
}

/// Writes each part behind its length, so that no two lists of parts give the same bytes.
pub(crate) fn associated_data(purpose: &str, parts: &[&str]) -> Vec<u8> {
    let mut data = Vec::new();
    for part in [&[purpose], parts].concat() {
        data.extend_from_slice(&(part.len() as u64).to_le_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}
