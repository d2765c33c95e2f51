//! States by recency: those used lately as they are for as long as there is room, those not used for a while as packed
//! bytes, those beyond the memory that is allowed not at all. What is not here is derived again from the history that is stored.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::arena::Arena;
use super::packed::{Dictionary, Written};
use crate::rules::RuleSet;

/// How much a process may remember, over all its markets.
#[derive(Debug)]
pub struct MemoryLimit {
    /// States of one generation of one market that are kept as they are, however much room there is, unless they are large. Two
    /// generations live at a time.
    generation: usize,
    /// Bytes of states that are kept as they are, about.
    unpacked: usize,
    /// Bytes of packed states.
    bytes: usize,
    held: AtomicUsize,
    used: AtomicUsize,
}

/// Most states that are packed after one commit, so that none is kept waiting for long; more than a commit brings.
const PACKED_AT_ONCE: usize = 8_192;

/// Packed bytes that a market may always keep, however much the others hold.
const SHARE: usize = 1 << 20;

/// Bytes of a state that is kept in any case, in the mean: of states that are larger fewer are kept so.
const USUAL: usize = 16 << 10;

impl MemoryLimit {
    /// At most `bytes` of packed states, and two generations of states as they are for each market; more of these as long
    /// as they take no more than `unpacked` bytes.
    #[must_use]
    pub const fn new(generation: usize, unpacked: usize, bytes: usize) -> Self {
        Self { generation, unpacked, bytes, held: AtomicUsize::new(0), used: AtomicUsize::new(0) }
    }

    /// Bytes of states that are kept as they are, over all markets.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn release(&self, weight: usize) {
        self.held.fetch_sub(weight, Ordering::Relaxed);
    }
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self::new(4_096, 1 << 28, 1 << 30)
    }
}

/// States by key, found quickly by a hash with a secret of this process.
type Quick<V> = HashMap<<V as Written>::Key, Arc<V>, foldhash::quality::RandomState>;

/// The states of one kind in one market.
pub(super) struct Tiers<V: Written> {
    limit: Arc<MemoryLimit>,
    secret: foldhash::quality::RandomState,
    /// Changed in this generation, or in the one before.
    young: Quick<V>,
    old: Quick<V>,
    /// Bytes of these.
    own: usize,
    /// Read in this generation or the one before, and still packed as well.
    read: Quick<V>,
    read_before: Quick<V>,
    /// Bytes of those of this generation.
    read_bytes: usize,
    /// Found by a hash with a secret of this process, so that nobody can choose ids that fall together; the id itself is
    /// compared after unpacking.
    packed: Arena,
    packed_before: Arena,
    dictionary: Arc<Dictionary>,
}

/// States that leave for the packed form: packed outside the lock that guards them.
pub(super) struct Leaving<V: Written> {
    states: Vec<(V::Key, Arc<V>)>,
    dictionary: Arc<Dictionary>,
}

/// A state that left: its key, itself, and its packed form, if it has one.
type Gone<V> = (<V as Written>::Key, Arc<V>, Option<Box<[u8]>>);

/// The same states, packed.
pub(super) struct Left<V: Written> {
    states: Vec<Gone<V>>,
    dictionary: Arc<Dictionary>,
}

impl<V: Written> Leaving<V> {
    /// Packs them. From the first states of a market the dictionary for all of them is made.
    pub(super) fn pack(self) -> Left<V> {
        let written: Vec<_> = self.states.iter().map(|(key, state)| state.write(key)).collect();
        self.dictionary.learn(&written.iter().flatten().map(Vec::as_slice).collect::<Vec<_>>());
        let packed = self.dictionary.pack(&written);
        let states = self.states.into_iter().zip(packed).map(|((key, state), packed)| (key, state, packed));
        Left { states: states.collect(), dictionary: self.dictionary }
    }
}

impl<V: Written> Tiers<V>
where
    V::Key: Hash + Eq + Clone,
{
    pub(super) fn new(limit: Arc<MemoryLimit>) -> Self {
        Self {
            limit,
            secret: foldhash::quality::RandomState::default(),
            young: HashMap::default(),
            old: HashMap::default(),
            own: 0,
            read: HashMap::default(),
            read_before: HashMap::default(),
            read_bytes: 0,
            packed: Arena::default(),
            packed_before: Arena::default(),
            dictionary: Arc::default(),
        }
    }

    /// The state of a key as it is, if it was used lately.
    pub(super) fn get(&self, key: &V::Key) -> Option<Arc<V>> {
        let places = [&self.young, &self.old, &self.read, &self.read_before];
        places.into_iter().find_map(|place| place.get(key)).map(Arc::clone)
    }

    /// The state of a key from its packed bytes.
    pub(super) fn unpack(&self, key: &V::Key, rules: &RuleSet) -> Option<Arc<V>> {
        let hash = self.secret.hash_one(key);
        let packed = self.packed.get(hash).or_else(|| self.packed_before.get(hash))?;
        self.dictionary.unpack(packed, |written| V::read(written, key, rules)).map(Arc::new)
    }

    /// Keeps an unpacked state at hand. Forgetting it later costs nothing: it is still packed.
    pub(super) fn note_read(&mut self, key: V::Key, state: Arc<V>) {
        if self.read.len() >= self.limit.generation || self.read_bytes >= self.limit.generation.saturating_mul(USUAL) {
            self.read_before = std::mem::take(&mut self.read);
            self.read_bytes = 0;
        }
        self.read_bytes += state.weight();
        self.read.insert(key, state);
    }

    /// Takes a new state of a key.
    pub(super) fn put(&mut self, key: V::Key, state: Arc<V>) {
        let weight = state.weight();
        self.limit.held.fetch_add(weight, Ordering::Relaxed);
        self.own += weight;
        // What is among the young is nowhere else.
        if let Some(before) = self.young.get_mut(&key) {
            let before = std::mem::replace(before, state).weight();
            self.release(before);
            return;
        }
        self.remove(&key);
        self.young.insert(key, state);
    }

    /// Forgets a key.
    pub(super) fn remove(&mut self, key: &V::Key) {
        let mut gone = 0;
        for place in [&mut self.young, &mut self.old] {
            if let Some(state) = place.remove(key) {
                gone += state.weight();
            }
        }
        self.release(gone);
        for place in [&mut self.read, &mut self.read_before] {
            place.remove(key);
        }
        let hash = self.secret.hash_one(key);
        let before = self.packed_bytes();
        self.packed.remove(hash);
        self.packed_before.remove(hash);
        self.note_packed(before);
    }

    /// States that are kept as they are take so much less.
    fn release(&mut self, weight: usize) {
        self.limit.release(weight);
        self.own = self.own.saturating_sub(weight);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        let fresh = Self::new(Arc::clone(&self.limit));
        *self = fresh;
    }

    /// States that have to leave for the packed form, if there are too many: some of the older generation, which the
    /// younger one becomes when nothing is left of it. They stay readable until [`Tiers::settle`].
    pub(super) fn leaving(&mut self) -> Option<Leaving<V>> {
        let most = self.limit.generation.saturating_mul(2);
        let few = self.young.len() + self.old.len() <= most && self.own <= most.saturating_mul(USUAL);
        if few || self.limit.held.load(Ordering::Relaxed) <= self.limit.unpacked {
            return None;
        }
        if self.old.is_empty() {
            self.old = std::mem::take(&mut self.young);
        }
        let states = self.old.iter().take(PACKED_AT_ONCE);
        let states = states.map(|(key, state)| (key.clone(), Arc::clone(state))).collect();
        Some(Leaving { states, dictionary: Arc::clone(&self.dictionary) })
    }

    /// Takes the packed states in. What changed meanwhile is left as it is.
    pub(super) fn settle(&mut self, left: Left<V>) {
        if !Arc::ptr_eq(&self.dictionary, &left.dictionary) {
            return; // everything was forgotten meanwhile
        }
        let before = self.packed_bytes();
        for (key, state, packed) in left.states {
            if self.old.get(&key).is_none_or(|held| !Arc::ptr_eq(held, &state)) {
                continue;
            }
            self.old.remove(&key);
            self.release(state.weight());
            if let Some(packed) = packed {
                self.packed.insert(self.secret.hash_one(&key), &packed);
            }
        }
        self.note_packed(before);
        if self.limit.used.load(Ordering::Relaxed) > self.limit.bytes && self.packed.bytes() > SHARE {
            let before = self.packed_bytes();
            self.packed_before = std::mem::take(&mut self.packed);
            self.note_packed(before);
        }
    }

    /// Notes that packed states take other than `before`, for all markets.
    fn note_packed(&self, before: usize) {
        let now = self.packed_bytes();
        self.limit.used.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
    }
}

impl<V: Written> Tiers<V> {
    fn packed_bytes(&self) -> usize {
        self.packed.bytes() + self.packed_before.bytes()
    }
}

impl<V: Written> Drop for Tiers<V> {
    fn drop(&mut self) {
        self.limit.used.fetch_sub(self.packed_bytes(), Ordering::Relaxed);
        self.limit.release(self.own);
    }
}
