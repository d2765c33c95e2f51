//! A write that is prepared before its lock. SQLite has one lock for all markets: whoever reads, judges and derives under it
//! keeps every other market waiting. So a write may read past the lock and let what it writes wait; then it lands: it takes
//! the lock, sees that the market stands where it stood when the reading began, and writes everything at once.
//!
//! Whatever asks for rows after something waits lands first, so that it sees what it wrote. What cannot depend on that asks
//! [`Landing::before`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use sea_orm_migration::async_trait::async_trait;
use tokio::sync::OnceCell;

use super::bounded::Bounded;
use super::market_tx::{HEAD, MarketHead, read_head};
use super::{TenantScope, backend};
use crate::domain::ids::MarketId;

/// A transaction of a market: under its lock from the beginning, or not before something needs it.
pub(super) struct Landing {
    scope: TenantScope,
    market: MarketId,
    /// The market's row as it was when the reading began.
    head: MarketHead,
    open: OnceCell<Bounded>,
    waiting: Mutex<Vec<Waiting>>,
    /// It was tried and failed: what waited is gone, and nothing may be written any more.
    failed: AtomicBool,
}

/// A statement that waits for the lock.
struct Waiting {
    statement: Statement,
    /// Rows that it must write, where others would mean that something was there that nobody knew of.
    rows: Option<u64>,
}

impl Landing {
    /// A transaction that holds its lock.
    pub(super) fn landed(scope: &TenantScope, market: &MarketId, head: MarketHead, open: Bounded) -> Self {
        Self { open: OnceCell::from(open), ..Self::ahead(scope, market, head) }
    }

    /// A transaction that begins without its lock.
    pub(super) fn ahead(scope: &TenantScope, market: &MarketId, head: MarketHead) -> Self {
        Self {
            scope: scope.clone(),
            market: market.clone(),
            head,
            open: OnceCell::new(),
            waiting: Mutex::default(),
            failed: AtomicBool::new(false),
        }
    }

    /// The transaction if it holds its lock.
    pub(super) fn open(&self) -> Option<&Bounded> {
        self.open.get()
    }

    /// Takes the lock if it is not held, and writes what waits.
    pub(super) fn land(&self) -> BoxFuture<'_, Result<&Bounded, DbErr>> {
        // Boxed, as Gate::begin is: each statement's own future need not hold it, nor be proved to be sent with it.
        Box::pin(self.open.get_or_try_init(|| self.take_lock()))
    }

    async fn take_lock(&self) -> Result<Bounded, DbErr> {
        if self.failed.swap(true, Ordering::Relaxed) {
            return Err(DbErr::RecordNotUpdated);
        }
        let open = backend::begin(&self.scope.store, &self.scope.tenant).await?;
        let sql = format!("SELECT {HEAD} FROM market WHERE tenant_id = $1 AND market_id = $2");
        let row = open.query_one_raw(self.scope.statement(&self.market, &sql, [])).await?;
        let same = row.is_some_and(|row| read_head(&row).is_ok_and(|head| head == self.head));
        if !same {
            return Err(DbErr::RecordNotUpdated);
        }
        for Waiting { statement, rows } in self.taken() {
            let written = open.execute_raw(statement).await?.rows_affected();
            if rows.is_some_and(|rows| rows != written) {
                return Err(DbErr::RecordNotInserted);
            }
        }
        self.failed.store(false, Ordering::Relaxed);
        Ok(open)
    }

    /// Runs a statement now if the lock is held, and else when it is. `rows`: so many must be written; if not, the whole
    /// write ends with [`DbErr::RecordNotInserted`].
    pub(super) async fn write(&self, statement: Statement, rows: Option<u64>) -> Result<(), DbErr> {
        let Some(open) = self.open.get() else {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { statement, rows });
            return Ok(());
        };
        let written = open.execute_raw(statement).await?.rows_affected();
        if rows.is_some_and(|rows| rows != written) { Err(DbErr::RecordNotInserted) } else { Ok(()) }
    }

    fn taken(&self) -> Vec<Waiting> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn nothing_waits(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Where to read what this transaction does not write, or may see with or without what it wrote.
    pub(super) fn before(&self) -> Before<'_> {
        Before(self)
    }

    /// Commits; lands first if need be.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        self.land().await?;
        match self.open.into_inner() {
            Some(open) => open.commit().await,
            None => Err(DbErr::RecordNotUpdated),
        }
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        match self.open.into_inner() {
            Some(open) => open.rollback().await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl ConnectionTrait for Landing {
    fn get_database_backend(&self) -> DbBackend {
        self.scope.store.backend.orm()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.land().await?.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.land().await?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if self.open.get().is_none() && reads_only(&statement) && self.nothing_waits() {
            return self.before().query_one_raw(statement).await;
        }
        self.land().await?.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if self.open.get().is_none() && reads_only(&statement) && self.nothing_waits() {
            return self.before().query_all_raw(statement).await;
        }
        self.land().await?.query_all_raw(statement).await
    }
}

/// Whether a statement that returns rows writes none: one with RETURNING does.
fn reads_only(statement: &Statement) -> bool {
    statement.sql.trim_start().starts_with("SELECT")
}

/// See [`Landing::before`].
pub(super) struct Before<'a>(&'a Landing);

#[async_trait]
impl ConnectionTrait for Before<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self.0.open.get() {
            Some(open) => open.query_one_raw(statement).await,
            None => self.0.scope.store.looking(&self.0.scope.tenant).query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self.0.open.get() {
            Some(open) => open.query_all_raw(statement).await,
            None => self.0.scope.store.looking(&self.0.scope.tenant).query_all_raw(statement).await,
        }
    }
}
