//! Exact money: integer minor units with their ISO 4217 currency. No float, no decimal column.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of an alphabetic code, in any case; `None` if ISO 4217 has no such code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let upper = code.to_ascii_uppercase();
        let bytes: [u8; 3] = upper.as_bytes().try_into().ok()?;
        iso_currency::Currency::from_code(&upper).map(|_| Self(bytes))
    }

    /// The upper-case alphabetic code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits behind the decimal point of one unit (JPY 0, EUR 2, KWD 3). Currencies without minor units count as 0.
    #[must_use]
    pub fn exponent(&self) -> u32 {
        iso_currency::Currency::from_code(self.code()).and_then(iso_currency::Currency::exponent).map_or(0, u32::from)
    }

    /// Minor units of one unit: 100 for EUR, 1 for JPY.
    #[must_use]
    pub fn minor_per_unit(&self) -> i64 {
        10_i64.pow(self.exponent())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&code).ok_or_else(|| serde::de::Error::custom(format!("\"{code}\" is not an ISO 4217 currency")))
    }
}

/// An amount of money, in minor units (cents, öre, yen) of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative only where a field says so.
    #[serde(rename = "m")]
    pub minor: i64,
    /// The currency whose minor units these are.
    #[serde(rename = "c")]
    pub currency: Currency,
}

/// Largest amount that a record may state, of either sign, in minor units: ten trillion euros. What a case owes is also told
/// times days, in facts of 64 bits; without a bound one record could make millions of them.
pub const MAX_MINOR: i64 = 1_000_000_000_000_000;

/// Why an amount was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a plain decimal number.
    #[error("\"{0}\" is not a decimal amount: send digits with at most one point, as in 12.50")]
    NotANumber(String),
    /// More decimals than the currency has: never rounded.
    #[error("has more than {exponent} decimals, and {currency} has {exponent}: send an amount in whole minor units")]
    TooFine {
        /// Digits that the currency has.
        exponent: u32,
        /// The currency.
        currency: Currency,
    },
    /// Beyond [`MAX_MINOR`].
    #[error("is beyond the largest amount, 1,000,000,000,000,000 (10^15) minor units: send a smaller amount")]
    TooLarge,
}

impl Money {
    /// An amount of minor units.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads a plain decimal text such as `12.5` or `-3`. Exact: a finer amount is refused, never rounded.
    ///
    /// # Errors
    /// A [`MoneyError`] that says what to send instead.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let not_a_number = || MoneyError::NotANumber(text.chars().take(40).collect());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || (fraction.is_empty() && digits.contains('.')) {
            return Err(not_a_number());
        }
        let exponent = currency.exponent();
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > exponent as usize {
            return Err(MoneyError::TooFine { exponent, currency });
        }
        let mut minor: i64 = 0;
        let padding = std::iter::repeat_n(b'0', exponent as usize - fraction.len());
        for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
            minor = minor
                .checked_mul(10)
                .and_then(|m| m.checked_add(i64::from(digit - b'0')))
                .filter(|m| *m <= MAX_MINOR)
                .ok_or(MoneyError::TooLarge)?;
        }
        Ok(Self { minor: if negative { -minor } else { minor }, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", format_minor(i128::from(self.minor), self.currency.exponent()), self.currency)
    }
}

/// Writes minor units as a plain decimal with `exponent` digits behind the point: 1250 at 2 is `12.50`.
#[must_use]
pub fn format_minor(minor: i128, exponent: u32) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let scale = 10_u128.pow(exponent);
    let (whole, part) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
    if exponent == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{part:0width$}", width = exponent as usize)
    }
}
