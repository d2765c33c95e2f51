//! Case versions as stored.

use std::collections::{BTreeSet, HashSet};
use std::sync::PoisonError;

use sea_orm::{ConnectionTrait, QueryResult};

use super::bulk::{Column, text_set};
use super::{MarketTx, StoreError, TenantScope};
use crate::domain::case::CaseVersion;
use crate::domain::ids::{CaseId, MarketId};
use crate::domain::time::Timestamp;
use crate::wire::stored;

/// A case version about to be stored.
#[derive(Debug)]
pub struct CaseUpsertRow<'a> {
    /// The version.
    pub version: &'a CaseVersion,
    /// Its bytes.
    pub record: Vec<u8>,
}

/// A case version as stored.
#[derive(Debug, Clone)]
pub struct CaseRow {
    /// Revision of its commit.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// The version.
    pub version: CaseVersion,
}

pub(super) fn read_version(row: &QueryResult) -> Result<(u64, CaseVersion), StoreError> {
    let record: Vec<u8> = row.try_get("", "record")?;
    let version = stored::read_version(&record).map_err(|cause| StoreError::corrupt("case version", cause))?;
    Ok((row.try_get::<i64>("", "revision")?.cast_unsigned(), version))
}

impl MarketTx {
    /// Stores case versions that are known to be new, and who their parties are, each in one statement.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_versions(
        &self,
        revision: u64,
        recorded: Timestamp,
        mut rows: Vec<CaseUpsertRow<'_>>,
    ) -> Result<(), StoreError> {
        rows.sort_by(|a, b| (&a.version.case, &a.version.version).cmp(&(&b.version.case, &b.version.version)));
        let columns = vec![
            ("case_id", Column::Text(rows.iter().map(|row| row.version.case.as_str().to_owned()).collect())),
            ("version_id", Column::Text(rows.iter().map(|row| row.version.version.as_str().to_owned()).collect())),
            ("effective_at", Column::Int(rows.iter().map(|row| row.version.effective.0).collect())),
            ("revision", Column::SameInt(revision.cast_signed(), rows.len())),
            ("recorded_at", Column::SameInt(recorded.0, rows.len())),
            ("record", Column::Bytes(rows.iter_mut().map(|row| std::mem::take(&mut row.record)).collect())),
        ];
        self.bulk_later("case_version", columns, "", false).await?;
        let persons = rows
            .iter()
            .flat_map(|row| {
                let case = row.version.case.as_str();
                row.version.parties.iter().map(move |party| (party.person.as_str().to_owned(), case.to_owned()))
            })
            .collect();
        self.insert_persons(persons).await?;
        let parties = rows.iter().flat_map(|row| row.version.parties.iter().map(|party| (party, &row.version.case)));
        let households = parties.filter_map(|(party, case)| Some((party.household.clone()?, case.as_str().to_owned())));
        self.insert_pairs("case_household", "household_id", households.collect()).await
    }

    /// Records which persons have to do with which cases: pairs of person and case.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_persons(&self, persons: Vec<(String, String)>) -> Result<(), StoreError> {
        self.insert_pairs("case_person", "person_id", persons).await
    }

    async fn insert_pairs(
        &self,
        table: &'static str,
        column: &'static str,
        mut pairs: Vec<(String, String)>,
    ) -> Result<(), StoreError> {
        if pairs.is_empty() {
            return Ok(());
        }
        pairs.sort_unstable();
        pairs.dedup();
        if self.is_ahead() {
            let mut own = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
            own.extend(pairs.iter().map(|(key, case)| (table, key.clone(), case.clone())));
        }
        let (keys, cases) = pairs.into_iter().unzip();
        let columns = vec![(column, Column::Text(keys)), ("case_id", Column::Text(cases))];
        self.bulk_later(table, columns, "ON CONFLICT DO NOTHING", false).await
    }

    /// What this write adds to a table of cases by persons or households under these keys, as far as it may wait for its
    /// lock: pairs of key and case.
    pub(super) fn own_pairs(&self, table: &str, keys: &[String]) -> BTreeSet<(String, String)> {
        let own = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = own.iter().filter(|(in_table, key, _)| *in_table == table && keys.contains(key));
        asked.map(|(_, key, case)| (key.clone(), case.clone())).collect()
    }
}

impl TenantScope {
    /// Those of these cases that are on record.
    ///
    /// # Errors
    /// The database is away.
    pub async fn known_cases(&self, market: &MarketId, cases: &[&CaseId]) -> Result<HashSet<CaseId>, StoreError> {
        let ids = cases.iter().map(|case| case.as_str().to_owned()).collect();
        let (set, bind) = text_set(self.store.backend, 3, ids);
        let sql = format!(
            "SELECT DISTINCT case_id FROM case_version WHERE tenant_id = $1 AND market_id = $2 AND case_id {set}"
        );
        let rows = self.reader().query_all_raw(self.statement(market, &sql, [bind])).await?;
        rows.iter().map(|row| Ok(CaseId::trusted(&row.try_get::<String>("", "case_id")?))).collect()
    }
}
