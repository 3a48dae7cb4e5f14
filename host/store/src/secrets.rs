//! The secrets in the database: named sets of encrypted values.

use crate::{
    Result, Store, StoreError,
    key::Key,
    keys::Keys,
    names::{check_secret_key, check_secret_name},
    now,
    rows::name_taken,
    seal::{Place, Sealed},
};
use forgeport_model::nearest;
use rusqlite::{OptionalExtension, Transaction};
use serde::Serialize;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The secrets of a store.
pub struct Secrets<'a>(pub(crate) &'a Store);

/// What may be shown of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretInfo {
    /// Unique.
    pub name: String,
    /// In alphabetical order.
    pub keys: Vec<String>,
    /// Milliseconds since 1970 (UTC).
    pub created: i64,
    /// Milliseconds since 1970 (UTC).
    pub updated: i64,
}

/// An option of a code repository that takes its value from a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Referrer {
    /// The code repository's name.
    pub code_repository: String,
    /// The option.
    pub option: String,
    /// The secret's key.
    pub key: String,
}

impl Secrets<'_> {
    /// Stores a new secret.
    ///
    /// # Errors
    /// When the name is taken, a name or key breaks the rules, there is no value, one is too long, or the key to encrypt with
    /// is not this store's.
    pub fn create(&self, name: &str, values: &BTreeMap<String, Zeroizing<String>>) -> Result<()> {
        check_secret_name(name)?;
        self.0.write(|tx| {
            let (id, created) = (uuid::Uuid::new_v4().to_string(), now());
            let inserted = tx.execute(
                "INSERT INTO secret (id, name, created, updated) VALUES (?1, ?2, ?3, ?3)",
                (&id, name, created),
            );
            inserted.map_err(|error| name_taken(error, "secret", name))?;
            self.set(tx, name, &id, values)?;
            require_values(tx, name, &id)
        })
    }

    /// Sets values and removes keys, all or nothing; other keys stay.
    ///
    /// # Errors
    /// As [`Self::create`]; also when the secret or a key to remove does not exist.
    pub fn update(&self, name: &str, set: &BTreeMap<String, Zeroizing<String>>, remove: &[String]) -> Result<()> {
        self.0.write(|tx| {
            let id = id_of(tx, name)?;
            // Before any goes, so that the error lists them all.
            let known = keys_of(tx, &id)?;
            if let Some(unknown) = remove.iter().find(|key| !known.contains(key)) {
                return Err(unknown_key(tx, name, &id, unknown)?);
            }
            clear(tx, &id, remove)?;
            self.set(tx, name, &id, set)?;
            require_values(tx, name, &id)?;
            tx.execute("UPDATE secret SET updated = max(updated + 1, ?2) WHERE id = ?1", (&id, now()))?;
            Ok(())
        })
    }

    /// One value.
    ///
    /// # Errors
    /// When there is no such secret or key (the error tells what there is, never a value), or it cannot be decrypted.
    pub fn get(&self, name: &str, key: &str) -> Result<Zeroizing<String>> {
        let shown = shown(name, key);
        self.0.retried(|| {
            let (id, sealed) = self.0.read(|tx| sealed_of(tx, name, key))?;
            Ok((sealed.key_id(), sealed.open(&self.0.keys, &place(&id, key, &shown))))
        })
    }

    /// Tells a value from another that the same key had before, without telling either. Nothing is decrypted.
    ///
    /// # Errors
    /// When there is no such secret or key.
    pub fn version(&self, name: &str, key: &str) -> Result<String> {
        self.0.read(|tx| Ok(sealed_of(tx, name, key)?.1.version()))
    }

    /// The keys of one secret, in alphabetical order.
    ///
    /// # Errors
    /// When there is no such secret.
    pub fn keys(&self, name: &str) -> Result<Vec<String>> {
        self.0.read(|tx| keys_of(tx, &id_of(tx, name)?))
    }

    /// All secrets, ordered by name, without values.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<SecretInfo>> {
        self.0.read(|tx| {
            let mut statement = tx.prepare("SELECT id, name, created, updated FROM secret ORDER BY name")?;
            let mut rows = statement.query(())?;
            let mut secrets = Vec::new();
            while let Some(row) = rows.next()? {
                secrets.push(SecretInfo {
                    keys: keys_of(tx, &row.get::<_, String>(0)?)?,
                    name: row.get(1)?,
                    created: row.get(2)?,
                    updated: row.get(3)?,
                });
            }
            Ok(secrets)
        })
    }

    /// Gives a secret another name. The code repositories that refer to it do so by its new name from then on; their names are returned.
    ///
    /// # Errors
    /// When there is no such secret, or the new name is taken or breaks the rules.
    pub fn rename(&self, name: &str, new_name: &str) -> Result<Vec<String>> {
        check_secret_name(new_name)?;
        self.0.write(|tx| {
            let id = id_of(tx, name)?;
            let referring = names_of(&referrers(tx, name)?);
            let renamed = tx.execute(
                "UPDATE secret SET name = ?2, updated = max(updated + 1, ?3) WHERE id = ?1",
                (&id, new_name, now()),
            );
            renamed.map_err(|error| name_taken(error, "secret", new_name))?;
            // Their `updated` grows too, or an update that has read the old name would bring it back.
            tx.execute(
                "UPDATE code_repository SET updated = max(updated + 1, ?2) WHERE id IN
                     (SELECT code_repository_id FROM code_repository_option WHERE secret_name = ?1)",
                (name, now()),
            )?;
            tx.execute("UPDATE code_repository_option SET secret_name = ?2 WHERE secret_name = ?1", [name, new_name])?;
            Ok(referring)
        })
    }

    /// Deletes a secret, unless a code repository refers to it.
    ///
    /// # Errors
    /// [`StoreError::SecretInUse`] with their names when some do; and when there is no such secret.
    pub fn delete_unused(&self, name: &str) -> Result<()> {
        self.0.write(|tx| {
            let by = names_of(&referrers(tx, name)?);
            match by.is_empty() {
                true => delete(tx, name),
                false => {
                    id_of(tx, name)?;
                    Err(StoreError::SecretInUse { name: name.to_owned(), by })
                }
            }
        })
    }

    /// Deletes a secret in any case; returns the names of the code repositories that still refer to it.
    ///
    /// # Errors
    /// When there is no such secret.
    pub fn delete(&self, name: &str) -> Result<Vec<String>> {
        self.0.write(|tx| {
            delete(tx, name)?;
            Ok(names_of(&referrers(tx, name)?))
        })
    }

    /// The options of code repositories that take their values from a secret; it need not exist.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn referrers(&self, name: &str) -> Result<Vec<Referrer>> {
        self.0.read(|tx| referrers(tx, name))
    }

    fn set(
        &self,
        tx: &Transaction<'_>,
        name: &str,
        id: &str,
        values: &BTreeMap<String, Zeroizing<String>>,
    ) -> Result<()> {
        values.keys().try_for_each(|key| check_secret_key(key))?;
        if values.is_empty() {
            return Ok(());
        }
        // What is being replaced goes first: it does not count for which key is in use, so a lost key is overcome by setting
        // every value anew.
        clear(tx, id, values.keys())?;
        let with = self.0.keys.for_sealing(tx)?;
        for (key, value) in values {
            let sealed = Sealed::new(&with, &place(id, key, &shown(name, key)), value)?;
            tx.execute(
                "INSERT INTO secret_value (secret_id, key, sealed) VALUES (?1, ?2, ?3)",
                (id, key, sealed.as_bytes()),
            )?;
        }
        Ok(())
    }
}

/// The id of a secret, and one of its values.
fn sealed_of(tx: &Transaction<'_>, name: &str, key: &str) -> Result<(String, Sealed)> {
    let id = id_of(tx, name)?;
    let query = "SELECT sealed FROM secret_value WHERE secret_id = ?1 AND key = ?2";
    let sealed = tx.query_row(query, [id.as_str(), key], |row| row.get(0)).optional()?;
    match sealed {
        Some(sealed) => Ok((id, Sealed::from_bytes(sealed))),
        None => Err(unknown_key(tx, name, &id, key)?),
    }
}

/// Makes every value anew with another key; returns how many there are.
pub(crate) fn reseal(tx: &Transaction<'_>, keys: &Keys, with: &Key) -> Result<usize> {
    let mut statement = tx.prepare(
        "SELECT secret_value.rowid, secret_id, key, coalesce(name, ''), sealed
         FROM secret_value LEFT JOIN secret ON secret.id = secret_id",
    )?;
    let rows = statement.query_map((), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, Sealed::from_bytes(row.get(4)?)))
    })?;
    let rows: Vec<(i64, String, String, String, Sealed)> = rows.collect::<rusqlite::Result<_>>()?;
    for (row, id, key, name, sealed) in &rows {
        let shown = shown(name, key);
        let place = place(id, key, &shown);
        let sealed = Sealed::new(with, &place, &sealed.open(keys, &place)?)?;
        tx.execute("UPDATE secret_value SET sealed = ?2 WHERE rowid = ?1", (row, sealed.as_bytes()))?;
    }
    Ok(rows.len())
}

fn place<'a>(id: &'a str, key: &'a str, shown: &'a str) -> Place<'a> {
    Place { table: "secret_value", id, key, shown }
}

fn shown(name: &str, key: &str) -> String {
    format!("the key {key:?} of the secret {name:?}")
}

fn id_of(tx: &Transaction<'_>, name: &str) -> Result<String> {
    let id = tx.query_row("SELECT id FROM secret WHERE name = ?1", [name], |row| row.get(0)).optional()?;
    match id {
        Some(id) => Ok(id),
        None => Err(unknown(tx, name)?),
    }
}

fn delete(tx: &Transaction<'_>, name: &str) -> Result<()> {
    match tx.execute("DELETE FROM secret WHERE name = ?1", [name])? {
        0 => Err(unknown(tx, name)?),
        _ => Ok(()),
    }
}

/// Removes the values of these keys; the keys that are not there do not matter.
fn clear<'a>(tx: &Transaction<'_>, id: &str, keys: impl IntoIterator<Item = &'a String>) -> Result<()> {
    for key in keys {
        tx.execute("DELETE FROM secret_value WHERE secret_id = ?1 AND key = ?2", [id, key])?;
    }
    Ok(())
}

fn unknown(tx: &Transaction<'_>, name: &str) -> Result<StoreError> {
    let names = strings(tx, "SELECT name FROM secret", ())?;
    Ok(StoreError::UnknownSecret { name: name.to_owned(), nearest: nearest(name, names.iter().map(String::as_str)) })
}

fn unknown_key(tx: &Transaction<'_>, secret: &str, id: &str, key: &str) -> Result<StoreError> {
    Ok(StoreError::UnknownKey { secret: secret.to_owned(), key: key.to_owned(), known: keys_of(tx, id)? })
}

fn keys_of(tx: &Transaction<'_>, id: &str) -> Result<Vec<String>> {
    strings(tx, "SELECT key FROM secret_value WHERE secret_id = ?1 ORDER BY key", [id])
}

fn require_values(tx: &Transaction<'_>, name: &str, id: &str) -> Result<()> {
    match keys_of(tx, id)?.is_empty() {
        true => Err(StoreError::NoValues(name.to_owned())),
        false => Ok(()),
    }
}

fn strings(tx: &Transaction<'_>, query: &str, parameters: impl rusqlite::Params) -> Result<Vec<String>> {
    let mut statement = tx.prepare(query)?;
    let rows = statement.query_map(parameters, |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn referrers(tx: &Transaction<'_>, name: &str) -> Result<Vec<Referrer>> {
    let mut statement = tx.prepare(
        "SELECT code_repository.name, code_repository_option.name, secret_key
         FROM code_repository_option JOIN code_repository ON code_repository.id = code_repository_id
         WHERE secret_name = ?1 ORDER BY 1, 2",
    )?;
    let rows = statement.query_map([name], |row| {
        Ok(Referrer { code_repository: row.get(0)?, option: row.get(1)?, key: row.get(2)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Each code repository once; they come in order.
fn names_of(referrers: &[Referrer]) -> Vec<String> {
    let mut names: Vec<String> = referrers.iter().map(|referrer| referrer.code_repository.clone()).collect();
    names.dedup();
    names
}
