//! Tallies of a market's records by entity and day, and what commits have added to them that is not merged yet.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bulk::Column;
use super::cases::read_version;
use super::history::read_stored_activity;
use super::{CaseRow, FindingRow, MarketTx, StoreError, StoredActivity, TenantScope};
use crate::domain::digest::{Leaf, Place, Tallies, Tally, entity_of};
use crate::domain::feed::SyncEntity;
use crate::domain::finding::{Finding, FindingStatus};
use crate::domain::finding_life::{Decision, standing, substance};
use crate::domain::ids::{FindingId, MarketId};
use crate::domain::time::Timestamp;

/// The day under which the sum of all days is kept.
pub const ALL_DAYS: i32 = i32::MIN;

/// A finding as its leaf is made.
#[derive(Debug, Clone)]
pub struct FindingState {
    /// The finding.
    pub id: FindingId,
    /// When it was broken.
    pub at: Timestamp,
    /// Revision at which the history changed it last.
    pub revision: u64,
    /// Its leaf; `None` of one that does not stand.
    pub leaf: Option<Leaf>,
}

impl FindingState {
    /// A finding as it is once the row is written, if that is its last decision.
    #[must_use]
    pub fn standing(row: &FindingRow, last: Option<&Decision>) -> Self {
        let (finding, says) = (&row.finding, substance(&row.finding));
        let leaf = Some(Leaf::finding(finding.id, standing(last, &says), &says));
        Self { id: finding.id, at: finding.at, revision: row.revision, leaf }
    }
}

/// The tallies of a market at a revision.
#[derive(Debug, Clone, Default)]
pub struct DigestView {
    /// The newest commit, and when it was recorded.
    pub head: (u64, Timestamp),
    /// By entity and day; [`ALL_DAYS`] for the sums.
    pub tallies: BTreeMap<Place, Tally>,
}

pub(super) fn packed(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    postcard::to_allocvec(value).map_err(|cause| StoreError::corrupt("digest", cause))
}

pub(super) fn unpacked<T: DeserializeOwned>(row: &QueryResult) -> Result<T, StoreError> {
    let body: Vec<u8> = row.try_get("", "body")?;
    postcard::from_bytes(&body).map_err(|cause| StoreError::corrupt("digest", cause))
}

pub(super) fn place(row: &QueryResult) -> Result<Place, StoreError> {
    let entity: String = row.try_get("", "entity")?;
    let known =
        SyncEntity::parse(&entity).ok_or_else(|| StoreError::corrupt("digest", format!("entity \"{entity}\"")))?;
    let day = i32::try_from(row.try_get::<i64>("", "day")?).map_err(|cause| StoreError::corrupt("digest", cause))?;
    Ok((known, day))
}

impl MarketTx {
    /// Stores what this commit adds to the tallies.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_tallies(&self, revision: u64, tallies: &Tallies) -> Result<(), StoreError> {
        let sql = "INSERT INTO digest_delta (tenant_id, market_id, revision, body) VALUES ($1, $2, $3, $4)";
        let values: [Value; 2] = [revision.cast_signed().into(), packed(tallies)?.into()];
        self.write_later(sql, values).await
    }

    /// Merges what commits have added into the stored tallies. False if nothing waited.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn merge_tallies(&self) -> Result<bool, StoreError> {
        let sql = "SELECT revision, body FROM digest_delta WHERE tenant_id = $1 AND market_id = $2";
        let rows = self.transaction.query_all_raw(self.statement(sql, [])).await?;
        if rows.is_empty() {
            return Ok(false);
        }
        let (mut sum, mut last) = (Tallies::default(), 0);
        for row in &rows {
            sum.add(&unpacked(row)?);
            last = last.max(row.try_get::<i64>("", "revision")?);
        }
        self.add_tallies(sum).await?;
        let sql = "DELETE FROM digest_delta WHERE tenant_id = $1 AND market_id = $2 AND revision <= $3";
        self.transaction.execute_raw(self.statement(sql, [last.into()])).await?;
        Ok(true)
    }

    /// Adds to the stored tallies.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn add_tallies(&self, mut sum: Tallies) -> Result<(), StoreError> {
        for ((entity, _), tally) in sum.0.clone() {
            sum.0.entry((entity, ALL_DAYS)).or_default().add(&tally);
        }
        let (from, to) = (
            sum.0.keys().map(|(_, day)| *day).filter(|day| *day != ALL_DAYS).min().unwrap_or(0),
            sum.0.keys().map(|(_, day)| *day).max().unwrap_or(0),
        );
        // A commit's days lie close together: the stretch between them is little more than what is needed.
        let sql = "SELECT entity, day, body FROM digest
                   WHERE tenant_id = $1 AND market_id = $2 AND (day = $3 OR (day >= $4 AND day <= $5))";
        let values: [Value; 3] = [i64::from(ALL_DAYS).into(), i64::from(from).into(), i64::from(to).into()];
        for row in self.transaction.query_all_raw(self.statement(sql, values)).await? {
            if let Some(tally) = sum.0.get_mut(&place(&row)?) {
                tally.add(&unpacked(&row)?);
            }
        }
        let bodies = sum.0.values().map(packed).collect::<Result<Vec<_>, _>>()?;
        let columns = vec![
            ("entity", Column::Text(sum.0.keys().map(|(entity, _)| entity.as_str().to_owned()).collect())),
            ("day", Column::Int(sum.0.keys().map(|(_, day)| i64::from(*day)).collect())),
            ("body", Column::Bytes(bodies)),
        ];
        let tail = "ON CONFLICT (tenant_id, market_id, day, entity) DO UPDATE SET body = excluded.body";
        self.bulk("digest", columns, tail).await?;
        Ok(())
    }

    /// Forgets every tally of the market: a recount follows in this transaction.
    ///
    /// # Errors
    /// The database is away.
    pub async fn clear_tallies(&self) -> Result<(), StoreError> {
        for table in ["digest", "digest_delta"] {
            let sql = format!("DELETE FROM {table} WHERE tenant_id = $1 AND market_id = $2");
            self.transaction.execute_raw(self.statement(&sql, [])).await?;
        }
        Ok(())
    }

    /// These findings as their leaves are made, as they are before this write or, under its lock, within it. Unknown ones
    /// are absent.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn finding_states(&self, ids: Vec<String>) -> Result<Vec<FindingState>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.select_before(&format!("{STATES} AND finding_id {{set}}"), ids).await?.iter().map(state).collect()
    }

    /// Findings by id, after the given one, as their leaves are made.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn finding_states_after(&self, after: &str, limit: u32) -> Result<Vec<FindingState>, StoreError> {
        let sql = format!("{STATES} AND finding_id > $3 ORDER BY finding_id LIMIT {limit}");
        let rows = self.transaction.query_all_raw(self.statement(&sql, [after.into()])).await?;
        rows.iter().map(state).collect()
    }

    /// Activities by id, after the given one.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn activities_after(&self, after: &str, limit: u32) -> Result<Vec<(StoredActivity, Leaf)>, StoreError> {
        let sql = format!("{RECORDS} AND a.activity_id > $3 ORDER BY a.activity_id LIMIT {limit}");
        let rows = self.transaction.query_all_raw(self.statement(&sql, [after.into()])).await?;
        rows.iter().map(record).collect()
    }

    /// The leaves of these activities, by id.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn record_leaves(&self, ids: Vec<String>) -> Result<HashMap<String, Leaf>, StoreError> {
        let rows = self.select_before(&format!("{RECORDS} AND a.activity_id {{set}}"), ids).await?;
        rows.iter().map(record).map(|read| read.map(|(row, leaf)| (row.activity.id.to_string(), leaf))).collect()
    }

    /// Case versions by case and version, after the given ones.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn versions_after(&self, after: (&str, &str), limit: u32) -> Result<Vec<(CaseRow, Leaf)>, StoreError> {
        let sql = format!("{VERSIONS} AND (case_id, version_id) > ($3, $4) ORDER BY case_id, version_id LIMIT {limit}");
        let rows = self.transaction.query_all_raw(self.statement(&sql, [after.0.into(), after.1.into()])).await?;
        rows.iter().map(version).collect()
    }
}

pub(super) const STATES: &str =
    "SELECT finding_id, revision, status, substance, at, body FROM finding WHERE tenant_id = $1 AND market_id = $2";
const RECORDS: &str = "SELECT a.revision, a.recorded_at, a.record, v.revision AS void_revision
    FROM activity a LEFT JOIN void v
      ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
    WHERE a.tenant_id = $1 AND a.market_id = $2";
const VERSIONS: &str = "SELECT revision, recorded_at, record FROM case_version WHERE tenant_id = $1 AND market_id = $2";

/// A case version and its leaf, which its stored bytes make.
fn version(row: &QueryResult) -> Result<(CaseRow, Leaf), StoreError> {
    let (revision, version) = read_version(row)?;
    let leaf = Leaf::version(&row.try_get::<Vec<u8>>("", "record")?);
    Ok((CaseRow { revision, recorded: Timestamp(row.try_get("", "recorded_at")?), version }, leaf))
}

/// An activity and its leaf, which its stored bytes make.
fn record(row: &QueryResult) -> Result<(StoredActivity, Leaf), StoreError> {
    let stored = read_stored_activity(row)?;
    let leaf = Leaf::record(entity_of(&stored.activity), &row.try_get::<Vec<u8>>("", "record")?);
    Ok((stored, leaf))
}

pub(super) fn state(row: &QueryResult) -> Result<FindingState, StoreError> {
    let text: String = row.try_get("", "finding_id")?;
    let id = FindingId::parse(&text).ok_or_else(|| StoreError::corrupt("finding", format!("id \"{text}\"")))?;
    let status: String = row.try_get("", "status")?;
    let status =
        FindingStatus::parse(&status).ok_or_else(|| StoreError::corrupt("finding", format!("status \"{status}\"")))?;
    let leaf = if status == FindingStatus::Withdrawn {
        None
    } else {
        let known: Option<String> = row.try_get("", "substance")?;
        let says = match known {
            Some(says) => says,
            // A row that is older than the column.
            None => {
                let body: String = row.try_get("", "body")?;
                let finding: Finding =
                    serde_json::from_str(&body).map_err(|cause| StoreError::corrupt("finding", cause))?;
                substance(&finding)
            }
        };
        Some(Leaf::finding(id, status, &says))
    };
    let revision = row.try_get::<i64>("", "revision")?.cast_unsigned();
    Ok(FindingState { id, at: Timestamp(row.try_get("", "at")?), revision, leaf })
}

impl TenantScope {
    /// The tallies of a market: of these days (both ends inclusive), or the sums of all days where none are named; of one
    /// instant, with the revision that they stand on.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn tallies(&self, market: &MarketId, days: Option<(i32, i32)>) -> Result<DigestView, StoreError> {
        let (from, to) = days.unwrap_or((ALL_DAYS, ALL_DAYS));
        // One statement sees one instant on both databases.
        let sql = "SELECT 'head' AS what, '' AS entity, recorded_at AS day, revision, NULL AS body FROM market
             WHERE tenant_id = $1 AND market_id = $2
             UNION ALL SELECT 'digest' AS what, entity, day, 0 AS revision, body FROM digest
             WHERE tenant_id = $1 AND market_id = $2 AND day >= $3 AND day <= $4
             UNION ALL SELECT 'delta' AS what, '' AS entity, 0 AS day, revision, body FROM digest_delta
             WHERE tenant_id = $1 AND market_id = $2";
        let values: [Value; 2] = [i64::from(from).into(), i64::from(to).into()];
        let mut view = DigestView::default();
        for row in self.reader().query_all_raw(self.statement(market, sql, values)).await? {
            match row.try_get::<String>("", "what")?.as_str() {
                "head" => {
                    let revision = row.try_get::<i64>("", "revision")?.cast_unsigned();
                    view.head = (revision, Timestamp(row.try_get("", "day")?));
                }
                "digest" => view.tallies.entry(place(&row)?).or_default().add(&unpacked(&row)?),
                _ => {
                    for ((entity, day), tally) in unpacked::<Tallies>(&row)?.0 {
                        let day = if days.is_some() { day } else { ALL_DAYS };
                        if (from..=to).contains(&day) {
                            view.tallies.entry((entity, day)).or_default().add(&tally);
                        }
                    }
                }
            }
        }
        view.tallies.retain(|_, tally| !tally.is_empty());
        Ok(view)
    }
}
