//! One feed: pages of what is committed, then what comes, and a sign of life when nothing does.

use std::sync::Arc;

use tokio::sync::watch;

use super::change::Change;
use super::merge::{Merge, Raw};
use super::{Cursor, Filter, Manner, Session, Who, gone, hydrate, sharing};
use crate::domain::feed::Place;
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;
use crate::ingest::{Head, IngestError, Markets};
use crate::store::Backend;

/// Some changes, or none, and how far they bring a copy.
#[derive(Debug)]
pub struct Batch {
    /// The changes in order, each with the revision up to which a copy has everything with it.
    changes: Vec<(Change, u64)>,
    /// The place before them.
    pub from: Cursor,
    /// The place behind them.
    pub reached: Cursor,
    /// The newest commit known.
    pub head: Head,
    /// When it was last made sure that this is the newest.
    pub confirmed: Timestamp,
    /// No change that is still to come was recorded before.
    pub watermark: Timestamp,
    /// Microseconds from the record time of what was sent last to that of the newest commit.
    pub lag: i64,
}

impl Batch {
    /// The changes in order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().map(|(change, _)| change)
    }

    /// The changes in order, each with the place that a copy has reached with it.
    #[must_use]
    pub fn placed(mut self) -> Vec<(Change, Cursor)> {
        let places: Vec<Cursor> = (0..self.changes.len()).map(|index| self.place_at(index)).collect();
        std::mem::take(&mut self.changes).into_iter().map(|(change, _)| change).zip(places).collect()
    }

    /// The place that a copy has reached with the change at an index.
    #[must_use]
    pub fn place_at(&self, index: usize) -> Cursor {
        let told = self.changes.get(..=index).unwrap_or(&self.changes);
        // What is told belatedly has no place of its own: its copy goes on behind the change before it.
        let marked = told.iter().rev().find_map(|(change, through)| Some((change.mark()?, *through)));
        let place = match marked {
            Some((mark, through)) => Place { through, last: Some(mark) },
            None => self.from.place.clone(),
        };
        Cursor { place, ..self.from.clone() }
    }
}

/// A feed. It holds no connection between its batches; dropping it ends it.
pub struct Follower {
    markets: Arc<Markets>,
    key: MarketKey,
    filter: Arc<Filter>,
    manner: Manner,
    heads: watch::Receiver<Head>,
    /// The page behind `place`, being read while the one before it is sent. What is read up is held by nobody: an idle feed
    /// costs next to nothing.
    ahead: Option<Ahead>,
    place: Place,
    epoch: u64,
    /// Who follows, and what was shared with it at the beginning.
    who: Who,
    policy: String,
    /// Where a feed that does not follow ends.
    stop_at: Option<u64>,
    /// Record time of what was read last.
    seen: Timestamp,
    greeted: bool,
}

type Page = Result<(Merge, Place, Vec<Change>, Option<Timestamp>), IngestError>;

/// A page in a task of its own, so that a client that stops reading holds no connection in mid-query.
type Ahead = tokio::task::JoinHandle<Page>;

impl Follower {
    pub(super) fn new(
        markets: Arc<Markets>,
        session: Session,
        filter: Filter,
        manner: Manner,
        heads: watch::Receiver<Head>,
        (head, epoch): (Head, u64),
        place: Place,
    ) -> Self {
        metrics::gauge!("fairdue_feed_followers").increment(1.0);
        Self {
            markets,
            who: session.who().clone(),
            policy: session.policy(),
            key: session.key,
            filter: Arc::new(filter),
            manner,
            heads,
            ahead: None,
            place,
            epoch,
            stop_at: manner.once.then_some(head.revision),
            seen: Timestamp(0),
            greeted: false,
        }
    }

    /// The next batch; `None` at the end of a feed that does not follow.
    pub async fn next(&mut self) -> Option<Result<Batch, IngestError>> {
        loop {
            let mut head = *self.heads.borrow_and_update();
            let target = self.stop_at.unwrap_or(head.revision);
            if self.place.through < target {
                return Some(self.page(head, target).await);
            }
            if !self.greeted {
                head.revision = head.revision.max(self.place.through);
                return Some(Ok(self.batch(head, self.place.clone(), Vec::new())));
            }
            if self.stop_at.is_some() {
                return None;
            }
            tokio::select! {
                changed = self.heads.changed() => if changed.is_err() { return None },
                () = tokio::time::sleep(self.manner.heartbeat) => {
                    return Some(Ok(self.batch(head, self.place.clone(), Vec::new())));
                }
            }
        }
    }

    async fn page(&mut self, head: Head, target: u64) -> Result<Batch, IngestError> {
        // A reload may have taken something away meanwhile.
        let shared = sharing::of(&self.markets.config().get(), &self.who)?;
        if shared.map(|sharing| sharing.digest()).unwrap_or_default() != self.policy {
            return Err(gone("what is shared with this partner has changed"));
        }
        let page = self.markets.config().get().server.sync.page_rows;
        let ahead = self.ahead.take();
        let begin = || self.read(Merge::new(&self.filter, &self.place, page), self.place.clone(), target);
        let read = ahead.unwrap_or_else(begin).await;
        let read = read.map_err(|error| IngestError::internal(&format!("a page of a feed was not read: {error}")))?;
        let (merge, place, changes, seen) = read?;
        self.seen = seen.max(changes.last().map(|change| change.recorded)).unwrap_or(self.seen).max(self.seen);
        if place.through < target {
            self.ahead = Some(self.read(merge, place.clone(), target));
        }
        Ok(self.batch(head, place, changes))
    }

    /// Begins to read the page behind a place.
    fn read(&self, mut merge: Merge, mut place: Place, target: u64) -> Ahead {
        let (scope, market) = (self.markets.store().scope(&self.key.tenant), self.key.market.clone());
        let filter = Arc::clone(&self.filter);
        tokio::spawn(async move {
            let piece = merge.take(&scope, &market, target).await?;
            place.last = piece.rows.last().map(Raw::mark).or(place.last);
            place.through = piece.through;
            let seen = piece.rows.iter().rev().find_map(|raw| match raw {
                Raw::Version(row, _) => Some(row.recorded),
                Raw::Record(row) => Some(row.recorded),
                Raw::Finding(..) => None,
            });
            let changes = hydrate::changes(&scope, &market, &filter, piece.rows).await?;
            Page::Ok((merge, place, changes, seen))
        })
    }

    fn cursor(&self, place: Place) -> Cursor {
        Cursor { place, epoch: self.epoch, policy: self.policy.clone() }
    }

    fn batch(&mut self, head: Head, reached: Place, changes: Vec<Change>) -> Batch {
        let from = std::mem::replace(&mut self.place, reached.clone());
        // Going backwards, each change knows the revision of the marked one behind it.
        let mut next: Option<u64> = None;
        let mut ends: Vec<u64> = Vec::with_capacity(changes.len());
        for change in changes.iter().rev() {
            ends.push(next.map_or(reached.through, |revision: u64| revision.saturating_sub(1)));
            if !change.belated {
                next = Some(change.revision);
            }
        }
        let placed = changes.into_iter().zip(ends.into_iter().rev().map(|end| end.max(from.through))).collect();
        let caught_up = self.place.through >= head.revision;
        let now = self.markets.clock().now();
        let confirmed = match self.markets.store().backend() {
            Backend::Sqlite => now,
            Backend::Postgres => self.markets.heads().confirmed(),
        };
        self.greeted = true;
        Batch {
            changes: placed,
            from: self.cursor(from),
            reached: self.cursor(reached),
            head,
            confirmed,
            watermark: if caught_up { head.recorded } else { self.seen },
            lag: if caught_up { 0 } else { head.recorded.0.saturating_sub(self.seen.0).max(0) },
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        metrics::gauge!("fairdue_feed_followers").decrement(1.0);
    }
}
