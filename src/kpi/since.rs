//! Accounts counted once in any period: cells keep facts by the day on which the account was seen before, and a period counts
//! those of its facts whose account was not seen before in it.
//!
//! A cell of a day keeps that day; a cell of a month keeps its month, so that months stay small. A period that begins with a
//! month needs no more of them, and any other is answered from days.

use chrono::Datelike;

use super::delta::Names;
use super::strings::Strings;
use crate::domain::time::{date_of_day, day_number};

/// What such a day begins with, so that it is no other dimension's value: no text of a record has control characters.
const MARK: char = '\u{1}';

/// Day number of the first day of the day's month.
pub(super) fn month_of(day: i32) -> i32 {
    let date = date_of_day(day);
    date.with_day(1).map_or(day, day_number)
}

/// The value of a day.
pub(super) fn written(day: i64) -> String {
    format!("{MARK}{day}")
}

/// The day of a value; `None` if it is none, or no day of the calendar.
pub(super) fn read(value: &str) -> Option<i32> {
    value.strip_prefix(MARK)?.parse().ok()
}

/// Whether accounts of each key of a block (0: not seen before) were last seen before the period's first day; none were if there
/// is no period.
pub(super) fn not_before(strings: &Strings, start: Option<i32>) -> Vec<bool> {
    let first = |before: Option<i32>| start.is_some_and(|start| before.is_none_or(|before| before < start));
    std::iter::once(first(None)).chain(strings.iter().map(|text| first(read(text)))).collect()
}

/// What each name (0: none) is in cells of months: the first day of the month for a day of this kind, else itself.
pub(super) fn by_month(names: &mut Names) -> Vec<u32> {
    let coarse: Vec<Option<String>> =
        names.strings.iter().map(|text| read(text).map(|day| written(month_of(day).into()))).collect();
    let mut numbers = vec![0];
    for (place, text) in coarse.into_iter().enumerate() {
        numbers.push(text.map_or(place as u32 + 1, |text| names.number(&text)));
    }
    numbers
}
