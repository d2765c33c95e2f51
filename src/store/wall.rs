//! The second wall between tenants, in PostgreSQL itself: every statement runs in a transaction that names its tenant, and
//! row-level security shows it no other rows. The same transactions are what a pooler in transaction mode needs.
//!
//! The name is local to the transaction: a connection that goes back to a pool takes nothing along.

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use sea_orm::{TransactionOptions, TransactionTrait};
use sea_orm_migration::async_trait::async_trait;

use super::bounded::{Bounded, Limits, copy_out, idle_in_transaction_ms};
use super::copy::{CopiedRow, CopyOut};
use super::{Backend, Store, StoreError, StoreOptions};
use crate::domain::ids::TenantId;

/// What transactions set, and whether they must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wall {
    /// Row-level security is on: each transaction names its tenant.
    rows: bool,
    /// Connections are borrowed for a transaction at a time: what a session would set, each transaction sets.
    pooled: bool,
    statement_ms: u128,
    idle_ms: u128,
}

/// Stands for every tenant, where the service itself looks at all of them: revisions, keys, migrations.
pub(super) const EVERYONE: &str = "*";

impl Wall {
    pub(super) fn of(backend: Backend, options: &StoreOptions) -> Self {
        let postgres = backend == Backend::Postgres;
        Self {
            rows: postgres && options.row_security,
            pooled: postgres && options.pooled,
            statement_ms: options.statement_timeout.as_millis(),
            idle_ms: idle_in_transaction_ms(options),
        }
    }

    /// The statement that a transaction for a tenant begins with; none where statements need no transaction.
    pub(super) fn begins(self, tenant: &str) -> Option<String> {
        let mut set = Vec::new();
        if self.rows {
            // Ids may hold anything but control characters; a quote is doubled, and backslashes mean nothing here.
            set.push(format!("set_config('fairdue.tenant', '{}', true)", tenant.replace('\'', "''")));
        }
        if self.pooled {
            set.push(format!("set_config('statement_timeout', '{}', true)", self.statement_ms));
            set.push(format!("set_config('idle_in_transaction_session_timeout', '{}', true)", self.idle_ms));
        }
        // The driver names every statement that it prepares, and a connection that a pooler hands over still has those of
        // whoever had it before.
        let forget = if self.pooled { "DEALLOCATE ALL; " } else { "" };
        (!set.is_empty()).then(|| format!("{forget}SELECT {}", set.join(", ")))
    }
}

/// The connections of a store. No statement about a tenant reaches them past the wall: other modules have them by
/// [`Gate`] and by transactions that begin with it.
#[derive(Clone, Debug)]
pub(super) struct Pools {
    /// Where writes go: on SQLite a single connection, so that writers queue here and never meet a busy database.
    writer: DatabaseConnection,
    /// Where reads go.
    reader: DatabaseConnection,
    /// Where a write reads before it takes its lock: feeds and simulations may keep every other reading connection for long.
    looker: DatabaseConnection,
    wall: Wall,
    limits: Limits,
}

impl Pools {
    pub(super) fn new(writer: DatabaseConnection, reader: DatabaseConnection, wall: Wall, limits: Limits) -> Self {
        Self { looker: writer.clone(), writer, reader, wall, limits }
    }

    /// The same with connections of their own for what writes read before they take their lock.
    pub(super) fn with_looker(self, looker: DatabaseConnection) -> Self {
        Self { looker, ..self }
    }

    /// Where the service looks at the database itself and not at what is in its tables: schema, whether it closes well.
    /// Behind a pooler, statements there must be unprepared. Nothing bounds their time.
    pub(super) fn bare(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Begins a transaction about the database itself.
    pub(super) async fn begin_bare(&self) -> Result<Bounded, DbErr> {
        Ok(Bounded::new(self.limits.begin(self.writer.begin()).await?, self.limits))
    }

    /// Whether the database answers.
    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        self.limits.begin(self.writer.execute_unprepared("SELECT 1")).await.map(drop)
    }

    /// Begins a transaction that writes for a tenant.
    pub(super) async fn begin(&self, tenant: &TenantId, options: TransactionOptions) -> Result<Bounded, DbErr> {
        let transaction = match self.writer.get_database_backend() {
            DbBackend::Postgres => Bounded::postgres(self.writer.get_postgres_connection_pool(), self.limits).await?,
            _ => Bounded::new(self.limits.begin(self.writer.begin_with_options(options)).await?, self.limits),
        };
        if let Some(begins) = self.wall.begins(tenant.as_str()) {
            transaction.execute_unprepared(&begins).await?;
        }
        Ok(transaction)
    }

    /// Whether rows may be copied in: row-level security forbids it.
    pub(super) fn takes_copies(&self) -> bool {
        self.writer.get_database_backend() == DbBackend::Postgres && !self.wall.rows
    }

    /// Begins a transaction that reads one instant of the database.
    pub(super) async fn begin_still(&self, tenant: &TenantId) -> Result<Bounded, DbErr> {
        let transaction = Bounded::new(self.limits.begin(self.reader.begin()).await?, self.limits);
        // As options of the library these would be prepared, which must not happen before the wall's first statement.
        let still = match transaction.get_database_backend() {
            DbBackend::Postgres => "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; ",
            _ => "",
        };
        let begins = format!("{still}{}", self.wall.begins(tenant.as_str()).unwrap_or_default());
        if !begins.is_empty() {
            transaction.execute_unprepared(&begins).await?;
        }
        Ok(transaction)
    }

    fn gate<'a>(&self, pool: &'a DatabaseConnection, tenant: &str) -> Gate<'a> {
        Gate { pool, begins: self.wall.begins(tenant), limits: self.limits }
    }

    pub(super) async fn close(self) {
        let _ = self.reader.close().await;
        let _ = self.looker.close().await;
        let _ = self.writer.close().await;
    }
}

/// A pool behind the wall: each statement in a transaction of its own, where it must be.
pub(super) struct Gate<'a> {
    pool: &'a DatabaseConnection,
    begins: Option<String>,
    limits: Limits,
}

impl Store {
    /// Where statements about one tenant are read.
    pub(super) fn reading(&self, tenant: &TenantId) -> Gate<'_> {
        self.pools.gate(&self.pools.reader, tenant.as_str())
    }

    /// Where a write of a tenant reads before it takes its lock.
    pub(super) fn looking(&self, tenant: &TenantId) -> Gate<'_> {
        self.pools.gate(&self.pools.looker, tenant.as_str())
    }

    /// Where statements about one tenant are written that need no transaction with others.
    pub(super) fn writing(&self, tenant: &TenantId) -> Gate<'_> {
        self.pools.gate(&self.pools.writer, tenant.as_str())
    }

    /// Where the service itself looks at all tenants.
    pub(super) fn everyone(&self) -> Gate<'_> {
        self.pools.gate(&self.pools.reader, EVERYONE)
    }

    /// Puts the wall up: every table of tenants' data shows a transaction only the rows of the tenant that it names. The
    /// tables' owner is not excepted; a superuser, and a role with BYPASSRLS, always are.
    pub(super) async fn raise_wall(&self) -> Result<(), StoreError> {
        let tables = "SELECT c.relname AS named FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'tenant_id'
               AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
             ORDER BY c.relname";
        let tables = self.pools.writer.query_all_raw(Statement::from_string(DbBackend::Postgres, tables)).await?;
        for row in tables {
            let table: String = row.try_get("", "named")?;
            let seen = "tenant_id = current_setting('fairdue.tenant', true)
                        OR current_setting('fairdue.tenant', true) = '*'";
            for sql in [
                format!("DROP POLICY IF EXISTS tenant_wall ON \"{table}\""),
                format!("CREATE POLICY tenant_wall ON \"{table}\" USING ({seen}) WITH CHECK ({seen})"),
                format!("ALTER TABLE \"{table}\" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"),
            ] {
                self.pools.writer.execute_unprepared(&sql).await?;
            }
        }
        Ok(())
    }
}

impl Gate<'_> {
    /// Copies out what a statement of PostgreSQL selects, each row as it comes; behind `with` where it needs a setting of its
    /// transaction.
    ///
    /// # Errors
    /// The database is away, or what is made of a row fails: the rest is read and left.
    pub(super) async fn copy_out<T>(
        &self,
        sql: &str,
        with: Option<&str>,
        mut make: impl FnMut(CopiedRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let (mut copy, mut rows, mut failed) = (CopyOut::default(), Vec::new(), None);
        let take = |message| {
            if failed.is_none() {
                match copy.row(message).and_then(|row| row.map(&mut make).transpose()) {
                    Ok(row) => rows.extend(row),
                    Err(error) => failed = Some(error),
                }
            }
        };
        let pool = self.pool.get_postgres_connection_pool();
        // On the heap: within the futures of those who ask it would be deeper than the compiler goes.
        let begins: Vec<&str> = self.begins.as_deref().into_iter().chain(with).collect();
        let begins = (!begins.is_empty()).then(|| begins.join("; "));
        Box::pin(copy_out(pool, self.limits, begins.as_deref(), sql, take)).await?;
        failed.map_or(Ok(rows), Err)
    }

    fn begin<'b>(&'b self, begins: &'b str) -> BoxFuture<'b, Result<Bounded, DbErr>> {
        Box::pin(async {
            let transaction = Bounded::new(self.limits.begin(self.pool.begin()).await?, self.limits);
            transaction.execute_unprepared(begins).await?;
            Ok(transaction)
        })
    }
}

#[async_trait]
impl ConnectionTrait for Gate<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let Some(begins) = &self.begins else { return self.limits.begin(self.pool.execute_raw(statement)).await };
        let transaction = self.begin(begins).await?;
        let done = transaction.execute_raw(statement).await?;
        transaction.commit().await?;
        Ok(done)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let Some(begins) = &self.begins else { return self.limits.begin(self.pool.execute_unprepared(sql)).await };
        let transaction = self.begin(begins).await?;
        let done = transaction.execute_unprepared(sql).await?;
        transaction.commit().await?;
        Ok(done)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let Some(begins) = &self.begins else { return self.limits.begin(self.pool.query_one_raw(statement)).await };
        let transaction = self.begin(begins).await?;
        let row = transaction.query_one_raw(statement).await?;
        transaction.commit().await?;
        Ok(row)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Some(begins) = &self.begins else { return self.limits.begin(self.pool.query_all_raw(statement)).await };
        let transaction = self.begin(begins).await?;
        let rows = transaction.query_all_raw(statement).await?;
        transaction.commit().await?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_named_whatever_its_id_holds() {
        let wall = Wall { rows: true, ..Wall::default() };
        let begins = wall.begins("o'neil', true); DROP TABLE tenant; --").unwrap();
        assert_eq!(begins, "SELECT set_config('fairdue.tenant', 'o''neil'', true); DROP TABLE tenant; --', true)");
        assert_eq!(Wall::default().begins("t"), None, "without the wall nothing is added");
        let pooled = Wall { pooled: true, statement_ms: 30_000, ..Wall::default() }.begins("t").unwrap();
        assert!(
            pooled.starts_with("DEALLOCATE ALL; SELECT set_config('statement_timeout', '30000', true)"),
            "{pooled}"
        );
    }
}
