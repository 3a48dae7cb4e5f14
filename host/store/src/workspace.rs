//! What one workspace sees of a store: its registrations, secrets, components and audit records, and none of another's.

use crate::{
    Audit, CodeRepositories, Result, Secrets, Store, StoreError, components,
    data_keys::off_thread,
    db::{Scope, Tx, values},
};
use forgeport_model::OptionDefinition;
use forgeport_vault::{KeyId, Place, Sealed, VaultError};
use zeroize::Zeroizing;

/// A store as one workspace sees it. It costs nothing to make one for each request.
#[derive(Clone, Copy)]
pub struct WorkspaceStore<'a> {
    pub(crate) store: &'a Store,
    /// Its id, which never changes.
    pub(crate) workspace: &'a str,
}

impl<'a> WorkspaceStore<'a> {
    /// The registrations.
    pub fn code_repositories(self) -> CodeRepositories<'a> {
        CodeRepositories(self)
    }

    /// What providers did on the network.
    pub fn audit(self) -> Audit<'a> {
        Audit(self)
    }

    /// The secrets.
    pub fn secrets(self) -> Secrets<'a> {
        Secrets(self)
    }

    /// The bytes of a custom provider's component, checked against its digest.
    ///
    /// # Errors
    /// When no registration of this workspace has it, it is not there, or is not what it was.
    pub async fn component(self, digest: &str) -> Result<Vec<u8>> {
        components::check_digest(digest)?;
        let query = "SELECT 1 AS found FROM code_repository WHERE workspace = $1 AND provider_digest = $2 LIMIT 1";
        let found = self.read().await?.first(query, values![self.workspace, digest]).await?;
        found.ok_or_else(|| StoreError::ComponentMissing(digest.to_owned()))?;
        let (directory, digest) = (components::directory(&self.store.directory, self.workspace), digest.to_owned());
        off_thread(move || components::read(&directory, &digest)).await
    }

    /// What a component said of its options, if there is a registration of it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn component_settings(self, digest: &str) -> Result<Option<Vec<OptionDefinition>>> {
        components::settings(&self.read().await?, self.workspace, digest).await
    }

    pub(crate) async fn read(self) -> Result<Tx<'a>> {
        self.store.database.read(Scope::Workspace(self.workspace)).await
    }

    pub(crate) async fn write(self) -> Result<Tx<'a>> {
        self.store.database.write(Scope::Workspace(self.workspace)).await
    }

    /// The place of a value in a table of this workspace.
    pub(crate) fn place<'p>(self, table: &'p str, row: &'p str, key: &'p str, shown: &'p str) -> Place<'p>
    where
        'a: 'p,
    {
        Place { workspace: self.workspace, table, row, key, shown }
    }

    /// Opens a sealed value.
    ///
    /// The master key may be rotated between the two moments in which a wrapped key and the master key are read, so a key that is not
    /// there is looked for once more.
    pub(crate) async fn open(self, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<String>> {
        let id = named(place, sealed)?;
        if let Some(key) = self.store.keys.known(self.workspace, id) {
            return Ok(key.open(place, sealed)?);
        }
        // Its transaction has ended before another one begins.
        let opened = self.open_in(&self.read().await?, place, sealed).await;
        match opened {
            Err(error) if error.is_of_the_key() => self.open_in(&self.read().await?, place, sealed).await,
            opened => opened,
        }
    }

    /// Opens a sealed value within a transaction.
    pub(crate) async fn open_in(self, tx: &Tx<'_>, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<String>> {
        let key = self.store.keys.get(tx, self.workspace, named(place, sealed)?).await?;
        let key = key.ok_or_else(|| VaultError::Tampered(place.shown.to_owned()))?;
        Ok(key.open(place, sealed)?)
    }
}

/// The data key that a sealed value names.
fn named(place: &Place<'_>, sealed: &Sealed) -> Result<KeyId> {
    let id = sealed.key_id().filter(|_| !sealed.is_former());
    Ok(id.ok_or_else(|| VaultError::Tampered(place.shown.to_owned()))?)
}
