//! What Forgeport remembers: code repositories, secrets, and the components of custom providers, each in a workspace.
//!
//! Layer: below the use cases, above the databases. A [`Store`] is opened once; [`Store::in_workspace`] is what one workspace sees of it.
//!
//! | what | on a machine of one user | on a server |
//! | --- | --- | --- |
//! | registrations, secrets, wrapped keys | `forgeport.db` (SQLite) with its sum, see sum.rs | PostgreSQL |
//! | the audit log | `audit.db` | the same database |
//! | requests on their way | `requests`, see intents.rs | the same, on each machine |
//! | components | `providers/<sha256>.wasm` | the same, in a folder for each workspace |
//! | the master key | `key`, the keyring, or the environment, see forgeport-vault | the same |
//!
//! All files are for their owner only. Any number of processes and threads may use a store at once: every change is one transaction, and
//! whatever must not happen twice, such as the making of a key, happens while the one write lock is held. Whoever only reads writes nothing,
//! and needs no store: where none was made yet, there is just nothing in it.
//!
//! The API is async, and blocks no thread of a runtime: what waits for a disk does so on a thread of its own.
//!
//! ```
//! use forgeport_store::{KeySource, LOCAL, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let store = Store::open(directory.path(), KeySource::File).await?;
//! let values = [("token".to_owned(), "hunter2".to_owned().into())].into();
//! store.in_workspace(LOCAL).secrets().create("forge", &values).await?;
//!
//! assert_eq!(*store.in_workspace(LOCAL).secrets().get("forge", "token").await?, "hunter2");
//! assert!(store.in_workspace("another").secrets().get("forge", "token").await.is_err());
//! # Ok(())
//! # }
//! ```

mod audit;
mod clues;
mod code_repositories;
mod code_repository;
mod components;
mod data_keys;
mod db;
mod error;
mod home;
mod intents;
mod names;
mod rotation;
mod rows;
mod schema;
mod secrets;
mod sum;
mod upgrade;
mod workspace;

pub use audit::{Audit, AuditEntry, AuditFilter, AuditLog, IN_FLIGHT, UNRECORDED};
pub use code_repositories::CodeRepositories;
pub use code_repository::{CodeRepository, Consent, ProviderRef, StoredOption};
pub use components::digest_of;
pub use error::{DatabaseError, DatabaseErrorKind, StoreError, some_of};
pub use forgeport_vault::{
    KeyPlace, KeySource, Keyring, KeyringError, MAX_VALUE_LENGTH, Sealed, SystemKeyring, VaultError,
};
pub use intents::Intents;
pub use names::{check_code_repository_name, check_secret_key, check_secret_name};
pub use rotation::Rotated;
pub use secrets::{Referrer, SecretInfo, Secrets};
pub use workspace::WorkspaceStore;

use data_keys::{DataKeys, off_thread};
use db::{Db, Postgres, Scope, Sqlite};
use forgeport_vault::Vault;
use schema::Schema;
use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use sum::Sum;
use zeroize::Zeroizing;

type Result<T> = std::result::Result<T, StoreError>;

/// The workspace of a command line, and of all that was stored before there were workspaces.
pub const LOCAL: &str = "local";

/// One open store. It may be shared between threads and tasks. On SQLite they take turns; for reads in parallel open it once for each.
pub struct Store {
    directory: PathBuf,
    database: Db,
    /// None where it is in the database.
    log: Option<Db>,
    keys: DataKeys,
}

impl Store {
    /// How long a call waits for another process' write before it fails with [`StoreError::Busy`].
    pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

    /// Opens the store in a directory. Where there is none it is made with the first change, and so is the key.
    ///
    /// # Errors
    /// When the database cannot be read, is not what was last written, or comes from a newer Forgeport, when it comes from an older one and
    /// the key that its values were sealed with is missing, and when the directory is open for others to write. Everything is left as it is
    /// then.
    pub async fn open(directory: &Path, key: KeySource) -> Result<Store> {
        Store::open_with_keyring(directory, key, Box::new(SystemKeyring)).await
    }

    /// Opens the store as [`Store::open`] does, with another keyring than the system's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with_keyring(directory: &Path, key: KeySource, keyring: Box<dyn Keyring>) -> Result<Store> {
        let directory = directory.to_owned();
        let store = off_thread(move || {
            home::check(&directory)?;
            let keys = DataKeys::new(Vault::new(key, &directory, keyring));
            let path = directory.join("forgeport.db");
            let sum = Sum::beside(&path);
            let database = Db::Sqlite(Box::new(Sqlite::new(path, Schema::of_store(keys.vault.clone()), Some(sum))));
            let log = Sqlite::new(directory.join(schema::AUDIT_FILE), Schema::of_audit(), None);
            Ok(Store { directory, database, log: Some(Db::Sqlite(Box::new(log))), keys })
        })
        .await?;
        // What is there can be read; where there is nothing, nothing is made.
        store.database.read(Scope::EveryKey).await?;
        Ok(store)
    }

    /// Opens a store whose rows are in a PostgreSQL database, and its files in a directory of this machine.
    ///
    /// # Errors
    /// When the server cannot be reached, its tables are not those that [`Store::migrate`] makes, the role could see the rows of every
    /// workspace, or the directory is open for others to write.
    pub async fn connect(url: &str, directory: &Path, key: KeySource, keyring: Box<dyn Keyring>) -> Result<Store> {
        let path = directory.to_owned();
        off_thread(move || home::make(&path)).await?;
        let database = Db::Postgres(Box::new(Postgres::connect(url).await?));
        let keys = DataKeys::new(Vault::new(key, directory, keyring));
        Ok(Store { directory: directory.to_owned(), database, log: None, keys })
    }

    /// Brings the tables of a PostgreSQL database to this program's version, and lets a role read and write their rows.
    ///
    /// The address is of the role that owns the tables; [`Store::connect`] refuses that one.
    ///
    /// # Errors
    /// When the server cannot be reached, or its tables are of a newer Forgeport. They are left as they are then.
    pub async fn migrate(url: &str, role: &str) -> Result<()> {
        db::migrate(url, role).await
    }

    /// What one workspace sees of the store.
    pub fn in_workspace<'a>(&'a self, workspace: &'a str) -> WorkspaceStore<'a> {
        WorkspaceStore { store: self, workspace }
    }

    /// Where it is written down what providers do on the network, for whichever workspace.
    pub fn audit(&self) -> AuditLog<'_> {
        AuditLog(self)
    }

    /// A key for another purpose than secrets, derived from the master key; the same for the same purpose until that is rotated.
    ///
    /// # Errors
    /// When the master key cannot be read or made.
    pub async fn derive_key(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>> {
        let (vault, of) = (self.keys.vault.clone(), purpose.to_owned());
        let present = off_thread(move || Ok(vault.present()?.map(|key| key.derive(&of)))).await?;
        if let Some(key) = present {
            return Ok(key);
        }
        self.forget_unused_keys().await?;
        let tx = self.database.write(Scope::EveryKey).await?;
        let in_use = rotation::in_use(&rotation::wrapped(&tx).await?);
        let (vault, of) = (self.keys.vault.clone(), purpose.to_owned());
        let derived = off_thread(move || {
            let key = match in_use {
                Some(id) => vault.get(id)?,
                None => vault.make()?,
            };
            Ok(key.derive(&of))
        })
        .await?;
        tx.commit().await?;
        Ok(derived)
    }

    /// Makes a new master key, wraps the data key of each workspace anew, and erases what the old one has wrapped and then the old one.
    ///
    /// The new key is kept where the old one is, unless `keep_in` says otherwise. Where that is the environment it is `given`.
    /// Whenever the process is killed, the store opens with what is there then: with the old key before everything is
    /// wrapped anew, with the new one after that.
    ///
    /// # Errors
    /// When the old key is missing or wrong, a wrapped key was damaged, the keyring fails, or there is no new key for the
    /// environment; nothing has changed then.
    pub async fn rotate_key(&self, keep_in: Option<KeyPlace>, given: Option<&str>) -> Result<Rotated> {
        rotation::rotate(self, keep_in, given).await
    }

    /// Deletes the data keys of workspaces without sealed values: nobody needs the master key that has wrapped them.
    async fn forget_unused_keys(&self) -> Result<()> {
        let workspaces = rotation::workspaces(&self.database.read(Scope::EveryKey).await?).await?;
        for workspace in workspaces {
            let tx = self.database.write(Scope::Workspace(&workspace)).await?;
            if self.keys.forget_unused(&tx, &workspace).await? {
                tx.commit().await?;
            }
        }
        Ok(())
    }

    fn log(&self) -> &Db {
        self.log.as_ref().unwrap_or(&self.database)
    }
}

/// Milliseconds since 1970 (UTC).
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
