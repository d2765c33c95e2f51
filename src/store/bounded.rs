//! A bound on every wait for PostgreSQL, and a look at every connection that comes back to the pool.
//!
//! The driver waits for ever for a peer that went silent without closing, and such a connection would keep its place in the
//! pool as long. And a call that goes away in the middle of its BEGIN leaves the connection inside a transaction that the
//! driver does not know of: what the next borrower writes there would vanish. SQLite has a trap of its own.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sea_orm_migration::async_trait::async_trait;
use sqlx::pool::PoolOptions;
use sqlx::{Connection, Executor, PgConnection, Postgres, Row, Sqlite};

use super::StoreOptions;

/// Time beyond the database's own limit after which it is taken for silent: its own answer is to come first.
const SLACK: Duration = Duration::from_millis(500);

/// A connection that came back so short a time ago is taken to be as it was then.
const FRESH: Duration = Duration::from_millis(500);

/// How long a caller waits for the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Limits {
    /// For one statement; `None` where the database is in the process.
    statement: Option<Duration>,
    /// For a connection, and its first statement.
    begin: Option<Duration>,
}

impl Limits {
    /// The limits of PostgreSQL.
    pub(super) fn postgres(options: &StoreOptions) -> Self {
        let statement = options.statement_timeout + SLACK;
        Self { statement: Some(statement), begin: Some(options.acquire_timeout + statement) }
    }

    /// Waits for one statement.
    pub(super) async fn statement<T>(self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        within(self.statement, work).await
    }

    /// Waits for a connection and a statement on it.
    pub(super) async fn begin<T>(self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        within(self.begin, work).await
    }
}

async fn within<T>(limit: Option<Duration>, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    let Some(limit) = limit else { return work.await };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let text = format!("the database said nothing for {} ms: its connection is given up", limit.as_millis());
        Err(DbErr::Conn(RuntimeErr::Internal(text)))
    })
}

/// How long a session may sit in a transaction without a word before PostgreSQL ends it: as long as one statement may run,
/// within bounds. Locks of a replica that cannot be heard any more last no longer.
pub(super) fn idle_in_transaction_ms(options: &StoreOptions) -> u128 {
    options.statement_timeout.clamp(Duration::from_secs(5), Duration::from_secs(30)).as_millis()
}

/// Looks at connections when they come back, and before they are used again.
pub(super) fn watch(pool: PoolOptions<Postgres>, options: &StoreOptions) -> PoolOptions<Postgres> {
    // What a caller has given up may still run there until the database ends it.
    let back = options.statement_timeout + SLACK;
    // Several that are dead may be met in one wait for a connection.
    let again = options.acquire_timeout / 4;
    pool.after_release(move |connection, _| Box::pin(at_rest(connection, back))).before_acquire(
        move |connection, meta| {
            let looked_at = meta.idle_for < FRESH;
            Box::pin(async move { if looked_at { Ok(true) } else { at_rest(connection, again).await } })
        },
    )
}

/// Looks at connections to a file when they come back. SQLite ends a transaction by itself where it has no room, and the
/// driver's own rollback then fails: it goes on counting a transaction that there is not, and the next ones become savepoints
/// in it that nothing ever commits. Such a connection is closed, and what was open on it with it.
pub(super) fn watch_file(pool: PoolOptions<Sqlite>) -> PoolOptions<Sqlite> {
    pool.after_release(|connection, _| {
        Box::pin(async move {
            // Behind the rollback that may be on its way.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

/// Whether a connection answers in time and is in no transaction. The transaction's instant is the statement's own only
/// where the statement is a transaction by itself.
async fn at_rest(connection: &mut PgConnection, limit: Duration) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(limit, connection.fetch_one("SELECT now() = statement_timestamp()")).await {
        Ok(row) => row?.try_get(0),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// A transaction whose statements have a limit. Dropped, it rolls back.
pub(super) struct Bounded {
    transaction: DatabaseTransaction,
    limits: Limits,
}

impl Bounded {
    pub(super) fn new(transaction: DatabaseTransaction, limits: Limits) -> Self {
        Self { transaction, limits }
    }

    /// Commits. After an error nobody knows whether it did.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        self.limits.statement(self.transaction.commit()).await
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        self.limits.statement(self.transaction.rollback()).await
    }
}

#[async_trait]
impl ConnectionTrait for Bounded {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.limits.statement(self.transaction.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.limits.statement(self.transaction.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.limits.statement(self.transaction.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.limits.statement(self.transaction.query_all_raw(statement)).await
    }
}
