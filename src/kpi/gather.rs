//! Adds the cells of blocks into the groups and periods of a question.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::block::{Block, BlockKey, Cell};
use super::delta::Names;
use super::dimension::MAX_WIDTH;
use super::hash::QuickState;
use super::plan::{Feed, MadeInto, Plan};
use super::query::Query;
use super::shape::Stretches;
use super::strings::Strings;
use super::survival;
use super::varint::DecodeError;
use crate::domain::time::day_number;

/// A group: numbers of its values, of its currency, and of the value being counted by a distinct count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Group {
    pub(super) values: [u32; MAX_WIDTH],
    pub(super) currency: u32,
    pub(super) distinct: u32,
}

/// What stands in every value of the group of all that is not kept apart.
const REST: u32 = u32::MAX;

/// Values of the groups that are kept apart.
pub(super) type Kept = HashSet<Box<[Option<Arc<str>>]>>;

/// Which groups are kept apart.
pub(super) enum Merge<'a> {
    /// All.
    Nothing,
    /// These; the others are one.
    AllBut(&'a Kept),
    /// None.
    Everything,
}

impl Group {
    /// Whether this is the group of all that is not kept apart.
    pub(super) const fn is_rest(&self) -> bool {
        self.values[0] == REST
    }

    /// The same group in another currency; 0: in none.
    pub(super) const fn of_currency(mut self, currency: u32) -> Self {
        self.currency = currency;
        self
    }
}

/// The sums of one feed.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) rows: HashMap<Group, usize, QuickState>,
    /// One cell for all that lies before the question, then one for each stretch. Of a distinct count one for each
    /// period.
    cells: Vec<Cell>,
    /// Sums up to and with each cell, of feeds that need them.
    sums: Vec<Cell>,
    /// Sum of changes times the days they last within their stretch, one for each stretch.
    weighted: Vec<i128>,
    pub(super) stride: usize,
    /// Cells are of periods and not of stretches.
    counted: bool,
}

impl Sums {
    /// No sums of periods instead of stretches.
    pub(super) fn counted(periods: usize) -> Self {
        Self { stride: periods, counted: true, ..Self::default() }
    }

    /// Adds to the cell of a period, of such sums.
    pub(super) fn put(&mut self, group: Group, period: usize, add: Cell) {
        let row = self.slot(group, false);
        if let Some(cell) = self.cells.get_mut(row * self.stride + period) {
            cell.add(add);
        }
    }

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

    pub(super) fn cell(&self, row: usize, place: usize) -> Cell {
        self.cells.get(row * self.stride + place).copied().unwrap_or_default()
    }

    /// Everything before a stretch.
    fn before(&self, row: usize, stretch: usize) -> Cell {
        self.sums.get(row * self.stride + stretch).copied().unwrap_or_default()
    }

    /// The flow of the stretches from `first` up to but not including `last`.
    pub(super) fn between(&self, row: usize, (first, last): (usize, usize)) -> Cell {
        if last == first + 1 {
            return self.cell(row, last);
        }
        let (before, mut total) = (self.before(row, first), self.before(row, last));
        total.add(Cell { sum: before.sum.wrapping_neg(), facts: before.facts.wrapping_neg() });
        total
    }

    /// The flow of a period.
    pub(super) fn flow(&self, row: usize, period: usize, stretches: &Stretches) -> Cell {
        if self.counted {
            return self.cell(row, period);
        }
        stretches.slots.get(period).map_or(Cell::default(), |slot| self.between(row, *slot))
    }

    /// The sum of everything before a stretch: before the one after a period's last to have that period's end.
    pub(super) fn opening(&self, row: usize, stretch: usize) -> i128 {
        self.before(row, stretch).sum
    }

    /// The flows from a stretch up to but not including another.
    pub(super) fn running(&self, row: usize, first: usize, last: usize) -> Cell {
        let (before, mut total) = (self.before(row, first), self.before(row, last));
        total.add(Cell { sum: before.sum.wrapping_neg(), facts: before.facts.wrapping_neg() });
        total
    }

    pub(super) fn add_up(&mut self) {
        self.sums = self.cells.clone();
        for row in self.sums.chunks_mut(self.stride) {
            let mut total = Cell::default();
            for cell in row {
                total.add(*cell);
                *cell = total;
            }
        }
    }

    /// The closing stocks of a period's days added up, above what its opening stock gives.
    pub(super) fn weighted(&self, row: usize, period: usize, stretches: &Stretches) -> i128 {
        let Some((first, last)) = stretches.slots.get(period).copied() else { return 0 };
        let (_, end) = stretches.days(last.saturating_sub(1));
        let of = |stretch: usize| {
            let inside = self.weighted.get(row * self.stride + stretch + 1).copied().unwrap_or_default();
            // A change of an earlier stretch lasts through all later ones.
            let later = i128::from(end) - i128::from(stretches.days(stretch).1);
            inside.wrapping_add(self.cell(row, stretch + 1).sum.wrapping_mul(later))
        };
        (first..last).map(of).fold(0, i128::wrapping_add)
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
    merge: &Merge<'_>,
) -> Result<Gathered, DecodeError> {
    Ok(add_up(plan, blocks, merge)?.made(plan))
}

/// The sums of every feed, before anything is made of them: those of several markets may still be added up.
pub(super) fn add_up<'b>(
    plan: &Plan,
    blocks: impl IntoIterator<Item = (BlockKey, &'b Block)>,
    merge: &Merge<'_>,
) -> Result<Gathered, DecodeError> {
    let stride = plan.stretches.len() + 1;
    let mut names = Names::default();
    let merge = Merged::of(merge, &mut names);
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
            let bucket = plan.stretches.cuts.partition_point(|cut| *cut <= key.period);
            // Days from the cell's to the stretch's end, the first included.
            let left = |at: usize| i128::from(plan.stretches.days(at).1) - i128::from(key.period);
            let days = bucket.checked_sub(1).map_or(0, left);
            let mut adder = Adder { feed, query: &plan.query, names: &mut names, sums, merge: &merge, age: None };
            if let (MadeInto::Survival(..), Some(today)) = (feed.made_into, plan.shape.calendar.today) {
                let days = day_number(today).saturating_sub(key.period).max(0);
                let beginning = block.strings().iter().position(survival::is_beginning);
                adder.age = Some((adder.names.number(&survival::age(days)), beginning.map_or(0, |at| at as u32 + 1)));
            }
            adder.add(block, bucket, days);
        }
    }
    Ok(Gathered { names, feeds })
}

/// Which groups are kept apart, by the numbers of their values.
enum Merged {
    Nothing,
    AllBut(HashSet<[u32; MAX_WIDTH]>),
    Everything,
}

impl Merged {
    fn of(merge: &Merge<'_>, names: &mut Names) -> Self {
        match merge {
            Merge::Nothing => Self::Nothing,
            Merge::Everything => Self::Everything,
            Merge::AllBut(kept) => {
                let mut numbers = |group: &[Option<Arc<str>>]| {
                    let mut values = [0; MAX_WIDTH];
                    for (slot, text) in values.iter_mut().zip(group) {
                        *slot = text.as_deref().map_or(0, |text| names.number(text));
                    }
                    values
                };
                Self::AllBut(kept.iter().map(|group| numbers(group)).collect())
            }
        }
    }

    fn apply(&self, values: [u32; MAX_WIDTH]) -> [u32; MAX_WIDTH] {
        match self {
            Self::Nothing => values,
            Self::AllBut(kept) if kept.contains(&values) => values,
            Self::AllBut(_) => [REST; MAX_WIDTH],
            Self::Everything => [0; MAX_WIDTH],
        }
    }
}

struct Adder<'a> {
    feed: &'a Feed,
    query: &'a Query,
    names: &'a mut Names,
    sums: &'a mut Sums,
    merge: &'a Merged,
    /// Of lives: the value of accounts of the block's age, and the block's number of beginnings.
    age: Option<(u32, u32)>,
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
            group.values = self.merge.apply(group.values);
            group.currency = self.feed.currency.map_or(0, |at| number(key, at));
            group.distinct = self.feed.distinct.map_or(0, |at| number(key, at));
            if let (Some((age, beginning)), Some(life)) = (self.age, self.feed.distinct.and_then(|at| key.get(at))) {
                // Whoever began and did not end has come to the age of the block's day.
                let still = if *life == beginning { cell.sum } else { cell.sum.wrapping_neg() };
                let row = self.sums.slot(Group { distinct: age, ..group }, false);
                let at = row * self.sums.stride + bucket;
                if let Some(slot) = self.sums.cells.get_mut(at).filter(|_| *life != 0) {
                    slot.add(Cell { sum: still, facts: 0 });
                }
            }
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
