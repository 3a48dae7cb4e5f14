//! What Forgeport remembers: code repositories, secrets, and the components of custom providers.
//!
//! A store is one directory: a SQLite database (`forgeport.db`), the key that credentials are encrypted with (`key`, unless
//! the environment has it), and the components (`providers/<sha256>.wasm`). All of it is for its owner only. Any number
//! of processes and threads may use it at once: every change is one transaction, and whatever must not happen twice, such as
//! the making of the key, happens while the database's one write lock is held.
//!
//! The API blocks; calls last from microseconds to, behind another process' write, [`Store::BUSY_TIMEOUT`].

mod audit;
mod code_repositories;
mod code_repository;
mod components;
mod error;
mod key;
mod names;
mod private;
mod rows;
mod schema;
mod seal;
mod secrets;

pub use audit::{Audit, AuditEntry, AuditFilter};
pub use code_repositories::CodeRepositories;
pub use code_repository::{CodeRepository, ProviderRef, StoredOption};
pub use components::digest_of;
pub use error::StoreError;
pub use key::KeySource;
pub use names::{check_code_repository_name, check_secret_key, check_secret_name};
pub use seal::{MAX_VALUE_LENGTH, Sealed};
pub use secrets::{Referrer, SecretInfo, Secrets};

use key::KeyRing;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use zeroize::Zeroizing;

type Result<T> = std::result::Result<T, StoreError>;

/// One open store. It may be shared between threads, which then take turns; for reads in parallel open it once for each.
pub struct Store {
    directory: PathBuf,
    database: PathBuf,
    connection: Mutex<Connection>,
    keys: KeyRing,
}

impl Store {
    /// How long a call waits for another process' write before it fails with [`StoreError::Busy`].
    pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

    /// Opens the store in a directory; what is not there yet is made. The key is not touched before it is needed.
    ///
    /// # Errors
    /// When the directory or database cannot be made or read, is open for others to write, or comes from a newer Forgeport,
    /// in which case it is left as it is.
    pub fn open(directory: &Path, key: KeySource) -> Result<Store> {
        private::directory(directory)?;
        let database = directory.join("forgeport.db");
        private::empty_file(&database)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connect = || -> Result<Connection> {
            let mut connection = Connection::open_with_flags(&database, flags)?;
            connection.busy_timeout(Self::BUSY_TIMEOUT)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            schema::bring_up_to_date(&mut connection, directory)?;
            Ok(connection)
        };
        let connection = connect().map_err(|error| error.at(&database))?;
        Ok(Store {
            directory: directory.to_owned(),
            connection: Mutex::new(connection),
            keys: KeyRing::new(key, directory),
            database,
        })
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

    /// A key for another purpose than secrets, derived from the store's; the same for the same purpose.
    ///
    /// # Errors
    /// When the store's key cannot be read or made.
    pub fn derive_key(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>> {
        if let Some(key) = self.keys.existing()? {
            return Ok(key.derive(purpose));
        }
        self.write(|tx| Ok(self.keys.for_sealing(tx)?.derive(purpose)))
    }

    /// Runs queries that all see the same state.
    fn read<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.transact(TransactionBehavior::Deferred, work)
    }

    /// Runs a change, whole or not at all, while no other process can change anything.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.transact(TransactionBehavior::Immediate, work)
    }

    fn transact<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        // A panic elsewhere has rolled its transaction back, so the connection is as good as new.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            let transaction = connection.transaction_with_behavior(behavior)?;
            let outcome = work(&transaction)?;
            transaction.commit()?;
            Ok(outcome)
        };
        run().map_err(|error: StoreError| error.at(&self.database))
    }
}

/// Milliseconds since 1970 (UTC).
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
