//! Opens a store, in a directory or on a server. Operations on the whole store, such as the rotation of its key, are here too.

use crate::{
    audit::AuditLog,
    components::Components,
    data_keys::DataKeys,
    db::{self, Db, Postgres, Scope, Sqlite, off_thread},
    error::Result,
    home,
    parts::Parts,
    rotation::{self, Rotated},
    schema::{self, Schema},
    sum::Sum,
    time::BUSY_TIMEOUT,
    view::View,
    workspace::WorkspaceStore,
};
use forgeport_blobs::ObjectStore;
use forgeport_vault::{KeyPlace, KeySource, Keyring, SystemKeyring, Vault};
use std::{path::Path, sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// One open store. It may be shared between threads and tasks. On SQLite they take turns; for reads in parallel open it once for each.
pub struct Store {
    pub(crate) parts: Parts,
}

impl Store {
    /// How long a call waits for another process' write before it fails with [`StoreError::Busy`](crate::StoreError::Busy).
    pub const BUSY_TIMEOUT: Duration = BUSY_TIMEOUT;

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
        let parts = off_thread(move || {
            home::check(&directory)?;
            let keys = DataKeys::new(Vault::new(key, &directory, keyring));
            let path = directory.join("forgeport.db");
            let sum = Sum::beside(&path);
            let database = Db::Sqlite(Box::new(Sqlite::new(path, Schema::of_store(keys.vault.clone()), Some(sum))));
            let log = Sqlite::new(directory.join(schema::AUDIT_FILE), Schema::of_audit(), None);
            let components = Components::beside(&directory);
            Ok(Parts { directory, database, log: Some(Db::Sqlite(Box::new(log))), keys, components })
        })
        .await?;
        // What is there can be read; where there is none, none is made.
        parts.database.read(Scope::EveryKey).await?;
        Ok(Store { parts })
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
        let (directory, components) = (directory.to_owned(), Components::beside(directory));
        Ok(Store { parts: Parts { directory, database, log: None, keys, components } })
    }

    /// Keeps components in an object store as well, so that every machine that is connected to the same database has them.
    #[must_use]
    pub fn sharing_components(mut self, objects: Arc<dyn ObjectStore>) -> Store {
        self.parts.components = self.parts.components.shared_in(objects);
        self
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

    /// The store, restricted to one workspace.
    pub fn in_workspace<'a>(&'a self, workspace: &'a str) -> WorkspaceStore<'a> {
        WorkspaceStore(View { parts: &self.parts, workspace })
    }

    /// The audit log of all workspaces, to add records to.
    pub fn audit(&self) -> AuditLog<'_> {
        AuditLog(&self.parts)
    }

    /// A key for another purpose than secrets, derived from the master key; the same for the same purpose until that is rotated.
    ///
    /// # Errors
    /// When the master key cannot be read or made.
    pub async fn derive_key(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>> {
        let (vault, of) = (self.parts.keys.vault.clone(), purpose.to_owned());
        let present = off_thread(move || Ok(vault.present()?.map(|key| key.derive(&of)))).await?;
        if let Some(key) = present {
            return Ok(key);
        }
        rotation::forget_unused(&self.parts).await?;
        let tx = self.parts.database.write(Scope::EveryKey).await?;
        let in_use = rotation::in_use(&rotation::wrapped(&tx).await?);
        let (vault, of) = (self.parts.keys.vault.clone(), purpose.to_owned());
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
        rotation::rotate(&self.parts, keep_in, given).await
    }
}
