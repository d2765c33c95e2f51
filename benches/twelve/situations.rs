//! Random situations: a case with a history, and a call that is asked about.

use chrono::{Datelike, NaiveDate, NaiveTime};
use fairdue::domain::time::Timestamp;

/// The zone of the twelve rules.
pub const ZONE: chrono_tz::Tz = chrono_tz::Europe::Rome;

/// An earlier call.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// Its local date.
    pub date: NaiveDate,
    /// The right party was reached.
    pub conversation: bool,
}

/// What is decided about.
#[derive(Debug, Clone)]
pub struct Situation {
    /// Local date of the call.
    pub date: NaiveDate,
    /// Local minute of the day.
    pub minute: u32,
    /// Calls before it, oldest first; those of the same day lie before seven in the morning.
    pub earlier: Vec<Earlier>,
    pub represented: bool,
    pub cease_requested: bool,
    pub insolvency: bool,
    pub disputed: bool,
    pub opted_out: bool,
    pub closed: bool,
}

impl Situation {
    /// The situation of a number, the same at every run.
    pub fn new(number: u64) -> Self {
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
        let mut below = |limit: u64| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut x = state;
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (x ^ (x >> 31)) % limit
        };
        let date = NaiveDate::from_ymd_opt(2025, 6, 1 + below(30) as u32).expect("a day of June");
        // Mostly in the daytime, so that other rules decide too.
        let minute = if below(8) == 0 { 420 + below(1_020) } else { 480 + below(780) } as u32;
        let mut earlier: Vec<Earlier> = (0..below(9))
            .map(|_| Earlier { date: date - chrono::Days::new(below(45)), conversation: below(6) == 0 })
            .collect();
        earlier.sort_by_key(|one| one.date);
        let mut seldom = || below(20) == 0;
        Self {
            date,
            minute,
            earlier,
            represented: seldom(),
            cease_requested: seldom(),
            insolvency: seldom(),
            disputed: seldom(),
            opted_out: seldom(),
            closed: seldom(),
        }
    }

    /// The instant of the call.
    pub fn at(&self) -> Timestamp {
        local(self.date, self.minute)
    }

    /// Weekday, Monday being 1.
    pub fn weekday(&self) -> i64 {
        self.date.weekday().number_from_monday().into()
    }

    /// Whether it is a public holiday.
    pub fn holiday(&self) -> bool {
        (self.date.month(), self.date.day()) == (6, 2)
    }

    /// Earlier calls on the last so many dates, the call's own being the last of them.
    pub fn attempts(&self, days: i64) -> i64 {
        self.earlier.iter().filter(|one| self.days_since(one) < days).count() as i64
    }

    /// Conversations since the first of the month.
    pub fn contacts_of_month(&self) -> i64 {
        let same = |one: &&Earlier| one.conversation && one.date.month() == self.date.month();
        self.earlier.iter().filter(same).count() as i64
    }

    /// Days since the last conversation; many if there was none.
    pub fn days_since_conversation(&self) -> i64 {
        let days = self.earlier.iter().filter(|one| one.conversation).map(|one| self.days_since(one));
        days.min().unwrap_or(10_000)
    }

    fn days_since(&self, one: &Earlier) -> i64 {
        self.date.signed_duration_since(one.date).num_days()
    }
}

/// The instant of a local minute.
pub fn local(date: NaiveDate, minute: u32) -> Timestamp {
    let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).expect("a minute of the day");
    Timestamp::at_local(date, time, ZONE)
}
