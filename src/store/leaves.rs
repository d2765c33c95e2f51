//! The records of a stretch of time, or of all times: for days on which two copies differ.

use sea_orm::{ConnectionTrait, Value};

use super::digests::{self, FindingState};
use super::feed_rows::{FeedRecord, FeedVersion, RECORD, VERSION};
use super::{StoreError, TenantScope};
use crate::domain::feed::SyncEntity;
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;

/// Activities that one statement goes through: no index leads to those of a day, and no statement is to take long.
const STRETCH: u32 = 20_000;

/// A record as it is looked at where copies differ.
#[derive(Debug, Clone)]
pub enum Kept {
    /// A case version.
    Version(Box<FeedVersion>),
    /// An activity or void, and whether it is void.
    Activity(Box<FeedRecord>, bool),
    /// A finding, standing or not.
    Finding(FindingState),
}

impl Kept {
    /// Its id, and of a case version the version's.
    #[must_use]
    pub fn id(&self) -> (String, String) {
        match self {
            Self::Version(row) => (row.case.to_string(), row.version.to_string()),
            Self::Activity(row, _) => (row.id().to_owned(), String::new()),
            Self::Finding(state) => (state.id.to_string(), String::new()),
        }
    }
}

impl TenantScope {
    /// Records of an entity, with an instant in a stretch from the first to before the second, behind an id, in order; and the
    /// id behind which to go on, `None` at the end. There may be none of them although there are more.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn kept(
        &self,
        market: &MarketId,
        entity: SyncEntity,
        stretch: (Timestamp, Timestamp),
        after: (&str, &str),
        limit: u32,
    ) -> Result<(Vec<Kept>, Option<(String, String)>), StoreError> {
        let limit = limit.min(STRETCH);
        let (from, to) = stretch;
        let rows: Vec<Kept> = match entity {
            SyncEntity::Activity | SyncEntity::Void => {
                return self.records(market, entity, stretch, after.0, limit).await;
            }
            SyncEntity::Case => {
                let sql = format!(
                    "SELECT {VERSION} FROM case_version WHERE tenant_id = $1 AND market_id = $2
                     AND effective_at >= $3 AND effective_at < $4 AND (case_id, version_id) > ($5, $6)
                     ORDER BY case_id, version_id LIMIT {limit}"
                );
                let values: [Value; 4] = [from.0.into(), to.0.into(), after.0.into(), after.1.into()];
                let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
                let version = |row| FeedVersion::of(row).map(|row| Kept::Version(Box::new(row)));
                rows.iter().map(version).collect::<Result<_, _>>()?
            }
            SyncEntity::Finding => {
                let sql = format!(
                    "{} AND at >= $3 AND at < $4 AND finding_id > $5 ORDER BY finding_id LIMIT {limit}",
                    digests::STATES
                );
                let values: [Value; 3] = [from.0.into(), to.0.into(), after.0.into()];
                let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
                rows.iter().map(|row| digests::state(row).map(Kept::Finding)).collect::<Result<_, _>>()?
            }
        };
        let next = rows.last().filter(|_| rows.len() >= limit as usize).map(Kept::id);
        Ok((rows, next))
    }

    async fn records(
        &self,
        market: &MarketId,
        entity: SyncEntity,
        (from, to): (Timestamp, Timestamp),
        after: &str,
        limit: u32,
    ) -> Result<(Vec<Kept>, Option<(String, String)>), StoreError> {
        let end = format!(
            "SELECT activity_id FROM activity WHERE tenant_id = $1 AND market_id = $2 AND activity_id > $3
             ORDER BY activity_id LIMIT 1 OFFSET {limit}"
        );
        let end = self.reader().query_one_raw(self.statement(market, &end, [after.into()])).await?;
        let end: Option<String> = end.map(|row| row.try_get("", "activity_id")).transpose()?;
        let kind = if entity == SyncEntity::Void { "a.kind = 'void'" } else { "a.kind <> 'void'" };
        let mut sql = format!(
            "SELECT {RECORD}, v.revision AS void_revision FROM activity a LEFT JOIN void v
               ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
             WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.activity_id > $3
               AND a.occurred_at >= $4 AND a.occurred_at < $5 AND {kind}"
        );
        let mut values: Vec<Value> = vec![after.into(), from.0.into(), to.0.into()];
        if let Some(end) = &end {
            sql.push_str(" AND a.activity_id <= $6");
            values.push(end.as_str().into());
        }
        sql.push_str(" ORDER BY a.activity_id");
        let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
        let record = |row| {
            let void = row_is_void(row)?;
            FeedRecord::of(row, true).map(|row| Kept::Activity(Box::new(row), void))
        };
        let rows = rows.iter().map(record).collect::<Result<_, _>>()?;
        Ok((rows, end.map(|end| (end, String::new()))))
    }
}

fn row_is_void(row: &sea_orm::QueryResult) -> Result<bool, StoreError> {
    Ok(row.try_get::<Option<i64>>("", "void_revision")?.is_some())
}
