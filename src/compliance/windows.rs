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

/// First instant of the window that ends with `at`, whose local day is known.
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
    // A date of 25 hours, or one that a zone skipped, adds less than a day, and so does one that is known alone and began
    // elsewhere.
    at.plus(-(days + 2) * DAY)
}

/// First instant whose window no longer holds a contact of that instant.
fn leaves(window: Window, stamp: Timestamp, zone: Tz) -> Timestamp {
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

/// The window counts dates, so that nothing depends on the time of a day.
pub(crate) const fn by_dates(window: Window) -> bool {
    !matches!(window, Window::Minutes(_) | Window::Hours(_))
}

/// From when on earlier contacts are counted.
#[derive(Clone, Copy)]
pub(crate) struct Since {
    from: Timestamp,
    /// The zone that `from` was told in; none: what is known by its date counts from the instant that stands for it.
    zone: Option<Tz>,
    /// What may have been before `from` is left out.
    wholly: bool,
    /// What stands before this in the order of facts is left out.
    after: Timestamp,
}

impl Since {
    /// From an instant on, whatever the zone.
    pub const fn instant(from: Timestamp) -> Self {
        Self { from, zone: None, wholly: false, after: from }
    }

    /// From the beginning of a window in that zone.
    pub const fn window(from: Timestamp, zone: Tz) -> Self {
        Self { from, zone: Some(zone), wholly: false, after: Timestamp(i64::MIN) }
    }

    /// The same, without what is known by its date alone and may have been before.
    pub const fn wholly(self) -> Self {
        Self { wholly: true, ..self }
    }

    /// The same, without what stands before an instant.
    pub fn not_before(self, after: Timestamp) -> Self {
        Self { after: self.after.max(after), ..self }
    }

    /// The beginning of the window.
    pub const fn begins(&self) -> Timestamp {
        self.from
    }

    /// No contact before this is counted. A date may begin a day earlier elsewhere, and lasts one.
    fn floor(self) -> Timestamp {
        let from = if self.zone.is_some() { self.from.plus(-NEAR) } else { self.from };
        from.max(self.after)
    }

    /// A contact that is not before the floor is counted.
    #[inline]
    fn holds(self, stamp: &ContactStamp, situation: &Situation<'_>) -> bool {
        if stamp.at >= self.from && !stamp.marks.by_date() {
            return true;
        }
        let Some(zone) = self.zone.filter(|_| stamp.marks.by_date()) else { return stamp.at >= self.from };
        let (first, by) = situation.span_of(stamp, zone);
        // Where it is still the day before, such a date cannot be told from what happened just now.
        if self.wholly { first >= self.from && first <= situation.latest(zone) } else { by > self.from }
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
    since: Since,
    floor: Timestamp,
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
            if stamp.at < self.floor {
                return None;
            }
            if together && self.since.holds(stamp, self.situation) && (self.counted)(stamp.marks) {
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
    since: Since,
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
    Earlier { situation, per, certain, of_case, of_person, of_household, since, floor: since.floor(), counted }
}

/// Stands in for the whole of a date whose midnight is elsewhere: what is at most so much older may be later.
const NEAR: i64 = 2 * DAY;

/// First instant whose window no longer holds an earlier contact: one that is known by its date alone was at its first instant
/// (`early`) or at its last.
pub(crate) fn left_by(
    window: Window,
    contact: &ContactStamp,
    zone: Tz,
    early: bool,
    situation: &Situation<'_>,
) -> Timestamp {
    let (first, by) = situation.span_of(contact, zone);
    leaves(window, if early || by_dates(window) { first } else { by }, zone)
}

/// When the last of these contacts, newest first, leaves its window, and which it is.
pub(crate) fn last_to_leave<'a>(
    window: Window,
    zone: Tz,
    early: bool,
    situation: &Situation<'_>,
    mut contacts: impl Iterator<Item = &'a ContactStamp>,
) -> Option<(Timestamp, &'a ContactStamp)> {
    let newest = contacts.next()?;
    let ends = |contact: &'a ContactStamp| (left_by(window, contact, zone, early, situation), contact);
    let rest = contacts.take_while(|one| one.at >= newest.at.plus(-NEAR)).map(ends);
    Some(rest.fold(ends(newest), |latest, one| if latest.0 >= one.0 { latest } else { one }))
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
