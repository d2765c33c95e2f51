//! Histories of cases that follow each other by id, for who reads many: one range instead of a list of ids, as PostgreSQL copies
//! it out where it can, and taken apart only where they are told.

use std::collections::HashMap;
use std::ops;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, Statement};

use super::copy::{CopiedRow, plain};
use super::elsewhere::SharedCalls;
use super::history::{CaseHistory, StoredActivity, Voids};
use super::{Backend, StoreError, TenantScope};
use crate::domain::activity::Activity;
use crate::domain::ids::{CaseId, MarketId};
use crate::domain::time::Timestamp;
use crate::wire::stored::{self, Bytes};

/// `{of c}` is the range of that table's cases.
const VERSIONS: &str = "SELECT c.case_id, c.revision, c.recorded_at, c.record FROM case_version c WHERE {of c}";
const ACTIVITIES: &str = "SELECT a.case_id, a.revision, a.recorded_at, a.record FROM activity a WHERE {of a}
    UNION ALL
    SELECT l.case_id, a.revision, a.recorded_at, a.record
    FROM activity_link l JOIN activity a
      ON a.tenant_id = l.tenant_id AND a.market_id = l.market_id AND a.activity_id = l.activity_id
    WHERE {of l}
    UNION ALL
    SELECT t.case_id, a.revision, a.recorded_at, a.record
    FROM told_case t JOIN activity a
      ON a.tenant_id = t.tenant_id AND a.market_id = t.market_id AND a.activity_id = t.activity_id
    WHERE {of t}";

/// Rows of so many cases lie on so many pages that PostgreSQL reads them by page: one page after the other takes it a third of
/// what it takes to look for each row, and it would guess the number of rows too low to do so by itself.
const BY_PAGE: usize = 1_000;

impl TenantScope {
    /// The histories of these cases, as committed. They are all of the market's cases from the first to the last, in the order
    /// in which [`TenantScope::list_cases`] tells them: what is stored of others between them is passed over.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn stored_histories(
        &self,
        market: &MarketId,
        cases: Vec<CaseId>,
        voids: Arc<Voids>,
    ) -> Result<StoredHistories, StoreError> {
        let mut found = StoredHistories { cases, versions: Vec::new(), activities: Vec::new(), voids, bytes: 0 };
        let (Some(first), Some(last)) = (found.cases.first(), found.cases.last()) else { return Ok(found) };
        let range = Range { scope: self, market, first, last, by_page: found.cases.len() >= BY_PAGE };
        let versions = range.rows(VERSIONS, &found.cases).await?;
        let mut activities = range.rows(ACTIVITIES, &found.cases).await?;
        let elsewhere = self.promises_elsewhere(market, &found.cases, &activities).await?;
        if !elsewhere.is_empty() {
            activities.extend(elsewhere);
            activities.sort_by_key(|row| row.place);
        }
        found.bytes = versions.iter().chain(&activities).map(Row::bytes).sum();
        (found.versions, found.activities) = (versions, activities);
        Ok(found)
    }

    /// The promises on other cases that belong to the histories of these.
    async fn promises_elsewhere(
        &self,
        market: &MarketId,
        cases: &[CaseId],
        activities: &[Row],
    ) -> Result<Vec<Row>, StoreError> {
        let mut calls = SharedCalls::default();
        // Nearly all records name one case, which their bytes tell without being taken apart.
        for row in activities.iter().filter(|row| stored::names_several_cases(&row.record)) {
            if let Some(case) = cases.get(row.place) {
                calls.note(case, &read_activity(&row.record)?);
            }
        }
        let promises = calls.promises(self, market, &self.reader()).await?;
        let mut found = Vec::new();
        if promises.is_empty() {
            // Mostly: then nobody need know where each case stands.
            return Ok(found);
        }
        let mut places = Places::of(cases);
        for row in promises {
            let record = Bytes::from(row.try_get_by_index::<Vec<u8>>(3)?);
            let lead = calls.lead(&read_activity(&record)?).and_then(|lead| places.of_case(lead.as_str()));
            if let Some(place) = lead {
                let (revision, recorded) = (row.try_get_by_index::<i64>(1)?, row.try_get_by_index(2)?);
                let (revision, recorded) = (revision.cast_unsigned(), Timestamp(recorded));
                found.push(Row { place, revision, recorded, record });
            }
        }
        Ok(found)
    }
}

fn read_activity(record: &[u8]) -> Result<Activity, StoreError> {
    stored::read_activity(record).map_err(|cause| StoreError::corrupt("activity", cause))
}

/// Histories of cases as their bytes.
#[derive(Debug)]
pub struct StoredHistories {
    cases: Vec<CaseId>,
    /// By case.
    versions: Vec<Row>,
    activities: Vec<Row>,
    voids: Arc<Voids>,
    bytes: usize,
}

/// A row of a case, by its place among the cases.
#[derive(Debug)]
struct Row {
    place: usize,
    revision: u64,
    recorded: Timestamp,
    record: Bytes,
}

impl Row {
    /// Memory that it takes.
    const fn bytes(&self) -> usize {
        size_of::<Self>() + self.record.len()
    }
}

impl StoredHistories {
    /// The cases.
    #[must_use]
    pub fn cases(&self) -> &[CaseId] {
        &self.cases
    }

    /// Memory that their rows take, about.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The histories of some of the cases, by their places; cases that are unknown are left out. Keeps a processor busy.
    ///
    /// # Errors
    /// A row is corrupt.
    pub fn read(&self, places: ops::Range<usize>) -> Result<Vec<(CaseId, CaseHistory)>, StoreError> {
        let mut versions = within(&self.versions, &places).iter().peekable();
        let mut activities = within(&self.activities, &places).iter().peekable();
        let mut histories = Vec::with_capacity(places.len());
        for (place, case) in self.cases.iter().enumerate().take(places.end).skip(places.start) {
            let mut history = CaseHistory::default();
            while let Some(row) = versions.next_if(|row| row.place == place) {
                let version =
                    stored::read_version(&row.record).map_err(|cause| StoreError::corrupt("case version", cause))?;
                history.versions.push((row.revision, version));
            }
            let own = activities.clone().take_while(|row| row.place == place).count();
            history.activities.reserve_exact(own);
            for row in activities.by_ref().take(own) {
                let activity = read_activity(&row.record)?;
                let voided = self.voids.get(&activity.id).copied();
                let Row { revision, recorded, .. } = *row;
                history.activities.push(StoredActivity { revision, recorded, voided, activity });
            }
            if !history.versions.is_empty() {
                histories.push((case.clone(), history));
            }
        }
        Ok(histories)
    }
}

/// The rows of some places, of rows by their places.
fn within<'r>(rows: &'r [Row], places: &ops::Range<usize>) -> &'r [Row] {
    let before = |place: usize| rows.partition_point(|row| row.place < place);
    rows.get(before(places.start)..before(places.end)).unwrap_or_default()
}

/// The cases of a market from one to another, in the database's order.
struct Range<'a> {
    scope: &'a TenantScope,
    market: &'a MarketId,
    first: &'a CaseId,
    last: &'a CaseId,
    by_page: bool,
}

impl Range<'_> {
    /// The rows of these cases, by case; those of a case as the database gives them.
    async fn rows(&self, select: &str, cases: &[CaseId]) -> Result<Vec<Row>, StoreError> {
        let mut places = Places::of(cases);
        let mut rows: Vec<Row> = Vec::new();
        let mut take = |case: &str, revision: i64, recorded: i64, record: Bytes| {
            if let Some(place) = places.of_case(case) {
                let (revision, recorded) = (revision.cast_unsigned(), Timestamp(recorded));
                rows.push(Row { place, revision, recorded, record });
            }
        };
        if let Some(sql) = self.copy(select) {
            let take = |mut row: CopiedRow| {
                let case = row.bytes()?;
                let case = std::str::from_utf8(&case).map_err(|error| StoreError::corrupt("copy", error))?;
                take(case, row.int()?, row.int()?, row.bytes()?);
                Ok(())
            };
            let with = self.by_page.then_some("SET LOCAL enable_indexscan = off");
            self.scope.reader().copy_out(&sql, with, take).await?;
        } else {
            for row in self.scope.reader().query_all_raw(self.select(select)).await? {
                let (case, record): (String, Vec<u8>) = (row.try_get_by_index(0)?, row.try_get_by_index(3)?);
                take(&case, row.try_get_by_index(1)?, row.try_get_by_index(2)?, record.into());
            }
        }
        rows.sort_by_key(|row| row.place);
        Ok(rows)
    }

    /// The statement that copies out what is selected; `None` where it has to be selected.
    fn copy(&self, select: &str) -> Option<String> {
        let names = [self.scope.tenant.as_str(), self.market.as_str(), self.first.as_str(), self.last.as_str()];
        if self.scope.store.backend != Backend::Postgres || !names.into_iter().all(plain) {
            return None;
        }
        let sql = with_names(select, &names.map(|name| format!("'{name}'")));
        Some(format!("COPY ({sql}) TO STDOUT (FORMAT binary)"))
    }

    fn select(&self, select: &str) -> Statement {
        let sql = with_names(select, &["$1", "$2", "$3", "$4"].map(str::to_owned));
        self.scope.statement(self.market, &sql, [self.first.as_str().into(), self.last.as_str().into()])
    }
}

/// The statement with these in place of tenant, market, first and last case.
fn with_names(select: &str, [tenant, market, first, last]: &[String; 4]) -> String {
    let of = |table: &str| {
        format!(
            "{table}.tenant_id = {tenant} AND {table}.market_id = {market} \
             AND {table}.case_id >= {first} AND {table}.case_id <= {last}"
        )
    };
    ["a", "c", "l", "t"]
        .iter()
        .fold(select.to_owned(), |sql, table| sql.replace(&format!("{{of {table}}}"), &of(table)))
}

/// The places of cases.
struct Places<'c> {
    cases: &'c [CaseId],
    places: HashMap<&'c str, usize, foldhash::fast::RandomState>,
    /// That of the row before: rows of a case often follow each other.
    last: usize,
}

impl<'c> Places<'c> {
    fn of(cases: &'c [CaseId]) -> Self {
        let places = cases.iter().enumerate().map(|(place, case)| (case.as_str(), place)).collect();
        Self { cases, places, last: 0 }
    }

    fn of_case(&mut self, case: &str) -> Option<usize> {
        if self.cases.get(self.last).is_none_or(|last| last.as_str() != case) {
            self.last = *self.places.get(case)?;
        }
        Some(self.last)
    }
}
