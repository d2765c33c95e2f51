//! Exchange rates by day, and amounts of several currencies added up in one.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::exact::Exact;
use crate::domain::money::Currency;
use crate::domain::time::{date_of_day, day_number};

/// Decimals of a conversion factor: the quotient of two published rates is rounded to them, ties to even.
pub const FACTOR_DECIMALS: u32 = 12;

/// A table of published rates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates {
    /// Its name: the file's without `.toml`.
    pub id: String,
    /// The currency whose one unit the rates are the price of.
    pub base: Option<Currency>,
    /// Who published them.
    pub source: String,
    /// How old a rate may be that serves a day without one (weekends, holidays).
    pub carry_days: i32,
    /// Units of the currency for one unit of the base, times ten to the power of [`FACTOR_DECIMALS`], by day.
    pub days: BTreeMap<Currency, BTreeMap<i32, i128>>,
}

/// Which day's rate converts an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatePolicy {
    /// That of the day on which it is counted; of a stock, the day that it is of.
    FactDay,
    /// That of the last day of its period; of an opening stock, the day before.
    PeriodEnd,
    /// That of one day for all: a budget rate.
    Fixed(NaiveDate),
}

/// How a tenant adds up amounts of several currencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporting {
    /// The currency of the sums.
    pub currency: Currency,
    /// Which day's rates.
    pub policy: DatePolicy,
    /// The rates.
    pub rates: Arc<Rates>,
}

/// No rate converts an amount: it is never left out, so that there is no sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingRate {
    /// The currency.
    pub currency: Currency,
    /// The day.
    pub day: NaiveDate,
}

impl Rates {
    /// The rate of a currency on a day, or the last one before that is not too old.
    fn rate(&self, currency: Currency, day: i32) -> Result<i128, MissingRate> {
        let scale = 10_i128.pow(FACTOR_DECIMALS);
        if self.base == Some(currency) {
            return Ok(scale);
        }
        let days = self.days.get(&currency);
        let last = days.and_then(|days| days.range(..=day).next_back());
        match last {
            Some((of, rate)) if i64::from(day) - i64::from(*of) <= i64::from(self.carry_days) => Ok(*rate),
            _ => Err(MissingRate { currency, day: date_of_day(day) }),
        }
    }
}

impl Reporting {
    /// What one unit of a currency is worth on a day, times ten to the power of [`FACTOR_DECIMALS`].
    ///
    /// # Errors
    /// The table has no rate of either currency for that day.
    pub fn factor(&self, currency: Currency, day: i32) -> Result<i128, MissingRate> {
        let scale = 10_i128.pow(FACTOR_DECIMALS);
        if currency == self.currency {
            return Ok(scale);
        }
        let day = if let DatePolicy::Fixed(on) = self.policy { day_number(on) } else { day };
        let (to, from) = (self.rates.rate(self.currency, day)?, self.rates.rate(currency, day)?);
        // Both are above zero and below 10^24: the table refuses others.
        let missing = MissingRate { currency, day: date_of_day(day) };
        rounded(to.checked_mul(scale).ok_or(missing)?, from).ok_or(missing)
    }

    /// Minor units of a currency, times a factor each and added up, as minor units of the reporting currency.
    pub(super) fn sum(&self, currency: Currency, scaled: i128) -> Option<Exact> {
        let under = 10_i128.checked_pow(FACTOR_DECIMALS + currency.exponent())?;
        Exact::new(scaled, under)?.multiply(Exact::whole(10_i128.checked_pow(self.currency.exponent())?))
    }
}

/// The quotient of two positive numbers, ties to even.
fn rounded(over: i128, under: i128) -> Option<i128> {
    let (whole, left) = (over.checked_div(under)?, over.checked_rem(under)?);
    let twice = left.checked_mul(2)?;
    let up = twice > under || (twice == under && whole % 2 != 0);
    whole.checked_add(i128::from(up))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn euros(policy: DatePolicy) -> Reporting {
        let code = |code| Currency::parse(code).unwrap();
        let scale = 10_i128.pow(FACTOR_DECIMALS);
        let days = |rates: &[(&str, i128)]| rates.iter().map(|(on, rate)| (day(on), rate * scale / 100)).collect();
        let rates = Rates {
            id: "r".to_owned(),
            base: Some(code("EUR")),
            source: "s".to_owned(),
            carry_days: 2,
            days: [
                (code("SEK"), days(&[("2026-01-02", 1_000), ("2026-01-09", 800)])),
                (code("JPY"), days(&[("2026-01-02", 16_000)])),
            ]
            .into(),
        };
        Reporting { currency: code("EUR"), policy, rates: Arc::new(rates) }
    }

    fn day(text: &str) -> i32 {
        day_number(text.parse().unwrap())
    }

    #[test]
    fn a_rate_serves_the_days_after_it_until_it_is_too_old() {
        let reporting = euros(DatePolicy::FactDay);
        let sek = Currency::parse("SEK").unwrap();
        assert_eq!(reporting.factor(sek, day("2026-01-04")), Ok(100_000_000_000));
        assert_eq!(reporting.factor(sek, day("2026-01-09")), Ok(125_000_000_000));
        let missing = |on: &str| Err(MissingRate { currency: sek, day: on.parse().unwrap() });
        assert_eq!(reporting.factor(sek, day("2026-01-05")), missing("2026-01-05"));
        assert_eq!(reporting.factor(sek, day("2026-01-01")), missing("2026-01-01"));
        assert_eq!(reporting.factor(Currency::parse("EUR").unwrap(), day("1999-01-01")), Ok(1_000_000_000_000));
        let fixed = euros(DatePolicy::Fixed("2026-01-02".parse().unwrap()));
        assert_eq!(fixed.factor(sek, day("2030-01-01")), Ok(100_000_000_000));
    }

    #[test]
    fn minor_units_differ_between_currencies() {
        let reporting = euros(DatePolicy::FactDay);
        let yen = Currency::parse("JPY").unwrap();
        let factor = reporting.factor(yen, day("2026-01-02")).unwrap();
        // 320 yen at 160 a euro are 2 euros: 200 cents.
        assert_eq!(reporting.sum(yen, 320 * factor), Some(Exact::whole(200)));
    }
}
