//! The decision log: what was asked before a contact, and what was answered. One row holds the checks of one commit.

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{MarketTx, StoreError, TenantScope};
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;

/// The checks of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// The commit.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// What was asked and answered, as the caller wrote it.
    pub body: Vec<u8>,
}

fn read(row: &QueryResult) -> Result<CheckRow, StoreError> {
    Ok(CheckRow {
        revision: row.try_get::<i64>("", "revision")?.cast_unsigned(),
        recorded: Timestamp(row.try_get("", "recorded_at")?),
        body: row.try_get("", "body")?,
    })
}

fn after(revision: u64, limit: u32) -> (String, [Value; 1]) {
    let sql = format!(
        "SELECT revision, recorded_at, body FROM check_log
         WHERE tenant_id = $1 AND market_id = $2 AND revision > $3 ORDER BY revision LIMIT {limit}"
    );
    (sql, [revision.cast_signed().into()])
}

impl MarketTx {
    /// Appends the checks of this commit.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_checks(&self, revision: u64, recorded: Timestamp, body: Vec<u8>) -> Result<(), StoreError> {
        let sql = "INSERT INTO check_log (tenant_id, market_id, revision, recorded_at, body)
                   VALUES ($1, $2, $3, $4, $5)";
        let values: [Value; 3] = [revision.cast_signed().into(), recorded.0.into(), body.into()];
        self.write_later(sql, values).await
    }

    /// Logged checks of commits after `revision`, oldest first: what a recount of prevented contacts reads, page by page.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn checks(&self, revision: u64, limit: u32) -> Result<Vec<CheckRow>, StoreError> {
        let (sql, values) = after(revision, limit);
        self.transaction.query_all_raw(self.statement(&sql, values)).await?.iter().map(read).collect()
    }
}

impl TenantScope {
    /// Logged checks of commits before `revision`, newest first.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn checks_before(
        &self,
        market: &MarketId,
        revision: u64,
        limit: u32,
    ) -> Result<Vec<CheckRow>, StoreError> {
        let sql = format!(
            "SELECT revision, recorded_at, body FROM check_log
             WHERE tenant_id = $1 AND market_id = $2 AND revision < $3 ORDER BY revision DESC LIMIT {limit}"
        );
        let before = Value::from(revision.cast_signed());
        self.reader().query_all_raw(self.statement(market, &sql, [before])).await?.iter().map(read).collect()
    }

    /// Logged checks of commits after `revision`, oldest first.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn checks(&self, market: &MarketId, revision: u64, limit: u32) -> Result<Vec<CheckRow>, StoreError> {
        let (sql, values) = after(revision, limit);
        self.reader().query_all_raw(self.statement(market, &sql, values)).await?.iter().map(read).collect()
    }
}
