//! Activities as stored, and the whole history of cases: what the fold reads.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::bulk::text_set;
use super::cases::read_version;
use super::elsewhere::SharedCalls;
use super::{CaseRow, MarketTx, StoreError, TenantScope};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::ids::{ActivityId, CaseId, MarketId, PersonId};
use crate::domain::time::Timestamp;
use crate::wire::stored;

/// An activity as stored.
#[derive(Debug, Clone)]
pub struct StoredActivity {
    /// Revision of its commit.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Revision since which it is voided.
    pub voided: Option<u64>,
    /// The activity.
    pub activity: Activity,
}

/// Everything stored about one case.
#[derive(Debug, Clone, Default)]
pub struct CaseHistory {
    /// Its versions with their revisions, in no order.
    pub versions: Vec<(u64, CaseVersion)>,
    /// Its activities, in no order, voided ones included; the promises on other cases that name a call about several of
    /// which this one is the first; and what activities on other cases tell of its persons.
    pub activities: Vec<StoredActivity>,
    /// Timers due up to here have been fired by the due-queue. Only the market's writer is told.
    pub advanced_to: Option<Timestamp>,
    /// The instant stored in the due-queue, likewise.
    pub due_at: Option<Timestamp>,
}

/// An activity of a row that begins with revision, record time, record and the revision of its void.
pub(super) fn read_stored_activity(row: &QueryResult) -> Result<StoredActivity, StoreError> {
    read_from(row, 0)
}

/// The same from a column on, by the places of columns: looking names up for each row takes longer than reading.
fn read_from(row: &QueryResult, first: usize) -> Result<StoredActivity, StoreError> {
    let record: Vec<u8> = row.try_get_by_index(first + 2)?;
    Ok(StoredActivity {
        revision: row.try_get_by_index::<i64>(first)?.cast_unsigned(),
        recorded: Timestamp(row.try_get_by_index(first + 1)?),
        voided: row.try_get_by_index::<Option<i64>>(first + 3)?.map(i64::cast_unsigned),
        activity: stored::read_activity(&record).map_err(|cause| StoreError::corrupt("activity", cause))?,
    })
}

/// The revisions of a market's voids, by what they take out.
pub type Voids = HashMap<ActivityId, u64, foldhash::fast::RandomState>;

const HISTORY: &str = "SELECT a.case_id AS of_case, a.revision, a.recorded_at, a.record, v.revision AS void_revision
    FROM activity a LEFT JOIN void v
      ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
    WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.case_id {set}{only}";

/// The same of activities that a table names for these cases: those that name them behind their first one, and those that do not
/// name them and tell of their persons.
const NAMED: &str = "
    UNION ALL
    SELECT l.case_id AS of_case, a.revision, a.recorded_at, a.record, v.revision AS void_revision
    FROM {table} l JOIN activity a
      ON a.tenant_id = l.tenant_id AND a.market_id = l.market_id AND a.activity_id = l.activity_id
      LEFT JOIN void v
      ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
    WHERE l.tenant_id = $1 AND l.market_id = $2 AND l.case_id {set}{only}";

const VERSIONS: &str = "SELECT case_id AS of_case, revision, recorded_at, record FROM case_version
    WHERE tenant_id = $1 AND market_id = $2 AND case_id {set}";

const DUES: &str = "SELECT case_id AS of_case, due_at, advanced_to FROM due
    WHERE tenant_id = $1 AND market_id = $2 AND case_id {set}";

async fn histories(
    connection: &impl ConnectionTrait,
    scope: &TenantScope,
    market: &MarketId,
    cases: &[CaseId],
    contacts_since: Option<Timestamp>,
    dues: bool,
) -> Result<HashMap<CaseId, CaseHistory>, StoreError> {
    let mut found: HashMap<CaseId, CaseHistory> = HashMap::new();
    if cases.is_empty() {
        return Ok(found);
    }
    let ids: Vec<String> = cases.iter().map(|case| case.as_str().to_owned()).collect();
    let select = |sql: &str, more: Vec<Value>| -> Statement {
        let (set, bind) = text_set(scope.store.backend, 3, ids.clone());
        scope.statement(market, &sql.replace("{set}", &set), std::iter::once(bind).chain(more))
    };
    for row in connection.query_all_raw(select(VERSIONS, Vec::new())).await? {
        let case = CaseId::trusted(&row.try_get::<String>("", "of_case")?);
        let (revision, version) = read_version(&row)?;
        found.entry(case).or_default().versions.push((revision, version));
    }
    if found.is_empty() {
        return Ok(found);
    }
    // Bound, and not written into the text: a text of its own for each instant would be prepared and planned each time.
    let (only, tables, since) = match contacts_since {
        // No contact tells of persons.
        Some(since) => {
            (" AND a.kind = 'contact' AND a.occurred_at >= $4", &["activity_link"][..], vec![since.0.into()])
        }
        None => ("", &["activity_link", "told_case"][..], Vec::new()),
    };
    let named: String = tables.iter().map(|table| NAMED.replace("{table}", table)).collect();
    let sql = format!("{HISTORY}{named}").replace("{only}", only);
    for row in connection.query_all_raw(select(&sql, since)).await? {
        let case = CaseId::trusted(&row.try_get_by_index::<String>(0)?);
        found.entry(case).or_default().activities.push(read_from(&row, 1)?);
    }
    // Who asks for contacts gets no promises.
    let mut calls = SharedCalls::default();
    for (case, history) in found.iter().filter(|_| contacts_since.is_none()) {
        history.activities.iter().for_each(|stored| calls.note(case, &stored.activity));
    }
    for row in calls.promises(scope, market, connection).await? {
        let stored = read_from(&row, 1)?;
        if let Some(history) = calls.lead(&stored.activity).and_then(|lead| found.get_mut(lead)) {
            history.activities.push(stored);
        }
    }
    if !dues {
        return Ok(found);
    }
    for row in connection.query_all_raw(select(DUES, Vec::new())).await? {
        let case = CaseId::trusted(&row.try_get::<String>("", "of_case")?);
        let history = found.entry(case).or_default();
        history.due_at = Some(Timestamp(row.try_get("", "due_at")?));
        history.advanced_to = Some(Timestamp(row.try_get("", "advanced_to")?));
    }
    Ok(found)
}

impl TenantScope {
    /// The versions of these cases, as committed, in no order. Unknown cases are absent.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn case_versions(
        &self,
        market: &MarketId,
        cases: &[CaseId],
    ) -> Result<HashMap<CaseId, Vec<CaseRow>>, StoreError> {
        let mut found: HashMap<CaseId, Vec<CaseRow>> = HashMap::new();
        if cases.is_empty() {
            return Ok(found);
        }
        let ids = cases.iter().map(|case| case.as_str().to_owned()).collect();
        let (set, bind) = text_set(self.store.backend, 3, ids);
        let statement = self.statement(market, &VERSIONS.replace("{set}", &set), [bind]);
        for row in self.reader().query_all_raw(statement).await? {
            let (revision, version) = read_version(&row)?;
            let recorded = Timestamp(row.try_get("", "recorded_at")?);
            found.entry(version.case.clone()).or_default().push(CaseRow { revision, recorded, version });
        }
        Ok(found)
    }

    /// The histories of these cases, as committed. Unknown cases are absent.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn case_histories(
        &self,
        market: &MarketId,
        cases: &[CaseId],
    ) -> Result<HashMap<CaseId, CaseHistory>, StoreError> {
        histories(&self.reader(), self, market, cases, None, false).await
    }

    /// Every void of a market, as committed; `None` if there are more than `most`.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn voids(&self, market: &MarketId, most: usize) -> Result<Option<Voids>, StoreError> {
        let limit = most.saturating_add(1);
        let sql = format!("SELECT target_id, revision FROM void WHERE tenant_id = $1 AND market_id = $2 LIMIT {limit}");
        let rows = self.reader().query_all_raw(self.statement(market, &sql, [])).await?;
        if rows.len() > most {
            return Ok(None);
        }
        let void = |row: &QueryResult| {
            let target = ActivityId::trusted(&row.try_get_by_index::<String>(0)?);
            Ok((target, row.try_get_by_index::<i64>(1)?.cast_unsigned()))
        };
        rows.iter().map(void).collect::<Result<_, StoreError>>().map(Some)
    }

    /// The versions of these cases and their contacts, as committed. Unknown cases are absent.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn contact_histories(
        &self,
        market: &MarketId,
        cases: &[CaseId],
    ) -> Result<HashMap<CaseId, CaseHistory>, StoreError> {
        histories(&self.reader(), self, market, cases, Some(Timestamp(i64::MIN)), false).await
    }

    /// Cases on which one of these persons is a party or was contacted, or somebody of one of these households is a party;
    /// each once, by id.
    ///
    /// # Errors
    /// The database is away.
    pub async fn cases_of<'c>(
        &self,
        market: &MarketId,
        circles: impl Iterator<Item = &'c Circle>,
    ) -> Result<Vec<CaseId>, StoreError> {
        let mut found = BTreeSet::new();
        for (table, column, keys) in in_tables(circles) {
            if keys.is_empty() {
                continue;
            }
            let (set, bind) = text_set(self.store.backend, 3, keys);
            let sql = format!(
                "SELECT DISTINCT case_id FROM {table} WHERE tenant_id = $1 AND market_id = $2 AND {column} {set}"
            );
            for row in self.reader().query_all_raw(self.statement(market, &sql, [bind])).await? {
                found.insert(CaseId::trusted(&row.try_get::<String>("", "case_id")?));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// How many cases the market has.
    ///
    /// # Errors
    /// The database is away.
    pub async fn count_cases(&self, market: &MarketId) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(DISTINCT case_id) AS cases FROM case_version WHERE tenant_id = $1 AND market_id = $2";
        let row = self.reader().query_one_raw(self.statement(market, sql, [])).await?;
        let count = row.map(|row| row.try_get::<i64>("", "cases")).transpose()?;
        Ok(count.unwrap_or(0).cast_unsigned())
    }
}

impl MarketTx {
    /// The histories of these cases as they were before this write, or are within it.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn case_histories_before(&self, cases: &[CaseId]) -> Result<HashMap<CaseId, CaseHistory>, StoreError> {
        histories(&self.before(), &self.scope, &self.market, cases, None, true).await
    }

    /// The histories of these cases as this transaction sees them, its own inserts included.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn case_histories(&self, cases: &[CaseId]) -> Result<HashMap<CaseId, CaseHistory>, StoreError> {
        histories(&self.transaction, &self.scope, &self.market, cases, None, true).await
    }

    /// The versions of these cases, and their contacts from an instant on: what rules count over a person's cases. As they
    /// were before this write, or are within it.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn contact_histories(
        &self,
        cases: &[CaseId],
        since: Timestamp,
    ) -> Result<HashMap<CaseId, CaseHistory>, StoreError> {
        histories(&self.before(), &self.scope, &self.market, cases, Some(since), false).await
    }

    /// Cases in which these persons, or somebody of these households, are parties, and those about which such a person was
    /// contacted; what this write itself adds is among them.
    ///
    /// # Errors
    /// The database is away.
    pub async fn cases_of<'c>(
        &self,
        circles: impl Iterator<Item = &'c Circle>,
    ) -> Result<Vec<(Circle, CaseId)>, StoreError> {
        let mut found = Vec::new();
        let [persons, households] = in_tables(circles);
        let person: fn(&str) -> Circle = |key| Circle::Person(PersonId::trusted(key));
        for ((table, column, keys), circle) in [(persons, person), (households, Circle::household)] {
            if keys.is_empty() {
                continue;
            }
            let sql = format!(
                "SELECT {column}, case_id FROM {table}
                 WHERE tenant_id = $1 AND market_id = $2 AND {column} {{set}}"
            );
            let own = self.own_pairs(table, &keys);
            let stored = self.select_before(&sql, keys).await?;
            let stored = stored.iter().map(|row| Ok((row.try_get("", column)?, row.try_get("", "case_id")?)));
            let stored = stored.collect::<Result<BTreeSet<(String, String)>, StoreError>>()?;
            let all = stored.union(&own);
            found.extend(all.map(|(key, case)| (circle(key), CaseId::trusted(case))));
        }
        Ok(found)
    }

    /// The stored activities of these ids. Those that this write stores may be among them or not.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn activities(&self, ids: Vec<String>) -> Result<Vec<StoredActivity>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "SELECT a.revision, a.recorded_at, a.record, v.revision AS void_revision
                   FROM activity a LEFT JOIN void v
                     ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
                   WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.activity_id {set}";
        self.select_before(sql, ids).await?.iter().map(read_stored_activity).collect()
    }

    /// Ids of the market's cases by id, after the given one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn case_ids(&self, after: &str, limit: u32) -> Result<Vec<CaseId>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT case_id FROM case_version WHERE tenant_id = $1 AND market_id = $2 AND case_id > $3
             ORDER BY case_id LIMIT {limit}"
        );
        let rows = self.transaction.query_all_raw(self.statement(&sql, [after.into()])).await?;
        rows.iter().map(|row| Ok(CaseId::trusted(&row.try_get::<String>("", "case_id")?))).collect()
    }

    /// Activities that concern the whole market: those of a kind, or all.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn market_wide_activities(&self, kind: Option<&str>) -> Result<Vec<StoredActivity>, StoreError> {
        let only = if kind.is_some() { " AND a.kind = $3" } else { "" };
        let sql = "SELECT a.revision, a.recorded_at, a.record, v.revision AS void_revision
                   FROM activity a LEFT JOIN void v
                     ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
                   WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.case_id IS NULL";
        let statement = self.statement(&format!("{sql}{only}"), kind.map(Into::into));
        let rows = self.transaction.query_all_raw(statement).await?;
        rows.iter().map(read_stored_activity).collect()
    }
}

/// Where the cases of circles are found: a table, its column, and the keys to look for.
fn in_tables<'c>(circles: impl Iterator<Item = &'c Circle>) -> [(&'static str, &'static str, Vec<String>); 2] {
    let (mut persons, mut households) = (Vec::new(), Vec::new());
    for circle in circles {
        match circle {
            Circle::Person(person) => persons.push(person.as_str().to_owned()),
            Circle::Household(key) => households.push(key.to_string()),
        }
    }
    [("case_person", "person_id", persons), ("case_household", "household_id", households)]
}
