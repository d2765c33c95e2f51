//! Curves of cohorts: what came of the cases that came in in a period, cumulated by whole months since each came in.
//!
//! A month of a curve is told once it is over for every case of the cohort. Until then it has no value: a curve that still
//! grows must not look flat.

use std::collections::HashMap;

use super::block::Cell;
use super::definition::{Definition, Kind, Moment};
use super::delta::Names;
use super::dimension::{Dimension, MOST_MONTHS, months_since};
use super::gather::Group;
use super::period::Period;
use super::plan::Plan;
use super::query::Query;
use super::row::Row;
use super::shape::Shape;
use super::sums::Sums;
use crate::domain::time::{date_of_day, day_number};
use crate::domain::validation::Violation;

/// What a feed of a cohort is made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    /// For each month since placement all up to it.
    Cumulated,
    /// All of the first so many months.
    Within(u16),
    /// The same for each month since placement.
    Base,
}

impl Curve {
    /// Whether its cells must be kept by months since placement.
    pub(super) const fn by_month(self) -> bool {
        matches!(self, Self::Cumulated | Self::Within(_))
    }

    /// What the feed of a leaf is made into, if the KPI is a cohort.
    pub(super) fn of(definition: &Definition, leaf: usize) -> Option<Self> {
        if definition.info.kind != Kind::Cohort {
            return None;
        }
        match (definition.above().contains(&leaf), definition.told.months) {
            (true, Some(months)) => Some(Self::Within(months)),
            (true, None) => Some(Self::Cumulated),
            (false, Some(_)) => None,
            (false, None) => Some(Self::Base),
        }
    }
}

/// The day by which a cohort's month since placement is over for all its cases; `None` without a month, or beyond the calendar.
pub(super) fn over(period: Period, month: Option<u16>) -> Option<i32> {
    let months = chrono::Months::new(u32::from(month?) + 1);
    date_of_day(period.end.saturating_sub(1)).checked_add_months(months).map(day_number)
}

/// What is wrong with asking for a cohort like this.
pub(super) fn refused(definition: &Definition, query: &Query, shape: &Shape) -> Option<Violation> {
    if definition.info.kind != Kind::Cohort {
        return None;
    }
    let id = &definition.info.id;
    let grouped = query.group_by.contains(&Dimension::MonthsSince);
    if definition.told.months.is_some() {
        let named = grouped || query.filters.iter().any(|(one, _)| *one == Dimension::MonthsSince);
        let text = format!("{id} is of one horizon: leave months_since out of group_by and filters");
        return named.then(|| Violation::new("group_by", text));
    }
    if !grouped {
        return Some(Violation::new(
            "group_by",
            format!("{id} is a curve by months since placement: add months_since"),
        ));
    }
    let merged = if shape.totals { "totals" } else { "top" };
    let text = format!("would make one figure of the months of {id}, which is a curve: leave it out");
    (shape.totals || shape.top.is_some()).then(|| Violation::new(merged, text))
}

impl Plan {
    /// What the formula of a row may ask for.
    pub(super) fn moment(
        &self,
        definition: &Definition,
        row: &Row,
        period: Period,
        working_days: Option<i128>,
    ) -> Moment {
        let today = self.shape.calendar.today.map(day_number);
        Moment { period, working_days, today, month: self.month_of_row(definition, row) }
    }

    /// The last month since placement that a row of a cohort takes in.
    fn month_of_row(&self, definition: &Definition, row: &Row) -> Option<u16> {
        if definition.info.kind != Kind::Cohort {
            return None;
        }
        if let Some(months) = definition.told.months {
            return months.checked_sub(1);
        }
        let place = self.query.group_by.iter().position(|one| *one == Dimension::MonthsSince)?;
        row.group.get(place)?.as_deref()?.parse().ok()
    }

    /// The last month that a case of the period has come to, from 0.
    fn last_month(&self, period: Period) -> u16 {
        let months = self.shape.calendar.today.map_or(0, |today| months_since(period.start, day_number(today)));
        u16::try_from(months.min(MOST_MONTHS - 1)).unwrap_or(0)
    }

    /// Replaces the sums of a feed by what its curve is made of: of the feed's groups each month that the question asks for.
    pub(super) fn cumulate(&self, curve: Curve, sums: &mut Sums, names: &mut Names) {
        let mut flows: HashMap<(Group, usize), Vec<(u16, Cell)>> = HashMap::new();
        sums.each_flow(&self.stretches, |group, period, flow| {
            if flow.is_zero() {
                return;
            }
            let month = names.text(group.distinct).and_then(|text| text.parse().ok());
            let month: u16 = if curve.by_month() { month.unwrap_or(u16::MAX) } else { 0 };
            flows.entry((Group { distinct: 0, ..*group }, period)).or_default().push((month, flow));
        });
        let place = self.query.group_by.iter().position(|one| *one == Dimension::MonthsSince);
        let asked = self.query.filters.iter().find(|(one, _)| *one == Dimension::MonthsSince).map(|(_, values)| values);
        let mut told = Sums::counted(self.stretches.slots.len());
        for ((group, period), flows) in flows {
            let upto = |last: u16| {
                let mut sum = Cell::default();
                flows.iter().filter(|(month, _)| *month <= last).for_each(|(_, flow)| sum.add(*flow));
                sum
            };
            if let Curve::Within(months) = curve {
                told.put(group, period, upto(months.saturating_sub(1)));
                continue;
            }
            let last = self.framed.all.get(period).map_or(0, |period| self.last_month(*period));
            for month in 0..=last {
                let text = format!("{month:02}");
                if asked.is_some_and(|asked| !asked.contains(&text)) {
                    continue;
                }
                let mut of_month = group;
                if let Some(slot) = place.and_then(|place| of_month.values.get_mut(place)) {
                    *slot = names.number(&text);
                }
                told.put(of_month, period, if curve == Curve::Base { upto(u16::MAX) } else { upto(month) });
            }
        }
        *sums = told;
    }
}
