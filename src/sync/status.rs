//! What two copies are compared by: tallies of the whole, of days, and the records of a day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::{Session, Sync};
use crate::domain::digest::{Tally, day};
use crate::domain::feed::SyncEntity;
use crate::domain::time::{DAY, Timestamp, date_of_day, day_number};
use crate::ingest::{IngestError, Work, digest_version};
use crate::store::{ALL_DAYS, LeafRow};

/// A market as a whole.
#[derive(Debug, Clone)]
pub struct MarketStatus {
    /// The newest commit.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Zone of the market's days.
    pub zone: Tz,
    /// By entity; none of them empty.
    pub tallies: BTreeMap<SyncEntity, Tally>,
}

impl Sync {
    /// The tallies of a market.
    ///
    /// # Errors
    /// The database is away.
    pub async fn status(&self, session: &Session) -> Result<MarketStatus, IngestError> {
        self.counted(session).await?;
        let scope = self.markets.store().scope(&session.key.tenant);
        let view = scope.tallies(&session.key.market, None).await?;
        let (revision, recorded) = view.head;
        let tallies = view.tallies.into_iter().map(|((entity, _), tally)| (entity, tally));
        let tallies = tallies.filter(|(entity, _)| session.counts(*entity)).collect();
        Ok(MarketStatus { revision, recorded, zone: session.market.zone, tallies })
    }

    /// The tallies of an entity by day, from one day on and before another, with the revision that they stand on.
    ///
    /// # Errors
    /// The database is away.
    pub async fn days(
        &self,
        session: &Session,
        entity: SyncEntity,
        from: Option<NaiveDate>,
        before: Option<NaiveDate>,
    ) -> Result<(Vec<(NaiveDate, Tally)>, u64), IngestError> {
        session.may_compare(entity)?;
        self.counted(session).await?;
        let scope = self.markets.store().scope(&session.key.tenant);
        let first = from.map_or(ALL_DAYS + 1, day_number);
        let last = before.map_or(i32::MAX, |before| day_number(before) - 1);
        let view = scope.tallies(&session.key.market, Some((first, last))).await?;
        let of_entity = view.tallies.into_iter().filter(|((of, _), _)| *of == entity);
        Ok((of_entity.map(|((_, day), tally)| (date_of_day(day), tally)).collect(), view.head.0))
    }

    /// Records of an entity that count on a day, behind an id and version, in order: at most `limit`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn leaves(
        &self,
        session: &Session,
        entity: SyncEntity,
        date: NaiveDate,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Result<Vec<LeafRow>, IngestError> {
        session.may_compare(entity)?;
        let scope = self.markets.store().scope(&session.key.tenant);
        let number = day_number(date);
        // The day of any zone lies in these three days of UTC.
        let utc = i64::from(number) * DAY;
        let stretch = (Timestamp(utc - DAY), Timestamp(utc + 2 * DAY));
        let mut found = Vec::new();
        let mut next = Some(after.unwrap_or_default());
        while let Some(behind) = next.filter(|_| found.len() < limit) {
            let (rows, more) = scope.leaves(&session.key.market, entity, stretch, (&behind.0, &behind.1)).await?;
            found.extend(rows.into_iter().filter(|row| day(&session.market, row.at) == number));
            next = more;
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Makes sure that the stored tallies are those of this version and zone: the writer counts anew where they are not.
    async fn counted(&self, session: &Session) -> Result<(), IngestError> {
        let head = self.markets.store().scope(&session.key.tenant).head(&session.key.market).await?;
        let old = head.is_some_and(|head| head.revision > 0 && head.digest_version != digest_version(&session.market));
        if old {
            self.markets.submit(&session.key, Work::Load(Vec::new(), Vec::new())).await?;
        }
        Ok(())
    }
}
