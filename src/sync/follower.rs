//! One feed: pages of what is committed, then what comes, and a sign of life when nothing does.

use std::sync::Arc;

use tokio::sync::watch;

use super::change::{Change, Piece};
use super::feeds::Feed;
use super::lag::Followed;
use super::lists::Raw;
use super::merge::Merge;
use super::run::Tellers;
use super::terms::SinkTerms;
use super::{Cursor, Filter, Manner, Session, Who, gone, hydrate, sharing};
use crate::domain::feed::Place;
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;
use crate::ingest::{Head, IngestError, Markets};
use crate::store::Backend;

/// Some changes, or none, and how far they bring a copy.
#[derive(Debug)]
pub struct Batch {
    /// The changes in order, each piece with the revision up to which a copy has everything with its last one.
    pieces: Vec<(Piece, u64)>,
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
    /// The changes in order, each piece with the revision up to which a copy has everything with its last one.
    #[must_use]
    pub fn pieces(&self) -> &[(Piece, u64)] {
        &self.pieces
    }

    /// The changes in order, each with the place that a copy has reached with it.
    ///
    /// # Errors
    /// The feed tells of activities as they are, see [`Sync::follow`](super::Sync::follow).
    pub fn placed(mut self) -> Result<Vec<(Change, Cursor)>, IngestError> {
        let places: Vec<Cursor> = (0..self.pieces.len()).map(|index| self.place_at(index, 0)).collect();
        let change = |(piece, place)| match piece {
            (Piece::Change(change), _) => Ok((change, place)),
            (Piece::Run(_), _) => Err(IngestError::internal("a run of activities is no change by itself")),
        };
        std::mem::take(&mut self.pieces).into_iter().zip(places).map(change).collect()
    }

    /// The place that a copy has reached with the change at an index: of the piece, and in it.
    #[must_use]
    pub fn place_at(&self, index: usize, inside: usize) -> Cursor {
        let told = self.pieces.get(..=index).unwrap_or(&self.pieces);
        // What is told belatedly has no place of its own: its copy goes on behind the change before it.
        let (mut marked, mut inside) = (None, Some(inside));
        for (piece, through) in told.iter().rev() {
            let within = inside.take();
            marked = match piece {
                Piece::Change(change) => change.mark().map(|mark| (mark, *through)),
                Piece::Run(run) => {
                    let at = within.unwrap_or(run.count() - 1);
                    let next = run.revision(at + 1).map(|revision| revision.saturating_sub(1));
                    let through = next.map_or(*through, |next| next.max(self.from.place.through));
                    run.mark(at).map(|mark| (mark, through))
                }
            };
            if marked.is_some() {
                break;
            }
        }
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
    /// What tells of activities as they are, where all are told so.
    tellers: Option<Tellers>,
    heads: watch::Receiver<Head>,
    /// Where it is noted how far a client's feed has come.
    followed: Option<Followed>,
    _feed: Option<Feed>,
    /// The page behind `place`, being read while the one before it is sent. What is read up is held by nobody: an idle feed
    /// costs next to nothing.
    ahead: Option<Ahead>,
    place: Place,
    epoch: u64,
    /// Who follows, and what was shared with it at the beginning.
    who: Who,
    policy: String,
    /// Of a sink, under which words of its own it is told.
    terms: Option<Arc<SinkTerms>>,
    /// The configuration under which it was seen last that the same is shared.
    looked: String,
    /// Where a feed that does not follow ends.
    stop_at: Option<u64>,
    /// Record time of what was read last.
    seen: Timestamp,
    greeted: bool,
}

type Page = Result<(Merge, Place, Vec<Piece>, Option<Timestamp>), IngestError>;

/// A page in a task of its own, so that a client that stops reading holds no connection in mid-query.
type Ahead = tokio::task::JoinHandle<Page>;

impl Follower {
    pub(super) fn new(
        markets: Arc<Markets>,
        session: Session,
        filter: Filter,
        (manner, tellers): (Manner, Option<Tellers>),
        (heads, followed, feed): (watch::Receiver<Head>, Option<Followed>, Option<Feed>),
        (head, epoch): (Head, u64),
        place: Place,
    ) -> Self {
        metrics::gauge!("fairdue_feed_followers").increment(1.0);
        Self {
            markets,
            who: session.who().clone(),
            policy: session.policy(),
            terms: session.terms,
            looked: String::new(),
            key: session.key,
            filter: Arc::new(filter),
            manner,
            tellers,
            heads,
            followed,
            _feed: feed,
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
        // Who asks for more has taken what came before.
        if let Some(followed) = &self.followed {
            followed.reached(self.place.through);
        }
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

    /// Whether what is shared is what it was at the beginning: a reload may have taken something away meanwhile.
    ///
    /// # Errors
    /// Nothing is shared any more, or something else.
    pub fn still_shared(&mut self) -> Result<(), IngestError> {
        let snapshot = self.markets.config().get();
        if snapshot.digest == self.looked {
            return Ok(());
        }
        let shared = sharing::of(&snapshot, &self.who)?;
        if shared.map(|sharing| sharing.digest()).unwrap_or_default() != self.policy {
            return Err(gone("what is shared with this partner has changed"));
        }
        self.looked.clone_from(&snapshot.digest);
        Ok(())
    }

    async fn page(&mut self, head: Head, target: u64) -> Result<Batch, IngestError> {
        self.still_shared()?;
        let page = self.markets.config().get().server.sync.page_rows;
        let ahead = self.ahead.take();
        let begin = || self.read(Merge::new(&self.filter, &self.place, page, self.tellers), self.place.clone(), target);
        let read = ahead.unwrap_or_else(begin).await;
        let read = read.map_err(|error| IngestError::internal(&format!("a page of a feed was not read: {error}")))?;
        let (merge, place, pieces, seen) = read?;
        let last = pieces.last().and_then(|piece| match piece {
            Piece::Change(change) => Some(change.recorded),
            Piece::Run(run) => run.recorded(),
        });
        self.seen = seen.max(last).unwrap_or(self.seen).max(self.seen);
        if place.through < target {
            self.ahead = Some(self.read(merge, place.clone(), target));
        }
        Ok(self.batch(head, place, pieces))
    }

    /// Begins to read the page behind a place.
    fn read(&self, mut merge: Merge, mut place: Place, target: u64) -> Ahead {
        let (scope, market) = (self.markets.store().scope(&self.key.tenant), self.key.market.clone());
        let filter = Arc::clone(&self.filter);
        tokio::spawn(async move {
            let piece = merge.take(&scope, &market, target).await?;
            place.last = piece.rows.last().and_then(Raw::mark).or(place.last);
            place.through = piece.through;
            let seen = piece.rows.iter().rev().find_map(Raw::recorded);
            let pieces = hydrate::changes(&scope, &market, &filter, piece.rows).await?;
            Page::Ok((merge, place, pieces, seen))
        })
    }

    fn cursor(&self, place: Place) -> Cursor {
        Cursor { place, epoch: self.epoch, policy: self.policy.clone(), terms: self.terms.clone() }
    }

    fn batch(&mut self, head: Head, reached: Place, pieces: Vec<Piece>) -> Batch {
        let from = std::mem::replace(&mut self.place, reached.clone());
        // Going backwards, each piece knows the revision of the marked one behind it.
        let mut next: Option<u64> = None;
        let mut ends: Vec<u64> = Vec::with_capacity(pieces.len());
        for piece in pieces.iter().rev() {
            ends.push(next.map_or(reached.through, |revision: u64| revision.saturating_sub(1)));
            next = match piece {
                Piece::Change(change) if change.belated.is_some() => next,
                Piece::Change(change) => Some(change.revision),
                Piece::Run(run) => run.revision(0),
            };
        }
        let pieces = pieces.into_iter().zip(ends.into_iter().rev().map(|end| end.max(from.through))).collect();
        let caught_up = self.place.through >= head.revision;
        let now = self.markets.clock().now();
        let confirmed = match self.markets.store().backend() {
            Backend::Sqlite => now,
            Backend::Postgres => self.markets.heads().confirmed(),
        };
        self.greeted = true;
        Batch {
            pieces,
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
