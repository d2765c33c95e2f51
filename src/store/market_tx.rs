//! A write to one market: begins with the market row's lock, ends with the next dense revision.

use std::collections::HashSet;
use std::sync::Mutex;

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::bulk::{Bulk, Column, text_set};
use super::landing::{Before, Landing};
use super::{Backend, StoreError, TenantScope, backend, touched};
use crate::domain::ids::{ActivityId, CaseId, MarketId};
use crate::domain::time::Timestamp;

/// The market's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketHead {
    /// Revision of the last commit. The next commit takes this plus one.
    pub revision: u64,
    /// Recorded time of the last commit: recorded time never runs backwards.
    pub recorded: Timestamp,
    /// Digests of the rules and of the market's settings that derived what is stored.
    pub rules_digest: String,
    /// Mark of the KPI definitions that the cells follow: it changes with them.
    pub catalogue_digest: String,
    /// How the stored tallies were counted.
    pub digest_version: String,
    /// Grows with every commit that writes stored cells. Of one mark, cells are the same in every process.
    pub cells_mark: u64,
    /// No timer of a later instant has fired by the last commit.
    pub fired: Timestamp,
    /// Recorded time of the commit since which what is stored is derived by these rules.
    pub rules_since: Timestamp,
}

/// The columns that [`read_head`] reads.
pub(super) const HEAD: &str =
    "revision, recorded_at, rules_digest, catalogue_digest, digest_version, cells_mark, fired_to,
    rules_since";

/// What an insert that skips existing keys has done.
#[derive(Debug, Default)]
pub struct InsertOutcome {
    /// Keys that were there before, and were left as they are.
    pub existing: HashSet<String>,
    /// Keys were there that nobody had doubted: what follows is better doubted for a while.
    pub surprising: bool,
}

/// An open write to one market.
pub struct MarketTx {
    pub(super) transaction: Landing,
    pub(super) scope: TenantScope,
    pub(super) market: MarketId,
    /// The market's row as it is under the lock.
    pub head: MarketHead,
    /// Cases of persons and households that this write adds while it waits for its lock.
    pub(super) pairs: Mutex<Vec<Pair>>,
}

/// A table, a key in it, and a case.
pub(super) type Pair = (&'static str, String, String);

impl MarketTx {
    pub(super) async fn begin(scope: &TenantScope, market: &MarketId) -> Result<Self, StoreError> {
        let transaction = backend::begin(&scope.store, &scope.tenant).await?;
        let lock = match scope.store.backend {
            Backend::Postgres => " FOR UPDATE",
            Backend::Sqlite => "",
        };
        let sql = format!("SELECT {HEAD} FROM market WHERE tenant_id = $1 AND market_id = $2{lock}");
        let mut row = transaction.query_one_raw(scope.statement(market, &sql, [])).await?;
        if row.is_none() {
            let make =
                "INSERT INTO market (tenant_id, market_id, revision, recorded_at, rules_digest, catalogue_digest)
                VALUES ($1, $2, 0, 0, '', '') ON CONFLICT DO NOTHING";
            transaction.execute_raw(scope.statement(market, make, [])).await?;
            row = transaction.query_one_raw(scope.statement(market, &sql, [])).await?;
        }
        let row = row.ok_or_else(|| StoreError::corrupt("market", "the row is missing right after its insert"))?;
        let head = read_head(&row)?;
        let transaction = Landing::landed(scope, market, head.clone(), transaction);
        Ok(Self { transaction, scope: scope.clone(), market: market.clone(), head, pairs: Mutex::default() })
    }

    /// Begins a write that takes the lock as late as it can, where the database has one lock for all markets; the same as
    /// [`MarketTx::begin`] elsewhere, and for a market that is new. It may end with [`StoreError::Moved`].
    pub(super) async fn begin_ahead(scope: &TenantScope, market: &MarketId) -> Result<Self, StoreError> {
        if scope.store.backend == Backend::Sqlite {
            let sql = format!("SELECT {HEAD} FROM market WHERE tenant_id = $1 AND market_id = $2");
            let looking = scope.store.looking(&scope.tenant);
            if let Some(row) = looking.query_one_raw(scope.statement(market, &sql, [])).await? {
                let head = read_head(&row)?;
                let transaction = Landing::ahead(scope, market, head.clone());
                return Ok(Self {
                    transaction,
                    scope: scope.clone(),
                    market: market.clone(),
                    head,
                    pairs: Mutex::default(),
                });
            }
        }
        Self::begin(scope, market).await
    }

    /// Takes the lock if it is not held yet.
    ///
    /// # Errors
    /// The market moved on meanwhile, or the database is away.
    pub async fn land(&self) -> Result<(), StoreError> {
        Ok(self.transaction.land().await.map(drop)?)
    }

    /// Where to read what this write does not change, or what may be seen with or without what it changes.
    pub(super) fn before(&self) -> Before<'_> {
        self.transaction.before()
    }

    /// Whether what is written waits for the lock.
    pub(super) fn is_ahead(&self) -> bool {
        self.transaction.open().is_none()
    }

    /// Writes many rows now, or when the lock is taken. `all`: none of them may be there already; if one is, the write ends
    /// with [`StoreError::Moved`].
    pub(super) async fn bulk_later(
        &self,
        table: &str,
        columns: Vec<(&str, Column)>,
        tail: &str,
        all: bool,
    ) -> Result<(), StoreError> {
        let bulk = Bulk { table, tenant: self.scope.tenant.as_str(), market: self.market.as_str(), columns, tail };
        for (statement, rows) in bulk.statements(self.backend()) {
            self.transaction.write(statement, all.then_some(rows)).await?;
        }
        Ok(())
    }

    /// Runs a statement now, or when the lock is taken.
    pub(super) async fn write_later(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<(), StoreError> {
        Ok(self.transaction.write(self.statement(sql, values), None).await?)
    }

    pub(super) fn statement(&self, sql: &str, rest: impl IntoIterator<Item = Value>) -> Statement {
        self.scope.statement(&self.market, sql, rest)
    }

    pub(super) fn backend(&self) -> Backend {
        self.scope.store.backend
    }

    /// The same of rows that this write does not change, or that may be seen with or without what it changes.
    pub(super) async fn select_before(&self, sql: &str, items: Vec<String>) -> Result<Vec<QueryResult>, StoreError> {
        let (set, bind) = text_set(self.backend(), 3, items);
        Ok(self.before().query_all_raw(self.statement(&sql.replace("{set}", &set), [bind])).await?)
    }

    /// Runs a multi-row write in this market; how many rows were written.
    pub(super) async fn bulk(&self, table: &str, columns: Vec<(&str, Column)>, tail: &str) -> Result<u64, StoreError> {
        let bulk = Bulk { table, tenant: self.scope.tenant.as_str(), market: self.market.as_str(), columns, tail };
        Ok(bulk.run(&self.transaction, self.backend()).await?)
    }

    /// Rows of this market whose `column` is among `items`; `$1` and `$2` are tenant and market, `{set}` the items.
    pub(super) async fn select_in(&self, sql: &str, items: Vec<String>) -> Result<Vec<QueryResult>, StoreError> {
        let (set, bind) = text_set(self.backend(), 3, items);
        Ok(self.transaction.query_all_raw(self.statement(&sql.replace("{set}", &set), [bind])).await?)
    }

    /// Records voids: which target is out of every count since which revision. Pending ones wait for their target.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_voids(
        &self,
        revision: u64,
        voids: &[(ActivityId, ActivityId, bool)],
    ) -> Result<(), StoreError> {
        let columns = vec![
            ("target_id", Column::Text(voids.iter().map(|(target, _, _)| target.as_str().to_owned()).collect())),
            ("void_id", Column::Text(voids.iter().map(|(_, void, _)| void.as_str().to_owned()).collect())),
            ("revision", Column::SameInt(revision.cast_signed(), voids.len())),
            ("pending", Column::Bool(voids.iter().map(|(_, _, pending)| *pending).collect())),
        ];
        self.bulk_later("void", columns, "ON CONFLICT DO NOTHING", false).await
    }

    /// Voids whose target has not arrived.
    ///
    /// # Errors
    /// The database is away.
    pub async fn pending_voids(&self) -> Result<HashSet<String>, StoreError> {
        touched::pending_voids(&self.transaction, &self.scope, &self.market).await
    }

    /// Which of these targets earlier commits have voided.
    ///
    /// # Errors
    /// The database is away.
    pub async fn voided(&self, targets: Vec<String>) -> Result<HashSet<String>, StoreError> {
        let sql = "SELECT target_id FROM void WHERE tenant_id = $1 AND market_id = $2 AND target_id {set}";
        let rows = self.select_before(sql, targets).await?;
        rows.iter().map(|row| Ok(row.try_get("", "target_id")?)).collect()
    }

    /// Marks voids as resolved: their targets are here.
    ///
    /// # Errors
    /// The database is away.
    pub async fn resolve_voids(&self, targets: Vec<String>) -> Result<(), StoreError> {
        if targets.is_empty() {
            return Ok(());
        }
        let (set, bind) = text_set(self.backend(), 4, targets);
        let sql = format!(
            "UPDATE void SET pending = $3 WHERE tenant_id = $1 AND market_id = $2 AND target_id {set} AND pending"
        );
        self.write_later(&sql, [false.into(), bind]).await
    }

    /// Cases that commits after `revision` have touched: what a cache must forget.
    ///
    /// # Errors
    /// The database is away.
    pub async fn cases_touched_since(&self, revision: u64) -> Result<HashSet<CaseId>, StoreError> {
        touched::cases(&self.transaction, &self.scope, &self.market, revision).await
    }

    /// Writes the market's row and commits: from here on the commit is durable.
    ///
    /// # Errors
    /// The database is away or refused: nothing was committed, unless the answer itself was lost.
    pub async fn commit(self, head: &MarketHead) -> Result<(), StoreError> {
        // Only now: what merely looks ends without a commit, and needs no room.
        self.scope.store.space.as_ref().map_or(Ok(()), |space| space.check())?;
        let sql = "UPDATE market SET revision = $3, recorded_at = $4, rules_digest = $5, catalogue_digest = $6,
                       digest_version = $7, fired_to = $8, rules_since = $9
                   WHERE tenant_id = $1 AND market_id = $2";
        let values: [Value; 7] = [
            head.revision.cast_signed().into(),
            head.recorded.0.into(),
            head.rules_digest.as_str().into(),
            head.catalogue_digest.as_str().into(),
            head.digest_version.as_str().into(),
            head.fired.0.into(),
            head.rules_since.0.into(),
        ];
        self.transaction.execute_raw(self.statement(sql, values)).await?;
        self.transaction.commit().await?;
        Ok(())
    }

    /// Ends the write without a trace.
    pub async fn rollback(self) {
        if let Err(error) = self.transaction.rollback().await {
            tracing::warn!(error = %error, "a rollback failed; the connection is given up");
        }
    }
}

pub(super) fn read_head(row: &QueryResult) -> Result<MarketHead, StoreError> {
    Ok(MarketHead {
        revision: row.try_get::<i64>("", "revision")?.cast_unsigned(),
        recorded: Timestamp(row.try_get("", "recorded_at")?),
        rules_digest: row.try_get("", "rules_digest")?,
        catalogue_digest: row.try_get("", "catalogue_digest")?,
        digest_version: row.try_get("", "digest_version")?,
        cells_mark: row.try_get::<i64>("", "cells_mark")?.cast_unsigned(),
        fired: Timestamp(row.try_get("", "fired_to")?),
        rules_since: Timestamp(row.try_get("", "rules_since")?),
    })
}
