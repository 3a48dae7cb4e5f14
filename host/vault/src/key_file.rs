//! The file of a master key: one line, readable by its owner alone.
//!
//! | line | meaning |
//! | --- | --- |
//! | a key, see key_text.rs | the key itself |
//! | `keyring` and a key's id in hexadecimal digits, with a space between them | the keyring has the key |

use crate::{
    error::{Result, VaultError},
    key_id::KeyId,
    master_key::MasterKey,
};
use forgeport_platform::{FileError, open_regular, private};
use std::{
    io::{ErrorKind, Read},
    path::Path,
};
use zeroize::Zeroizing;

/// How a key file begins that has no key but names one in the keyring.
const IN_KEYRING: &str = "keyring ";

/// A key file is 65 bytes long; what is longer than this is none, and is not read to its end.
const MAX_LENGTH: u64 = 1024;

pub(crate) enum KeyFile {
    Key(MasterKey),
    InKeyring(KeyId),
}

impl KeyFile {
    /// Reads a key file, if it is there.
    pub(crate) fn read(path: &Path) -> Result<Option<KeyFile>> {
        let Some(text) = read(path)? else {
            return Ok(None);
        };
        let origin = format!("{path:?}");
        let file = match text.trim().strip_prefix(IN_KEYRING) {
            Some(id) => KeyFile::InKeyring(KeyId::parse(id).ok_or(VaultError::BadKey(origin))?),
            None => KeyFile::Key(MasterKey::parse(&text, &origin)?),
        };
        Ok(Some(file))
    }

    pub(crate) fn id(&self) -> KeyId {
        match self {
            KeyFile::Key(key) => key.id(),
            KeyFile::InKeyring(id) => *id,
        }
    }
}

/// The line of a key file that names a key in the keyring.
pub(crate) fn line_of_keyring(id: KeyId) -> String {
    format!("{IN_KEYRING}{id}\n")
}

fn read(path: &Path) -> Result<Option<Zeroizing<String>>> {
    let failed = || FileError::at("read the key", path);
    let file = match open_regular(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed())?,
    };
    if let Some(mode) = private::mode_for_others(&file).map_err(failed())? {
        return Err(VaultError::KeyNotPrivate { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_LENGTH as usize));
    match file.take(MAX_LENGTH).read_to_string(&mut text) {
        // What is no text is no key.
        Err(error) if error.kind() == ErrorKind::InvalidData => text.clear(),
        read => drop(read.map_err(failed())?),
    }
    Ok(Some(text))
}
