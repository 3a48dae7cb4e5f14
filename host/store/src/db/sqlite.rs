//! One SQLite file: opened when it is first needed, created by the first write, and not changed by reads. Its connection is used where
//! it blocks no task (thread.rs), and transactions take turns.
//!
//! It uses a rollback journal, SQLite's default, and no write-ahead log:
//!
//! - A read needs only a lock on the file. With a log, readers create shared memory beside the file, so a home that is read-only or on a full
//!   disk could not be read.
//! - The file systems of clusters (NFS, Lustre, GPFS) support locks of the file, but not the locks and mappings of such shared memory.
//! - Commits are in the file itself, so all of it can be compared with its sum (sum.rs). A damaged log ends at the damage, and the commits
//!   after it are lost in silence.
//!
//! The cost: a commit syncs more often, and readers wait for it, for milliseconds.

use super::{
    thread::Owner,
    value::{Row, Value},
};
use crate::{
    error::{Result, StoreError},
    home,
    schema::Schema,
    sum::{Sum, digest},
    time::BUSY_TIMEOUT,
};
use forgeport_platform::private;
use rusqlite::{
    Connection, OpenFlags, Statement,
    types::{Null, ToSqlOutput, ValueRef},
};
use std::{
    fs,
    io::ErrorKind,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, MutexGuard};

/// How long SQLite itself waits for another process.
const TRY: Duration = Duration::from_millis(100);

/// A database, and the one connection of this process to it.
pub(crate) struct Sqlite {
    path: PathBuf,
    owner: Owner<File>,
    turn: Mutex<()>,
}

/// A transaction. Nobody else has one on this connection meanwhile.
pub(crate) struct Tx<'a> {
    database: &'a Sqlite,
    _turn: MutexGuard<'a, ()>,
    ended: bool,
}

impl Sqlite {
    pub(crate) fn new(path: PathBuf, schema: Schema, sum: Option<Sum>) -> Sqlite {
        let file = File { path: path.clone(), schema, sum, open: None, current: None };
        Sqlite { path, owner: Owner::of(file), turn: Mutex::default() }
    }

    pub(super) async fn read(&self) -> Result<Tx<'_>> {
        self.begin(File::begin_reading).await
    }

    pub(super) async fn write(&self) -> Result<Tx<'_>> {
        self.begin(File::begin_writing).await
    }

    /// Writes the file anew without what was deleted or replaced in it.
    pub(super) async fn compact(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.patiently(|file| file.compact().inspect_err(|_| file.roll_back())).await
    }

    async fn begin(&self, how: fn(&mut File) -> Result<()>) -> Result<Tx<'_>> {
        let turn = self.turn.lock().await;
        // From here on, as whoever waits for it may be dropped meanwhile.
        let transaction = Tx { database: self, _turn: turn, ended: false };
        self.patiently(move |file| how(file).inspect_err(|_| file.roll_back())).await?;
        Ok(transaction)
    }

    /// Tries again for as long as another process is at work there. Each try is short, so that whoever gives up is not kept waiting.
    async fn patiently(&self, work: impl Fn(&mut File) -> Result<()> + Copy + Send + 'static) -> Result<()> {
        let begun = Instant::now();
        loop {
            match self.call(work).await {
                // Where the caller's own thread tries, it looks at what else it waits for in between.
                Err(StoreError::Busy(_)) if begun.elapsed() < BUSY_TIMEOUT => tokio::task::yield_now().await,
                done => return done,
            }
        }
    }

    async fn call<T: Send + 'static>(&self, work: impl FnOnce(&mut File) -> Result<T> + Send + 'static) -> Result<T> {
        let done = self.owner.call(work).await.unwrap_or(Err(StoreError::Interrupted));
        done.map_err(|error| error.at(&self.path.to_string_lossy()))
    }
}

impl Tx<'_> {
    pub(super) async fn run(&self, sql: &str, parameters: Vec<Value>) -> Result<(Vec<Row>, u64)> {
        let sql = sql.to_owned();
        self.database.call(move |file| file.run(&sql, &parameters)).await
    }

    pub(super) async fn run_each(&self, sql: &str, parameters: Vec<Vec<Value>>) -> Result<Vec<u64>> {
        let sql = sql.to_owned();
        self.database.call(move |file| file.run_each(&sql, &parameters)).await
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        self.database.patiently(File::commit).await?;
        self.ended = true;
        Ok(())
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.database.owner.leave(File::roll_back);
        }
    }
}

/// The state of the thread.
struct File {
    path: PathBuf,
    schema: Schema,
    /// Of one that is compared with it.
    sum: Option<Sum>,
    open: Option<Open>,
    current: Option<Current>,
}

struct Open {
    connection: Connection,
    /// True once the file was compared with its sum.
    compared: bool,
}

/// The transaction that is under way.
enum Current {
    /// Of a database that is not there yet: an empty one.
    Nowhere(Connection),
    Reading,
    /// With the digest of what was there before, where there is a sum.
    Writing(Option<String>),
}

impl File {
    fn begin_reading(&mut self) -> Result<()> {
        if self.open.is_none() {
            self.open = self.existing()?;
        }
        let Some(open) = &mut self.open else {
            self.current = Some(Current::Nowhere(self.schema.in_memory()?));
            return Ok(());
        };
        // The first look takes the lock, and decides which state is seen.
        open.connection.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema")?;
        self.current = Some(Current::Reading);
        if let Some(sum) = self.sum.as_ref().filter(|_| !open.compared) {
            sum.check(&digest(&open.connection)?, &self.path)?;
            open.compared = true;
        }
        Ok(())
    }

    fn begin_writing(&mut self) -> Result<()> {
        if self.open.is_none() {
            self.open = match self.existing()? {
                None => Some(self.make()?),
                existing => existing,
            };
        }
        let connection = self.connection()?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let before = self.sum.as_ref().map(|_| digest(connection)).transpose()?;
        self.current = Some(Current::Writing(before.clone()));
        if let (Some(sum), Some(before)) = (&self.sum, &before) {
            sum.check(before, &self.path)?;
        }
        Ok(())
    }

    fn run(&mut self, sql: &str, parameters: &[Value]) -> Result<(Vec<Row>, u64)> {
        let connection = self.connection()?;
        let mut statement = connection.prepare(sql)?;
        bind(&mut statement, parameters)?;
        let columns: Arc<[String]> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut answer = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..columns.len()).map(|at| Ok(value(row.get_ref(at)?))).collect::<Result<_>>()?;
            answer.push(Row { columns: columns.clone(), values });
        }
        drop(rows);
        drop(statement);
        Ok((answer, connection.changes()))
    }

    fn run_each(&mut self, sql: &str, parameters: &[Vec<Value>]) -> Result<Vec<u64>> {
        let connection = self.connection()?;
        let mut statement = connection.prepare(sql)?;
        let mut run = |parameters: &Vec<Value>| {
            bind(&mut statement, parameters)?;
            statement.raw_execute()?;
            Ok(connection.changes())
        };
        parameters.iter().map(&mut run).collect()
    }

    fn commit(&mut self) -> Result<()> {
        let connection = self.connection()?;
        let (Some(sum), Some(Current::Writing(Some(before)))) = (&self.sum, &self.current) else {
            connection.execute_batch("COMMIT")?;
            self.current = None;
            return Ok(());
        };
        let after = digest(connection)?;
        sum.expect(before, &after)?;
        connection.execute_batch("COMMIT")?;
        // Where that cannot be, what was before this change is still taken for right.
        let _ = connection.busy_timeout(Duration::ZERO);
        let settled = settle(connection, sum, &after);
        let _ = connection.busy_timeout(TRY);
        if let Err(error) = settled {
            tracing::debug!(%error, "the sum of what was before stays");
        }
        self.current = None;
        Ok(())
    }

    fn roll_back(&mut self) {
        self.current = None;
        if let Some(Open { connection, .. }) = &self.open
            && !connection.is_autocommit()
            && connection.execute_batch("ROLLBACK").is_err()
        {
            // What cannot be rolled back is closed; that does the same.
            self.open = None;
        }
    }

    fn compact(&mut self) -> Result<()> {
        self.begin_writing()?;
        self.commit()?;
        let Some(Open { connection, .. }) = &self.open else { return Ok(()) };
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
        compacted
    }

    fn connection(&self) -> Result<&Connection> {
        match (&self.current, &self.open) {
            (Some(Current::Nowhere(connection)), _) | (_, Some(Open { connection, .. })) => Ok(connection),
            (_, None) => Err(StoreError::Busy(String::new())),
        }
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
        home::make(self.path.parent().unwrap_or(&self.path))?;
        let alone = private::exclusive(&self.path.with_file_name("lock"))?;
        private::empty_file(&self.path)?;
        drop(alone);
        self.connect()
    }

    fn connect(&self) -> Result<Open> {
        private::take_from_others(&self.path);
        let mut connection = self.connection_to_file()?;
        if !self.schema.is_up_to_date(&connection)? {
            // Whoever waits has it not open: nobody else may, for the tables to be changed.
            drop(connection);
            let _alone = private::exclusive(&self.path.with_file_name("lock"))?;
            connection = self.connection_to_file()?;
            self.schema.bring_up_to_date(&connection, &self.path, self.sum.as_ref())?;
        }
        Ok(Open { connection, compared: false })
    }

    fn connection_to_file(&self) -> Result<Connection> {
        // SQLite opens for reading alone what it may not write.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(TRY)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What is deleted or replaced is overwritten, and nothing is copied to files elsewhere.
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        Ok(connection)
    }
}

/// Forgets what was before a commit, unless another one came after it.
fn settle(connection: &Connection, sum: &Sum, committed: &str) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let settled = sum.settle(committed);
    // It has changed nothing, and must not stay open.
    connection.execute_batch("ROLLBACK")?;
    settled
}

/// SQLite takes `$1` for the name of a parameter, and counts parameters by where each first is.
fn bind(statement: &mut Statement<'_>, parameters: &[Value]) -> Result<()> {
    for (number, parameter) in (1..).zip(parameters) {
        if let Some(at) = statement.parameter_index(&format!("${number}"))? {
            statement.raw_bind_parameter(at, parameter)?;
        }
    }
    Ok(())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Value::Null => Ok(Null.into()),
            Value::Integer(number) => number.to_sql(),
            Value::Text(text) => text.to_sql(),
            Value::Bytes(bytes) => bytes.to_sql(),
        }
    }
}

fn value(found: ValueRef<'_>) -> Value {
    match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        // No table has a column of such numbers.
        ValueRef::Real(_) => Value::Null,
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_owned()),
    }
}
