//! What a question asks beside its periods: other windows, a comparison, totals, an order, the first few groups.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, Step, whole_months};
use super::period::{Grain, Period, periods};
use super::query::{MAX_PERIODS, Query};
use super::teams::Teams;
use crate::domain::agent_figures::Pseudonyms;
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::time::day_number;
use crate::domain::validation::Violation;
use crate::domain::vocabulary::vocabulary;

/// The most groups that a question may keep apart from the rest.
pub const MAX_TOP: usize = 1_000;
/// The longest rolling window, in its own unit.
pub const MAX_ROLLING: u32 = 1_000;

/// Which days a period's figure takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Frame {
    /// The period's own.
    #[default]
    Period,
    /// So many days, weeks, months, quarters or years up to the period's last day.
    Rolling(u32, Grain),
    /// From the beginning of the span that holds the period's last day: month to date, year to date.
    ToDate(Grain),
}

/// What figures are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The period before: of the same length by the calendar, the same part of it where the period is cut or not over.
    PreviousPeriod,
    /// The same days of the year before; a week: 52 weeks before.
    YearEarlier,
    /// One fixed period: first day, and the day after the last.
    Baseline(NaiveDate, NaiveDate),
    /// The days of the question from this one on, against those before it.
    BeforeAfter(NaiveDate),
}

vocabulary!(
    /// Order of the groups of a period.
    RowOrder {
        /// By name; without the dimension last.
        Name = "name",
        /// Largest value first; no value last.
        ValueDescending = "value_descending",
        /// Smallest value first; no value last.
        ValueAscending = "value_ascending",
    }
);

/// The shape of an answer. The default is the plainest: each period's own days, by name.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// The market's calendar.
    pub calendar: Calendar,
    /// Which days each figure takes in.
    pub frame: Frame,
    /// What each figure is compared with.
    pub comparison: Option<Comparison>,
    /// Up to which day a period that is not over is compared; `None`: up to the calendar's today. Over several markets it must be
    /// the same in all of them, and where one has a new day already the others may not.
    pub compared_until: Option<NaiveDate>,
    /// A row for all groups together after the groups of each period.
    pub totals: bool,
    /// Order of the groups.
    pub order: Option<RowOrder>,
    /// Keep the first so many groups by the first KPI over the whole question (in each currency), and make one row of
    /// the rest.
    pub top: Option<usize>,
    /// Percentiles are of the values themselves and not of steps: the facts must have been counted so, too.
    pub exact: bool,
    /// Sum each day by itself, because each has its own exchange rate.
    pub by_day: bool,
    /// What the question's dimensions of cases stand for: the definitions must still say the same.
    pub case_dimensions: CaseDimensions,
    /// The names under which agents are told of; `None`: their own. Filters on agents name these, too.
    pub pseudonyms: Option<Pseudonyms>,
    /// Who was active in the teams, where figures by team are told only of large ones: the others are one group, the rest.
    pub teams: Option<Arc<Teams>>,
}

/// The periods of an answer, and for each the place of the one that it is compared with.
#[derive(Debug, Clone, Default)]
pub(super) struct Framed {
    /// Rows' periods first, then those that they are compared with.
    pub(super) all: Vec<Period>,
    /// How many are rows' own.
    pub(super) rows: usize,
    /// What each row's period is compared with: of one that is not over, as much of the other as it has come to.
    pub(super) base: Vec<Option<usize>>,
    /// The same as a whole, for figures that have no part.
    pub(super) whole: Vec<Option<usize>>,
}

/// Which comparisons figures ask for while a period is running.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared {
    /// With as much of the other period as this one has come to.
    pub(super) part: bool,
    /// With the whole of it.
    pub(super) whole: bool,
}

impl Framed {
    /// The place of a compared period: one baseline serves all rows, and a part that is the whole is one.
    fn at(&mut self, base: Period) -> usize {
        let compared = self.all.iter().enumerate().skip(self.rows);
        let known = compared.rev().take(2).find(|(_, one)| **one == base).map(|(at, _)| at);
        known.unwrap_or_else(|| {
            self.all.push(base);
            self.all.len() - 1
        })
    }
}

impl Shape {
    /// The days of every figure that a question asks for: its periods as framed, and those that they are compared with. Not all
    /// where the question is wrong.
    #[must_use]
    pub fn days_asked(&self, query: &Query) -> Vec<Period> {
        let periods = periods(&self.calendar, query.grain, (query.from, query.to), MAX_PERIODS).unwrap_or_default();
        self.framed(query, &periods, Compared { part: true, whole: true }, &mut Vec::new()).all
    }

    /// The periods as framed, with those that they are compared with; notes what is wrong with the shape.
    pub(super) fn framed(
        &self,
        query: &Query,
        plain: &[Period],
        compared: Compared,
        wrong: &mut Vec<Violation>,
    ) -> Framed {
        self.check(query, wrong);
        let mut framed = Framed::default();
        let split = match self.comparison {
            Some(Comparison::BeforeAfter(on)) if query.from < on && on < query.to => Some(day_number(on)),
            _ => None,
        };
        for period in plain {
            let start = split.unwrap_or(period.start);
            match self.frame(Period { start, ..*period }) {
                Some(period) => framed.all.push(period),
                None => early(query.from, wrong),
            }
        }
        framed.rows = framed.all.len();
        for place in 0..framed.rows {
            let both = match (self.comparison, framed.all.get(place).copied()) {
                (Some(comparison), Some(period)) => {
                    let whole = self.base(comparison, query, period, None);
                    let part = match self.begun(comparison, period) {
                        Some(last) => self.base(comparison, query, period, Some(last)),
                        None => whole,
                    };
                    // As much of the other period as all of it is all of it.
                    let same = |whole: &Period| part.is_some_and(|part| part.days_are(*whole));
                    let part = whole.filter(same).or(part);
                    if whole.is_none() || part.is_none() {
                        early(query.from, wrong);
                    }
                    (part, whole)
                }
                _ => (None, None),
            };
            // What nobody asks for is the same as what somebody does.
            let (part, whole) = match compared {
                Compared { part: false, .. } => (both.1, both.1),
                Compared { whole: false, .. } => (both.0, both.0),
                Compared { .. } => both,
            };
            let part = part.map(|base| framed.at(base));
            let whole = whole.map(|base| framed.at(base));
            framed.base.push(part);
            framed.whole.push(whole);
        }
        framed
    }

    /// The last day that has begun of a period that is not over, if what it is compared with has a day that answers to it: fixed
    /// days are compared with as they are.
    fn begun(&self, comparison: Comparison, period: Period) -> Option<NaiveDate> {
        let shifted = matches!(comparison, Comparison::PreviousPeriod | Comparison::YearEarlier);
        let today = self.compared_until.or(self.calendar.today).filter(|_| shifted)?;
        (period.first() <= today && today <= period.last()).then_some(today)
    }

    /// The days that a period's figure takes in; `None` where the calendar ends.
    fn frame(&self, period: Period) -> Option<Period> {
        match self.frame {
            Frame::Period => Some(period),
            Frame::Rolling(count, unit) => {
                let first = unit.step()?.times(count).first_of(period.last())?;
                Some(Period::of(first, period.last(), true))
            }
            Frame::ToDate(unit) => {
                let (start, end) = self.calendar.span(unit, period.last())?;
                let end = day_number(end) == period.end;
                Some(Period { start: day_number(start), end: period.end, whole: end })
            }
        }
    }

    /// What a framed period is compared with, as a whole or up to the last day of it that has begun; `None` where the calendar
    /// ends.
    fn base(&self, comparison: Comparison, query: &Query, period: Period, begun: Option<NaiveDate>) -> Option<Period> {
        let (first, last) = (period.first(), period.last());
        let step = match comparison {
            Comparison::Baseline(from, to) => return Some(Period::of(from, to.pred_opt()?, true)),
            Comparison::BeforeAfter(on) => return Some(Period::of(query.from, on.pred_opt()?, true)),
            Comparison::YearEarlier => match (self.frame, query.grain) {
                (Frame::Period, Grain::Week) | (Frame::ToDate(Grain::Week), _) => Step::Days(52 * 7),
                _ => Step::Months(12),
            },
            Comparison::PreviousPeriod => match self.frame {
                Frame::Rolling(count, unit) => unit.step()?.times(count),
                Frame::ToDate(unit) => unit.step()?,
                Frame::Period => query.grain.step().or_else(|| {
                    let end = last.succ_opt()?;
                    let months = whole_months(first, end).filter(|months| *months > 0).map(Step::Months);
                    months.or_else(|| u32::try_from(period.days()).ok().map(Step::Days))
                })?,
            },
        };
        let (first, before) = match begun {
            Some(begun) => step.same_days_before(first, begun)?,
            None => step.before(first, last)?,
        };
        Some(Period::of(first, before, period.whole && begun.is_none()))
    }

    fn check(&self, query: &Query, wrong: &mut Vec<Violation>) {
        let mut note = |field: &str, text: String| wrong.push(Violation::new(field, text));
        match self.frame {
            Frame::Period => {}
            Frame::Rolling(count, unit) => {
                if !matches!(unit, Grain::Day | Grain::Week | Grain::Month | Grain::Quarter | Grain::Year) {
                    note("rolling.unit", format!("is {unit}: send day, week, month, quarter or year"));
                }
                if count == 0 || count > MAX_ROLLING {
                    note("rolling.count", format!("is {count}: send 1 to {MAX_ROLLING}"));
                }
            }
            Frame::ToDate(unit) => {
                if matches!(unit, Grain::Day | Grain::Total) {
                    let text =
                        format!("is {unit}, which has no earlier day: send week, month, quarter, year or a fiscal one");
                    note("to_date", text);
                }
            }
        }
        match self.comparison {
            Some(Comparison::Baseline(from, to)) if from >= to => {
                note(
                    "comparison.baseline_end_date",
                    format!("{to} is not after {from}: send the day after the last one"),
                );
            }
            Some(Comparison::BeforeAfter(on)) => {
                if on <= query.from || on >= query.to {
                    let text = format!("{on} is not inside {} to {}: send a date between them", query.from, query.to);
                    note("comparison.split_date", text);
                }
                if query.grain != Grain::Total || self.frame != Frame::Period {
                    let text = format!(
                        "before_after compares two parts of the question, whose grain is {}: send total, without rolling and \
                         to_date",
                        query.grain
                    );
                    note("comparison.kind", text);
                }
            }
            _ => {}
        }
        if let Some(top) = self.top {
            if top == 0 || top > MAX_TOP {
                note("top", format!("is {top}: send 1 to {MAX_TOP}, or none for all groups"));
            }
            if query.group_by.is_empty() {
                note("top", "keeps groups apart, and group_by is empty: name a dimension".to_owned());
            }
            if query.group_by.contains(&super::Dimension::Currency) {
                let text = "ranks the groups of each currency by itself: leave currency out of group_by".to_owned();
                note("top", text);
            }
        }
    }
}

/// Notes once that the calendar ends, unless the window is wrong by itself.
fn early(from: chrono::NaiveDate, wrong: &mut Vec<Violation>) {
    if !wrong.iter().any(|one| matches!(one.field.as_str(), "start_date" | "rolling.unit" | "to_date")) {
        let text =
            format!("{from} is too early for the window or the comparison: the calendar ends; send a later date");
        wrong.push(Violation::new("start_date", text));
    }
}

/// The periods cut into stretches of days that do not overlap, so that each cell is read and added once.
#[derive(Debug, Clone, Default)]
pub(super) struct Stretches {
    /// Day numbers at which a stretch begins; the last one ends the last stretch.
    pub(super) cuts: Vec<i32>,
    /// Whether a period takes the stretch in. Others lie between periods: only stocks need them.
    pub(super) inside: Vec<bool>,
    /// For each period its first stretch, and the one after its last.
    pub(super) slots: Vec<(usize, usize)>,
}

impl Stretches {
    /// Cuts these periods, into single days if that is asked for, and one that is not over behind the day that it is, if that is
    /// asked for.
    pub(super) fn of(periods: &[Period], by_day: bool, today: Option<NaiveDate>) -> Self {
        let today = today.map(day_number);
        let mut cuts: Vec<i32> =
            periods.iter().flat_map(|period| [period.start, period.begun(today).end, period.end]).collect();
        if by_day {
            cuts.extend(periods.iter().flat_map(|period| period.start..period.end));
        }
        cuts.sort_unstable();
        cuts.dedup();
        let place = |day: i32| cuts.partition_point(|cut| *cut < day);
        let slots: Vec<(usize, usize)> = periods.iter().map(|one| (place(one.start), place(one.end))).collect();
        let mut inside = vec![false; cuts.len().saturating_sub(1)];
        for (first, last) in &slots {
            if let Some(stretch) = inside.get_mut(*first..*last) {
                stretch.fill(true);
            }
        }
        Self { cuts, inside, slots }
    }

    /// Whether every period is one stretch: then no sums over stretches are needed.
    pub(super) fn plain(&self) -> bool {
        self.slots.iter().all(|(first, last)| *last == first + 1)
    }

    /// First day and the day after the last one of a stretch.
    pub(super) fn days(&self, stretch: usize) -> (i32, i32) {
        let at = |place: usize| self.cuts.get(place).copied().unwrap_or_default();
        (at(stretch), at(stretch + 1))
    }

    /// How many stretches.
    pub(super) fn len(&self) -> usize {
        self.inside.len()
    }
}
