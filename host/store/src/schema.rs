//! The database's tables, version by version. What has been released is never edited; a change is a new step at the end.

use crate::{Result, StoreError, private};
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use std::path::{Path, PathBuf};

const STEPS: &[M<'static>] = &[
    M::up(include_str!("schema/1.sql")),
    M::up(include_str!("schema/2.sql")),
    M::up(include_str!("schema/3.sql")),
    M::up(include_str!("schema/4.sql")),
];

/// Brings the tables to the newest version, in one process only when several come at once.
pub(crate) fn bring_up_to_date(connection: &mut Connection, directory: &Path) -> Result<()> {
    // Shared by those who only look, so that nobody looks while the journal's mode is being changed.
    let path = directory.join("lock");
    let lock = private::lock_file(&path)?;
    lock.lock_shared().map_err(StoreError::io("lock", &path))?;
    if is_up_to_date(connection)? {
        return Ok(());
    }
    lock.unlock().and_then(|()| lock.lock()).map_err(StoreError::io("lock", &path))?;
    if is_up_to_date(connection)? {
        return Ok(());
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    Migrations::from_slice(STEPS).to_latest(connection).map_err(|error| migration_failed(&error))
}

fn is_up_to_date(connection: &Connection) -> Result<bool> {
    let known = STEPS.len() as i64;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found > known {
        true => Err(StoreError::FutureSchema { path: PathBuf::new(), found, known }),
        false => Ok(found == known),
    }
}

fn migration_failed(error: &rusqlite_migration::Error) -> StoreError {
    // The text repeats whole SQL scripts; only the cause helps.
    let why = match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err.to_string(),
        other => other.to_string(),
    };
    StoreError::Migration { path: PathBuf::new(), why: why.lines().next().unwrap_or_default().to_owned() }
}
