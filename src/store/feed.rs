//! The change feed's rows, read by revision: each list in an order of its own that a reader can go on behind.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::bulk::{Column, text_set};
use super::feed_rows::{FeedRecord, FeedVersion, RECORD, VERSION};
use super::feed_stretch::only_kind;
use super::{Backend, MarketTx, StoreError, TenantScope};
use crate::domain::feed::{Behind, ChangeReason, FeedKind, Mark, SyncEntity};
use crate::domain::ids::{ActivityId, CaseId, MarketId};

/// Conditions, order and binds of a list by revision and then by these id columns. The first binds are revision and end.
pub(super) struct Window {
    /// Follows `tenant_id = $1 AND market_id = $2`.
    pub(super) condition: String,
    pub(super) order: String,
    pub(super) values: Vec<Value>,
}

impl Window {
    pub(super) fn new(backend: Backend, behind: &Behind, through: u64, ids: &[&str]) -> Self {
        // Bytes decide on both databases, whatever collation PostgreSQL was set up with.
        let collate = if backend == Backend::Postgres { " COLLATE \"C\"" } else { "" };
        let columns: Vec<String> = ids.iter().map(|id| format!("{id}{collate}")).collect();
        let mut values: Vec<Value> = vec![behind.revision.cast_signed().into(), through.cast_signed().into()];
        let condition = match &behind.ids {
            None => " AND revision > $3 AND revision <= $4".to_owned(),
            Some((one, two)) => {
                values.extend([one.as_str(), two.as_str()].into_iter().take(ids.len()).map(Value::from));
                let places: Vec<String> = (5..).take(ids.len()).map(|place| format!("${place}")).collect();
                format!(
                    " AND revision >= $3 AND revision <= $4 AND (revision > $3 OR ({}) > ({}))",
                    columns.join(", "),
                    places.join(", ")
                )
            }
        };
        Self { condition, order: format!("ORDER BY revision, {}", columns.join(", ")), values }
    }
}

/// Why activities were recorded, by the bytes of their ids, where the reason is not that they were new.
pub type Reasons = HashMap<Vec<u8>, ChangeReason, foldhash::quality::RandomState>;

impl TenantScope {
    /// Case versions behind a place, up to a revision, by revision, case and version.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn feed_versions(
        &self,
        market: &MarketId,
        behind: &Behind,
        through: u64,
        limit: u32,
    ) -> Result<Vec<FeedVersion>, StoreError> {
        let window = Window::new(self.store.backend, behind, through, &["case_id", "version_id"]);
        let sql = format!(
            "SELECT {VERSION} FROM case_version
             WHERE tenant_id = $1 AND market_id = $2{} {} LIMIT {limit}",
            window.condition, window.order
        );
        let rows = self.reader().query_all_raw(self.statement(market, &sql, window.values)).await?;
        rows.iter().map(FeedVersion::of).collect()
    }

    /// Activities behind a place, up to a revision, by revision and id: only voids, all but voids, or all; and whether it is
    /// read what they say.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn feed_records(
        &self,
        market: &MarketId,
        behind: &Behind,
        through: u64,
        (only, read): (Option<SyncEntity>, bool),
        limit: u32,
    ) -> Result<Vec<FeedRecord>, StoreError> {
        let only = only_kind(only);
        let window = Window::new(self.store.backend, behind, through, &["activity_id"]);
        let sql = format!(
            "SELECT {RECORD} FROM activity a
             WHERE tenant_id = $1 AND market_id = $2{}{only} {} LIMIT {limit}",
            window.condition, window.order
        );
        let rows = self.reader().query_all_raw(self.statement(market, &sql, window.values)).await?;
        rows.iter().map(|row| FeedRecord::of(row, read)).collect()
    }

    /// Everything recorded of a case, in no order: its versions, and its activities with the revision that voided them.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn case_feed(
        &self,
        market: &MarketId,
        case: &CaseId,
    ) -> Result<(Vec<FeedVersion>, Vec<(FeedRecord, Option<u64>)>), StoreError> {
        let reader = &self.reader();
        let sql =
            format!("SELECT {VERSION} FROM case_version WHERE tenant_id = $1 AND market_id = $2 AND case_id = $3");
        let versions = reader.query_all_raw(self.statement(market, &sql, [case.as_str().into()])).await?;
        let sql = format!(
            "SELECT {RECORD}, v.revision AS void_revision FROM activity a LEFT JOIN void v
               ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
             WHERE a.tenant_id = $1 AND a.market_id = $2
               AND (a.case_id = $3 OR a.activity_id IN (SELECT l.activity_id FROM activity_link l
               WHERE l.tenant_id = $1 AND l.market_id = $2 AND l.case_id = $3))"
        );
        let records = reader.query_all_raw(self.statement(market, &sql, [case.as_str().into()])).await?;
        let versions = versions.iter().map(FeedVersion::of).collect::<Result<_, _>>()?;
        let record = |row: &QueryResult| {
            let voided = row.try_get::<Option<i64>>("", "void_revision")?.map(i64::cast_unsigned);
            Ok::<_, StoreError>((FeedRecord::of(row, true)?, voided))
        };
        Ok((versions, records.iter().map(record).collect::<Result<_, _>>()?))
    }

    /// The voids of these activities, as recorded.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn voids_of(&self, market: &MarketId, targets: Vec<String>) -> Result<Vec<FeedRecord>, StoreError> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let (set, bind) = text_set(self.store.backend, 3, targets);
        let of = format!(
            "IN (SELECT w.void_id FROM void w WHERE w.tenant_id = $1 AND w.market_id = $2 AND w.target_id {set})"
        );
        self.records_in(market, &of, bind).await
    }

    /// These activities as recorded. Unknown ids are absent.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn records_of(&self, market: &MarketId, ids: Vec<String>) -> Result<Vec<FeedRecord>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (set, bind) = text_set(self.store.backend, 3, ids);
        self.records_in(market, &set, bind).await
    }

    async fn records_in(&self, market: &MarketId, set: &str, bind: Value) -> Result<Vec<FeedRecord>, StoreError> {
        let sql = format!(
            "SELECT {RECORD} FROM activity a WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.activity_id {set}"
        );
        let rows = self.reader().query_all_raw(self.statement(market, &sql, [bind])).await?;
        rows.iter().map(|row| FeedRecord::of(row, true)).collect()
    }

    /// The versions of these cases, in no order. Unknown cases are absent.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn versions_of(
        &self,
        market: &MarketId,
        cases: &[CaseId],
    ) -> Result<HashMap<CaseId, Vec<FeedVersion>>, StoreError> {
        let mut found: HashMap<CaseId, Vec<FeedVersion>> = HashMap::new();
        if cases.is_empty() {
            return Ok(found);
        }
        let ids = cases.iter().map(|case| case.as_str().to_owned()).collect();
        let (set, bind) = text_set(self.store.backend, 3, ids);
        let sql =
            format!("SELECT {VERSION} FROM case_version WHERE tenant_id = $1 AND market_id = $2 AND case_id {set}");
        for row in self.reader().query_all_raw(self.statement(market, &sql, [bind])).await? {
            let version = FeedVersion::of(&row)?;
            found.entry(version.case.clone()).or_default().push(version);
        }
        Ok(found)
    }

    /// Why the activities of these revisions were recorded, by id, where the reason is not that they were new.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn record_reasons(
        &self,
        market: &MarketId,
        revisions: std::ops::RangeInclusive<u64>,
    ) -> Result<Reasons, StoreError> {
        let sql = "SELECT activity_id, reason FROM record_reason
                   WHERE tenant_id = $1 AND market_id = $2 AND revision >= $3 AND revision <= $4";
        let values = [revisions.start().cast_signed().into(), revisions.end().cast_signed().into()];
        let rows = self.reader().query_all_raw(self.statement(market, sql, values)).await?;
        rows.iter()
            .map(|row| {
                let reason: String = row.try_get("", "reason")?;
                let known = ChangeReason::parse(&reason)
                    .ok_or_else(|| StoreError::corrupt("reason", format!("reason \"{reason}\"")))?;
                Ok((row.try_get::<String>("", "activity_id")?.into_bytes(), known))
            })
            .collect()
    }

    /// Whether the change of a mark is still on record.
    ///
    /// # Errors
    /// The database is away.
    pub async fn has_change(&self, market: &MarketId, mark: &Mark) -> Result<bool, StoreError> {
        let Mark(revision, kind, one, two) = mark;
        let revision: Value = revision.cast_signed().into();
        let (sql, values): (&str, Vec<Value>) = match kind {
            FeedKind::Case => (
                "SELECT 1 AS found FROM case_version WHERE tenant_id = $1 AND market_id = $2 AND revision = $3
                 AND case_id = $4 AND version_id = $5",
                vec![revision, one.as_str().into(), two.as_str().into()],
            ),
            FeedKind::Record => (
                "SELECT 1 AS found FROM activity WHERE tenant_id = $1 AND market_id = $2 AND revision = $3
                 AND activity_id = $4",
                vec![revision, one.as_str().into()],
            ),
            FeedKind::Finding => (
                "SELECT 1 AS found FROM finding
                 WHERE tenant_id = $1 AND market_id = $2 AND revision = $3 AND finding_id = $4
                 UNION SELECT 1 AS found FROM finding_past
                 WHERE tenant_id = $1 AND market_id = $2 AND revision = $3 AND finding_id = $4
                 UNION SELECT 1 AS found FROM finding_update
                 WHERE tenant_id = $1 AND market_id = $2 AND revision = $3 AND finding_id = $4",
                vec![revision, one.as_str().into()],
            ),
        };
        Ok(self.reader().query_one_raw(self.statement(market, sql, values)).await?.is_some())
    }

    /// The market's epoch of feeds: only feeds that began in it go on.
    ///
    /// # Errors
    /// The database is away.
    pub async fn feed_epoch(&self, market: &MarketId) -> Result<u64, StoreError> {
        let sql = "SELECT feed_epoch FROM market WHERE tenant_id = $1 AND market_id = $2";
        let row = self.reader().query_one_raw(self.statement(market, sql, [])).await?;
        Ok(row.map(|row| row.try_get::<i64>("", "feed_epoch")).transpose()?.unwrap_or(0).cast_unsigned())
    }

    /// Begins another epoch of feeds: every copy of the market has to start again, and tallies are counted anew before they
    /// are told or added to. False if nothing was ever written.
    ///
    /// # Errors
    /// The database is away.
    pub async fn reset_feeds(&self, market: &MarketId) -> Result<bool, StoreError> {
        let sql = "UPDATE market SET feed_epoch = feed_epoch + 1, digest_version = ''
                   WHERE tenant_id = $1 AND market_id = $2";
        Ok(self.writer().execute_raw(self.statement(market, sql, [])).await?.rows_affected() == 1)
    }

    /// What the tokens of the tenant's feeds are signed with: of this store and tenant alone. Made at its first use.
    ///
    /// # Errors
    /// The database is away.
    pub async fn feed_secret(&self, fresh: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let statement = |sql: &str, values: Vec<Value>| {
            sea_orm::Statement::from_sql_and_values(self.store.backend.orm(), sql, values)
        };
        let tenant = || Value::from(self.tenant.as_str());
        let read = "SELECT secret FROM feed_secret WHERE tenant_id = $1";
        if let Some(row) = self.reader().query_one_raw(statement(read, vec![tenant()])).await? {
            return Ok(row.try_get("", "secret")?);
        }
        let make = "INSERT INTO feed_secret (tenant_id, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        self.writer().execute_raw(statement(make, vec![tenant(), fresh.into()])).await?;
        let row = self.writer().query_one_raw(statement(read, vec![tenant()])).await?;
        let row = row.ok_or_else(|| StoreError::corrupt("feed secret", "the row is missing right after its insert"))?;
        Ok(row.try_get("", "secret")?)
    }
}

impl MarketTx {
    /// Notes why activities of this commit were recorded, where the reason is not that they were new.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_reasons(
        &self,
        revision: u64,
        mut reasons: Vec<(ActivityId, ChangeReason)>,
    ) -> Result<(), StoreError> {
        reasons.sort_unstable();
        let columns = vec![
            ("revision", Column::Int(vec![revision.cast_signed(); reasons.len()])),
            ("activity_id", Column::Text(reasons.iter().map(|(id, _)| id.as_str().to_owned()).collect())),
            ("reason", Column::Text(reasons.iter().map(|(_, reason)| reason.as_str().to_owned()).collect())),
        ];
        self.bulk_later("record_reason", columns, "", false).await
    }
}
