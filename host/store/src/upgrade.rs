//! Upgrades sealed values of stores that were written before there were workspaces.
//!
//! Those are sealed with the master key itself (format 1, [`forgeport_vault::former`]). Each is opened with it, and sealed with a new data key
//! of the workspace `local` (format 2), which is stored wrapped. The transaction that changes the tables contains all of this. Without the
//! master key it does not begin, and the store stays as it was.

use crate::{
    error::{Result, StoreError},
    names::LOCAL,
    time::now,
};
use forgeport_vault::{DataKey, MasterKey, Place, Sealed, Vault, VaultError, former};
use rusqlite::Connection;
use std::sync::Arc;

/// The columns with sealed values, and a person's name for each value.
const TABLES: [(&str, &str); 2] = [
    (
        "secret_value",
        "SELECT secret_id, key, 'the key \"' || key || '\" of the secret \"' || coalesce(name, '') || '\"', sealed
         FROM secret_value LEFT JOIN secret ON secret.id = secret_id",
    ),
    (
        "code_repository_option",
        "SELECT code_repository_id, option.name, '--' || option.name || ' of the code repository \"' || coalesce(whole.name, '') || '\"',
             sealed
         FROM code_repository_option AS option LEFT JOIN code_repository AS whole ON whole.id = code_repository_id
         WHERE sealed IS NOT NULL",
    ),
];

struct Former {
    table: &'static str,
    row: String,
    key: String,
    shown: String,
    sealed: Sealed,
}

/// Looks for the master key of what is sealed, before anything is changed.
///
/// # Errors
/// As [`seal_anew`].
pub(crate) fn check_key(connection: &Connection, vault: &Vault) -> Result<()> {
    let query = "SELECT sealed FROM secret_value
         UNION ALL SELECT sealed FROM code_repository_option WHERE sealed IS NOT NULL";
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let sealed = Sealed::from_bytes(row.get(0)?);
        if let Some(id) = sealed.key_id().filter(|_| sealed.is_former()) {
            vault.get(id)?;
            break;
        }
    }
    Ok(())
}

/// Seals every former value anew.
///
/// # Errors
/// When the master key is missing, is not the one that they were sealed with, or cannot be read.
pub(crate) fn seal_anew(connection: &Connection, vault: &Vault) -> Result<()> {
    let mut with: Option<(Arc<MasterKey>, DataKey)> = None;
    for former in all(connection)? {
        let Former { table, row, key, shown, sealed } = &former;
        let Some(id) = sealed.key_id().filter(|_| sealed.is_former()) else { continue };
        if with.is_none() {
            with = Some((vault.get(id)?, DataKey::generate()?));
        }
        let Some((_, data_key)) = &with else { continue };
        let place = Place { workspace: LOCAL, table, row, key, shown };
        let value = match former::open(&*vault.get(id)?, &place, sealed) {
            // It could not be opened before either; whoever asks for it is told so.
            Err(VaultError::Tampered(_)) => continue,
            opened => opened?,
        };
        let sealed = data_key.seal(&place, &value)?;
        let column =
            if *table == "secret_value" { "secret_id = ?2 AND key" } else { "code_repository_id = ?2 AND name" };
        connection.execute(
            &format!("UPDATE {table} SET sealed = ?1 WHERE workspace = 'local' AND {column} = ?3"),
            (sealed.as_bytes(), row, key),
        )?;
    }
    let Some((master, data_key)) = with else { return Ok(()) };
    let wrapped = master.wrap(LOCAL, &data_key)?;
    connection.execute(
        "INSERT INTO workspace_key (workspace, id, wrapped, created) VALUES (?1, ?2, ?3, ?4)",
        (LOCAL, data_key.id().to_string(), wrapped.as_bytes(), now()),
    )?;
    Ok(())
}

fn all(connection: &Connection) -> Result<Vec<Former>> {
    let mut all = Vec::new();
    for (table, query) in TABLES {
        let mut statement = connection.prepare(query)?;
        let rows = statement.query_map((), |row| {
            let sealed = Sealed::from_bytes(row.get(3)?);
            Ok(Former { table, row: row.get(0)?, key: row.get(1)?, shown: row.get(2)?, sealed })
        })?;
        for row in rows {
            all.push(row.map_err(StoreError::from)?);
        }
    }
    Ok(all)
}
