//! The records of a stretch of time with their leaves: for days on which two copies differ.

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::digests::{self, FindingState};
use super::{StoreError, StoredActivity, TenantScope};
use crate::domain::digest::{Leaf, entity_of};
use crate::domain::feed::SyncEntity;
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;

/// Activities that one statement goes through: no index leads to those of a day, and no statement is to take long.
const STRETCH: u32 = 20_000;

/// A record with its leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRow {
    /// Its id, and of a case version the version's.
    pub id: (String, String),
    /// Revision that brought it; 0 of a finding.
    pub revision: u64,
    /// The instant on whose day it is counted.
    pub at: Timestamp,
    /// Its leaf.
    pub leaf: Leaf,
}

impl TenantScope {
    /// Records of an entity that count, with an instant in `[from, to)`, behind an id, in order; and the id behind which to go
    /// on, `None` at the end. There may be none of them although there are more.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn leaves(
        &self,
        market: &MarketId,
        entity: SyncEntity,
        (from, to): (Timestamp, Timestamp),
        after: (&str, &str),
    ) -> Result<(Vec<LeafRow>, Option<(String, String)>), StoreError> {
        let limit = STRETCH;
        let rows: Vec<LeafRow> = match entity {
            SyncEntity::Activity | SyncEntity::Void => return self.records(market, entity, (from, to), after.0).await,
            SyncEntity::Case => {
                let sql = format!(
                    "SELECT revision, recorded_at, record FROM case_version WHERE tenant_id = $1 AND market_id = $2
                     AND effective_at >= $3 AND effective_at < $4 AND (case_id, version_id) > ($5, $6)
                     ORDER BY case_id, version_id LIMIT {limit}"
                );
                let values: [Value; 4] = [from.0.into(), to.0.into(), after.0.into(), after.1.into()];
                let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
                rows.iter().map(version).collect::<Result<_, _>>()?
            }
            SyncEntity::Finding => {
                let sql = format!(
                    "{} AND at >= $3 AND at < $4 AND finding_id > $5 ORDER BY finding_id LIMIT {limit}",
                    digests::STATES
                );
                let values: [Value; 3] = [from.0.into(), to.0.into(), after.0.into()];
                let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
                let states = rows.iter().map(digests::state).collect::<Result<Vec<_>, _>>()?;
                let full = states.len() >= limit as usize;
                let next = states.last().filter(|_| full).map(|last| (last.id.to_string(), String::new()));
                return Ok((states.into_iter().filter_map(finding).collect(), next));
            }
        };
        let next = rows.last().filter(|_| rows.len() >= limit as usize).map(|last| last.id.clone());
        Ok((rows, next))
    }

    async fn records(
        &self,
        market: &MarketId,
        entity: SyncEntity,
        (from, to): (Timestamp, Timestamp),
        after: &str,
    ) -> Result<(Vec<LeafRow>, Option<(String, String)>), StoreError> {
        let end = format!(
            "SELECT activity_id FROM activity WHERE tenant_id = $1 AND market_id = $2 AND activity_id > $3
             ORDER BY activity_id LIMIT 1 OFFSET {STRETCH}"
        );
        let end = self.reader().query_one_raw(self.statement(market, &end, [after.into()])).await?;
        let end: Option<String> = end.map(|row| row.try_get("", "activity_id")).transpose()?;
        let kind = if entity == SyncEntity::Void { "a.kind = 'void'" } else { "a.kind <> 'void'" };
        let mut sql = format!(
            "{} AND a.activity_id > $3 AND a.occurred_at >= $4 AND a.occurred_at < $5 AND {kind}",
            digests::RECORDS
        );
        let mut values: Vec<Value> = vec![after.into(), from.0.into(), to.0.into()];
        if let Some(end) = &end {
            sql.push_str(" AND a.activity_id <= $6");
            values.push(end.as_str().into());
        }
        sql.push_str(" ORDER BY a.activity_id");
        let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
        let rows = rows.iter().map(digests::record).collect::<Result<Vec<_>, _>>()?;
        Ok((rows.into_iter().filter_map(activity).collect(), end.map(|end| (end, String::new()))))
    }
}

fn version(row: &QueryResult) -> Result<LeafRow, StoreError> {
    let (row, leaf) = digests::version(row)?;
    let id = (row.version.case.to_string(), row.version.version.to_string());
    Ok(LeafRow { id, revision: row.revision, at: row.version.effective, leaf })
}

fn activity((row, leaf): (StoredActivity, Leaf)) -> Option<LeafRow> {
    // A void activity does not count; a void does, whatever became of it.
    let counts = row.voided.is_none() || entity_of(&row.activity) == SyncEntity::Void;
    let id = (row.activity.id.to_string(), String::new());
    counts.then_some(LeafRow { id, revision: row.revision, at: row.activity.occurred, leaf })
}

fn finding(state: FindingState) -> Option<LeafRow> {
    let FindingState { id, at, leaf, revision } = state;
    leaf.map(|leaf| LeafRow { id: (id.to_string(), String::new()), revision, at, leaf })
}
