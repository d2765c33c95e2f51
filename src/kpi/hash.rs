//! A quick seeded hasher for the short keys of cells: small integers, ids, words.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Multiplier of the mixing step: the golden ratio in 64 bits.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// Makes [`QuickHasher`]s with one random seed, so that a client who picks days and names cannot aim at collisions.
#[derive(Debug, Clone)]
pub(crate) struct QuickState(u64);

impl Default for QuickState {
    fn default() -> Self {
        Self(RandomState::new().hash_one(FACTOR))
    }
}

impl BuildHasher for QuickState {
    type Hasher = QuickHasher;

    fn build_hasher(&self) -> QuickHasher {
        QuickHasher(self.0)
    }
}

/// Folds 64 bits at a time by a widening multiplication.
#[derive(Debug)]
pub(crate) struct QuickHasher(u64);

impl QuickHasher {
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word).wrapping_mul(u128::from(FACTOR));
        self.0 = (wide as u64) ^ ((wide >> 64) as u64);
    }
}

impl Hasher for QuickHasher {
    fn finish(&self) -> u64 {
        let wide = u128::from(self.0).wrapping_mul(u128::from(FACTOR));
        (wide as u64) ^ ((wide >> 64) as u64)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let last = rest.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
        self.mix(last ^ ((bytes.len() as u64) << 56));
    }

    fn write_u32(&mut self, word: u32) {
        self.mix(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }
}
