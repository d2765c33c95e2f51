//! The log of answered checks on its way to the market's writer: committed in groups within a second.
//!
//! An answer leaves only when its record has a place here, and places are bounded: where the database cannot keep up,
//! single checks are refused and streams of them wait. Each market has its own commits and its share of the places, so that
//! one whose row is locked, or that is derived anew, holds no other up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};

use super::places::{Held, Places};
use crate::domain::detail::Detail;
use crate::domain::market::{Market, MarketKey};
use crate::ingest::{CheckBatch, CheckHead, CheckPack, CheckRecord, IngestError, Line, Markets, Work};

/// Checks of one commit, but for those of one request more.
const GROUP: usize = 4_000;
/// Checks of one request that are written among those of others.
const FEW: usize = 8;
/// Longest wait of a check for its commit to begin.
const DELAY: Duration = Duration::from_millis(250);

/// Batches on their way, with the places that each holds.
type Waiting = Vec<(CheckBatch, usize)>;

/// What waits for its commit in one market.
struct Lane {
    key: MarketKey,
    waiting: Mutex<Waiting>,
    places: Arc<Places>,
    /// By which the places know the market.
    number: usize,
    /// The first check came in.
    some: Notify,
    /// A whole group waits.
    full: Notify,
}

impl Lane {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A batch is whole after every step, so one that a panic left behind is still to be logged.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lane's near end.
#[derive(Clone)]
struct End {
    lane: Arc<Lane>,
    flushes: mpsc::Sender<oneshot::Sender<()>>,
}

impl End {
    /// Waits until everything appended before is committed.
    async fn flush(self) {
        let (done, wait) = oneshot::channel();
        if self.flushes.send(done).await.is_ok() {
            let _ = wait.await;
        }
    }
}

/// The queue's near end.
#[derive(Clone)]
pub(super) struct CheckLog(Arc<Ends>);

struct Ends {
    markets: Arc<Markets>,
    places: Arc<Places>,
    /// One for each market that was ever asked about.
    lanes: Mutex<HashMap<MarketKey, End, foldhash::quality::RandomState>>,
}

/// Places for the records of a request.
pub(super) struct Room {
    lane: Arc<Lane>,
    held: Held,
}

impl CheckLog {
    /// A log that nothing waits for yet.
    pub(super) fn new(markets: Arc<Markets>) -> Self {
        let setting = markets.config().get().server.advice.check_log_queue;
        let places = Places::new(usize::try_from(setting).unwrap_or(usize::MAX));
        Self(Arc::new(Ends { markets, places, lanes: Mutex::default() }))
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<MarketKey, End, foldhash::quality::RandomState>> {
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The market's lane. Its task commits one group after the other: no market waits for another's commits.
    fn lane(&self, key: &MarketKey) -> Arc<Lane> {
        let mut lanes = self.lanes();
        if let Some(end) = lanes.get(key) {
            return Arc::clone(&end.lane);
        }
        let lane = Arc::new(Lane {
            key: key.clone(),
            waiting: Mutex::default(),
            places: Arc::clone(&self.0.places),
            number: self.0.places.market(),
            some: Notify::new(),
            full: Notify::new(),
        });
        let (flushes, asked) = mpsc::channel(16);
        tokio::spawn(drain(Arc::clone(&self.0.markets), Arc::clone(&lane), asked));
        lanes.insert(key.clone(), End { lane: Arc::clone(&lane), flushes });
        lane
    }

    /// Takes places for that many checks at once.
    ///
    /// # Errors
    /// Overloaded, when too many wait.
    pub(super) fn room(&self, key: &MarketKey, checks: usize) -> Result<Room, IngestError> {
        let lane = self.lane(key);
        let held = lane.places.take(lane.number, checks).ok_or(IngestError::Overloaded)?;
        Ok(Room { lane, held })
    }

    /// Waits for places for that many checks.
    ///
    /// # Errors
    /// The service is stopping.
    pub(super) async fn wait_for_room(&self, key: &MarketKey, checks: usize) -> Result<Room, IngestError> {
        let lane = self.lane(key);
        let held = lane.places.wait(lane.number, checks).await.ok_or(IngestError::Stopping)?;
        Ok(Room { lane, held })
    }

    /// Waits until everything appended before is committed, or was given up with an error in the log.
    pub(super) async fn flush(&self) {
        let ends: Vec<End> = self.lanes().values().cloned().collect();
        futures::future::join_all(ends.into_iter().map(End::flush)).await;
    }

    /// The same of one market.
    pub(super) async fn flush_market(&self, key: &MarketKey) {
        let end = self.lanes().get(key).cloned();
        if let Some(end) = end {
            end.flush().await;
        }
    }
}

/// Where the records of one request go, one after the other.
pub(super) struct Records<'a> {
    room: Room,
    market: &'a Market,
    head: CheckHead<&'a str>,
    /// Records that take longer to write than others should wait are written apart.
    apart: Option<(CheckBatch, Line)>,
}

impl Room {
    /// The place of a request's records.
    ///
    /// # Errors
    /// See [`CheckBatch::open`].
    pub(super) fn records<'a>(self, market: &'a Market, head: CheckHead<&'a str>) -> Result<Records<'a>, IngestError> {
        let apart = if self.held.count() > FEW {
            let mut batch = CheckBatch::for_checks(self.held.count());
            let line = batch.open(market, &head)?;
            Some((batch, line))
        } else {
            None
        };
        Ok(Records { room: self, market, head, apart })
    }

    /// Gives what waits something more.
    fn put(&mut self, put: impl FnOnce(&mut CheckBatch) -> Result<(), IngestError>) -> Result<(), IngestError> {
        let mut waiting = self.lane.waiting();
        let first = waiting.is_empty();
        if waiting.last().is_none_or(|(last, _)| last.checks() >= GROUP) {
            waiting.push(Default::default());
        }
        let Some((batch, places)) = waiting.last_mut() else { return Ok(()) };
        let before = batch.checks();
        let added = put(batch);
        *places += self.held.keep(batch.checks() - before);
        let full = batch.checks() >= GROUP;
        drop(waiting);
        if first {
            self.lane.some.notify_one();
        }
        if full {
            self.lane.full.notify_one();
        }
        added
    }
}

impl Records<'_> {
    /// Adds the record of an answer.
    ///
    /// # Errors
    /// See [`CheckBatch::put`].
    pub(super) fn add(&mut self, record: &CheckRecord<&str, &Detail>) -> Result<(), IngestError> {
        if let Some((apart, line)) = &mut self.apart {
            return apart.put(line, record);
        }
        let (market, head) = (self.market, &self.head);
        self.room.put(|batch| {
            let mut line = batch.open(market, head)?;
            batch.put(&mut line, record)
        })
    }

    /// Puts everything into the log. Places that it does not need are given back.
    ///
    /// # Errors
    /// Never: batches are joined as they are.
    pub(super) fn finish(mut self) -> Result<(), IngestError> {
        let apart = self.apart.take().map(|(apart, _)| apart).filter(|apart| apart.checks() > 0);
        let Some(apart) = apart else { return Ok(()) };
        self.room.put(|batch| {
            batch.append(apart);
            Ok(())
        })
    }
}

/// Commits what waits in a market, group after group, in the order in which it was answered.
async fn drain(markets: Arc<Markets>, lane: Arc<Lane>, mut flushes: mpsc::Receiver<oneshot::Sender<()>>) {
    loop {
        let mut asked = Vec::new();
        let gather = async {
            lane.some.notified().await;
            tokio::select! {
                () = tokio::time::sleep(DELAY) => {}
                () = lane.full.notified() => {}
            }
        };
        tokio::select! {
            () = gather => {}
            flush = flushes.recv() => match flush {
                Some(flush) => asked.push(flush),
                // Nobody is left who could append.
                None => return,
            },
        }
        while let Ok(flush) = flushes.try_recv() {
            asked.push(flush);
        }
        let (key, waiting) = (&lane.key, std::mem::take(&mut *lane.waiting()));
        for (batch, places) in waiting {
            let checks = batch.checks();
            // Packing takes milliseconds, for which no answer is to wait.
            match tokio::task::spawn_blocking(move || batch.pack()).await {
                Ok(Ok(pack)) => commit(&markets, key, Arc::new(pack)).await,
                Ok(Err(error)) => tracing::error!(market = %key.market, checks, %error, "answered checks are lost"),
                Err(error) => tracing::error!(market = %key.market, checks, %error, "answered checks are lost"),
            }
            lane.places.give_back(lane.number, places);
        }
        for done in asked {
            let _ = done.send(());
        }
    }
}

/// Commits a group, trying for as long as the database is away: what was answered is to be on record.
async fn commit(markets: &Arc<Markets>, key: &MarketKey, pack: Arc<CheckPack>) {
    let mut wait = Duration::from_millis(100);
    loop {
        match markets.submit(key, Work::Checks(Arc::clone(&pack))).await {
            Ok(_) => return,
            Err(error) => {
                tracing::error!(market = %key.market, checks = pack.checks(), error = %error,
                    "answered checks are not on record yet");
                if matches!(error, IngestError::Stopping | IngestError::MarketUnknown(_)) {
                    return;
                }
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}
