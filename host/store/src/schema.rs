//! The databases' tables, version by version. What has been released is never edited; a change is a new step at the end.

use crate::{Result, StoreError, private};
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use std::path::{Path, PathBuf};

/// The tables of one database.
pub(crate) struct Schema {
    steps: &'static [M<'static>],
    /// The last version that had the audit log among the other tables.
    with_audit: usize,
}

/// Registrations, secrets, and what components say of their options.
pub(crate) const STORE: Schema = Schema {
    steps: &[
        M::up(include_str!("schema/1.sql")),
        M::up(include_str!("schema/2.sql")),
        M::up(include_str!("schema/3.sql")),
        M::up(include_str!("schema/4.sql")),
        M::up(include_str!("schema/5.sql")),
    ],
    with_audit: 4,
};

/// The audit log.
pub(crate) const AUDIT: Schema = Schema { steps: &[M::up(include_str!("schema/audit/1.sql"))], with_audit: 0 };

/// The file of the audit log, beside the store's.
pub(crate) const AUDIT_FILE: &str = "audit.db";

/// Copies what there is into the audit log's own file; both are committed together.
const MOVE_AUDIT: &str = "
    BEGIN IMMEDIATE;
    INSERT INTO log.audit (at, until, count, tenant, registration, repository, provider, digest, method, origin, path, status, sent,
        received, secrets, outcome, rule)
    SELECT at, until, count, tenant, registration, repository, provider, digest, method, origin, path, status, sent,
        received, secrets, outcome, rule FROM main.audit ORDER BY id;
    DELETE FROM main.audit;
    COMMIT";

impl Schema {
    /// Brings the tables to the newest version, in one process only when several come at once.
    pub(crate) fn bring_up_to_date(&self, connection: &mut Connection, database: &Path) -> Result<()> {
        if self.is_up_to_date(connection)? {
            return Ok(());
        }
        let _alone = private::exclusive(&database.with_file_name("lock"))?;
        if self.is_up_to_date(connection)? {
            return Ok(());
        }
        // An older Forgeport kept a write-ahead log.
        connection.pragma_update(None, "journal_mode", "delete")?;
        if (2..=self.with_audit).contains(&version(connection)?) {
            self.migrations().to_version(connection, self.with_audit).map_err(|error| failed(&error))?;
            move_audit(connection, &database.with_file_name(AUDIT_FILE))?;
        }
        self.migrations().to_latest(connection).map_err(|error| failed(&error))
    }

    /// The tables without anything in them, and no file.
    pub(crate) fn in_memory(&self) -> Result<Connection> {
        let mut connection = Connection::open_in_memory()?;
        self.migrations().to_latest(&mut connection).map_err(|error| failed(&error))?;
        Ok(connection)
    }

    fn migrations(&self) -> Migrations<'static> {
        Migrations::from_slice(self.steps)
    }

    fn is_up_to_date(&self, connection: &Connection) -> Result<bool> {
        let (found, known) = (version(connection)?, self.steps.len());
        match found > known {
            true => Err(StoreError::FutureSchema { path: PathBuf::new(), found, known }),
            false => Ok(found == known),
        }
    }
}

fn version(connection: &Connection) -> Result<usize> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(found).unwrap_or_default())
}

fn move_audit(connection: &Connection, log: &Path) -> Result<()> {
    private::empty_file(log)?;
    let mut target = Connection::open(log)?;
    AUDIT.migrations().to_latest(&mut target).map_err(|error| failed(&error))?;
    drop(target);
    connection.execute("ATTACH ?1 AS log", [log.to_string_lossy()])?;
    connection.execute_batch(MOVE_AUDIT)?;
    connection.execute_batch("DETACH log")?;
    Ok(())
}

fn failed(error: &rusqlite_migration::Error) -> StoreError {
    // The text repeats whole SQL scripts; only the cause helps.
    let why = match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err.to_string(),
        other => other.to_string(),
    };
    StoreError::Migration { path: PathBuf::new(), why: why.lines().next().unwrap_or_default().to_owned() }
}
