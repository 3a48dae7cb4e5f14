//! The databases' tables, version by version. What has been released is never edited; a change is a new file in each folder.
//!
//! | folder | tables | versions |
//! | --- | --- | --- |
//! | `schema/sqlite` | registrations, secrets, and what components say of their options | 1 to 6 |
//! | `schema/sqlite/audit` | the audit log, in a file of its own | 1 and 2 |
//! | `schema/postgres` | all of them in one database | from 6 on |

use crate::{
    error::{Result, StoreError},
    sum::{Sum, digest},
    time::BUSY_TIMEOUT,
    upgrade,
};
use forgeport_platform::private;
use forgeport_vault::Vault;
use rusqlite::Connection;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// The tables of one SQLite database.
pub(crate) struct Schema {
    steps: &'static [&'static str],
    /// The last version that had the audit log among the other tables.
    with_audit: usize,
    /// Opens what was sealed before there were workspaces; none where there are no sealed values.
    vault: Option<Arc<Vault>>,
}

/// Registrations, secrets, and what components say of their options.
const STORE: &[&str] = &[
    include_str!("schema/sqlite/1.sql"),
    include_str!("schema/sqlite/2.sql"),
    include_str!("schema/sqlite/3.sql"),
    include_str!("schema/sqlite/4.sql"),
    include_str!("schema/sqlite/5.sql"),
    include_str!("schema/sqlite/6.sql"),
];

/// The audit log.
const AUDIT: &[&str] = &[include_str!("schema/sqlite/audit/1.sql"), include_str!("schema/sqlite/audit/2.sql")];

/// Everything, with the version that each file brings the tables to.
const POSTGRES: &[(usize, &str)] = &[(6, include_str!("schema/postgres/6.sql"))];

/// The file of the audit log, beside the store's.
pub(crate) const AUDIT_FILE: &str = "audit.db";

/// Before another try to give up a log.
const PAUSE: Duration = Duration::from_millis(10);

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
    pub(crate) fn of_store(vault: Arc<Vault>) -> Schema {
        Schema { steps: STORE, with_audit: 4, vault: Some(vault) }
    }

    pub(crate) fn of_audit() -> Schema {
        Schema { steps: AUDIT, with_audit: 0, vault: None }
    }

    /// Brings the tables to the newest version. Nobody else does so at the same time.
    pub(crate) fn bring_up_to_date(&self, connection: &Connection, database: &Path, sum: Option<&Sum>) -> Result<()> {
        if self.is_up_to_date(connection)? {
            return Ok(());
        }
        if let Some(vault) = self.vault.as_ref().filter(|_| version(connection).is_ok_and(|found| found > 0)) {
            upgrade::check_key(connection, vault)?;
        }
        give_up_log(connection)?;
        if (2..=self.with_audit).contains(&version(connection)?) {
            in_transaction(connection, || run(connection, &self.steps[..self.with_audit]))?;
            move_audit(connection, &database.with_file_name(AUDIT_FILE))?;
        }
        let sum = sum.filter(|sum| sum.exists());
        let after = in_transaction(connection, || {
            let before = sum.map(|_| digest(connection)).transpose()?;
            if let (Some(sum), Some(before)) = (sum, &before) {
                sum.check(before, database)?;
            }
            run(connection, self.steps)?;
            if let Some(vault) = &self.vault {
                upgrade::seal_anew(connection, vault)?;
            }
            let after = sum.map(|_| digest(connection)).transpose()?;
            if let (Some(sum), Some(before), Some(after)) = (sum, &before, &after) {
                sum.expect(before, after)?;
            }
            Ok(after)
        })?;
        if let (Some(sum), Some(after)) = (sum, after) {
            sum.settle(&after)?;
        }
        Ok(())
    }

    /// The tables without anything in them, and no file.
    pub(crate) fn in_memory(&self) -> Result<Connection> {
        let connection = Connection::open_in_memory()?;
        run(&connection, self.steps)?;
        Ok(connection)
    }

    /// True if the tables are of the newest version.
    ///
    /// # Errors
    /// When they are of a newer one.
    pub(crate) fn is_up_to_date(&self, connection: &Connection) -> Result<bool> {
        let (found, known) = (version(connection)?, self.steps.len());
        if found > known {
            return Err(StoreError::FutureSchema { store: String::new(), found, known });
        }
        Ok(found == known)
    }
}

/// The steps that a PostgreSQL database of this version lacks.
pub(crate) fn postgres_after(found: usize) -> Result<impl Iterator<Item = (usize, &'static str)>> {
    let known = newest_postgres();
    if found > known {
        return Err(StoreError::FutureSchema { store: String::new(), found, known });
    }
    Ok(POSTGRES.iter().copied().filter(move |(version, _)| *version > found))
}

/// Refuses a PostgreSQL database that has not this program's tables.
pub(crate) fn check_postgres(found: usize) -> Result<()> {
    if postgres_after(found)?.next().is_some() {
        return Err(StoreError::OutdatedSchema { store: String::new(), found, known: newest_postgres() });
    }
    Ok(())
}

fn newest_postgres() -> usize {
    POSTGRES.last().map_or(0, |(version, _)| *version)
}

fn version(connection: &Connection) -> Result<usize> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(found).unwrap_or_default())
}

/// An older Forgeport kept a write-ahead log. It can be given up while nobody else has the database open, and whoever only looks at the
/// version of the tables has it for a moment; SQLite does not wait for that by itself.
fn give_up_log(connection: &Connection) -> Result<()> {
    let end = Instant::now().checked_add(BUSY_TIMEOUT);
    loop {
        match connection.pragma_update(None, "journal_mode", "delete").map_err(StoreError::from) {
            Err(StoreError::Busy(_)) if end.is_some_and(|end| Instant::now() < end) => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
}

/// Takes the steps that are missing.
fn run(connection: &Connection, steps: &[&str]) -> Result<()> {
    for step in steps.iter().skip(version(connection)?) {
        connection.execute_batch(step).map_err(|error| failed(&error))?;
        // Rolled back with the rest.
        connection.pragma_update(None, "user_version", i64::try_from(version(connection)? + 1).unwrap_or(i64::MAX))?;
    }
    Ok(())
}

fn in_transaction<T>(connection: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = work().and_then(|done| {
        connection.execute_batch("COMMIT")?;
        Ok(done)
    });
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    done
}

fn move_audit(connection: &Connection, log: &Path) -> Result<()> {
    private::empty_file(log)?;
    let target = Connection::open(log)?;
    // The rest follows when the log is opened.
    in_transaction(&target, || run(&target, &AUDIT[..1]))?;
    drop(target);
    connection.execute("ATTACH ?1 AS log", [log.to_string_lossy()])?;
    connection.execute_batch(MOVE_AUDIT)?;
    connection.execute_batch("DETACH log")?;
    Ok(())
}

fn failed(error: &rusqlite::Error) -> StoreError {
    // The text repeats whole SQL scripts; only the cause helps.
    let why = error.sqlite_error().map_or_else(|| error.to_string(), |error| error.to_string());
    StoreError::Migration { store: String::new(), why: why.lines().next().unwrap_or_default().to_owned() }
}
