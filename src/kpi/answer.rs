//! The figures: one row for each KPI, period and group, exact, with what they are made of.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::block::{Block, BlockKey};
use super::definition::{Kind, NoValue, Root};
use super::dimension::{Dimension, MAX_WIDTH};
use super::exact::Exact;
use super::formula::{Node, Window};
use super::gather::{Gathered, Group, gather};
use super::period::{Grain, Period};
use super::plan::{Plan, Planned};
use super::unit::{Quantity, Unit};
use super::varint::DecodeError;
use crate::domain::money::Currency;
use crate::domain::time::date_of_day;

/// The 97.5 % quantile of the normal distribution: both sides of a 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// All rows, in the order of the asked KPIs, then periods, then groups by name with the unattributed last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The rows.
    pub rows: Vec<Row>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The KPI as asked.
    pub kpi: Arc<str>,
    /// The KPI whose formula was computed: another one if an alias was asked.
    pub variant: Arc<str>,
    /// First day.
    pub start: NaiveDate,
    /// The day after the last one.
    pub end: NaiveDate,
    /// Whether the question takes in the whole span of the grain.
    pub whole_period: bool,
    /// Values of the grouped dimensions in the order of the question; `None`: facts without the dimension.
    pub group: Arc<[Option<Arc<str>>]>,
    /// Currency of the amounts, for KPIs of money.
    pub currency: Option<Currency>,
    /// The value in the row's unit, exact: percentages are multiplied by 100, money is in whole units.
    pub value: Option<Exact>,
    /// Why there is none.
    pub no_value: Option<NoValue>,
    /// What stands above the line; money in minor units, money times days likewise.
    pub numerator: Option<Exact>,
    /// What stands below the line, of quotients.
    pub denominator: Option<Exact>,
    /// Unit of the value.
    pub unit: Unit,
    /// Digits behind the point of the value's text.
    pub decimals: u32,
    /// Digits by which numerator and denominator are shifted to give whole money units; 0 for counts.
    shifts: (u32, u32),
    /// The denominator where it counts things, else how many facts the numerator's amounts come from. `None` for stocks.
    pub sample_size: Option<i128>,
    /// Wilson's 95 % interval in the value's unit, for proportions.
    pub interval: Option<(f64, f64)>,
}

impl Row {
    /// The value as decimal text, rounded to the row's decimals, ties to even.
    #[must_use]
    pub fn value_text(&self) -> Option<String> {
        self.value.and_then(|value| value.text(self.decimals))
    }

    /// The numerator as decimal text: money in whole units.
    #[must_use]
    pub fn numerator_text(&self) -> Option<String> {
        part_text(self.numerator?, self.shifts.0)
    }

    /// The denominator as decimal text: money in whole units.
    #[must_use]
    pub fn denominator_text(&self) -> Option<String> {
        part_text(self.denominator?, self.shifts.1)
    }
}

/// Whole numbers exactly; the rare fraction (a parameter divided) to six more digits.
fn part_text(part: Exact, shift: u32) -> Option<String> {
    let shifted = part.divide(Exact::whole(10_i128.checked_pow(shift)?))?;
    shifted.text(if part.denominator() == 1 { shift } else { shift + 6 })
}

impl Plan {
    /// Makes the answer of the plan's blocks. Others are passed over, missing ones are zero, and a key may come several
    /// times: stored cells beside changes that are not yet added to them.
    ///
    /// # Errors
    /// If a block is not of the series that its key names.
    pub fn answer<'b>(&self, blocks: impl IntoIterator<Item = (BlockKey, &'b Block)>) -> Result<Answer, DecodeError> {
        let gathered = gather(self, blocks)?;
        let mut answer = Answer::default();
        for kpi in &self.kpis {
            Evaluation::new(self, kpi, &gathered).rows(&mut answer.rows);
        }
        Ok(answer)
    }
}

/// One KPI over what was gathered.
struct Evaluation<'a> {
    plan: &'a Plan,
    kpi: &'a Planned,
    gathered: &'a Gathered,
    /// Leaves below the numerator (or the only formula).
    above: Vec<usize>,
}

impl<'a> Evaluation<'a> {
    fn new(plan: &'a Plan, kpi: &'a Planned, gathered: &'a Gathered) -> Self {
        let mut above = Vec::new();
        let node = match &kpi.definition.root {
            Root::Single(node, _) => node,
            Root::Quotient { above, .. } => &above.0,
        };
        node.each_leaf(&mut |leaf| above.push(leaf));
        Self { plan, kpi, gathered, above }
    }

    fn rows(&self, rows: &mut Vec<Row>) {
        let info = &self.kpi.definition.info;
        let id: Arc<str> = Arc::from(info.id.as_str());
        let variant = info.alias_of.as_deref().map_or_else(|| Arc::clone(&id), Arc::from);
        let total = self.kpi.group_by.is_empty();
        let groups: Vec<(Vec<Option<usize>>, Row)> = self
            .groups()
            .into_iter()
            .map(|group| {
                let places = self.places(&group);
                let row = self.blank(&group, &id, &variant);
                (places, row)
            })
            .collect();
        rows.reserve(groups.len().saturating_mul(self.plan.periods.len()).min(1 << 16));
        for (number, period) in self.plan.periods.iter().enumerate() {
            for (places, blank) in &groups {
                if total || self.is_there(places, number) {
                    rows.push(self.row(blank, places, number, *period));
                }
            }
        }
    }

    /// The groups of the answer: of every currency that a group has facts in, and for groups that have none (an agent who
    /// collected nothing) of every currency of the answer.
    fn groups(&self) -> Vec<Group> {
        let mut split: HashSet<Group> = HashSet::new();
        let mut base: HashSet<Group> = HashSet::new();
        for place in &self.kpi.feeds {
            let (Some(feed), Some(sums)) = (self.plan.feeds.get(*place), self.gathered.feeds.get(*place)) else {
                continue;
            };
            let to = if feed.currency.is_some() { &mut split } else { &mut base };
            to.extend(sums.groups().copied());
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
        if found.is_empty() && self.kpi.group_by.is_empty() {
            found.push(Group::default());
        }
        let names = &self.gathered.names;
        // Places by name, once, so that groups are sorted by numbers. The unattributed come last.
        let mut order: Vec<u32> = (1..=names.strings.len() as u32).collect();
        order.sort_unstable_by_key(|number| names.text(*number));
        let rank: HashMap<u32, u32> = order.iter().enumerate().map(|(rank, number)| (*number, rank as u32)).collect();
        let rank = |number: u32| rank.get(&number).copied().unwrap_or(u32::MAX);
        found.sort_unstable_by_key(|group| (group.values.map(rank), rank(group.currency)));
        found
    }

    /// For each leaf, the group's row in the leaf's feed.
    fn places(&self, group: &Group) -> Vec<Option<usize>> {
        let place = |feed: &usize| {
            let split = self.plan.feeds.get(*feed)?.currency.is_some();
            let asked = if split { *group } else { group.of_currency(0) };
            self.gathered.feeds.get(*feed)?.row(&asked)
        };
        self.kpi.feeds.iter().map(place).collect()
    }

    fn is_there(&self, places: &[Option<usize>], period: usize) -> bool {
        (0..places.len()).any(|leaf| {
            let flow = self.flow(leaf, places, period);
            flow.sum != 0 || flow.facts != 0 || self.leaf(leaf, places, period).is_ok_and(|value| !value.is_zero())
        })
    }

    fn flow(&self, leaf: usize, places: &[Option<usize>], period: usize) -> super::block::Cell {
        let row = places.get(leaf).copied().flatten();
        let sums = self.kpi.feeds.get(leaf).and_then(|feed| self.gathered.feeds.get(*feed));
        let window = self.kpi.definition.leaves.get(leaf).map(|leaf| leaf.window);
        match (sums, row, window) {
            (Some(sums), Some(row), Some(Window::Flow | Window::Percentile(_))) => sums.flow(row, period),
            (Some(sums), Some(row), Some(Window::Running)) => sums.running(row, period),
            _ => super::block::Cell::default(),
        }
    }

    /// The value of a leaf in one group and period.
    fn leaf(&self, leaf: usize, places: &[Option<usize>], period: usize) -> Result<Exact, NoValue> {
        let window = self.kpi.definition.leaves.get(leaf).map(|leaf| leaf.window);
        if let Some(Window::Percentile(_)) = window {
            // No value at all is no value of zero.
            let told = self.flow(leaf, places, period);
            return if told.facts == 0 { Err(NoValue::EmptyDenominator) } else { Ok(Exact::whole(told.sum)) };
        }
        let Some(row) = places.get(leaf).copied().flatten() else { return Ok(Exact::ZERO) };
        let sums = self.kpi.feeds.get(leaf).and_then(|feed| self.gathered.feeds.get(*feed));
        let (Some(sums), Some(window)) = (sums, window) else { return Ok(Exact::ZERO) };
        Ok(match window {
            Window::Percentile(_) => Exact::ZERO,
            Window::Flow => Exact::whole(sums.flow(row, period).sum),
            Window::Opening => Exact::whole(sums.opening(row, period)),
            Window::Closing => Exact::whole(sums.opening(row, period + 1)),
            Window::Running => Exact::whole(sums.running(row, period).sum),
            Window::Mean => {
                let days = self.plan.periods.get(period).map_or(1, |period| i128::from(period.days()));
                let opening = sums.opening(row, period).wrapping_mul(days);
                Exact::new(opening.wrapping_add(sums.weighted(row, period)), days).unwrap_or(Exact::ZERO)
            }
        })
    }

    /// The row of a group without its period and figures.
    fn blank(&self, group: &Group, id: &Arc<str>, variant: &Arc<str>) -> Row {
        let definition = &self.kpi.definition;
        let names = &self.gathered.names;
        let currency = names.text(group.currency).and_then(|code| Currency::parse(code));
        let mut values = group.values.iter();
        let value = |dimension: &Dimension| match dimension {
            Dimension::Currency if definition.money => names.text(group.currency).cloned(),
            _ => values.next().and_then(|number| names.text(*number)).cloned(),
        };
        let digits = currency.map_or(0, |currency| currency.exponent());
        let shift = |of: Quantity| if of.money > 0 { digits } else { 0 };
        let shifts = match &definition.root {
            Root::Single(_, quantity) => (shift(*quantity), 0),
            Root::Quotient { above, below } => (shift(above.1), shift(below.1)),
        };
        Row {
            kpi: Arc::clone(id),
            variant: Arc::clone(variant),
            start: NaiveDate::MIN,
            end: NaiveDate::MIN,
            whole_period: true,
            group: self.plan.query.group_by.iter().map(value).collect(),
            currency,
            value: None,
            no_value: None,
            numerator: None,
            denominator: None,
            unit: definition.info.unit,
            decimals: definition.info.decimals.unwrap_or(digits),
            shifts,
            sample_size: None,
            interval: None,
        }
    }

    fn row(&self, blank: &Row, places: &[Option<usize>], number: usize, period: Period) -> Row {
        let mut row = blank.clone();
        row.start = date_of_day(period.start);
        row.end = date_of_day(period.end);
        row.whole_period = period.whole;
        let at = (self.plan.query.grain, period);
        let leaf = |leaf: usize| self.leaf(leaf, places, number);
        let compute = |node: &Node| node.compute(&leaf, at);
        let definition = &self.kpi.definition;
        if definition.money && row.currency.is_none() {
            row.no_value = Some(NoValue::NoFacts);
            return row;
        }
        if definition.info.kind == Kind::Transition && (at.0 != Grain::Month || !period.whole) {
            row.no_value = Some(NoValue::NeedsOneMonth);
            return row;
        }
        let value = match &definition.root {
            Root::Single(node, _) => compute(node).inspect(|value| row.numerator = Some(value.reduced())),
            Root::Quotient { above, below } => {
                let parts = (compute(&above.0), compute(&below.0));
                (row.numerator, row.denominator) = (parts.0.ok().map(Exact::reduced), parts.1.ok().map(Exact::reduced));
                match parts {
                    (Ok(_), Ok(below)) if below.is_zero() => Err(NoValue::EmptyDenominator),
                    (Ok(above), Ok(below)) => above.divide(below).ok_or(NoValue::Overflow),
                    (Err(why), _) | (_, Err(why)) => Err(why),
                }
            }
        };
        match value.and_then(|value| in_unit(value, &row).ok_or(NoValue::Overflow)) {
            Ok(value) => row.value = Some(value),
            Err(why) => row.no_value = Some(why),
        }
        row.sample_size = self.sample(&row, places, number);
        row.interval = self.interval(&row);
        row
    }

    fn sample(&self, row: &Row, places: &[Option<usize>], period: usize) -> Option<i128> {
        if let (Root::Quotient { below, .. }, Some(denominator)) = (&self.kpi.definition.root, row.denominator)
            && below.1 == Quantity::NUMBER
        {
            return Some(denominator.numerator()).filter(|_| denominator.denominator() == 1);
        }
        let flows = |leaf: &&usize| {
            let window = self.kpi.definition.leaves.get(**leaf).map(|leaf| leaf.window);
            matches!(window, Some(Window::Flow | Window::Running | Window::Percentile(_)))
        };
        let facts = |leaf: &usize| i128::from(self.flow(*leaf, places, period).facts);
        self.above.iter().any(|leaf| flows(&leaf)).then(|| self.above.iter().filter(flows).map(facts).sum())
    }

    /// Wilson's score interval of a proportion.
    fn interval(&self, row: &Row) -> Option<(f64, f64)> {
        let (part, all) = (row.numerator?, row.denominator?);
        let contained = part.numerator() >= 0 && part.numerator() <= all.numerator() && all.numerator() > 0;
        if !self.kpi.definition.info.proportion || !contained || part.denominator() != 1 || all.denominator() != 1 {
            return None;
        }
        let (n, p) = (all.approximate(), part.approximate() / all.approximate());
        let middle = p + Z * Z / (2.0 * n);
        let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let below = 1.0 + Z * Z / n;
        let scale = match row.unit {
            Unit::Percent => 100.0,
            Unit::PerThousand => 1_000.0,
            _ => 1.0,
        };
        Some((((middle - reach) / below).max(0.0) * scale, ((middle + reach) / below).min(1.0) * scale))
    }
}

/// The value in its unit.
fn in_unit(value: Exact, row: &Row) -> Option<Exact> {
    match row.unit {
        Unit::Percent => value.multiply(Exact::whole(100)),
        Unit::Money => value.divide(Exact::whole(10_i128.checked_pow(row.shifts.0)?)),
        Unit::PerThousand => value.multiply(Exact::whole(1_000)),
        Unit::Minutes => value.divide(Exact::whole(60)),
        Unit::Hours => value.divide(Exact::whole(3_600)),
        Unit::Share | Unit::Count | Unit::Days | Unit::Seconds => Some(value),
    }
}
