//! Clients that write and read without a stop while something is broken under them, and what must hold afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use super::client::{Addresses, Client, DEADLINE, Failure, UNASKED};
use super::client::{CHUNK, Known, of_market};
use crate::figures;
use crate::support::database::Database;
use crate::support::workload::{self, MARKETS};

/// A load that goes on until it is ended.
pub struct Load {
    known: Arc<Mutex<Known>>,
    ending: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

/// What a load has done.
pub struct Done {
    /// Every failure that a client met.
    pub failures: Vec<Failure>,
    /// The longest that any call took.
    pub longest: Duration,
    /// How many calls of each kind were answered.
    pub answered: BTreeMap<&'static str, usize>,
    created: BTreeMap<String, u32>,
    done: BTreeMap<usize, BTreeSet<u32>>,
}

impl Load {
    /// A load that nobody puts on yet.
    pub fn new() -> Self {
        Self { known: Arc::default(), ending: Arc::default(), clients: Vec::new() }
    }

    /// Another client, which turns first to the server of that place.
    pub fn client(&self, addresses: &Addresses, key: &str, turn: usize) -> Client {
        Client::new(addresses, key, turn, &self.known)
    }

    /// Starts `writers` clients a market that write, and one a market that reads what is there.
    pub fn start(addresses: &Addresses, key: &str, writers: u32) -> Self {
        let mut load = Self::new();
        for market in 0..MARKETS.len() {
            for writer in 0..writers {
                let mut client = load.client(addresses, key, market + writer as usize);
                let ending = Arc::clone(&load.ending);
                load.clients.push(tokio::spawn(async move {
                    for turn in 0.. {
                        client.chunk(market, turn * writers + writer).await;
                        if ending.load(Ordering::SeqCst) {
                            return;
                        }
                    }
                }));
            }
            let mut client = load.client(addresses, key, market);
            let (ending, known) = (Arc::clone(&load.ending), Arc::clone(&load.known));
            load.clients.push(tokio::spawn(async move {
                while !ending.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    let chunk = known.lock().expect("no panic").done.get(&market).and_then(|done| done.last().copied());
                    let Some(chunk) = chunk else { continue };
                    client.look(market, Client::first_case(chunk, market)).await;
                }
            }));
        }
        load
    }

    /// How many writes were acknowledged.
    pub fn writes(&self) -> usize {
        self.known.lock().expect("no panic").acknowledged.len()
    }

    /// Waits until that many writes more are acknowledged.
    pub async fn more(&self, writes: usize) {
        let least = self.writes() + writes;
        let since = Instant::now();
        while self.writes() < least {
            if since.elapsed() > Duration::from_secs(60) {
                let known = self.known.lock().expect("no panic");
                panic!("the load stands still; the last failure: {:?}", known.failures.last());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until every kind of read was answered so often: some write a little where they are used first.
    pub async fn looked(&self, times: usize) {
        let since = Instant::now();
        while self.known.lock().expect("no panic").answered.get("GetMarketStatus").is_none_or(|done| *done < times) {
            assert!(since.elapsed() < Duration::from_secs(60), "no read: {:?}", self.failures().last());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Time from an instant to the first write that was acknowledged after it.
    pub async fn first_write_after(&self, instant: Instant) -> Duration {
        let since = Instant::now();
        loop {
            let first = self.known.lock().expect("no panic").acknowledged.iter().find(|at| **at > instant).copied();
            if let Some(first) = first {
                return first - instant;
            }
            assert!(since.elapsed() < Duration::from_secs(60), "no write: {:?}", self.failures().last());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The failures so far.
    pub fn failures(&self) -> Vec<Failure> {
        self.known.lock().expect("no panic").failures.clone()
    }

    /// Ends it: every client finishes what it has begun.
    pub async fn end(self) -> Done {
        self.ending.store(true, Ordering::SeqCst);
        for client in self.clients {
            let ended = tokio::time::timeout(Duration::from_secs(120), client).await;
            ended.expect("a client finishes").expect("a client failed");
        }
        let known = std::mem::take(&mut *self.known.lock().expect("no panic"));
        let Known { failures, longest, answered, created, done, .. } = known;
        Done { failures, longest, answered, created, done }
    }
}

impl Done {
    fn cases(&self, market: usize) -> impl Iterator<Item = u32> {
        let chunks = self.done.get(&market).cloned().unwrap_or_default();
        chunks.into_iter().flat_map(move |chunk| of_market(chunk * CHUNK..(chunk + 1) * CHUNK, market))
    }

    /// Records that were acknowledged.
    pub fn records(&self) -> usize {
        self.expected().len()
    }

    fn expected(&self) -> BTreeSet<String> {
        let mut expected = BTreeSet::new();
        for (market, (region, _, _)) in MARKETS.iter().enumerate() {
            for case in self.cases(market) {
                for number in 0..workload::PER_CASE {
                    expected.insert(format!("{region} {}", workload::activity_id(case, number)));
                    if workload::is_voided(case, number) {
                        let void = workload::activity_id(case, number + workload::PER_CASE);
                        expected.insert(format!("{region} {void}"));
                    }
                }
            }
        }
        expected
    }

    /// What was acknowledged is in the table, once, and nothing else is; nothing was created twice; figures equal a recount;
    /// a copy made by the feed holds the same.
    pub async fn verify(&self, database: &Database, address: &str, key: &str) {
        let twice: Vec<&String> = self.created.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id).collect();
        assert!(twice.is_empty(), "created more than once: {twice:?}");
        let expected = self.expected();
        assert!(!expected.is_empty(), "nothing was written");
        same("the table", figures::stored_ids(database).await, &expected);
        let mut fed = Vec::new();
        for (market, (region, _, _)) in MARKETS.iter().enumerate() {
            figures::compare_market(address, key, market, self.cases(market)).await;
            fed.extend(figures::fed_ids(address, key, region).await);
        }
        same("the feed", fed, &expected);
    }

    /// Every failure named a passing trouble and when to try again, and came before its caller's own deadline.
    pub fn failures_were_passing(&self) {
        for failure in &self.failures {
            assert!(failure.invites_another_try(), "{failure:?}");
        }
        assert!(self.longest < DEADLINE, "a call took {:?}", self.longest);
    }
}

fn same(what: &str, found: Vec<String>, expected: &BTreeSet<String>) {
    let mut set: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(set.len(), found.len(), "{what} holds something twice");
    set.retain(|id| !id.contains(UNASKED));
    let lost: Vec<&String> = expected.difference(&set).take(3).collect();
    assert!(lost.is_empty(), "{what} lacks {} acknowledged records, such as {lost:?}", expected.len() - set.len());
    let more: Vec<&String> = set.difference(expected).take(3).collect();
    assert!(more.is_empty(), "{what} holds what nobody was told is stored: {more:?}");
}
