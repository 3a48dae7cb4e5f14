//! The store's one key: where it comes from, and the keys that are derived from it.

use crate::{Result, StoreError, private, seal};
use base64::{Engine, alphabet, engine::DecodePaddingMode, engine::general_purpose};
use rusqlite::Transaction;
use std::{
    fmt::{self, Write},
    fs::File,
    io::{ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};
use zeroize::Zeroizing;

const VARIABLE: &str = "FORGEPORT_KEY";

/// A key file is 65 bytes long; what is longer than this is none, and is not read to its end.
const MAX_KEY_FILE: u64 = 1024;

/// Where the key comes from.
pub enum KeySource {
    /// The value of the variable `FORGEPORT_KEY`: 32 bytes as hexadecimal digits or in base64.
    Environment(Zeroizing<String>),
    /// The file `key` in the store's directory, made when it is first needed.
    File,
}

/// Names a key without telling it.
pub(crate) type KeyId = [u8; 8];

/// The key in memory.
pub(crate) struct Key {
    root: Zeroizing<[u8; 32]>,
    pub(crate) id: KeyId,
    /// Where it came from, for a person.
    pub(crate) origin: String,
}

/// Loads the key when it is first needed, and makes it where there is none.
pub(crate) struct KeyRing {
    source: KeySource,
    file: PathBuf,
    key: OnceLock<Key>,
}

impl KeySource {
    /// The variable `FORGEPORT_KEY` where it is set and not empty, the file otherwise.
    pub fn detect() -> KeySource {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        match variable {
            // What is not UTF-8 is no key either; the error comes when it is needed.
            Some(value) => {
                KeySource::Environment(Zeroizing::new(value.into_string().unwrap_or_else(|_| "?".to_owned())))
            }
            None => KeySource::File,
        }
    }
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
    fn new(root: Zeroizing<[u8; 32]>, origin: String) -> Key {
        let digest = Zeroizing::new(blake3::derive_key("forgeport store: key id", &*root));
        let [a, b, c, d, e, f, g, h, ..] = *digest;
        Key { root, id: [a, b, c, d, e, f, g, h], origin }
    }

    /// The key that values are encrypted with.
    pub(crate) fn sealing(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key("forgeport store: sealing", &*self.root))
    }

    /// The key for one other purpose; from it neither the store's key nor another purpose's can be found.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let context = format!("forgeport store: key for {purpose}");
        Zeroizing::new(blake3::derive_key(&context, &*self.root))
    }
}

impl KeyRing {
    pub(crate) fn new(source: KeySource, directory: &Path) -> KeyRing {
        KeyRing { source, file: directory.join("key"), key: OnceLock::new() }
    }

    /// The key, where there is one.
    pub(crate) fn existing(&self) -> Result<Option<&Key>> {
        if let Some(key) = self.key.get() {
            return Ok(Some(key));
        }
        let loaded = match &self.source {
            KeySource::Environment(text) => Some(parse(text, VARIABLE.to_owned())?),
            KeySource::File => read(&self.file)?,
        };
        Ok(loaded.map(|key| self.key.get_or_init(|| key)))
    }

    /// The key to read sealed values with.
    pub(crate) fn for_opening(&self) -> Result<&Key> {
        self.existing()?.ok_or_else(|| StoreError::KeyMissing(self.file.clone()))
    }

    /// The key to seal values with. Where there is none it is made, by exactly one process: the transaction is a writing one.
    pub(crate) fn for_sealing(&self, transaction: &Transaction<'_>) -> Result<&Key> {
        if let Some(key) = self.existing()? {
            return Ok(key);
        }
        if seal::key_in_use(transaction)?.is_some() {
            return Err(StoreError::KeyMissing(self.file.clone()));
        }
        private::write(&self.file, random_text()?.as_bytes())?;
        self.for_opening()
    }
}

fn random_text() -> Result<Zeroizing<String>> {
    let mut root = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *root).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
    // Long enough from the start, so that growing leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * root.len() + 1));
    for byte in root.iter() {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    Ok(text)
}

fn read(path: &Path) -> Result<Option<Key>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(StoreError::io("read the key", path))?,
    };
    let metadata = file.metadata().map_err(StoreError::io("read the key", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(StoreError::KeyNotPrivate { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_KEY_FILE as usize));
    let read = file.take(MAX_KEY_FILE).read_to_string(&mut text);
    match read {
        Err(error) if error.kind() == ErrorKind::InvalidData => {}
        other => {
            other.map_err(StoreError::io("read the key", path))?;
        }
    }
    parse(&text, format!("{path:?}")).map(Some)
}

fn parse(text: &str, origin: String) -> Result<Key> {
    let text = text.trim();
    match from_hex(text).or_else(|| from_base64(text)) {
        Some(root) => Ok(Key::new(root, origin)),
        None => Err(StoreError::BadKey(origin)),
    }
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut root = Zeroizing::new([0; 32]);
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
fn from_base64(text: &str) -> Option<Zeroizing<[u8; 32]>> {
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
    let root = <[u8; 32]>::try_from(&decoded[..length]).ok()?;
    Some(Zeroizing::new(root))
}
