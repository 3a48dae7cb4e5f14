//! The registrations in the database.

use crate::{
    Result, Store, StoreError,
    code_repository::{CodeRepository, StoredOption},
    components,
    names::check_code_repository_name,
    rows::{insert_row, load, update_row},
    seal::{self, Place, Sealed},
};
use forgeport_grants::{SecretReference, nearest};
use rusqlite::{OptionalExtension, Transaction, named_params};
use zeroize::Zeroizing;

/// The registrations of a store.
pub struct CodeRepositories<'a>(pub(crate) &'a Store);

impl CodeRepositories<'_> {
    /// Stores a new registration; `component` is the bytes of a custom provider, which the store keeps until no registration names them.
    ///
    /// # Errors
    /// When the name is taken or breaks the rules, the component is missing or not what its digest says, or a sealed
    /// option was made with another key or for another place. Nothing is stored then.
    pub fn insert(&self, repository: &CodeRepository, component: Option<&[u8]>) -> Result<()> {
        check_code_repository_name(&repository.name)?;
        self.0.write(|tx| {
            insert_row(tx, repository)?;
            self.insert_options(tx, repository)?;
            self.ensure_component(repository, component)
        })?;
        self.sweep_components();
        Ok(())
    }

    /// Replaces a registration that was read from this store: all of it but `id` and `created`.
    ///
    /// Returns what is now stored, whose `updated` has grown. `component` is as in [`Self::insert`].
    ///
    /// # Errors
    /// [`StoreError::Changed`] when somebody else changed or deleted it after it was read, so that no change is lost; otherwise as [`Self::insert`].
    pub fn update(&self, repository: &CodeRepository, component: Option<&[u8]>) -> Result<CodeRepository> {
        check_code_repository_name(&repository.name)?;
        let stored = self.0.write(|tx| {
            update_row(tx, repository)?;
            tx.execute("DELETE FROM code_repository_option WHERE code_repository_id = ?1", [&repository.id])?;
            self.insert_options(tx, repository)?;
            self.ensure_component(repository, component)?;
            only(load(tx, Some(&repository.id))?, &repository.name)
        })?;
        self.sweep_components();
        Ok(stored)
    }

    /// Gives a registration another name, and returns it.
    ///
    /// # Errors
    /// When there is no such registration, or the new name is taken or breaks the rules.
    pub fn rename(&self, name: &str, new_name: &str) -> Result<CodeRepository> {
        check_code_repository_name(new_name)?;
        self.0.write(|tx| {
            let mut repository = by_name(tx, name)?;
            new_name.clone_into(&mut repository.name);
            repository.updated = update_row(tx, &repository)?;
            Ok(repository)
        })
    }

    /// Deletes a registration by its exact name.
    ///
    /// # Errors
    /// When there is none.
    pub fn delete(&self, name: &str) -> Result<()> {
        self.0.write(|tx| {
            let deleted = tx.execute("DELETE FROM code_repository WHERE name = ?1", [name])?;
            match deleted {
                0 => Err(unknown(tx, name)?),
                _ => Ok(()),
            }
        })?;
        self.sweep_components();
        Ok(())
    }

    /// The registration of exactly this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<CodeRepository> {
        self.0.read(|tx| by_name(tx, name))
    }

    /// The registration that a person means: by exact name, else id, else by the beginning of one name or id.
    ///
    /// # Errors
    /// When there is none, or several begin like this.
    pub fn find(&self, text: &str) -> Result<CodeRepository> {
        self.0.read(|tx| {
            let known = names_and_ids(tx)?;
            let exact = known.iter().find(|(name, _)| name == text).or_else(|| known.iter().find(|(_, id)| id == text));
            let begin_so = |(name, id): &&(String, String)| name.starts_with(text) || id.starts_with(text);
            let candidates: Vec<_> = match exact {
                Some(exact) => vec![exact],
                None if text.is_empty() => vec![],
                None => known.iter().filter(begin_so).collect(),
            };
            match candidates[..] {
                [] => Err(unknown(tx, text)?),
                [(_, id)] => only(load(tx, Some(id))?, text),
                _ => Err(StoreError::Ambiguous {
                    text: text.to_owned(),
                    candidates: candidates.iter().map(|(name, id)| format!("{name:?} ({id})")).collect(),
                }),
            }
        })
    }

    /// All registrations, ordered by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<CodeRepository>> {
        self.0.read(|tx| load(tx, None))
    }

    /// Encrypts a credential for one option of one registration; nowhere else can it be opened.
    ///
    /// # Errors
    /// When it is too long, or the key cannot be read or made.
    pub fn seal(&self, repository: &CodeRepository, option: &str, value: &str) -> Result<StoredOption> {
        let shown = shown(repository, option);
        let place = place(repository, option, &shown);
        if let Some(key) = self.0.keys.existing()? {
            return Sealed::new(key, &place, value).map(StoredOption::Sealed);
        }
        let sealed = self.0.write(|tx| Sealed::new(self.0.keys.for_sealing(tx)?, &place, value))?;
        Ok(StoredOption::Sealed(sealed))
    }

    /// The value of an option as the forge is to get it: decrypted, or taken from the secret that it refers to. `None` where it is not set.
    ///
    /// # Errors
    /// When the secret or its key is missing, or the value cannot be decrypted.
    pub fn value(&self, repository: &CodeRepository, option: &str) -> Result<Option<Zeroizing<String>>> {
        let Some(stored) = repository.options.get(option) else {
            return Ok(None);
        };
        let value = match stored {
            StoredOption::Plain(text) => Zeroizing::new(text.clone()),
            StoredOption::Reference(to) => self.0.secrets().get(to.name(), to.key())?,
            StoredOption::Sealed(sealed) => self.open(repository, option, sealed)?,
        };
        Ok(Some(value))
    }

    fn open(&self, repository: &CodeRepository, option: &str, sealed: &Sealed) -> Result<Zeroizing<String>> {
        sealed.open(self.0.keys.for_opening()?, &place(repository, option, &shown(repository, option)))
    }

    fn insert_options(&self, tx: &Transaction<'_>, repository: &CodeRepository) -> Result<()> {
        let mut statement = tx.prepare(
            "INSERT INTO code_repository_option (code_repository_id, name, plain, secret_name, secret_key, sealed)
             VALUES (:id, :name, :plain, :secret_name, :secret_key, :sealed)",
        )?;
        for (name, option) in &repository.options {
            let (mut plain, mut reference, mut sealed) = (None, None, None);
            match option {
                StoredOption::Plain(text) => plain = Some(text),
                StoredOption::Reference(to) => reference = Some(to),
                StoredOption::Sealed(value) => {
                    // What could never be read again must not be stored.
                    self.open(repository, name, value)?;
                    seal::check_key(tx, self.0.keys.for_opening()?)?;
                    sealed = Some(value.as_bytes());
                }
            }
            statement.execute(named_params! {
                ":id": repository.id,
                ":name": name,
                ":plain": plain,
                ":secret_name": reference.map(SecretReference::name),
                ":secret_key": reference.map(SecretReference::key),
                ":sealed": sealed,
            })?;
        }
        Ok(())
    }

    fn ensure_component(&self, repository: &CodeRepository, bytes: Option<&[u8]>) -> Result<()> {
        match (&repository.provider.source, bytes) {
            (None, None) => Ok(()),
            _ => components::ensure(&self.0.directory, &repository.provider.digest, bytes),
        }
    }

    /// Follows a change that is stored already, so it cannot fail it: what cannot be removed now goes after another change.
    fn sweep_components(&self) {
        let _ = self.0.write(|tx| components::sweep(&self.0.directory, tx));
    }
}

fn place<'a>(repository: &'a CodeRepository, option: &'a str, shown: &'a str) -> Place<'a> {
    Place { table: "code_repository_option", id: &repository.id, key: option, shown }
}

fn shown(repository: &CodeRepository, option: &str) -> String {
    format!("--{option} of the code repository {:?}", repository.name)
}

fn by_name(tx: &Transaction<'_>, name: &str) -> Result<CodeRepository> {
    let id: Option<String> =
        tx.query_row("SELECT id FROM code_repository WHERE name = ?1", [name], |row| row.get(0)).optional()?;
    match id {
        Some(id) => only(load(tx, Some(&id))?, name),
        None => Err(unknown(tx, name)?),
    }
}

fn only(mut loaded: Vec<CodeRepository>, name: &str) -> Result<CodeRepository> {
    loaded.pop().ok_or_else(|| StoreError::UnknownCodeRepository { name: name.to_owned(), nearest: None })
}

fn names_and_ids(tx: &Transaction<'_>) -> Result<Vec<(String, String)>> {
    let mut statement = tx.prepare("SELECT name, id FROM code_repository ORDER BY name")?;
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn unknown(tx: &Transaction<'_>, name: &str) -> Result<StoreError> {
    let known = names_and_ids(tx)?;
    Ok(StoreError::UnknownCodeRepository {
        name: name.to_owned(),
        nearest: nearest(name, known.iter().map(|(name, _)| name.as_str())),
    })
}
