//! The log of answered checks on its way to the market's writer: committed in groups within a second.
//!
//! An answer leaves only when its record has a place here, and places are bounded: where the database cannot keep up,
//! single checks are refused and streams of them wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use crate::domain::detail::Detail;
use crate::domain::market::{Market, MarketKey};
use crate::ingest::{CheckBatch, CheckHead, CheckPack, CheckRecord, IngestError, Markets, Work};

/// Checks of one commit, but for those of one request more.
const GROUP: usize = 4_000;
/// Checks of one request that are written among those of others.
const FEW: u32 = 8;
/// Longest wait of a check for its commit to begin.
const DELAY: Duration = Duration::from_millis(250);

/// What waits for its commit.
type Waiting = HashMap<MarketKey, Vec<CheckBatch>, foldhash::quality::RandomState>;

struct Queue {
    waiting: Mutex<Waiting>,
    /// One permit a check that may wait or be in its commit.
    room: Semaphore,
    most: usize,
    /// The first check came in.
    some: Notify,
    /// A whole group waits.
    full: Notify,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A batch is whole after every step, so one that a panic left behind is still to be logged.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Permits for that many checks: all that there are, for more than may ever wait.
    fn permits(&self, checks: usize) -> u32 {
        u32::try_from(checks.min(self.most)).unwrap_or(u32::MAX)
    }
}

/// The queue's near end.
#[derive(Clone)]
pub(super) struct CheckLog {
    queue: Arc<Queue>,
    flushes: mpsc::Sender<oneshot::Sender<()>>,
}

/// Places for the records of a request.
pub(super) struct Room<'a> {
    queue: &'a Queue,
    permits: u32,
}

impl CheckLog {
    /// Starts the task that commits what is appended.
    pub(super) fn start(markets: Arc<Markets>) -> Self {
        let setting = markets.config().get().server.advice.check_log_queue;
        let most = usize::try_from(setting).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            room: Semaphore::new(most),
            most,
            some: Notify::new(),
            full: Notify::new(),
        });
        let (flushes, asked) = mpsc::channel(16);
        tokio::spawn(drain(markets, Arc::clone(&queue), asked));
        Self { queue, flushes }
    }

    /// Takes places for that many checks at once.
    ///
    /// # Errors
    /// Overloaded, when too many wait.
    pub(super) fn room(&self, checks: usize) -> Result<Room<'_>, IngestError> {
        let permits = self.queue.permits(checks);
        let permit = self.queue.room.try_acquire_many(permits).map_err(|_| IngestError::Overloaded)?;
        permit.forget();
        Ok(Room { queue: &self.queue, permits })
    }

    /// Waits for places for that many checks.
    ///
    /// # Errors
    /// The service is stopping.
    pub(super) async fn wait_for_room(&self, checks: usize) -> Result<Room<'_>, IngestError> {
        let permits = self.queue.permits(checks);
        let permit = self.queue.room.acquire_many(permits).await.map_err(|_| IngestError::Stopping)?;
        permit.forget();
        Ok(Room { queue: &self.queue, permits })
    }

    /// Waits until everything appended before is committed, or was given up with an error in the log.
    pub(super) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.flushes.send(done).await.is_ok() {
            let _ = wait.await;
        }
    }
}

impl Room<'_> {
    /// Puts the records of a request into the log. Places that they do not need are given back.
    ///
    /// # Errors
    /// See [`CheckBatch::add`].
    pub(super) fn append<'r>(
        mut self,
        market: &Market,
        head: &CheckHead<&str>,
        records: impl Iterator<Item = CheckRecord<&'r str, &'r Detail>>,
    ) -> Result<(), IngestError> {
        let mut records = records.peekable();
        if records.peek().is_none() {
            return Ok(());
        }
        // What takes longer to write is written before the others have to wait for it.
        let apart = if self.permits > FEW {
            let mut apart = CheckBatch::default();
            apart.add(market, head, records.by_ref())?;
            Some(apart)
        } else {
            None
        };
        let mut waiting = self.queue.waiting();
        let first = waiting.is_empty();
        let batches = match waiting.get_mut(&market.key) {
            Some(batches) => batches,
            None => waiting.entry(market.key.clone()).or_default(),
        };
        if batches.last().is_none_or(|last| last.checks() >= GROUP) {
            batches.push(CheckBatch::default());
        }
        let Some(batch) = batches.last_mut() else { return Ok(()) };
        let before = batch.checks();
        let added = match apart {
            Some(apart) => {
                batch.append(apart);
                Ok(())
            }
            None => batch.add(market, head, records),
        };
        let kept = self.queue.permits(batch.checks() - before);
        let full = batch.checks() >= GROUP;
        drop(waiting);
        self.permits = self.permits.saturating_sub(kept);
        if first {
            self.queue.some.notify_one();
        }
        if full {
            self.queue.full.notify_one();
        }
        added
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.queue.room.add_permits(usize::try_from(self.permits).unwrap_or(0));
    }
}

async fn drain(markets: Arc<Markets>, queue: Arc<Queue>, mut flushes: mpsc::Receiver<oneshot::Sender<()>>) {
    loop {
        let mut asked = Vec::new();
        let gather = async {
            queue.some.notified().await;
            tokio::select! {
                () = tokio::time::sleep(DELAY) => {}
                () = queue.full.notified() => {}
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
        let waiting = std::mem::take(&mut *queue.waiting());
        for (key, batches) in waiting {
            for batch in batches {
                let checks = batch.checks();
                // Packing takes milliseconds, for which no answer is to wait.
                match tokio::task::spawn_blocking(move || batch.pack()).await {
                    Ok(Ok(pack)) => commit(&markets, &key, Arc::new(pack)).await,
                    Ok(Err(error)) => tracing::error!(market = %key.market, checks, %error, "answered checks are lost"),
                    Err(error) => tracing::error!(market = %key.market, checks, %error, "answered checks are lost"),
                }
                queue.room.add_permits(checks.min(queue.most));
            }
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
