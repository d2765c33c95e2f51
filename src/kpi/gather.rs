//! Adds the cells of blocks into the groups and periods of a question.

use std::collections::HashMap;

use super::block::{Block, BlockKey, Cell};
use super::delta::Names;
use super::dimension::MAX_WIDTH;
use super::hash::QuickState;
use super::histogram;
use super::period::Period;
use super::plan::{Feed, Plan};
use super::query::Query;
use super::strings::Strings;
use super::varint::DecodeError;

/// A group: numbers of its values, of its currency, and of the value being counted by a distinct count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Group {
    pub(super) values: [u32; MAX_WIDTH],
    pub(super) currency: u32,
    distinct: u32,
}

impl Group {
    /// The same group in another currency; 0: in none.
    pub(super) const fn of_currency(mut self, currency: u32) -> Self {
        self.currency = currency;
        self
    }
}

/// The sums of one feed.
#[derive(Debug, Default)]
pub(super) struct Sums {
    rows: HashMap<Group, usize, QuickState>,
    /// One cell for all that lies before the question, then one for each period; one stretch a group.
    cells: Vec<Cell>,
    /// Sums up to and with each cell, of feeds that need them.
    sums: Vec<Cell>,
    /// Sum of changes times the days they last within their period, one for each period.
    weighted: Vec<i128>,
    stride: usize,
}

impl Sums {
    fn slot(&mut self, group: Group, with_mean: bool) -> usize {
        let next = self.rows.len();
        let row = *self.rows.entry(group).or_insert(next);
        if row == next {
            self.cells.resize((next + 1) * self.stride, Cell::default());
            if with_mean {
                self.weighted.resize((next + 1) * self.stride, 0);
            }
        }
        row
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.rows.keys()
    }

    pub(super) fn row(&self, group: &Group) -> Option<usize> {
        self.rows.get(group).copied()
    }

    /// The flow of a period (from 0).
    pub(super) fn flow(&self, row: usize, period: usize) -> Cell {
        self.cells.get(row * self.stride + period + 1).copied().unwrap_or_default()
    }

    /// The sum of everything before the period; before the next one to have this one's end.
    pub(super) fn opening(&self, row: usize, period: usize) -> i128 {
        self.sums.get(row * self.stride + period).map_or(0, |cell| cell.sum)
    }

    /// The flows from the question's first period to this one.
    pub(super) fn running(&self, row: usize, period: usize) -> Cell {
        let at = |place: usize| self.sums.get(row * self.stride + place).copied().unwrap_or_default();
        let (before, mut total) = (at(0), at(period + 1));
        total.add(Cell { sum: before.sum.wrapping_neg(), facts: before.facts.wrapping_neg() });
        total
    }

    fn add_up(&mut self) {
        self.sums = self.cells.clone();
        for row in self.sums.chunks_mut(self.stride) {
            let mut total = Cell::default();
            for cell in row {
                total.add(*cell);
                *cell = total;
            }
        }
    }

    /// The days' closing stocks of the period added up, above what the opening stock gives.
    pub(super) fn weighted(&self, row: usize, period: usize) -> i128 {
        self.weighted.get(row * self.stride + period + 1).copied().unwrap_or_default()
    }

    /// For a percentile: replaces the counts of steps by the value told, with the number of facts behind it.
    fn take_percentile(&mut self, percent: u8, names: &Names) {
        let mut steps: HashMap<(Group, usize), Vec<(i64, i128)>> = HashMap::new();
        for (group, row) in &self.rows {
            let Some(step) = names.text(group.distinct).and_then(|text| text.parse().ok()) else { continue };
            for period in 0..self.stride {
                let count = self.cells.get(row * self.stride + period).map_or(0, |cell| cell.sum);
                if count != 0 {
                    steps.entry((Group { distinct: 0, ..*group }, period)).or_default().push((step, count));
                }
            }
        }
        let mut told = Self { stride: self.stride, ..Self::default() };
        for ((group, period), steps) in steps {
            let Some((value, all)) = histogram::percentile(steps, percent) else { continue };
            let slot = told.slot(group, false);
            if let Some(cell) = told.cells.get_mut(slot * self.stride + period) {
                *cell = Cell { sum: value.into(), facts: i64::try_from(all).unwrap_or(i64::MAX) };
            }
        }
        *self = told;
    }

    /// For a distinct count: replaces sums by how many values are left in each group.
    fn count_distinct(&mut self) {
        let mut counted = Self { stride: self.stride, ..Self::default() };
        for (group, row) in &self.rows {
            let slot = counted.slot(Group { distinct: 0, ..*group }, false);
            for period in 0..self.stride {
                let there = self.cells.get(row * self.stride + period).is_some_and(|cell| cell.sum > 0);
                if let Some(cell) = counted.cells.get_mut(slot * self.stride + period).filter(|_| there) {
                    cell.add(Cell { sum: 1, facts: 1 });
                }
            }
        }
        *self = counted;
    }
}

/// All feeds of a plan, filled.
pub(super) struct Gathered {
    pub(super) names: Names,
    pub(super) feeds: Vec<Sums>,
}

/// Adds up every block that the plan asked for; others are passed over. A key may come more than once (stored cells and
/// changes not yet added to them): sums do not care.
pub(super) fn gather<'b>(
    plan: &Plan,
    blocks: impl IntoIterator<Item = (BlockKey, &'b Block)>,
) -> Result<Gathered, DecodeError> {
    let stride = plan.periods.len() + 1;
    let mut names = Names::default();
    let mut feeds: Vec<Sums> = plan.feeds.iter().map(|_| Sums { stride, ..Sums::default() }).collect();
    let mut by_series: HashMap<u32, Vec<usize>> = HashMap::new();
    for (place, feed) in plan.feeds.iter().enumerate() {
        by_series.entry(feed.series).or_default().push(place);
    }
    for (key, block) in blocks {
        for place in by_series.get(&key.series).into_iter().flatten() {
            let (Some(feed), Some(sums)) = (plan.feeds.get(*place), feeds.get_mut(*place)) else { continue };
            if !feed.ranges.iter().any(|range| range.holds(&key)) {
                continue;
            }
            if block.width() != feed.width && !block.is_empty() {
                return Err(DecodeError::Invalid("tuple width"));
            }
            let bucket = plan.periods.partition_point(|period| period.start <= key.period);
            let days =
                bucket.checked_sub(1).and_then(|at| plan.periods.get(at)).map_or(0, |p| remaining(*p, key.period));
            Adder { feed, query: &plan.query, names: &mut names, sums }.add(block, bucket, days);
        }
    }
    for (feed, sums) in plan.feeds.iter().zip(&mut feeds) {
        match (feed.percentile, feed.distinct) {
            (Some(percent), _) => sums.take_percentile(percent, &names),
            (None, Some(_)) => sums.count_distinct(),
            (None, None) => {}
        }
        if feed.sums {
            sums.add_up();
        }
    }
    Ok(Gathered { names, feeds })
}

/// Days from `day` to the period's end, the first included.
fn remaining(period: Period, day: i32) -> i128 {
    i128::from(period.end) - i128::from(day)
}

struct Adder<'a> {
    feed: &'a Feed,
    query: &'a Query,
    names: &'a mut Names,
    sums: &'a mut Sums,
}

impl Adder<'_> {
    fn add(&mut self, block: &Block, bucket: usize, days: i128) {
        let passes = self.passes(block.strings());
        let numbers: Vec<u32> =
            std::iter::once(0).chain(block.strings().iter().map(|text| self.names.number(text))).collect();
        let number =
            |key: &[u32], at: usize| key.get(at).and_then(|value| numbers.get(*value as usize)).copied().unwrap_or(0);
        for (key, cell) in block.rows() {
            let kept = |(at, pass): &(usize, Vec<bool>)| {
                key.get(*at).and_then(|value| pass.get(*value as usize)) == Some(&true)
            };
            if !passes.iter().all(kept) {
                continue;
            }
            let mut group = Group::default();
            for (slot, at) in group.values.iter_mut().zip(&self.feed.groups) {
                *slot = number(key, *at);
            }
            group.currency = self.feed.currency.map_or(0, |at| number(key, at));
            group.distinct = self.feed.distinct.map_or(0, |at| number(key, at));
            let row = self.sums.slot(group, self.feed.mean);
            let at = row * self.sums.stride + bucket;
            if let Some(slot) = self.sums.cells.get_mut(at) {
                slot.add(cell);
            }
            if self.feed.mean
                && bucket > 0
                && let Some(slot) = self.sums.weighted.get_mut(at)
            {
                *slot = slot.wrapping_add(cell.sum.wrapping_mul(days));
            }
        }
    }

    /// For each filter of the feed: which keys of the block pass. Place 0 is a fact without the dimension.
    fn passes(&self, strings: &Strings) -> Vec<(usize, Vec<bool>)> {
        let values = |number: usize| self.query.filters.get(number).map_or(&[][..], |(_, values)| values.as_slice());
        let pass = |number: usize| -> Vec<bool> {
            let allowed = |text: &str| values(number).iter().any(|value| value == text);
            std::iter::once(allowed("")).chain(strings.iter().map(allowed)).collect()
        };
        self.feed.filters.iter().map(|(at, number)| (*at, pass(*number))).collect()
    }
}
