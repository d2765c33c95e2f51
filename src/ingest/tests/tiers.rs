//! States that are large leave for the packed form although they are few, and what is counted of them comes to nothing.

use std::sync::Arc;

use crate::ingest::packed::Written;
use crate::ingest::tiers::{MemoryLimit, Tiers};
use crate::rules::RuleSet;

/// A state of so many bytes.
struct Large(usize);

impl Written for Large {
    type Key = u64;

    fn weight(&self) -> usize {
        self.0
    }

    fn write(&self, _key: &u64) -> Option<Vec<u8>> {
        Some(self.0.to_le_bytes().to_vec())
    }

    fn read(written: &[u8], _key: &u64, _rules: &RuleSet) -> Option<Self> {
        written.try_into().ok().map(usize::from_le_bytes).map(Self)
    }
}

/// How many of twenty states of a size stay as they are, where ten may in each generation, and there is no more room.
fn stay(size: usize) -> usize {
    let limit = Arc::new(MemoryLimit::new(10, 0, 1 << 20));
    let mut tiers = Tiers::<Large>::new(Arc::clone(&limit));
    for key in 0..20 {
        tiers.put(key, Arc::new(Large(size)));
        // One that changes is counted once.
        tiers.put(key, Arc::new(Large(size)));
        if let Some(leaving) = tiers.leaving() {
            let left = leaving.pack();
            tiers.settle(left);
        }
    }
    let held = (0..20).filter(|key| tiers.get(key).is_some()).count();
    assert_eq!(limit.held(), held * size, "what is held is what is counted");
    (0..20).for_each(|key| tiers.remove(&key));
    assert_eq!(limit.held(), 0);
    held
}

#[test]
fn large_states_are_packed_although_they_are_few() {
    assert_eq!(stay(16 << 10), 20);
    assert!(stay(64 << 10) <= 5);
    assert_eq!(stay(1 << 20), 0);
}

#[test]
fn large_states_that_were_read_are_held_no_longer_than_there_is_room_for_small_ones() {
    let mut tiers = Tiers::<Large>::new(Arc::new(MemoryLimit::new(10, 0, 1 << 20)));
    let mut held = |size: usize| {
        (0..20).for_each(|key| tiers.note_read(key, Arc::new(Large(size))));
        (0..20).filter(|key| tiers.get(key).is_some()).count()
    };
    assert_eq!(held(1 << 10), 20);
    assert_eq!(held(1 << 20), 2, "one in each generation");
}
