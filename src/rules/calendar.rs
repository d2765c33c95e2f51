//! Public holidays as data: fixed dates, Easter-based days and weekdays of a month, dated and by subdivision.

use chrono::{Datelike, NaiveDate, Weekday};

use super::model::Term;
use super::words::{Count, Roll, TermUnit};
use crate::domain::time::add_days;

/// On which day of a year a holiday falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolidayOn {
    /// A fixed month and day.
    Date(u8, u8),
    /// So many days after Easter Sunday (before, if negative), in the Gregorian computus.
    Easter(i16),
    /// So many days after Easter Sunday in the Julian computus (Orthodox churches).
    OrthodoxEaster(i16),
    /// The nth weekday (0 Monday to 6 Sunday) of a month; -1 is the last.
    Nth(u8, u8, i8),
    /// The first such weekday on or after a month and day.
    OnOrAfter(u8, u8, u8),
}

/// What happens when a holiday falls on a weekend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Observed {
    /// Nothing.
    #[default]
    SameDay,
    /// A Sunday's holiday is also kept on Monday.
    MondayIfSunday,
    /// A Saturday's or Sunday's holiday is also kept on the next Monday.
    MondayIfWeekend,
    /// A Saturday's holiday is also kept on Friday, a Sunday's on Monday.
    NearestWeekday,
}

/// One public holiday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    /// Its name.
    pub name: String,
    /// When.
    pub on: HolidayOn,
    /// On a weekend.
    pub observed: Observed,
    /// First year.
    pub from_year: Option<i32>,
    /// Last year.
    pub until_year: Option<i32>,
    /// Subdivisions (ISO 3166-2 part behind the hyphen) that keep it; all if empty.
    pub subdivisions: Vec<String>,
}

/// A jurisdiction's calendar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    /// Weekdays (0 Monday to 6 Sunday) that are no working days.
    pub weekend: [bool; 7],
    /// Public holidays.
    pub holidays: Vec<Holiday>,
    /// Public holidays are left out that people keep: nothing may count working days by it.
    pub partial: bool,
}

/// Easter Sunday of a year of the Gregorian calendar (anonymous Gregorian computus).
#[must_use]
pub fn easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year.rem_euclid(19), year.div_euclid(100), year.rem_euclid(100));
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - b / 4 - g + 15).rem_euclid(30);
    let m = (a + 11 * h) / 319;
    let l = (2 * (b % 4) + 2 * (c / 4) - c % 4 - h + m + 32).rem_euclid(7);
    let month = (h - m + l + 90) / 25;
    let day = (h - m + l + month + 19).rem_euclid(32);
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

/// Easter Sunday of the Julian computus, as a Gregorian date. Valid for 1900 to 2099 (13 days apart).
#[must_use]
pub fn orthodox_easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year.rem_euclid(4), year.rem_euclid(7), year.rem_euclid(19));
    let d = (19 * c + 15).rem_euclid(30);
    let e = (2 * a + 4 * b - d + 34).rem_euclid(7);
    let (month, day) = ((d + e + 114) / 31, (d + e + 114) % 31 + 1);
    let julian = NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)?;
    Some(add_days(julian, 13))
}

fn weekday(index: u8) -> Weekday {
    Weekday::try_from(index).unwrap_or(Weekday::Sun)
}

impl HolidayOn {
    /// The date in a year, if there is one.
    #[must_use]
    pub fn in_year(self, year: i32) -> Option<NaiveDate> {
        match self {
            Self::Date(month, day) => NaiveDate::from_ymd_opt(year, month.into(), day.into()),
            Self::Easter(days) => easter(year).map(|sunday| add_days(sunday, days.into())),
            Self::OrthodoxEaster(days) => orthodox_easter(year).map(|sunday| add_days(sunday, days.into())),
            Self::Nth(month, day, nth) if nth > 0 => {
                NaiveDate::from_weekday_of_month_opt(year, month.into(), weekday(day), nth.unsigned_abs())
            }
            Self::Nth(month, day, _) => {
                (4..=5).rev().find_map(|n| NaiveDate::from_weekday_of_month_opt(year, month.into(), weekday(day), n))
            }
            Self::OnOrAfter(month, day, wanted) => {
                let start = NaiveDate::from_ymd_opt(year, month.into(), day.into())?;
                let ahead = (i64::from(wanted) + 7 - i64::from(start.weekday().num_days_from_monday())) % 7;
                Some(add_days(start, ahead))
            }
        }
    }
}

impl HolidayOn {
    /// False only if the date is certainly another. Every contact asks this of every holiday of its country.
    fn may_be(self, date: NaiveDate) -> bool {
        let near = |days: i16, (first, last): (i32, i32)| {
            let ordinal = i32::try_from(date.ordinal()).unwrap_or(0) - i32::from(days);
            (first..=last).contains(&ordinal)
        };
        match self {
            Self::Date(month, day) => u32::from(month) == date.month() && u32::from(day) == date.day(),
            // The earliest and the latest Sunday that either Easter can fall on: 22 March to 8 May.
            Self::Easter(days) | Self::OrthodoxEaster(days) => near(days, (81, 129)),
            Self::Nth(month, day, _) => u32::from(month) == date.month() && weekday(day) == date.weekday(),
            Self::OnOrAfter(_, _, day) => weekday(day) == date.weekday(),
        }
    }
}

impl Holiday {
    fn kept_on(&self, date: NaiveDate, here: impl Fn(&[String]) -> bool) -> bool {
        // Most days are no holiday: no date need be made to see that.
        if self.observed == Observed::SameDay && !self.on.may_be(date) {
            return false;
        }
        (self.subdivisions.is_empty() || here(&self.subdivisions))
            && self.years(date).any(|year| self.kept_in(year, date))
    }

    /// The years whose holiday may be kept on the date: where it is moved, it may leave its own.
    fn years(&self, date: NaiveDate) -> std::ops::RangeInclusive<i32> {
        let year = date.year();
        match (self.observed, date.ordinal()) {
            (Observed::SameDay, _) => year..=year,
            // Saturday 1 January is kept on the Friday before, Sunday 31 December on the Monday after.
            (_, 1..=2) => year - 1..=year,
            (_, 365..) => year..=year + 1,
            _ => year..=year,
        }
    }

    /// The holiday of that year falls on the date or is kept on it.
    fn kept_in(&self, year: i32, date: NaiveDate) -> bool {
        if self.from_year.is_some_and(|from| year < from) || self.until_year.is_some_and(|until| year > until) {
            return false;
        }
        let Some(day) = self.on.in_year(year) else { return false };
        if day == date {
            return true;
        }
        match (self.observed, day.weekday()) {
            (Observed::MondayIfSunday | Observed::MondayIfWeekend | Observed::NearestWeekday, Weekday::Sun) => {
                date == add_days(day, 1)
            }
            (Observed::MondayIfWeekend, Weekday::Sat) => date == add_days(day, 2),
            (Observed::NearestWeekday, Weekday::Sat) => date == add_days(day, -1),
            _ => false,
        }
    }
}

impl Calendar {
    /// The date is a public holiday in the subdivision.
    #[must_use]
    pub fn is_holiday(&self, date: NaiveDate, subdivision: Option<&str>) -> bool {
        let here =
            |places: &[String]| subdivision.is_some_and(|at| places.iter().any(|place| place.eq_ignore_ascii_case(at)));
        self.holidays.iter().any(|holiday| holiday.kept_on(date, here))
    }

    /// The date is a public holiday in a part of the country where the person may live.
    #[must_use]
    pub fn may_be_holiday(&self, date: NaiveDate, may_live_in: &dyn Fn(&str) -> bool) -> bool {
        let here = |places: &[String]| places.iter().any(|place| may_live_in(place));
        self.holidays.iter().any(|holiday| holiday.kept_on(date, here))
    }

    /// Some holidays are kept in parts of the country only.
    #[must_use]
    pub fn is_regional(&self) -> bool {
        self.holidays.iter().any(|holiday| !holiday.subdivisions.is_empty())
    }

    /// The date is neither a weekend's day nor a public holiday.
    #[must_use]
    pub fn is_working_day(&self, date: NaiveDate, subdivision: Option<&str>) -> bool {
        let weekday = date.weekday().num_days_from_monday() as usize;
        !self.weekend.get(weekday).copied().unwrap_or(false) && !self.is_holiday(date, subdivision)
    }

    /// The first working day on or after the date.
    #[must_use]
    pub fn working_day_from(&self, mut date: NaiveDate, subdivision: Option<&str>) -> NaiveDate {
        // A calendar without any working day in a month is refused at load; the bound keeps the search total.
        for _ in 0..40 {
            if self.is_working_day(date, subdivision) {
                return date;
            }
            date = add_days(date, 1);
        }
        date
    }

    /// The last day of a term that begins on `start`.
    #[must_use]
    pub fn last_day(&self, term: &Term, start: NaiveDate, subdivision: Option<&str>) -> NaiveDate {
        let length = i64::from(term.length);
        // Day 1 is the start itself: the term ends one unit-day earlier than with clear days.
        let shift = if term.count == Count::FromNthDay { -1 } else { 0 };
        let last = match term.unit {
            TermUnit::Days => add_days(start, length + shift),
            TermUnit::Weeks => add_days(start, length * 7 + shift),
            TermUnit::Months => add_days(add_months(start, term.length.into()), shift),
            TermUnit::Years => add_days(add_months(start, u32::from(term.length) * 12), shift),
            TermUnit::WorkingDays => {
                let mut day = start;
                let mut left = length + shift;
                // Bounded by the longest term (u16) times the longest run of days off.
                while left > 0 {
                    day = self.working_day_from(add_days(day, 1), subdivision);
                    left -= 1;
                }
                day
            }
        };
        if term.roll == Roll::NextWorkingDay { self.working_day_from(last, subdivision) } else { last }
    }
}

/// The same day `months` later, or the month's last day where it has no such day.
#[must_use]
pub fn add_months(date: NaiveDate, months: u32) -> NaiveDate {
    date.checked_add_months(chrono::Months::new(months)).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn easter_of_known_years() {
        for text in ["2000-04-23", "2008-03-23", "2011-04-24", "2024-03-31", "2026-04-05", "2038-04-25"] {
            let sunday = day(text);
            assert_eq!(easter(sunday.year()), Some(sunday));
        }
        assert_eq!(orthodox_easter(2026), Some(day("2026-04-12")));
        assert_eq!(orthodox_easter(2021), Some(day("2021-05-02")));
    }

    #[test]
    fn weekday_holidays() {
        // Thanksgiving, the fourth Thursday of November; Memorial Day, the last Monday of May; Swedish Midsummer Day.
        assert_eq!(HolidayOn::Nth(11, 3, 4).in_year(2026), Some(day("2026-11-26")));
        assert_eq!(HolidayOn::Nth(5, 0, -1).in_year(2026), Some(day("2026-05-25")));
        assert_eq!(HolidayOn::OnOrAfter(6, 20, 5).in_year(2026), Some(day("2026-06-20")));
        assert_eq!(HolidayOn::OnOrAfter(6, 20, 5).in_year(2027), Some(day("2027-06-26")));
    }

    #[test]
    fn a_day_that_is_moved_may_leave_its_year() {
        let kept = |month, day, observed, years: (Option<i32>, Option<i32>)| Holiday {
            name: String::new(),
            on: HolidayOn::Date(month, day),
            observed,
            from_year: years.0,
            until_year: years.1,
            subdivisions: Vec::new(),
        };
        let on = |holiday: &Holiday, text: &str| holiday.kept_on(day(text), |_| false);
        let new_year = kept(1, 1, Observed::NearestWeekday, (None, None));
        // 1 January is a Saturday in 2011, 2022 and 2028, a Sunday in 2023, a Monday in 2029.
        for text in ["2010-12-31", "2021-12-31", "2022-01-01", "2023-01-02", "2027-12-31", "2028-01-01", "2029-01-01"] {
            assert!(on(&new_year, text), "{text}");
        }
        for text in ["2022-12-31", "2023-12-31", "2024-12-31", "2026-12-31", "2028-12-29", "2028-12-31", "2029-01-02"] {
            assert!(!on(&new_year, text), "{text}");
        }
        // What has begun or ended is the year of the day itself, not of the one on which it is kept.
        assert!(on(&kept(1, 1, Observed::NearestWeekday, (Some(2022), None)), "2021-12-31"));
        assert!(!on(&kept(1, 1, Observed::NearestWeekday, (Some(2023), None)), "2021-12-31"));
        assert!(!on(&kept(1, 1, Observed::NearestWeekday, (None, Some(2021))), "2021-12-31"));
        // 31 December is a Sunday in 2028 and a Saturday in 2033.
        for observed in [Observed::MondayIfSunday, Observed::MondayIfWeekend, Observed::NearestWeekday] {
            let eve = kept(12, 31, observed, (None, Some(2033)));
            assert!(on(&eve, "2029-01-01"), "{observed:?}");
            assert_eq!(on(&eve, "2034-01-02"), observed == Observed::MondayIfWeekend, "{observed:?}");
            assert!(!on(&eve, "2030-01-01"), "{observed:?}");
        }
        assert!(!on(&kept(12, 31, Observed::SameDay, (None, None)), "2029-01-01"));
    }

    #[test]
    fn no_holiday_is_taken_for_certainly_another_day() {
        use HolidayOn::{Date, Easter, Nth, OnOrAfter, OrthodoxEaster};
        let easters = [-48, -2, 1, 39, 50, 60].into_iter().flat_map(|days| [Easter(days), OrthodoxEaster(days)]);
        let fixed = [Date(2, 29), Date(12, 31), Nth(5, 0, -1), Nth(2, 6, -1), Nth(11, 3, 4), Nth(1, 0, 1)];
        for on in easters.chain(fixed).chain([OnOrAfter(6, 20, 5), OnOrAfter(10, 31, 5)]) {
            for year in 1_900..2_100 {
                let date = on.in_year(year);
                assert!(date.is_none_or(|date| on.may_be(date)), "{on:?} in {year}: {date:?}");
            }
        }
    }

    #[test]
    fn terms_end_where_the_text_says() {
        let calendar =
            Calendar { weekend: [false, false, false, false, false, true, true], holidays: Vec::new(), partial: false };
        let term = |length, unit, count, roll| Term {
            length,
            unit,
            count,
            from: super::super::words::CountFrom::Sent,
            deemed_days: 0,
            roll,
        };
        let last = |t: &Term, from: &str| calendar.last_day(t, day(from), None);
        assert_eq!(last(&term(14, TermUnit::Days, Count::ClearDays, Roll::None), "2026-11-02"), day("2026-11-16"));
        assert_eq!(last(&term(7, TermUnit::Days, Count::FromNthDay, Roll::None), "2026-06-15"), day("2026-06-21"));
        assert_eq!(
            last(&term(2, TermUnit::WorkingDays, Count::ClearDays, Roll::None), "2026-11-20"),
            day("2026-11-24")
        );
        assert_eq!(last(&term(1, TermUnit::Months, Count::ClearDays, Roll::None), "2026-01-31"), day("2026-02-28"));
        assert_eq!(
            last(&term(8, TermUnit::Days, Count::ClearDays, Roll::NextWorkingDay), "2026-11-20"),
            day("2026-11-30")
        );
    }
}
