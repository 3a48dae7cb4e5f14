//! A store, restricted to one workspace: its transactions, and the keys of its values.

use crate::{
    db::{Scope, Tx},
    error::Result,
    parts::Parts,
};
use forgeport_vault::{KeyId, Place, Sealed, VaultError};
use zeroize::Zeroizing;

/// A store within one workspace.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) parts: &'a Parts,
    /// Its id, which never changes.
    pub(crate) workspace: &'a str,
}

impl<'a> View<'a> {
    pub(crate) async fn read(self) -> Result<Tx<'a>> {
        self.parts.database.read(Scope::Workspace(self.workspace)).await
    }

    pub(crate) async fn write(self) -> Result<Tx<'a>> {
        self.parts.database.write(Scope::Workspace(self.workspace)).await
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
        if let Some(key) = self.parts.keys.known(self.workspace, id) {
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
        let key = self.parts.keys.get(tx, self.workspace, named(place, sealed)?).await?;
        let key = key.ok_or_else(|| VaultError::Tampered(place.shown.to_owned()))?;
        Ok(key.open(place, sealed)?)
    }
}

/// The data key that a sealed value names.
fn named(place: &Place<'_>, sealed: &Sealed) -> Result<KeyId> {
    let id = sealed.key_id().filter(|_| !sealed.is_former());
    Ok(id.ok_or_else(|| VaultError::Tampered(place.shown.to_owned()))?)
}
