//! What activities tell of persons, and on which of their other cases it binds: a pair of case and activity for each case of the
//! person that the activity does not name itself, whichever of the two came first.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;

use super::bulk::{Column, text_set};
use super::history::{StoredActivity, read_stored_activity};
use super::{MarketTx, StoreError, TenantScope};
use crate::domain::activity::Activity;
use crate::domain::ids::{CaseId, MarketId, PersonId};
use crate::domain::of_person::told_of;

/// What is told of persons first, then the activities: the other way round every activity of the market would be looked at.
const TOLD: &str = "SELECT a.revision, a.recorded_at, a.record, v.revision AS void_revision
    FROM told_person p CROSS JOIN activity a LEFT JOIN void v
      ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
    WHERE p.tenant_id = $1 AND p.market_id = $2 AND p.person_id {set}
      AND a.tenant_id = $1 AND a.market_id = $2 AND a.activity_id = p.activity_id";

impl TenantScope {
    /// What stored activities tell of a person in a market, as committed, void ones included; each once, in their order.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn told_of(&self, market: &MarketId, person: &PersonId) -> Result<Vec<StoredActivity>, StoreError> {
        let (set, bind) = text_set(self.store.backend, 3, vec![person.as_str().to_owned()]);
        let rows = self.reader().query_all_raw(self.statement(market, &TOLD.replace("{set}", &set), [bind])).await?;
        let mut told = rows.iter().map(read_stored_activity).collect::<Result<Vec<_>, _>>()?;
        told.sort_by(|a, b| a.activity.order().cmp(&b.activity.order()));
        Ok(told)
    }
}

impl MarketTx {
    /// What stored activities tell of these persons, void ones included; each once, in no order. What this write stores itself may
    /// be among it or not.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn told_of(&self, persons: &[&PersonId]) -> Result<Vec<StoredActivity>, StoreError> {
        if persons.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.select_before(TOLD, persons.iter().map(|person| person.as_str().to_owned()).collect()).await?;
        rows.iter().map(read_stored_activity).collect()
    }

    /// What is noted to bind on these cases although it does not name them: pairs of case and activity.
    ///
    /// # Errors
    /// The database is away.
    pub async fn told_cases(&self, cases: Vec<String>) -> Result<HashSet<(String, String)>, StoreError> {
        let sql = "SELECT case_id, activity_id FROM told_case
                   WHERE tenant_id = $1 AND market_id = $2 AND case_id {set}";
        let rows = self.select_before(sql, cases).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    }

    /// Notes which of these activities tell of a person.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_told_of(&self, activities: &[&Activity]) -> Result<(), StoreError> {
        let told = activities.iter().filter_map(|activity| Some((told_of(activity)?.as_str(), *activity)));
        self.insert_told_pairs(("told_person", "person_id"), told.collect()).await
    }

    /// Notes that activities bind on cases that they do not name.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_told(&self, pairs: &[(CaseId, &Activity)]) -> Result<(), StoreError> {
        let pairs = pairs.iter().map(|(case, activity)| (case.as_str(), *activity));
        self.insert_told_pairs(("told_case", "case_id"), pairs.collect()).await
    }

    async fn insert_told_pairs(
        &self,
        (table, column): (&'static str, &'static str),
        mut pairs: Vec<(&str, &Activity)>,
    ) -> Result<(), StoreError> {
        if pairs.is_empty() {
            return Ok(());
        }
        pairs.sort_unstable_by_key(|(of, activity)| (*of, activity.id.as_str()));
        let texts = pairs.iter().map(|(of, activity)| ((*of).to_owned(), activity.id.as_str().to_owned()));
        let (keys, ids) = texts.unzip();
        let columns = vec![(column, Column::Text(keys)), ("activity_id", Column::Text(ids))];
        self.bulk_later(table, columns, "ON CONFLICT DO NOTHING", false).await
    }
}
