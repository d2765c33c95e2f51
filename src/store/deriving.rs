//! How far a market has come that is being derived anew.

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{MarketTx, StoreError, TenantScope};
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;

/// A market that is being derived anew, case by case in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivingRow {
    /// What it is derived by; the words are the deriver's.
    pub ground: String,
    /// Cases up to this id are done.
    pub place: String,
    /// How many those are.
    pub done: u64,
    /// How many there were when it began.
    pub total: u64,
    /// When it began.
    pub started: Timestamp,
    /// What the last failure was; empty if none since the last step.
    pub error: String,
    /// When.
    pub error_at: Option<Timestamp>,
}

const ROW: &str = "SELECT ground, place, done, total, started_at, error, error_at FROM deriving
    WHERE tenant_id = $1 AND market_id = $2";

fn read(row: &QueryResult) -> Result<DerivingRow, StoreError> {
    let number = |column: &str| row.try_get::<i64>("", column).map(i64::cast_unsigned);
    Ok(DerivingRow {
        ground: row.try_get("", "ground")?,
        place: row.try_get("", "place")?,
        done: number("done")?,
        total: number("total")?,
        started: Timestamp(row.try_get("", "started_at")?),
        error: row.try_get("", "error")?,
        error_at: row.try_get::<Option<i64>>("", "error_at")?.map(Timestamp),
    })
}

async fn deriving(
    connection: &impl ConnectionTrait,
    scope: &TenantScope,
    market: &MarketId,
) -> Result<Option<DerivingRow>, StoreError> {
    let row = connection.query_one_raw(scope.statement(market, ROW, [])).await?;
    row.as_ref().map(read).transpose()
}

impl TenantScope {
    /// How far the market has come, if it is being derived anew.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn deriving(&self, market: &MarketId) -> Result<Option<DerivingRow>, StoreError> {
        deriving(&self.reader(), self, market).await
    }
}

impl MarketTx {
    /// The same, under the market's lock.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn deriving(&self) -> Result<Option<DerivingRow>, StoreError> {
        deriving(&self.transaction, &self.scope, &self.market).await
    }

    /// Begins to derive the market anew, or moves on.
    ///
    /// # Errors
    /// The database is away.
    pub async fn put_deriving(&self, row: &DerivingRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO deriving (tenant_id, market_id, ground, place, done, total, started_at, error, error_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                   ON CONFLICT (tenant_id, market_id) DO UPDATE SET ground = excluded.ground, place = excluded.place,
                       done = excluded.done, total = excluded.total, started_at = excluded.started_at,
                       error = excluded.error, error_at = excluded.error_at";
        let values: [Value; 7] = [
            row.ground.as_str().into(),
            row.place.as_str().into(),
            row.done.cast_signed().into(),
            row.total.cast_signed().into(),
            row.started.0.into(),
            row.error.as_str().into(),
            row.error_at.map(|at| at.0).into(),
        ];
        self.transaction.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// All cases are derived, or all were at once.
    ///
    /// # Errors
    /// The database is away.
    pub async fn end_deriving(&self) -> Result<(), StoreError> {
        let sql = "DELETE FROM deriving WHERE tenant_id = $1 AND market_id = $2";
        self.transaction.execute_raw(self.statement(sql, [])).await?;
        Ok(())
    }

    /// How many activities the market has: `most` where there are more. Reads no more than so many.
    ///
    /// # Errors
    /// The database is away.
    pub async fn count_activities(&self, most: u32) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT COUNT(*) AS n FROM (SELECT 1 FROM activity WHERE tenant_id = $1 AND market_id = $2 LIMIT {most})
             counted"
        );
        self.count(&sql).await
    }

    /// How many cases the market has.
    ///
    /// # Errors
    /// The database is away.
    pub async fn count_cases(&self) -> Result<u64, StoreError> {
        self.count("SELECT COUNT(DISTINCT case_id) AS n FROM case_version WHERE tenant_id = $1 AND market_id = $2")
            .await
    }

    async fn count(&self, sql: &str) -> Result<u64, StoreError> {
        let row = self.transaction.query_one_raw(self.statement(sql, [])).await?;
        Ok(row.map_or(Ok(0), |row| row.try_get::<i64>("", "n"))?.cast_unsigned())
    }
}
