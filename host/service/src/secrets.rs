//! Secrets. A secret that tokens are made from is checked with every change, so all changes go through this file.

use crate::{
    Result, Service,
    api::{KeyPlace, Rotated, SecretInfo},
    audited::named,
    secret_values::SecretValues,
};
use forgeport_model::AuditAction;
use forgeport_store::Secrets;
use zeroize::Zeroizing;

impl Service {
    /// Stores a new secret.
    ///
    /// # Errors
    /// When the name is taken, or tokens are to be made from the secret and a value for that is missing or wrong.
    pub async fn create_secret(&self, name: &str, values: &SecretValues) -> Result<()> {
        crate::mint::check(name, values)?;
        self.secrets().create(name, values).await?;
        let detail = named("set", values.keys().map(String::as_str)).unwrap_or_default();
        self.record_secret(AuditAction::SecretCreated, name, detail).await;
        Ok(())
    }

    /// Sets values of a secret and removes keys, all or nothing; other keys stay.
    ///
    /// # Errors
    /// As [`Service::create_secret`]; also when the secret or a key to remove does not exist.
    pub async fn update_secret(&self, name: &str, set: &SecretValues, remove: &[String]) -> Result<()> {
        let touched = |key: &String| set.contains_key(key) || remove.contains(key);
        let kept =
            self.secrets().keys(name).await?.into_iter().filter(|key| !touched(key) && !crate::mint::is_made(key));
        let is_minted = set.contains_key(crate::mint::MINT) || self.mints(name).await?;
        if is_minted && !remove.iter().any(|key| key == crate::mint::MINT) {
            // The other values are read only for this: a secret can be set again although its key is lost.
            let mut values = SecretValues::new();
            for key in kept {
                let value = self.secrets().get(name, &key).await?;
                values.insert(key, value);
            }
            values.extend(set.clone());
            crate::mint::check(name, &values)?;
        }
        self.secrets().update(name, set, remove).await?;
        let parts = [named("set", set.keys().map(String::as_str)), named("removed", remove.iter().map(String::as_str))];
        let detail = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
        self.record_secret(AuditAction::SecretUpdated, name, detail).await;
        Ok(())
    }

    /// One value, as it is stored.
    ///
    /// # Errors
    /// When there is no such secret or key (the error lists the names, never a value), or it cannot be decrypted.
    pub async fn kept_value(&self, name: &str, key: &str) -> Result<Zeroizing<String>> {
        Ok(self.secrets().get(name, key).await?)
    }

    /// The keys of one secret, in alphabetical order.
    ///
    /// # Errors
    /// When there is no such secret.
    pub async fn secret_keys(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.secrets().keys(name).await?)
    }

    /// The keys of a secret that options can refer to: of one that tokens are made from, the token alone.
    ///
    /// # Errors
    /// When there is no such secret.
    pub async fn referable_keys(&self, name: &str) -> Result<Vec<String>> {
        if self.mints(name).await? { Ok(vec![crate::mint::TOKEN.to_owned()]) } else { self.secret_keys(name).await }
    }

    /// All secrets, ordered by name, without values.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_secrets(&self) -> Result<Vec<SecretInfo>> {
        let stored = self.secrets().list().await?;
        Ok(stored.into_iter().map(SecretInfo::from).collect())
    }

    /// Gives a secret another name. The code repositories that refer to it follow; their names are returned.
    ///
    /// # Errors
    /// When there is no such secret, or the new name is taken or breaks the rules.
    pub async fn rename_secret(&self, name: &str, new_name: &str) -> Result<Vec<String>> {
        let referring = self.secrets().rename(name, new_name).await?;
        self.record_secret(AuditAction::SecretRenamed, name, format!("to {new_name}")).await;
        Ok(referring)
    }

    /// Deletes a secret; with `force` also one that code repositories refer to, whose names are returned.
    ///
    /// # Errors
    /// When there is no such secret, or some refer to it and nothing is forced.
    pub async fn delete_secret(&self, name: &str, force: bool) -> Result<Vec<String>> {
        let referring = if force {
            self.secrets().delete(name).await?
        } else {
            self.secrets().delete_unused(name).await?;
            Vec::new()
        };
        let detail = named("still referred to by", referring.iter().map(String::as_str)).unwrap_or_default();
        self.record_secret(AuditAction::SecretDeleted, name, detail).await;
        Ok(referring)
    }

    /// Replaces the master key: by a random one, or by `FORGEPORT_NEW_KEY` if the key is in the environment.
    ///
    /// # Errors
    /// When the old key is missing or another one's, or the new one cannot be kept; then nothing is changed.
    pub async fn rotate_key(&self, keep_in: Option<KeyPlace>) -> Result<Rotated> {
        let given = self.host.new_key.as_ref().map(|text| text.as_str());
        let rotated = self.host.store.rotate_key(keep_in.map(KeyPlace::into), given).await?;
        let detail = format!("data keys of {} workspaces", rotated.workspaces);
        self.record_secret(AuditAction::KeyRotated, "master key", detail).await;
        Ok(rotated.into())
    }

    pub(crate) fn secrets(&self) -> Secrets<'_> {
        self.store().secrets()
    }

    /// True if tokens are made from the secret.
    pub(crate) async fn mints(&self, name: &str) -> Result<bool> {
        Ok(self.secrets().keys(name).await?.iter().any(|key| key == crate::mint::MINT))
    }
}
