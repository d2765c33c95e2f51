//! Spans of days that questions ask about, and which day and month cells add up to them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, Step, whole_months};
use super::since::month_of;
use crate::domain::time::{date_of_day, day_number};
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// Grain of a question, in the market's calendar.
    Grain {
        Day = "day",
        /// From the market's first day of a week.
        Week = "week",
        Month = "month",
        Quarter = "quarter",
        Year = "year",
        /// Three months of the market's fiscal year.
        FiscalQuarter = "fiscal_quarter",
        /// From the market's first month of a fiscal year.
        FiscalYear = "fiscal_year",
        /// All days of the question in one period.
        Total = "total",
    }
);

impl Grain {
    /// The length of a span; `None` for [`Grain::Total`].
    pub(super) const fn step(self) -> Option<Step> {
        match self {
            Self::Day => Some(Step::Days(1)),
            Self::Week => Some(Step::Days(7)),
            Self::Month => Some(Step::Months(1)),
            Self::Quarter | Self::FiscalQuarter => Some(Step::Months(3)),
            Self::Year | Self::FiscalYear => Some(Step::Months(12)),
            Self::Total => None,
        }
    }
}

/// One period of an answer, by day numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub start: i32,
    /// The day after the last one.
    pub end: i32,
    /// Whether the period is the whole of its span, and not a part of it at the question's ends.
    pub whole: bool,
}

impl Period {
    /// Whole calendar months in the period; `None` if it does not consist of such.
    #[must_use]
    pub fn months(self) -> Option<i128> {
        let months = whole_months(date_of_day(self.start), date_of_day(self.end))?;
        self.whole.then_some(i128::from(months))
    }

    /// How many days.
    #[must_use]
    pub fn days(self) -> i64 {
        i64::from(self.end) - i64::from(self.start)
    }

    /// The days of it that have begun, today among them: all of them where none has.
    pub(super) fn begun(self, today: Option<i32>) -> Self {
        let behind = today.map(|today| today.saturating_add(1)).filter(|behind| *behind > self.start);
        Self { end: behind.map_or(self.end, |behind| behind.min(self.end)), ..self }
    }

    /// Whether it is of the same days as another.
    pub(super) const fn days_are(self, other: Self) -> bool {
        self.start == other.start && self.end == other.end
    }

    /// Of first and last day, both included.
    pub(super) fn of(first: NaiveDate, last: NaiveDate, whole: bool) -> Self {
        Self { start: day_number(first), end: day_number(last).saturating_add(1), whole }
    }

    /// The first day.
    #[must_use]
    pub fn first(self) -> NaiveDate {
        date_of_day(self.start)
    }

    /// The day after the last one.
    #[must_use]
    pub fn end_date(self) -> NaiveDate {
        date_of_day(self.end)
    }

    pub(super) fn last(self) -> NaiveDate {
        date_of_day(self.end.saturating_sub(1))
    }
}

/// The periods of a question from `from` up to but not including `to`, at most `limit` of them; those at the ends are
/// cut to the question. `None` if there are more, or the calendar ends.
pub(super) fn periods(
    calendar: &Calendar,
    grain: Grain,
    (from, to): (NaiveDate, NaiveDate),
    limit: usize,
) -> Option<Vec<Period>> {
    if grain == Grain::Total {
        return Some(vec![Period { start: day_number(from), end: day_number(to), whole: true }]);
    }
    let mut found = Vec::new();
    let mut at = from;
    while at < to {
        if found.len() == limit {
            return None;
        }
        let (start, end) = calendar.span(grain, at)?;
        let whole = start >= from && end <= to;
        found.push(Period { start: day_number(at), end: day_number(end.min(to)), whole });
        at = end;
    }
    Some(found)
}

/// Which cells add up to the days from `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cover {
    /// Days before the first whole month.
    pub(super) head: (i32, i32),
    /// Whole months, by their first days, the end excluded.
    pub(super) months: (i32, i32),
    /// Days after the last whole month.
    pub(super) tail: (i32, i32),
}

/// Covers a span of days with as few cells as there are.
pub(super) fn cover(start: i32, end: i32) -> Cover {
    let month = month_of(start);
    let first = if month == start { start } else { next_month(month) };
    let last = month_of(end);
    if first >= last {
        return Cover { head: (start, end), months: (end, end), tail: (end, end) };
    }
    Cover { head: (start, first), months: (first, last), tail: (last, end) }
}

/// Day number of the first day of the month behind the one that begins on this day; the same day where the calendar ends.
pub(super) fn next_month(first: i32) -> i32 {
    let date = date_of_day(first);
    date.checked_add_months(chrono::Months::new(1)).map_or(first, day_number)
}
