//! Registrations as rows of the database.

use crate::{
    Result, StoreError,
    code_repository::{CodeRepository, Consent, ProviderRef, StoredOption},
    now,
    seal::Sealed,
};
use forgeport_model::{CallOf, Limits, SecretReference};
use rusqlite::{Row, Transaction, ffi, named_params, params_from_iter};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

const WHAT: &str = "code repository";

pub(crate) fn insert_row(tx: &Transaction<'_>, repository: &CodeRepository) -> Result<()> {
    let inserted = tx.execute(
        "INSERT INTO code_repository (id, name, kind, description, provider_name, provider_version,
             provider_digest, provider_source, access, grants, limits, created, updated)
         VALUES (:id, :name, :kind, :description, :provider_name, :provider_version,
             :provider_digest, :provider_source, :access, :grants, :limits, :created, :updated)",
        named_params! {
            ":id": repository.id,
            ":name": repository.name,
            ":kind": repository.kind,
            ":description": repository.description,
            ":provider_name": repository.provider.name,
            ":provider_version": repository.provider.version,
            ":provider_digest": repository.provider.digest,
            ":provider_source": repository.provider.source,
            ":grants": json(&repository.grants)?,
            ":limits": json(&repository.limits)?,
            ":access": access(repository)?,
            ":created": repository.created,
            ":updated": repository.updated,
        },
    );
    inserted.map(drop).map_err(|error| name_taken(error, WHAT, &repository.name))
}

/// Replaces a row if it is still what was read; returns the new `updated`.
pub(crate) fn update_row(tx: &Transaction<'_>, repository: &CodeRepository) -> Result<i64> {
    let updated = now().max(repository.updated.saturating_add(1));
    let changed = tx.execute(
        "UPDATE code_repository SET name = :name, kind = :kind, description = :description,
             provider_name = :provider_name, provider_version = :provider_version,
             provider_digest = :provider_digest, provider_source = :provider_source,
             access = :access, grants = :grants, limits = :limits, updated = :updated
         WHERE id = :id AND updated = :read",
        named_params! {
            ":id": repository.id,
            ":name": repository.name,
            ":kind": repository.kind,
            ":description": repository.description,
            ":provider_name": repository.provider.name,
            ":provider_version": repository.provider.version,
            ":provider_digest": repository.provider.digest,
            ":provider_source": repository.provider.source,
            ":grants": json(&repository.grants)?,
            ":limits": json(&repository.limits)?,
            ":access": access(repository)?,
            ":updated": updated,
            ":read": repository.updated,
        },
    );
    match changed.map_err(|error| name_taken(error, WHAT, &repository.name))? {
        0 => Err(StoreError::Changed(repository.name.clone())),
        _ => Ok(updated),
    }
}

pub(crate) fn name_taken(error: rusqlite::Error, what: &'static str, name: &str) -> StoreError {
    match error.sqlite_error() {
        Some(error) if error.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE => {
            StoreError::NameTaken { what, name: name.to_owned() }
        }
        _ => error.into(),
    }
}

/// One registration or all of them, with their options, in the order of their names.
pub(crate) fn load(tx: &Transaction<'_>, id: Option<&str>) -> Result<Vec<CodeRepository>> {
    let mut options = load_options(tx, id)?;
    // One query for both would go through all registrations for each.
    let which = if id.is_some() { "WHERE id = ?1" } else { "ORDER BY name" };
    let mut statement = tx.prepare(&format!(
        "SELECT id, name, kind, description, provider_name, provider_version, provider_digest,
             provider_source, access, settings, grants, limits, created, updated
         FROM code_repository LEFT JOIN component ON digest = provider_digest {which}"
    ))?;
    let mut rows = statement.query(params_from_iter(id))?;
    let mut repositories = Vec::new();
    while let Some(row) = rows.next()? {
        let mut repository = read_row(row)?;
        repository.options = options.remove(&repository.id).unwrap_or_default();
        repositories.push(repository);
    }
    Ok(repositories)
}

fn read_row(row: &Row<'_>) -> Result<CodeRepository> {
    let name: String = row.get("name")?;
    let of = CallOf::Registered(name.as_str().into());
    Ok(CodeRepository {
        id: row.get("id")?,
        name,
        kind: row.get("kind")?,
        description: row.get("description")?,
        provider: ProviderRef {
            name: row.get("provider_name")?,
            version: row.get("provider_version")?,
            digest: row.get("provider_digest")?,
            source: row.get("provider_source")?,
        },
        options: BTreeMap::new(),
        consent: consent(row)?,
        grants: from_json(row, "grants")?,
        limits: from_json::<Limits>(row, "limits")?.of(of),
        created: row.get("created")?,
        updated: row.get("updated")?,
    })
}

fn access(repository: &CodeRepository) -> Result<Option<String>> {
    repository.consent.as_ref().map(|consent| json(&consent.access)).transpose()
}

/// One half without the other was never written.
fn consent(row: &Row<'_>) -> Result<Option<Consent>> {
    let is_there = |column| row.get::<_, Option<String>>(column).map(|text| text.is_some());
    match is_there("access")? && is_there("settings")? {
        true => Ok(Some(Consent { settings: from_json(row, "settings")?, access: from_json(row, "access")? })),
        false => Ok(None),
    }
}

type OptionsById = BTreeMap<String, BTreeMap<String, StoredOption>>;

fn load_options(tx: &Transaction<'_>, id: Option<&str>) -> Result<OptionsById> {
    let which = if id.is_some() { "WHERE code_repository_id = ?1" } else { "" };
    let mut statement = tx.prepare(&format!(
        "SELECT code_repository_id, name, plain, secret_name, secret_key, sealed FROM code_repository_option {which}"
    ))?;
    let mut rows = statement.query(params_from_iter(id))?;
    let mut options = OptionsById::new();
    while let Some(row) = rows.next()? {
        let option = match (row.get("plain")?, row.get("secret_name")?, row.get("sealed")?) {
            (Some(text), None, None) => StoredOption::Plain(text),
            (None, Some(name), None) => {
                let (name, key): (String, String) = (name, row.get("secret_key")?);
                let reference = SecretReference::new(&name, &key);
                StoredOption::Reference(reference.map_err(|error| StoreError::Corrupt(error.to_string()))?)
            }
            (None, None, Some(bytes)) => StoredOption::Sealed(Sealed::from_bytes(bytes)),
            _ => {
                return Err(StoreError::Corrupt("an option of a code repository".to_owned()));
            }
        };
        options.entry(row.get(0)?).or_default().insert(row.get("name")?, option);
    }
    Ok(options)
}

pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(format!("grants ({error})")))
}

pub(crate) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| StoreError::Corrupt(format!("{column} of a code repository")))
}
