//! What differs between SQLite and PostgreSQL: how to connect, how to lock, how to bind many values.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait,
};
use sea_orm::{DatabaseTransaction, SqliteTransactionMode, TransactionOptions};

use super::bounded::{Bounded, Limits, idle_in_transaction_ms, watch, watch_file};
use super::opening::file_of;
use super::slow::{SLOW, watched};
use super::space::Space;
use super::wall::{EVERYONE, Pools, Wall};
use super::{Store, StoreError};
use crate::domain::ids::TenantId;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Embedded, one file.
    Sqlite,
    /// PostgreSQL, shared by replicas.
    Postgres,
}

impl Backend {
    pub(super) fn orm(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }
}

/// Pool sizes and waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// Connections to PostgreSQL, or reading connections to SQLite.
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// Longest run of one statement (PostgreSQL).
    pub statement_timeout: Duration,
    /// PostgreSQL is reached through a pooler in transaction mode: nothing is left to the session.
    pub pooled: bool,
    /// PostgreSQL itself keeps tenants apart.
    pub row_security: bool,
    /// Bytes that a write leaves free on the file system of an SQLite file.
    pub min_free_bytes: u64,
    /// How long a start waits for another process that changes the schema.
    pub schema_wait: Duration,
    /// Where migrations run, if not at the address itself: past a pooler.
    pub migration_url: Option<String>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(60),
            pooled: false,
            row_security: false,
            min_free_bytes: 0,
            schema_wait: Duration::from_secs(60),
            migration_url: None,
        }
    }
}

/// Connections to SQLite on which writes read before they take their lock. Markets beyond take turns.
const LOOKING: u32 = 4;
/// Pages that the connection that writes keeps, in kibibytes, as SQLite takes it: what a commit changes stays there until it is
/// done.
const WRITER_CACHE: &str = "-65536";
/// The same for each that only reads. It forgets all of them with every commit of another, and the system keeps the file's
/// pages as well: more of them took hundreds of mebibytes and no time off.
const READER_CACHE: &str = "-2048";

pub(super) async fn connect(url: &str, options: &StoreOptions) -> Result<Store, StoreError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let pool = Database::connect(postgres_options(url, options)).await?;
        let wall = Wall::of(Backend::Postgres, options);
        let pools = Pools::new(pool.clone(), pool, wall, Limits::postgres(options));
        Ok(Store { pools, backend: Backend::Postgres, space: None })
    } else if url.starts_with("sqlite:") && file_of(url).is_some() {
        let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode=rwc") };
        let writer = sqlite(&url, options, 1, WRITER_CACHE).await?;
        let reader = sqlite(&url, options, options.max_connections, READER_CACHE).await?;
        let looker = sqlite(&url, options, LOOKING, READER_CACHE).await?;
        let pools = Pools::new(writer, reader, Wall::default(), Limits::default()).with_looker(looker);
        let space = Space::of(&url, options.min_free_bytes).map(Arc::new);
        Ok(Store { pools, backend: Backend::Sqlite, space })
    } else {
        Err(StoreError::Address(url.split('@').next_back().unwrap_or_default().to_owned()))
    }
}

/// A store past any pooler and wall, for migrations.
pub(super) async fn direct(url: &str, options: &StoreOptions) -> Result<Store, StoreError> {
    let mut connect = base_options(url, options, 2);
    connect.map_sqlx_postgres_opts(|postgres| {
        postgres.application_name("fairdue migrations").options([("fairdue.tenant", EVERYONE)])
    });
    let pool = Database::connect(connect).await?;
    // No limits: how long another process changes the schema, and how long a change takes, nobody knows before.
    let pools = Pools::new(pool.clone(), pool, Wall::default(), Limits::default());
    Ok(Store { pools, backend: Backend::Postgres, space: None })
}

fn base_options(url: &str, options: &StoreOptions, connections: u32) -> ConnectOptions {
    let mut connect = ConnectOptions::new(url);
    connect
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(options.acquire_timeout)
        // Statements without their values, for whoever asks for `sqlx=trace`.
        .sqlx_logging(true)
        .sqlx_logging_level(log::LevelFilter::Trace)
        .test_before_acquire(false);
    connect
}

/// Connections to a file of SQLite, each with a cache of that size.
async fn sqlite(
    url: &str,
    options: &StoreOptions,
    connections: u32,
    cache: &'static str,
) -> Result<DatabaseConnection, DbErr> {
    Ok(watched(Database::connect(sqlite_options(url, options, connections, cache)).await?))
}

fn sqlite_options(url: &str, options: &StoreOptions, connections: u32, cache: &'static str) -> ConnectOptions {
    let mut connect = base_options(url, options, connections);
    connect.map_sqlx_sqlite_pool_opts(watch_file);
    connect.map_sqlx_sqlite_opts(move |sqlite| {
        use sqlx::ConnectOptions as _;
        use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
        // The driver would tell of slow statements with all of their text, see [`watched`].
        sqlite
            .log_slow_statements(log::LevelFilter::Off, SLOW)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(200)
            .pragma("cache_size", cache)
            .pragma("wal_autocheckpoint", "20000")
            .pragma("journal_size_limit", "268435456")
            .pragma("temp_store", "memory")
    });
    connect
}

fn postgres_options(url: &str, options: &StoreOptions) -> ConnectOptions {
    let mut connect = base_options(url, options, options.max_connections);
    let watched = options.clone();
    connect.map_sqlx_postgres_pool_opts(move |pool| watch(pool, &watched));
    if options.pooled {
        // A pooler hands connections over between transactions: no statement may be used longer, and it takes no settings at
        // the start of a session.
        connect.map_sqlx_postgres_opts(|postgres| postgres.application_name("fairdue").statement_cache_capacity(0));
        return connect;
    }
    let statement_ms = options.statement_timeout.as_millis().to_string();
    let idle_ms = idle_in_transaction_ms(options).to_string();
    connect.map_sqlx_postgres_opts(move |postgres| {
        postgres.application_name("fairdue").statement_cache_capacity(200).options([
            ("statement_timeout", statement_ms.as_str()),
            ("idle_in_transaction_session_timeout", idle_ms.as_str()),
            ("timezone", "UTC"),
        ])
    });
    connect
}

/// A connection to a file of its own, which one task writes.
pub(super) async fn file(url: &str, options: &StoreOptions) -> Result<DatabaseConnection, StoreError> {
    Ok(sqlite(url, options, 1, WRITER_CACHE).await?)
}

/// Begins a transaction that writes to such a file.
pub(super) async fn begin_file(connection: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(connection.begin_with_options(options).await?)
}

/// Begins a transaction that writes. On SQLite it takes the write lock at once: a transaction that reads first and
/// upgrades later fails without asking the busy timeout.
pub(super) async fn begin(store: &Store, tenant: &TenantId) -> Result<Bounded, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: (store.backend == Backend::Sqlite).then_some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    store.pools.begin(tenant, options).await
}

/// Held while migrations run. On PostgreSQL a row lock's cousin: a transaction-scoped advisory lock, which also works
/// behind a pooler in transaction mode. On SQLite the write lock of the transaction that they run in.
pub(super) struct MigrationLock(DatabaseTransaction);

/// Key of the advisory lock: "fairdue" in ASCII.
const MIGRATION_KEY: i64 = 0x0066_6169_7264_7565;

impl MigrationLock {
    pub(super) async fn take(store: &Store, wait: Duration) -> Result<Self, StoreError> {
        if store.backend == Backend::Sqlite {
            // The driver waits for no longer than its busy timeout at a time.
            let since = Instant::now();
            loop {
                match begin_file(store.pools.bare()).await {
                    Err(error) if error.is_busy() && since.elapsed() < wait => {}
                    begun => return Ok(Self(begun?)),
                }
            }
        }
        let transaction = store.pools.bare().begin().await?;
        let wait = format!("SET LOCAL lock_timeout = {}", wait.as_millis());
        transaction.execute_unprepared(&wait).await?;
        let lock = "SELECT pg_advisory_xact_lock($1)";
        transaction
            .execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, [MIGRATION_KEY.into()]))
            .await
            .map_err(StoreError::schema_busy)?;
        Ok(Self(transaction))
    }

    /// The transaction that holds the lock.
    pub(super) fn transaction(&self) -> &DatabaseTransaction {
        &self.0
    }

    /// Commits and gives the lock up.
    pub(super) async fn release(self) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}

pub(super) async fn durability(store: &Store) -> Result<Vec<(String, String)>, StoreError> {
    let names: &[&str] = match store.backend {
        Backend::Sqlite => &["journal_mode", "synchronous"],
        Backend::Postgres => &["fsync", "synchronous_commit"],
    };
    let mut settings = Vec::new();
    for name in names {
        settings.push(((*name).to_owned(), setting(&store.everyone(), store.backend, name).await?));
    }
    Ok(settings)
}

async fn setting(connection: &impl ConnectionTrait, backend: Backend, name: &str) -> Result<String, StoreError> {
    let sql = match backend {
        Backend::Sqlite => format!("SELECT CAST({name} AS TEXT) AS value FROM pragma_{name}"),
        Backend::Postgres => format!("SELECT current_setting('{name}') AS value"),
    };
    let row = connection.query_one_raw(Statement::from_string(backend.orm(), sql)).await?;
    Ok(row.map(|row| row.try_get::<String>("", "value")).transpose()?.unwrap_or_default())
}
