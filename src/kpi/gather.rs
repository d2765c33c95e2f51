//! Adds the cells of blocks into the groups and periods of a question.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::block::{Block, BlockKey, Cell};
use super::delta::Names;
use super::dimension::MAX_WIDTH;
use super::ids::{Counting, Rows};
use super::made::MadeInto;
use super::plan::{Feed, Plan};
use super::query::Query;
use super::since;
use super::strings::Strings;
use super::sums::Sums;
use super::survival;
use super::varint::DecodeError;
use crate::domain::agent_figures::Pseudonyms;
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
    let blocks: Vec<(BlockKey, &Block)> = blocks.into_iter().collect();
    Ok(add_up(plan, &blocks, merge, true)?.made(plan))
}

/// The sums of every feed, before anything is made of them: those of several markets may still be added up, unless they are
/// of one `alone`.
pub(super) fn add_up(
    plan: &Plan,
    blocks: &[(BlockKey, &Block)],
    merge: &Merge<'_>,
    alone: bool,
) -> Result<Gathered, DecodeError> {
    let stride = plan.stretches.len() + 1;
    let mut names = Names::default();
    let merge = Merged::of(merge, &mut names);
    let mut feeds: Vec<Sums> = plan.feeds.iter().map(|feed| Sums::of(feed, stride)).collect();
    let mut by_series: HashMap<u32, Vec<usize>> = HashMap::new();
    for (place, feed) in plan.feeds.iter().enumerate() {
        by_series.entry(feed.series).or_default().push(place);
    }
    let bucket_of = |key: &BlockKey| plan.stretches.cuts.partition_point(|cut| *cut <= key.period);
    // How many blocks give debtors to each stretch.
    let mut giving: HashMap<(usize, usize), usize> = HashMap::new();
    for (key, _) in blocks.iter().filter(|(_, block)| alone && !block.is_empty()) {
        for place in by_series.get(&key.series).into_iter().flatten() {
            if plan.feeds.get(*place).is_some_and(|feed| feed.ids && feed.takes(key)) {
                *giving.entry((*place, bucket_of(key))).or_default() += 1;
            }
        }
    }
    for (key, block) in blocks {
        for place in by_series.get(&key.series).into_iter().flatten() {
            let (Some(feed), Some(sums)) = (plan.feeds.get(*place), feeds.get_mut(*place)) else { continue };
            if !feed.takes(key) {
                continue;
            }
            if block.width() != feed.width && !block.is_empty() {
                return Err(DecodeError::Invalid("tuple width"));
            }
            let bucket = bucket_of(key);
            // Days from the cell's to the stretch's end, the first included.
            let left = |at: usize| i128::from(plan.stretches.days(at).1) - i128::from(key.period);
            let days = bucket.checked_sub(1).map_or(0, left);
            let (query, names, merge) = (&plan.query, &mut names, &merge);
            // Before groups are made of them, so that neither their order nor what is filtered tells whose they are.
            let pseudonyms = feed.agent.zip(plan.shape.pseudonyms.as_ref());
            let mut adder = Adder { feed, query, names, sums, merge, pseudonyms, age: None, first: None, ids: None };
            if alone && feed.ids && adder.sums.is_loose() {
                let apart = matches!(merge, Merged::Nothing) && feed.tells_rows_apart();
                let only = giving.get(&(*place, bucket)) == Some(&1);
                adder.ids = Some(if apart && only { Counting::Rows } else { Counting::Ids });
            }
            if feed.counts_at_once() {
                let start = bucket.checked_sub(1).map(|at| plan.stretches.days(at).0);
                adder.first = feed.distinct.map(|at| (at, since::not_before(block.strings(), start)));
            }
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
    /// Where the agent stands, and what is told in its place.
    pseudonyms: Option<(usize, &'a Pseudonyms)>,
    /// Of lives: the value of accounts of the block's age, and the block's number of beginnings.
    age: Option<(u32, u32)>,
    /// Of accounts: where the day stands on which they were seen before, and whether that is none of the period's, by key.
    first: Option<(usize, Vec<bool>)>,
    /// Of debtors: how they are counted.
    ids: Option<Counting>,
}

/// What stands for a string of a block that has no number yet.
const UNNUMBERED: u32 = u32::MAX;

impl Adder<'_> {
    fn add(&mut self, block: &Block, bucket: usize, days: i128) {
        let passes = self.passes(block.strings());
        let strings = block.strings().len() + 1;
        let mut numbers = vec![UNNUMBERED; strings];
        let mut of_agents = vec![UNNUMBERED; if self.pseudonyms.is_some() { strings } else { 0 }];
        let pseudonyms = self.pseudonyms;
        let mut number = |names: &mut Names, key: &[u32], at: usize| -> u32 {
            let value = key.get(at).copied().unwrap_or_default();
            // The same text may be an agent's and a team's.
            let pseudonyms = pseudonyms.filter(|(agent, _)| *agent == at).map(|(_, pseudonyms)| pseudonyms);
            let numbers = if pseudonyms.is_some() { &mut of_agents } else { &mut numbers };
            match numbers.get_mut(value as usize) {
                Some(number) if *number == UNNUMBERED => {
                    *number = match (block.value(value), pseudonyms) {
                        (None, _) => 0,
                        (Some(text), None) => names.number(text),
                        (Some(text), Some(pseudonyms)) => names.number(&pseudonyms.of(text)),
                    };
                    *number
                }
                number => number.map_or(0, |number| *number),
            }
        };
        let counted = self.ids.zip(self.feed.distinct);
        let mut rows = counted.map(|(counting, at)| Rows::new(counting, at, block.strings(), bucket));
        // Tuples are sorted, so that those of a group often follow one another.
        let mut last: Option<(Group, usize)> = None;
        for (key, cell) in block.rows() {
            let kept = |(at, pass): &(usize, Vec<bool>)| {
                key.get(*at).and_then(|value| pass.get(*value as usize)) == Some(&true)
            };
            if !passes.iter().all(kept) {
                continue;
            }
            let mut group = Group::default();
            for (slot, at) in group.values.iter_mut().zip(&self.feed.groups) {
                *slot = number(self.names, key, *at);
            }
            // Records that are needed by fewer dimensions are those of all groups that share these.
            let apart = self.feed.by.is_some() && matches!(self.merge, Merged::AllBut(_));
            // And those that each of some values must have are told of each, however groups are made one.
            let behind = self.feed.groups.len().saturating_sub(1);
            let each = self.feed.each.and(group.values.get_mut(behind)).map(std::mem::take);
            group.values = if apart { group.values } else { self.merge.apply(group.values) };
            if let (Some(each), Some(slot)) = (each, group.values.get_mut(behind)) {
                *slot = each;
            }
            group.currency = self.feed.currency.map_or(0, |at| number(self.names, key, at));
            if let Some(rows) = &mut rows {
                rows.take(group, key, cell, &mut self.sums.ids);
                continue;
            }
            if self.first.is_none() {
                group.distinct = self.feed.distinct.map_or(0, |at| number(self.names, key, at));
            }
            if let (Some((age, beginning)), Some(life)) = (self.age, self.feed.distinct.and_then(|at| key.get(at))) {
                // Whoever began and did not end has come to the age of the block's day.
                let still = if *life == beginning { cell.sum } else { cell.sum.wrapping_neg() };
                let still = if *life == 0 { 0 } else { still };
                self.sums.put(Group { distinct: age, ..group }, bucket, Cell { sum: still, facts: 0 });
            }
            if self.sums.is_loose() {
                self.sums.put(group, bucket, cell);
                continue;
            }
            let row = match last {
                Some((of, row)) if of == group => row,
                _ => self.sums.slot(group, self.feed.mean),
            };
            last = Some((group, row));
            let first = |(at, first): &(usize, Vec<bool>)| {
                key.get(*at).and_then(|value| first.get(*value as usize)) == Some(&true)
            };
            if !self.first.iter().all(first) {
                continue;
            }
            self.sums.add(row, bucket, cell);
            if self.feed.mean && bucket > 0 {
                self.sums.weigh(row, bucket, cell.sum.wrapping_mul(days));
            }
        }
        if let Some(rows) = &mut rows {
            rows.hand_on(&mut self.sums.ids);
        }
    }

    /// For each filter of the feed: which keys of the block pass. Place 0 is a fact without the dimension.
    fn passes(&self, strings: &Strings) -> Vec<(usize, Vec<bool>)> {
        let values = |number: usize| self.query.filters.get(number).map_or(&[][..], |(_, values)| values.as_slice());
        let pass = |at: usize, number: usize| -> Vec<bool> {
            let pseudonyms = self.pseudonyms.filter(|(agent, _)| *agent == at);
            let allowed = |text: &str| values(number).iter().any(|value| value == text);
            let told = |text: &str| match pseudonyms {
                Some((_, pseudonyms)) => allowed(&pseudonyms.of(text)),
                None => allowed(text),
            };
            std::iter::once(allowed("")).chain(strings.iter().map(told)).collect()
        };
        self.feed.filters.iter().map(|(at, number)| (*at, pass(*at, *number))).collect()
    }
}
