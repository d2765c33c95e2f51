//! A term that runs: the day it is counted from, its last day, and the instant from which an act comes too late.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::situation::Situation;
use crate::domain::time::{Timestamp, add_days};
use crate::rules::calendar::Calendar;
use crate::rules::model::Term;
use crate::rules::words::CountFrom;

/// The days of a term. Of two, that one is the greater which ends later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Span {
    /// First instant after the last day.
    pub due: Timestamp,
    /// The day that it is counted from, in the person's zone: of what is received, the day of receipt.
    pub first_day: NaiveDate,
    /// The last day itself.
    pub last_day: NaiveDate,
}

impl Span {
    /// A term that is counted from an instant: late only if it is late wherever the person may be.
    pub fn of(term: &Term, moment: Timestamp, situation: &Situation<'_>, calendar: &Calendar) -> Option<Self> {
        let deemed = if term.from == CountFrom::DeemedReceived { i64::from(term.deemed_days) } else { 0 };
        let spans = zones(situation).map(|zone| {
            let first_day = add_days(situation.date_in(moment, zone), deemed);
            let last_day = calendar.last_day(term, first_day, situation.subdivision());
            Self { due: Timestamp::start_of(add_days(last_day, 1), zone), first_day, last_day }
        });
        spans.max()
    }

    /// Its length in days, as there were.
    pub fn days(&self) -> i64 {
        self.last_day.signed_duration_since(self.first_day).num_days()
    }
}

/// Every zone that the person may be in, at least one.
pub(super) fn zones(situation: &Situation<'_>) -> impl Iterator<Item = Tz> {
    let none = situation.zones.as_slice().is_empty().then(|| situation.home_zone());
    situation.zones.as_slice().iter().copied().chain(none)
}
