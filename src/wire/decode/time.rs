//! Instants, dates and zones.

use chrono::NaiveDate;

use super::At;
use crate::domain::time::{MAX_TIMESTAMP, SECOND, Timestamp};
use crate::proto::google::r#type::Date;

impl At<'_> {
    /// An instant that may be absent: from 1970 to 9999, cut to the microsecond.
    pub fn optional_time(&self, time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
        let time = time?;
        if !(0..=999_999_999).contains(&time.nanos) {
            self.refuse(format!("has nanos {}: send 0 to 999999999", time.nanos));
            return None;
        }
        // Beyond the last second before the product below could overflow.
        if time.seconds < 0 || time.seconds > MAX_TIMESTAMP.0 / SECOND {
            self.refuse(format!("is {} seconds from 1970: send an instant from 1970 to 9999", time.seconds));
            return None;
        }
        Some(Timestamp(time.seconds * SECOND + i64::from(time.nanos / 1000)))
    }

    /// An instant that must be there.
    pub fn time(&self, time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
        let time = self.required(time);
        self.optional_time(time)
    }

    /// A whole date that may be absent.
    pub fn optional_date(&self, date: Option<Date>) -> Option<NaiveDate> {
        let Date { year, month, day } = date?;
        let found = match (u32::try_from(month), u32::try_from(day)) {
            (Ok(month), Ok(day)) if (1..=9999).contains(&year) => NaiveDate::from_ymd_opt(year, month, day),
            _ => None,
        };
        if found.is_none() {
            self.refuse(format!("{year}-{month}-{day} is no date: send year 1 to 9999, month and day of a real day"));
        }
        found
    }

    /// A whole date that must be there.
    pub fn date(&self, date: Option<Date>) -> Option<NaiveDate> {
        let date = self.required(date);
        self.optional_date(date)
    }

    /// Notes an instant or date that lies before another one.
    pub fn not_before<T: PartialOrd>(&self, later: Option<T>, earlier: Option<T>, than: &str) {
        if let (Some(later), Some(earlier)) = (later, earlier)
            && later < earlier
            && !self.trusts
        {
            self.refuse(format!("lies before {than}: send one that does not"));
        }
    }

    /// The name of an IANA time zone.
    pub fn zone(&self, name: String) -> Option<String> {
        if name.parse::<chrono_tz::Tz>().is_err() {
            let shown: String = name.chars().take(40).collect();
            self.refuse(format!("{shown:?} is no IANA time zone: send one such as Europe/Rome"));
            return None;
        }
        Some(name)
    }
}
