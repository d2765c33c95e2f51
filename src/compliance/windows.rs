//! Counting windows over stamps: where a window begins, when a stamp leaves it, which stamps are in it.

use chrono::Datelike;
use chrono_tz::Tz;

use super::persons::{ContactStamp, Marks};
use super::situation::Situation;
use super::watch::CaseStamp;
use crate::domain::time::{DAY, SECOND, Timestamp, date_of_day, weekday_of_day};
use crate::rules::model::Window;
use crate::rules::words::{Attribute, Per};

/// Microseconds of a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Microseconds of an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;

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
        // Exactly so much later the earlier contact has left the window.
        Window::Minutes(minutes) => at.plus(1 - i64::from(minutes) * MINUTE),
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
        Window::Minutes(minutes) => minutes as i64 / (24 * 60) + 1,
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
        Window::Minutes(minutes) => stamp.plus(i64::from(minutes) * MINUTE),
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
struct Earlier<'s, 'a, C> {
    situation: &'s Situation<'a>,
    per: Per,
    /// Those only that are certainly to be counted with the one judged.
    certain: bool,
    of_case: &'a [CaseStamp],
    of_person: &'a [ContactStamp],
    of_household: &'a [ContactStamp],
    since: Timestamp,
    counted: C,
}

impl<'a, C> Earlier<'_, 'a, C> {
    /// The newest contact that is left, with whether it is counted together with the one judged.
    fn pop(&mut self) -> Option<(&'a ContactStamp, bool)> {
        let situation = self.situation;
        if self.per == Per::Creditor {
            return self.pop_of_creditor();
        }
        if let Some((last, rest)) = self.of_case.split_last() {
            self.of_case = rest;
            let together = match self.per {
                Per::Case => true,
                Per::HouseholdAndCase => situation.in_household(last.person).unwrap_or(!self.certain),
                _ => last.person == situation.index,
            };
            return Some((&last.stamp, together));
        }
        let (person, household) = (self.of_person.last(), self.of_household.last());
        let newest = person.max_by_order(household)?;
        // A contact with the person is in both lists.
        for list in [&mut self.of_person, &mut self.of_household] {
            if list.last().is_some_and(|last| last.id == newest.id) {
                *list = list.split_last().map_or(&[], |(_, rest)| rest);
            }
        }
        let together = match self.per {
            Per::Collector => newest.sides.same_collector(situation.sides()).unwrap_or(!self.certain),
            _ => true,
        };
        Some((newest, together))
    }

    /// The same among the person's contacts about the case, which are for its creditor whatever else they were about, and
    /// those about any case. Most stand in both lists.
    fn pop_of_creditor(&mut self) -> Option<(&'a ContactStamp, bool)> {
        let (here, anywhere) = (self.of_case.last(), self.of_person.last());
        let newest = here.map(|one| &one.stamp).max_by_order(anywhere)?;
        if anywhere.is_some_and(|one| one.id == newest.id) {
            self.of_person = self.of_person.split_last().map_or(&[], |(_, rest)| rest);
        }
        let Some(here) = here.filter(|one| one.stamp.id == newest.id) else {
            return Some((newest, newest.for_creditor_of(self.situation.sides()).unwrap_or(!self.certain)));
        };
        self.of_case = self.of_case.split_last().map_or(&[], |(_, rest)| rest);
        // Of its own case a stamp knows more.
        Some((&here.stamp, here.person == self.situation.index))
    }
}

/// The later of two stamps.
trait Newest: Sized {
    fn max_by_order(self, other: Self) -> Self;
}

impl Newest for Option<&ContactStamp> {
    fn max_by_order(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(other)) => Some(if one.order() < other.order() { other } else { one }),
            (one, other) => one.or(other),
        }
    }
}

impl<'a, C: Fn(Marks) -> bool> Iterator for Earlier<'_, 'a, C> {
    type Item = &'a ContactStamp;

    #[inline]
    fn next(&mut self) -> Option<&'a ContactStamp> {
        while let Some((stamp, together)) = self.pop() {
            if stamp.at < self.since {
                return None;
            }
            if together && (self.counted)(stamp.marks) {
                return Some(stamp);
            }
        }
        None
    }
}

/// Earlier contacts that a rule counts together with the one judged, newest first: those before it, since `since`. Where a
/// case does not state enough to tell whether a contact is counted, it is one of them unless only `certain` ones are asked for.
pub(crate) fn earlier<'s, 'a>(
    situation: &'s Situation<'a>,
    per: Per,
    since: Timestamp,
    certain: bool,
    counted: impl Fn(Marks) -> bool + 's,
) -> impl Iterator<Item = &'a ContactStamp> + 's {
    let (mut of_case, mut of_person, mut of_household): (&[CaseStamp], &[ContactStamp], &[ContactStamp]) =
        Default::default();
    match per {
        Per::Person | Per::Collector => of_person = situation.before,
        Per::Creditor => (of_case, of_person) = (situation.before_here, situation.before),
        Per::Household => (of_person, of_household) = (situation.before, situation.before_household),
        Per::Case | Per::PersonAndCase | Per::HouseholdAndCase => of_case = situation.before_here,
    }
    Earlier { situation, per, certain, of_case, of_person, of_household, since, counted }
}

/// Whether there is any earlier contact of those since an instant, counted or not.
pub(crate) fn any_since(situation: &Situation<'_>, per: Per, since: Timestamp) -> bool {
    let here = || situation.before_here.last().map(|one| &one.stamp);
    let last = match per {
        Per::Person | Per::Collector => situation.before.last(),
        Per::Creditor => situation.before.last().max_by_order(here()),
        Per::Household => situation.before.last().max_by_order(situation.before_household.last()),
        Per::Case | Per::PersonAndCase | Per::HouseholdAndCase => here(),
    };
    last.is_some_and(|last| last.at >= since)
}

/// What a case would have to state for it to be certain which contacts a rule counts together.
pub(crate) const fn circle_attribute(per: Per) -> Option<Attribute> {
    match per {
        Per::Collector => Some(Attribute::Collector),
        Per::Creditor => Some(Attribute::Creditor),
        Per::Household | Per::HouseholdAndCase => Some(Attribute::Household),
        Per::Case | Per::PersonAndCase | Per::Person => None,
    }
}

/// What is not known of the person or the case, so that nobody can tell whom the rule counts together: never kept.
pub(crate) fn open_circle(per: Per, situation: &Situation<'_>) -> Option<Attribute> {
    match per {
        // With whom else the person lives: others may have been contacted.
        Per::Household if situation.household.is_none() => Some(Attribute::Household),
        Per::Creditor if !situation.sides().names_creditor() => Some(Attribute::Creditor),
        _ => None,
    }
}
