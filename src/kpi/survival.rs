//! How long accounts take, with those counted that are not there yet (the estimator of Kaplan and Meier).
//!
//! Cells of the day on which accounts came in count beginnings and, by days since then, ends. An account that has not ended
//! was watched from its day to today; one that ended otherwise than asked for was watched up to that end. Among those watched
//! for at least so many days, the share that reached the asked end on that day is taken off what is left, day by day.

use std::collections::{BTreeMap, HashMap};

use super::block::Cell;
use super::delta::Names;
use super::exact::Exact;
use super::gather::Group;
use super::histogram;
use super::shape::Stretches;
use super::sums::Sums;
use crate::domain::fact::{BEGAN, ENDS};

/// What the ages of accounts that have not ended begin with.
const AGE: &str = "age";
/// The sum of a cell whose percentile is not reached.
pub(super) const NOT_REACHED: i128 = -1;

/// The value of a part of an account's life; `None` of another state.
pub(super) fn written(state: &str, days: i64) -> Option<String> {
    exactly(state, histogram::step(days))
}

/// The same with the days themselves, which no cell is kept by.
pub(super) fn exactly(state: &str, days: i64) -> Option<String> {
    if state == BEGAN {
        return Some(BEGAN.to_owned());
    }
    ENDS.contains(&state).then(|| format!("{state} {days}"))
}

/// The value under which accounts of an age are counted while they have not ended.
pub(super) fn age(days: i32) -> String {
    format!("{AGE} {days}")
}

/// Whether the value is a beginning.
pub(super) fn is_beginning(value: &str) -> bool {
    value == BEGAN
}

/// What accounts of a group came to.
#[derive(Default)]
struct Lives {
    /// By days since they came in: ends that were asked for, other ends, and those that have not ended.
    days: BTreeMap<i64, [i128; 3]>,
}

impl Lives {
    /// The days within which `percent` of a hundred reach the end, [`NOT_REACHED`] if they do not, and how many began.
    fn told(&self, percent: u8, exact: bool) -> (i128, i128) {
        let all: i128 = self.days.values().flatten().sum();
        let goal = Exact::new(i128::from(100 - percent.min(100)), 100).unwrap_or(Exact::ZERO);
        let (mut watched, mut left, mut about) = (all, Some(Exact::whole(1)), 1.0_f64);
        for (days, [reached, otherwise, open]) in &self.days {
            if *reached > 0 && watched > 0 {
                // Beyond 128 bits the nearest doubles decide.
                left = left.and_then(|left| Some(left.multiply(Exact::new(watched - reached, watched)?)?.reduced()));
                about *= (watched - reached) as f64 / watched as f64;
                let there = match left.and_then(|left| left.subtract(goal)) {
                    Some(rest) => rest.numerator() <= 0,
                    None => about <= goal.approximate() + 1e-12,
                };
                if there {
                    return (if exact { *days } else { histogram::middle(*days) }.into(), all);
                }
            }
            watched -= reached + otherwise + open;
        }
        (NOT_REACHED, all)
    }
}

/// For a percentile of survival: replaces counts by the days told, with the number of accounts that began.
pub(super) fn take(sums: &mut Sums, (percent, ends): (u8, u16), exact: bool, names: &Names, stretches: &Stretches) {
    let mut lives: HashMap<(Group, usize), Lives> = HashMap::new();
    sums.each_flow(stretches, |group, period, flow| {
        if flow.sum == 0 {
            return;
        }
        let Some((word, days)) = names.text(group.distinct).and_then(|text| text.split_once(' ')) else { return };
        let Ok(days) = days.parse::<i64>() else { return };
        let kind = match ENDS.iter().position(|end| *end == word) {
            Some(end) if ends & (1 << end) != 0 => 0,
            Some(_) => 1,
            None => 2,
        };
        let lives = lives.entry((Group { distinct: 0, ..*group }, period)).or_default();
        if let Some(slot) = lives.days.entry(days.max(0)).or_default().get_mut(kind) {
            *slot += flow.sum;
        }
    });
    let mut told = Sums::counted(stretches.slots.len());
    for ((group, period), lives) in lives {
        let (days, all) = lives.told(percent, exact);
        told.put(group, period, Cell { sum: days, facts: i64::try_from(all).unwrap_or(i64::MAX) });
    }
    *sums = told;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lives: &[(i64, [i128; 3])], percent: u8) -> (i128, i128) {
        Lives { days: lives.iter().copied().collect() }.told(percent, false)
    }

    #[test]
    fn survival_falls_at_each_end_among_those_still_watched() {
        // Six accounts: paid on days 3 and 5, one withdrawn on day 4, watched and open for 2, 10 and 10 days.
        let lives = [(2, [0, 0, 1]), (3, [1, 0, 0]), (4, [0, 1, 0]), (5, [1, 0, 0]), (10, [0, 0, 2])];
        // 4/5 are left after day 3, and 4/5 x 2/3 = 8/15 after day 5.
        assert_eq!(told(&lives, 20), (3, 6));
        assert_eq!(told(&lives, 46), (5, 6));
        assert_eq!(told(&lives, 47), (NOT_REACHED, 6));
    }

    #[test]
    fn without_censoring_it_is_the_nearest_rank() {
        let lives = [(1, [1, 0, 0]), (2, [1, 0, 0]), (7, [1, 0, 0]), (9, [1, 0, 0])];
        assert_eq!((told(&lives, 50), told(&lives, 51), told(&lives, 99)), ((2, 4), (7, 4), (9, 4)));
    }

    #[test]
    fn what_ends_on_the_day_that_another_is_lost_counts_it() {
        assert_eq!(told(&[(5, [1, 1, 0])], 50), (5, 2));
    }
}
