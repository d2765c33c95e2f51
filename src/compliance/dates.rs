//! Activities of which only the date is known. The date is the market's, for which its midnight there stands, and counts as
//! that date wherever the person lives; at what time of it they were, nobody knows.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::persons::ContactStamp;
use super::situation::Situation;
use crate::domain::time::{Timestamp, add_days};
use crate::rules::model::Rule;

impl Situation<'_> {
    /// An activity of which only the date is known is judged on that date wherever the person may be: from the last of its
    /// midnights on, which follows what stands before it.
    pub(super) fn stand_on_date(&mut self) {
        let day = self.at.clock(self.market_zone).0;
        let midnights = self.zones.as_slice().iter().map(|zone| Timestamp::start_of_day(day, *zone));
        self.at = midnights.fold(self.at, Timestamp::max);
        (self.day, self.clock) = (day, 0);
    }

    /// From when on a rule is out of force, if the date of the activity decides that: the day after its last one begins.
    pub(super) fn lapse_of(&self, rule: &Rule) -> Option<Timestamp> {
        let last = rule.valid_until.filter(|_| rule.version_by.is_of_activity())?;
        Some(Timestamp::start_of(add_days(last, 1), self.home_zone()))
    }

    /// The instant at which something counts in a zone: its own, or midnight of the date that alone is known of it.
    pub fn in_zone(&self, at: Timestamp, zone: Tz) -> Timestamp {
        let by_date = || {
            let own = self.activity.date_only && at == self.activity.occurred;
            own || self.watch.memory().by_date.binary_search(&at).is_ok()
        };
        if zone == self.market_zone || !by_date() {
            return at;
        }
        Timestamp::start_of_day(at.clock(self.market_zone).0, zone)
    }

    /// The date in a zone on which something was.
    pub fn date_in(&self, at: Timestamp, zone: Tz) -> NaiveDate {
        self.in_zone(at, zone).date(zone)
    }

    /// The first instant at which an earlier contact may have been, in a zone, and the one by which it was.
    pub fn span_of(&self, stamp: &ContactStamp, zone: Tz) -> (Timestamp, Timestamp) {
        if !stamp.marks.by_date() {
            return (stamp.at, stamp.at);
        }
        let day = stamp.at.clock(self.market_zone).0;
        (Timestamp::start_of_day(day, zone), Timestamp::start_of_day(day.saturating_add(1), zone))
    }

    /// The first instant at which what is judged may have been.
    pub fn earliest(&self, zone: Tz) -> Timestamp {
        if self.activity.date_only { Timestamp::start_of_day(self.day, zone) } else { self.at }
    }

    /// The last instant at which what is judged may have been.
    pub fn latest(&self, zone: Tz) -> Timestamp {
        if self.activity.date_only {
            Timestamp::start_of_day(self.day.saturating_add(1), zone).plus(-1)
        } else {
            self.at
        }
    }
}
