//! What activities tell of persons: on which of their other cases it binds. A pair of case and activity stands here for each case
//! of the person that the activity does not name itself, whichever of the two came first.

use super::bulk::Column;
use super::history::read_stored_activity;
use super::{MarketTx, StoreError};
use crate::domain::activity::Activity;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::of_person::{KINDS, told_of};

/// The cases of persons first, then their activities: the other way round every activity of the market would be looked at.
const TOLD: &str = "SELECT a.revision, a.recorded_at, a.record, v.revision AS void_revision
    FROM case_person p CROSS JOIN activity a LEFT JOIN void v
      ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
    WHERE p.tenant_id = $1 AND p.market_id = $2 AND p.person_id {set}
      AND a.tenant_id = $1 AND a.market_id = $2 AND a.case_id = p.case_id AND a.kind IN ({kinds})";

/// Kinds of activities that may tell of a person, as SQL lists them.
pub(super) fn kinds() -> String {
    KINDS.map(|kind| format!("'{kind}'")).join(", ")
}

impl MarketTx {
    /// What stored activities tell of these persons, void ones included; each once, in no order. What this write stores itself may
    /// be among it or not.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn told_of(&self, persons: &[&PersonId]) -> Result<Vec<Activity>, StoreError> {
        if persons.is_empty() {
            return Ok(Vec::new());
        }
        let sql = TOLD.replace("{kinds}", &kinds());
        let rows = self.select_before(&sql, persons.iter().map(|person| person.as_str().to_owned()).collect()).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let activity = read_stored_activity(row)?.activity;
            if told_of(&activity).is_some_and(|person| persons.contains(&person)) {
                found.push(activity);
            }
        }
        found.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        Ok(found)
    }

    /// Notes that activities bind on cases that they do not name.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_told(&self, mut pairs: Vec<(CaseId, &Activity)>) -> Result<(), StoreError> {
        if pairs.is_empty() {
            return Ok(());
        }
        pairs.sort_unstable_by(|(a, one), (b, other)| (a, &one.id).cmp(&(b, &other.id)));
        let texts = pairs.iter().map(|(case, activity)| (case.as_str().to_owned(), activity.id.as_str().to_owned()));
        let (cases, ids) = texts.unzip();
        let columns = vec![("case_id", Column::Text(cases)), ("activity_id", Column::Text(ids))];
        self.bulk_later("told_case", columns, "ON CONFLICT DO NOTHING", false).await
    }
}
