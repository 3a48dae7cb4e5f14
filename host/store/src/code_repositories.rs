//! The registrations in the database.

use crate::{
    Result, Store, StoreError, clues,
    code_repository::{CodeRepository, Consent, StoredOption},
    components,
    key::Key,
    keys::Keys,
    names::check_code_repository_name,
    rows::{insert_row, load, update_row},
    seal::{Place, Sealed},
};
use forgeport_model::{RemoteUrl, SecretReference, nearest};
use rusqlite::{OptionalExtension, Transaction, named_params};
use zeroize::Zeroizing;

/// The registrations of a store.
pub struct CodeRepositories<'a>(pub(crate) &'a Store);

impl CodeRepositories<'_> {
    /// Stores a new registration; `component` is the bytes of a custom provider, which the store keeps until no registration names them.
    ///
    /// # Errors
    /// When the name is taken or breaks the rules, the component is missing, not what its digest says or says something else of its options
    /// than before, or a sealed option was made with another key or for another place. Nothing is stored then.
    pub fn insert(&self, repository: &CodeRepository, component: Option<&[u8]>) -> Result<()> {
        check_code_repository_name(&repository.name)?;
        self.0.write(|tx| {
            insert_row(tx, repository)?;
            self.insert_options(tx, repository)?;
            clues::keep(tx, repository)?;
            self.ensure_component(tx, repository, component)
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
            self.check_not_resealed(tx, repository)?;
            tx.execute("DELETE FROM code_repository_option WHERE code_repository_id = ?1", [&repository.id])?;
            self.insert_options(tx, repository)?;
            clues::keep(tx, repository)?;
            self.ensure_component(tx, repository, component)?;
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
            update_row(tx, &repository)?;
            only(load(tx, Some(&repository.id))?, new_name)
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

    /// Those that may track a checkout with these remotes, ordered by name; the others do not. Whether they do, each has to say itself.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn that_may_own(&self, remotes: &[RemoteUrl]) -> Result<Vec<CodeRepository>> {
        self.0.read(|tx| {
            let mut found = Vec::new();
            for id in clues::find(tx, remotes)? {
                found.extend(load(tx, Some(&id))?);
            }
            found.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(found)
        })
    }

    /// Is there a registration of exactly this name?
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_taken(&self, name: &str) -> Result<bool> {
        self.0.read(|tx| Ok(tx.prepare("SELECT 1 FROM code_repository WHERE name = ?1")?.exists([name])?))
    }

    /// Encrypts a credential for one option of one registration; nowhere else can it be opened.
    ///
    /// # Errors
    /// When it is too long, or the key cannot be read or made.
    pub fn seal(&self, repository: &CodeRepository, option: &str, value: &str) -> Result<StoredOption> {
        let shown = shown(&repository.name, option);
        let place = place(&repository.id, option, &shown);
        let key = match self.0.keys.present()? {
            Some(key) => key,
            None => self.0.write(|tx| self.0.keys.for_sealing(tx))?,
        };
        Sealed::new(&key, &place, value).map(StoredOption::Sealed)
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
        let shown = shown(&repository.name, option);
        let place = place(&repository.id, option, &shown);
        let opened = sealed.open(&self.0.keys, &place);
        if !opened.as_ref().is_err_and(StoreError::is_of_the_key) {
            return opened;
        }
        // After a rotation only the database has it as it can be opened.
        self.0.retried(|| {
            let stored = self.0.read(|tx| sealed_of(tx, repository, option))?;
            let sealed = stored.as_ref().unwrap_or(sealed);
            Ok((sealed.key_id(), sealed.open(&self.0.keys, &place)))
        })
    }

    /// A credential as it is to be stored: what was encrypted before a rotation is encrypted anew.
    fn current(
        &self,
        tx: &Transaction<'_>,
        repository: &CodeRepository,
        option: &str,
        sealed: &Sealed,
    ) -> Result<Sealed> {
        let key = self.0.keys.for_sealing(tx)?;
        let shown = shown(&repository.name, option);
        let place = place(&repository.id, option, &shown);
        // What could never be read again must not be stored, so it is opened in any case.
        let value = sealed.open(&self.0.keys, &place)?;
        match sealed.key_id() == Some(key.id) {
            true => Ok(sealed.clone()),
            false => Sealed::new(&key, &place, &value),
        }
    }

    /// Refuses what was read before a rotation by another process, when this one does not know the old key.
    fn check_not_resealed(&self, tx: &Transaction<'_>, repository: &CodeRepository) -> Result<()> {
        for (option, value) in &repository.options {
            let StoredOption::Sealed(sealed) = value else { continue };
            let id = sealed.key_id();
            let stored = sealed_of(tx, repository, option)?.and_then(|stored| stored.key_id());
            let is_known = id.is_some_and(|id| self.0.keys.known(id).is_some());
            if stored.is_some() && stored != id && !is_known {
                return Err(StoreError::Changed(repository.name.clone()));
            }
        }
        Ok(())
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
                StoredOption::Sealed(value) => sealed = Some(self.current(tx, repository, name, value)?),
            }
            statement.execute(named_params! {
                ":id": repository.id,
                ":name": name,
                ":plain": plain,
                ":secret_name": reference.map(SecretReference::name),
                ":secret_key": reference.map(SecretReference::key),
                ":sealed": sealed.as_ref().map(Sealed::as_bytes),
            })?;
        }
        Ok(())
    }

    fn ensure_component(&self, tx: &Transaction<'_>, repository: &CodeRepository, bytes: Option<&[u8]>) -> Result<()> {
        if let Some(Consent { settings, .. }) = &repository.consent {
            components::describe(tx, &repository.provider.digest, settings)?;
        }
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

/// Makes every encrypted option anew with another key; returns how many there are.
pub(crate) fn reseal(tx: &Transaction<'_>, keys: &Keys, with: &Key) -> Result<usize> {
    let mut statement = tx.prepare(
        "SELECT option.rowid, code_repository_id, option.name, coalesce(code_repository.name, ''), sealed
         FROM code_repository_option AS option LEFT JOIN code_repository ON code_repository.id = code_repository_id
         WHERE sealed IS NOT NULL",
    )?;
    let rows = statement.query_map((), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, Sealed::from_bytes(row.get(4)?)))
    })?;
    let rows: Vec<(i64, String, String, String, Sealed)> = rows.collect::<rusqlite::Result<_>>()?;
    for (row, id, option, name, sealed) in &rows {
        let shown = shown(name, option);
        let place = place(id, option, &shown);
        let sealed = Sealed::new(with, &place, &sealed.open(keys, &place)?)?;
        tx.execute("UPDATE code_repository_option SET sealed = ?2 WHERE rowid = ?1", (row, sealed.as_bytes()))?;
    }
    Ok(rows.len())
}

/// An encrypted option as it is stored now.
fn sealed_of(tx: &Transaction<'_>, repository: &CodeRepository, option: &str) -> Result<Option<Sealed>> {
    let query = "SELECT sealed FROM code_repository_option WHERE code_repository_id = ?1 AND name = ?2";
    let sealed: Option<Option<Vec<u8>>> =
        tx.query_row(query, [repository.id.as_str(), option], |row| row.get(0)).optional()?;
    Ok(sealed.flatten().map(Sealed::from_bytes))
}

fn place<'a>(id: &'a str, option: &'a str, shown: &'a str) -> Place<'a> {
    Place { table: "code_repository_option", id, key: option, shown }
}

fn shown(name: &str, option: &str) -> String {
    format!("--{option} of the code repository {name:?}")
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
