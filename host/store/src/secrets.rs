//! Secrets: named sets of encrypted values.

use crate::{
    db::{Row, Tx, values},
    error::{Result, StoreError},
    names::{check_secret_key, check_secret_name},
    rows::name_taken,
    time::now,
    view::View,
};
use forgeport_model::nearest;
use forgeport_vault::{Place, Sealed};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Grows with every change, by at least one.
const UPDATED: &str = "CASE WHEN updated < $3 THEN $3 ELSE updated + 1 END";

/// The secrets of a workspace.
pub struct Secrets<'a>(pub(crate) View<'a>);

/// A secret without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub async fn create(&self, name: &str, values: &BTreeMap<String, Zeroizing<String>>) -> Result<()> {
        check_secret_name(name)?;
        let tx = self.0.write().await?;
        let (id, created) = (uuid::Uuid::new_v4().to_string(), now());
        let inserted = tx
            .execute(
                "INSERT INTO secret (workspace, id, name, created, updated) VALUES ($1, $2, $3, $4, $4)",
                values![self.0.workspace, &id, name, created],
            )
            .await;
        inserted.map_err(|error| name_taken(error, "secret", name))?;
        self.set(&tx, name, &id, values).await?;
        self.require_values(&tx, name, &id).await?;
        tx.commit().await
    }

    /// Sets values and removes keys, all or nothing; other keys stay.
    ///
    /// # Errors
    /// As [`Self::create`]; also when the secret or a key to remove does not exist.
    pub async fn update(&self, name: &str, set: &BTreeMap<String, Zeroizing<String>>, remove: &[String]) -> Result<()> {
        let tx = self.0.write().await?;
        let id = self.id_of(&tx, name).await?;
        // Before any goes, so that the error lists them all.
        let known = self.keys_of(&tx, &id).await?;
        if let Some(unknown) = remove.iter().find(|key| !known.contains(key)) {
            return Err(self.unknown_key(&tx, name, &id, unknown).await?);
        }
        self.clear(&tx, &id, remove).await?;
        self.set(&tx, name, &id, set).await?;
        self.require_values(&tx, name, &id).await?;
        let statement = format!("UPDATE secret SET updated = {UPDATED} WHERE workspace = $1 AND id = $2");
        tx.execute(&statement, values![self.0.workspace, id, now()]).await?;
        tx.commit().await
    }

    /// One value.
    ///
    /// # Errors
    /// When there is no such secret or key (the error tells what there is, never a value), or it cannot be decrypted.
    pub async fn get(&self, name: &str, key: &str) -> Result<Zeroizing<String>> {
        let shown = shown(name, key);
        let (id, sealed) = self.sealed_of(&self.0.read().await?, name, key).await?;
        self.0.open(&self.place(&id, key, &shown), &sealed).await
    }

    /// Tells a value from another that the same key had before, without telling either. Nothing is decrypted.
    ///
    /// # Errors
    /// When there is no such secret or key.
    pub async fn version(&self, name: &str, key: &str) -> Result<String> {
        Ok(self.sealed_of(&self.0.read().await?, name, key).await?.1.version())
    }

    /// The keys of one secret, in alphabetical order.
    ///
    /// # Errors
    /// When there is no such secret.
    pub async fn keys(&self, name: &str) -> Result<Vec<String>> {
        let tx = self.0.read().await?;
        let id = self.id_of(&tx, name).await?;
        self.keys_of(&tx, &id).await
    }

    /// All secrets, ordered by name, without values.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self) -> Result<Vec<SecretInfo>> {
        let tx = self.0.read().await?;
        let query = "SELECT id, name, created, updated FROM secret WHERE workspace = $1 ORDER BY name";
        let mut secrets = Vec::new();
        for row in tx.query(query, values![self.0.workspace]).await? {
            secrets.push(SecretInfo {
                keys: self.keys_of(&tx, &row.get::<String>("id")?).await?,
                name: row.get("name")?,
                created: row.get("created")?,
                updated: row.get("updated")?,
            });
        }
        Ok(secrets)
    }

    /// Gives a secret another name. The code repositories that refer to it do so by its new name from then on; their names are returned.
    ///
    /// # Errors
    /// When there is no such secret, or the new name is taken or breaks the rules.
    pub async fn rename(&self, name: &str, new_name: &str) -> Result<Vec<String>> {
        check_secret_name(new_name)?;
        let workspace = self.0.workspace;
        let tx = self.0.write().await?;
        let id = self.id_of(&tx, name).await?;
        let referring = names_of(&self.referrers_of(&tx, name).await?);
        let statement = format!("UPDATE secret SET name = $4, updated = {UPDATED} WHERE workspace = $1 AND id = $2");
        let renamed = tx.execute(&statement, values![workspace, id, now(), new_name]).await;
        renamed.map_err(|error| name_taken(error, "secret", new_name))?;
        // Their `updated` grows too, or an update that has read the old name would bring it back.
        let statement = format!(
            "UPDATE code_repository SET updated = {UPDATED} WHERE workspace = $1 AND id IN
                 (SELECT code_repository_id FROM code_repository_option WHERE workspace = $1 AND secret_name = $2)"
        );
        tx.execute(&statement, values![workspace, name, now()]).await?;
        tx.execute(
            "UPDATE code_repository_option SET secret_name = $3 WHERE workspace = $1 AND secret_name = $2",
            values![workspace, name, new_name],
        )
        .await?;
        tx.commit().await?;
        Ok(referring)
    }

    /// Deletes a secret, unless a code repository refers to it.
    ///
    /// # Errors
    /// [`StoreError::SecretInUse`] with their names when some do; and when there is no such secret.
    pub async fn delete_unused(&self, name: &str) -> Result<()> {
        let tx = self.0.write().await?;
        let by = names_of(&self.referrers_of(&tx, name).await?);
        if !by.is_empty() {
            self.id_of(&tx, name).await?;
            return Err(StoreError::SecretInUse { name: name.to_owned(), by });
        }
        self.delete_in(&tx, name).await?;
        tx.commit().await
    }

    /// Deletes a secret in any case; returns the names of the code repositories that still refer to it.
    ///
    /// # Errors
    /// When there is no such secret.
    pub async fn delete(&self, name: &str) -> Result<Vec<String>> {
        let tx = self.0.write().await?;
        self.delete_in(&tx, name).await?;
        let by = names_of(&self.referrers_of(&tx, name).await?);
        tx.commit().await?;
        Ok(by)
    }

    /// The options of code repositories that take their values from a secret; it need not exist.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn referrers(&self, name: &str) -> Result<Vec<Referrer>> {
        self.referrers_of(&self.0.read().await?, name).await
    }

    async fn set(&self, tx: &Tx<'_>, name: &str, id: &str, values: &BTreeMap<String, Zeroizing<String>>) -> Result<()> {
        values.keys().try_for_each(|key| check_secret_key(key))?;
        if values.is_empty() {
            return Ok(());
        }
        // What is being replaced goes first: it does not count for which key is in use, so a lost key is overcome by setting
        // every value anew.
        self.clear(tx, id, values.keys()).await?;
        let with = self.0.parts.keys.for_sealing(tx, self.0.workspace).await?;
        for (key, value) in values {
            let sealed = with.seal(&self.place(id, key, &shown(name, key)), value)?;
            tx.execute(
                "INSERT INTO secret_value (workspace, secret_id, key, sealed) VALUES ($1, $2, $3, $4)",
                values![self.0.workspace, id, key, sealed.as_bytes()],
            )
            .await?;
        }
        Ok(())
    }

    /// The id of a secret, and one of its values.
    async fn sealed_of(&self, tx: &Tx<'_>, name: &str, key: &str) -> Result<(String, Sealed)> {
        let id = self.id_of(tx, name).await?;
        let query = "SELECT sealed FROM secret_value WHERE workspace = $1 AND secret_id = $2 AND key = $3";
        match tx.first(query, values![self.0.workspace, &id, key]).await? {
            Some(row) => Ok((id, Sealed::from_bytes(row.get("sealed")?))),
            None => Err(self.unknown_key(tx, name, &id, key).await?),
        }
    }

    fn place<'p>(&'p self, id: &'p str, key: &'p str, shown: &'p str) -> Place<'p> {
        self.0.place("secret_value", id, key, shown)
    }

    async fn id_of(&self, tx: &Tx<'_>, name: &str) -> Result<String> {
        let query = "SELECT id FROM secret WHERE workspace = $1 AND name = $2";
        match tx.first(query, values![self.0.workspace, name]).await? {
            Some(row) => row.get("id"),
            None => Err(self.unknown(tx, name).await?),
        }
    }

    async fn delete_in(&self, tx: &Tx<'_>, name: &str) -> Result<()> {
        let statement = "DELETE FROM secret WHERE workspace = $1 AND name = $2";
        match tx.execute(statement, values![self.0.workspace, name]).await? {
            0 => Err(self.unknown(tx, name).await?),
            _ => Ok(()),
        }
    }

    /// Removes the values of these keys; the keys that are not there do not matter.
    async fn clear(&self, tx: &Tx<'_>, id: &str, keys: impl IntoIterator<Item = &String>) -> Result<()> {
        let keys: Vec<&String> = keys.into_iter().collect();
        for key in keys {
            let statement = "DELETE FROM secret_value WHERE workspace = $1 AND secret_id = $2 AND key = $3";
            tx.execute(statement, values![self.0.workspace, id, key]).await?;
        }
        Ok(())
    }

    async fn unknown(&self, tx: &Tx<'_>, name: &str) -> Result<StoreError> {
        let rows = tx.query("SELECT name FROM secret WHERE workspace = $1", values![self.0.workspace]).await?;
        let names: Vec<String> = rows.iter().map(|row| row.get("name")).collect::<Result<_>>()?;
        let nearest = nearest(name, names.iter().map(String::as_str));
        Ok(StoreError::UnknownSecret { name: name.to_owned(), nearest })
    }

    async fn unknown_key(&self, tx: &Tx<'_>, secret: &str, id: &str, key: &str) -> Result<StoreError> {
        let known = self.keys_of(tx, id).await?;
        Ok(StoreError::UnknownKey { secret: secret.to_owned(), key: key.to_owned(), known })
    }

    async fn keys_of(&self, tx: &Tx<'_>, id: &str) -> Result<Vec<String>> {
        let query = "SELECT key FROM secret_value WHERE workspace = $1 AND secret_id = $2 ORDER BY key";
        tx.query(query, values![self.0.workspace, id]).await?.iter().map(|row| row.get("key")).collect()
    }

    async fn require_values(&self, tx: &Tx<'_>, name: &str, id: &str) -> Result<()> {
        if self.keys_of(tx, id).await?.is_empty() { Err(StoreError::NoValues(name.to_owned())) } else { Ok(()) }
    }

    async fn referrers_of(&self, tx: &Tx<'_>, name: &str) -> Result<Vec<Referrer>> {
        let query = "
            SELECT code_repository.name AS code_repository, code_repository_option.name AS option, secret_key
            FROM code_repository_option JOIN code_repository
                ON code_repository.workspace = code_repository_option.workspace AND code_repository.id = code_repository_id
            WHERE code_repository_option.workspace = $1 AND secret_name = $2 ORDER BY 1, 2";
        let rows = tx.query(query, values![self.0.workspace, name]).await?;
        let referrer = |row: &Row| {
            Ok(Referrer {
                code_repository: row.get("code_repository")?,
                option: row.get("option")?,
                key: row.get("secret_key")?,
            })
        };
        rows.iter().map(referrer).collect()
    }
}

fn shown(name: &str, key: &str) -> String {
    format!("the key {key:?} of the secret {name:?}")
}

/// Each code repository once; they come in order.
fn names_of(referrers: &[Referrer]) -> Vec<String> {
    let mut names: Vec<String> = referrers.iter().map(|referrer| referrer.code_repository.clone()).collect();
    names.dedup();
    names
}
