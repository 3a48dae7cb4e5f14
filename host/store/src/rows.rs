//! Registrations as rows of the database.

use crate::{
    code_repository::{CodeRepository, Consent, ProviderRef, StoredOption},
    db::{Row, Tx, Value, values},
    error::{DatabaseError, DatabaseErrorKind, Result, StoreError},
    time::now,
};
use forgeport_model::{CallOf, ComponentSource, Limits, SecretReference};
use forgeport_vault::Sealed;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

const WHAT: &str = "code repository";

pub(crate) async fn insert_row(tx: &Tx<'_>, workspace: &str, repository: &CodeRepository) -> Result<()> {
    let mut parameters = columns(workspace, repository)?;
    parameters.extend(values![repository.created, repository.updated]);
    let inserted = tx
        .execute(
            "INSERT INTO code_repository (workspace, id, name, kind, description, provider_name, provider_version,
                 provider_digest, provider_source, access, grants, limits, created, updated)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            parameters,
        )
        .await;
    inserted.map(drop).map_err(|error| name_taken(error, WHAT, &repository.name))
}

/// Replaces a row if it is still what was read; returns the new `updated`.
pub(crate) async fn update_row(tx: &Tx<'_>, workspace: &str, repository: &CodeRepository) -> Result<i64> {
    let updated = now().max(repository.updated.saturating_add(1));
    let mut parameters = columns(workspace, repository)?;
    parameters.extend(values![updated, repository.updated]);
    let changed = tx
        .execute(
            "UPDATE code_repository SET name = $3, kind = $4, description = $5, provider_name = $6, provider_version = $7,
                 provider_digest = $8, provider_source = $9, access = $10, grants = $11, limits = $12, updated = $13
             WHERE workspace = $1 AND id = $2 AND updated = $14",
            parameters,
        )
        .await;
    match changed.map_err(|error| name_taken(error, WHAT, &repository.name))? {
        0 => Err(StoreError::Changed(repository.name.clone())),
        _ => Ok(updated),
    }
}

/// The beginning of both statements.
fn columns(workspace: &str, repository: &CodeRepository) -> Result<Vec<Value>> {
    let access = repository.consent.as_ref().map(|consent| json(&consent.access)).transpose()?;
    Ok(values![
        workspace,
        &repository.id,
        &repository.name,
        &repository.kind,
        repository.description.as_deref(),
        &repository.provider.name,
        &repository.provider.version,
        repository.provider.digest.to_string(),
        repository.provider.source.stored(),
        access,
        json(&repository.grants)?,
        json(&repository.limits)?,
    ])
}

pub(crate) fn name_taken(error: StoreError, what: &'static str, name: &str) -> StoreError {
    match error {
        StoreError::Database { source: DatabaseError { kind: DatabaseErrorKind::NotUnique, .. }, .. } => {
            StoreError::NameTaken { what, name: name.to_owned() }
        }
        error => error,
    }
}

/// One registration or all of a workspace, with their options, in the order of their names.
pub(crate) async fn load(tx: &Tx<'_>, workspace: &str, id: Option<&str>) -> Result<Vec<CodeRepository>> {
    let mut options = load_options(tx, workspace, id).await?;
    // One query for both would go through all registrations for each.
    let which = if id.is_some() { "AND id = $2" } else { "ORDER BY name" };
    let query = format!(
        "SELECT id, name, kind, description, provider_name, provider_version, provider_digest,
             provider_source, access, settings, grants, limits, created, updated
         FROM code_repository
             LEFT JOIN component ON component.workspace = code_repository.workspace AND digest = provider_digest
         WHERE code_repository.workspace = $1 {which}"
    );
    let rows = tx.query(&query, selected(workspace, id)).await?;
    let with_options = |row: &Row| {
        let mut repository = read_row(row)?;
        repository.options = options.remove(&repository.id).unwrap_or_default();
        Ok(repository)
    };
    rows.iter().map(with_options).collect()
}

fn selected(workspace: &str, id: Option<&str>) -> Vec<Value> {
    let mut parameters = values![workspace];
    parameters.extend(id.map(Value::from));
    parameters
}

fn read_row(row: &Row) -> Result<CodeRepository> {
    let (name, kind): (String, String) = (row.get("name")?, row.get("kind")?);
    let digest: String = row.get("provider_digest")?;
    let of = CallOf::Registered(name.as_str().into());
    Ok(CodeRepository {
        id: row.get("id")?,
        name,
        description: row.get("description")?,
        provider: ProviderRef {
            name: row.get("provider_name")?,
            version: row.get("provider_version")?,
            digest: digest.parse().map_err(|_| StoreError::Corrupt("the digest of a code repository".to_owned()))?,
            source: ComponentSource::from_stored(&kind, row.get("provider_source")?),
        },
        kind,
        options: BTreeMap::new(),
        consent: consent(row)?,
        grants: from_json(row, "grants")?,
        limits: from_json::<Limits>(row, "limits")?.of(of),
        created: row.get("created")?,
        updated: row.get("updated")?,
    })
}

/// One half without the other was never written.
fn consent(row: &Row) -> Result<Option<Consent>> {
    let is_there = |column| row.get::<Option<String>>(column).map(|text| text.is_some());
    if is_there("access")? && is_there("settings")? {
        return Ok(Some(Consent { settings: from_json(row, "settings")?, access: from_json(row, "access")? }));
    }
    Ok(None)
}

type OptionsById = BTreeMap<String, BTreeMap<String, StoredOption>>;

async fn load_options(tx: &Tx<'_>, workspace: &str, id: Option<&str>) -> Result<OptionsById> {
    let which = if id.is_some() { "AND code_repository_id = $2" } else { "" };
    let query = format!(
        "SELECT code_repository_id, name, plain, secret_name, secret_key, sealed FROM code_repository_option
         WHERE workspace = $1 {which}"
    );
    let mut options = OptionsById::new();
    for row in tx.query(&query, selected(workspace, id)).await? {
        let option = match (row.get("plain")?, row.get::<Option<String>>("secret_name")?, row.get("sealed")?) {
            (Some(text), None, None) => StoredOption::Plain(text),
            (None, Some(name), None) => {
                let reference = SecretReference::new(&name, &row.get::<String>("secret_key")?);
                StoredOption::Reference(reference.map_err(|error| StoreError::Corrupt(error.to_string()))?)
            }
            (None, None, Some(bytes)) => StoredOption::Sealed(Sealed::from_bytes(bytes)),
            _ => {
                return Err(StoreError::Corrupt("an option of a code repository".to_owned()));
            }
        };
        options.entry(row.get("code_repository_id")?).or_default().insert(row.get("name")?, option);
    }
    Ok(options)
}

pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(format!("grants ({error})")))
}

pub(crate) fn from_json<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| StoreError::Corrupt(format!("{column} of a code repository")))
}
