//! Instants, and the dates they fall on in a zone.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::offsets;

/// An instant, in microseconds since 1970-01-01T00:00:00Z. Written to bytes that nobody reads, a whole second takes three less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            return to.serialize_i64(self.0);
        }
        // The last bit tells seconds, which nearly all instants are, from microseconds.
        let (micros, second) = (i128::from(self.0), i128::from(SECOND));
        to.serialize_i128(if micros % second == 0 { micros / second * 2 } else { micros * 2 + 1 })
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            return i64::deserialize(from).map(Self);
        }
        let written = i128::deserialize(from)?;
        let micros = if written % 2 == 0 { (written / 2).checked_mul(SECOND.into()) } else { Some(written >> 1) };
        let micros = micros.and_then(|micros| i64::try_from(micros).ok());
        micros.map(Self).ok_or_else(|| D::Error::custom("an instant out of range"))
    }
}

/// Microseconds of one second.
pub const SECOND: i64 = 1_000_000;
/// Minutes by which an end of a time that clocks skip is looked for.
const STEP: i64 = 15;
/// Microseconds of one day of 24 hours.
pub const DAY: i64 = 86_400 * SECOND;
/// One hour in microseconds.
pub const HOUR: i64 = 3_600 * SECOND;
/// The last instant that is accepted: the end of the year 9999.
pub const MAX_TIMESTAMP: Timestamp = Timestamp(253_402_300_799 * SECOND);

impl Timestamp {
    /// The instant as chrono knows it. Instants out of chrono's range are cut to its ends.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// The local date and time in `zone`.
    #[must_use]
    pub fn local(self, zone: Tz) -> NaiveDateTime {
        let ahead = TimeDelta::seconds(offsets::seconds_ahead(self, zone).into());
        let utc = self.utc().naive_utc();
        utc.checked_add_signed(ahead).unwrap_or(utc)
    }

    /// The local date in `zone`.
    #[must_use]
    pub fn date(self, zone: Tz) -> NaiveDate {
        let ahead = i64::from(offsets::seconds_ahead(self, zone)) * SECOND;
        match i32::try_from(self.0.saturating_add(ahead).div_euclid(DAY)) {
            Ok(day) => date_of_day(day),
            Err(_) => self.local(zone).date(),
        }
    }

    /// The local day in `zone`, as [`day_number`] counts it, and the microseconds since its midnight on the clock.
    #[must_use]
    #[inline]
    pub fn clock(self, zone: Tz) -> (i32, i64) {
        let local = self.0.saturating_add(i64::from(offsets::seconds_ahead(self, zone)) * SECOND);
        // Instants of 64 bits reach 300,000 years: days that fit easily.
        (i32::try_from(local.div_euclid(DAY)).unwrap_or(i32::MAX), local.rem_euclid(DAY))
    }

    /// The instant later by `micros` (earlier if negative), held inside the range of `i64`.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Whole seconds since an earlier instant; none if that is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0) / SECOND
    }

    /// First instant of the local date in `zone`; where clocks skip midnight, the first instant after the gap.
    #[must_use]
    pub fn start_of(date: NaiveDate, zone: Tz) -> Self {
        offsets::start_of(day_number(date), zone, || Self::at_local(date, NaiveTime::MIN, zone))
    }

    /// The same for the number of a day.
    #[must_use]
    #[inline]
    pub fn start_of_day(day: i32, zone: Tz) -> Self {
        offsets::start_of(day, zone, || Self::at_local(date_of_day(day), NaiveTime::MIN, zone))
    }

    /// The instant of a local wall-clock time; the earlier of two, and the first after a gap.
    #[must_use]
    pub fn at_local(date: NaiveDate, time: NaiveTime, zone: Tz) -> Self {
        let mut local = date.and_time(time);
        if let Some(found) = zone.from_local_datetime(&local).earliest() {
            return found.into();
        }
        // No zone skips more than a day (Pacific/Apia, 2011-12-30).
        for _ in 0..=(26 * 60 / STEP) {
            local += TimeDelta::minutes(STEP);
            if let Some(found) = zone.from_local_datetime(&local).earliest() {
                return Self::turn_before(found.timestamp(), zone);
            }
        }
        Utc.from_utc_datetime(&local).into()
    }

    /// The instant at which clocks were set, within the minutes of a step before a second since 1970.
    fn turn_before(after: i64, zone: Tz) -> Self {
        let offset = |second: i64| {
            let utc = DateTime::from_timestamp(second, 0).unwrap_or_default().naive_utc();
            zone.offset_from_utc_datetime(&utc).fix()
        };
        let (mut before, mut after) = (after - STEP * 60, after);
        let then = offset(after);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if offset(middle) == then { after = middle } else { before = middle }
        }
        Self(after * SECOND)
    }
}

impl<Z: TimeZone> From<DateTime<Z>> for Timestamp {
    fn from(at: DateTime<Z>) -> Self {
        Self(at.timestamp_micros())
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }
}

/// Days since 1970-01-01 of a date: the key of a day's cell.
#[must_use]
pub fn day_number(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

/// The days of which dates are written: 1 January of the year 1 to 31 December 9999. What follows from dates near the ends may
/// lie outside: the day after a term, say.
pub const CALENDAR: RangeInclusive<i32> = -719_162..=2_932_896;

/// The weekday of a day number: Monday is 0.
#[must_use]
pub const fn weekday_of_day(day: i32) -> u8 {
    // 1970-01-01 was a Thursday.
    (day.wrapping_add(3)).rem_euclid(7) as u8
}

/// The date of a day number.
#[must_use]
pub fn date_of_day(day: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(day.saturating_add(719_163)).unwrap_or(NaiveDate::MAX)
}

/// The date `days` after `date` (before, if negative), held inside chrono's range.
#[must_use]
pub fn add_days(date: NaiveDate, days: i64) -> NaiveDate {
    TimeDelta::try_days(days).and_then(|delta| date.checked_add_signed(delta)).unwrap_or(if days < 0 {
        NaiveDate::MIN
    } else {
        NaiveDate::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A local time that clocks skip is the instant at which they go on, by whatever step and at whatever minute.
    #[test]
    fn a_time_that_is_skipped_is_the_end_of_the_gap() {
        for (zone, date, times, end) in [
            ("Europe/Berlin", "2026-03-29", ["02:00:00", "02:14:00", "02:15:01", "02:59:59"], "2026-03-29T01:00:00Z"),
            (
                "Australia/Lord_Howe",
                "2026-10-04",
                ["02:00:00", "02:07:30", "02:15:00", "02:29:59"],
                "2026-10-03T15:30:00Z",
            ),
            ("Africa/Monrovia", "1972-01-07", ["00:00:00", "00:01:00", "00:15:00", "00:44:29"], "1972-01-07T00:44:30Z"),
            ("Pacific/Apia", "2011-12-30", ["00:00:00", "00:20:00", "12:34:56", "23:59:59"], "2011-12-30T10:00:00Z"),
        ] {
            for time in times {
                let at = Timestamp::at_local(date.parse().unwrap(), time.parse().unwrap(), zone.parse().unwrap());
                assert_eq!(at.to_string(), end, "{date} {time} in {zone}");
            }
        }
    }
}
