//! What commits since a revision have changed: what replicas ask to keep their memory right.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, Statement};

use super::{Store, StoreError, TenantScope};
use crate::domain::ids::{CaseId, MarketId, TenantId};
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;

/// A promise, or its void, touches also the first cases of the calls about several that its case is among: the promise may name
/// one of them.
const CASES: &str = "SELECT case_id FROM activity
    WHERE tenant_id = $1 AND market_id = $2 AND revision > $3 AND case_id IS NOT NULL
    UNION SELECT case_id FROM case_version WHERE tenant_id = $1 AND market_id = $2 AND revision > $3
    UNION SELECT l.case_id FROM activity a JOIN activity_link l ON l.tenant_id = a.tenant_id
      AND l.market_id = a.market_id AND l.activity_id = a.activity_id
    WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.revision > $3
    UNION SELECT case_id FROM finding
    WHERE tenant_id = $1 AND market_id = $2 AND revision > $3 AND case_id IS NOT NULL
    UNION SELECT a.case_id FROM void v JOIN activity a ON a.tenant_id = v.tenant_id
      AND a.market_id = v.market_id AND a.activity_id = v.target_id
    WHERE v.tenant_id = $1 AND v.market_id = $2 AND v.revision > $3 AND a.case_id IS NOT NULL
    UNION SELECT l.case_id FROM void v JOIN activity_link l ON l.tenant_id = v.tenant_id
      AND l.market_id = v.market_id AND l.activity_id = v.target_id
    WHERE v.tenant_id = $1 AND v.market_id = $2 AND v.revision > $3
    UNION SELECT t.case_id FROM activity a JOIN told_case t ON t.tenant_id = a.tenant_id
      AND t.market_id = a.market_id AND t.activity_id = a.activity_id
    WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.revision > $3
    UNION SELECT t.case_id FROM void v JOIN told_case t ON t.tenant_id = v.tenant_id
      AND t.market_id = v.market_id AND t.activity_id = v.target_id
    WHERE v.tenant_id = $1 AND v.market_id = $2 AND v.revision > $3
    UNION SELECT k.case_id FROM activity p JOIN activity_link l ON l.tenant_id = p.tenant_id
      AND l.market_id = p.market_id AND l.case_id = p.case_id
      JOIN activity k ON k.tenant_id = l.tenant_id AND k.market_id = l.market_id AND k.activity_id = l.activity_id
    WHERE p.tenant_id = $1 AND p.market_id = $2 AND p.revision > $3 AND p.kind = 'promise' AND k.case_id IS NOT NULL
    UNION SELECT k.case_id FROM void v JOIN activity p ON p.tenant_id = v.tenant_id
      AND p.market_id = v.market_id AND p.activity_id = v.target_id
      JOIN activity_link l ON l.tenant_id = p.tenant_id AND l.market_id = p.market_id AND l.case_id = p.case_id
      JOIN activity k ON k.tenant_id = l.tenant_id AND k.market_id = l.market_id AND k.activity_id = l.activity_id
    WHERE v.tenant_id = $1 AND v.market_id = $2 AND v.revision > $3 AND p.kind = 'promise' AND k.case_id IS NOT NULL
    UNION SELECT case_id FROM due WHERE tenant_id = $1 AND market_id = $2 AND revision > $3";

const DECIDED: &str = "SELECT DISTINCT f.case_id FROM finding_update u
    JOIN finding f ON f.tenant_id = u.tenant_id AND f.market_id = u.market_id AND f.finding_id = u.finding_id
    WHERE u.tenant_id = $1 AND u.market_id = $2 AND u.revision > $3 AND f.case_id IS NOT NULL";

pub(super) async fn cases(
    connection: &impl ConnectionTrait,
    scope: &TenantScope,
    market: &MarketId,
    revision: u64,
) -> Result<HashSet<CaseId>, StoreError> {
    let rows = connection.query_all_raw(scope.statement(market, CASES, [revision.cast_signed().into()])).await?;
    rows.iter().map(|row| Ok(CaseId::trusted(&row.try_get::<String>("", "case_id")?))).collect()
}

pub(super) async fn pending_voids(
    connection: &impl ConnectionTrait,
    scope: &TenantScope,
    market: &MarketId,
) -> Result<HashSet<String>, StoreError> {
    let sql = "SELECT target_id FROM void WHERE tenant_id = $1 AND market_id = $2 AND pending = $3";
    let rows = connection.query_all_raw(scope.statement(market, sql, [true.into()])).await?;
    rows.iter().map(|row| Ok(row.try_get("", "target_id")?)).collect()
}

impl TenantScope {
    /// Records that commits after `revision` have stored, and cases that they have derived: `most` where there are more. Reads no
    /// more than so many of each.
    ///
    /// # Errors
    /// The database is away.
    pub async fn count_changes(&self, market: &MarketId, revision: u64, most: usize) -> Result<usize, StoreError> {
        let sql = ["activity", "case_version", "due"].map(|table| {
            format!(
                "(SELECT COUNT(*) FROM (SELECT 1 FROM {table}
                  WHERE tenant_id = $1 AND market_id = $2 AND revision > $3 LIMIT $4) counted)"
            )
        });
        let sql = format!("SELECT {} AS changes", sql.join(" + "));
        let values = [revision.cast_signed().into(), i64::try_from(most).unwrap_or(i64::MAX).into()];
        let row = self.reader().query_one_raw(self.statement(market, &sql, values)).await?;
        let changes: i64 = row.map_or(Ok(0), |row| row.try_get("", "changes"))?;
        Ok(usize::try_from(changes).unwrap_or(usize::MAX).min(most))
    }

    /// Cases that commits after `revision` have touched.
    ///
    /// # Errors
    /// The database is away.
    pub async fn cases_touched_since(&self, market: &MarketId, revision: u64) -> Result<HashSet<CaseId>, StoreError> {
        cases(&self.reader(), self, market, revision).await
    }

    /// Cases about whose findings something was decided after `revision`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn cases_decided_since(&self, market: &MarketId, revision: u64) -> Result<HashSet<CaseId>, StoreError> {
        let rows =
            self.reader().query_all_raw(self.statement(market, DECIDED, [revision.cast_signed().into()])).await?;
        rows.iter().map(|row| Ok(CaseId::trusted(&row.try_get::<String>("", "case_id")?))).collect()
    }

    /// Voids whose target has not arrived.
    ///
    /// # Errors
    /// The database is away.
    pub async fn pending_voids(&self, market: &MarketId) -> Result<HashSet<String>, StoreError> {
        pending_voids(&self.reader(), self, market).await
    }
}

impl Store {
    /// The revision of every market of every tenant and when it was recorded: numbers only, for keeping caches right.
    ///
    /// # Errors
    /// The database is away.
    pub async fn revisions(&self) -> Result<HashMap<MarketKey, (u64, Timestamp)>, StoreError> {
        let sql = "SELECT tenant_id, market_id, revision, recorded_at FROM market";
        let rows = self.everyone().query_all_raw(Statement::from_string(self.backend.orm(), sql)).await?;
        rows.iter()
            .map(|row| {
                let key = MarketKey {
                    tenant: TenantId::trusted(&row.try_get::<String>("", "tenant_id")?),
                    market: MarketId::trusted(&row.try_get::<String>("", "market_id")?),
                };
                let recorded = Timestamp(row.try_get("", "recorded_at")?);
                Ok((key, (row.try_get::<i64>("", "revision")?.cast_unsigned(), recorded)))
            })
            .collect()
    }
}
