//! One writer a market: requests queue here, share commits, and are answered when their commit is durable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::definitions::Keeping;
use super::error::IngestError;
use super::group::{self, GroupContext};
use super::heads::Heads;
use super::market_state::{MarketState, MemoryLimit};
use super::secrets::Secrets;
use super::work::Work;
use super::{filling, follow, merge, room, statistics, tick};
use crate::clock::Clock;
use crate::config::Holder;
use crate::config::server::IngestSettings;
use crate::domain::case::CaseVersion;
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;
use crate::domain::validation::Refusal;
use crate::store::{MOVED, Store};

/// A case version to be stored.
#[derive(Debug, Clone)]
pub struct CaseUpsert {
    /// The version.
    pub version: CaseVersion,
    /// Etag of the case that the caller has seen; a mismatch is refused. Absent: no guard.
    pub etag: Option<String>,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemResult {
    /// Stored now.
    Created,
    /// Stored before with the same content.
    Duplicate,
    /// Not stored, with the reason. The other records of the batch are not affected.
    Refused(Refusal),
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Revision of the market that includes everything acknowledged here.
    pub revision: u64,
    /// Recorded time of that revision.
    pub record_time: Timestamp,
    /// One result a record, in the order sent.
    pub results: Vec<ItemResult>,
}

pub(super) struct Job {
    pub(super) work: Work,
    reply: oneshot::Sender<Result<Commit, IngestError>>,
    _room: OwnedSemaphorePermit,
}

/// How long a request waits for room before it is refused.
const PATIENCE: Duration = Duration::from_secs(5);
/// Transactions of one group that may be lost to a concurrent one before the callers are told.
const TRIES: u32 = 8;

/// A market's writer, as callers see it.
pub struct MarketHandle {
    /// What the process remembers of the market.
    pub state: Arc<MarketState>,
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
}

/// The writers of this process.
pub struct Markets {
    pub(super) store: Store,
    pub(super) config: Arc<Holder>,
    pub(super) clock: Clock,
    limits: IngestSettings,
    memory: Arc<MemoryLimit>,
    handles: Mutex<HashMap<MarketKey, Arc<MarketHandle>, foldhash::quality::RandomState>>,
    heads: Heads,
    pub(super) secrets: Secrets,
    /// Which KPI definitions the cells of markets follow.
    pub(super) keeping: Keeping,
    /// Markets that this process has begun to derive anew, and that nobody has looked at since.
    pub(super) begun: Mutex<Vec<MarketKey>>,
    /// Held while cells are filled.
    pub(super) filling: tokio::sync::Mutex<()>,
    /// Held by work that nobody waits for while it uses the store.
    pub background: tokio::sync::Mutex<()>,
    /// What this process is called among the servers; none where the system gives no random numbers.
    pub name: Option<String>,
    stopping: watch::Sender<bool>,
}

impl Markets {
    /// No writer yet; each starts with its market's first use. Must be called inside a tokio runtime.
    #[must_use]
    pub fn new(store: Store, config: Arc<Holder>, clock: Clock) -> Arc<Self> {
        let stopping = watch::Sender::new(false);
        let limits = config.get().server.ingest.clone();
        let (unpacked, packed) = (limits.unpacked(room::memory()), size(limits.memory_mib) << 20);
        let memory = Arc::new(MemoryLimit::new(size(limits.recent_cases), unpacked, packed));
        let markets = Arc::new(Self {
            store,
            config,
            clock,
            limits,
            memory,
            handles: Mutex::default(),
            heads: Heads::default(),
            secrets: Secrets::default(),
            keeping: Keeping::default(),
            begun: Mutex::default(),
            filling: tokio::sync::Mutex::default(),
            background: tokio::sync::Mutex::default(),
            name: own_name(),
            stopping,
        });
        follow::start(&markets);
        statistics::start(&markets);
        filling::start(&markets);
        markets
    }

    /// Records that may wait or be in work for one market.
    fn room(&self) -> usize {
        size(self.limits.queue_items)
    }

    /// The handle of a market, whose writer is started if need be.
    #[must_use]
    pub fn handle(self: &Arc<Self>, key: &MarketKey) -> Arc<MarketHandle> {
        let mut handles = self.handles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(handle) = handles.get(key) {
            return Arc::clone(handle);
        }
        let (jobs, queue) = mpsc::channel(1_024);
        let state = Arc::new(MarketState::new(Arc::clone(&self.memory)));
        let room = Arc::new(Semaphore::new(self.room()));
        let handle = Arc::new(MarketHandle { state: Arc::clone(&state), jobs, room });
        handles.insert(key.clone(), Arc::clone(&handle));
        tokio::spawn(run(Arc::clone(self), key.clone(), state, queue));
        handle
    }

    /// Every market that has a writer here.
    #[must_use]
    pub fn active(&self) -> Vec<(MarketKey, Arc<MarketHandle>)> {
        let handles = self.handles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        handles.iter().map(|(key, handle)| (key.clone(), Arc::clone(handle))).collect()
    }

    /// Hands work to a market's writer and waits for its commit.
    ///
    /// # Errors
    /// Overloaded, stopping, or what the commit failed with.
    pub async fn submit(self: &Arc<Self>, key: &MarketKey, work: Work) -> Result<Commit, IngestError> {
        if self.is_stopping() {
            return Err(IngestError::Stopping);
        }
        let handle = self.handle(key);
        let wanted = u32::try_from(work.items().clamp(1, self.room())).unwrap_or(1);
        let room = tokio::time::timeout(PATIENCE, Arc::clone(&handle.room).acquire_many_owned(wanted))
            .await
            .map_err(|_| IngestError::Overloaded)?
            .map_err(|_| IngestError::Stopping)?;
        let (reply, answer) = oneshot::channel();
        let job = Job { work, reply, _room: room };
        handle.jobs.send(job).await.map_err(|_| IngestError::Stopping)?;
        answer.await.map_err(|_| IngestError::Stopping)?
    }

    /// Refuses new work from now on. Work that was accepted is still done.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until every write that was accepted is done.
    pub async fn drained(&self) {
        for (_, handle) in self.active() {
            // All the room is free only when no job waits or is in work.
            let all = u32::try_from(self.room()).unwrap_or(u32::MAX);
            drop(handle.room.acquire_many(all).await);
        }
        // A step of a filling ends within a second or two.
        drop(self.filling.lock().await);
        // It looks whether it should stop between parts of a history.
        drop(self.background.lock().await);
    }

    /// Whether new work is refused.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Notes that this process has begun to derive a market anew: whoever goes on with it looks.
    pub(super) fn note_begun(&self, key: &MarketKey) {
        self.begun.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(key.clone());
    }

    /// The markets noted since.
    pub(super) fn take_begun(&self) -> Vec<MarketKey> {
        std::mem::take(&mut *self.begun.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// The writer's settings.
    pub(super) fn limits(&self) -> &IngestSettings {
        &self.limits
    }

    /// Parts of a history that are told beside each other.
    #[must_use]
    pub fn told_at_once(&self) -> usize {
        usize::try_from(self.limits.fill_tasks).unwrap_or(1)
    }

    /// Which KPI definitions the cells of markets follow, as far as this process knows.
    #[must_use]
    pub fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    /// The newest revisions of followed markets.
    #[must_use]
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<Holder> {
        &self.config
    }
}

async fn run(markets: Arc<Markets>, key: MarketKey, state: Arc<MarketState>, mut queue: mpsc::Receiver<Job>) {
    let mut pace = tick::Pace::default();
    let (mut deltas, mut lost) = (0_u32, false);
    let most = size(markets.limits.max_commit_items);
    let mut wake = tokio::time::interval(markets.limits.due_interval);
    wake.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let mut tick_due = false;
        let first = tokio::select! {
            biased;
            _ = wake.tick() => {
                tick_due = true;
                None
            }
            job = queue.recv() => match job { Some(job) => Some(job), None => return },
        };
        let mut jobs: Vec<Job> = first.into_iter().collect();
        let mut items: usize = jobs.iter().map(|job| job.work.items()).sum();
        while items < most {
            let Ok(job) = queue.try_recv() else { break };
            items += job.work.items();
            jobs.push(job);
        }
        let context = GroupContext { markets: &markets, key: &key, state: &state };
        if !jobs.is_empty() {
            pace.note(&jobs, markets.clock.now());
            let (work, replies): (Vec<Work>, Vec<_>) =
                jobs.into_iter().map(|job| (job.work, (job.reply, job._room))).unzip();
            let outcome = attempt(&context, &work).await;
            pace.done(markets.clock.now());
            deltas += 1;
            answer(outcome, replies);
        }
        // What becomes due while the service stops is for the next one: the store may be closed any moment.
        let stops = markets.is_stopping();
        if tick_due
            && !stops
            && let Some(until) = pace.horizon(markets.clock.now())
            && let Err(error) = guarded(tick::run(&context, until, tick::Cause::Clock)).await
        {
            state.forget();
            tracing::warn!(market = %key.market, error = %error, "the due-queue was not drained; it is tried again");
        }
        pace.see(state.revision(), markets.clock.now());
        // Each of several servers would merge what the others are about to add to.
        let merges = deltas >= merge::EVERY || (deltas > 0 && pace.is_still(markets.clock.now()));
        if merges && !stops {
            match guarded(merge::run(&context)).await {
                Ok(()) => (deltas, lost) = (0, false),
                // A market that was taken out of the configuration is told of once; its cells wait until it is back.
                Err(IngestError::MarketUnknown(_)) if lost => {}
                Err(error) => {
                    lost = matches!(error, IngestError::MarketUnknown(_));
                    tracing::warn!(market = %key.market, error = %error, "cells were not merged; it is tried again");
                }
            }
        }
    }
}

fn own_name() -> Option<String> {
    let mut name = [0_u8; 8];
    getrandom::fill(&mut name).ok()?;
    Some(format!("{:016x}", u64::from_le_bytes(name)))
}

/// A setting as a size. 32 bits fit everywhere that the service runs.
fn size(setting: u32) -> usize {
    usize::try_from(setting).unwrap_or(usize::MAX)
}

/// Commits a group, starting over when a concurrent transaction came first.
async fn attempt(context: &GroupContext<'_>, work: &[Work]) -> Result<Vec<Commit>, IngestError> {
    let mut tries = 0;
    loop {
        match guarded(group::commit(context, work)).await {
            Ok(commits) => return Ok(commits),
            Err(error) => {
                tries += 1;
                if matches!(&error, IngestError::Store { reason: MOVED, .. }) && tries < TRIES {
                    // Nothing happened. The next commits take the lock first.
                    context.state.recent.note(std::iter::empty(), true);
                    continue;
                }
                // The commit may have happened although its answer was lost: remember nothing.
                context.state.forget();
                let conflict = matches!(&error, IngestError::Store { reason: "DATABASE_CONFLICT", .. });
                if !conflict || tries >= TRIES {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(u64::from(tries) * 7)).await;
            }
        }
    }
}

/// Runs a step of the writer so that a panic in it, which is a bug, fails that step alone and not the market.
pub(super) async fn guarded<T>(step: impl Future<Output = Result<T, IngestError>>) -> Result<T, IngestError> {
    std::panic::AssertUnwindSafe(step).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a step of the writer panicked; nothing of it was committed");
        Err(IngestError::internal("an internal error occurred; nothing was stored"))
    })
}

type Replies = Vec<(oneshot::Sender<Result<Commit, IngestError>>, OwnedSemaphorePermit)>;

/// Answers every job of a group. A caller that went away is no matter: its records are stored all the same.
fn answer(outcome: Result<Vec<Commit>, IngestError>, replies: Replies) {
    let outcomes: Vec<Result<Commit, IngestError>> = match outcome {
        Ok(commits) => commits.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error); replies.len()],
    };
    for ((reply, _room), outcome) in replies.into_iter().zip(outcomes) {
        let _ = reply.send(outcome);
    }
}
