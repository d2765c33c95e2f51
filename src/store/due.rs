//! The due-queue: which case has a timer next, and up to where its timers have been fired.

use sea_orm::{ConnectionTrait, Value};

use super::bulk::Column;
use super::{MarketTx, StoreError, TenantScope};
use crate::domain::ids::{CaseId, MarketId};
use crate::domain::time::Timestamp;

const NEXT_DUE: &str = "SELECT due_at FROM due WHERE tenant_id = $1 AND market_id = $2 ORDER BY due_at LIMIT 1";

/// A case's entry in the due-queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    /// The case.
    pub case: CaseId,
    /// Its next timer is due not before this; the end of time if it has none.
    pub due_at: Timestamp,
    /// Timers due up to here have been fired.
    pub advanced_to: Timestamp,
}

impl MarketTx {
    /// Writes entries of the due-queue.
    ///
    /// # Errors
    /// The database is away.
    pub async fn upsert_dues(&self, revision: u64, mut rows: Vec<DueRow>) -> Result<(), StoreError> {
        rows.sort_by(|a, b| a.case.cmp(&b.case));
        let columns = vec![
            ("case_id", Column::Text(rows.iter().map(|row| row.case.as_str().to_owned()).collect())),
            ("due_at", Column::Int(rows.iter().map(|row| row.due_at.0).collect())),
            ("advanced_to", Column::Int(rows.iter().map(|row| row.advanced_to.0).collect())),
            ("revision", Column::SameInt(revision.cast_signed(), rows.len())),
        ];
        let tail = "ON CONFLICT (tenant_id, market_id, case_id)
            DO UPDATE SET due_at = excluded.due_at, advanced_to = excluded.advanced_to,
            revision = excluded.revision";
        self.bulk_later("due", columns, tail, false).await
    }

    /// Cases whose timers may be due at or before `until`, the earliest first.
    ///
    /// # Errors
    /// The database is away.
    pub async fn due_cases(&self, until: Timestamp, limit: u32) -> Result<Vec<CaseId>, StoreError> {
        due_cases(&self.transaction, &self.scope, &self.market, until, limit).await
    }
}

async fn due_cases(
    connection: &impl ConnectionTrait,
    scope: &TenantScope,
    market: &MarketId,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<CaseId>, StoreError> {
    let sql = format!(
        "SELECT case_id FROM due WHERE tenant_id = $1 AND market_id = $2 AND due_at <= $3
         ORDER BY due_at LIMIT {limit}"
    );
    let rows = connection.query_all_raw(scope.statement(market, &sql, [Value::from(until.0)])).await?;
    rows.iter().map(|row| Ok(CaseId::trusted(&row.try_get::<String>("", "case_id")?))).collect()
}

impl MarketTx {
    /// The earliest instant at which a timer of the market may be due, under its lock.
    ///
    /// # Errors
    /// The database is away.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = self.transaction.query_one_raw(self.statement(NEXT_DUE, [])).await?;
        Ok(row.map(|row| row.try_get("", "due_at")).transpose()?.map(Timestamp))
    }
}

impl TenantScope {
    /// Cases whose timers may be due at or before `until`, the earliest first.
    ///
    /// # Errors
    /// The database is away.
    pub async fn due_cases(&self, market: &MarketId, until: Timestamp, limit: u32) -> Result<Vec<CaseId>, StoreError> {
        due_cases(&self.reader(), self, market, until, limit).await
    }

    /// The earliest instant at which a timer of the market may be due.
    ///
    /// # Errors
    /// The database is away.
    pub async fn next_due(&self, market: &MarketId) -> Result<Option<Timestamp>, StoreError> {
        let row = self.reader().query_one_raw(self.statement(market, NEXT_DUE, [])).await?;
        Ok(row.map(|row| row.try_get("", "due_at")).transpose()?.map(Timestamp))
    }
}
