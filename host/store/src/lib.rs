//! What Forgeport remembers: code repositories, secrets, and the components of custom providers.
//!
//! A store is one directory: a SQLite database (`forgeport.db`) with its sum (`forgeport.sum`, see sum.rs), the key that credentials are
//! encrypted with (`key`, unless the environment or the keyring has it; see keys.rs), the components (`providers/<sha256>.wasm`), and
//! the audit log (`audit.db`). All of it is for its owner only. Any number of processes and threads may use it at once: every change is
//! one transaction, and whatever must not happen twice, such as the making of the key, happens while the database's one write lock is
//! held. Whoever only reads writes nothing, and needs no store: where none was made yet, there is just nothing in it.
//!
//! The API blocks; calls last from microseconds to, behind another process' write, [`Store::BUSY_TIMEOUT`].

mod audit;
mod clues;
mod code_repositories;
mod code_repository;
mod components;
mod database;
mod error;
mod intents;
mod key;
mod keyring;
mod keys;
mod names;
mod private;
mod rotation;
mod rows;
mod schema;
mod seal;
mod secrets;
mod sum;

pub use audit::{Audit, AuditEntry, AuditFilter, IN_FLIGHT, UNRECORDED};
pub use code_repositories::CodeRepositories;
pub use code_repository::{CodeRepository, Consent, ProviderRef, StoredOption};
pub use components::digest_of;
pub use error::{StoreError, some_of};
pub use intents::Intents;
pub use key::KeySource;
pub use keyring::{Keyring, KeyringError, SystemKeyring};
pub use keys::KeyPlace;
pub use names::{check_code_repository_name, check_secret_key, check_secret_name};
pub use rotation::Rotated;
pub use seal::{MAX_VALUE_LENGTH, Sealed};
pub use secrets::{Referrer, SecretInfo, Secrets};

use database::Database;
use forgeport_model::OptionDefinition;
use key::KeyId;
use keys::Keys;
use rusqlite::Transaction;
use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use sum::Sum;
use zeroize::Zeroizing;

type Result<T> = std::result::Result<T, StoreError>;

/// One open store. It may be shared between threads, which then take turns; for reads in parallel open it once for each.
pub struct Store {
    directory: PathBuf,
    database: Database,
    log: Database,
    keys: Keys,
}

impl Store {
    /// How long a call waits for another process' write before it fails with [`StoreError::Busy`].
    pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

    /// Opens the store in a directory. Where there is none it is made with the first change, and so is the key.
    ///
    /// # Errors
    /// When the database cannot be read, is not what was last written, or comes from a newer Forgeport, and when the directory is open
    /// for others to write. Everything is left as it is then.
    pub fn open(directory: &Path, key: KeySource) -> Result<Store> {
        Store::open_with_keyring(directory, key, Box::new(SystemKeyring))
    }

    /// Opens the store as [`Store::open`] does, with another keyring than the system's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with_keyring(directory: &Path, key: KeySource, keyring: Box<dyn Keyring>) -> Result<Store> {
        private::check_directory(directory)?;
        let path = directory.join("forgeport.db");
        let sum = Sum::beside(&path);
        let store = Store {
            directory: directory.to_owned(),
            database: Database::new(path, schema::STORE, Some(sum)),
            log: Database::new(directory.join(schema::AUDIT_FILE), schema::AUDIT, None),
            keys: Keys::new(key, directory, keyring),
        };
        store.database.check()?;
        Ok(store)
    }

    /// The registrations.
    pub fn code_repositories(&self) -> CodeRepositories<'_> {
        CodeRepositories(self)
    }

    /// What providers did on the network.
    pub fn audit(&self) -> Audit<'_> {
        Audit(self)
    }

    /// The secrets.
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets(self)
    }

    /// The bytes of a custom provider's component, checked against its digest.
    ///
    /// # Errors
    /// When it is not there, or is not what it was.
    pub fn component(&self, digest: &str) -> Result<Vec<u8>> {
        components::read(&self.directory, digest)
    }

    /// What a component said of its options, if there is a registration of it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn component_settings(&self, digest: &str) -> Result<Option<Vec<OptionDefinition>>> {
        self.read(|tx| components::settings(tx, digest))
    }

    /// A key for another purpose than secrets, derived from the store's; the same for the same purpose until the key is rotated.
    ///
    /// # Errors
    /// When the store's key cannot be read or made.
    pub fn derive_key(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>> {
        if let Some(key) = self.keys.present()? {
            return Ok(key.derive(purpose));
        }
        self.write(|tx| Ok(self.keys.for_sealing(tx)?.derive(purpose)))
    }

    /// Makes a new key, encrypts every value anew with it, and erases what the old one has encrypted and then the old one.
    ///
    /// The new key is kept where the old one is, unless told otherwise. Where that is the environment it is `given`.
    /// Whenever the process is killed, the store opens with what is there then: with the old key before everything is
    /// encrypted anew, with the new one after that.
    ///
    /// # Errors
    /// When the old key is missing or wrong, a value was damaged, the keyring fails, or there is no new key for the
    /// environment; nothing has changed then.
    pub fn rotate_key(&self, keep_in: Option<KeyPlace>, given: Option<&str>) -> Result<Rotated> {
        rotation::rotate(self, keep_in, given, &|_| {})
    }

    /// Tries to open a value again when the key that it names is not there: it may have been rotated between the two.
    fn retried<T>(&self, attempt: impl Fn() -> Result<(Option<KeyId>, Result<T>)>) -> Result<T> {
        let mut last = None;
        loop {
            let (id, opened) = attempt()?;
            if last == Some(id) || !opened.as_ref().is_err_and(StoreError::is_of_the_key) {
                return opened;
            }
            last = Some(id);
        }
    }

    fn read<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.database.read(work)
    }

    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.database.write(work)
    }
}

/// Milliseconds since 1970 (UTC).
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
