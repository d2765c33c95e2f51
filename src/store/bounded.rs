//! A bound on every wait for PostgreSQL, and a look at every connection that comes back to the pool.
//!
//! The driver waits for ever for a peer that went silent without closing, and such a connection would keep its place in the
//! pool as long. And a call that goes away in the middle of its BEGIN leaves the connection inside a transaction that the
//! driver does not know of: what the next borrower writes there would vanish. SQLite has a trap of its own.

use std::borrow::Cow;
use std::time::Duration;

use futures::TryStreamExt as _;
use sea_orm::Values;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sea_orm_migration::async_trait::async_trait;
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Postgres, Row, Sqlite, Transaction};
use tokio::sync::Mutex;

use super::StoreOptions;
use crate::wire::stored::Bytes;

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
    transaction: Open,
    limits: Limits,
}

/// The transaction itself. One that writes to PostgreSQL is the driver's own: sea-orm's does not hand its connection over,
/// which COPY needs.
enum Open {
    Orm(DatabaseTransaction),
    Postgres(Box<Mutex<Transaction<'static, Postgres>>>),
}

impl Bounded {
    pub(super) fn new(transaction: DatabaseTransaction, limits: Limits) -> Self {
        Self { transaction: Open::Orm(transaction), limits }
    }

    /// Begins a transaction of the driver's own.
    pub(super) async fn postgres(pool: &PgPool, limits: Limits) -> Result<Self, DbErr> {
        let begun = limits.begin(async { pool.begin().await.map_err(conn) }).await?;
        Ok(Self { transaction: Open::Postgres(Box::new(Mutex::new(begun))), limits })
    }

    /// Commits. After an error nobody knows whether it did.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        match self.transaction {
            Open::Orm(transaction) => self.limits.statement(transaction.commit()).await,
            Open::Postgres(open) => {
                self.limits.statement(async { open.into_inner().commit().await.map_err(exec) }).await
            }
        }
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        match self.transaction {
            Open::Orm(transaction) => self.limits.statement(transaction.rollback()).await,
            Open::Postgres(open) => {
                self.limits.statement(async { open.into_inner().rollback().await.map_err(exec) }).await
            }
        }
    }

    /// Copies rows in by that statement, where the transaction can.
    pub(super) async fn copy_in(&self, sql: &str, rows: Vec<u8>) -> Result<Copied, DbErr> {
        let Open::Postgres(open) = &self.transaction else { return Ok(Copied::Refused) };
        self.execute_unprepared("SAVEPOINT before_copy").await?;
        let copied = self.limits.statement(async {
            let mut open = open.lock().await;
            let copy = async {
                let mut copy = open.copy_in_raw(sql).await?;
                copy.send(rows).await?;
                copy.finish().await
            };
            copy.await.map_err(exec)
        });
        let refused = match copied.await {
            Ok(_) => return Ok(Copied::All),
            Err(error) => match code(&error).as_deref() {
                Some("23505") => Copied::KeyExists,
                // Row-level security is on for the role.
                Some("0A000") => Copied::Refused,
                _ => return Err(error),
            },
        };
        self.execute_unprepared("ROLLBACK TO SAVEPOINT before_copy").await?;
        Ok(refused)
    }
}

/// Copies out what a statement selects, in a transaction that begins with another where there is one, and gives each message
/// to `take` as it comes: one message a row.
pub(super) async fn copy_out(
    pool: &PgPool,
    limits: Limits,
    begins: Option<&str>,
    sql: &str,
    mut take: impl FnMut(Bytes),
) -> Result<(), DbErr> {
    let copied = async {
        let Some(begins) = begins else { return messages(&mut *pool.acquire().await?, sql, take).await };
        let mut transaction = pool.begin().await?;
        transaction.execute(AssertSqlSafe(begins)).await?;
        messages(&mut transaction, sql, &mut take).await?;
        transaction.commit().await
    };
    limits.begin(async { copied.await.map_err(query) }).await
}

async fn messages(connection: &mut PgConnection, sql: &str, mut take: impl FnMut(Bytes)) -> Result<(), sqlx::Error> {
    let mut copied = connection.copy_out_raw(sql).await?;
    while let Some(message) = copied.try_next().await? {
        take(message);
    }
    Ok(())
}

/// What became of rows to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    All,
    /// One of the keys is there already: none was copied.
    KeyExists,
    /// The database, or the table, does not take copies.
    Refused,
}

fn exec(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn query(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn conn(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

/// The database's own code of an error.
fn code(error: &DbErr) -> Option<String> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(inner)) => inner.as_database_error()?.code().map(Cow::into_owned),
        _ => None,
    }
}

/// A statement for the driver.
fn bound(statement: &mut Statement) -> sqlx::query::Query<'_, Postgres, SqlxValues> {
    let values = statement.values.take().unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

#[async_trait]
impl ConnectionTrait for Bounded {
    fn get_database_backend(&self) -> DbBackend {
        match &self.transaction {
            Open::Orm(transaction) => transaction.get_database_backend(),
            Open::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, mut statement: Statement) -> Result<ExecResult, DbErr> {
        let done = async {
            match &self.transaction {
                Open::Orm(transaction) => transaction.execute_raw(statement).await,
                Open::Postgres(open) => {
                    let done = open.lock().await.execute(bound(&mut statement)).await;
                    done.map(ExecResult::from).map_err(exec)
                }
            }
        };
        self.limits.statement(done).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let done = async {
            match &self.transaction {
                Open::Orm(transaction) => transaction.execute_unprepared(sql).await,
                Open::Postgres(open) => {
                    open.lock().await.execute(AssertSqlSafe(sql)).await.map(ExecResult::from).map_err(exec)
                }
            }
        };
        self.limits.statement(done).await
    }

    async fn query_one_raw(&self, mut statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let found = async {
            match &self.transaction {
                Open::Orm(transaction) => transaction.query_one_raw(statement).await,
                Open::Postgres(open) => {
                    let row = open.lock().await.fetch_optional(bound(&mut statement)).await;
                    Ok(row.map_err(query)?.map(QueryResult::from))
                }
            }
        };
        self.limits.statement(found).await
    }

    async fn query_all_raw(&self, mut statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let found = async {
            match &self.transaction {
                Open::Orm(transaction) => transaction.query_all_raw(statement).await,
                Open::Postgres(open) => {
                    let rows = open.lock().await.fetch_all(bound(&mut statement)).await;
                    Ok(rows.map_err(query)?.into_iter().map(QueryResult::from).collect())
                }
            }
        };
        self.limits.statement(found).await
    }
}
