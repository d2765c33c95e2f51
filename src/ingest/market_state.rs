//! What a process remembers of a market: the derived state of recently used cases, kept right by revision.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use super::derive::CaseEntry;
use super::ground::Ground;
pub use super::held_permits::HeldPermit;
use super::held_permits::HeldPermits;
use super::in_force::InForce;
pub use super::news::{News, Update};
use super::packed::Written;
use super::recent::Recent;
use super::strangers::{ToldElsewhere, ToldPersons};
pub use super::tiers::MemoryLimit;
use super::tiers::{Leaving, Tiers};
use crate::compliance::PersonLog;
use crate::config::Snapshot;
use crate::domain::circle::Circle;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::permit::Permit;
use crate::domain::time::Timestamp;
use crate::kpi::Delta;
use crate::rules::RuleSet;

/// Bytes of an empty delta that a market keeps at most.
const SPARE: usize = 8 << 20;

/// The state of one market, shared between its writer and contact checks.
pub struct MarketState {
    inner: RwLock<Inner>,
    limit: Arc<MemoryLimit>,
    /// When the state was last known to be the newest, in milliseconds of the process's own clock; 0 before.
    confirmed: AtomicU64,
    /// Ids stored lately.
    pub(super) recent: Recent,
    /// The rules by which this server has derived the market.
    pub(super) in_force: InForce,
    /// An empty delta with the room that the last commit's needed.
    delta: Mutex<Delta>,
}

/// Everything that one lock guards.
struct Inner {
    /// Revision that everything here is right at.
    revision: u64,
    /// Whether `pending_voids` was read.
    loaded: bool,
    /// What everything here was derived by.
    ground: Ground,
    /// Recently used cases.
    cases: Tiers<CaseEntry>,
    /// Contacts of persons and households over all their cases, for rules that count so.
    persons: Tiers<PersonLog>,
    /// Voids whose targets have not arrived.
    pending_voids: HashSet<String>,
    /// Permits that hold a place.
    permits: HeldPermits,
    /// What is told of persons who are no parties of the cases that they were asked about with.
    told: ToldPersons,
}

/// The state at one revision, while no commit is taken over.
pub struct View<'a> {
    inner: &'a Inner,
    /// States that were unpacked for this look.
    cases: RefCell<Vec<(CaseId, Arc<CaseEntry>)>>,
    persons: RefCell<Vec<(Circle, Arc<PersonLog>)>>,
}

impl View<'_> {
    /// Revision that everything here is right at.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.inner.revision
    }

    /// Whether everything here was seen to be derived as this configuration would have it.
    #[must_use]
    pub fn is_of(&self, snapshot: &Arc<Snapshot>) -> bool {
        self.inner.loaded && self.inner.ground.is_of(snapshot)
    }

    /// A case's state, if remembered.
    #[must_use]
    pub fn case(&self, case: &CaseId) -> Option<Arc<CaseEntry>> {
        Self::state(case, &self.inner.cases, &self.inner.ground.rules, &self.cases)
    }

    /// The contacts of a person or a household, if remembered.
    #[must_use]
    pub fn circle(&self, circle: &Circle) -> Option<Arc<PersonLog>> {
        Self::state(circle, &self.inner.persons, &self.inner.ground.rules, &self.persons)
    }

    /// What is told of a person in the whole market, if remembered.
    #[must_use]
    pub fn told(&self, person: &PersonId) -> Option<ToldElsewhere> {
        self.inner.told.get(person)
    }

    /// Permits that hold a place at an instant on that case or in one of these circles.
    #[must_use]
    pub fn permits(&self, case: &CaseId, circles: &[Circle], now: Timestamp) -> Vec<HeldPermit> {
        let permits = self.inner.permits.concerning(case, circles, now).into_iter();
        let entry = |permit: &Permit| if permit.case() == case { None } else { self.case(permit.case()) };
        permits.map(|permit| HeldPermit { elsewhere: entry(&permit), permit }).collect()
    }

    /// A state as it is, or unpacked.
    fn state<V: Written>(
        key: &V::Key,
        tiers: &Tiers<V>,
        rules: &RuleSet,
        unpacked: &RefCell<Vec<(V::Key, Arc<V>)>>,
    ) -> Option<Arc<V>>
    where
        V::Key: std::hash::Hash + Eq + Clone,
    {
        tiers.get(key).or_else(|| {
            let state = tiers.unpack(key, rules)?;
            unpacked.borrow_mut().push((key.clone(), Arc::clone(&state)));
            Some(state)
        })
    }
}

impl Inner {
    fn new(limit: &Arc<MemoryLimit>) -> Self {
        Self {
            revision: 0,
            loaded: false,
            ground: Ground::default(),
            cases: Tiers::new(Arc::clone(limit)),
            persons: Tiers::new(Arc::clone(limit)),
            pending_voids: HashSet::new(),
            permits: HeldPermits::default(),
            told: ToldPersons::default(),
        }
    }
}

impl MarketState {
    /// Nothing is remembered yet; later never more than the limit admits.
    #[must_use]
    pub fn new(limit: Arc<MemoryLimit>) -> Self {
        Self {
            inner: RwLock::new(Inner::new(&limit)),
            limit,
            confirmed: AtomicU64::new(0),
            recent: Recent::default(),
            in_force: InForce::default(),
            delta: Mutex::default(),
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Inner> {
        // A panic while the lock was held may have left half an update: start from nothing.
        self.inner.write().unwrap_or_else(|poisoned| {
            let mut inner = poisoned.into_inner();
            *inner = Inner::new(&self.limit);
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

    /// Revision that the state is right at, if everything was derived on this ground.
    #[must_use]
    pub(super) fn revision_on(&self, ground: &Ground) -> Option<u64> {
        let known =
            self.read(|inner| (inner.loaded && inner.ground.is_same(ground)).then_some(inner.revision)).flatten();
        known.or_else(|| {
            let mut inner = self.write();
            (inner.loaded && inner.ground.note(ground)).then_some(inner.revision)
        })
    }

    /// Looks at cases and persons that are all right at the same revision; what had to be unpacked for it is then kept at
    /// hand. Commits wait meanwhile: look, do not work. `None` only if the state is being thrown away.
    pub fn look<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> Option<T> {
        let (seen, revision, cases, persons) = self.read(|inner| {
            let view = View { inner, cases: RefCell::default(), persons: RefCell::default() };
            let seen = look(&view);
            (seen, inner.revision, view.cases.take(), view.persons.take())
        })?;
        // Not worth waiting for: it can be unpacked again.
        if !(cases.is_empty() && persons.is_empty())
            && let Ok(mut inner) = self.inner.try_write()
            && inner.revision == revision
        {
            cases.into_iter().for_each(|(case, state)| inner.cases.note_read(case, state));
            persons.into_iter().for_each(|(person, log)| inner.persons.note_read(person, log));
        }
        Some(seen)
    }

    /// Whether everything here was derived as this configuration would have it, on that ground. What was derived by other rules
    /// has forgotten what these would look back at.
    #[must_use]
    pub fn stands_on(&self, snapshot: &Arc<Snapshot>, ground: impl FnOnce() -> Ground) -> bool {
        if self.read(|inner| inner.loaded && inner.ground.is_of(snapshot)).unwrap_or(false) {
            return true;
        }
        let ground = ground();
        let mut inner = self.write();
        inner.loaded && inner.ground.note(&ground)
    }

    /// A case's state, if remembered.
    #[must_use]
    pub fn case(&self, case: &CaseId) -> Option<Arc<CaseEntry>> {
        self.case_at(case).map(|(entry, _)| entry)
    }

    /// A case's state and the revision it is right at, if remembered.
    #[must_use]
    pub fn case_at(&self, case: &CaseId) -> Option<(Arc<CaseEntry>, u64)> {
        self.find(case, |inner| &inner.cases, |inner| &mut inner.cases)
    }

    /// A case's state, if it is kept as it is: a packed one has forgotten what is on record.
    #[must_use]
    pub(super) fn case_at_hand(&self, case: &CaseId) -> Option<Arc<CaseEntry>> {
        self.read(|inner| inner.cases.get(case)).flatten()
    }

    /// Unpacks what is remembered of these cases, so that it is at hand a moment later.
    pub fn bring_to_hand<'a>(&self, cases: impl Iterator<Item = &'a CaseId>) {
        let packed = self.read(|inner| {
            let mut found: Vec<(CaseId, Arc<CaseEntry>)> = Vec::new();
            for case in cases.filter(|case| inner.cases.get(case).is_none()) {
                // A case that is named twice in a row is unpacked once.
                if found.last().is_none_or(|(last, _)| last != case)
                    && let Some(entry) = inner.cases.unpack(case, &inner.ground.rules)
                {
                    found.push((case.clone(), entry));
                }
            }
            (found, inner.revision)
        });
        let Some((found, revision)) = packed.filter(|(found, _)| !found.is_empty()) else { return };
        let mut inner = self.write();
        if inner.revision == revision {
            found.into_iter().for_each(|(case, entry)| inner.cases.note_read(case, entry));
        }
    }

    /// The contacts of a person or a household, if remembered.
    #[must_use]
    pub fn circle(&self, circle: &Circle) -> Option<Arc<PersonLog>> {
        self.find(circle, |inner| &inner.persons, |inner| &mut inner.persons).map(|(log, _)| log)
    }

    /// A state as it is, or unpacked and then kept at hand; and the revision that it is right at.
    fn find<V: Written>(
        &self,
        key: &V::Key,
        tiers: fn(&Inner) -> &Tiers<V>,
        tiers_mut: fn(&mut Inner) -> &mut Tiers<V>,
    ) -> Option<(Arc<V>, u64)>
    where
        V::Key: std::hash::Hash + Eq + Clone,
    {
        let (state, revision, unpacked) = self.read(|inner| {
            let at_hand = tiers(inner).get(key).map(|state| (state, inner.revision, false));
            at_hand.or_else(|| Some((tiers(inner).unpack(key, &inner.ground.rules)?, inner.revision, true)))
        })??;
        // Not worth waiting for: it can be unpacked again.
        if unpacked
            && let Ok(mut inner) = self.inner.try_write()
            && inner.revision == revision
        {
            tiers_mut(&mut inner).note_read(key.clone(), Arc::clone(&state));
        }
        Some((state, revision))
    }

    /// How many permits hold a place at an instant.
    #[must_use]
    pub fn permits_held(&self, now: Timestamp) -> usize {
        self.read(|inner| inner.permits.held(now)).unwrap_or(0)
    }

    /// Permits that hold a place at an instant on that case or in one of these circles.
    #[must_use]
    pub fn permits_concerning(&self, case: &CaseId, circles: &[Circle], now: Timestamp) -> Vec<Arc<Permit>> {
        self.read(|inner| inner.permits.concerning(case, circles, now)).unwrap_or_default()
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

    /// An empty delta, with room if there was a commit before.
    pub(super) fn spare_delta(&self) -> Delta {
        self.delta.lock().map_or_else(|_| Delta::new(), |mut delta| std::mem::take(&mut *delta))
    }

    /// Keeps the room of a delta that is stored.
    pub(super) fn keep_delta(&self, mut delta: Delta) {
        if delta.bytes() <= SPARE
            && let Ok(mut spare) = self.delta.lock()
        {
            delta.clear();
            *spare = delta;
        }
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

    /// Starts from what the database says, on this ground: nothing is remembered but the voids that wait.
    pub fn start(&self, revision: u64, news: News, recorded: Timestamp, ground: Ground) {
        let mut inner = self.write();
        let News { pending_voids, permits, .. } = news;
        *inner = Inner { revision, loaded: true, ground, pending_voids, ..Inner::new(&self.limit) };
        inner.permits.apply(permits, recorded);
    }

    /// Forgets what another process has changed since revision `from`; nothing if the state has moved on meanwhile, which
    /// need not be as far as `revision`: ask for [`Self::revision`] again.
    pub fn catch_up(&self, from: u64, revision: u64, news: News, now: Timestamp) {
        let News { touched, pending_voids, permits } = news;
        let mut inner = self.write();
        if !inner.loaded || inner.revision != from {
            return;
        }
        for case in &touched {
            inner.cases.remove(case);
        }
        if !touched.is_empty() {
            // Contacts change only with their cases: what merely logged checks has changed nobody's.
            inner.persons.clear();
            inner.told = ToldPersons::default();
        }
        inner.pending_voids = pending_voids;
        inner.permits.apply(permits, now);
        inner.revision = revision;
    }

    /// Forgets everything: a commit may or may not have happened.
    pub fn forget(&self) {
        *self.write() = Inner::new(&self.limit);
    }

    /// Takes over a commit.
    pub fn apply(&self, update: Update) {
        let (cases, persons) = {
            let mut inner = self.write();
            inner.revision = update.revision;
            update.cases.into_iter().for_each(|(case, entry)| inner.cases.put(case, entry));
            update.persons.into_iter().for_each(|(person, log)| inner.persons.put(person, log));
            inner.pending_voids.extend(update.waiting);
            for target in update.resolved {
                inner.pending_voids.remove(&target);
            }
            inner.permits.apply(update.permits, update.recorded);
            inner.told.apply(update.told);
            (inner.cases.leaving(), inner.persons.leaving())
        };
        // Packing takes a while: checks go on meanwhile.
        let (cases, persons) = (cases.map(Leaving::pack), persons.map(Leaving::pack));
        if cases.is_some() || persons.is_some() {
            let mut inner = self.write();
            cases.into_iter().for_each(|left| inner.cases.settle(left));
            persons.into_iter().for_each(|left| inner.persons.settle(left));
        }
    }
}
