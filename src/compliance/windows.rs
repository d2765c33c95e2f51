//! Counting windows over stamps: where a window begins, when a stamp leaves it, which stamps are in it.

use chrono::Datelike;
use chrono_tz::Tz;

use super::persons::{ContactStamp, Marks};
use super::situation::Situation;
use super::watch::CaseStamp;
use crate::domain::time::{DAY, SECOND, Timestamp, date_of_day, weekday_of_day};
use crate::rules::model::Window;
use crate::rules::words::Per;

/// Microseconds of an hour.
pub(crate) const HOUR: i64 = 3600 * SECOND;

/// First instant of the window that ends with `at`.
pub(crate) fn begins(window: Window, at: Timestamp, zone: Tz) -> Timestamp {
    begins_with(window, at, at.clock(zone).0, zone)
}

/// The same, where the local day of `at` is known.
#[inline]
pub(crate) fn begins_with(window: Window, at: Timestamp, day: i32, zone: Tz) -> Timestamp {
    match window {
        Window::CalendarDays(days) => {
            Timestamp::start_of_day(day.saturating_sub_unsigned(days.into()).saturating_add(1), zone)
        }
        // Exactly N hours later the earlier contact has left the window.
        Window::Hours(hours) => at.plus(1 - i64::from(hours) * HOUR),
        Window::CalendarWeek => Timestamp::start_of_day(day.saturating_sub(weekday_of_day(day).into()), zone),
        Window::CalendarMonth => {
            let date = date_of_day(day);
            Timestamp::start_of(date.with_day(1).unwrap_or(date), zone)
        }
    }
}

/// An instant certainly not after the window's beginning, without a look at any zone.
pub(crate) const fn not_before(window: Window, at: Timestamp) -> Timestamp {
    let days = match window {
        Window::CalendarDays(days) => days as i64,
        Window::Hours(hours) => hours as i64 / 24 + 1,
        Window::CalendarWeek => 7,
        Window::CalendarMonth => 31,
    };
    // A date of 25 hours, or one that a zone skipped, adds less than a day.
    at.plus(-(days + 1) * DAY)
}

/// First instant whose window no longer holds a contact of `stamp`.
pub(crate) fn leaves(window: Window, stamp: Timestamp, zone: Tz) -> Timestamp {
    let (day, _) = stamp.clock(zone);
    match window {
        Window::CalendarDays(days) => Timestamp::start_of_day(day.saturating_add_unsigned(days.into()), zone),
        Window::Hours(hours) => stamp.plus(i64::from(hours) * HOUR),
        Window::CalendarWeek => Timestamp::start_of_day(day.saturating_add(7 - i32::from(weekday_of_day(day))), zone),
        Window::CalendarMonth => {
            let date = date_of_day(day);
            let first = date.with_day(1).unwrap_or(date);
            Timestamp::start_of(crate::rules::calendar::add_months(first, 1), zone)
        }
    }
}

/// Earlier contacts, newest first.
struct Earlier<'a, C> {
    of_case: &'a [CaseStamp],
    of_person: &'a [ContactStamp],
    /// Those of every person of the case.
    anyone: bool,
    person: Option<u16>,
    since: Timestamp,
    counted: C,
}

impl<'a, C: Fn(Marks) -> bool> Iterator for Earlier<'a, C> {
    type Item = &'a ContactStamp;

    #[inline]
    fn next(&mut self) -> Option<&'a ContactStamp> {
        while let Some((last, rest)) = self.of_case.split_last() {
            if last.stamp.at < self.since {
                return None;
            }
            self.of_case = rest;
            if (self.anyone || last.person == self.person) && (self.counted)(last.stamp.marks) {
                return Some(&last.stamp);
            }
        }
        while let Some((last, rest)) = self.of_person.split_last() {
            if last.at < self.since {
                return None;
            }
            self.of_person = rest;
            if (self.counted)(last.marks) {
                return Some(last);
            }
        }
        None
    }
}

/// Earlier contacts that a rule counts together with the one judged, newest first: those before it, since `since`.
pub(crate) fn earlier<'a>(
    situation: &Situation<'a>,
    per: Per,
    since: Timestamp,
    counted: impl Fn(Marks) -> bool + 'a,
) -> impl Iterator<Item = &'a ContactStamp> {
    let (of_case, of_person): (&[CaseStamp], &[ContactStamp]) = match per {
        Per::Person => (&[], situation.before),
        Per::Case | Per::PersonAndCase => (situation.before_here, &[]),
    };
    Earlier { of_case, of_person, anyone: per == Per::Case, person: situation.index, since, counted }
}

/// Whether there is any earlier contact of those since an instant, counted or not.
pub(crate) fn any_since(situation: &Situation<'_>, per: Per, since: Timestamp) -> bool {
    let last = match per {
        Per::Person => situation.before.last(),
        Per::Case | Per::PersonAndCase => situation.before_here.last().map(|one| &one.stamp),
    };
    last.is_some_and(|last| last.at >= since)
}
