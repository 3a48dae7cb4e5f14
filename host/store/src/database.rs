//! One SQLite file: opened when it is first needed, made when it is first written to, and left alone by whoever only reads.
//!
//! It has a rollback journal, SQLite's own way, and no write-ahead log:
//!
//! - To read then takes a lock on the file and nothing else. A log's readers keep shared memory beside the file, so that a home that is
//!   read-only, or on a full disk, could not be read.
//! - File systems of clusters (NFS, Lustre, GPFS) refuse the locks and mappings that such shared memory takes; those of the file they have.
//! - What was committed is in the file itself, so that all of it can be compared with its sum (sum.rs). A log that is damaged ends where
//!   the damage begins, and the commits behind it are lost in silence.
//!
//! A commit syncs more often for that, and readers wait while one takes place, for milliseconds.

use crate::{
    Result, Store, StoreError, private,
    schema::Schema,
    sum::{Sum, digest},
};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::{
    fs,
    io::ErrorKind,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A database, and the one connection of this process to it.
pub(crate) struct Database {
    path: PathBuf,
    schema: Schema,
    /// Of one that is compared with it.
    sum: Option<Sum>,
    open: Mutex<Option<Open>>,
}

struct Open {
    connection: Connection,
    /// What is there was compared with its sum.
    compared: bool,
}

impl Database {
    pub(crate) fn new(path: PathBuf, schema: Schema, sum: Option<Sum>) -> Database {
        Database { path, schema, sum, open: Mutex::default() }
    }

    /// Sees to it that what is there can be read. Where there is nothing, nothing is made.
    pub(crate) fn check(&self) -> Result<()> {
        self.read(|_| Ok(()))
    }

    /// Runs queries that all see the same state; of a database that is not there yet, an empty one.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut open = self.open();
        if open.is_none() {
            *open = self.existing()?;
        }
        let Some(open) = &mut *open else {
            return self.transact(&mut self.schema.in_memory()?, TransactionBehavior::Deferred, work);
        };
        let sum = self.sum.as_ref().filter(|_| !open.compared);
        self.transact(&mut open.connection, TransactionBehavior::Deferred, |tx| {
            sum.map_or(Ok(()), |sum| sum.check(&digest(tx)?, &self.path))?;
            open.compared = true;
            work(tx)
        })
    }

    /// Runs a change, whole or not at all, while no other process can change anything.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut open = self.open();
        if open.is_none() {
            *open = match self.existing()? {
                None => Some(self.make()?),
                existing => existing,
            };
        }
        let Some(Open { connection, .. }) = &mut *open else { return Err(StoreError::Busy(self.path.clone())) };
        let Some(sum) = &self.sum else { return self.transact(connection, TransactionBehavior::Immediate, work) };
        let (done, now) = self.transact(connection, TransactionBehavior::Immediate, |tx| {
            let before = digest(tx)?;
            sum.check(&before, &self.path)?;
            let done = work(tx)?;
            let after = digest(tx)?;
            sum.expect(&before, &after)?;
            Ok((done, after))
        })?;
        // Where that cannot be, what was before this change is still taken for right.
        let _ = connection.busy_timeout(Duration::ZERO);
        let settled = self.transact(connection, TransactionBehavior::Immediate, |_| sum.settle(&now));
        let _ = connection.busy_timeout(Store::BUSY_TIMEOUT);
        if let Err(error) = settled {
            tracing::debug!(%error, "the sum of what was before stays");
        }
        Ok(done)
    }

    /// Writes the file anew without what was deleted or replaced in it.
    pub(crate) fn compact(&self) -> Result<()> {
        self.write(|_| Ok(()))?;
        let mut open = self.open();
        let Some(Open { connection, .. }) = &mut *open else { return Ok(()) };
        // Nobody else writes, nor compares, from here to the end.
        let compacted = connection
            .execute_batch("PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE; COMMIT")
            .map_err(StoreError::from)
            .and_then(|()| {
                self.sum.as_ref().map_or(Ok(()), Sum::forget)?;
                connection.execute_batch("VACUUM")?;
                self.sum.as_ref().map_or(Ok(()), |sum| sum.expect_only(&digest(connection)?))
            });
        // The lock is given up by whatever comes next.
        let _ = connection.execute_batch("PRAGMA locking_mode = normal; SELECT count(*) FROM sqlite_schema");
        compacted.map_err(|error| error.at(&self.path))
    }

    /// The database that is there. None where none was ever made.
    fn existing(&self) -> Result<Option<Open>> {
        let gone = match fs::metadata(&self.path) {
            Ok(found) if !found.is_file() => return Err(StoreError::NoRegularFile(self.path.clone())),
            Ok(found) if found.len() > 0 => return self.connect().map(Some),
            Ok(_) => "empty",
            Err(error) if error.kind() == ErrorKind::NotFound => "missing",
            Err(error) => return Err(StoreError::io("read", &self.path)(error)),
        };
        match &self.sum {
            Some(sum) if sum.exists() || self.path.with_file_name("key").exists() => {
                Err(StoreError::Gone { path: self.path.clone(), how: gone })
            }
            _ => Ok(None),
        }
    }

    fn make(&self) -> Result<Open> {
        private::directory(self.path.parent().unwrap_or(&self.path))?;
        let alone = private::exclusive(&self.path.with_file_name("lock"))?;
        private::empty_file(&self.path)?;
        drop(alone);
        self.connect()
    }

    fn connect(&self) -> Result<Open> {
        private::take_from_others(&self.path);
        let connect = || -> Result<Connection> {
            // SQLite opens for reading alone what it may not write.
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let mut connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(Store::BUSY_TIMEOUT)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            // What is deleted or replaced is overwritten, and nothing is copied to files elsewhere.
            connection.pragma_update(None, "secure_delete", true)?;
            connection.pragma_update(None, "temp_store", "memory")?;
            self.schema.bring_up_to_date(&mut connection, &self.path)?;
            Ok(connection)
        };
        let connection = connect().map_err(|error| error.at(&self.path))?;
        Ok(Open { connection, compared: false })
    }

    fn transact<T>(
        &self,
        connection: &mut Connection,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let run = || {
            let transaction = connection.transaction_with_behavior(behavior)?;
            let outcome = work(&transaction)?;
            transaction.commit()?;
            Ok(outcome)
        };
        run().map_err(|error: StoreError| error.at(&self.path))
    }

    /// A panic elsewhere has rolled its transaction back, so the connection is as good as new.
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
