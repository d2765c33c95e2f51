//! Keyset pages of cases and activities.

use sea_orm::{ConnectionTrait, Value};

use super::bulk::text_set;
use super::history::read_stored_activity;
use super::market_tx::{HEAD, read_head};
use super::{MarketHead, StoreError, StoredActivity, TenantScope};
use crate::domain::ids::{ActivityId, CaseId, MarketId, PersonId};
use crate::domain::time::Timestamp;

/// Which cases to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// Cases in which this person is a party.
    pub person: Option<PersonId>,
}

/// Which activities to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// Of this case; then they come by (occurred, id), else by (revision, id).
    pub case: Option<CaseId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Occurred at or after.
    pub from: Option<Timestamp>,
    /// Occurred before.
    pub to: Option<Timestamp>,
}

/// A position in a list: the sort key and the id of the last row seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Occurred time in microseconds, or revision.
    pub key: i64,
    /// Id.
    pub id: String,
}

impl TenantScope {
    /// The market's row; `None` if nothing was ever written.
    ///
    /// # Errors
    /// The database is away.
    pub async fn head(&self, market: &MarketId) -> Result<Option<MarketHead>, StoreError> {
        let sql = format!("SELECT {HEAD} FROM market WHERE tenant_id = $1 AND market_id = $2");
        let row = self.reader().query_one_raw(self.statement(market, &sql, [])).await?;
        row.as_ref().map(read_head).transpose()
    }

    /// The tenant's markets to which something was written, by id.
    ///
    /// # Errors
    /// The database is away.
    pub async fn markets(&self) -> Result<Vec<MarketId>, StoreError> {
        let sql = "SELECT market_id FROM market WHERE tenant_id = $1 AND revision > 0 ORDER BY market_id";
        let tenant: Value = self.tenant.as_str().into();
        let statement = sea_orm::Statement::from_sql_and_values(self.store.backend.orm(), sql, [tenant]);
        let rows = self.reader().query_all_raw(statement).await?;
        rows.iter().map(|row| Ok(MarketId::trusted(&row.try_get::<String>("", "market_id")?))).collect()
    }

    /// Ids of cases by id, after the given one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn list_cases(
        &self,
        market: &MarketId,
        filter: &CaseFilter,
        after: &str,
        limit: u32,
    ) -> Result<Vec<CaseId>, StoreError> {
        let mut values: Vec<Value> = vec![after.into()];
        let sql = match &filter.person {
            Some(person) => {
                values.push(person.as_str().into());
                format!(
                    "SELECT case_id FROM case_person WHERE tenant_id = $1 AND market_id = $2 AND case_id > $3
                     AND person_id = $4 ORDER BY case_id LIMIT {limit}"
                )
            }
            None => format!(
                "SELECT DISTINCT case_id FROM case_version WHERE tenant_id = $1 AND market_id = $2 AND case_id > $3
                 ORDER BY case_id LIMIT {limit}"
            ),
        };
        let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
        rows.iter().map(|row| Ok(CaseId::trusted(&row.try_get::<String>("", "case_id")?))).collect()
    }

    /// Activities after the given position.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn list_activities(
        &self,
        market: &MarketId,
        filter: &ActivityFilter,
        after: Option<&Page>,
        limit: u32,
    ) -> Result<Vec<StoredActivity>, StoreError> {
        let key = if filter.case.is_some() { "a.occurred_at" } else { "a.revision" };
        let mut sql = String::from(
            "SELECT a.revision, a.recorded_at, a.record, v.revision AS void_revision
             FROM activity a LEFT JOIN void v
               ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
             WHERE a.tenant_id = $1 AND a.market_id = $2",
        );
        let mut values: Vec<Value> = Vec::new();
        let mut and = |condition: &str, value: Value| {
            values.push(value);
            sql.push_str(&condition.replace("{}", &format!("${}", values.len() + 2)));
        };
        if let Some(case) = &filter.case {
            and(
                " AND (a.case_id = {} OR a.activity_id IN (SELECT l.activity_id FROM activity_link l
                   WHERE l.tenant_id = $1 AND l.market_id = $2 AND l.case_id = {}))",
                case.as_str().into(),
            );
        }
        if let Some(kind) = &filter.kind {
            and(" AND a.kind = {}", kind.as_str().into());
        }
        if let Some(from) = filter.from {
            and(" AND a.occurred_at >= {}", from.0.into());
        }
        if let Some(to) = filter.to {
            and(" AND a.occurred_at < {}", to.0.into());
        }
        if let Some(page) = after {
            let place = values.len() + 3;
            sql.push_str(&format!(" AND ({key}, a.activity_id) > (${place}, ${})", place + 1));
            values.push(page.key.into());
            values.push(page.id.as_str().into());
        }
        sql.push_str(&format!(" ORDER BY {key}, a.activity_id LIMIT {limit}"));
        let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
        rows.iter().map(read_stored_activity).collect()
    }

    /// Activities that name no case, by (revision, id), after the given ones.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn market_wide(
        &self,
        market: &MarketId,
        revision: u64,
        id: &str,
        limit: u32,
    ) -> Result<Vec<StoredActivity>, StoreError> {
        let sql = format!(
            "SELECT a.revision, a.recorded_at, a.record, v.revision AS void_revision
             FROM activity a LEFT JOIN void v
               ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
             WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.case_id IS NULL
               AND (a.revision, a.activity_id) > ($3, $4) ORDER BY a.revision, a.activity_id LIMIT {limit}"
        );
        let values: [Value; 2] = [revision.cast_signed().into(), id.into()];
        let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
        rows.iter().map(read_stored_activity).collect()
    }

    /// The last revision that was recorded up to an instant; 0 if there is none.
    ///
    /// # Errors
    /// The database is away.
    pub async fn revision_at(&self, market: &MarketId, at: Timestamp) -> Result<u64, StoreError> {
        let mut last = 0;
        for table in ["activity", "case_version", "check_log"] {
            // Revisions are recorded in their order: the walk back from the newest is as long as what came since.
            let sql = format!(
                "SELECT revision FROM {table} WHERE tenant_id = $1 AND market_id = $2 AND recorded_at <= $3
                 ORDER BY revision DESC LIMIT 1"
            );
            let row = self.reader().query_one_raw(self.statement(market, &sql, [at.0.into()])).await?;
            if let Some(row) = row {
                last = last.max(row.try_get::<i64>("", "revision")?.cast_unsigned());
            }
        }
        Ok(last)
    }

    /// One activity.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn activity(&self, market: &MarketId, id: &ActivityId) -> Result<Option<StoredActivity>, StoreError> {
        let sql = "SELECT a.revision, a.recorded_at, a.record, v.revision AS void_revision
                   FROM activity a LEFT JOIN void v
                     ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
                   WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.activity_id = $3";
        let row = self.reader().query_one_raw(self.statement(market, sql, [id.as_str().into()])).await?;
        row.as_ref().map(read_stored_activity).transpose()
    }

    /// The activities of these ids, in no order; unknown ones are absent.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn activities(&self, market: &MarketId, ids: Vec<String>) -> Result<Vec<StoredActivity>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (set, bind) = text_set(self.store.backend, 3, ids);
        let sql = format!(
            "SELECT a.revision, a.recorded_at, a.record, v.revision AS void_revision
             FROM activity a LEFT JOIN void v
               ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
             WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.activity_id {set}"
        );
        let rows = self.reader().query_all_raw(self.statement(market, &sql, [bind])).await?;
        rows.iter().map(read_stored_activity).collect()
    }
}
