//! The store's one key: where it is kept, and which one it is while it is being rotated.
//!
//! The sealed values name the key. It is in the environment, or else in the file `key`, or in the keyring, which `key` then says.
//! A rotation first puts the new key into `key.<id>`, then commits the values that name it, and then makes that file `key`.
//! So whatever the committed values name is there at any moment. While no values are sealed, the key is what `key` says. All of
//! these files change only while the database's write lock is held.

use crate::{
    Result, StoreError,
    key::{Key, KeyFile, KeyId, KeySource, VARIABLE, id_from_hex, id_to_hex, in_keyring},
    keyring::{Keyring, KeyringError},
    private,
    rotation::Step,
    seal,
};
use rusqlite::Transaction;
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Where a store keeps its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// The file `key` in its directory.
    File,
    /// The system's keyring.
    Keyring,
}

/// Finds the key when it is needed, and makes it where there is none.
pub(crate) struct Keys {
    source: Mutex<KeySource>,
    directory: PathBuf,
    keyring: Box<dyn Keyring>,
    /// Every key that was used here: what an earlier one has sealed may still be in the hands of a caller.
    known: Mutex<Vec<Arc<Key>>>,
}

impl Keys {
    pub(crate) fn new(source: KeySource, directory: &Path, keyring: Box<dyn Keyring>) -> Keys {
        Keys { source: Mutex::new(source), directory: directory.to_owned(), keyring, known: Mutex::default() }
    }

    /// The key of this id, if it was used here before.
    pub(crate) fn known(&self, id: KeyId) -> Option<Arc<Key>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|key| key.id == id).cloned()
    }

    /// The key that a sealed value names.
    pub(crate) fn get(&self, id: KeyId) -> Result<Arc<Key>> {
        if let Some(key) = self.known(id) {
            return Ok(key);
        }
        if let Some(key) = self.given()? {
            return self.only(id, key);
        }
        // In this order, for it may become `key` at any moment.
        for path in [self.beside(id), self.file()] {
            match KeyFile::read(&path)? {
                None => continue,
                Some(file) if file.id() == id => return self.load(file)?.ok_or_else(|| not_in_keyring(id)),
                Some(_) => return Err(StoreError::WrongKey(format!("{path:?}"))),
            }
        }
        Err(StoreError::KeyMissing(self.file()))
    }

    /// The key that is kept, whether or not it is the one that the sealed values name.
    pub(crate) fn present(&self) -> Result<Option<Arc<Key>>> {
        if let Some(key) = self.given()? {
            return Ok(Some(self.remember(key)));
        }
        match KeyFile::read(&self.file())? {
            Some(file) => self.load(file),
            None => Ok(None),
        }
    }

    /// The key to seal values with. Where there is none it is made, by exactly one process: the transaction is a writing one.
    pub(crate) fn for_sealing(&self, transaction: &Transaction<'_>) -> Result<Arc<Key>> {
        if let Some(id) = seal::key_in_use(transaction)? {
            let key = self.get(id)?;
            if self.beside(id).exists() {
                // A rotation was killed before its last step. Where that fails the key is found all the same.
                let _ = self.promote(id, &|_| {});
            }
            return Ok(key);
        }
        if let Some(key) = self.present()? {
            return Ok(key);
        }
        let place = self.place()?;
        self.keep(&self.file(), place, Key::random(self.origin(place))?)
    }

    /// Where the key is kept, when that is not the environment.
    pub(crate) fn place(&self) -> Result<KeyPlace> {
        let file = KeyFile::read(&self.file())?;
        Ok(if matches!(file, Some(KeyFile::InKeyring(_))) { KeyPlace::Keyring } else { KeyPlace::File })
    }

    /// Makes a new key and keeps it beside the present one.
    pub(crate) fn stage(&self, place: KeyPlace) -> Result<Arc<Key>> {
        let key = Key::random(self.origin(place))?;
        self.keep(&self.beside(key.id), place, key)
    }

    /// Makes a staged key the present one, which is forgotten first: what names it on the disk must go last.
    pub(crate) fn promote(&self, id: KeyId, reached: &dyn Fn(Step)) -> Result<()> {
        let forgotten = match KeyFile::read(&self.file()) {
            Ok(Some(KeyFile::InKeyring(old))) if old != id => self.keyring.delete(&id_to_hex(old)),
            _ => Ok(()),
        };
        reached(Step::Forgotten);
        private::rename(&self.beside(id), &self.file())?;
        Ok(forgotten?)
    }

    /// Finishes what rotations have left: of the keys beside the present one that which is in use becomes it, the others go.
    /// The transaction is a writing one that has changed nothing yet. `done` is the key of a rotation that is committed.
    pub(crate) fn settle(
        &self,
        transaction: &Transaction<'_>,
        done: Option<KeyId>,
        reached: &dyn Fn(Step),
    ) -> Result<()> {
        let wanted = seal::key_in_use(transaction)?.or(done);
        for id in self.staged()? {
            match Some(id) == wanted {
                true => self.promote(id, reached)?,
                false => self.abandon(id)?,
            }
        }
        Ok(())
    }

    /// Keeps a key that was given, for as long as this store is open.
    pub(crate) fn remember(&self, key: Key) -> Arc<Key> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.iter().find(|other| other.id == key.id) {
            return key.clone();
        }
        let key = Arc::new(key);
        known.push(key.clone());
        key
    }

    /// Whether the environment has the key.
    pub(crate) fn is_given(&self) -> bool {
        matches!(*self.source.lock().unwrap_or_else(PoisonError::into_inner), KeySource::Environment(_))
    }

    /// Takes the key from where a rotation has put it: the environment of this process still has the old one.
    pub(crate) fn follow(&self, key: &Key, kept_in: Option<KeyPlace>) {
        let source = match kept_in {
            Some(_) => KeySource::File,
            None => KeySource::Environment(key.text()),
        };
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = source;
    }

    fn given(&self) -> Result<Option<Key>> {
        match &*self.source.lock().unwrap_or_else(PoisonError::into_inner) {
            KeySource::Environment(text) => Key::parse(text, VARIABLE.to_owned()).map(Some),
            KeySource::File => Ok(None),
        }
    }

    fn only(&self, id: KeyId, key: Key) -> Result<Arc<Key>> {
        match key.id == id {
            true => Ok(self.remember(key)),
            false => Err(StoreError::WrongKey(key.origin)),
        }
    }

    /// The key of a key file; none when it should be in the keyring and is not.
    fn load(&self, file: KeyFile) -> Result<Option<Arc<Key>>> {
        let id = match file {
            KeyFile::Key(key) => return Ok(Some(self.remember(key))),
            KeyFile::InKeyring(id) => id,
        };
        if let Some(key) = self.known(id) {
            return Ok(Some(key));
        }
        match self.keyring.get(&id_to_hex(id))? {
            Some(text) => self.only(id, Key::parse(&text, self.origin(KeyPlace::Keyring))?).map(Some),
            None => Ok(None),
        }
    }

    /// Keeps a new key. Of one in the keyring the file is first, so that none is in the keyring that no file names.
    fn keep(&self, path: &Path, place: KeyPlace, key: Key) -> Result<Arc<Key>> {
        let (id, text) = (id_to_hex(key.id), key.text());
        if place == KeyPlace::File {
            private::write(path, text.as_bytes())?;
            return Ok(self.remember(key));
        }
        private::write(path, in_keyring(key.id).as_bytes())?;
        self.keyring.put(&id, text.trim())?;
        // All credentials will hang on it.
        match self.keyring.get(&id)? {
            Some(kept) if kept.trim() == text.trim() => Ok(self.remember(key)),
            _ => Err(KeyringError("it did not keep what it was given".to_owned()).into()),
        }
    }

    /// Removes a key that is not in use and never was.
    fn abandon(&self, id: KeyId) -> Result<()> {
        let path = self.beside(id);
        if let Ok(Some(KeyFile::InKeyring(id))) = KeyFile::read(&path) {
            // It is of no use to anybody; one that cannot be removed does no harm.
            let _ = self.keyring.delete(&id_to_hex(id));
        }
        for path in [private::unfinished_name(&path), path] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The ids of the keys beside the present one, also of such as were never written to their end.
    fn staged(&self) -> Result<Vec<KeyId>> {
        let read = |error| StoreError::io("read", &self.directory)(error);
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(read)? {
            let name = entry.map_err(read)?.file_name();
            let name = name.to_string_lossy();
            let name = name.strip_prefix(private::UNFINISHED).unwrap_or(&name);
            ids.extend(name.strip_prefix("key.").and_then(id_from_hex));
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    fn file(&self) -> PathBuf {
        self.directory.join("key")
    }

    fn beside(&self, id: KeyId) -> PathBuf {
        self.directory.join(format!("key.{}", id_to_hex(id)))
    }

    fn origin(&self, place: KeyPlace) -> String {
        match place {
            KeyPlace::File => format!("{:?}", self.file()),
            KeyPlace::Keyring => "the keyring".to_owned(),
        }
    }
}

fn not_in_keyring(id: KeyId) -> StoreError {
    StoreError::NotInKeyring(id_to_hex(id))
}
