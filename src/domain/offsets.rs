//! What zones' clocks show, remembered by the thread. Every rule and every cell asks for the local time of a few instants
//! and for the beginnings of a few dates, and each search through a zone's history takes longer than most rules do.

use std::cell::Cell;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::time::Timestamp;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Days and dates that each thread remembers; a power of two.
const PLACES: usize = 2_048;

/// A zone's offset over a whole day of UTC.
#[derive(Clone, Copy)]
struct Known {
    /// Zone and day, see [`key`].
    key: u64,
    seconds: i32,
}

#[derive(Clone, Copy)]
struct Start {
    key: u64,
    at: Timestamp,
}

/// No zone's key.
const NOTHING: u64 = u64::MAX;

thread_local! {
    static OFFSETS: [Cell<Known>; PLACES] = const { [const { Cell::new(Known { key: NOTHING, seconds: 0 }) }; PLACES] };
    static STARTS: [Cell<Start>; PLACES] = const { [const { Cell::new(Start { key: NOTHING, at: Timestamp(0) }) }; PLACES] };
}

/// Zone and day in one number.
const fn key(zone: Tz, day: i32) -> u64 {
    (zone as u64) << 32 | day.cast_unsigned() as u64
}

/// Where a key is remembered. What else has the same place is forgotten.
const fn place(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % PLACES
}

/// Seconds that a zone's clocks are ahead of UTC at an instant (behind, if negative).
///
/// A day of UTC with the same offset at both ends has it throughout: in no zone did clocks ever change and change back
/// within a day, as a test makes sure. Days of a change are searched each time.
pub(super) fn seconds_ahead(at: Timestamp, zone: Tz) -> i32 {
    let search = |second: i64| {
        let at = DateTime::from_timestamp(second, 0).unwrap_or_default();
        zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
    };
    let second = at.0.div_euclid(super::time::SECOND);
    let day = second.div_euclid(DAY);
    let Ok(key) = i32::try_from(day).map(|day| key(zone, day)) else { return search(second) };
    let look = |known: &[Cell<Known>; PLACES]| known.get(place(key)).map(Cell::get);
    // A thread at its end remembers nothing.
    if let Some(known) = OFFSETS.try_with(look).ok().flatten()
        && known.key == key
    {
        return known.seconds;
    }
    let (first, last) = (search(day * DAY), search(day * DAY + DAY - 1));
    if first != last {
        return search(second);
    }
    let keep = |known: &[Cell<Known>; PLACES]| {
        if let Some(cell) = known.get(place(key)) {
            cell.set(Known { key, seconds: first });
        }
    };
    let _ = OFFSETS.try_with(keep);
    first
}

/// The first instant of a day in a zone; searched for by `search` if it is not remembered.
pub(super) fn start_of(day: i32, zone: Tz, search: impl FnOnce() -> Timestamp) -> Timestamp {
    let key = key(zone, day);
    let look = |starts: &[Cell<Start>; PLACES]| starts.get(place(key)).map(Cell::get);
    if let Some(known) = STARTS.try_with(look).ok().flatten()
        && known.key == key
    {
        return known.at;
    }
    let at = search();
    let keep = |starts: &[Cell<Start>; PLACES]| {
        if let Some(cell) = starts.get(place(key)) {
            cell.set(Start { key, at });
        }
    };
    let _ = STARTS.try_with(keep);
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn remembered_clocks_are_those_of_the_zone(
            zone in prop::sample::select(&chrono_tz::TZ_VARIANTS[..]),
            second in prop_oneof![-3_000_000_000_i64..5_000_000_000, 1_700_000_000_i64..1_800_000_000],
            micros in 0_i64..1_000_000,
        ) {
            for near in [0, -DAY, DAY, 1, 0] {
                let at = Timestamp((second + near) * 1_000_000 + micros);
                let expected = at.utc().with_timezone(&zone);
                for _ in 0..2 {
                    prop_assert_eq!(at.local(zone), expected.naive_local());
                    let start = Timestamp::start_of(expected.date_naive(), zone);
                    let searched = Timestamp::at_local(expected.date_naive(), chrono::NaiveTime::MIN, zone);
                    prop_assert_eq!(start, searched);
                }
            }
        }
    }

    /// A clock that changed and changed back within a day would be missed. Half hours of every zone, over the years that
    /// debts can be of; `FAIRDUE_ALL_CLOCKS=1` looks at two centuries and takes minutes.
    #[test]
    fn no_clock_changes_and_changes_back_within_a_day() {
        let all = std::env::var_os("FAIRDUE_ALL_CLOCKS").is_some();
        let (days, zones) = if all { (-25_567..47_482_i64, 1) } else { (18_262..22_280, 8) };
        let offset = |zone: Tz, second: i64| {
            let at = DateTime::from_timestamp(second, 0).expect("in range");
            zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
        };
        for zone in chrono_tz::TZ_VARIANTS.iter().step_by(zones) {
            for day in days.clone() {
                let first = offset(*zone, day * DAY);
                if first == offset(*zone, day * DAY + DAY - 1) {
                    for half in 1..48 {
                        assert_eq!(first, offset(*zone, day * DAY + half * 1_800), "{zone} on day {day}");
                    }
                }
            }
        }
    }
}
