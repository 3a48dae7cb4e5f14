//! Values encrypted at rest, each bound to its place.
//!
//! A sealed value is: one byte for the format (1), eight for the key's id, 24 of random nonce, and what XChaCha20-Poly1305
//! makes of the value, with its 16 bytes of tag. The associated data is the place, so that a value moved to another row does not open.
//! All sealed values of a store are made with one key; a rotation makes all of them anew.

use crate::{
    Result, StoreError,
    components::digest_of,
    key::{Key, KeyId},
    keys::Keys,
};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::AeadInOut};
use rusqlite::{OptionalExtension, Transaction};
use std::{fmt, mem};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of the longest value that is taken for a credential; a private key in PEM is below 10,000.
pub const MAX_VALUE_LENGTH: usize = 64 * 1024;

const FORMAT: u8 = 1;
const KEY_ID: usize = size_of::<KeyId>();
const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = 1 + KEY_ID + NONCE;

/// An encrypted value. It opens only in the place that it was made for.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// Where a sealed value is kept.
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) id: &'a str,
    pub(crate) key: &'a str,
    /// For a person.
    pub(crate) shown: &'a str,
}

impl Place<'_> {
    fn associated_data(&self) -> Vec<u8> {
        // None of the parts can hold a NUL: names are free of control characters, and ids are made here.
        [self.table, self.id, self.key].join("\0").into_bytes()
    }
}

impl Sealed {
    pub(crate) fn new(key: &Key, place: &Place<'_>, value: &str) -> Result<Sealed> {
        if value.len() > MAX_VALUE_LENGTH {
            return Err(StoreError::ValueTooLong(place.shown.to_owned()));
        }
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
        let mut buffer = Zeroizing::new(Vec::with_capacity(value.len() + TAG));
        buffer.extend_from_slice(value.as_bytes());
        cipher(key)
            .encrypt_in_place(&XNonce::from(nonce), &place.associated_data(), &mut *buffer)
            .map_err(|_| StoreError::ValueTooLong(place.shown.to_owned()))?;
        Ok(Sealed([&[FORMAT][..], &key.id, &nonce, &buffer].concat()))
    }

    /// Decrypts the value with the key that it names.
    pub(crate) fn open(&self, keys: &Keys, place: &Place<'_>) -> Result<Zeroizing<String>> {
        let tampered = || StoreError::Tampered(place.shown.to_owned());
        if self.0.len() > HEAD + MAX_VALUE_LENGTH + TAG || self.0.first() != Some(&FORMAT) {
            return Err(tampered());
        }
        let key = keys.get(self.key_id().ok_or_else(tampered)?)?;
        let (head, sealed) = self.0.split_at_checked(HEAD).ok_or_else(tampered)?;
        let nonce = <[u8; NONCE]>::try_from(&head[1 + KEY_ID..]).map_err(|_| tampered())?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        cipher(&key)
            .decrypt_in_place(&XNonce::from(nonce), &place.associated_data(), &mut *buffer)
            .map_err(|_| tampered())?;
        match String::from_utf8(mem::take(&mut *buffer)) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(tampered())
            }
        }
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Sealed {
        Sealed(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Tells this value from another at the same place. It says nothing of the value: each encryption has a nonce of its own, so the
    /// same value given twice has two versions, and so has one that a rotation has encrypted anew.
    pub fn version(&self) -> String {
        digest_of(&self.0)
    }

    pub(crate) fn key_id(&self) -> Option<KeyId> {
        let id = self.0.get(1..1 + KEY_ID)?;
        KeyId::try_from(id).ok()
    }
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    let derived = key.sealing();
    XChaCha20Poly1305::new((&*derived).into())
}

/// The id of the key that the store's sealed values were made with, when there are any.
pub(crate) fn key_in_use(transaction: &Transaction<'_>) -> Result<Option<KeyId>> {
    let sealed: Option<Vec<u8>> = transaction
        .query_row(
            "SELECT sealed FROM secret_value
             UNION ALL SELECT sealed FROM code_repository_option WHERE sealed IS NOT NULL LIMIT 1",
            (),
            |row| row.get(0),
        )
        .optional()?;
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    let id = Sealed(sealed).key_id();
    id.map(Some).ok_or_else(|| StoreError::Corrupt("an encrypted value".to_owned()))
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}
