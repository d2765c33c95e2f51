//! A write to one market: begins with the market row's lock, ends with the next dense revision.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::bounded::Bounded;
use super::bulk::{Bulk, Column, text_set};
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
}

/// The columns that [`read_head`] reads.
pub(super) const HEAD: &str = "revision, recorded_at, rules_digest, catalogue_digest, digest_version, cells_mark";

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
    pub(super) transaction: Bounded,
    pub(super) scope: TenantScope,
    pub(super) market: MarketId,
    /// The market's row as it was when the lock was taken.
    pub head: MarketHead,
}

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
        Ok(Self { transaction, scope: scope.clone(), market: market.clone(), head })
    }

    pub(super) fn statement(&self, sql: &str, rest: impl IntoIterator<Item = Value>) -> Statement {
        self.scope.statement(&self.market, sql, rest)
    }

    pub(super) fn backend(&self) -> Backend {
        self.scope.store.backend
    }

    /// Runs a multi-row write in this market; how many rows were written.
    pub(super) async fn bulk(&self, table: &str, columns: Vec<(&str, Column)>, tail: &str) -> Result<u64, StoreError> {
        let bulk = Bulk { table, tenant: self.scope.tenant.as_str(), market: self.market.as_str(), columns, tail };
        Ok(bulk.run(&self.transaction, self.backend()).await?)
    }

    /// Rows of this market whose `column` is among `items`; `$1` and `$2` are tenant and market, `{set}` the items.
    pub(super) async fn select_in(&self, sql: &str, items: Vec<String>) -> Result<Vec<QueryResult>, StoreError> {
        self.select_in_and(sql, items, Vec::new()).await
    }

    /// The same with further values, from `$4` on.
    pub(super) async fn select_in_and(
        &self,
        sql: &str,
        items: Vec<String>,
        more: Vec<Value>,
    ) -> Result<Vec<QueryResult>, StoreError> {
        let (set, bind) = text_set(self.backend(), 3, items);
        let values = std::iter::once(bind).chain(more);
        Ok(self.transaction.query_all_raw(self.statement(&sql.replace("{set}", &set), values)).await?)
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
        self.bulk("void", columns, "ON CONFLICT DO NOTHING").await?;
        Ok(())
    }

    /// Voids whose target has not arrived.
    ///
    /// # Errors
    /// The database is away.
    pub async fn pending_voids(&self) -> Result<HashSet<String>, StoreError> {
        touched::pending_voids(&self.transaction, &self.scope, &self.market).await
    }

    /// Which of these targets are voided already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn voided(&self, targets: Vec<String>) -> Result<HashSet<String>, StoreError> {
        let sql = "SELECT target_id FROM void WHERE tenant_id = $1 AND market_id = $2 AND target_id {set}";
        let rows = self.select_in(sql, targets).await?;
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
        self.transaction.execute_raw(self.statement(&sql, [false.into(), bind])).await?;
        Ok(())
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
                       digest_version = $7
                   WHERE tenant_id = $1 AND market_id = $2";
        let values: [Value; 5] = [
            head.revision.cast_signed().into(),
            head.recorded.0.into(),
            head.rules_digest.as_str().into(),
            head.catalogue_digest.as_str().into(),
            head.digest_version.as_str().into(),
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
    })
}
