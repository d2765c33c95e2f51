//! Clocks and calendars counted once more by other means: hours and windows in every zone where a person may be, across
//! changes of daylight-saving time, leap days and the ends of weeks, months and years; and co-debtors, who share a count or
//! do not.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::json;

use super::small::{activity, ask, fold, rules, version};
use crate::domain::case::CaseVersion;
use crate::domain::ids::PersonId;
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::verdict::Answer;
use crate::domain::vocabulary::PartyRole;
use crate::rules::calendar::Calendar;
use crate::rules::model::Term;
use crate::rules::words::{Count, CountFrom, Roll, TermUnit};

/// Zones that change their clocks in spring, in autumn, by half an hour, and not at all.
const ZONES: [Tz; 9] = [
    Tz::America__New_York,
    Tz::America__Chicago,
    Tz::America__St_Johns,
    Tz::America__Phoenix,
    Tz::Europe__Rome,
    Tz::Europe__London,
    Tz::Australia__Lord_Howe,
    Tz::Australia__Brisbane,
    Tz::Asia__Kolkata,
];
/// Days around which something happens to clocks or calendars.
const DAYS: [&str; 9] = [
    "2026-03-08",
    "2026-03-29",
    "2026-04-05",
    "2026-10-04",
    "2026-10-25",
    "2026-11-01",
    "2027-12-31",
    "2028-02-29",
    "2026-06-30",
];

fn zones() -> impl Strategy<Value = Vec<Tz>> {
    prop::sample::subsequence(ZONES.to_vec(), 1..4)
}

/// A minute within three days of one of the days.
fn moment() -> impl Strategy<Value = i64> {
    (prop::sample::select(DAYS.to_vec()), -4_320..4_320_i64).prop_map(|(day, minutes)| {
        let noon = day.parse::<NaiveDate>().unwrap().and_hms_opt(12, 0, 0).unwrap().and_utc();
        noon.timestamp() / 60 + minutes
    })
}

fn stamp(minute: i64) -> Timestamp {
    Timestamp(minute * 60 * SECOND)
}

fn local(minute: i64, zone: Tz) -> DateTime<Tz> {
    DateTime::<Utc>::from_timestamp(minute * 60, 0).unwrap().with_timezone(&zone)
}

/// A debtor who may be in any of these zones: no address names another.
fn somewhere(zones: &[Tz]) -> CaseVersion {
    let zones: Vec<_> = zones.iter().map(|zone| json!({ "zone": zone.name() })).collect();
    version(json!({}), json!({ "zones": zones, "residences": [] }))
}

fn call(number: usize, minute: i64, person: &str) -> crate::domain::activity::Activity {
    let call = json!({ "kind": "contact", "channel": "call", "outcome": "no_answer" });
    activity(number, stamp(minute), json!({ "person": person }), call)
}

/// Monday to Friday from eight to eight, Saturday from nine to one.
fn open(minute: i64, zone: Tz) -> bool {
    let at = local(minute, zone);
    let of_day = at.hour() * 60 + at.minute();
    match at.weekday() {
        Weekday::Sun => false,
        Weekday::Sat => (540..780).contains(&of_day),
        _ => (480..1200).contains(&of_day),
    }
}

/// What the window of a rule is, and whether an earlier contact is in it.
#[derive(Debug, Clone, Copy)]
enum Span {
    Days(u64),
    Hours(i64),
    Week,
    Month,
}

impl Span {
    fn written(self) -> String {
        match self {
            Self::Days(days) => format!("{{ calendar_days = {days} }}"),
            Self::Hours(hours) => format!("{{ hours = {hours} }}"),
            Self::Week => "{ calendar_week = true }".to_owned(),
            Self::Month => "{ calendar_month = true }".to_owned(),
        }
    }

    fn holds(self, earlier: i64, later: i64, zone: Tz) -> bool {
        let (before, now) = (local(earlier, zone).date_naive(), local(later, zone).date_naive());
        match self {
            Self::Days(days) => before.checked_add_days(Days::new(days)).unwrap() > now,
            Self::Hours(hours) => later - earlier < hours * 60,
            Self::Week => before.iso_week() == now.iso_week(),
            Self::Month => (before.year(), before.month()) == (now.year(), now.month()),
        }
    }
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![(1..9_u64).prop_map(Span::Days), (1..80_i64).prop_map(Span::Hours), Just(Span::Week), Just(Span::Month)]
}

/// The month's length, without any library.
const fn month_length(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A call is in time only where it is in every zone; the next lawful instant is the first minute that is.
    #[test]
    fn hours_hold_in_every_zone(zones in zones(), minute in moment()) {
        let rules = rules(
            "[rule.contact_hours]\nholidays = \"ignored\"\nopen = [{ days = [\"mon-fri\"], from = \"08:00\", to = \"20:00\" }, \
             { days = [\"sat\"], from = \"09:00\", to = \"13:00\" }]",
        );
        let version = somewhere(&zones);
        let in_time = |minute: i64| zones.iter().all(|zone| open(minute, *zone));
        let one = call(0, minute, "p");
        let (watch, found) = fold(&rules, &version, std::slice::from_ref(&one), stamp(minute + 1));
        prop_assert_eq!(found.broken.is_empty(), in_time(minute));
        let said = ask(&rules, &version, &watch, &one).unwrap();
        prop_assert_eq!(said.answer == Answer::Kept, in_time(minute));
        if !in_time(minute) {
            let first = (minute..minute + 10 * 1_440).find(|minute| in_time(*minute));
            prop_assert_eq!(said.allowed_from.filter(|_| first.is_some()), first.map(stamp));
        }
    }

    /// Days, hours, weeks and months are counted in the zone in which the most contacts fall into them.
    #[test]
    fn windows_count_in_every_zone(zones in zones(), span in span(), max in 0..4_usize, mut minutes in prop::collection::vec(moment(), 1..24)) {
        let rules = rules(&format!(
            "[rule.contact_frequency]\nmax = {max}\nwindow = {}\ncount = \"attempts\"\nper = \"person_and_case\"",
            span.written()
        ));
        minutes.sort_unstable();
        let version = somewhere(&zones);
        let history: Vec<_> = minutes.iter().enumerate().map(|(number, minute)| call(number, *minute, "p")).collect();
        let (_, found) = fold(&rules, &version, &history, stamp(minutes[minutes.len() - 1] + 1));
        let mut broken = Vec::new();
        for (number, now) in minutes.iter().enumerate() {
            let counted = |zone: &Tz| minutes[..number].iter().filter(|before| span.holds(**before, *now, *zone)).count();
            if zones.iter().map(counted).max().unwrap() + 1 > max {
                broken.push(history[number].id.to_string());
            }
        }
        prop_assert_eq!(found.broken, broken);
    }

    /// A count for a case holds the calls to every debtor of it, one for a person and case those to that debtor alone.
    #[test]
    fn co_debtors_share_the_count_of_a_case_alone(shared in any::<bool>(), max in 1..4_usize, mut acts in prop::collection::vec((0..14_i64, any::<bool>()), 1..20)) {
        let per = if shared { "case" } else { "person_and_case" };
        let rules = rules(&format!(
            "[rule.contact_frequency]\nmax = {max}\nwindow = {{ calendar_days = 7 }}\ncount = \"attempts\"\nper = \"{per}\""
        ));
        acts.sort_unstable();
        let mut version = version(json!({}), json!({}));
        let mut second = version.parties[0].clone();
        (second.person, second.role) = (PersonId::trusted("q"), PartyRole::CoDebtor);
        version.parties.push(second);
        let minute = |day: i64, number: usize| super::small::noon(day).0 / (60 * SECOND) + i64::try_from(number).unwrap();
        let history: Vec<_> = acts.iter().enumerate().map(|(number, (day, first))| call(number, minute(*day, number), if *first { "p" } else { "q" })).collect();
        let (_, found) = fold(&rules, &version, &history, super::small::noon(20));
        let mut broken = Vec::new();
        for (number, (day, first)) in acts.iter().enumerate() {
            let near = acts[..number].iter().filter(|(other, one)| day - other < 7 && (shared || one == first));
            if near.count() + 1 > max {
                broken.push(history[number].id.to_string());
            }
        }
        prop_assert_eq!(found.broken, broken);
    }

    /// Terms end on the day that stepping through the calendar finds, leap days and short months included.
    #[test]
    fn terms_end_where_stepping_finds(
        start in 0..3_000_u64,
        length in 0..40_u16,
        unit in 0..5_usize,
        from_first in any::<bool>(),
        roll in any::<bool>(),
    ) {
        let start = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap().checked_add_days(Days::new(start)).unwrap();
        let unit = [TermUnit::Days, TermUnit::WorkingDays, TermUnit::Weeks, TermUnit::Months, TermUnit::Years][unit];
        let count = if from_first { Count::FromNthDay } else { Count::ClearDays };
        let roll = if roll { Roll::NextWorkingDay } else { Roll::None };
        let calendar = Calendar { weekend: [false, false, false, false, false, true, true], holidays: Vec::new(), partial: false };
        let works = |day: NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let next = |day: NaiveDate| day + TimeDelta::days(1);
        let months = |months: u32| {
            let (mut year, mut month) = (start.year(), start.month());
            for _ in 0..months {
                month += 1;
                if month == 13 {
                    (year, month) = (year + 1, 1);
                }
            }
            NaiveDate::from_ymd_opt(year, month, start.day().min(month_length(year, month))).unwrap()
        };
        let n = u32::from(length);
        let mut last = match unit {
            TermUnit::Days => (0..n).fold(start, |day, _| next(day)),
            TermUnit::Weeks => (0..7 * n).fold(start, |day, _| next(day)),
            TermUnit::Months => months(n),
            TermUnit::Years => months(12 * n),
            TermUnit::WorkingDays => {
                let (mut day, mut left) = (start, if from_first { n.saturating_sub(1) } else { n });
                while left > 0 {
                    day = next(day);
                    left -= u32::from(works(day));
                }
                day
            }
        };
        if from_first && unit != TermUnit::WorkingDays {
            last -= TimeDelta::days(1);
        }
        while roll == Roll::NextWorkingDay && !works(last) {
            last = next(last);
        }
        let term = Term { length, unit, count, from: CountFrom::Sent, deemed_days: 0, roll };
        prop_assert_eq!(calendar.last_day(&term, start, None), last);
    }
}
