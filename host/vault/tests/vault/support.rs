//! Keyrings and vaults of tests, and short ways to look at errors.

use forgeport_vault::{KeySource, Keyring, KeyringError, MasterKey, Place, Vault, VaultError};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use zeroize::Zeroizing;

pub const KEY: &str = "fbfffe030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub const OTHER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
pub const VALUE: &str = "hunter2-and-more";
pub const PLACE: Place<'static> =
    Place { workspace: "w", table: "secret_value", row: "r", key: "k", shown: "the key \"k\" of the secret \"s\"" };

pub fn master() -> MasterKey {
    MasterKey::parse(KEY, "a test").unwrap()
}

pub fn other_master() -> MasterKey {
    MasterKey::parse(OTHER_KEY, "another test").unwrap()
}

/// A keyring in memory, whose clones are the same one.
#[derive(Clone, Default)]
pub struct Memory {
    pub keys: Arc<Mutex<BTreeMap<String, String>>>,
    /// True if it forgets what it is given.
    pub forgets: bool,
}

impl Keyring for Memory {
    fn put(&self, id: &str, key: &str) -> Result<(), KeyringError> {
        if !self.forgets {
            self.keys.lock().unwrap().insert(id.to_owned(), key.to_owned());
        }
        Ok(())
    }

    fn get(&self, id: &str) -> Result<Option<Zeroizing<String>>, KeyringError> {
        Ok(self.keys.lock().unwrap().get(id).cloned().map(Zeroizing::new))
    }

    fn delete(&self, id: &str) -> Result<(), KeyringError> {
        self.keys.lock().unwrap().remove(id);
        Ok(())
    }
}

/// A keyring that is locked, or not there.
pub struct Locked;

impl Keyring for Locked {
    fn put(&self, _: &str, _: &str) -> Result<(), KeyringError> {
        Err(KeyringError("it is locked".to_owned()))
    }

    fn get(&self, _: &str) -> Result<Option<Zeroizing<String>>, KeyringError> {
        Err(KeyringError("it is locked".to_owned()))
    }

    fn delete(&self, _: &str) -> Result<(), KeyringError> {
        Err(KeyringError("it is locked".to_owned()))
    }
}

/// A directory for a vault, with a keyring; it is removed when this is dropped.
pub struct Home {
    pub directory: TempDir,
    pub keyring: Memory,
}

impl Home {
    pub fn new() -> Home {
        Home { directory: tempfile::tempdir().unwrap(), keyring: Memory::default() }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn vault(&self) -> Vault {
        self.vault_with(Box::new(self.keyring.clone()))
    }

    pub fn vault_with(&self, keyring: Box<dyn Keyring>) -> Vault {
        Vault::new(KeySource::File, self.directory.path(), keyring)
    }

    pub fn vault_with_key(&self, key: &str) -> Vault {
        let source = KeySource::Environment(Zeroizing::new(key.to_owned()));
        Vault::new(source, self.directory.path(), Box::new(self.keyring.clone()))
    }

    pub fn files(&self) -> Vec<String> {
        names(self.directory.path())
    }
}

/// The names in a directory, if it is there, in their order.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The error, whose text must be one line that contains each of these, and neither a key nor a value.
#[track_caller]
pub fn refused<T>(outcome: Result<T, VaultError>, parts: &[&str]) -> VaultError {
    let Err(error) = outcome else { panic!("it worked") };
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
    for secret in [KEY, OTHER_KEY, VALUE] {
        assert!(!format!("{text} {error:?}").contains(secret), "{text}");
    }
    error
}

/// Each way of flipping one bit.
pub fn flipped(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..8 * bytes.len()).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        (bit / 8, flipped)
    })
}

/// Each shorter beginning, and some that are longer.
pub fn of_other_lengths(bytes: &[u8]) -> Vec<Vec<u8>> {
    let shorter = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    let longer = [1, 16, 200_000].map(|more| [bytes, &vec![0; more]].concat());
    shorter.chain(longer).collect()
}
