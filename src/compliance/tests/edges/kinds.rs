//! Kinds of rules as their texts say them, judged by dates and clocks without any code of the engine, and the instants at
//! which what they say changes.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use proptest::prelude::*;

/// Microseconds.
pub const SECOND: i64 = 1_000_000;
/// Days on which everything is closed or nobody works.
const HOLIDAYS: [(u32, u32); 2] = [(3, 17), (4, 6)];
/// Outcomes: whether it was a contact, whether a conversation, whether a number was reached.
pub const OUTCOMES: [(&str, bool, bool, bool); 4] = [
    ("no_answer", false, false, true),
    ("busy", false, false, false),
    ("voicemail_full_message", true, false, true),
    ("right_party_refused", true, true, true),
];

/// A call or visit, or a letter that holds a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    /// When, in microseconds.
    pub at: i64,
    pub seq: i64,
    pub number: usize,
    pub person: usize,
    pub visit: bool,
    /// Its place among the outcomes; `None`: it is planned, and taken as if it succeeds.
    pub outcome: Option<usize>,
    pub inbound: bool,
    pub wished: bool,
    pub reply: bool,
    pub notice: bool,
}

impl Act {
    pub fn local(&self, zone: Tz) -> DateTime<Tz> {
        local(self.at, zone)
    }

    fn counts(&self, count: usize) -> bool {
        let (_, contact, conversation, _) = self.outcome.map_or(("", true, true, true), |one| OUTCOMES[one]);
        !self.notice && [true, contact, conversation][count]
    }

    fn reached(&self) -> bool {
        self.outcome.is_none_or(|one| OUTCOMES[one].3)
    }
}

pub fn local(at: i64, zone: Tz) -> DateTime<Tz> {
    DateTime::<Utc>::from_timestamp_micros(at).unwrap().with_timezone(&zone)
}

/// The beginning of a date.
pub fn midnight(date: NaiveDate, zone: Tz) -> i64 {
    zone.from_local_datetime(&date.and_hms_opt(0, 0, 0).unwrap()).earliest().unwrap().timestamp_micros()
}

pub fn later(date: NaiveDate, days: i64) -> NaiveDate {
    date + TimeDelta::days(days)
}

pub fn holiday(date: NaiveDate) -> bool {
    HOLIDAYS.contains(&(date.month(), date.day()))
}

/// The holidays as the pack writes them.
pub fn calendar() -> String {
    let day =
        |(month, day): &(u32, u32)| format!("[[calendar.holiday]]\nname = \"h\"\ndate = \"{month:02}-{day:02}\"\n");
    HOLIDAYS.iter().map(day).collect()
}

fn works(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) && !holiday(date)
}

/// A stretch of time over which a rule looks back or waits.
#[derive(Debug, Clone, Copy)]
pub enum Span {
    Days(i64),
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

    /// The first instant that no longer has the other one in its stretch.
    fn end(self, from: i64, zone: Tz) -> i64 {
        let date = local(from, zone).date_naive();
        let first = match self {
            Self::Hours(hours) => return from + hours * 3_600 * SECOND,
            Self::Days(days) => later(date, days),
            Self::Week => later(date, 7 - i64::from(date.weekday().num_days_from_monday())),
            Self::Month => date.with_day(1).unwrap().checked_add_months(chrono::Months::new(1)).unwrap(),
        };
        midnight(first, zone)
    }
}

/// A rule's limits.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `not`: inbound, at the debtor's request, replies, not connected.
    Frequency {
        max: usize,
        span: Span,
        count: usize,
        of_case: bool,
        calls: bool,
        not: [bool; 4],
    },
    Cooldown {
        after: usize,
        wait: Span,
        clear: bool,
        inbound: bool,
        calls: bool,
        not: bool,
    },
    Hours {
        closed: bool,
        inclusive: bool,
        one_date: bool,
    },
    Notice {
        length: i64,
        working: bool,
        clear: bool,
        roll: bool,
        required: bool,
    },
}

pub fn kind() -> impl Strategy<Value = Kind> {
    let flag = any::<bool>;
    let span = prop_oneof![3 => (1..9_i64).prop_map(Span::Days), 2 => (1..80_i64).prop_map(Span::Hours), 1 => Just(Span::Week), 1 => Just(Span::Month)];
    let wait = prop_oneof![2 => (1..9_i64).prop_map(Span::Days), 1 => (1..80_i64).prop_map(Span::Hours)];
    let frequency = (1..4_usize, span, 0..3_usize, flag(), flag(), prop::array::uniform4(flag()));
    prop_oneof![
        3 => frequency.prop_map(|(max, span, count, of_case, calls, not)| Kind::Frequency { max, span, count, of_case, calls, not }),
        2 => (0..3_usize, wait, flag(), flag(), flag(), flag())
            .prop_map(|(after, wait, clear, inbound, calls, not)| Kind::Cooldown { after, wait, clear, inbound, calls, not }),
        2 => (flag(), flag(), flag()).prop_map(|(closed, inclusive, one_date)| Kind::Hours { closed, inclusive, one_date }),
        2 => (1..12_i64, flag(), flag(), flag(), flag())
            .prop_map(|(length, working, clear, roll, required)| Kind::Notice { length, working, clear, roll, required }),
    ]
}

const COUNTED: [&str; 3] = ["attempts", "contacts", "conversations"];
const LEFT_OUT: [&str; 4] = ["inbound", "at_debtors_request", "replies", "not_connected"];

/// What a rule leaves out, as it writes it.
fn left_out(words: &[&str], taken: &[bool]) -> String {
    let taken = words.iter().zip(taken).filter(|(_, taken)| **taken).map(|(word, _)| format!("\"{word}\""));
    let taken: Vec<String> = taken.collect();
    if taken.is_empty() { String::new() } else { format!("exclude = [{}]\n", taken.join(", ")) }
}

impl Kind {
    pub fn written(&self) -> String {
        let channels =
            |calls: bool| if calls { "channels = [\"call\"]\n" } else { "channels = [\"call\", \"visit\"]\n" };
        match *self {
            Self::Frequency { max, span, count, of_case, calls, not } => format!(
                "[rule.contact_frequency]\nmax = {max}\nwindow = {}\ncount = \"{}\"\nper = \"{}\"\n{}{}",
                span.written(),
                COUNTED[count],
                if of_case { "case" } else { "person_and_case" },
                channels(calls),
                left_out(&LEFT_OUT, &not),
            ),
            Self::Cooldown { after, wait, clear, inbound, calls, not } => format!(
                "[rule.contact_cooldown]\nafter = \"{}\"\nwait = {}\n{}per = \"person_and_case\"\nafter_inbound = {inbound}\n{}after_channels = [\"call\", \"visit\"]\n{}",
                COUNTED[after],
                wait.written(),
                match wait {
                    Span::Days(_) if clear => "days = \"clear_days\"\n",
                    Span::Days(_) => "days = \"from_nth_day\"\n",
                    _ => "",
                },
                channels(calls),
                left_out(&["at_debtors_request"], &[not]),
            ),
            Self::Hours { closed, inclusive, one_date } => format!(
                "[rule.contact_hours]\nchannels = [\"call\", \"visit\"]\nholidays = \"{}\"\nend_inclusive = {inclusive}\n{}open = [\n\
                 {{ days = [\"mon-fri\"], from = \"08:00\", to = \"20:00\" }}, {{ days = [\"sat\"{}], from = \"09:00\", to = \"13:00\" }} ]\n",
                if closed { "closed" } else { "ignored" },
                if one_date { "closed_dates = [\"03-10\"]\n" } else { "" },
                if closed { ", \"holiday\"" } else { "" },
            ),
            Self::Notice { length, working, clear, roll, required } => format!(
                "[rule.notice_period]\nafter = [\"notice:warned\"]\nbefore = [\"contact:call\"]\nrequired = {required}\n\
                 term = {{ {} = {length}, count = \"{}\", from = \"sent\", roll = \"{}\" }}\n",
                if working { "working_days" } else { "days" },
                if clear { "clear_days" } else { "from_nth_day" },
                if roll { "next_working_day" } else { "none" },
            ),
        }
    }

    /// The act breaks the rule, given all that stands before it; `None`: the rule has nothing to say of such an act.
    pub fn broken(&self, act: &Act, before: &[Act], zone: Tz) -> Option<bool> {
        if act.inbound || act.notice {
            return None;
        }
        match *self {
            Self::Frequency { max, span, count, of_case, calls, not } => {
                let counted = |one: &Act| {
                    let left_out = [one.inbound, one.wished, one.reply, !one.reached()];
                    one.counts(count)
                        && !(calls && one.visit)
                        && !left_out.iter().zip(not).any(|(it_is, counts)| *it_is && counts)
                };
                let with = |one: &&Act| of_case || one.person == act.person;
                let seen = before.iter().filter(|one| counted(one) && span.end(one.at, zone) > act.at).filter(with);
                counted(act).then(|| seen.count() >= max)
            }
            Self::Cooldown { after, wait, clear, inbound, calls, not } => {
                if calls && act.visit || not && act.wished {
                    return None;
                }
                let wait = match wait {
                    Span::Days(days) if clear => Span::Days(days + 1),
                    wait => wait,
                };
                let event = |one: &&Act| one.person == act.person && one.counts(after) && (inbound || !one.inbound);
                Some(before.iter().filter(event).any(|one| wait.end(one.at, zone) > act.at))
            }
            Self::Hours { closed, inclusive, one_date } => {
                let at = act.local(zone);
                let since = i64::from(at.num_seconds_from_midnight()) * SECOND + i64::from(at.nanosecond() / 1_000);
                let hours = match at.weekday() {
                    _ if one_date && (at.month(), at.day()) == (3, 10) => None,
                    _ if closed && holiday(at.date_naive()) => Some((9, 13)),
                    Weekday::Sun => None,
                    Weekday::Sat => Some((9, 13)),
                    _ => Some((8, 20)),
                };
                let hour = 3_600 * SECOND;
                let open = |(from, to): (i64, i64)| {
                    since >= from * hour && (since < to * hour || inclusive && since == to * hour)
                };
                Some(!hours.is_some_and(open))
            }
            Self::Notice { required, .. } => {
                if act.visit {
                    return None;
                }
                let notices = before.iter().filter(|one| one.notice).map(|one| one.local(zone).date_naive());
                match notices.max() {
                    Some(sent) => Some(act.local(zone).date_naive() <= self.last_day(sent)),
                    None => required.then_some(true),
                }
            }
        }
    }

    /// The last day of the term of a notice of that date.
    fn last_day(&self, sent: NaiveDate) -> NaiveDate {
        let Self::Notice { length, working, clear, roll, .. } = *self else { return sent };
        // The days of the term one by one: each that counts, until there are enough.
        let first = if clear { later(sent, 1) } else { sent };
        let days = |from: NaiveDate| from.iter_days();
        let mut last = if working {
            // The first day counts whatever day it is; after it only working days do.
            let skip = if clear { 0 } else { 1 };
            let after = days(later(sent, 1)).filter(|day| works(*day));
            let left = usize::try_from(length - skip).unwrap();
            if left == 0 { first } else { after.take(left).last().unwrap() }
        } else {
            first.checked_add_days(Days::new(u64::try_from(length - 1).unwrap())).unwrap()
        };
        if roll {
            last = days(last).find(|day| works(*day)).unwrap();
        }
        last
    }

    /// An instant at which something may change after an act at `at`.
    pub fn edge(&self, at: i64, zone: Tz) -> i64 {
        let date = local(at, zone).date_naive();
        match *self {
            Self::Frequency { span, .. } => span.end(at, zone),
            Self::Cooldown { wait: Span::Days(days), clear: true, .. } => Span::Days(days + 1).end(at, zone),
            Self::Cooldown { wait, .. } => wait.end(at, zone),
            Self::Hours { .. } => {
                let clock = [8, 9, 13, 20][usize::try_from(at.rem_euclid(4)).unwrap()];
                let time = date.and_hms_opt(clock, 0, 0).unwrap();
                zone.from_local_datetime(&time).earliest().unwrap().timestamp_micros()
            }
            Self::Notice { .. } => midnight(later(self.last_day(date), 1), zone),
        }
    }
}
