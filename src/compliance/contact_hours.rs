//! Permitted local times: the instant must be open in every zone the person may be in, or in the one that the law names.

use chrono::{Datelike, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use super::judgement::{Note, Speaking};
use super::situation::Situation;
use super::{contact_block, which};
use crate::domain::time::{SECOND, Timestamp, add_days, date_of_day, weekday_of_day};
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::model::{ContactHours, HOLIDAY, OpenSpan};
use crate::rules::words::{Attribute, Holidays};

/// Microseconds of a minute.
const MINUTE: i64 = 60 * SECOND;

pub(crate) fn judge(limits: &ContactHours, situation: &Situation<'_>, calendar: &Calendar) -> Option<Speaking> {
    let doubt = which::at_place(limits.places, situation)?;
    if limits.unless_preferred && contact_block::prefers(situation, limits.places) {
        return None;
    }
    if limits.no_figure {
        return Some(Speaking::no_figure());
    }
    // The clock that the law names is known whoever is asked, and wherever the person may be.
    let named = limits.zone.as_slice();
    let zones = if named.is_empty() { situation.zones.as_slice() } else { named };
    if zones.is_empty() || named.is_empty() && situation.zones.overflow {
        return Some(Speaking::missing(Attribute::Zone));
    }
    if situation.activity.date_only {
        return Some(Speaking::missing(Attribute::ClockTime));
    }
    let subdivision = situation.subdivision();
    let closed = zones.iter().find(|zone| {
        let (day, clock) = situation.clock(**zone);
        let index = day_index(limits, day, || situation.date_of(day), calendar, subdivision);
        !within(limits, index, clock)
    });
    let Some(zone) = closed else {
        if !may_be_closed(limits, situation.at, zones, calendar, situation) {
            return Some(Speaking::new(Answer::Kept));
        }
        let allowed_from = next_certain(limits, situation.at, zones, calendar, situation);
        return Some(Speaking { allowed_from, ..Speaking::missing(Attribute::Subdivision) });
    };
    let (day, clock) = situation.clock(*zone);
    let minute = clock / MINUTE;
    let mut judgement = Speaking::new(Answer::Broken);
    judgement.observed = Some(minute);
    if !situation.searching {
        judgement.limit = nearest_bound(limits, day, minute, calendar, subdivision);
    }
    judgement.unit = Some(Unit::MinuteOfDay);
    judgement.note = Note::Zone(*zone);
    let open = next_open(limits, situation.at, zones, calendar, subdivision);
    judgement.allowed_from = open.and_then(|at| {
        let sure = !may_be_closed(limits, at, zones, calendar, situation);
        if sure { Some(at) } else { next_certain(limits, at, zones, calendar, situation) }
    });
    Some(judgement.in_doubt(doubt))
}

/// Index of the day in the table of open spans; `None` if nothing is open on it.
fn day_index(
    limits: &ContactHours,
    day: i32,
    date: impl FnOnce() -> NaiveDate,
    calendar: &Calendar,
    subdivision: Option<&str>,
) -> Option<u8> {
    let closed = limits.holidays == Holidays::Closed;
    if closed || !limits.closed_dates.is_empty() {
        let date = date();
        let same = |(month, day): &(u8, u8)| u32::from(*month) == date.month() && u32::from(*day) == date.day();
        if limits.closed_dates.iter().any(same) {
            return None;
        }
        if closed && calendar.is_holiday(date, subdivision) {
            return Some(HOLIDAY);
        }
    }
    Some(weekday_of_day(day))
}

fn spans(limits: &ContactHours, day: Option<u8>) -> impl Iterator<Item = &OpenSpan> {
    // No span is of this day.
    let day = day.unwrap_or(u8::MAX);
    limits.open.iter().filter(move |span| span.day == day)
}

fn is_open(limits: &ContactHours, at: Timestamp, zone: Tz, calendar: &Calendar, subdivision: Option<&str>) -> bool {
    let (day, clock) = at.clock(zone);
    within(limits, day_index(limits, day, || date_of_day(day), calendar, subdivision), clock)
}

/// A time of a day, in microseconds since midnight, is open.
fn within(limits: &ContactHours, day: Option<u8>, clock: i64) -> bool {
    spans(limits, day).any(|span| {
        let (from, to) = (i64::from(span.from) * MINUTE, i64::from(span.to) * MINUTE);
        clock >= from && (clock < to || limits.end_inclusive && clock == to)
    })
}

/// The end of a day's hours that was missed: their end if it is later, their beginning if it is earlier.
fn nearest_bound(
    limits: &ContactHours,
    day: i32,
    minute: i64,
    calendar: &Calendar,
    subdivision: Option<&str>,
) -> Option<i64> {
    let day = day_index(limits, day, || date_of_day(day), calendar, subdivision);
    spans(limits, day)
        .flat_map(|span| [i64::from(span.from), i64::from(span.to)])
        .min_by_key(|bound| (bound - minute).abs())
}

/// An instant that is open may lie on a holiday of a part of the country where the person may live, on which it is not.
fn may_be_closed(
    limits: &ContactHours,
    at: Timestamp,
    zones: &[Tz],
    calendar: &Calendar,
    situation: &Situation<'_>,
) -> bool {
    if limits.holidays != Holidays::Closed || !situation.may_live_elsewhere() || !calendar.is_regional() {
        return false;
    }
    let may_live_in = |code: &str| situation.may_live_in(code);
    zones.iter().any(|zone| {
        let (day, clock) = at.clock(*zone);
        calendar.may_be_holiday(date_of_day(day), &may_live_in) && !within(limits, Some(HOLIDAY), clock)
    })
}

/// First instant on a later day that is open wherever the person may live.
fn next_certain(
    limits: &ContactHours,
    mut at: Timestamp,
    zones: &[Tz],
    calendar: &Calendar,
    situation: &Situation<'_>,
) -> Option<Timestamp> {
    let subdivision = situation.subdivision();
    // No more holidays follow each other.
    for _ in 0..14 {
        let midnights = zones.iter().map(|zone| Timestamp::start_of(add_days(at.date(*zone), 1), *zone));
        at = midnights.max()?;
        let open = zones.iter().all(|zone| is_open(limits, at, *zone, calendar, subdivision));
        if !open {
            at = next_open(limits, at, zones, calendar, subdivision)?;
        }
        if !may_be_closed(limits, at, zones, calendar, situation) {
            return Some(at);
        }
    }
    None
}

/// First instant after `at` that is open in all zones; `None` if there is none within a year. `at` is not open in all.
fn next_open(
    limits: &ContactHours,
    at: Timestamp,
    zones: &[Tz],
    calendar: &Calendar,
    subdivision: Option<&str>,
) -> Option<Timestamp> {
    if let [zone] = zones {
        return next_opening(limits, at, *zone, calendar, subdivision);
    }
    let mut candidate = at;
    // Each round moves at least one zone to its next opening; a year of days times zones bounds it.
    for _ in 0..(370 * zones.len().max(1)) {
        let mut moved = false;
        for zone in zones {
            if is_open(limits, candidate, *zone, calendar, subdivision) {
                continue;
            }
            candidate = next_opening(limits, candidate, *zone, calendar, subdivision)?;
            moved = true;
        }
        if !moved {
            return Some(candidate);
        }
    }
    None
}

fn next_opening(
    limits: &ContactHours,
    at: Timestamp,
    zone: Tz,
    calendar: &Calendar,
    subdivision: Option<&str>,
) -> Option<Timestamp> {
    let (mut day, _) = at.clock(zone);
    for _ in 0..370 {
        for span in spans(limits, day_index(limits, day, || date_of_day(day), calendar, subdivision)) {
            let opening = opening(day, span.from, zone)?;
            if opening > at && is_open(limits, opening, zone, calendar, subdivision) {
                return Some(opening);
            }
        }
        day = day.checked_add(1)?;
    }
    None
}

/// The instant of a local minute of a day.
fn opening(day: i32, minute: u16, zone: Tz) -> Option<Timestamp> {
    // Where no clock was changed since midnight, it is so many minutes later. What has that local time is the first to.
    let after = i64::from(minute) * MINUTE;
    let opening = Timestamp::start_of_day(day, zone).plus(after);
    if opening.clock(zone) == (day, after) {
        return Some(opening);
    }
    let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute) * 60, 0)?;
    Some(Timestamp::at_local(date_of_day(day), time, zone))
}
