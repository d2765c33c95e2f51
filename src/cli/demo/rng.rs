//! A small seeded generator (SplitMix64): the demo tells the same story on every machine.

/// A stream of numbers that follows from its seed alone.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add(i64::try_from(self.next() % span.max(1)).unwrap_or(0))
    }

    /// True in `percent` of a hundred draws.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of several; the first where there is none to choose from.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.next() % (choices.len().max(1) as u64)).unwrap_or(0);
        choices.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_seed_gives_the_same_stream_and_draws_stay_inside_their_bounds() {
        let (mut one, mut two) = (Rng::new(7), Rng::new(7));
        let draws: Vec<i64> = (0..1_000).map(|_| one.between(-3, 4)).collect();
        assert!(draws.iter().all(|n| (-3..=4).contains(n)));
        assert!((-3..=4).all(|n| draws.contains(&n)));
        assert_eq!(draws, (0..1_000).map(|_| two.between(-3, 4)).collect::<Vec<_>>());
        assert_ne!(Rng::new(8).next(), Rng::new(7).next());
        let hits = (0..10_000).filter(|_| one.chance(30)).count();
        assert!((2_700..3_300).contains(&hits), "{hits}");
        assert_eq!(one.pick::<u8>(&[]), None);
    }
}
