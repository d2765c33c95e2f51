//! Figures over several markets: their amounts converted, their sums added up, and the formula computed once over all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer::Evaluation;
use super::block::{Block, BlockKey};
use super::definition::NoValue;
use super::dimension::Dimension;
use super::exact::Exact;
use super::exchange::{DatePolicy, MissingRate, Reporting};
use super::formula::{Node, Window};
use super::gather::{Gathered, Kept, Merge, add_up, gather};
use super::need::{self, NeedRows};
use super::plan::{Plan, Planned};
use super::row::{Answer, Row, RowKind, by_value};
use super::shape::RowOrder;
use super::sums::Sums as GroupSums;
use super::varint::DecodeError;
use crate::domain::money::Currency;
use crate::domain::time::day_number;

/// One market's plan of the common question, with its cells.
pub struct Part<'b> {
    /// The plan. All parts are planned from the same question and shape by the same catalogue.
    pub plan: &'b Plan,
    /// Its blocks.
    pub blocks: Vec<(BlockKey, &'b Block)>,
}

/// Why there are no figures over several markets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcrossError {
    /// Stored cells do not read.
    #[error("{0}")]
    Cells(#[from] DecodeError),
    /// An amount cannot be converted.
    #[error("there is no rate of {} for {}", .0.currency, .0.day)]
    Rate(MissingRate),
}

/// A group by its values in words.
type Name = Box<[Option<Arc<str>>]>;
/// Where a group stands: those without a value come last, as in every answer, and behind them the rest.
type Key = (bool, bool, Name);
/// For each leaf of a KPI, the rows that make it: part, currency, row.
type Places = Vec<Vec<(usize, Option<Currency>, usize)>>;

/// Answers a question over all parts. Groups of the same name are one; distinct counts of markets are added up, and
/// percentiles are those of all markets' values.
///
/// # Errors
/// See [`AcrossError`].
pub fn across(parts: &[Part<'_>], reporting: Option<&Reporting>) -> Result<Answer, AcrossError> {
    let Some(plan) = parts.first().map(|part| part.plan) else { return Ok(Answer::default()) };
    let gathered = |merge: &Merge<'_>| -> Result<Vec<Gathered>, DecodeError> {
        parts.iter().map(|part| gather(part.plan, part.blocks.iter().copied(), merge)).collect()
    };
    let first = match plan.shape.top {
        Some(top) => Some(first_groups(parts, &gathered(&Merge::Nothing)?, top, reporting)?),
        None => None,
    };
    let merge = first.as_ref().map_or(Merge::Nothing, Merge::AllBut);
    let groups = gathered(&merge)?;
    let total = if plan.shape.totals { Some(gathered(&Merge::Everything)?) } else { None };
    let values = match plan.has_percentiles() {
        true => Some((together(parts, &merge)?, together(parts, &Merge::Everything)?)),
        false => None,
    };
    let order = plan.shape.order.filter(|order| *order != RowOrder::Name);
    let mut answer = Answer::default();
    for (place, kpi) in plan.kpis.iter().enumerate() {
        if let (Some((groups, all)), true) = (&values, plan.is_percentile(kpi)) {
            let all = plan.shape.totals.then(|| Evaluation::new(plan, kpi, all, true));
            let groups = Evaluation::new(plan, kpi, groups, false).prepared(all);
            groups.rows(0..plan.framed.rows, &mut |row| answer.rows.push(row.clone()));
            continue;
        }
        let sums = |gathered, kind| Sums::new(parts, gathered, place, kpi, kind, reporting);
        let (groups, total) = (sums(&groups, RowKind::Group), total.as_ref().map(|all| sums(all, RowKind::Total)));
        for slot in 0..plan.framed.rows {
            let begins = answer.rows.len();
            groups.rows(slot, false, &mut answer.rows)?;
            if let (Some(order), Some(rows)) = (order, answer.rows.get_mut(begins..)) {
                rows.sort_by(|a, b| (a.kind.cmp(&b.kind)).then_with(|| by_value(order, a, b)));
            }
            if let Some(total) = &total {
                total.rows(slot, false, &mut answer.rows)?;
            }
        }
    }
    Ok(answer)
}

/// The first groups over all parts by the first KPI's value over the whole question. Amounts are in one currency.
fn first_groups(
    parts: &[Part<'_>],
    gathered: &[Gathered],
    top: usize,
    reporting: Option<&Reporting>,
) -> Result<Kept, AcrossError> {
    let Some(plan) = parts.first().map(|part| part.plan) else { return Ok(Kept::default()) };
    let (Some(kpi), Some(whole)) = (plan.kpis.first(), plan.framed.all.len().checked_sub(1)) else {
        return Ok(Kept::default());
    };
    let mut rows = Vec::new();
    if plan.is_percentile(kpi) {
        let values = together(parts, &Merge::Nothing)?;
        let evaluation = Evaluation::new(plan, kpi, &values, false);
        rows.extend(evaluation.all_ranked(whole));
    } else {
        Sums::new(parts, gathered, 0, kpi, RowKind::Group, reporting).rows(whole, true, &mut rows)?;
    }
    let order = plan.shape.order.filter(|order| *order != RowOrder::Name).unwrap_or(RowOrder::ValueDescending);
    rows.sort_by(|a, b| by_value(order, a, b));
    Ok(rows.into_iter().take(top).map(|row| row.group.iter().cloned().collect()).collect())
}

/// The values of all parts as if they were of one market: a percentile of them is that of all values.
fn together(parts: &[Part<'_>], merge: &Merge<'_>) -> Result<Gathered, DecodeError> {
    let mut all: Option<Gathered> = None;
    for part in parts {
        let own = add_up(part.plan, &part.blocks, merge, false)?;
        match &mut all {
            Some(all) => all.absorb(&own),
            None => all = Some(own),
        }
    }
    let plan = parts.first().map(|part| part.plan);
    plan.zip(all).map(|(plan, all)| all.made(plan)).ok_or(DecodeError::Invalid("no market"))
}

/// One KPI over all parts.
struct Sums<'a> {
    parts: &'a [Part<'a>],
    gathered: &'a [Gathered],
    kpi: &'a Planned,
    kind: RowKind,
    reporting: Option<&'a Reporting>,
    /// The KPI over each part.
    evaluations: Vec<Evaluation<'a>>,
    groups: BTreeMap<Key, Places>,
    /// Whether the formula holds amounts of several days: stocks of more than one, or a stock beside what a period counts. At rates
    /// of their own days a change of the rate would pass for a change of what is owed.
    mixed: bool,
    /// By group and part, where the records are that the KPI needs.
    needs: BTreeMap<Key, Vec<(usize, NeedRows)>>,
}

impl<'a> Sums<'a> {
    fn new(
        parts: &'a [Part<'a>],
        gathered: &'a [Gathered],
        place: usize,
        kpi: &'a Planned,
        kind: RowKind,
        reporting: Option<&'a Reporting>,
    ) -> Self {
        let mut groups: BTreeMap<Key, Places> = BTreeMap::new();
        let mut needs: BTreeMap<Key, Vec<(usize, NeedRows)>> = BTreeMap::new();
        let width = if kind == RowKind::Total { 0 } else { kpi.group_by.len() };
        let none = || vec![Vec::new(); kpi.definition.leaves.len()];
        for (number, (part, gathered)) in parts.iter().zip(gathered).enumerate() {
            let Some(kpi) = part.plan.kpis.get(place) else { continue };
            for (leaf, feed) in kpi.feeds.iter().enumerate() {
                let Some(sums) = gathered.feeds.get(*feed) else { continue };
                for group in sums.groups() {
                    let text = |value: &u32| gathered.names.text(*value).cloned();
                    let name: Name = group.values.iter().take(width).map(text).collect();
                    let currency = gathered.names.text(group.currency).and_then(|code| Currency::parse(code));
                    let Some(row) = sums.row(group) else { continue };
                    let name = (group.is_rest(), name.iter().any(Option::is_none), name);
                    if !kpi.needs.is_empty() {
                        // Each leaf tells of the same group.
                        let rows = (number, need::rows(part.plan, kpi, gathered, group));
                        let known = needs.entry(name.clone()).or_default();
                        if !known.contains(&rows) {
                            known.push(rows);
                        }
                    }
                    let places = groups.entry(name).or_insert_with(none);
                    if let Some(places) = places.get_mut(leaf) {
                        places.push((number, currency, row));
                    }
                }
            }
        }
        if groups.is_empty() && width == 0 {
            groups.insert((false, false, Name::default()), none());
        }
        let whole = kind == RowKind::Total;
        let pairs = parts.iter().zip(gathered);
        let evaluations = pairs.map(|(part, gathered)| Evaluation::new(part.plan, kpi, gathered, whole)).collect();
        let mixed = mixes_days(parts.first().map(|part| part.plan), kpi);
        Self { parts, gathered, kpi, kind, reporting, evaluations, groups, mixed, needs }
    }

    /// The rows of one period; `there`: only groups that have facts in it.
    fn rows(&self, slot: usize, there: bool, rows: &mut Vec<Row>) -> Result<(), AcrossError> {
        let Some(plan) = self.parts.first().map(|part| part.plan) else { return Ok(()) };
        let definition = &self.kpi.definition;
        let id: Arc<str> = Arc::from(definition.info.id.as_str());
        let variant = definition.info.alias_of.as_deref().map_or_else(|| Arc::clone(&id), Arc::from);
        let base = plan.base_of(definition, slot);
        let currency = self.reporting.map(|reporting| reporting.currency).filter(|_| definition.money);
        for (key, places) in &self.groups {
            let (rest, _, name) = key;
            let always = !there && (self.kind == RowKind::Total || self.kpi.group_by.is_empty());
            if !always && !self.is_there(places, slot) && !base.is_some_and(|base| self.is_there(places, base)) {
                continue;
            }
            let mut values = name.iter();
            let value = |dimension: &Dimension| match dimension {
                Dimension::Currency if definition.money => currency.map(|currency| Arc::from(currency.code())),
                _ => values.next().cloned().flatten(),
            };
            let group = plan.query.group_by.iter().map(value).collect();
            let kind = if *rest && self.kind == RowKind::Group { RowKind::Rest } else { self.kind };
            let blank = definition.blank((&id, &variant), kind, group, currency);
            let needs = self.needs.get(key).map_or(&[][..], Vec::as_slice);
            let mut row = self.row((plan, &blank), places, needs, slot)?;
            row.base = match base {
                Some(base) => Some(Box::new(self.row((plan, &blank), places, needs, base)?)),
                None => None,
            };
            rows.push(row);
        }
        Ok(())
    }

    fn row(
        &self,
        (plan, blank): (&Plan, &Row),
        places: &Places,
        needs: &[(usize, NeedRows)],
        slot: usize,
    ) -> Result<Row, AcrossError> {
        let mut row = blank.clone();
        let Some(period) = plan.framed.all.get(slot).copied() else { return Ok(row) };
        // Working days are each market's own: there is no number of them over several.
        let at = plan.moment(&self.kpi.definition, &row, period, None);
        // Of a period that has not begun nothing is told, so that nothing of it is converted.
        let told = if self.kpi.definition.has_begun(at) { places.len() } else { 0 };
        let mut values = Vec::with_capacity(told);
        for leaf in 0..told {
            match self.leaf(places, leaf, slot)? {
                Some(value) => values.push(value),
                None => {
                    (row.start, row.end, row.whole_period) = (period.first(), period.end_date(), period.whole);
                    row.no_value = Some(NoValue::Overflow);
                    return Ok(row);
                }
            }
        }
        let value = |leaf: usize| Ok(values.get(leaf).copied().unwrap_or(Exact::ZERO));
        let facts = |leaf: usize| self.facts(places, leaf, slot);
        let lacking = || self.lacks(places, needs, slot);
        let compute = |_, node: &Node| node.compute(&value, at);
        self.kpi.definition.fill(&mut row, at, (&compute, &facts), &lacking);
        Ok(row)
    }

    fn is_there(&self, places: &Places, slot: usize) -> bool {
        (0..places.len()).any(|leaf| {
            let any =
                |(part, _, row): &(usize, Option<Currency>, usize)| !self.amount(leaf, *part, *row, slot).is_zero();
            self.facts(places, leaf, slot) != 0 || places.get(leaf).is_some_and(|rows| rows.iter().any(any))
        })
    }

    /// Whether a part that gives anything to the row lacks records that the figure needs. What others sent does not stand for them.
    fn lacks(&self, places: &Places, needs: &[(usize, NeedRows)], slot: usize) -> bool {
        let gives = |part: usize| {
            let own = |(of, _, _): &&(usize, Option<Currency>, usize)| *of == part;
            places.iter().enumerate().any(|(leaf, rows)| {
                let any = |(_, _, row): &(usize, Option<Currency>, usize)| {
                    let evaluation = self.evaluations.get(part);
                    evaluation.is_some_and(|one| one.has(leaf, Some(*row), slot))
                };
                rows.iter().filter(own).any(any)
            })
        };
        (0..self.parts.len()).filter(|part| gives(*part)).any(|part| {
            // Of several currencies, one whose needs are met is enough: amounts are converted into one.
            let met = |rows: &NeedRows| self.evaluations.get(part).is_some_and(|one| !one.lacks(rows, slot));
            !needs.iter().any(|(of, rows)| *of == part && met(rows))
        })
    }

    fn facts(&self, places: &Places, leaf: usize, slot: usize) -> i64 {
        let of = |(part, _, row): &(usize, Option<Currency>, usize)| {
            self.evaluations.get(*part).map_or(0, |one| one.flow_of(leaf, Some(*row), slot).facts)
        };
        places.get(leaf).map_or(0, |rows| rows.iter().map(of).fold(0, i64::wrapping_add))
    }

    /// The value of a leaf in one row, unconverted.
    fn amount(&self, leaf: usize, part: usize, row: usize, slot: usize) -> Exact {
        let value = self.evaluations.get(part).map(|one| one.leaf_of(leaf, Some(row), slot));
        value.and_then(Result::ok).unwrap_or(Exact::ZERO)
    }

    /// The value of a leaf over all parts and currencies; `None` beyond 128 bits.
    fn leaf(&self, places: &Places, leaf: usize, slot: usize) -> Result<Option<Exact>, AcrossError> {
        let mut sum = Exact::ZERO;
        for (part, currency, row) in places.get(leaf).into_iter().flatten() {
            let value = match (currency, self.reporting) {
                (Some(currency), Some(reporting)) if self.is_money(*part, leaf) => {
                    self.converted(reporting, *currency, (leaf, *part, *row), slot)?
                }
                _ => Some(self.amount(leaf, *part, *row, slot)),
            };
            match value.and_then(|value| sum.add(value)) {
                Some(more) => sum = more,
                None => return Ok(None),
            }
        }
        Ok(Some(sum))
    }

    fn is_money(&self, part: usize, leaf: usize) -> bool {
        let feed = self.kpi.feeds.get(leaf).and_then(|feed| self.parts.get(part)?.plan.feeds.get(*feed));
        feed.is_some_and(|feed| feed.amounts)
    }

    /// An amount in minor units of the reporting currency; `None` beyond 128 bits.
    fn converted(
        &self,
        reporting: &Reporting,
        currency: Currency,
        (leaf, part, row): (usize, usize, usize),
        slot: usize,
    ) -> Result<Option<Exact>, AcrossError> {
        let Some(plan) = self.parts.get(part).map(|part| part.plan) else { return Ok(None) };
        let Some(period) = plan.framed.all.get(slot) else { return Ok(None) };
        let window = self.kpi.definition.leaves.get(leaf).map(|leaf| leaf.window);
        // No day to come has a rate yet: what is told at one, as the end of a period that is not over, takes today's.
        let today = plan.shape.calendar.today.map_or(i32::MAX, day_number);
        let factor = |day: i32| reporting.factor(currency, day.min(today)).map_err(AcrossError::Rate);
        if self.mixed {
            let one = reporting.sum(currency, factor(period.end.saturating_sub(1))?);
            return Ok(one.and_then(|one| self.amount(leaf, part, row, slot).multiply(one)));
        }
        if let (DatePolicy::FactDay, Some(window @ (Window::Flow | Window::Running | Window::Mean))) =
            (reporting.policy, window)
        {
            let ((mut first, mut last), mut days) = (plan.stretches.slots.get(slot).copied().unwrap_or_default(), 1);
            match window {
                Window::Running => first = plan.running_from(slot),
                Window::Mean => ((first, last), days) = plan.begun(&self.kpi.definition, slot),
                _ => {}
            }
            let feed = self.kpi.feeds.get(leaf).and_then(|feed| self.gathered.get(part)?.feeds.get(*feed));
            // A stretch is a day: a mean is of the stocks at the end of each.
            let of_day = |sums: &GroupSums, stretch: usize| match window {
                Window::Mean => sums.opening(row, stretch + 1),
                _ => sums.between(row, (stretch, stretch + 1)).sum,
            };
            let mut scaled: Option<i128> = Some(0);
            for stretch in first..last {
                let sum = feed.map_or(0, |sums| of_day(sums, stretch));
                if sum != 0 {
                    let more = sum.checked_mul(factor(plan.stretches.days(stretch).0)?);
                    scaled = scaled.zip(more).and_then(|(scaled, more)| scaled.checked_add(more));
                }
            }
            let sum = scaled.and_then(|scaled| reporting.sum(currency, scaled));
            return Ok(sum.and_then(|sum| sum.divide(Exact::whole(days))));
        }
        let value = self.amount(leaf, part, row, slot);
        if value.is_zero() {
            return Ok(Some(Exact::ZERO));
        }
        let day = if window == Some(Window::Opening) { period.start } else { period.end };
        let one = reporting.sum(currency, factor(day.saturating_sub(1))?);
        Ok(one.and_then(|one| value.multiply(one)))
    }
}

/// Whether the amounts of a KPI are of several days.
fn mixes_days(plan: Option<&Plan>, kpi: &Planned) -> bool {
    let is_money = |feed: &usize| plan.and_then(|plan| plan.feeds.get(*feed)).is_some_and(|feed| feed.amounts);
    let leaves = kpi.definition.leaves.iter().zip(&kpi.feeds).filter(|(_, feed)| is_money(feed));
    let windows: Vec<Window> = leaves.map(|(leaf, _)| leaf.window).collect();
    let stock = |window: &Window| matches!(window, Window::Opening | Window::Closing);
    windows.iter().any(stock) && windows.iter().any(|window| windows.first() != Some(window))
}
