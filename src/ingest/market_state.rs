//! What a process remembers of a market: the derived state of recently used cases, kept right by revision.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use super::derive::CaseEntry;
use crate::compliance::PersonLog;
use crate::domain::ids::{CaseId, PersonId};

/// The state of one market, shared between its writer and contact checks.
#[derive(Default)]
pub struct MarketState {
    inner: RwLock<Inner>,
    /// When the state was last known to be the newest, in milliseconds of the process's own clock; 0 before.
    confirmed: AtomicU64,
}

/// Everything that one lock guards.
#[derive(Default)]
struct Inner {
    /// Revision that everything here is right at.
    revision: u64,
    /// Whether `pending_voids` was read.
    loaded: bool,
    /// Recently used cases.
    cases: Recent<CaseId, CaseEntry>,
    /// Contacts of persons over all their cases, for rules that count per person.
    persons: Recent<PersonId, PersonLog>,
    /// Voids whose targets have not arrived.
    pending_voids: HashSet<String>,
}

/// A cache that forgets what was not used for a whole generation.
struct Recent<K, V> {
    young: HashMap<K, Arc<V>>,
    old: HashMap<K, Arc<V>>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

/// Entries of one generation. Two generations live at a time.
const GENERATION: usize = 500_000;

impl<K: std::hash::Hash + Eq + Clone, V> Recent<K, V> {
    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.young.get(key).or_else(|| self.old.get(key)).map(Arc::clone)
    }

    fn put(&mut self, key: K, value: Arc<V>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

/// What a commit changes in the state.
pub struct Update {
    /// The commit's revision.
    pub revision: u64,
    /// New states of cases.
    pub cases: Vec<(CaseId, Arc<CaseEntry>)>,
    /// New contact logs.
    pub persons: Vec<(PersonId, Arc<PersonLog>)>,
    /// Voids that now wait.
    pub waiting: Vec<String>,
    /// Voids whose targets have come.
    pub resolved: Vec<String>,
}

impl MarketState {
    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Inner> {
        // A panic while the lock was held may have left half an update: start from nothing.
        self.inner.write().unwrap_or_else(|poisoned| {
            let mut inner = poisoned.into_inner();
            *inner = Inner::default();
            self.inner.clear_poison();
            inner
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> Option<T> {
        self.inner.read().ok().map(|inner| look(&inner))
    }

    /// Revision that the state is right at; `None` before the first use.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        self.read(|inner| inner.loaded.then_some(inner.revision)).flatten()
    }

    /// A case's state, if remembered.
    #[must_use]
    pub fn case(&self, case: &CaseId) -> Option<Arc<CaseEntry>> {
        self.read(|inner| inner.cases.get(case)).flatten()
    }

    /// A case's state and the revision it is right at, if remembered.
    #[must_use]
    pub fn case_at(&self, case: &CaseId) -> Option<(Arc<CaseEntry>, u64)> {
        self.read(|inner| inner.cases.get(case).map(|entry| (entry, inner.revision))).flatten()
    }

    /// A person's contacts, if remembered.
    #[must_use]
    pub fn person(&self, person: &PersonId) -> Option<Arc<PersonLog>> {
        self.read(|inner| inner.persons.get(person)).flatten()
    }

    /// Which of these ids have a void that waits for them.
    #[must_use]
    pub fn waiting_voids<'a>(&self, ids: impl Iterator<Item = &'a str>) -> HashSet<String> {
        self.read(|inner| {
            if inner.pending_voids.is_empty() {
                return HashSet::new();
            }
            ids.filter(|id| inner.pending_voids.contains(*id)).map(str::to_owned).collect()
        })
        .unwrap_or_default()
    }

    /// Notes that nothing newer was stored at an instant of the process's own clock.
    pub fn confirm(&self, at_ms: u64) {
        self.confirmed.fetch_max(at_ms, Ordering::Relaxed);
    }

    /// When the state was last known to be the newest, on the process's own clock.
    #[must_use]
    pub fn confirmed(&self) -> u64 {
        self.confirmed.load(Ordering::Relaxed)
    }

    /// Starts from what the database says: nothing is remembered but the voids that wait.
    pub fn start(&self, revision: u64, pending_voids: HashSet<String>) {
        *self.write() = Inner { revision, loaded: true, pending_voids, ..Inner::default() };
    }

    /// Forgets what another process has changed since revision `from`; nothing if the state has moved on meanwhile.
    pub fn catch_up(&self, from: u64, revision: u64, touched: &HashSet<CaseId>, pending_voids: HashSet<String>) {
        let mut inner = self.write();
        if !inner.loaded || inner.revision != from {
            return;
        }
        for case in touched {
            inner.cases.remove(case);
        }
        inner.persons.clear();
        inner.pending_voids = pending_voids;
        inner.revision = revision;
    }

    /// Forgets everything: a commit may or may not have happened.
    pub fn forget(&self) {
        *self.write() = Inner::default();
    }

    /// Takes over a commit.
    pub fn apply(&self, update: Update) {
        let mut inner = self.write();
        inner.revision = update.revision;
        for (case, entry) in update.cases {
            inner.cases.put(case, entry);
        }
        for (person, log) in update.persons {
            inner.persons.put(person, log);
        }
        inner.pending_voids.extend(update.waiting);
        for target in update.resolved {
            inner.pending_voids.remove(&target);
        }
    }
}
