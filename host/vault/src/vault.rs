//! The vault finds the master key, and makes one if there is none.
//!
//! The key is in the environment, in the file `key`, or in the keyring if `key` says so. See staging.rs for how it is changed.

use crate::{
    error::{Result, VaultError},
    key_file::{KeyFile, line_of_keyring},
    key_id::KeyId,
    key_text,
    keyring::{Keyring, KeyringError},
    master_key::MasterKey,
    source::{KeyPlace, KeySource, NEW_VARIABLE, VARIABLE},
};
use forgeport_platform::private;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The master key's place. It may be shared between threads.
///
/// It reads and writes files, and a keyring may wait for a person to unlock it; so it is used on a thread that may block.
pub struct Vault {
    source: Mutex<KeySource>,
    pub(crate) directory: PathBuf,
    pub(crate) keyring: Box<dyn Keyring>,
    /// Every master key that was used here, so that a keyring is asked once.
    known: Mutex<Vec<Arc<MasterKey>>>,
}

impl Vault {
    /// A vault in a directory. Nothing is read before a key is needed.
    pub fn new(source: KeySource, directory: &Path, keyring: Box<dyn Keyring>) -> Vault {
        Vault { source: Mutex::new(source), directory: directory.to_owned(), keyring, known: Mutex::default() }
    }

    /// The master key that is kept now, whether or not it is the one that wrapped keys name.
    ///
    /// # Errors
    /// When it cannot be read or is no key, or the keyring fails.
    pub fn present(&self) -> Result<Option<Arc<MasterKey>>> {
        if let Some(key) = self.given()? {
            return Ok(Some(self.remember(key)));
        }
        match KeyFile::read(&self.file())? {
            Some(file) => self.load(file),
            None => Ok(None),
        }
    }

    /// The master key that a wrapped key names.
    ///
    /// # Errors
    /// When it is missing, there is another one in its place, it cannot be read or is no key, or the keyring fails.
    pub fn get(&self, id: KeyId) -> Result<Arc<MasterKey>> {
        if let Some(key) = self.known(id) {
            return Ok(key);
        }
        if let Some(key) = self.given()? {
            return self.only(id, key);
        }
        // In this order, for a staged key may become `key` at any moment.
        for path in [self.staged_file(id), self.file()] {
            match KeyFile::read(&path)? {
                None => continue,
                Some(file) if file.id() == id => return self.load(file)?.ok_or(VaultError::NotInKeyring(id)),
                Some(_) => return Err(VaultError::WrongKey(format!("{path:?}"))),
            }
        }
        Err(VaultError::KeyMissing(self.file()))
    }

    /// The master key that is kept; where there is none, one is made and kept. The caller holds the store's write lock, so that exactly
    /// one process makes it, and no wrapped key names another one.
    ///
    /// # Errors
    /// As [`Self::present`]; also when it cannot be written.
    pub fn make(&self) -> Result<Arc<MasterKey>> {
        if let Some(key) = self.present()? {
            return Ok(key);
        }
        let place = self.place()?;
        self.keep(&self.file(), place, MasterKey::generate(self.origin(place))?)
    }

    /// The place of the master key, if that is not the environment.
    ///
    /// # Errors
    /// When the key file cannot be read or is none.
    pub fn place(&self) -> Result<KeyPlace> {
        let file = KeyFile::read(&self.file())?;
        Ok(if matches!(file, Some(KeyFile::InKeyring(_))) { KeyPlace::Keyring } else { KeyPlace::File })
    }

    /// True if the environment has the master key.
    pub fn is_given(&self) -> bool {
        matches!(*self.source(), KeySource::Environment(_))
    }

    /// Accepts the key of the variable `FORGEPORT_NEW_KEY`, to which the one in `FORGEPORT_KEY` is to be changed.
    ///
    /// # Errors
    /// When there is none, it is no key, or it is the one in use.
    pub fn accept(&self, given: Option<&str>, in_use: Option<KeyId>) -> Result<Arc<MasterKey>> {
        let key = MasterKey::parse(given.ok_or(VaultError::NoNewKey)?, NEW_VARIABLE)?;
        if Some(key.id()) == in_use { Err(VaultError::SameKey) } else { Ok(self.remember(key)) }
    }

    /// Takes the master key from where a change has put it from now on: the environment of this process still has the old one.
    pub fn follow(&self, key: &MasterKey, kept_in: Option<KeyPlace>) {
        *self.source() = match kept_in {
            Some(_) => KeySource::File,
            None => KeySource::Environment(key_text::line(&key.raw)),
        };
    }

    /// Keeps a key in memory for as long as this vault is.
    pub fn remember(&self, key: MasterKey) -> Arc<MasterKey> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.iter().find(|other| other.id() == key.id()) {
            return key.clone();
        }
        let key = Arc::new(key);
        known.push(key.clone());
        key
    }

    /// Keeps a new key. Of one in the keyring the file is first, so that none is in the keyring that no file names.
    pub(crate) fn keep(&self, path: &Path, place: KeyPlace, key: MasterKey) -> Result<Arc<MasterKey>> {
        private::directory(&self.directory)?;
        let (id, text) = (key.id().to_string(), key_text::line(&key.raw));
        if place == KeyPlace::File {
            private::write(path, text.as_bytes())?;
            return Ok(self.remember(key));
        }
        private::write(path, line_of_keyring(key.id()).as_bytes())?;
        self.keyring.put(&id, text.trim())?;
        // All credentials will depend on it.
        match self.keyring.get(&id)? {
            Some(kept) if kept.trim() == text.trim() => Ok(self.remember(key)),
            _ => Err(KeyringError("it did not keep what it was given".to_owned()).into()),
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join("key")
    }

    pub(crate) fn staged_file(&self, id: KeyId) -> PathBuf {
        self.directory.join(format!("key.{id}"))
    }

    pub(crate) fn origin(&self, place: KeyPlace) -> String {
        match place {
            KeyPlace::File => format!("{:?}", self.file()),
            KeyPlace::Keyring => "the keyring".to_owned(),
        }
    }

    fn source(&self) -> MutexGuard<'_, KeySource> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn given(&self) -> Result<Option<MasterKey>> {
        match &*self.source() {
            KeySource::Environment(text) => MasterKey::parse(text, VARIABLE).map(Some),
            KeySource::File => Ok(None),
        }
    }

    fn known(&self, id: KeyId) -> Option<Arc<MasterKey>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|key| key.id() == id).cloned()
    }

    fn only(&self, id: KeyId, key: MasterKey) -> Result<Arc<MasterKey>> {
        if key.id() == id { Ok(self.remember(key)) } else { Err(VaultError::WrongKey(key.origin)) }
    }

    /// The key of a key file; none when it should be in the keyring and is not.
    fn load(&self, file: KeyFile) -> Result<Option<Arc<MasterKey>>> {
        let id = match file {
            KeyFile::Key(key) => return Ok(Some(self.remember(key))),
            KeyFile::InKeyring(id) => id,
        };
        if let Some(key) = self.known(id) {
            return Ok(Some(key));
        }
        match self.keyring.get(&id.to_string())? {
            Some(text) => self.only(id, MasterKey::parse(&text, &self.origin(KeyPlace::Keyring))?).map(Some),
            None => Ok(None),
        }
    }
}
