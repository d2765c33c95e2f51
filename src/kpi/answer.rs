//! The figures: one row for each KPI, period and group, exact, with what they are made of.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::block::{Block, BlockKey, Cell};
use super::definition::NoValue;
use super::dimension::{Dimension, MAX_WIDTH};
use super::exact::Exact;
use super::formula::{Node, Window};
use super::gather::{Gathered, Group, Kept, Merge, gather};
use super::lift;
use super::linear::{self, Terms};
use super::need::{self, NeedRows};
use super::parts::Taking;
use super::plan::{Plan, Planned};
use super::row::{Answer, Row, RowKind, by_value};
use super::shape::RowOrder;
use super::sums::Sums;
use super::survival::NOT_REACHED;
use super::varint::DecodeError;
use crate::domain::money::Currency;

impl Plan {
    /// Makes the answer of the plan's blocks. Others are passed over, missing ones are zero, and a key may come several
    /// times: stored cells beside changes that are not yet added to them.
    ///
    /// # Errors
    /// If a block is not of the series that its key names.
    pub fn answer<'b>(&self, blocks: impl IntoIterator<Item = (BlockKey, &'b Block)>) -> Result<Answer, DecodeError> {
        Ok(Answer::joined(self.rows_to(blocks, Taking::COPIES)?))
    }

    /// The same, each row as it is made: whoever writes them out need neither hold nor copy thousands.
    ///
    /// # Errors
    /// If a block is not of the series that its key names.
    pub fn rows_to<'b, T: Send>(
        &self,
        blocks: impl IntoIterator<Item = (BlockKey, &'b Block)>,
        taking: Taking<'_, T>,
    ) -> Result<Vec<T>, DecodeError> {
        if let (Some(teams), [Dimension::Team]) = (&self.shape.teams, self.query.group_by.as_slice()) {
            return self.rows_by_team(&blocks.into_iter().collect::<Vec<_>>(), teams, taking);
        }
        if self.shape.top.is_none() && !self.shape.totals {
            return Ok(self.rows_of(&gather(self, blocks, &Merge::Nothing)?, None, taking));
        }
        // The cells are added up several times: to rank the groups, to answer, and to make the total.
        let blocks: Vec<(BlockKey, &Block)> = blocks.into_iter().collect();
        let again = || blocks.iter().copied();
        let kept = match self.shape.top {
            Some(top) => Some(self.first_groups(&gather(self, again(), &Merge::Nothing)?, top)),
            None => None,
        };
        let merge = kept.as_ref().map_or(Merge::Nothing, Merge::AllBut);
        let gathered = gather(self, again(), &merge)?;
        let total = if self.shape.totals { Some(gather(self, again(), &Merge::Everything)?) } else { None };
        Ok(self.rows_of(&gathered, total.as_ref(), taking))
    }

    fn rows_of<T: Send>(&self, gathered: &Gathered, total: Option<&Gathered>, taking: Taking<'_, T>) -> Vec<T> {
        let (mut kpis, periods) = (Vec::with_capacity(self.kpis.len()), self.framed.rows);
        for kpi in &self.kpis {
            let total = total.map(|total| Evaluation::new(self, kpi, total, true));
            kpis.push(Evaluation::new(self, kpi, gathered, false).prepared(total));
        }
        let rows = kpis.iter().map(|kpi| kpi.groups.len()).sum::<usize>().saturating_mul(periods);
        taking.all(kpis.len(), periods, rows, &|kpi, periods, take| {
            kpis.get(kpi).into_iter().for_each(|kpi| kpi.rows(periods.clone(), take));
        })
    }

    /// The first groups of each currency by the first KPI's value over the whole question.
    pub(super) fn first_groups(&self, gathered: &Gathered, top: usize) -> Kept {
        let mut kept = Kept::default();
        let (Some(kpi), Some(slot)) = (self.kpis.first(), self.framed.all.len().checked_sub(1)) else { return kept };
        let whole = Evaluation::new(self, kpi, gathered, false);
        let mut rows = whole.all_ranked(slot);
        let order = self.shape.order.filter(|order| *order != RowOrder::Name).unwrap_or(RowOrder::ValueDescending);
        rows.sort_by(|a, b| by_value(order, a, b));
        let mut taken: HashMap<Option<Currency>, usize> = HashMap::new();
        for row in rows {
            let taken = taken.entry(row.currency).or_default();
            if *taken < top {
                *taken += 1;
                kept.insert(row.group.iter().cloned().collect());
            }
        }
        kept
    }
}

/// One KPI over what was gathered.
pub(super) struct Evaluation<'a> {
    plan: &'a Plan,
    kpi: &'a Planned,
    gathered: &'a Gathered,
    /// Whether all groups were gathered as one.
    total: bool,
}

/// The same with its groups.
pub(super) struct Prepared<'a> {
    of: Evaluation<'a>,
    groups: Vec<(Places, Row)>,
    total: Option<(Vec<(Places, Row)>, Evaluation<'a>)>,
}

impl Prepared<'_> {
    /// The rows of these periods, each with the total's behind them.
    pub(super) fn rows(&self, periods: Range<usize>, take: &mut dyn FnMut(&Row)) {
        let Self { of, total, .. } = self;
        let (mut groups, mut whole) = (self.groups.clone(), total.as_ref().map(|(groups, _)| groups.clone()));
        let control = of.kpi.definition.control.as_ref();
        let order = of.plan.shape.order.filter(|order| *order != RowOrder::Name);
        for slot in periods {
            if control.is_none() && order.is_none() {
                of.period(&mut groups, slot, take);
            } else {
                let mut rows = Vec::new();
                of.period(&mut groups, slot, &mut |row| rows.push(row.clone()));
                if let Some(control) = control {
                    lift::against_control(&mut rows, &of.plan.query.group_by, control);
                }
                if let Some(order) = order {
                    rows.sort_by(|a, b| (a.kind.cmp(&b.kind)).then_with(|| by_value(order, a, b)));
                }
                rows.iter().for_each(&mut *take);
            }
            if let (Some((_, total)), Some(groups)) = (total, &mut whole) {
                total.period(groups, slot, take);
            }
        }
    }
}

/// Where a group stands in the feeds of a KPI.
#[derive(Clone)]
struct Places {
    /// For each leaf, its row in the leaf's feed.
    leaves: Vec<Option<usize>>,
    /// What it adds up above and below the line.
    terms: [Option<Terms>; 2],
    needs: NeedRows,
}

impl Places {
    fn of(&self, leaf: usize) -> Option<usize> {
        self.leaves.get(leaf).copied().flatten()
    }
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(plan: &'a Plan, kpi: &'a Planned, gathered: &'a Gathered, total: bool) -> Self {
        Self { plan, kpi, gathered, total }
    }

    /// Every group with its places and its row without figures.
    fn blanks(&self) -> Vec<(Places, Row)> {
        let info = &self.kpi.definition.info;
        let id: Arc<str> = Arc::from(info.id.as_str());
        let variant = info.alias_of.as_deref().map_or_else(|| Arc::clone(&id), Arc::from);
        let groups = self.groups();
        groups.iter().map(|group| (self.places(group), self.blank(group, &id, &variant))).collect()
    }

    /// Ready to make rows, each period's with the total's behind them.
    pub(super) fn prepared(self, total: Option<Self>) -> Prepared<'a> {
        let groups = self.blanks();
        Prepared { total: total.map(|total| (total.blanks(), total)), groups, of: self }
    }

    /// The rows of one period. Each group has one row, whose period and figures are replaced: an answer has thousands.
    fn period(&self, groups: &mut [(Places, Row)], slot: usize, take: &mut dyn FnMut(&Row)) {
        let base = self.plan.base_of(&self.kpi.definition, slot);
        let always = self.total || self.kpi.group_by.is_empty();
        for (places, row) in groups {
            if always || self.is_there(places, slot) || base.is_some_and(|base| self.is_there(places, base)) {
                row.base = None;
                let before = base.map(|base| {
                    let mut before = Box::new(row.clone());
                    self.tell(&mut before, places, base);
                    before
                });
                self.tell(row, places, slot);
                row.base = before;
                take(row);
            }
        }
    }

    /// The rows of the groups that have facts in a period, but for what is not kept apart.
    pub(super) fn all_ranked(&self, slot: usize) -> Vec<Row> {
        let groups = self.groups();
        groups.iter().filter(|group| !group.is_rest()).filter_map(|group| self.ranked(group, slot)).collect()
    }

    /// The row of a group in a period, if it has facts there.
    fn ranked(&self, group: &Group, slot: usize) -> Option<Row> {
        let places = self.places(group);
        let name: Arc<str> = Arc::from("");
        self.is_there(&places, slot).then(|| {
            let mut row = self.blank(group, &name, &name);
            self.tell(&mut row, &places, slot);
            row
        })
    }

    /// The groups of the answer: of every currency that a group has facts in, and for groups that have none (an agent who
    /// collected nothing) of every currency of the answer. Facts that cancel each other within every period make no group,
    /// whether cells of days tell of them or the cell of a month that holds nothing.
    fn groups(&self) -> Vec<Group> {
        let mut split: HashSet<Group> = HashSet::new();
        let mut base: HashSet<Group> = HashSet::new();
        for (leaf, place) in self.kpi.feeds.iter().enumerate() {
            let (Some(feed), Some(sums)) = (self.plan.feeds.get(*place), self.gathered.feeds.get(*place)) else {
                continue;
            };
            let to = if feed.currency.is_some() { &mut split } else { &mut base };
            let slots = self.plan.framed.all.len();
            let shows = |group: &&Group| {
                let row = sums.row(group);
                (0..slots).any(|slot| self.has(leaf, row, slot) || self.stood(leaf, row, slot))
            };
            to.extend(sums.groups().filter(shows));
        }
        let mut currencies: BTreeSet<u32> = split.iter().map(|group| group.currency).collect();
        if currencies.is_empty() {
            currencies.insert(0);
        }
        let known: HashSet<[u32; MAX_WIDTH]> = split.iter().map(|group| group.values).collect();
        let mut found: Vec<Group> = split.into_iter().collect();
        for group in base.into_iter().filter(|group| !known.contains(&group.values)) {
            for currency in &currencies {
                found.push(group.of_currency(*currency));
            }
        }
        if found.is_empty() && (self.total || self.kpi.group_by.is_empty()) {
            found.push(Group::default());
        }
        let names = &self.gathered.names;
        // Places by name, once, so that groups are sorted by numbers. The unattributed come last.
        let mut order: Vec<u32> = (1..=names.strings.len() as u32).collect();
        order.sort_unstable_by_key(|number| names.text(*number));
        let rank: HashMap<u32, u32> = order.iter().enumerate().map(|(rank, number)| (*number, rank as u32)).collect();
        let rank = |number: u32| rank.get(&number).copied().unwrap_or(u32::MAX);
        found.sort_unstable_by_key(|group| (group.is_rest(), group.values.map(rank), rank(group.currency)));
        found
    }

    /// The group's rows in the feeds.
    fn places(&self, group: &Group) -> Places {
        let place = |feed: &usize| {
            let split = self.plan.feeds.get(*feed)?.currency.is_some();
            let asked = if split { *group } else { group.of_currency(0) };
            self.gathered.feeds.get(*feed)?.row(&asked)
        };
        let needs = need::rows(self.plan, self.kpi, self.gathered, group);
        let leaves: Vec<Option<usize>> = self.kpi.feeds.iter().map(place).collect();
        Places { terms: linear::terms(self.kpi, &leaves), leaves, needs }
    }

    fn is_there(&self, places: &Places, period: usize) -> bool {
        // What has no row has nothing.
        places.leaves.iter().enumerate().any(|(leaf, row)| row.is_some() && self.has(leaf, *row, period))
    }

    /// Whether a leaf has facts or a stock in one row of its feed: also a stock that came to nothing in the period.
    pub(super) fn has(&self, leaf: usize, row: Option<usize>, period: usize) -> bool {
        let flow = self.flow_of(leaf, row, period);
        flow.sum != 0
            || flow.facts != 0
            || self.leaf_of(leaf, row, period).is_ok_and(|value| !value.is_zero())
            || self.stock_of(leaf, row).is_some_and(|(sums, row, window)| {
                let (first, last) = self.stretches_of(period);
                window != Window::Opening && sums.running(row, first, last).facts != 0
            })
    }

    /// Where the changes of a stock are, and when it is told.
    fn stock_of(&self, leaf: usize, row: Option<usize>) -> Option<(&Sums, usize, Window)> {
        let window = self.kpi.definition.leaves.get(leaf)?.window;
        let stock = matches!(window, Window::Opening | Window::Closing | Window::Mean);
        let sums = self.gathered.feeds.get(*self.kpi.feeds.get(leaf)?)?;
        row.filter(|_| stock).map(|row| (sums, row, window))
    }

    /// Whether a stock was ever told of by the end of a period, if only to be zero now.
    fn stood(&self, leaf: usize, row: Option<usize>, period: usize) -> bool {
        self.stock_of(leaf, row).is_some_and(|(sums, row, _)| sums.before(row, self.stretches_of(period).1).facts != 0)
    }

    fn flow(&self, leaf: usize, places: &Places, period: usize) -> Cell {
        self.flow_of(leaf, places.of(leaf), period)
    }

    /// The flow of a leaf in one row of its feed.
    pub(super) fn flow_of(&self, leaf: usize, row: Option<usize>, period: usize) -> Cell {
        let sums = self.kpi.feeds.get(leaf).and_then(|feed| self.gathered.feeds.get(*feed));
        let window = self.kpi.definition.leaves.get(leaf).map(|leaf| leaf.window);
        match (sums, row, window) {
            (Some(sums), Some(row), Some(Window::Flow | Window::Percentile(_) | Window::Survival(..))) => {
                sums.flow(row, period, &self.plan.stretches)
            }
            (Some(sums), Some(row), Some(Window::Running)) => {
                sums.running(row, self.plan.running_from(period), self.stretches_of(period).1)
            }
            _ => Cell::default(),
        }
    }

    /// The first stretch of a period, and the one after its last.
    fn stretches_of(&self, period: usize) -> (usize, usize) {
        self.plan.stretches.slots.get(period).copied().unwrap_or_default()
    }

    /// The value of a leaf in one group and period.
    fn leaf(&self, leaf: usize, places: &Places, period: usize) -> Result<Exact, NoValue> {
        self.leaf_of(leaf, places.of(leaf), period)
    }

    /// The value of a leaf in one row of its feed.
    pub(super) fn leaf_of(&self, leaf: usize, row: Option<usize>, period: usize) -> Result<Exact, NoValue> {
        let window = self.kpi.definition.leaves.get(leaf).map(|leaf| leaf.window);
        if let Some(Window::Percentile(_) | Window::Survival(..)) = window {
            // No value at all is no value of zero.
            let told = self.flow_of(leaf, row, period);
            return match window {
                Some(Window::Survival(..)) if self.plan.shape.calendar.today.is_none() => Err(NoValue::Immature),
                _ if told.facts == 0 => Err(NoValue::EmptyDenominator),
                Some(Window::Survival(..)) if told.sum == NOT_REACHED => Err(NoValue::NotReached),
                _ => Ok(Exact::whole(told.sum)),
            };
        }
        let Some(row) = row else { return Ok(Exact::ZERO) };
        let sums = self.kpi.feeds.get(leaf).and_then(|feed| self.gathered.feeds.get(*feed));
        let (Some(sums), Some(window)) = (sums, window) else { return Ok(Exact::ZERO) };
        Ok(match window {
            Window::Percentile(_) | Window::Survival(..) => Exact::ZERO,
            Window::Flow | Window::Opening | Window::Closing | Window::Running => {
                Exact::whole(linear::whole(self.plan, sums, (row, window), period))
            }
            Window::Mean => {
                let (begun, days) = self.plan.begun(&self.kpi.definition, period);
                let opening = sums.opening(row, begun.0).wrapping_mul(days);
                let weighted = sums.weighted(row, begun, &self.plan.stretches);
                Exact::new(opening.wrapping_add(weighted), days).unwrap_or(Exact::ZERO)
            }
        })
    }

    /// Whether records that the figure needs are not there in a period.
    pub(super) fn lacks(&self, needs: &NeedRows, period: usize) -> bool {
        need::lacks(self.plan, self.kpi, self.gathered, needs, period)
    }

    /// The row of a group without its period and figures.
    fn blank(&self, group: &Group, id: &Arc<str>, variant: &Arc<str>) -> Row {
        let definition = &self.kpi.definition;
        let names = &self.gathered.names;
        let currency = names.text(group.currency).and_then(|code| Currency::parse(code));
        let (mut values, rest) = (group.values.iter(), group.is_rest());
        let value = |dimension: &Dimension| match dimension {
            Dimension::Currency if definition.money => names.text(group.currency).cloned(),
            _ if self.total => None,
            _ => values.next().and_then(|number| names.text(*number)).cloned(),
        };
        let group: Arc<[Option<Arc<str>>]> = self.plan.query.group_by.iter().map(value).collect();
        let kind = match (self.total, rest) {
            (true, _) => RowKind::Total,
            (false, true) => RowKind::Rest,
            (false, false) => RowKind::Group,
        };
        definition.blank((id, variant), kind, group, currency)
    }

    /// Gives a group's row the period and figures of a slot.
    fn tell(&self, row: &mut Row, places: &Places, number: usize) {
        let Some(period) = self.plan.framed.all.get(number).copied() else { return };
        let working_days = self.plan.working_days.get(number).copied().flatten();
        let value = |leaf: usize| self.leaf(leaf, places, number);
        let facts = |leaf: usize| self.flow(leaf, places, number).facts;
        let at = self.plan.moment(&self.kpi.definition, row, period, working_days);
        let lacking = || self.lacks(&places.needs, number);
        let compute = |side: usize, node: &Node| match places.terms.get(side) {
            Some(Some(terms)) => terms.sum(self.plan, self.gathered, number),
            _ => node.compute(&value, at),
        };
        self.kpi.definition.fill(row, at, (&compute, &facts), &lacking);
    }
}
