//! Receivers of changes: their places in the feed, each moved only by the one server that holds it.

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::{StoreError, TenantScope};
use crate::domain::ids::{MarketId, SinkId};
use crate::domain::time::Timestamp;

/// A sink's state in one market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkRow {
    /// The sink.
    pub sink: SinkId,
    /// Where the feed goes on.
    pub place: String,
    /// Everything up to this revision was delivered.
    pub through: u64,
    /// Record time of what was delivered last; zero before the first.
    pub seen: Timestamp,
    /// When something was delivered last.
    pub delivered: Option<Timestamp>,
    /// The server that sends; empty for none.
    pub holder: String,
    /// Who may write: whoever knows this number.
    pub fence: u64,
    /// Signs of life of the holder.
    pub beat: u64,
    /// Nothing is sent until somebody resumes it.
    pub paused: bool,
    /// Why.
    pub reason: String,
    /// Failures since something was delivered last.
    pub failures: u32,
    /// The first of them.
    pub failing_since: Option<Timestamp>,
    /// When it is tried again.
    pub next_try: Option<Timestamp>,
    /// What the last failure was, of those since the last order.
    pub error: String,
    /// When.
    pub error_at: Option<Timestamp>,
}

/// How far a sink has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkProgress {
    /// Where the feed goes on.
    pub place: String,
    /// Everything up to this revision was delivered.
    pub through: u64,
    /// Record time of what was delivered last.
    pub seen: Timestamp,
    /// When something was delivered last.
    pub delivered: Option<Timestamp>,
}

/// A try that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkFailure {
    /// Failures since something was delivered last.
    pub failures: u32,
    /// The first of them.
    pub since: Timestamp,
    /// When it is tried again.
    pub next_try: Timestamp,
    /// What happened.
    pub error: String,
    /// When.
    pub at: Timestamp,
}

/// What an operator, or the sender itself, decides about a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkOrder {
    /// Send nothing any more, for this reason.
    Pause(String),
    /// Go on from this place, which is behind this revision.
    Resume(String, u64),
}

const COLUMNS: &str = "sink_id, place, through, seen_at, delivered_at, holder, fence, beat, paused, reason, failures,
    failing_since, next_try_at, error, error_at";
/// Follows the tenant and the market.
const ONE: &str = "WHERE tenant_id = $1 AND market_id = $2 AND sink_id = $3";

fn read(row: &QueryResult) -> Result<SinkRow, StoreError> {
    let number = |column: &str| row.try_get::<i64>("", column).map(i64::cast_unsigned);
    let instant = |column: &str| Ok::<_, StoreError>(row.try_get::<Option<i64>>("", column)?.map(Timestamp));
    Ok(SinkRow {
        sink: SinkId::trusted(&row.try_get::<String>("", "sink_id")?),
        place: row.try_get("", "place")?,
        through: number("through")?,
        seen: Timestamp(row.try_get("", "seen_at")?),
        delivered: instant("delivered_at")?,
        holder: row.try_get("", "holder")?,
        fence: number("fence")?,
        beat: number("beat")?,
        paused: row.try_get("", "paused")?,
        reason: row.try_get("", "reason")?,
        failures: u32::try_from(number("failures")?).unwrap_or(u32::MAX),
        failing_since: instant("failing_since")?,
        next_try: instant("next_try_at")?,
        error: row.try_get("", "error")?,
        error_at: instant("error_at")?,
    })
}

impl TenantScope {
    /// The state of a sink in a market; `None` before it began.
    ///
    /// # Errors
    /// The database is away.
    pub async fn sink(&self, market: &MarketId, sink: &SinkId) -> Result<Option<SinkRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM sink {ONE}");
        let row = self.reader().query_one_raw(self.statement(market, &sql, [sink.as_str().into()])).await?;
        row.as_ref().map(read).transpose()
    }

    /// When the oldest change behind a revision was recorded; `None` if none is.
    ///
    /// # Errors
    /// The database is away.
    pub async fn oldest_behind(&self, market: &MarketId, through: u64) -> Result<Option<Timestamp>, StoreError> {
        // Record times never fall along the revisions: the first of each list is its oldest.
        let lists = [
            ("case_version", "recorded_at"),
            ("activity", "recorded_at"),
            ("finding", "changed_at"),
            ("finding_past", "changed_at"),
            ("finding_update", "recorded_at"),
        ];
        let lists = lists.map(|(table, column)| {
            format!(
                "SELECT at FROM (SELECT {column} AS at FROM {table} WHERE tenant_id = $1 AND market_id = $2
                 AND revision > $3 ORDER BY revision LIMIT 1) AS of_{table}"
            )
        });
        let sql = format!("SELECT MIN(at) AS at FROM ({}) AS firsts", lists.join(" UNION ALL "));
        let row = self.reader().query_one_raw(self.statement(market, &sql, [through.cast_signed().into()])).await?;
        Ok(row.map(|row| row.try_get::<Option<i64>>("", "at")).transpose()?.flatten().map(Timestamp))
    }

    /// Begins a sink at a place; nothing where it began before.
    ///
    /// # Errors
    /// The database is away.
    pub async fn make_sink(
        &self,
        market: &MarketId,
        sink: &SinkId,
        place: &str,
        through: u64,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO sink (tenant_id, market_id, sink_id, place, through, seen_at, holder, fence, beat, paused,
                       reason, failures, error)
                   VALUES ($1, $2, $3, $4, $5, 0, '', 0, 0, $6, '', 0, '') ON CONFLICT DO NOTHING";
        let values: [Value; 4] = [sink.as_str().into(), place.into(), through.cast_signed().into(), false.into()];
        self.writer().execute_raw(self.statement(market, sql, values)).await?;
        Ok(())
    }

    /// Takes a sink that was seen with this fence and beat, and returns the new fence; `None` if somebody came first.
    ///
    /// # Errors
    /// The database is away.
    pub async fn take_sink(&self, market: &MarketId, row: &SinkRow, holder: &str) -> Result<Option<u64>, StoreError> {
        let sql = format!(
            "UPDATE sink SET holder = $4, fence = fence + 1, beat = beat + 1
             {ONE} AND fence = $5 AND beat = $6 AND paused = $7"
        );
        let values: [Value; 5] = [
            row.sink.as_str().into(),
            holder.into(),
            row.fence.cast_signed().into(),
            row.beat.cast_signed().into(),
            false.into(),
        ];
        let taken = self.writer().execute_raw(self.statement(market, &sql, values)).await?.rows_affected() == 1;
        Ok(taken.then_some(row.fence.saturating_add(1)))
    }

    /// A sign of life of the holder with this fence. False if it is the holder no more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn beat_sink(&self, market: &MarketId, sink: &SinkId, fence: u64) -> Result<bool, StoreError> {
        self.fenced(market, sink, fence, "beat = beat + 1", Vec::new()).await
    }

    /// Moves a sink on: what was wrong is over. A sign of life too. False if this is the holder no more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn move_sink(
        &self,
        market: &MarketId,
        sink: &SinkId,
        fence: u64,
        progress: &SinkProgress,
    ) -> Result<bool, StoreError> {
        let set = "beat = beat + 1, place = $5, through = $6, seen_at = $7, delivered_at = $8,
                   failures = 0, failing_since = NULL, next_try_at = NULL";
        let values = vec![
            progress.place.as_str().into(),
            progress.through.cast_signed().into(),
            progress.seen.0.into(),
            progress.delivered.map(|at| at.0).into(),
        ];
        self.fenced(market, sink, fence, set, values).await
    }

    /// Notes a failure. A sign of life too. False if this is the holder no more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn note_sink_failure(
        &self,
        market: &MarketId,
        sink: &SinkId,
        fence: u64,
        failure: &SinkFailure,
    ) -> Result<bool, StoreError> {
        let set = "beat = beat + 1, failures = $5, failing_since = $6, next_try_at = $7, error = $8, error_at = $9";
        let values = vec![
            i64::from(failure.failures).into(),
            failure.since.0.into(),
            failure.next_try.0.into(),
            failure.error.as_str().into(),
            failure.at.0.into(),
        ];
        self.fenced(market, sink, fence, set, values).await
    }

    /// Gives a sink back, so that another server need not wait. False if this is the holder no more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn release_sink(&self, market: &MarketId, sink: &SinkId, fence: u64) -> Result<bool, StoreError> {
        self.fenced(market, sink, fence, "holder = '', beat = beat + 1", Vec::new()).await
    }

    async fn fenced(
        &self,
        market: &MarketId,
        sink: &SinkId,
        fence: u64,
        set: &str,
        more: Vec<Value>,
    ) -> Result<bool, StoreError> {
        let statement = self.fence(market, sink, fence, set, more);
        Ok(self.writer().execute_raw(statement).await?.rows_affected() == 1)
    }

    /// An update of a sink that changes nothing unless the fence is still this one. Further binds begin with `$5`.
    pub(super) fn fence(&self, market: &MarketId, sink: &SinkId, fence: u64, set: &str, more: Vec<Value>) -> Statement {
        let sql = format!("UPDATE sink SET {set} {ONE} AND fence = $4");
        let values = [sink.as_str().into(), fence.cast_signed().into()].into_iter().chain(more);
        self.statement(market, &sql, values)
    }

    /// Carries out an order, over the head of whoever sends: the fence grows, so that the sender looks again. With a fence,
    /// only if that is still the one. False if there is no such sink.
    ///
    /// # Errors
    /// The database is away.
    pub async fn order_sink(
        &self,
        market: &MarketId,
        sink: &SinkId,
        fence: Option<u64>,
        order: &SinkOrder,
    ) -> Result<bool, StoreError> {
        let mut values: Vec<Value> = vec![sink.as_str().into()];
        let set = match order {
            SinkOrder::Pause(reason) => {
                values.extend([true.into(), reason.as_str().into()]);
                "paused = $4, reason = $5, next_try_at = NULL"
            }
            SinkOrder::Resume(place, through) => {
                values.extend([false.into(), "".into(), place.as_str().into(), through.cast_signed().into()]);
                "paused = $4, reason = $5, place = $6, through = $7, seen_at = 0, failures = 0, failing_since = NULL,
                 next_try_at = NULL, error = '', error_at = NULL"
            }
        };
        let held = match fence {
            Some(fence) => {
                values.push(fence.cast_signed().into());
                format!(" AND fence = ${}", values.len() + 2)
            }
            None => String::new(),
        };
        let sql = format!("UPDATE sink SET fence = fence + 1, holder = '', beat = beat + 1, {set} {ONE}{held}");
        Ok(self.writer().execute_raw(self.statement(market, &sql, values)).await?.rows_affected() == 1)
    }
}
