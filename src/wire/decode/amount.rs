//! Money and rates, exact: what is finer than the currency is refused, never rounded.

use std::collections::BTreeMap;

use super::At;
use crate::domain::money::{Currency, MAX_MINOR, Money, MoneyError};
use crate::domain::vocabulary::Component;
use crate::proto::google::r#type as wire;
use crate::proto::v1;
use crate::wire::words::Word;

/// Decimals of a rate: millionths.
pub const RATE_DECIMALS: u32 = 6;
/// Decimals of google.type.Money's nanos.
const NANO_DECIMALS: u32 = 9;

/// Which amounts a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// More than zero.
    Positive,
    /// Zero or more.
    NotNegative,
    /// Any.
    Any,
}

impl At<'_> {
    /// A currency code that must be there.
    pub fn currency(&self, code: &str) -> Option<Currency> {
        if code.is_empty() {
            self.refuse("is required: send an ISO 4217 code such as EUR");
            return None;
        }
        let currency = Currency::parse(code);
        if currency.is_none() {
            let shown: String = code.chars().take(8).collect();
            self.refuse(format!("{shown:?} is no ISO 4217 currency: send a code such as EUR"));
        }
        currency
    }

    /// Whether an amount is one that is taken. What was stored before there was a limit is read as it is.
    const fn bounded(&self, minor: i64) -> bool {
        self.trusts || (-MAX_MINOR <= minor && minor <= MAX_MINOR)
    }

    /// Refuses amounts that are more together than one may be.
    pub fn bounded_in_sum(&self, mut amounts: impl Iterator<Item = i64>) {
        let sum = amounts.try_fold(0_i64, i64::checked_add);
        if !sum.is_some_and(|sum| self.bounded(sum)) {
            self.refuse(format!(
                "are more in sum than the largest amount, {MAX_MINOR} minor units: send smaller amounts"
            ));
        }
    }

    /// An amount that may be absent.
    pub fn optional_money(&self, money: Option<wire::Money>, sign: Sign) -> Option<Money> {
        let wire::Money { currency_code, units, nanos } = money?;
        let currency = self.field("currency_code").currency(&currency_code)?;
        if !(-999_999_999..=999_999_999).contains(&nanos) {
            self.field("nanos").refuse(format!("is {nanos}: send -999999999 to 999999999"));
            return None;
        }
        if (units > 0 && nanos < 0) || (units < 0 && nanos > 0) {
            self.field("nanos").refuse("has another sign than units: send both with the same sign");
            return None;
        }
        let exponent = currency.exponent();
        let nanos_per_minor = 10_i64.pow(NANO_DECIMALS.saturating_sub(exponent));
        if i64::from(nanos) % nanos_per_minor != 0 {
            self.refuse(MoneyError::TooFine { exponent, currency }.to_string());
            return None;
        }
        let minor =
            i128::from(units) * i128::from(currency.minor_per_unit()) + i128::from(i64::from(nanos) / nanos_per_minor);
        let Some(minor) = i64::try_from(minor).ok().filter(|minor| self.bounded(*minor)) else {
            self.refuse(MoneyError::TooLarge.to_string());
            return None;
        };
        match sign {
            _ if self.trusts => return Some(Money::new(minor, currency)),
            Sign::Positive if minor <= 0 => self.refuse("is not more than zero: send a positive amount"),
            Sign::NotNegative if minor < 0 => self.refuse("is less than zero: send zero or more"),
            _ => return Some(Money::new(minor, currency)),
        }
        None
    }

    /// An amount that must be there.
    pub fn money(&self, money: Option<wire::Money>, sign: Sign) -> Option<Money> {
        let money = self.required(money);
        self.optional_money(money, sign)
    }

    /// An amount that may be absent, of zero or more, in minor units of the currency of its surroundings.
    pub fn optional_minor(&self, money: Option<wire::Money>, currency: Option<Currency>) -> Option<i64> {
        let money = self.optional_money(money, Sign::NotNegative)?;
        self.same_currency(money.currency, currency)?;
        Some(money.minor)
    }

    /// Notes a currency that differs from that of its surroundings.
    pub fn same_currency(&self, found: Currency, expected: Option<Currency>) -> Option<()> {
        match expected {
            Some(expected) if expected != found => {
                self.field("currency_code").refuse(format!("is {found} beside {expected}: send {expected}"));
                None
            }
            _ => Some(()),
        }
    }

    /// Amounts by component, each component once, all in one currency.
    pub fn components(&self, amounts: Vec<v1::ComponentAmount>) -> (BTreeMap<Component, i64>, Option<Currency>) {
        let mut currency = None;
        let mut by_component = BTreeMap::new();
        let max = Component::VALUES.len();
        self.list(amounts, max, |at, v1::ComponentAmount { component, amount }| {
            let component = at.field("component").word::<Component>(component)?;
            let at_amount = at.field("amount");
            let money = at_amount.money(amount, Sign::NotNegative)?;
            at_amount.same_currency(money.currency, currency)?;
            currency = Some(money.currency);
            if by_component.insert(component, money.minor).is_some() {
                at.field("component").refuse(format!("{component} comes twice: send it once"));
            }
            Some(())
        });
        (by_component, currency)
    }

    /// A rate as a fraction that may be absent, in millionths: `0.1175` is 117500. Zero or more.
    pub fn optional_rate(&self, rate: Option<wire::Decimal>) -> Option<i64> {
        let value = rate?.value;
        let parsed = parse_decimal(&value, RATE_DECIMALS);
        match parsed {
            Ok(ppm) => Some(ppm),
            Err(problem) => {
                self.refuse(problem);
                None
            }
        }
    }
}

/// Reads a plain decimal of zero or more, in units of 10^-`decimals`.
fn parse_decimal(text: &str, decimals: u32) -> Result<i64, String> {
    let not_a_number = || {
        let shown: String = text.chars().take(40).collect();
        format!("{shown:?} is no decimal of zero or more: send digits with at most one point, as in 0.1175")
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return Err(not_a_number());
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = (decimals as usize)
        .checked_sub(fraction.len())
        .ok_or_else(|| format!("has more than {decimals} decimals: send at most {decimals}"))?;
    let mut value: i64 = 0;
    for digit in whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', missing)) {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(i64::from(digit - b'0')))
            .ok_or("is too large: send a smaller number")?;
    }
    Ok(value)
}
