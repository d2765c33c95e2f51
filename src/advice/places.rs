//! Places in the log of checks, which all markets share. What a market holds may be at most so many times what is free: one
//! that is stuck fills up and leaves room to the others, and so do several.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A market may hold this many times what is free: alone it has three quarters of all places.
const SHARE: usize = 3;

/// The places of a log.
pub(super) struct Places {
    shared: Mutex<Shared>,
}

struct Shared {
    free: usize,
    /// By the number of the market.
    markets: Vec<Taken>,
    /// Requests that wait, of all markets.
    waiting: usize,
}

/// What one market has of the places.
#[derive(Default)]
struct Taken {
    held: usize,
    /// Served in their order, those that ask later without waiting behind them.
    waiting: VecDeque<(usize, oneshot::Sender<Held>)>,
}

/// Places that a market holds until this is dropped.
pub(super) struct Held {
    places: Arc<Places>,
    market: usize,
    count: usize,
}

impl Places {
    /// So many places.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { shared: Mutex::new(Shared { free: most, markets: Vec::new(), waiting: 0 }) })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a market that comes in.
    pub(super) fn market(&self) -> usize {
        let mut shared = self.shared();
        shared.markets.push(Taken::default());
        shared.markets.len() - 1
    }

    /// That many places, if there are, and nobody of the market waits for some. More than a market may ever hold are as
    /// many as it may hold now, as long as it holds none.
    pub(super) fn take(self: &Arc<Self>, market: usize, wanted: usize) -> Option<Held> {
        let mut shared = self.shared();
        shared.forget_gone(market);
        let free_way = wanted == 0 || shared.markets.get(market).is_some_and(|taken| taken.waiting.is_empty());
        let count = if free_way { shared.take(market, wanted) } else { None };
        drop(shared);
        count.map(|count| self.held(market, count))
    }

    /// Waits for that many places. `None` if there will be none.
    pub(super) async fn wait(self: &Arc<Self>, market: usize, wanted: usize) -> Option<Held> {
        if let Some(held) = self.take(market, wanted) {
            return Some(held);
        }
        let served = {
            let mut shared = self.shared();
            let (serve, served) = oneshot::channel();
            shared.markets.get_mut(market)?.waiting.push_back((wanted, serve));
            shared.waiting += 1;
            served
        };
        // What was given back since the look above went to nobody.
        self.give_back(market, 0);
        served.await.ok()
    }

    fn held(self: &Arc<Self>, market: usize, count: usize) -> Held {
        Held { places: Arc::clone(self), market, count }
    }

    /// Takes places back, and serves who waits for some: of any market, for all may hold more now.
    pub(super) fn give_back(self: &Arc<Self>, market: usize, count: usize) {
        let mut served = Vec::new();
        let mut shared = self.shared();
        shared.free += count;
        if let Some(taken) = shared.markets.get_mut(market) {
            taken.held = taken.held.saturating_sub(count);
        }
        if shared.waiting > 0 {
            for market in 0..shared.markets.len() {
                while let Some((count, serve)) = shared.serve(market) {
                    served.push((serve, self.held(market, count)));
                }
            }
        }
        drop(shared);
        for (serve, held) in served {
            // Who has gone meanwhile gives them back by that.
            drop(serve.send(held));
        }
    }
}

impl Shared {
    fn take(&mut self, market: usize, wanted: usize) -> Option<usize> {
        let taken = self.markets.get_mut(market)?;
        let most = (self.free * SHARE).saturating_sub(taken.held) / (1 + SHARE);
        let count = match wanted {
            wanted if wanted <= most => wanted,
            _ if taken.held == 0 && self.free > 0 => most.max(1),
            _ => return None,
        };
        taken.held += count;
        self.free -= count;
        Some(count)
    }

    /// Forgets the first of those who wait if they do not any more.
    fn forget_gone(&mut self, market: usize) {
        let Some(taken) = self.markets.get_mut(market) else { return };
        while taken.waiting.pop_front_if(|(_, serve)| serve.is_closed()).is_some() {
            self.waiting -= 1;
        }
    }

    /// The first who waits, with the places that there are by now.
    fn serve(&mut self, market: usize) -> Option<(usize, oneshot::Sender<Held>)> {
        self.forget_gone(market);
        let wanted = self.markets.get(market)?.waiting.front()?.0;
        let count = self.take(market, wanted)?;
        let (_, serve) = self.markets.get_mut(market)?.waiting.pop_front()?;
        self.waiting -= 1;
        Some((count, serve))
    }
}

impl Held {
    /// Leaves that many of the places with whoever gives them back later, or all that there are.
    pub(super) fn keep(&mut self, wanted: usize) -> usize {
        let kept = wanted.min(self.count);
        self.count -= kept;
        kept
    }

    /// How many.
    pub(super) const fn count(&self) -> usize {
        self.count
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.count > 0 {
            self.places.give_back(self.market, self.count);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn fill(places: &Arc<Places>, market: usize) -> Vec<Held> {
        std::iter::from_fn(|| places.take(market, 1)).collect()
    }

    #[test]
    fn markets_that_are_full_leave_room_to_the_next() {
        let places = Places::new(6_400);
        let markets: Vec<usize> = (0..4).map(|_| places.market()).collect();
        let held: Vec<Vec<Held>> = markets.iter().map(|market| fill(&places, *market)).collect();
        let counts: Vec<usize> = held.iter().map(Vec::len).collect();
        assert_eq!(counts, [4_800, 1_200, 300, 75]);
        drop(held);
        assert_eq!(fill(&places, 3).len(), 4_800, "all is given back");
    }

    #[test]
    fn more_than_there_are_is_what_an_idle_market_may_have() {
        let places = Places::new(8);
        let (one, other) = (places.market(), places.market());
        let all = places.take(one, 100).unwrap();
        assert_eq!(all.count(), 6);
        assert!(places.take(one, 100).is_none());
        assert_eq!(places.take(other, 100).unwrap().count(), 1);
        drop(all);
        assert_eq!(places.take(one, 100).unwrap().count(), 6);
        let least = Places::new(1);
        let (one, other) = (least.market(), least.market());
        let last = least.take(one, 5).unwrap();
        assert_eq!(last.count(), 1);
        assert!(least.take(other, 1).is_none(), "there are none");
    }

    #[test]
    fn who_waits_is_served_in_turn_and_before_those_who_do_not() {
        let places = Places::new(8);
        let market = places.market();
        let mut all = places.take(market, 6).unwrap();
        let (mut first, mut second) = (Box::pin(places.wait(market, 4)), Box::pin(places.wait(market, 1)));
        let mut gone = Box::pin(places.wait(market, 1));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        assert!(gone.as_mut().now_or_never().is_none());
        drop(gone);
        places.give_back(market, all.keep(2));
        assert!(places.take(market, 1).is_none(), "others wait");
        assert_eq!(places.take(market, 0).unwrap().count(), 0, "who needs none need not wait");
        assert!(second.as_mut().now_or_never().is_none(), "the first is not served yet");
        drop(all);
        let first = first.now_or_never().unwrap().unwrap();
        let second = second.now_or_never().unwrap().unwrap();
        assert_eq!((first.count(), second.count()), (4, 1));
        assert_eq!(places.shared().waiting, 0);
        drop((first, second));
        assert_eq!(places.shared().free, 8);
    }

    #[test]
    fn what_is_served_to_somebody_who_has_gone_is_given_back() {
        let places = Places::new(8);
        let market = places.market();
        let all = places.take(market, 6).unwrap();
        let mut waits = Box::pin(places.wait(market, 6));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(all);
        assert_eq!(places.shared().free, 2, "it is served");
        drop(waits);
        assert_eq!(places.shared().free, 8);
    }
}
