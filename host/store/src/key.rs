//! A key: how it is written, and the keys that are derived from it.

use crate::{Result, StoreError, private};
use base64::{Engine, alphabet, engine::DecodePaddingMode, engine::general_purpose};
use std::{
    fmt::{self, Write},
    fs::OpenOptions,
    io::{ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use zeroize::Zeroizing;

pub(crate) const VARIABLE: &str = "FORGEPORT_KEY";
pub(crate) const NEW_VARIABLE: &str = "FORGEPORT_NEW_KEY";

/// How a key file begins that holds no key but names one in the keyring.
const IN_KEYRING: &str = "keyring ";

/// A key file is 65 bytes long; what is longer than this is none, and is not read to its end.
const MAX_KEY_FILE: u64 = 1024;

/// Where the key comes from.
pub enum KeySource {
    /// The value of the variable `FORGEPORT_KEY`: 32 bytes as hexadecimal digits or in base64.
    Environment(Zeroizing<String>),
    /// The file `key` in the store's directory, made when it is first needed; or the keyring, where that file says so.
    File,
}

/// Names a key without telling it.
pub(crate) type KeyId = [u8; 8];

/// The key in memory. It is on the heap, so that moving it leaves no copies behind.
pub(crate) struct Key {
    root: Zeroizing<Box<[u8]>>,
    pub(crate) id: KeyId,
    /// Where it came from, for a person.
    pub(crate) origin: String,
}

/// What a key file holds.
pub(crate) enum KeyFile {
    Key(Key),
    InKeyring(KeyId),
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

impl Key {
    fn new(root: Zeroizing<Box<[u8]>>, origin: String) -> Key {
        let digest = Zeroizing::new(blake3::derive_key("forgeport store: key id", &root));
        let [a, b, c, d, e, f, g, h, ..] = *digest;
        Key { root, id: [a, b, c, d, e, f, g, h], origin }
    }

    /// A new key.
    pub(crate) fn random(origin: String) -> Result<Key> {
        let mut root = empty();
        getrandom::fill(&mut root).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
        Ok(Key::new(root, origin))
    }

    /// Reads a key from 64 hexadecimal digits or base64.
    pub(crate) fn parse(text: &str, origin: String) -> Result<Key> {
        let text = text.trim();
        match from_hex(text).or_else(|| from_base64(text)) {
            Some(root) => Ok(Key::new(root, origin)),
            None => Err(StoreError::BadKey(origin)),
        }
    }

    /// The key as a line of hexadecimal digits, to be kept.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        // Long enough from the start, so that growing leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * self.root.len() + 1));
        for byte in self.root.iter() {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        text
    }

    /// The key that values are encrypted with.
    pub(crate) fn sealing(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key("forgeport store: sealing", &self.root))
    }

    /// The key for one other purpose; from it neither the store's key nor another purpose's can be found.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let context = format!("forgeport store: key for {purpose}");
        Zeroizing::new(blake3::derive_key(&context, &self.root))
    }
}

impl KeyFile {
    /// Reads a key file, if it is there.
    pub(crate) fn read(path: &Path) -> Result<Option<KeyFile>> {
        let Some(text) = read(path)? else {
            return Ok(None);
        };
        let origin = format!("{path:?}");
        let file = match text.trim().strip_prefix(IN_KEYRING) {
            Some(id) => KeyFile::InKeyring(id_from_hex(id).ok_or(StoreError::BadKey(origin))?),
            None => KeyFile::Key(Key::parse(&text, origin)?),
        };
        Ok(Some(file))
    }

    pub(crate) fn id(&self) -> KeyId {
        match self {
            KeyFile::Key(key) => key.id,
            KeyFile::InKeyring(id) => *id,
        }
    }
}

/// The line of a key file that names a key in the keyring.
pub(crate) fn in_keyring(id: KeyId) -> String {
    format!("{IN_KEYRING}{}\n", id_to_hex(id))
}

pub(crate) fn id_to_hex(id: KeyId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn id_from_hex(text: &str) -> Option<KeyId> {
    let is_id = text.len() == 2 * size_of::<KeyId>() && text.bytes().all(|c| c.is_ascii_hexdigit());
    is_id.then(|| u64::from_str_radix(text, 16).ok().map(u64::to_be_bytes)).flatten()
}

fn read(path: &Path) -> Result<Option<Zeroizing<String>>> {
    let file = match private::open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(StoreError::io("read the key", path))?,
    };
    let metadata = file.metadata().map_err(StoreError::io("read the key", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(StoreError::KeyNotPrivate { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_KEY_FILE as usize));
    match file.take(MAX_KEY_FILE).read_to_string(&mut text) {
        // What is no text is no key.
        Err(error) if error.kind() == ErrorKind::InvalidData => text.clear(),
        other => {
            other.map_err(StoreError::io("read the key", path))?;
        }
    }
    Ok(Some(text))
}

fn empty() -> Zeroizing<Box<[u8]>> {
    Zeroizing::new(vec![0; 32].into_boxed_slice())
}

fn from_hex(text: &str) -> Option<Zeroizing<Box<[u8]>>> {
    let mut root = empty();
    if text.len() != 2 * root.len() {
        return None;
    }
    for (byte, digits) in root.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = (16 * digit(digits[0])? + digit(digits[1])?) as u8;
    }
    Some(root)
}

/// Base64 in either alphabet (RFC 4648, sections 4 and 5), with or without padding.
fn from_base64(text: &str) -> Option<Zeroizing<Box<[u8]>>> {
    const CONFIG: general_purpose::GeneralPurposeConfig =
        general_purpose::GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    if !matches!(text.len(), 43 | 44) {
        return None;
    }
    let alphabet = match text.contains(['-', '_']) {
        true => &alphabet::URL_SAFE,
        false => &alphabet::STANDARD,
    };
    let engine = general_purpose::GeneralPurpose::new(alphabet, CONFIG);
    let mut decoded = Zeroizing::new([0; 33]);
    let length = engine.decode_slice(text, &mut *decoded).ok()?;
    let mut root = empty();
    (length == root.len()).then(|| root.copy_from_slice(&decoded[..length]))?;
    Some(root)
}
