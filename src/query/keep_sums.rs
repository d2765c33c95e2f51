//! Brings the stored sums of facts up to date while nobody waits for them: behind a market's commits, once it is left alone, and
//! from the beginning where rules have changed.
//!
//! One server does it at a time, and shows that it is alive; another takes over whose sign of life stands still. What is written
//! takes the place of what was there in one transaction, and only if that is still what it was.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::summed::Summed;
use super::{Query, Reading};
use crate::domain::facts::Kinds;
use crate::domain::market::MarketKey;
use crate::ingest::{IngestError, Markets, untold};
use crate::store::SumsRow;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Time between two signs of life.
const BEAT: Duration = Duration::from_secs(5);
/// How long a sign of life may stand still.
const LEASE: Duration = Duration::from_secs(30);
/// Wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// A market that is never left alone has its sums brought up to date after so many times as long.
const AT_THE_LATEST: u32 = 10;

/// Starts looking, until the markets are gone or stop.
pub(super) fn start(markets: &Arc<Markets>) {
    let settings = &markets.config().get().server.query;
    if settings.sums_after.is_zero() || settings.told_facts_mib == 0 {
        return;
    }
    let (after, name) = (settings.sums_after, markets.name.clone());
    let markets: Weak<Markets> = Arc::downgrade(markets);
    let Some(name) = name else {
        tracing::error!("the system gives no random numbers: sums of facts are not stored here");
        return;
    };
    tokio::spawn(async move {
        let mut look = tokio::time::interval(EVERY.min(after));
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut keeper = Keeper { name, after, seen: HashMap::new(), beats: HashMap::new(), failed: HashMap::new() };
        loop {
            look.tick().await;
            let Some(markets) = markets.upgrade() else { return };
            let stays = Arc::clone(&markets);
            let _busy = stays.background.lock().await;
            if markets.is_stopping() {
                return;
            }
            if let Err(error) = keeper.look(&Query::over(markets)).await {
                tracing::warn!(%error, "no look at the sums of facts; it is tried again");
            }
        }
    });
}

struct Keeper {
    name: String,
    after: Duration,
    /// The revision that each market had, since when, and since when its sums were behind it.
    seen: HashMap<MarketKey, Seen>,
    /// Signs of life of other servers, and since when they stand so.
    beats: HashMap<MarketKey, (u64, Instant)>,
    failed: HashMap<MarketKey, Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    revision: u64,
    since: Instant,
    /// Since when there may have been something to do.
    open: Option<Instant>,
}

impl Keeper {
    /// Looks at every market, and brings up to date what it may be time for, one market after the other.
    async fn look(&mut self, query: &Query) -> Result<(), IngestError> {
        let snapshot = query.markets.config().get();
        let revisions = query.markets.store().revisions().await?;
        for (key, (revision, _)) in revisions {
            let now = Instant::now();
            let fresh = Seen { revision, since: now, open: Some(now) };
            let seen = self.seen.entry(key.clone()).or_insert(fresh);
            if seen.revision != revision {
                *seen = Seen { open: seen.open.or(Some(now)), ..fresh };
            }
            let Some(open) = seen.open else { continue };
            let is_time = seen.since.elapsed() >= self.after || open.elapsed() >= self.after * AT_THE_LATEST;
            if !is_time || self.failed.get(&key).is_some_and(|since| since.elapsed() < AFTER_FAILURE) {
                continue;
            }
            // A market that the configuration does not have any more is nobody's.
            let Ok(reading) = query.reading(&snapshot, &key.tenant, &key.market) else { continue };
            match self.keep(query, &reading).await {
                Ok(false) => {}
                Ok(true) => {
                    self.failed.remove(&key);
                    if let Some(seen) = self.seen.get_mut(&key) {
                        seen.open = None;
                    }
                }
                Err(IngestError::Stopping) => return Ok(()),
                Err(error) => {
                    tracing::warn!(market = %key.market, %error, "sums of facts were not brought up to date; it is tried again");
                    metrics::counter!("fairdue_fact_sums_total", "outcome" => "failed").increment(1);
                    self.failed.insert(key, Instant::now());
                }
            }
        }
        Ok(())
    }

    /// Brings a market's sums up to date; `false` while another server does.
    async fn keep(&mut self, query: &Query, reading: &Reading) -> Result<bool, IngestError> {
        let (scope, market) = (&reading.scope, &reading.key.market);
        let found = scope.fact_sums_head(market).await?;
        if let Some(other) = found.as_ref().filter(|row| !row.holder.is_empty() && row.holder != self.name) {
            let (beat, since) = *self.beats.entry(reading.key.clone()).or_insert((other.beat, Instant::now()));
            if beat != other.beat {
                self.beats.insert(reading.key.clone(), (other.beat, Instant::now()));
                return Ok(false);
            }
            if since.elapsed() < LEASE {
                return Ok(false);
            }
        }
        self.beats.remove(&reading.key);
        let head = scope.head(market).await?;
        let stored = query.stored_sums(reading, Kinds::NONE).await?;
        if let (Some(head), Some(stored)) = (&head, &stored)
            && head.revision == stored.view.known
        {
            return Ok(true);
        }
        let Some(mut held) = scope.hold_fact_sums(market, found.as_ref(), &self.name).await? else { return Ok(false) };
        let since = Instant::now();
        let mut work = std::pin::pin!(brought_up(query, reading));
        let summed = loop {
            tokio::select! {
                done = &mut work => break done,
                () = tokio::time::sleep(BEAT) => match scope.hold_fact_sums(market, Some(&held), &self.name).await? {
                    Some(alive) => held = alive,
                    None => return Ok(false),
                },
            }
        };
        let summed = match summed {
            Ok(summed) => summed,
            Err(error) => {
                scope.hold_fact_sums(market, Some(&held), "").await?;
                return Err(error);
            }
        };
        self.put(reading, summed, held, since).await
    }

    async fn put(&self, reading: &Reading, summed: Summed, held: SumsRow, since: Instant) -> Result<bool, IngestError> {
        let (scope, market) = (&reading.scope, &reading.key.market);
        let (known, seen) = (summed.view.known, held.clone());
        let (next, rows) = tokio::task::spawn_blocking(move || summed.rows(&seen)).await.map_err(|_| untold())??;
        let bytes: usize = rows.iter().flatten().map(|row| row.body.len()).sum();
        let done = scope.put_fact_sums(market, &held, &next, rows).await?;
        if done {
            metrics::counter!("fairdue_fact_sums_total", "outcome" => "kept").increment(1);
            let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(%market, revision = known, bytes, milliseconds, "sums of facts are up to date");
        }
        Ok(done)
    }
}

/// The sums of every kind, as the market is now.
async fn brought_up(query: &Query, reading: &Reading) -> Result<Summed, IngestError> {
    let _place = query.place().await?;
    let view = query.view(reading, None, None).await?;
    if let Some(mut summed) =
        query.stored_sums(reading, Kinds::ALL).await?.filter(|summed| summed.view.known <= view.known)
        && let Some(change) = query.changed(reading, &summed, view).await?
    {
        summed.change(change, view);
        return Ok(summed);
    }
    // Nobody waits for it: the other processors are for those who ask.
    query.added_up(reading, Kinds::ALL, view, 1).await
}
