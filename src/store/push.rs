//! The last number of each source of a partner's writes, kept in the transaction that stores them.

use sea_orm::{ConnectionTrait, Value};

use super::{MarketTx, StoreError, TenantScope};
use crate::domain::ids::{MarketId, SourceId};

const READ: &str = "SELECT sequence FROM push_mark WHERE tenant_id = $1 AND market_id = $2 AND source_id = $3";

impl TenantScope {
    /// The last number of a source; 0 before the first.
    ///
    /// # Errors
    /// The database is away.
    pub async fn push_mark(&self, market: &MarketId, source: &SourceId) -> Result<u64, StoreError> {
        let statement = self.statement(market, READ, [source.as_str().into()]);
        let row = self.writer().query_one_raw(statement).await?;
        Ok(row.map(|row| row.try_get::<i64>("", "sequence")).transpose()?.unwrap_or(0).cast_unsigned())
    }
}

impl MarketTx {
    /// Moves the mark of a source up to a number; false if it stands there or further already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn move_push_mark(&self, revision: u64, source: &SourceId, sequence: u64) -> Result<bool, StoreError> {
        let sql = "INSERT INTO push_mark (tenant_id, market_id, source_id, sequence, revision)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (tenant_id, market_id, source_id) DO UPDATE SET
                       sequence = excluded.sequence, revision = excluded.revision
                   WHERE push_mark.sequence < excluded.sequence";
        let values: [Value; 3] = [source.as_str().into(), sequence.cast_signed().into(), revision.cast_signed().into()];
        Ok(self.transaction.execute_raw(self.statement(sql, values)).await?.rows_affected() > 0)
    }
}
