//! What two copies are compared by: tallies of the whole, of days, and the records of a day. For whom everything is told, of
//! what is stored; for a partner, of what is told under its policy.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::partner::Tell;
use super::{Session, Sync};
use crate::domain::digest::{Leaf, Place, Tally, day};
use crate::domain::feed::SyncEntity;
use crate::domain::time::{DAY, Timestamp, date_of_day, day_number};
use crate::ingest::{IngestError, Work, digest_version};
use crate::store::{ALL_DAYS, Kept};

/// Rows that are looked through at a time for the records of a day.
const STRETCH: u32 = 20_000;

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

/// A record with its leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRow {
    /// Its id, and of a case version the version's.
    pub id: (String, String),
    /// Revision that brought it; of a finding, that changed it last.
    pub revision: u64,
    /// The instant on whose day it is counted.
    pub at: Timestamp,
    /// Its leaf.
    pub leaf: Leaf,
}

/// Tallies by entity and day, and the revision that they stand on.
pub(super) type Tallied = (BTreeMap<Place, Tally>, (u64, Timestamp));

impl Sync {
    /// The tallies of a market; of a partner's session, what `tell` says of records under its policy.
    ///
    /// # Errors
    /// The database is away; or a partner's tallies are still being counted.
    pub async fn status(&self, session: &Session, tell: Tell) -> Result<MarketStatus, IngestError> {
        let (tallies, (revision, recorded)) = self.tallied(session, None, tell).await?;
        let tallies = tallies.into_iter().map(|((entity, _), tally)| (entity, tally)).collect();
        Ok(MarketStatus { revision, recorded, zone: session.market.zone, tallies })
    }

    /// The tallies of an entity by day, from one day on and before another, with the revision that they stand on.
    ///
    /// # Errors
    /// The entity is not shared; the database is away; or a partner's tallies are still being counted.
    pub async fn days(
        &self,
        session: &Session,
        entity: SyncEntity,
        (from, before): (Option<NaiveDate>, Option<NaiveDate>),
        tell: Tell,
    ) -> Result<(Vec<(NaiveDate, Tally)>, u64), IngestError> {
        session.may_compare(entity)?;
        let first = from.map_or(ALL_DAYS + 1, day_number);
        let last = before.map_or(i32::MAX, |before| day_number(before) - 1);
        let (tallies, (revision, _)) = self.tallied(session, Some((first, last)), tell).await?;
        let of_entity = tallies.into_iter().filter(|((of, _), _)| *of == entity);
        Ok((of_entity.map(|((_, day), tally)| (date_of_day(day), tally)).collect(), revision))
    }

    async fn tallied(&self, session: &Session, days: Option<(i32, i32)>, tell: Tell) -> Result<Tallied, IngestError> {
        if let Some(sharing) = &session.sharing {
            return self.tallied_for(session, sharing, days, tell).await;
        }
        self.counted(session).await?;
        let view = self.markets.store().scope(&session.key.tenant).tallies(&session.key.market, days).await?;
        Ok((view.tallies, view.head))
    }

    /// Records of an entity that count on a day, behind an id and version, in order: at most `limit`.
    ///
    /// # Errors
    /// The entity is not shared, or the database is away.
    pub async fn leaves(
        &self,
        session: &Session,
        (entity, date): (SyncEntity, NaiveDate),
        after: Option<(String, String)>,
        limit: usize,
        tell: Tell,
    ) -> Result<Vec<LeafRow>, IngestError> {
        session.may_compare(entity)?;
        let number = day_number(date);
        let mut found = Vec::new();
        let mut next = Some(after.unwrap_or_default());
        while let Some(behind) = next.filter(|_| found.len() < limit) {
            let rows: Vec<LeafRow>;
            (rows, next) = match &session.sharing {
                Some(sharing) => self.leaves_for(session, sharing, (entity, number), &behind, tell).await?,
                None => {
                    let scope = self.markets.store().scope(&session.key.tenant);
                    let (market, stretch) = (&session.key.market, around(number));
                    let (rows, more) = scope.kept(market, entity, stretch, (&behind.0, &behind.1), STRETCH).await?;
                    (rows.into_iter().map(whole).filter_map(Result::transpose).collect::<Result<_, _>>()?, more)
                }
            };
            found.extend(rows.into_iter().filter(|row| day(&session.market, row.at) == number));
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

/// A stretch of time that the day of any zone lies in: three days of UTC.
pub(super) const fn around(day: i32) -> (Timestamp, Timestamp) {
    let utc = (day as i64) * DAY;
    (Timestamp(utc - DAY), Timestamp(utc + 2 * DAY))
}

/// A record that counts as it is stored.
fn whole(kept: Kept) -> Result<Option<LeafRow>, IngestError> {
    let id = kept.id();
    let row = |revision, at, leaf| LeafRow { id, revision, at, leaf };
    Ok(match kept {
        Kept::Version(version) => Some(row(version.revision, version.effective, version.leaf())),
        // A void activity does not count; a void does, whatever became of it.
        Kept::Activity(record, void) if void && record.entity == SyncEntity::Activity => None,
        Kept::Activity(record, _) => Some(row(record.revision, record.read()?.occurred, record.leaf())),
        Kept::Finding(state) => state.leaf.map(|leaf| row(state.revision, state.at, leaf)),
    })
}
