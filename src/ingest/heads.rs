//! The newest revisions of the markets whose changes somebody follows, told to them as they come.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::watch;

use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;

/// The newest commit of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Its revision.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
}

/// The heads of followed markets.
#[derive(Default)]
pub struct Heads {
    markets: Mutex<HashMap<MarketKey, watch::Sender<Head>>>,
    /// When other replicas were last asked, in microseconds; 0 before.
    confirmed: AtomicI64,
}

impl Heads {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<MarketKey, watch::Sender<Head>>> {
        // Senders are whole whatever panicked beside them.
        self.markets.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Follows a market from now on. What was committed before is for the caller to read, and to note.
    pub fn follow(&self, key: &MarketKey) -> watch::Receiver<Head> {
        self.all().entry(key.clone()).or_default().subscribe()
    }

    /// Whether anybody follows. Markets that nobody follows any more are forgotten.
    pub fn followed(&self) -> bool {
        let mut all = self.all();
        all.retain(|_, sender| sender.receiver_count() > 0);
        !all.is_empty()
    }

    /// Notes a commit; one that is older than what is known changes nothing.
    pub fn note(&self, key: &MarketKey, head: Head) {
        if let Some(sender) = self.all().get(key) {
            sender.send_if_modified(|known| {
                let newer = head.revision > known.revision;
                if newer {
                    *known = head;
                }
                newer
            });
        }
    }

    /// Notes that no other replica had committed anything newer at an instant.
    pub fn confirm(&self, at: Timestamp) {
        self.confirmed.fetch_max(at.0, Ordering::Relaxed);
    }

    /// When other replicas were last asked.
    pub fn confirmed(&self) -> Timestamp {
        Timestamp(self.confirmed.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{MarketId, TenantId};

    #[test]
    fn heads_never_go_back_and_are_forgotten_with_their_last_follower() {
        let heads = Heads::default();
        let key = MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") };
        let head = |revision| Head { revision, recorded: Timestamp(5) };
        heads.note(&key, head(9));
        assert!(!heads.followed(), "a commit that nobody follows is not kept");
        let mut follower = heads.follow(&key);
        heads.note(&key, head(3));
        heads.note(&key, head(2));
        assert_eq!(*follower.borrow_and_update(), head(3));
        heads.note(&key, head(3));
        assert!(!follower.has_changed().unwrap());
        assert!(heads.followed());
        drop(follower);
        assert!(!heads.followed());
    }
}
