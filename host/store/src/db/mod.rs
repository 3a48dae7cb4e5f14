//! One async interface to two databases: the same text of SQL runs on both, and no code above this module distinguishes them.
//!
//! Layer: below all use cases of the store, above the drivers. A transaction belongs to one workspace and sees one state.
//!
//! | | SQLite (sqlite.rs) | PostgreSQL (postgres.rs) |
//! | --- | --- | --- |
//! | what it is for | a home of one user | a server of many workspaces |
//! | a read | `BEGIN`, sees one state | `REPEATABLE READ READ ONLY` |
//! | a write | `BEGIN IMMEDIATE`: the only one | the only one in its workspace, by an advisory lock |
//! | parameters | `$1` is bound by its name | `$1` is bound by its position |
//! | a row of another workspace | is left out by the statement's `WHERE` | and by row-level security |
//! | a dropped transaction | is rolled back before the next one begins | is rolled back before its connection is used again |
//!
//! There is one writer at a time in a workspace, so no use case has to be repeated: the rows that it read cannot change before it writes.
//! To begin is tried again where that helps: behind a writer that is slow, or on a connection that the server has closed meanwhile.

mod failure;
mod postgres;
mod scope;
mod sqlite;
mod thread;
mod tls;
pub(crate) mod value;

pub(crate) use postgres::{Postgres, migrate};
pub(crate) use scope::Scope;
pub(crate) use sqlite::Sqlite;
pub(crate) use thread::off_thread;
pub(crate) use value::{Row, Value, values};

use crate::error::Result;

/// A database.
pub(crate) enum Db {
    Sqlite(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

/// A transaction. It is rolled back unless it is committed.
pub(crate) enum Tx<'a> {
    Sqlite(sqlite::Tx<'a>),
    Postgres(Box<postgres::Tx<'a>>),
}

impl Db {
    /// Begins a transaction that only reads.
    pub(crate) async fn read(&self, scope: Scope<'_>) -> Result<Tx<'_>> {
        match self {
            Db::Sqlite(file) => file.read().await.map(Tx::Sqlite),
            Db::Postgres(server) => server.read(scope).await.map(|tx| Tx::Postgres(Box::new(tx))),
        }
    }

    /// Begins a transaction that writes, while nobody else writes in its scope.
    pub(crate) async fn write(&self, scope: Scope<'_>) -> Result<Tx<'_>> {
        match self {
            Db::Sqlite(file) => file.write().await.map(Tx::Sqlite),
            Db::Postgres(server) => server.write(scope).await.map(|tx| Tx::Postgres(Box::new(tx))),
        }
    }

    /// Erases what was deleted or replaced, where the database keeps it in its free pages.
    pub(crate) async fn compact(&self) -> Result<()> {
        match self {
            Db::Sqlite(file) => file.compact().await,
            Db::Postgres(_) => Ok(()),
        }
    }
}

impl Tx<'_> {
    /// Runs a statement, and returns its rows.
    pub(crate) async fn query(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        match self {
            Tx::Sqlite(tx) => tx.run(sql, parameters).await.map(|(rows, _)| rows),
            Tx::Postgres(tx) => tx.query(sql, parameters).await,
        }
    }

    /// Runs a statement, and returns its first row.
    pub(crate) async fn first(&self, sql: &str, parameters: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    /// Runs a statement, and returns how many rows it has changed.
    pub(crate) async fn execute(&self, sql: &str, parameters: Vec<Value>) -> Result<u64> {
        match self {
            Tx::Sqlite(tx) => tx.run(sql, parameters).await.map(|(_, changed)| changed),
            Tx::Postgres(tx) => tx.execute(sql, parameters).await,
        }
    }

    /// Runs a statement once for each of these lists of parameters, in their order; returns how many rows each has changed.
    pub(crate) async fn execute_each(&self, sql: &str, parameters: Vec<Vec<Value>>) -> Result<Vec<u64>> {
        match self {
            Tx::Sqlite(tx) => tx.run_each(sql, parameters).await,
            Tx::Postgres(tx) => tx.execute_each(sql, parameters).await,
        }
    }

    /// Makes all of it last.
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await,
            Tx::Postgres(tx) => tx.commit().await,
        }
    }
}
