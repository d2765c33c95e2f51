//! Activities on their way into their table.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;

use super::bounded::Copied;
use super::bulk::{Column, key_set};
use super::copy::CopyRows;
use super::{InsertOutcome, MarketTx, StoreError};
use crate::domain::activity::Activity;
use crate::domain::time::Timestamp;

/// An activity about to be stored.
#[derive(Debug)]
pub struct ActivityRow<'a> {
    /// The activity.
    pub activity: &'a Activity,
    /// Its bytes.
    pub record: Vec<u8>,
    /// Its id may be stored already. Where this is wrong, either way, nothing but time is lost.
    pub doubtful: bool,
}

impl ActivityRow<'_> {
    /// The case that the row names: the first of the activity's.
    fn case(&self) -> Option<&str> {
        self.activity.cases.first().map(|case| case.as_str()).filter(|case| !case.is_empty())
    }
}

/// Bytes of a copied row beside its record, about.
const ROW: usize = 192;

impl MarketTx {
    /// Stores the activities whose ids are new, sorted by key: those whose ids are taken to be new in the quickest way there
    /// is, the others in a way that leaves out what is there.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_activities(
        &self,
        revision: u64,
        recorded: Timestamp,
        mut rows: Vec<ActivityRow<'_>>,
    ) -> Result<InsertOutcome, StoreError> {
        rows.sort_by(|a, b| a.activity.id.cmp(&b.activity.id));
        let mut outcome = InsertOutcome::default();
        if self.is_ahead() {
            outcome.existing = self.insert_later(revision, recorded, &mut rows).await?;
            self.insert_links(&rows, &outcome.existing).await?;
            return Ok(outcome);
        }
        let copied = self.copy_activities(revision, recorded, &rows).await?;
        if copied != Copied::All {
            outcome.surprising = copied == Copied::KeyExists;
            rows.iter_mut().for_each(|row| row.doubtful = true);
        }
        let doubtful: Vec<_> = rows.iter_mut().filter(|row| row.doubtful).collect();
        outcome.existing = self.insert_doubtful(revision, recorded, doubtful).await?;
        self.insert_links(&rows, &outcome.existing).await?;
        Ok(outcome)
    }

    /// Lets the rows wait for the lock whose ids are not there; the ids of the others. An id that nobody doubted and that is
    /// there all the same is met under the lock.
    async fn insert_later(
        &self,
        revision: u64,
        recorded: Timestamp,
        rows: &mut [ActivityRow<'_>],
    ) -> Result<HashSet<String>, StoreError> {
        let doubtful: Vec<String> =
            rows.iter().filter(|row| row.doubtful).map(|row| row.activity.id.as_str().to_owned()).collect();
        let existing = if doubtful.is_empty() { HashSet::new() } else { self.existing(doubtful, revision).await? };
        let new = rows.iter_mut().filter(|row| !existing.contains(row.activity.id.as_str())).collect();
        let columns = activity_columns(revision, recorded, new);
        self.bulk_later("activity", columns, "ON CONFLICT DO NOTHING", true).await?;
        Ok(existing)
    }

    /// Notes the further cases of the activities that are new.
    async fn insert_links(&self, rows: &[ActivityRow<'_>], existing: &HashSet<String>) -> Result<(), StoreError> {
        let mut links: Vec<(String, String)> = rows
            .iter()
            .filter(|row| row.activity.cases.len() > 1 && !existing.contains(row.activity.id.as_str()))
            .flat_map(|row| {
                let id = row.activity.id.as_str();
                row.activity.cases.iter().skip(1).map(move |case| (case.as_str().to_owned(), id.to_owned()))
            })
            .collect();
        links.sort_unstable();
        let (cases, ids) = links.into_iter().unzip();
        let columns = vec![("case_id", Column::Text(cases)), ("activity_id", Column::Text(ids))];
        self.bulk_later("activity_link", columns, "ON CONFLICT DO NOTHING", false).await
    }

    /// Copies the rows in whose ids are taken to be new.
    async fn copy_activities(
        &self,
        revision: u64,
        recorded: Timestamp,
        rows: &[ActivityRow<'_>],
    ) -> Result<Copied, StoreError> {
        let fresh = || rows.iter().filter(|row| !row.doubtful);
        let bytes: usize = fresh().map(|row| ROW + row.record.len()).sum();
        if bytes == 0 {
            return Ok(Copied::All);
        }
        if !self.scope.store.pools.takes_copies() {
            return Ok(Copied::Refused);
        }
        let (tenant, market) = (self.scope.tenant.as_str().as_bytes(), self.market.as_str().as_bytes());
        let mut copy = CopyRows::new(9, bytes);
        for row in fresh() {
            let activity = row.activity;
            copy.row().bytes(tenant).bytes(market).bytes(activity.id.as_str().as_bytes());
            copy.int(revision.cast_signed()).int(recorded.0).int(activity.occurred.0);
            copy.text(row.case()).bytes(activity.detail.kind().as_bytes()).bytes(&row.record);
        }
        let Some(copy) = copy.finish() else { return Ok(Copied::Refused) };
        let sql = "COPY activity (tenant_id, market_id, activity_id, revision, recorded_at, occurred_at, case_id, kind, \
                   record) FROM STDIN (FORMAT BINARY)";
        let Some(open) = self.transaction.open() else { return Ok(Copied::Refused) };
        Ok(open.copy_in(sql, copy).await?)
    }

    /// Inserts the rows whose ids are not there; the ids of the others.
    async fn insert_doubtful(
        &self,
        revision: u64,
        recorded: Timestamp,
        rows: Vec<&mut ActivityRow<'_>>,
    ) -> Result<HashSet<String>, StoreError> {
        let ids: Vec<String> = rows.iter().map(|row| row.activity.id.as_str().to_owned()).collect();
        let columns = activity_columns(revision, recorded, rows);
        let written = self.bulk("activity", columns, "ON CONFLICT DO NOTHING").await?;
        if written == ids.len() as u64 { Ok(HashSet::new()) } else { self.existing(ids, revision).await }
    }

    /// Which of these ids were stored by an earlier commit than that of `revision`.
    async fn existing(&self, ids: Vec<String>, revision: u64) -> Result<HashSet<String>, StoreError> {
        let (keys, bind) = key_set(self.backend(), "activity_id", 3, ids);
        let sql = format!("SELECT activity_id FROM activity WHERE {keys} AND revision < $4");
        let statement = self.statement(&sql, [bind, revision.cast_signed().into()]);
        let rows = self.before().query_all_raw(statement).await?;
        rows.iter().map(|row| Ok(row.try_get("", "activity_id")?)).collect()
    }
}

/// The columns of rows of the table, whose records are taken out.
fn activity_columns(
    revision: u64,
    recorded: Timestamp,
    mut rows: Vec<&mut ActivityRow<'_>>,
) -> Vec<(&'static str, Column)> {
    let texts = |pick: fn(&Activity) -> &str| rows.iter().map(|row| pick(row.activity).to_owned()).collect();
    vec![
        ("activity_id", Column::Text(texts(|activity| activity.id.as_str()))),
        ("revision", Column::SameInt(revision.cast_signed(), rows.len())),
        ("recorded_at", Column::SameInt(recorded.0, rows.len())),
        ("occurred_at", Column::Int(rows.iter().map(|row| row.activity.occurred.0).collect())),
        ("case_id", Column::OptText(rows.iter().map(|row| row.case().map(str::to_owned)).collect())),
        ("kind", Column::Text(texts(|activity| activity.detail.kind()))),
        ("record", Column::Bytes(rows.iter_mut().map(|row| std::mem::take(&mut row.record)).collect())),
    ]
}
