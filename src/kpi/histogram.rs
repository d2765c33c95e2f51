//! Steps of values whose counts give percentiles: they add up, and a void takes its count back exactly.
//!
//! A value below 64 is a step of its own; above, each doubling is cut into 32 steps. A percentile is told as the middle of
//! its step, so it lies at most 1/64 (1.6 %) beside the value that sorting all of them would give.

/// Values below this are told exactly.
const EXACT: i64 = 64;
/// Steps of each doubling, as a power of two.
const FINE: u32 = 5;

/// The smallest value of the step that a value lies in. Lengths are never negative; one that were counts as zero.
#[must_use]
pub(super) const fn step(value: i64) -> i64 {
    if value < EXACT {
        return if value < 0 { 0 } else { value };
    }
    let width = 1_i64 << (value.ilog2() - FINE);
    value & !(width - 1)
}

/// The value that a step is told as: its middle, rounded down.
#[must_use]
pub(super) const fn middle(step: i64) -> i64 {
    if step < EXACT { step } else { step + ((1_i64 << (step.ilog2() - FINE)) - 1) / 2 }
}

/// The value below or at which `percent` of a hundred of all counted lie (the nearest rank), and how many are counted.
/// Steps come in any order; counts that are not above zero are no values. `exact`: the steps are the values themselves.
#[must_use]
pub(super) fn percentile(mut steps: Vec<(i64, i128)>, percent: u8, exact: bool) -> Option<(i64, i128)> {
    steps.retain(|(_, count)| *count > 0);
    steps.sort_unstable_by_key(|(step, _)| *step);
    let all: i128 = steps.iter().map(|(_, count)| *count).sum();
    let rank = (all * i128::from(percent) + 99) / 100;
    let mut below = 0;
    for (step, count) in steps {
        below += count;
        if below >= rank.max(1) {
            return Some((if exact { step } else { middle(step) }, all));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_percentile_is_near_the_sorted_one(mut values in prop::collection::vec(0_i64..5_000_000, 1..200), percent in 1_u8..100) {
            let steps = values.iter().map(|value| (step(*value), 1)).collect();
            let (told, all) = percentile(steps, percent, false).unwrap();
            prop_assert_eq!(all, values.len() as i128);
            values.sort_unstable();
            let rank = (values.len() * usize::from(percent)).div_ceil(100);
            let exact = values[rank - 1];
            let themselves = values.iter().map(|value| (*value, 1)).collect();
            prop_assert_eq!(percentile(themselves, percent, true), Some((exact, all)));
            prop_assert!((told - exact).abs() * 64 <= exact, "{} instead of {}", told, exact);
        }
    }

    #[test]
    fn steps_hold_what_lies_in_them_and_their_middle() {
        for value in (0..70).chain([127, 128, 129, 4_095, 4_096, 86_400, i64::from(u32::MAX), i64::MAX]) {
            assert!(step(value) <= value && step(step(value)) == step(value), "{value}");
            assert_eq!(step(middle(step(value))), step(value), "{value}");
            assert!(value >= EXACT || middle(step(value)) == value, "{value}");
        }
        assert_eq!(step(-5), 0);
        assert_eq!(percentile(vec![(3, 0), (4, -1)], 50, false), None);
        assert_eq!(percentile(vec![(9, 1), (1, 1)], 50, false), Some((1, 2)));
        assert_eq!(percentile(vec![(9, 1), (1, 1)], 51, false), Some((9, 2)));
    }
}
