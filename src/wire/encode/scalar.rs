//! Instants, dates, money, rates.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use crate::domain::money::{Currency, Money, format_minor};
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::vocabulary::Component;
use crate::proto::google::r#type as wire;
use crate::proto::v1;
use crate::wire::decode::amount::RATE_DECIMALS;
use crate::wire::words::Word;

/// An instant.
#[must_use]
pub fn time(at: Timestamp) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.0.rem_euclid(SECOND)).unwrap_or(0) * 1000;
    prost_types::Timestamp { seconds: at.0.div_euclid(SECOND), nanos }
}

/// A whole date.
#[must_use]
pub fn date(date: NaiveDate) -> wire::Date {
    let small = |number: u32| i32::try_from(number).unwrap_or(0);
    wire::Date { year: date.year(), month: small(date.month()), day: small(date.day()) }
}

/// An amount.
#[must_use]
pub fn money(money: Money) -> wire::Money {
    minor(money.minor, money.currency)
}

/// An amount given in minor units.
#[must_use]
pub fn minor(minor: i64, currency: Currency) -> wire::Money {
    let per_unit = currency.minor_per_unit();
    let nanos = i32::try_from(minor % per_unit * (1_000_000_000 / per_unit)).unwrap_or(0);
    wire::Money { currency_code: currency.code().to_owned(), units: minor / per_unit, nanos }
}

/// A sum given in minor units; absent where it is beyond what the wire's money can say, rather than wrong.
#[must_use]
pub fn sum(minor: i128, currency: Currency) -> Option<wire::Money> {
    let per_unit = currency.minor_per_unit();
    let (units, rest) = (minor / i128::from(per_unit), minor % i128::from(per_unit));
    let nanos = i32::try_from(rest * i128::from(1_000_000_000 / per_unit)).ok()?;
    Some(wire::Money { currency_code: currency.code().to_owned(), units: i64::try_from(units).ok()?, nanos })
}

/// A rate given in millionths, as a fraction: 117500 is `0.1175`.
#[must_use]
pub fn rate(ppm: i64) -> wire::Decimal {
    let text = format_minor(i128::from(ppm), RATE_DECIMALS);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    wire::Decimal { value: text.to_owned() }
}

/// Amounts by component.
#[must_use]
pub fn components(amounts: &BTreeMap<Component, i64>, currency: Option<Currency>) -> Vec<v1::ComponentAmount> {
    let Some(currency) = currency else { return Vec::new() };
    amounts
        .iter()
        .map(|(component, amount)| v1::ComponentAmount {
            component: component.number(),
            amount: Some(minor(*amount, currency)),
        })
        .collect()
}

/// An optional text: empty if absent.
#[must_use]
pub fn text(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

/// An optional id: empty if absent.
pub fn id<T: std::fmt::Display>(id: Option<&T>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}

/// A revision. Markets do not reach the end of 63 bits.
#[must_use]
pub fn revision(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}
