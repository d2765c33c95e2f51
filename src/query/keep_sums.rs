//! Brings the stored sums of facts up to date while nobody waits for them: behind a market's commits, once it is left alone, and
//! from the beginning where rules have changed.
//!
//! One server does it at a time, and shows that it is alive; another takes over whose sign of life stands still. What is written
//! takes the place of what was there in one transaction, and only if that is still what it was.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::stored_sums::rows;
use super::summed::{Summed, with_changes};
use super::{Query, Reading};
use crate::domain::facts::Kinds;
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;
use crate::ingest::{IngestError, Markets, View, untold};
use crate::kpi::CellGrain;
use crate::store::SumsRow;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Time between two signs of life.
const BEAT: Duration = Duration::from_secs(5);
/// How long a sign of life may stand still.
const LEASE: Duration = Duration::from_secs(30);
/// Wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// Cases touched since, up to which stored sums are left as they are for a while: a question tells these by itself.
const FEW: usize = 32;
/// Records that came since, from which on the cases are not counted: they are not few.
const MANY: usize = 1_000;
/// A history is told from its beginning again only after so many times as long as it took the last time, so that a market that is
/// being loaded, where most has changed whenever one looks, does not keep a processor busy with it.
const APART: u32 = 4;
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
        let mut keeper = Keeper::new(name, after);
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
    /// When each market's history may be told from its beginning again.
    again: HashMap<MarketKey, Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    revision: u64,
    since: Instant,
    /// Since when there may have been something to do.
    open: Option<Instant>,
}

/// What became of a look at a market.
enum Turn {
    Done,
    /// Little has changed.
    Few,
    /// Another server is at it.
    Others,
}

impl Keeper {
    fn new(name: String, after: Duration) -> Self {
        let (seen, beats, failed, again) = (HashMap::new(), HashMap::new(), HashMap::new(), HashMap::new());
        Self { name, after, seen, beats, failed, again }
    }

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
            let late = open.elapsed() >= self.after * AT_THE_LATEST;
            let is_time = late || seen.since.elapsed() >= self.after;
            if !is_time || self.failed.get(&key).is_some_and(|since| since.elapsed() < AFTER_FAILURE) {
                continue;
            }
            // A market that the configuration does not have any more is nobody's.
            let Ok(reading) = query.reading(&snapshot, &key.tenant, &key.market) else { continue };
            let turn = self.keep(query, &reading, late).await;
            let Some(seen) = self.seen.get_mut(&key) else { continue };
            match turn {
                Ok(Turn::Others) => {}
                Ok(Turn::Few) => seen.since = Instant::now(),
                Ok(Turn::Done) => seen.open = None,
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

    /// Brings a market's sums up to date. `late`: even where little has changed.
    async fn keep(&mut self, query: &Query, reading: &Reading, late: bool) -> Result<Turn, IngestError> {
        let (scope, market) = (&reading.scope, &reading.key.market);
        let found = scope.fact_sums_head(market).await?;
        if let Some(other) = found.as_ref().filter(|row| !row.holder.is_empty() && row.holder != self.name) {
            let (beat, since) = *self.beats.entry(reading.key.clone()).or_insert((other.beat, Instant::now()));
            if beat != other.beat {
                self.beats.insert(reading.key.clone(), (other.beat, Instant::now()));
                return Ok(Turn::Others);
            }
            if since.elapsed() < LEASE {
                return Ok(Turn::Others);
            }
        }
        self.beats.remove(&reading.key);
        let head = scope.head(market).await?;
        let stored = query.stored_sums(reading, CellGrain::Day, Kinds::NONE).await?;
        if let (Some(head), Some(stored)) = (&head, &stored) {
            if head.revision == stored.view.known {
                return Ok(Turn::Done);
            }
            let known = stored.view.known;
            if !late
                && scope.count_changes(market, known, MANY).await? < MANY
                && scope.cases_touched_since(market, known).await?.len() <= FEW
            {
                return Ok(Turn::Few);
            }
        }
        let Some(mut held) = scope.hold_fact_sums(market, found.as_ref(), &self.name).await? else {
            return Ok(Turn::Others);
        };
        let since = Instant::now();
        let may_tell = self.again.get(&reading.key).is_none_or(|again| *again <= since);
        let mut work = std::pin::pin!(brought_up(query, reading, may_tell));
        let brought = loop {
            tokio::select! {
                done = &mut work => break done,
                () = tokio::time::sleep(BEAT) => match scope.hold_fact_sums(market, Some(&held), &self.name).await? {
                    Some(alive) => held = alive,
                    None => return Ok(Turn::Others),
                },
            }
        };
        let (summed, told) = match brought {
            Ok(Some(brought)) => brought,
            other => {
                scope.hold_fact_sums(market, Some(&held), "").await?;
                return other.map(|_| Turn::Few);
            }
        };
        if told {
            self.again.insert(reading.key.clone(), Instant::now() + since.elapsed() * APART);
        }
        self.put(reading, summed, held, since).await
    }

    async fn put(
        &self,
        reading: &Reading,
        summed: Vec<Summed>,
        held: SumsRow,
        since: Instant,
    ) -> Result<Turn, IngestError> {
        let (scope, market) = (&reading.scope, &reading.key.market);
        let (known, seen) = (summed.first().map_or(0, |summed| summed.view.known), held.clone());
        let (next, rows) = tokio::task::spawn_blocking(move || rows(&summed, &seen)).await.map_err(|_| untold())??;
        let bytes: usize = rows.iter().flatten().map(|row| row.body.len()).sum();
        let done = scope.put_fact_sums(market, &held, &next, rows).await?;
        if done {
            metrics::counter!("fairdue_fact_sums_total", "outcome" => "kept").increment(1);
            let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(%market, revision = known, bytes, milliseconds, "sums of facts are up to date");
        }
        Ok(if done { Turn::Done } else { Turn::Others })
    }
}

/// The sums of every kind, as the market is now, and whether the history was told for them from its beginning; `None` where that
/// would have to be and may not.
async fn brought_up(
    query: &Query,
    reading: &Reading,
    may_tell: bool,
) -> Result<Option<(Vec<Summed>, bool)>, IngestError> {
    let head = reading.scope.head(&reading.key.market).await?;
    // Timers that are due by now count as fired, whether or not they are: none need fire for it.
    let (known, fired) = head.map_or((0, Timestamp(0)), |head| (head.revision, head.fired));
    let view = View { known, now: query.markets.clock().now().max(fired), until: Timestamp(i64::MAX) };
    let mut all = Vec::new();
    for grain in CellGrain::ALL {
        all.extend(query.stored_sums(reading, *grain, Kinds::ALL).await?);
    }
    let stored: Vec<&Summed> = all.iter().filter(|summed| summed.view.known <= view.known).collect();
    let same = stored.windows(2).all(|two| matches!(two, [one, other] if one.view == other.view));
    if stored.len() == CellGrain::ALL.len()
        && same
        && let Some(changes) = query.changed(reading, &stored, view).await?
    {
        return Ok(Some((with_changes(all, changes, view).await?, false)));
    }
    if !may_tell {
        return Ok(None);
    }
    Ok(Some((query.all_added_up(reading, view).await?, true)))
}
