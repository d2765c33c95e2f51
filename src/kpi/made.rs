//! What is made of the sums of each feed: percentiles, numbers of values and of accounts, points of curves.

use std::collections::HashMap;

use super::block::Cell;
use super::curve::Curve;
use super::delta::Names;
use super::formula::{Leaf, Window};
use super::gather::{Gathered, Group};
use super::ids::COUNTED;
use super::plan::Plan;
use super::schema::Measure;
use super::shape::Stretches;
use super::sums::Sums;
use super::{histogram, since, survival};

/// What the sums of a feed are made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MadeInto {
    /// They are told as they are.
    Sums,
    /// The number of values with any.
    Distinct,
    /// The number of accounts that were not seen before in the period.
    Accounts,
    /// A percentile of the values.
    Percentile(u8),
    /// A percentile of survival until one of the ends.
    Survival(u8, u16),
    /// Points of a cohort's curve.
    Curve(Curve),
}

impl MadeInto {
    pub(super) fn of(leaf: &Leaf, measure: &Measure, curve: Option<Curve>) -> Self {
        match (leaf.window, curve) {
            (Window::Percentile(percent), _) => Self::Percentile(percent),
            (Window::Survival(percent, ends), _) => Self::Survival(percent, ends),
            (_, Some(curve)) => Self::Curve(curve),
            _ if measure.counts_accounts() => Self::Accounts,
            _ if measure.distinct().is_some() => Self::Distinct,
            _ => Self::Sums,
        }
    }
}

impl Gathered {
    /// Makes of the sums what each feed is to be.
    pub(super) fn made(mut self, plan: &Plan) -> Self {
        let (names, exact) = (&mut self.names, plan.shape.exact);
        for (feed, sums) in plan.feeds.iter().zip(&mut self.feeds) {
            if feed.sums {
                sums.add_up();
            }
            match feed.made_into {
                MadeInto::Sums => {}
                MadeInto::Accounts if feed.counts_at_once() => {}
                MadeInto::Percentile(percent) => sums.take_percentile((percent, exact), names, &plan.stretches),
                MadeInto::Survival(percent, ends) => {
                    survival::take(sums, (percent, ends), exact, names, &plan.stretches);
                }
                MadeInto::Accounts => sums.count_accounts(names, &plan.stretches),
                MadeInto::Distinct => sums.count_distinct(&plan.stretches),
                MadeInto::Curve(curve) => plan.cumulate(curve, sums, names),
            }
        }
        self
    }

    /// Adds the sums of another market's plan of the same question, before anything is made of either.
    pub(super) fn absorb(&mut self, other: &Self) {
        let mut numbers = vec![0_u32];
        numbers.extend(other.names.strings.iter().map(|text| self.names.number(text)));
        let number = |own: u32| numbers.get(own as usize).copied().unwrap_or(own);
        for (sums, more) in self.feeds.iter_mut().zip(&other.feeds) {
            more.each_cell(|group, place, cell| {
                let (values, currency) = (group.values.map(number), number(group.currency));
                sums.put(Group { values, currency, distinct: number(group.distinct) }, place, cell);
            });
        }
    }
}

impl Sums {
    /// For a percentile: replaces the counts of steps by the value told, with the number of facts behind it.
    fn take_percentile(&mut self, (percent, exact): (u8, bool), names: &Names, stretches: &Stretches) {
        let mut steps: HashMap<(Group, usize), Vec<(i64, i128)>> = HashMap::new();
        self.each_flow(stretches, |group, period, flow| {
            if flow.sum == 0 {
                return;
            }
            if let Some(step) = names.text(group.distinct).and_then(|text| text.parse().ok()) {
                steps.entry((Group { distinct: 0, ..*group }, period)).or_default().push((step, flow.sum));
            }
        });
        let mut told = Self::counted(stretches.slots.len());
        for ((group, period), steps) in steps {
            let Some((value, all)) = histogram::percentile(steps, percent, exact) else { continue };
            told.put(group, period, Cell { sum: value.into(), facts: i64::try_from(all).unwrap_or(i64::MAX) });
        }
        *self = told;
    }

    /// For a distinct count: replaces sums by how many values are left in each group and period.
    fn count_distinct(&mut self, stretches: &Stretches) {
        let mut counted = Self::counted(stretches.slots.len());
        self.count_ids();
        self.each_flow(stretches, |group, period, flow| {
            let there = if group.distinct == COUNTED { flow.sum } else { i128::from(flow.sum > 0) };
            let facts = i64::try_from(there).unwrap_or(i64::MAX);
            counted.put(Group { distinct: 0, ..*group }, period, Cell { sum: there, facts });
        });
        *self = counted;
    }

    /// For a count of accounts: replaces sums by the facts of each period whose account was not seen before in it.
    fn count_accounts(&mut self, names: &Names, stretches: &Stretches) {
        let mut counted = Self::counted(stretches.slots.len());
        self.each_flow(stretches, |group, period, flow| {
            let before = || names.text(group.distinct).and_then(|text| since::read(text));
            let start = stretches.slots.get(period).map_or(i32::MIN, |slot| stretches.days(slot.0).0);
            let first = !flow.is_zero() && before().is_none_or(|before| before < start);
            let cell = if first { flow } else { Cell::default() };
            counted.put(Group { distinct: 0, ..*group }, period, cell);
        });
        *self = counted;
    }
}
