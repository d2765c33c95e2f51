//! How long the feeds of this process have been behind: a client that stops reading makes no error, so that only this tells.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::domain::market::MarketKey;
use crate::ingest::Head;

/// Revisions of a market that are remembered with the moment at which they were seen; of more, every other one is forgotten.
const MOST: usize = 1_024;

/// The feeds that clients follow.
#[derive(Clone, Default)]
pub(super) struct Lags(Arc<Mutex<Feeds>>);

#[derive(Default)]
struct Feeds {
    /// Opened so far.
    opened: u64,
    markets: HashMap<MarketKey, OfMarket>,
}

struct OfMarket {
    heads: watch::Receiver<Head>,
    /// Newest revisions, and when each was seen first.
    seen: VecDeque<(u64, Instant)>,
    feeds: HashMap<u64, Arc<Reached>>,
}

/// How far a feed has come.
struct Reached {
    through: AtomicU64,
    since: Instant,
}

/// A feed that is being followed; dropped, it is not.
pub(super) struct Followed {
    lags: Lags,
    key: MarketKey,
    number: u64,
    reached: Arc<Reached>,
}

impl Lags {
    fn all(&self) -> MutexGuard<'_, Feeds> {
        // What is noted of a feed is whole whatever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A feed begins behind a revision.
    pub(super) fn follow(&self, key: &MarketKey, heads: &watch::Receiver<Head>, through: u64) -> Followed {
        let reached = Arc::new(Reached { through: AtomicU64::new(through), since: Instant::now() });
        let mut all = self.all();
        all.opened += 1;
        let number = all.opened;
        let new = || OfMarket { heads: heads.clone(), seen: VecDeque::new(), feeds: HashMap::new() };
        all.markets.entry(key.clone()).or_insert_with(new).feeds.insert(number, Arc::clone(&reached));
        drop(all);
        Followed { lags: self.clone(), key: key.clone(), number, reached }
    }

    /// Looks at the markets that are followed: for how long the feed that has waited longest has not taken what was committed.
    pub(super) fn look(&self, now: Instant) -> Vec<(MarketKey, Duration)> {
        let mut all = self.all();
        all.markets.iter_mut().map(|(key, market)| (key.clone(), market.look(now))).collect()
    }
}

impl OfMarket {
    fn look(&mut self, now: Instant) -> Duration {
        let head = self.heads.borrow().revision;
        if self.seen.back().is_none_or(|(revision, _)| *revision < head) {
            self.seen.push_back((head, now));
        }
        if self.seen.len() > MOST {
            // The oldest stays, for which somebody may have waited longest, and the newest.
            let mut keep = false;
            self.seen.retain(|_| {
                keep = !keep;
                keep
            });
        }
        let through = |feed: &Arc<Reached>| feed.through.load(Ordering::Relaxed);
        let least = self.feeds.values().map(through).min().unwrap_or(u64::MAX);
        // Kept is what is newest, and what somebody waits for.
        while self.seen.len() > 1 && self.seen.front().is_some_and(|(revision, _)| *revision <= least) {
            self.seen.pop_front();
        }
        let waiting = |feed: &Arc<Reached>| {
            let (_, at) = self.seen.iter().find(|(revision, _)| *revision > through(feed))?;
            Some(now.saturating_duration_since(feed.since.max(*at)))
        };
        self.feeds.values().filter_map(waiting).max().unwrap_or_default()
    }
}

impl Followed {
    /// The feed has handed out everything up to a revision.
    pub(super) fn reached(&self, through: u64) {
        self.reached.through.store(through, Ordering::Relaxed);
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let mut all = self.lags.all();
        if let Some(market) = all.markets.get_mut(&self.key) {
            market.feeds.remove(&self.number);
            if market.feeds.is_empty() {
                all.markets.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{MarketId, TenantId};
    use crate::domain::time::Timestamp;

    #[test]
    fn a_feed_waits_from_the_first_commit_that_it_has_not_taken() {
        let lags = Lags::default();
        let key = MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") };
        let (sender, heads) = watch::channel(Head { revision: 5, recorded: Timestamp(0) });
        let quick = lags.follow(&key, &heads, 5);
        let slow = lags.follow(&key, &heads, 0);
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let look = |seconds| {
            let found = lags.look(at(seconds));
            found.iter().map(|(_, lag)| lag.as_secs()).max()
        };
        let commit = |revision| sender.send(Head { revision, recorded: Timestamp(0) }).unwrap();
        assert_eq!(look(2), Some(0));
        assert_eq!(look(4), Some(2), "the slow one has had nothing since revision 5 was seen");
        slow.reached(5);
        assert_eq!(look(6), Some(0));
        for revision in 6..5_000 {
            commit(revision);
            quick.reached(revision);
            look(revision + 2);
        }
        let waited = look(5_010).unwrap();
        assert_eq!(waited, 5_002, "since revision 6 was seen, of which every other one behind it was forgotten");
        slow.reached(4_990);
        let waited = look(5_010).unwrap();
        assert!((10..=17).contains(&waited), "{waited}");
        slow.reached(4_999);
        assert_eq!(look(5_020), Some(0));
        drop(quick);
        commit(6_000);
        look(5_030);
        assert_eq!(look(5_033), Some(3));
        drop(slow);
        assert_eq!(look(5_040), None);
    }
}
