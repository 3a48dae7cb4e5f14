//! A PostgreSQL database of many workspaces, reached through a pool of connections.
//!
//! | role | may |
//! | --- | --- |
//! | the owner of the tables | make and change them; [`migrate`] alone uses it |
//! | the application's | read and write rows; it is no superuser, owns no table, and is held by row-level security |
//!
//! The message that begins a transaction sets its workspace. A statement without a condition on the workspace then finds no row of another
//! workspace, and a statement outside of a transaction fails.

use super::{
    failure::{passes, unreachable},
    scope::Scope,
    tls,
    value::{Row, Value},
};
use crate::{
    error::{Result, StoreError},
    schema,
    time::BUSY_TIMEOUT,
};
use bytes::BytesMut;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use futures_util::future::try_join_all;
use std::{error::Error, sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tokio_postgres::{
    Client, NoTls,
    error::SqlState,
    types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked},
};

/// Tried so many times: behind a server that has closed its connections, each of them may be one that is not there any more.
const TRIES: u32 = 4;
/// Before another try.
const PAUSE: Duration = Duration::from_millis(50);
/// Connections of one process.
const CONNECTIONS: usize = 16;
/// The lock of whoever writes, shared by those who write to one workspace. The number is Forgeport's own.
const WRITERS: i64 = 0x666f_7267_6570_6f72;

/// A pool of connections of the application's role.
pub(crate) struct Postgres {
    pool: Pool,
    /// The address without credentials.
    shown: String,
}

/// A transaction, on a connection of its own.
pub(crate) struct Tx<'a> {
    server: &'a Postgres,
    connection: Connection,
}

/// A connection in a transaction. Unless it has ended, it does not come back into the pool as it is.
struct Connection {
    /// None when it has ended.
    client: Option<Object>,
    rolling_back: bool,
}

impl Postgres {
    /// Connects, and looks at what is there.
    ///
    /// # Errors
    /// When the server cannot be reached, its tables are not those of this program, or the role could see through row-level security.
    pub(crate) async fn connect(url: &str) -> Result<Postgres> {
        let config = tls::config(url)?;
        let shown = shown(&config);
        let recycling_method = RecyclingMethod::Fast;
        let settings = ManagerConfig { recycling_method };
        let manager = match tls::connector(&config)? {
            Some(tls) => Manager::from_config(config, tls, settings),
            None => Manager::from_config(config, NoTls, settings),
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(BUSY_TIMEOUT))
            .create_timeout(Some(BUSY_TIMEOUT))
            .build()
            .map_err(|error| unreachable(error.to_string()))?;
        let server = Postgres { pool, shown };
        let client = server.client().await?;
        check(&client).await.map_err(|error| error.at(&server.shown))?;
        Ok(server)
    }

    pub(super) async fn read(&self, scope: Scope<'_>) -> Result<Tx<'_>> {
        self.begin(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", see(scope))).await
    }

    pub(super) async fn write(&self, scope: Scope<'_>) -> Result<Tx<'_>> {
        let wait = BUSY_TIMEOUT.as_millis();
        let locks = match scope {
            Scope::Workspace(workspace) => format!(
                "SELECT pg_advisory_xact_lock_shared({WRITERS}); SELECT pg_advisory_xact_lock({})",
                lock_of(workspace)
            ),
            Scope::EveryKey => format!("SELECT pg_advisory_xact_lock({WRITERS})"),
        };
        self.begin(&format!("BEGIN; {}; SET LOCAL lock_timeout = '{wait}ms'; {locks}", see(scope))).await
    }

    /// In one message, so that it costs one round trip.
    async fn begin(&self, message: &str) -> Result<Tx<'_>> {
        let mut tries = 0;
        loop {
            tries += 1;
            let client = self.client().await?;
            // Whoever waits for it may be dropped meanwhile.
            let connection = Connection { client: Some(client), rolling_back: false };
            let begun = match connection.client() {
                Some(client) => client.batch_execute(message).await,
                None => Ok(()),
            };
            match begun {
                Ok(()) => return Ok(Tx { server: self, connection }),
                Err(error) if tries < TRIES && passes(&error) => {
                    connection.leave_the_pool();
                    tokio::time::sleep(PAUSE * tries).await;
                }
                Err(error) => return Err(StoreError::from(error).at(&self.shown)),
            }
        }
    }

    async fn client(&self) -> Result<Object> {
        self.pool.get().await.map_err(|error| {
            let error = match error {
                PoolError::Timeout(_) => StoreError::Busy(String::new()),
                PoolError::Backend(error) => error.into(),
                error => unreachable(error.to_string()).into(),
            };
            error.at(&self.shown)
        })
    }
}

impl Tx<'_> {
    pub(super) async fn query(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
        let run = async {
            let client = self.client()?;
            let statement = client.prepare_cached(sql).await?;
            let columns: Arc<[String]> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
            let rows = client.query(&statement, &referred(&parameters)).await?;
            let read = |row: &tokio_postgres::Row| -> Result<Row> {
                let values = (0..columns.len()).map(|at| Ok(row.try_get::<_, Value>(at)?)).collect::<Result<_>>()?;
                Ok(Row { columns: columns.clone(), values })
            };
            rows.iter().map(read).collect::<Result<_>>()
        };
        run.await.map_err(|error: StoreError| error.at(&self.server.shown))
    }

    pub(super) async fn execute(&self, sql: &str, parameters: Vec<Value>) -> Result<u64> {
        let run = async {
            let client = self.client()?;
            let statement = client.prepare_cached(sql).await?;
            Ok(client.execute(&statement, &referred(&parameters)).await?)
        };
        run.await.map_err(|error: StoreError| error.at(&self.server.shown))
    }

    pub(super) async fn execute_each(&self, sql: &str, parameters: Vec<Vec<Value>>) -> Result<Vec<u64>> {
        let run = async {
            let client = self.client()?;
            let statement = client.prepare_cached(sql).await?;
            // All are sent before the first answer comes; the server runs them one after the other.
            let run = parameters.iter().map(|parameters| {
                let statement = &statement;
                async move { client.execute(statement, &referred(parameters)).await }
            });
            Ok(try_join_all(run).await?)
        };
        run.await.map_err(|error: StoreError| error.at(&self.server.shown))
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        self.connection.end("COMMIT").await.map_err(|error| error.at(&self.server.shown))
    }

    fn client(&self) -> Result<&Object> {
        self.connection.client().ok_or_else(|| unreachable("the connection is gone".to_owned()).into())
    }
}

impl Connection {
    fn client(&self) -> Option<&Object> {
        self.client.as_ref()
    }

    /// Ends the transaction, and gives the connection back.
    async fn end(&mut self, how: &str) -> Result<()> {
        if let Some(client) = &self.client {
            client.batch_execute(how).await?;
        }
        self.client = None;
        Ok(())
    }

    fn leave_the_pool(mut self) {
        self.client.take().map(Object::take);
    }
}

impl Drop for Connection {
    /// Rolls back in the background; whatever keeps it from that closes the connection, which does the same.
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        match Handle::try_current() {
            Ok(runtime) if !self.rolling_back => {
                let mut connection = Connection { client: Some(client), rolling_back: true };
                runtime.spawn(async move { connection.end("ROLLBACK").await });
            }
            _ => drop(Object::take(client)),
        }
    }
}

/// Whose rows may be seen, until the transaction ends.
fn see(scope: Scope<'_>) -> String {
    match scope {
        Scope::Workspace(workspace) => format!("SET LOCAL forgeport.workspace = {}", quoted(workspace)),
        // Only the policy of the wrapped keys knows the other setting.
        Scope::EveryKey => "SET LOCAL forgeport.workspace = ''; SET LOCAL forgeport.every_key = 'on'".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace('\0', ""))
}

/// Two workspaces with the same number only wait for each other.
fn lock_of(workspace: &str) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(workspace.as_bytes()).as_bytes();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Refuses a role that row-level security does not hold, and tables of another version or without it.
async fn check(client: &Client) -> Result<()> {
    let role = client
        .query_one(
            "SELECT current_user::text, rolsuper OR rolbypassrls OR EXISTS (
                 SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND pg_has_role(relowner, 'MEMBER')
             ) FROM pg_roles WHERE rolname = current_user",
            &[],
        )
        .await?;
    if role.try_get::<_, bool>(1)? {
        return Err(StoreError::PowerfulRole(role.try_get(0)?));
    }
    let version = client.query_opt("SELECT version FROM schema_version", &[]).await;
    let version = match version {
        Ok(row) => row.map_or(Ok(0), |row| row.try_get::<_, i64>(0))?,
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => 0,
        Err(error) => return Err(error.into()),
    };
    schema::check_postgres(usize::try_from(version).unwrap_or_default())?;
    let open = client
        .query(
            "SELECT relname::text FROM pg_class
             WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname <> 'schema_version'
                 AND NOT (relrowsecurity AND relforcerowsecurity)",
            &[],
        )
        .await?;
    match open.first() {
        Some(row) => Err(StoreError::OpenTable(row.try_get(0)?)),
        None => Ok(()),
    }
}

/// Brings the tables to the newest version as their owner, and lets a role use them that is none. One process does it at a time, and
/// nobody writes meanwhile.
pub(crate) async fn migrate(url: &str, role: &str) -> Result<()> {
    let config = tls::config(url)?;
    let shown = shown(&config);
    let done = async {
        let client = match tls::connector(&config)? {
            Some(tls) => spawned(config.connect(tls).await?),
            None => spawned(config.connect(NoTls).await?),
        };
        // `IF NOT EXISTS` alone does not keep two apart.
        let message = format!(
            "BEGIN; SELECT pg_advisory_xact_lock({WRITERS});
             CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL)"
        );
        client.batch_execute(&message).await?;
        let found = client.query_opt("SELECT version FROM schema_version", &[]).await?;
        let found = found.map_or(Ok(0), |row| row.try_get::<_, i64>(0))?;
        for (version, step) in schema::postgres_after(usize::try_from(found).unwrap_or_default())? {
            client.batch_execute(step).await?;
            let record = format!("DELETE FROM schema_version; INSERT INTO schema_version VALUES ({version})");
            client.batch_execute(&record).await?;
        }
        let role = format!("\"{}\"", role.replace('"', "\"\""));
        let grants = format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
             REVOKE INSERT, UPDATE, DELETE ON schema_version FROM {role};
             REVOKE UPDATE ON audit FROM {role};
             GRANT UPDATE (count, until) ON audit TO {role};
             COMMIT"
        );
        client.batch_execute(&grants).await?;
        Ok(())
    };
    done.await.map_err(|error: StoreError| error.at(&shown))
}

fn spawned<S, T>((client, connection): (Client, tokio_postgres::Connection<S, T>)) -> Client
where
    tokio_postgres::Connection<S, T>: Future<Output = std::result::Result<(), tokio_postgres::Error>> + Send + 'static,
{
    // It ends when the client is dropped; what goes wrong comes to whoever waits for an answer.
    tokio::spawn(connection);
    client
}

/// The address of a server for a person, without a password.
fn shown(config: &tokio_postgres::Config) -> String {
    use tokio_postgres::config::Host;
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        // The library has this form on Unix alone; a port has nothing to change here.
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    format!("postgres://{}/{}", hosts.collect::<Vec<_>>().join(","), config.get_dbname().unwrap_or_default())
}

fn referred(parameters: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

type Converted<T> = std::result::Result<T, Box<dyn Error + Sync + Send>>;

impl ToSql for Value {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Converted<IsNull> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) if *of == Type::INT4 => i32::try_from(*number)?.to_sql(of, out),
            Value::Integer(number) => number.to_sql(of, out),
            Value::Text(text) => text.to_sql(of, out),
            Value::Bytes(bytes) => bytes.to_sql(of, out),
        }
    }

    accepts!(INT4, INT8, TEXT, VARCHAR, BYTEA);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Converted<Value> {
        Ok(match *of {
            Type::INT4 => Value::Integer(i32::from_sql(of, raw)?.into()),
            Type::INT8 => Value::Integer(i64::from_sql(of, raw)?),
            Type::BYTEA => Value::Bytes(Vec::<u8>::from_sql(of, raw)?),
            _ => Value::Text(String::from_sql(of, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Converted<Value> {
        Ok(Value::Null)
    }

    accepts!(INT4, INT8, TEXT, VARCHAR, BYTEA);
}
