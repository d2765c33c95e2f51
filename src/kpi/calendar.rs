//! How a market divides its days: where weeks and fiscal years begin, and which days are working days. And what it means by the
//! bare names of figures.

use std::sync::Arc;

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use super::period::Grain;
use super::reading::Defaults;
use crate::domain::time::{add_days, date_of_day};
use crate::rules::calendar::Calendar as Holidays;

/// The calendar that a market's periods follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// First day of a week.
    pub week_start: Weekday,
    /// Month (1 to 12) with which a fiscal year begins.
    pub fiscal_year_start: u32,
    /// Weekend and public holidays of the market's country; without them there are no working days to count.
    pub holidays: Option<Arc<Holidays>>,
    /// So many days after its end a period is closed; never if absent.
    pub close_after_days: Option<u32>,
    /// The day that it is, which is not over. Without it nothing is told that must be over to be told.
    pub today: Option<NaiveDate>,
    /// The readings that the market has chosen for figures with several.
    pub defaults: Defaults,
}

impl Default for Calendar {
    /// Weeks from Monday, fiscal years from January, no holidays known.
    fn default() -> Self {
        Self {
            week_start: Weekday::Mon,
            fiscal_year_start: 1,
            holidays: None,
            close_after_days: None,
            today: None,
            defaults: Defaults::default(),
        }
    }
}

impl Calendar {
    /// First day of the grain's span that holds the date, and the first day after it. `None` at the calendar's ends, and
    /// for [`Grain::Total`], which has no span of its own.
    pub(super) fn span(&self, grain: Grain, date: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        let first = |year: i32, month: u32| NaiveDate::from_ymd_opt(year, month, 1);
        let back = |start: NaiveDate, count: u32| start.checked_sub_months(Months::new(count));
        // Months since the fiscal year began; its quarters begin every third.
        let fiscal = (date.month() + 12 - self.fiscal_year_start.clamp(1, 12)) % 12;
        let month = first(date.year(), date.month())?;
        let start = match grain {
            Grain::Day => date,
            Grain::Week => date.checked_sub_days(Days::new(u64::from(date.weekday().days_since(self.week_start))))?,
            Grain::Month => month,
            Grain::Quarter => back(month, date.month0() % 3)?,
            Grain::Year => first(date.year(), 1)?,
            Grain::FiscalQuarter => back(month, fiscal % 3)?,
            Grain::FiscalYear => back(month, fiscal)?,
            Grain::Total => return None,
        };
        let end = match grain.step()? {
            Step::Days(days) => start.checked_add_days(Days::new(u64::from(days)))?,
            Step::Months(months) => start.checked_add_months(Months::new(months))?,
        };
        Some((start, end))
    }

    /// First day of the span so many spans before the one that holds the date.
    #[must_use]
    pub fn earlier(&self, grain: Grain, date: NaiveDate, spans: u32) -> Option<NaiveDate> {
        let (mut start, _) = self.span(grain, date)?;
        for _ in 0..spans {
            (start, _) = self.span(grain, start.pred_opt()?)?;
        }
        Some(start)
    }

    /// How many days the grain's span has that holds the date.
    #[must_use]
    pub fn days_of(&self, grain: Grain, date: NaiveDate) -> Option<i64> {
        self.span(grain, date).map(|(start, end)| (end - start).num_days())
    }

    /// Working days among the days from `start` up to but not including `end`; `None` without known holidays, or where some
    /// are left out of them.
    pub(super) fn working_days(&self, start: i32, end: i32) -> Option<i128> {
        let holidays = self.holidays.as_ref().filter(|holidays| !holidays.partial)?;
        let working = (start..end).filter(|day| holidays.is_working_day(date_of_day(*day), None));
        i128::try_from(working.count()).ok()
    }
}

/// A length of time by which periods are shifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Days(u32),
    Months(u32),
}

impl Step {
    /// So many times the step.
    pub(super) const fn times(self, count: u32) -> Self {
        match self {
            Self::Days(days) => Self::Days(days.saturating_mul(count)),
            Self::Months(months) => Self::Months(months.saturating_mul(count)),
        }
    }

    /// The stretch of days (both ends included) one step earlier. By months, a stretch that begins with a month and ends
    /// with one does so earlier, too, so that no day at a month's end is lost: March answers to the whole of February,
    /// and February to the whole of January.
    pub(super) fn before(self, first: NaiveDate, last: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        let (from, to) = self.same_days_before(first, last)?;
        let by_months = matches!(self, Self::Months(_));
        let whole = by_months && first.day() == 1 && last != first && ends_month(last);
        Some((from, if whole { month_end(to)? } else { to }))
    }

    /// The same, day by day: of days that are not over, as many of the earlier ones, whether or not they end a month.
    pub(super) fn same_days_before(self, first: NaiveDate, last: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        let back = |date: NaiveDate| match self {
            Self::Days(days) => date.checked_sub_days(Days::new(u64::from(days))),
            Self::Months(months) => date.checked_sub_months(Months::new(months)),
        };
        Some((back(first)?, back(last)?))
    }

    /// The first day of the stretch of this length that ends with `last`.
    pub(super) fn first_of(self, last: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Days(days) => last.checked_sub_days(Days::new(u64::from(days.saturating_sub(1)))),
            Self::Months(months) => {
                let before = last.checked_sub_months(Months::new(months))?;
                // A month that ends with 28 February began with the first, not with the day after 28 January.
                let before = if ends_month(last) { month_end(before)? } else { before };
                before.succ_opt()
            }
        }
    }
}

fn ends_month(date: NaiveDate) -> bool {
    add_days(date, 1).day() == 1
}

/// The last day of the date's month.
fn month_end(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_add_months(Months::new(1))?.pred_opt()
}

/// Whole calendar months between two first days of months; `None` if either is none.
pub(super) fn whole_months(start: NaiveDate, end: NaiveDate) -> Option<u32> {
    if start.day() != 1 || end.day() != 1 {
        return None;
    }
    let months = (end.year() - start.year()) * 12 + end.month() as i32 - start.month() as i32;
    u32::try_from(months).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn weeks_and_fiscal_years_begin_where_the_market_says() {
        let calendar = Calendar { week_start: Weekday::Sun, fiscal_year_start: 4, ..Calendar::default() };
        for (grain, on, start, end) in [
            (Grain::Week, "2026-03-31", "2026-03-29", "2026-04-05"),
            (Grain::Week, "2026-03-29", "2026-03-29", "2026-04-05"),
            (Grain::Week, "2026-03-28", "2026-03-22", "2026-03-29"),
            (Grain::FiscalYear, "2026-03-31", "2025-04-01", "2026-04-01"),
            (Grain::FiscalYear, "2026-04-01", "2026-04-01", "2027-04-01"),
            (Grain::FiscalQuarter, "2026-03-31", "2026-01-01", "2026-04-01"),
            (Grain::FiscalQuarter, "2026-12-01", "2026-10-01", "2027-01-01"),
            (Grain::Quarter, "2026-12-31", "2026-10-01", "2027-01-01"),
            (Grain::Year, "2024-02-29", "2024-01-01", "2025-01-01"),
        ] {
            assert_eq!(calendar.span(grain, date(on)), Some((date(start), date(end))), "{grain} of {on}");
        }
        let calendar = Calendar { fiscal_year_start: 2, ..calendar };
        assert_eq!(
            calendar.span(Grain::FiscalQuarter, date("2026-01-31")),
            Some((date("2025-11-01"), date("2026-02-01")))
        );
    }

    #[test]
    fn no_day_at_a_months_end_is_lost() {
        let month = Step::Months(1);
        for (step, first, last, before) in [
            (month, "2026-03-01", "2026-03-31", ("2026-02-01", "2026-02-28")),
            (month, "2026-02-01", "2026-02-28", ("2026-01-01", "2026-01-31")),
            (month, "2026-03-01", "2026-03-30", ("2026-02-01", "2026-02-28")),
            (month, "2026-02-01", "2026-02-27", ("2026-01-01", "2026-01-27")),
            (Step::Months(12), "2028-02-01", "2028-02-29", ("2027-02-01", "2027-02-28")),
            (Step::Months(12), "2029-02-01", "2029-02-28", ("2028-02-01", "2028-02-29")),
            (Step::Months(12), "2028-02-29", "2028-02-29", ("2027-02-28", "2027-02-28")),
            (Step::Months(12), "2029-02-28", "2029-02-28", ("2028-02-28", "2028-02-28")),
            (Step::Months(3), "2026-04-01", "2026-06-30", ("2026-01-01", "2026-03-31")),
            (Step::Days(7), "2026-03-02", "2026-03-08", ("2026-02-23", "2026-03-01")),
        ] {
            let expected = (date(before.0), date(before.1));
            assert_eq!(step.before(date(first), date(last)), Some(expected), "{first} to {last}");
        }
        for (last, first) in [
            ("2026-03-31", "2026-03-01"),
            ("2026-02-28", "2026-02-01"),
            ("2026-02-27", "2026-01-28"),
            ("2026-03-30", "2026-03-01"),
            ("2024-02-29", "2024-02-01"),
            ("2026-04-15", "2026-03-16"),
        ] {
            assert_eq!(month.first_of(date(last)), Some(date(first)), "a month up to {last}");
        }
        assert_eq!(Step::Days(30).first_of(date("2026-01-30")), Some(date("2026-01-01")));
        assert_eq!(whole_months(date("2025-11-01"), date("2026-02-01")), Some(3));
        assert_eq!(whole_months(date("2025-11-02"), date("2026-02-01")), None);
    }
}
