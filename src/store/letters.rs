//! Dead letters: events that a receiver refused for good, put aside until an operator decides.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::bulk::text_set;
use super::{StoreError, TenantScope, backend};
use crate::domain::feed::SyncEntity;
use crate::domain::ids::{MarketId, SinkId};
use crate::domain::sink::{DeadLetter, LetterOrder};
use crate::domain::time::Timestamp;

/// What became of an event that was to be put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutAside {
    /// It is aside.
    Done,
    /// As many as may be are aside already.
    Full,
    /// This server is the holder no more.
    Lost,
}

const COLUMNS: &str = "change_id, revision, found_at, entity, subject, refusals, reason, put_at, asked";
/// Follows the tenant and the market.
const OF_SINK: &str = "WHERE tenant_id = $1 AND market_id = $2 AND sink_id = $3";

fn read(row: &QueryResult) -> Result<DeadLetter, StoreError> {
    let number = |column: &str| row.try_get::<i64>("", column).map(i64::cast_unsigned);
    let entity: String = row.try_get("", "entity")?;
    Ok(DeadLetter {
        change: row.try_get("", "change_id")?,
        revision: number("revision")?,
        found_at: number("found_at")?,
        entity: SyncEntity::parse(&entity)
            .ok_or_else(|| StoreError::corrupt("dead letter", format!("entity \"{entity}\"")))?,
        subject: row.try_get("", "subject")?,
        refusals: u32::try_from(number("refusals")?).unwrap_or(u32::MAX),
        reason: row.try_get("", "reason")?,
        put: Timestamp(row.try_get("", "put_at")?),
        asked: row.try_get("", "asked")?,
    })
}

impl TenantScope {
    /// A sink's dead letters in the order of their revisions, behind a place, at most so many; all, or only those that are
    /// to be sent again.
    ///
    /// # Errors
    /// The database is away.
    pub async fn letters(
        &self,
        market: &MarketId,
        sink: &SinkId,
        after: Option<(u64, String)>,
        asked_only: bool,
        limit: u64,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let (revision, change) = after.unwrap_or_default();
        let asked = if asked_only { "AND asked" } else { "" };
        let sql = format!(
            "SELECT {COLUMNS} FROM dead_letter {OF_SINK} {asked}
             AND (revision > $4 OR (revision = $4 AND change_id > $5)) ORDER BY revision, change_id LIMIT $6"
        );
        let values: [Value; 4] =
            [sink.as_str().into(), revision.cast_signed().into(), change.into(), limit.cast_signed().into()];
        let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
        rows.iter().map(read).collect()
    }

    /// How many dead letters each sink of a market has.
    ///
    /// # Errors
    /// The database is away.
    pub async fn letter_counts(&self, market: &MarketId) -> Result<Vec<(SinkId, u64)>, StoreError> {
        let sql = "SELECT sink_id, COUNT(*) AS letters FROM dead_letter WHERE tenant_id = $1 AND market_id = $2
                   GROUP BY sink_id";
        let rows = self.reader().query_all_raw(self.statement(market, sql, [])).await?;
        rows.iter()
            .map(|row| {
                let sink = SinkId::trusted(&row.try_get::<String>("", "sink_id")?);
                Ok((sink, row.try_get::<i64>("", "letters")?.cast_unsigned()))
            })
            .collect()
    }

    /// Puts an event aside, if this is the sink's holder and fewer than `most` are aside. One that is aside already gets its
    /// new reason, and is to be sent again no more. A sign of life too.
    ///
    /// # Errors
    /// The database is away.
    pub async fn put_aside(
        &self,
        market: &MarketId,
        (sink, fence): (&SinkId, u64),
        letter: &DeadLetter,
        most: u32,
    ) -> Result<PutAside, StoreError> {
        let transaction = backend::begin(&self.store, &self.tenant).await?;
        let beat = self.fence(market, sink, fence, "beat = beat + 1", Vec::new());
        if transaction.execute_raw(beat).await?.rows_affected() != 1 {
            transaction.rollback().await?;
            return Ok(PutAside::Lost);
        }
        let sql = format!("SELECT COUNT(*) AS letters FROM dead_letter {OF_SINK} AND change_id <> $4");
        let own: [Value; 2] = [sink.as_str().into(), letter.change.as_str().into()];
        let row = transaction.query_one_raw(self.statement(market, &sql, own)).await?;
        let aside = row.map(|row| row.try_get::<i64>("", "letters")).transpose()?.unwrap_or_default();
        if aside >= i64::from(most) {
            transaction.rollback().await?;
            return Ok(PutAside::Full);
        }
        let sql = format!(
            "INSERT INTO dead_letter (tenant_id, market_id, sink_id, {COLUMNS})
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (tenant_id, market_id, sink_id, change_id) DO UPDATE
             SET refusals = excluded.refusals, reason = excluded.reason, put_at = excluded.put_at, asked = excluded.asked"
        );
        let values: [Value; 10] = [
            sink.as_str().into(),
            letter.change.as_str().into(),
            letter.revision.cast_signed().into(),
            letter.found_at.cast_signed().into(),
            letter.entity.as_str().into(),
            letter.subject.as_str().into(),
            i64::from(letter.refusals).into(),
            letter.reason.as_str().into(),
            letter.put.0.into(),
            letter.asked.into(),
        ];
        transaction.execute_raw(self.statement(market, &sql, values)).await?;
        transaction.commit().await?;
        Ok(PutAside::Done)
    }

    /// Which of these events are aside.
    ///
    /// # Errors
    /// The database is away.
    pub async fn which_letters(
        &self,
        market: &MarketId,
        sink: &SinkId,
        changes: Vec<String>,
    ) -> Result<HashSet<String>, StoreError> {
        let (set, bind) = text_set(self.store.backend, 4, changes);
        let sql = format!("SELECT change_id FROM dead_letter {OF_SINK} AND change_id {set}");
        let values: [Value; 2] = [sink.as_str().into(), bind];
        let rows = self.reader().query_all_raw(self.statement(market, &sql, values)).await?;
        rows.iter().map(|row| Ok(row.try_get("", "change_id")?)).collect()
    }

    /// Forgets a dead letter that its receiver has taken after all.
    ///
    /// # Errors
    /// The database is away.
    pub async fn letter_taken(&self, market: &MarketId, sink: &SinkId, change: &str) -> Result<(), StoreError> {
        let sql = format!("DELETE FROM dead_letter {OF_SINK} AND change_id = $4");
        let values: [Value; 2] = [sink.as_str().into(), change.into()];
        self.writer().execute_raw(self.statement(market, &sql, values)).await?;
        Ok(())
    }

    /// Carries out an order about dead letters, those named or all of the sink. Whoever sends looks again, for the fence
    /// grows. How many there were.
    ///
    /// # Errors
    /// The database is away.
    pub async fn order_letters(
        &self,
        market: &MarketId,
        sink: &SinkId,
        changes: Option<Vec<String>>,
        order: LetterOrder,
    ) -> Result<u64, StoreError> {
        let transaction = backend::begin(&self.store, &self.tenant).await?;
        let look = format!("UPDATE sink SET fence = fence + 1, holder = '', beat = beat + 1 {OF_SINK}");
        transaction.execute_raw(self.statement(market, &look, [sink.as_str().into()])).await?;
        let mut values: Vec<Value> = vec![sink.as_str().into()];
        let what = match order {
            LetterOrder::Replay => {
                values.push(true.into());
                format!("UPDATE dead_letter SET asked = $4 {OF_SINK}")
            }
            LetterOrder::Drop => format!("DELETE FROM dead_letter {OF_SINK}"),
        };
        let named = changes.map(|changes| text_set(self.store.backend, values.len() + 3, changes));
        let named = named.map(|(set, bind)| {
            values.push(bind);
            format!(" AND change_id {set}")
        });
        let sql = what + &named.unwrap_or_default();
        let done = transaction.execute_raw(self.statement(market, &sql, values)).await?.rows_affected();
        transaction.commit().await?;
        Ok(done)
    }
}
