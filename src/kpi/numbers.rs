//! Columns of numbers, as narrow as what they hold.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// Numbers, as wide as the widest of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Numbers {
    /// All are this one.
    Same(i64),
    One(Vec<i8>),
    Two(Vec<i16>),
    Four(Vec<i32>),
    Eight(Vec<i64>),
}

impl Numbers {
    pub(super) fn of(all: Vec<i64>) -> Self {
        let first = all.first().copied().unwrap_or_default();
        if all.iter().all(|number| *number == first) {
            return Self::Same(first);
        }
        /// All of them, if all fit.
        fn narrow<T: TryFrom<i64>>(all: &[i64]) -> Option<Vec<T>> {
            all.iter().map(|number| T::try_from(*number).ok()).collect()
        }
        let wider = || narrow(&all).map(Self::Two).or_else(|| narrow(&all).map(Self::Four));
        narrow(&all).map(Self::One).or_else(wider).unwrap_or(Self::Eight(all))
    }

    pub(super) fn get(&self, place: usize) -> i64 {
        match self {
            Self::Same(number) => *number,
            Self::One(all) => all.get(place).copied().unwrap_or_default().into(),
            Self::Two(all) => all.get(place).copied().unwrap_or_default().into(),
            Self::Four(all) => all.get(place).copied().unwrap_or_default().into(),
            Self::Eight(all) => all.get(place).copied().unwrap_or_default(),
        }
    }

    /// Whether it has a number at each of so many places.
    pub(super) const fn has(&self, places: usize) -> bool {
        match self {
            Self::Same(_) => true,
            Self::One(all) => all.len() == places,
            Self::Two(all) => all.len() == places,
            Self::Four(all) => all.len() == places,
            Self::Eight(all) => all.len() == places,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Same(_) => 0,
            Self::One(all) => all.len(),
            Self::Two(all) => size_of_val(all.as_slice()),
            Self::Four(all) => size_of_val(all.as_slice()),
            Self::Eight(all) => size_of_val(all.as_slice()),
        }
    }
}

/// Numbers of which some are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Optional {
    numbers: Numbers,
    /// What stands for none; no number is this one.
    none: Option<i64>,
}

impl Optional {
    pub(super) fn of(all: &[Option<i64>]) -> Self {
        let mut none = None;
        if all.iter().any(Option::is_none) {
            // One that is close to the others lets them stay narrow.
            let taken: HashSet<i64> = all.iter().flatten().copied().collect();
            let least = taken.iter().min().copied().unwrap_or_default();
            none = (0..).map(|more| least.wrapping_sub(1 + more)).find(|number| !taken.contains(number));
        }
        Self { numbers: Numbers::of(all.iter().map(|one| one.or(none).unwrap_or_default()).collect()), none }
    }

    pub(super) fn get(&self, place: usize) -> Option<i64> {
        Some(self.numbers.get(place)).filter(|number| self.none != Some(*number))
    }

    /// The numbers with what stands for none.
    pub(super) const fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.numbers.bytes()
    }
}
