//! The steps of a change to a new master key. If the process is killed between any two, the key in use is still found.
//!
//! | step | by | on the disk |
//! | --- | --- | --- |
//! | the new key is kept beside the old one | [`Vault::stage`] | `key` (old), `key.ID` (new) |
//! | the data keys are wrapped with the new one, and committed | the caller | the same |
//! | the old key is deleted from the keyring, if it was there | [`Vault::promote`] | the same |
//! | the new key takes the place of the old one | [`Vault::promote`] | `key` (new) |
//!
//! So the master key that the committed wrapped keys name exists at any moment. While there are no wrapped keys, it is the one in `key`. Only
//! the caller knows which one is in use; it holds the store's write lock during each of these calls. [`Vault::settle`] finishes or removes
//! the rest of a killed change.

use crate::{error::Result, key_file::KeyFile, key_id::KeyId, master_key::MasterKey, source::KeyPlace, vault::Vault};
use forgeport_platform::{FileError, private};
use std::{fs, io::ErrorKind, sync::Arc};

impl Vault {
    /// Makes a new master key and keeps it beside the present one.
    ///
    /// # Errors
    /// When it cannot be written, or the keyring fails.
    pub fn stage(&self, place: KeyPlace) -> Result<Arc<MasterKey>> {
        let key = MasterKey::generate(self.origin(place))?;
        self.keep(&self.staged_file(key.id()), place, key)
    }

    /// True if a key is kept beside the present one: a change was killed before its last step.
    pub fn is_staged(&self, id: KeyId) -> bool {
        self.staged_file(id).exists()
    }

    /// Makes a staged key the present one, which is deleted before: what names it on the disk must be removed last.
    ///
    /// # Errors
    /// When the files cannot be changed. When the keyring fails the key is promoted all the same, and the old one is left in the keyring.
    pub fn promote(&self, id: KeyId) -> Result<()> {
        let deleted = match KeyFile::read(&self.file()) {
            Ok(Some(KeyFile::InKeyring(old))) if old != id => self.keyring.delete(&old.to_string()),
            _ => Ok(()),
        };
        private::rename(&self.staged_file(id), &self.file())?;
        Ok(deleted?)
    }

    /// Finishes what changes have left: of the keys beside the present one that which is in use becomes it, the others are removed.
    ///
    /// The key in use is the one that the committed wrapped keys name; where there are none, the one of the change that was just committed,
    /// if there was any.
    ///
    /// # Errors
    /// As [`Self::promote`].
    pub fn settle(&self, in_use: Option<KeyId>) -> Result<()> {
        for id in self.staged()? {
            if Some(id) == in_use { self.promote(id)? } else { self.abandon(id)? }
        }
        Ok(())
    }

    /// Removes a key that is not in use and never was.
    fn abandon(&self, id: KeyId) -> Result<()> {
        let path = self.staged_file(id);
        if let Ok(Some(KeyFile::InKeyring(id))) = KeyFile::read(&path) {
            // It is of no use to anybody; one that cannot be removed does no harm.
            let _ = self.keyring.delete(&id.to_string());
        }
        private::remove(&private::unfinished_name(&path))?;
        Ok(private::remove(&path)?)
    }

    /// The ids of the keys beside the present one, also of such as were never written to their end.
    fn staged(&self) -> Result<Vec<KeyId>> {
        let failed = || FileError::at("read", &self.directory);
        let entries = match fs::read_dir(&self.directory) {
            // Where the environment has the key, there may be no directory.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed())?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed())?.file_name();
            let name = name.to_string_lossy();
            let name = name.strip_prefix(private::UNFINISHED).unwrap_or(&name);
            ids.extend(name.strip_prefix("key.").and_then(KeyId::parse));
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}
