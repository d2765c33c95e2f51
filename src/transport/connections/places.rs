//! The places of a listener: who has one, and whose is given to another.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long a connection that was asked to go, or a call whose end would free one, is waited for before another is looked for.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long nothing must have been in work on a connection that is used before its place is given away: a client that makes one
/// call after the other is at work in between as well.
const IDLE: Duration = Duration::from_secs(2);

/// An open connection.
#[derive(Debug)]
struct Connection {
    at: Instant,
    peer: IpAddr,
    /// A valid API key has come on it.
    known: AtomicBool,
    /// Calls of the API that are in work on it, streams among them.
    calls: AtomicU32,
    /// When the last of them began or ended, in microseconds after `at`.
    last: AtomicU64,
    /// Its place is given to another.
    given: CancellationToken,
}

impl Connection {
    fn touch(&self) {
        let after = u64::try_from(self.at.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last.fetch_max(after, Ordering::Relaxed);
    }

    /// Since when nothing has been in work on it.
    fn idle_since(&self) -> Instant {
        self.at + Duration::from_micros(self.last.load(Ordering::Relaxed))
    }
}

/// The connection of a request. In the extensions of every request.
#[derive(Debug, Clone)]
pub struct Opened(Arc<Connection>);

impl Opened {
    /// When it was accepted.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.0.at
    }

    /// A call of the API by somebody with a valid key is in work, until what this gives is dropped.
    #[must_use]
    pub fn call(&self) -> Call {
        self.0.known.store(true, Ordering::Relaxed);
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        self.0.touch();
        Call(Arc::clone(&self.0))
    }
}

/// A call in work on a connection.
#[derive(Debug)]
pub struct Call(Arc<Connection>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.touch();
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connections that are open, by the order in which they were accepted.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    of: BTreeMap<u64, Arc<Connection>>,
}

impl Open {
    /// The connection whose place is given to a new one, if all are taken. Before any other go those on which no valid API key
    /// has come: of the address that has most of them, the oldest, so that whoever opens many takes the places from himself.
    /// Then those on which nothing is in work, the longest idle first: their clients connect again when they have a call.
    fn least_needed(&self) -> Option<&Connection> {
        let held = || self.of.values().map(|one| &**one).filter(|one| !one.given.is_cancelled());
        let strangers = || held().filter(|one| !one.known.load(Ordering::Relaxed));
        let mut of_peer: HashMap<IpAddr, usize> = HashMap::new();
        strangers().for_each(|one| *of_peer.entry(one.peer).or_default() += 1);
        let stranger = strangers().max_by_key(|one| (of_peer.get(&one.peer), Reverse(one.at)));
        let idle = || held().filter(|one| one.calls.load(Ordering::Relaxed) == 0 && one.idle_since().elapsed() >= IDLE);
        stranger.or_else(|| idle().min_by_key(|one| one.idle_since()))
    }
}

/// The places of a listener.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    open: Mutex<Open>,
    freed: Notify,
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default(), freed: Notify::new() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing that holds it can panic half way.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from this address, as soon as there is one.
    pub(super) async fn take(self: &Arc<Self>, peer: IpAddr) -> Place {
        loop {
            let freed = self.freed.notified();
            if let Some(place) = self.try_take(peer) {
                return place;
            }
            let _ = tokio::time::timeout(PATIENCE, freed).await;
        }
    }

    /// A place, if there is one; if not, another's end is brought about.
    fn try_take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut open = self.open();
        if open.of.len() < self.most {
            let number = open.next;
            open.next += 1;
            let connection = Arc::new(Connection {
                at: Instant::now(),
                peer,
                known: AtomicBool::new(false),
                calls: AtomicU32::new(0),
                last: AtomicU64::new(0),
                given: CancellationToken::new(),
            });
            open.of.insert(number, Arc::clone(&connection));
            return Some(Place { connection, number, places: Arc::clone(self) });
        }
        if let Some(one) = open.least_needed() {
            one.given.cancel();
            metrics::counter!("fairdue_connections_displaced_total").increment(1);
            tracing::debug!(peer = %one.peer, "a connection ends that is not in use: all {} are taken", self.most);
        }
        None
    }
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connection: Arc<Connection>,
    number: u64,
    places: Arc<Places>,
}

impl Place {
    pub(super) fn opened(&self) -> Opened {
        Opened(Arc::clone(&self.connection))
    }

    /// Resolves when the place is given to another.
    pub(super) fn given(&self) -> WaitForCancellationFutureOwned {
        self.connection.given.clone().cancelled_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open().of.remove(&self.number);
        self.places.freed.notify_one();
    }
}
