//! A sink that this server holds: signs of life, the place, and the end of both.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::ids::SinkId;
use crate::domain::market::MarketKey;
use crate::domain::sink::DeadLetter;
use crate::domain::time::Timestamp;
use crate::store::{PutAside, SinkFailure, SinkOrder, SinkProgress, StoreError, TenantScope};
use crate::sync::SinkPlace;

/// Events after which the place is kept, at the latest: what comes twice after a crash.
const UNKEPT_EVENTS: u32 = 100;
/// Time after which it is.
const UNKEPT_TIME: Duration = Duration::from_millis(500);
/// How long an order may be given before the sender knows of it.
const UNSEEN_ORDER: Duration = Duration::from_secs(1);
/// Wait before the database is tried again.
const BREATH: Duration = Duration::from_millis(200);

/// Why a server sends no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The service stops, or has another configuration.
    Stopped,
    /// Another server holds the sink, or somebody gave an order.
    Lost,
    /// Somebody has to look at it, for this reason.
    Paused(String),
}

/// A held sink.
pub(super) struct Holding {
    scope: TenantScope,
    key: MarketKey,
    sink: SinkId,
    fence: u64,
    lease: Duration,
    /// When the last sign of life was begun: from then on another server counts at the earliest.
    renewed: Instant,
    /// When it was looked last whether somebody gave an order.
    looked: Instant,
    place: SinkPlace,
    seen: Timestamp,
    delivered: Option<Timestamp>,
    unkept: u32,
    moved: bool,
    kept: Instant,
    stop: CancellationToken,
}

impl Holding {
    pub(super) fn new(
        scope: TenantScope,
        (key, sink): (MarketKey, SinkId),
        (fence, lease, taken): (u64, Duration, Instant),
        (place, seen, delivered): (SinkPlace, Timestamp, Option<Timestamp>),
        stop: CancellationToken,
    ) -> Self {
        let (unkept, moved, kept) = (0, false, taken);
        Self {
            scope,
            key,
            sink,
            fence,
            lease,
            renewed: taken,
            looked: taken,
            place,
            seen,
            delivered,
            unkept,
            moved,
            kept,
            stop,
        }
    }

    pub(super) const fn place(&self) -> &SinkPlace {
        &self.place
    }

    /// The result of something that takes its time; meanwhile signs of life are given, the place is kept, and it is looked for
    /// orders.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        let stop = self.stop.clone();
        let mut work = std::pin::pin!(work);
        loop {
            let beat = self.renewed + self.lease / 3;
            let next = if self.moved { beat.min(self.kept + UNKEPT_TIME) } else { beat };
            let look = self.looked.max(self.renewed) + UNSEEN_ORDER;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(End::Stopped),
                done = &mut work => return Ok(done),
                () = tokio::time::sleep_until(next.into()) => self.keep().await?,
                // Reading is enough for that: signs of life are written, and seldom.
                () = tokio::time::sleep_until(look.into()) => self.look().await?,
            }
        }
    }

    /// Looks whether an order was given, or somebody else holds the sink. What cannot be read is seen at the next sign of life.
    async fn look(&mut self) -> Result<(), End> {
        self.looked = Instant::now();
        match self.scope.sink(&self.key.market, &self.sink).await {
            Ok(Some(row)) if row.fence != self.fence => Err(End::Lost),
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, sink = %self.sink, "a sink's state was not read");
                Ok(())
            }
        }
    }

    /// Makes sure that the lease outlasts something that takes at most so long.
    pub(super) async fn outlasting(&mut self, longest: Duration) -> Result<(), End> {
        if self.stop.is_cancelled() {
            return Err(End::Stopped);
        }
        // Twice as long leaves room for a request that is a little late. What an operator orders is seen here at the latest.
        if self.renewed.elapsed() >= UNSEEN_ORDER || self.renewed.elapsed() + longest * 2 > self.lease {
            self.keep().await?;
        }
        // Where no sign of life could be given, somebody else may send before this is over.
        if self.renewed.elapsed() + longest * 2 > self.lease { Err(End::Lost) } else { Ok(()) }
    }

    /// Notes that the receiver has everything up to a place.
    pub(super) async fn reached(&mut self, place: SinkPlace, seen: Timestamp, now: Timestamp) -> Result<(), End> {
        (self.place, self.seen, self.delivered) = (place, self.seen.max(seen), Some(now));
        self.moved = true;
        self.unkept += 1;
        if self.unkept >= UNKEPT_EVENTS || self.kept.elapsed() >= UNKEPT_TIME {
            self.keep().await?;
        }
        Ok(())
    }

    /// Notes that up to a place there was nothing to send.
    pub(super) fn passed(&mut self, place: SinkPlace) {
        self.moved |= place != self.place;
        self.place = place;
    }

    /// Keeps the place where it has moved, and gives a sign of life.
    pub(super) async fn keep(&mut self) -> Result<(), End> {
        let begun = Instant::now();
        let (scope, market) = (&self.scope, &self.key.market);
        let held = if self.moved {
            let progress = SinkProgress {
                place: self.place.kept(),
                through: self.place.through(),
                seen: self.seen,
                delivered: self.delivered,
            };
            scope.move_sink(market, &self.sink, self.fence, &progress).await
        } else {
            scope.beat_sink(market, &self.sink, self.fence).await
        };
        self.done(begun, held).await?;
        if self.renewed == begun {
            (self.kept, self.moved, self.unkept) = (begun, false, 0);
        }
        Ok(())
    }

    /// Notes a failure, with what comes next.
    pub(super) async fn failed(&mut self, failure: &SinkFailure) -> Result<(), End> {
        if self.moved {
            self.keep().await?;
        }
        let begun = Instant::now();
        let held = self.scope.note_sink_failure(&self.key.market, &self.sink, self.fence, failure).await;
        self.done(begun, held).await
    }

    /// Puts an event aside.
    pub(super) async fn put_aside(&mut self, letter: &DeadLetter, most: u32) -> Result<PutAside, End> {
        loop {
            if self.stop.is_cancelled() {
                return Err(End::Stopped);
            }
            let begun = Instant::now();
            let put = self.scope.put_aside(&self.key.market, (&self.sink, self.fence), letter, most).await;
            let (put, held) = match put {
                Ok(put) => (Some(put), Ok(put != PutAside::Lost)),
                Err(error) => (None, Err(error)),
            };
            self.done(begun, held).await?;
            if let Some(put) = put {
                return Ok(put);
            }
        }
    }

    /// Forgets an event that was put aside and has arrived.
    pub(super) async fn letter_taken(&mut self, change: &str) -> Result<(), End> {
        let (begun, before) = (Instant::now(), self.renewed);
        let taken = self.scope.letter_taken(&self.key.market, &self.sink, change).await;
        self.done(begun, taken.map(|()| true)).await?;
        // Where it was not forgotten, an operator sees it still, and may drop it. It is no sign of life.
        self.renewed = before;
        Ok(())
    }

    async fn done(&mut self, begun: Instant, held: Result<bool, StoreError>) -> Result<(), End> {
        match held {
            Ok(true) => {
                self.renewed = begun;
                Ok(())
            }
            Ok(false) => Err(End::Lost),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, sink = %self.sink, "a sink's place was not kept");
                tokio::time::sleep(BREATH).await;
                // Whoever counts the silence may take over from then on.
                if self.renewed.elapsed() >= self.lease { Err(End::Lost) } else { Ok(()) }
            }
        }
    }

    /// Lets go of the sink for a reason.
    pub(super) async fn end(mut self, end: &End) {
        let (market, sink) = (self.key.market.clone(), self.sink.clone());
        let done = match end {
            End::Lost => return,
            End::Stopped => {
                if self.moved && self.keep().await.is_err() {
                    return;
                }
                self.scope.release_sink(&market, &sink, self.fence).await
            }
            End::Paused(reason) => {
                if self.moved && self.keep().await.is_err() {
                    return;
                }
                tracing::error!(tenant = %self.key.tenant, %market, %sink, reason, "a sink is paused");
                let order = SinkOrder::Pause(reason.clone());
                self.scope.order_sink(&market, &sink, Some(self.fence), &order).await
            }
        };
        if let Err(error) = done {
            // Another server notices by the silence, and comes to the same end.
            tracing::warn!(error = &error as &dyn std::error::Error, %sink, "a sink was not let go");
        }
    }
}
