//! The data keys of workspaces: rows of the store, wrapped by the master key (forgeport-vault).
//!
//! | needed for | key |
//! | --- | --- |
//! | sealing | the newest of the workspace; if there is none, it is made while the write lock is held |
//! | opening | the one that the value names |
//!
//! A data key that has sealed no value may be lost with its master key: it is then deleted, and a new one is made.

use crate::{
    db::{Tx, off_thread, values},
    error::{Result, StoreError},
    time::now,
};
use forgeport_vault::{DataKey, KeyId, Vault, WrappedKey};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Kept in memory at most.
const KNOWN: usize = 1000;

const HAS_VALUES: &str = "
    SELECT 1 AS found FROM secret_value WHERE workspace = $1
    UNION ALL SELECT 1 FROM code_repository_option WHERE workspace = $1 AND sealed IS NOT NULL LIMIT 1";

/// Finds the data keys of workspaces, and makes them.
pub(crate) struct DataKeys {
    pub(crate) vault: Arc<Vault>,
    /// Those that were unwrapped here, by workspace and id.
    known: Mutex<HashMap<(String, KeyId), Arc<DataKey>>>,
}

impl DataKeys {
    pub(crate) fn new(vault: Vault) -> DataKeys {
        DataKeys { vault: Arc::new(vault), known: Mutex::default() }
    }

    /// The key of this id, if it was used here before.
    pub(crate) fn known(&self, workspace: &str, id: KeyId) -> Option<Arc<DataKey>> {
        self.all_known().get(&(workspace.to_owned(), id)).cloned()
    }

    /// The key of this id, and none where the workspace has no such key.
    pub(crate) async fn get(&self, tx: &Tx<'_>, workspace: &str, id: KeyId) -> Result<Option<Arc<DataKey>>> {
        if let Some(key) = self.known(workspace, id) {
            return Ok(Some(key));
        }
        match wrapped(tx, workspace, id).await? {
            Some(wrapped) => self.unwrap(workspace, wrapped).await.map(Some),
            None => Ok(None),
        }
    }

    /// The newest key, if there is one and the master key can be had; with what it is wrapped in.
    pub(crate) async fn newest(&self, tx: &Tx<'_>, workspace: &str) -> Result<Option<(Arc<DataKey>, WrappedKey)>> {
        let query = "SELECT id, wrapped FROM workspace_key WHERE workspace = $1 ORDER BY created DESC, id LIMIT 1";
        let Some(row) = tx.first(query, values![workspace]).await? else { return Ok(None) };
        let wrapped = WrappedKey::from_bytes(row.get("wrapped")?);
        let known = KeyId::parse(&row.get::<String>("id")?).and_then(|id| self.known(workspace, id));
        let key = match known {
            Some(key) => key,
            None => self.unwrap(workspace, wrapped.clone()).await?,
        };
        Ok(Some((key, wrapped)))
    }

    /// The key to seal with. Where there is none it is made; the transaction is a writing one.
    pub(crate) async fn for_sealing(&self, tx: &Tx<'_>, workspace: &str) -> Result<Arc<DataKey>> {
        match self.newest(tx, workspace).await {
            Ok(Some((key, wrapped))) => {
                self.finish_rotation(wrapped).await?;
                return Ok(key);
            }
            Ok(None) => {}
            Err(error) if error.is_of_the_key() && self.forget_unused(tx, workspace).await? => {}
            Err(error) => return Err(error),
        }
        let (vault, of) = (self.vault.clone(), workspace.to_owned());
        let (key, wrapped) = off_thread(move || {
            let key = DataKey::generate()?;
            let wrapped = vault.make()?.wrap(&of, &key)?;
            Ok((key, wrapped))
        })
        .await?;
        tx.execute(
            "INSERT INTO workspace_key (workspace, id, wrapped, created) VALUES ($1, $2, $3, $4)",
            values![workspace, key.id().to_string(), wrapped.as_bytes(), now()],
        )
        .await?;
        // It is not known here yet: the transaction may be rolled back.
        Ok(Arc::new(key))
    }

    /// Deletes the keys of a workspace without sealed values; reports whether it was one. The transaction is a writing one.
    pub(crate) async fn forget_unused(&self, tx: &Tx<'_>, workspace: &str) -> Result<bool> {
        if tx.first(HAS_VALUES, values![workspace]).await?.is_some() {
            return Ok(false);
        }
        tx.execute("DELETE FROM workspace_key WHERE workspace = $1", values![workspace]).await?;
        Ok(true)
    }

    async fn unwrap(&self, workspace: &str, wrapped: WrappedKey) -> Result<Arc<DataKey>> {
        let (vault, of) = (self.vault.clone(), workspace.to_owned());
        let key = off_thread(move || {
            let Some(id) = wrapped.master_id() else { return Err(StoreError::Corrupt("a data key".to_owned())) };
            Ok(Arc::new(vault.get(id)?.unwrap(&of, &wrapped)?))
        })
        .await?;
        let mut known = self.all_known();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert((workspace.to_owned(), key.id()), key.clone());
        Ok(key)
    }

    /// Takes the last step of a rotation that was killed before it.
    async fn finish_rotation(&self, wrapped: WrappedKey) -> Result<()> {
        let vault = self.vault.clone();
        off_thread(move || {
            if let Some(id) = wrapped.master_id().filter(|id| vault.is_staged(*id)) {
                // Where that fails the key is found all the same.
                let _ = vault.promote(id);
            }
            Ok(())
        })
        .await
    }

    fn all_known(&self) -> MutexGuard<'_, HashMap<(String, KeyId), Arc<DataKey>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of this id as it is kept.
pub(crate) async fn wrapped(tx: &Tx<'_>, workspace: &str, id: KeyId) -> Result<Option<WrappedKey>> {
    let query = "SELECT wrapped FROM workspace_key WHERE workspace = $1 AND id = $2";
    let row = tx.first(query, values![workspace, id.to_string()]).await?;
    row.map(|row| Ok(WrappedKey::from_bytes(row.get("wrapped")?))).transpose()
}
