//! Spans of days that questions ask about, and which day and month cells add up to them.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::delta::month_of;
use crate::domain::time::{date_of_day, day_number};
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// Grain of a question, in the market's calendar. Weeks begin on Monday.
    Grain { Day = "day", Week = "week", Month = "month", Quarter = "quarter", Year = "year" }
);

/// One period of an answer, by day numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub start: i32,
    /// The day after the last one.
    pub end: i32,
    /// Whether the question takes in the whole of the grain's span, and not a part of it at its ends.
    pub whole: bool,
}

impl Period {
    /// Whole calendar months in the period; `None` if it does not consist of such.
    #[must_use]
    pub fn months(self, grain: Grain) -> Option<i128> {
        match (grain, self.whole) {
            (Grain::Month, true) => Some(1),
            (Grain::Quarter, true) => Some(3),
            (Grain::Year, true) => Some(12),
            _ => None,
        }
    }

    /// How many days.
    #[must_use]
    pub fn days(self) -> i64 {
        i64::from(self.end) - i64::from(self.start)
    }
}

/// First day of the grain's span that holds the date, and the first day after it.
fn span(grain: Grain, date: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let first = |year: i32, month: u32| NaiveDate::from_ymd_opt(year, month, 1);
    let months = |start: NaiveDate, count: u32| start.checked_add_months(chrono::Months::new(count));
    let start = match grain {
        Grain::Day => date,
        Grain::Week => date.checked_sub_days(chrono::Days::new(u64::from(date.weekday().num_days_from_monday())))?,
        Grain::Month => first(date.year(), date.month())?,
        Grain::Quarter => first(date.year(), (date.month0() / 3) * 3 + 1)?,
        Grain::Year => first(date.year(), 1)?,
    };
    let end = match grain {
        Grain::Day => start.succ_opt()?,
        Grain::Week => start.checked_add_days(chrono::Days::new(7))?,
        Grain::Month => months(start, 1)?,
        Grain::Quarter => months(start, 3)?,
        Grain::Year => months(start, 12)?,
    };
    Some((start, end))
}

/// The periods of a question from `from` up to but not including `to`, at most `limit` of them; those at the ends are
/// cut to the question. `None` if there are more, or the calendar ends.
pub(super) fn periods(grain: Grain, from: NaiveDate, to: NaiveDate, limit: usize) -> Option<Vec<Period>> {
    let mut found = Vec::new();
    let mut at = from;
    while at < to {
        if found.len() == limit {
            return None;
        }
        let (start, end) = span(grain, at)?;
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

fn next_month(first: i32) -> i32 {
    let date = date_of_day(first);
    date.checked_add_months(chrono::Months::new(1)).map_or(first, day_number)
}
