//! Exact fractions of 128-bit integers, and their decimal text with a stated rounding. No float comes near a figure.

/// A fraction. The denominator is above zero; sums of whole numbers stay whole without any reduction.
#[derive(Debug, Clone, Copy)]
pub struct Exact {
    over: i128,
    under: i128,
}

impl Exact {
    /// Zero.
    pub const ZERO: Self = Self::whole(0);

    /// A whole number.
    #[must_use]
    pub const fn whole(value: i128) -> Self {
        Self { over: value, under: 1 }
    }

    /// A fraction in lowest terms; `None` for a zero denominator or beyond 128 bits.
    #[must_use]
    pub fn new(over: i128, under: i128) -> Option<Self> {
        if under == 1 {
            return Some(Self::whole(over));
        }
        let common =
            i128::try_from(gcd(over.unsigned_abs(), under.unsigned_abs())).ok().filter(|common| *common > 0)?;
        let (over, under) = (over.checked_div(common)?, under.checked_div(common)?);
        match under {
            0 => None,
            1.. => Some(Self { over, under }),
            _ => Some(Self { over: over.checked_neg()?, under: under.checked_neg()? }),
        }
    }

    /// Reads `3`, `-0.25` or `1/12`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((over, under)) = text.split_once('/') {
            return Self::new(over.trim().parse().ok()?, under.trim().parse().ok()?);
        }
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let plain = whole.trim_start_matches('-').bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit());
        if !plain || (text.contains('.') && part.is_empty()) {
            return None;
        }
        Self::new(format!("{whole}{part}").parse().ok()?, 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?)
    }

    /// The number above the line.
    #[must_use]
    pub const fn numerator(self) -> i128 {
        self.over
    }

    /// The number below the line: 1 for whole numbers.
    #[must_use]
    pub const fn denominator(self) -> i128 {
        self.under
    }

    /// Whether the value is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.over == 0
    }

    /// The sum; `None` beyond 128 bits.
    #[must_use]
    pub fn add(self, other: Self) -> Option<Self> {
        if self.under == other.under {
            let over = self.over.checked_add(other.over)?;
            return if self.under == 1 { Some(Self::whole(over)) } else { Self::new(over, self.under) };
        }
        let left = self.over.checked_mul(other.under)?;
        let right = other.over.checked_mul(self.under)?;
        Self::new(left.checked_add(right)?, self.under.checked_mul(other.under)?)
    }

    /// The difference; `None` beyond 128 bits.
    #[must_use]
    pub fn subtract(self, other: Self) -> Option<Self> {
        self.add(Self { over: other.over.checked_neg()?, under: other.under })
    }

    /// The product; `None` beyond 128 bits.
    #[must_use]
    pub fn multiply(self, other: Self) -> Option<Self> {
        Self::new(self.over.checked_mul(other.over)?, self.under.checked_mul(other.under)?)
    }

    /// The quotient; `None` for a zero divisor or beyond 128 bits.
    #[must_use]
    pub fn divide(self, other: Self) -> Option<Self> {
        Self::new(self.over.checked_mul(other.under)?, self.under.checked_mul(other.over)?)
    }

    /// Decimal text with `decimals` digits behind the point, ties to the even digit; `None` beyond 128 bits.
    #[must_use]
    pub fn text(self, decimals: u32) -> Option<String> {
        let scale = 10_i128.checked_pow(decimals)?;
        let (whole, rest) = (self.over / self.under, self.over % self.under);
        let mut scaled = whole.checked_mul(scale)?;
        if rest != 0 {
            let parts = rest.checked_mul(scale)?;
            let (quotient, left) = (parts / self.under, parts % self.under);
            scaled = scaled.checked_add(quotient)?;
            let twice = left.unsigned_abs().checked_mul(2)?;
            let up = match twice.cmp(&self.under.unsigned_abs()) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Equal => scaled % 2 != 0,
                std::cmp::Ordering::Greater => true,
            };
            if up {
                scaled = scaled.checked_add(self.over.signum())?;
            }
        }
        Some(crate::domain::money::format_minor(scaled, decimals))
    }

    /// The nearest double: for intervals only.
    #[must_use]
    pub fn approximate(self) -> f64 {
        self.over as f64 / self.under as f64
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.subtract(*other).is_some_and(Self::is_zero)
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    // Division of 64 bits is several times quicker, and nearly all figures fit.
    while a > u128::from(u64::MAX) || b > u128::from(u64::MAX) {
        if b == 0 {
            return a;
        }
        (a, b) = (b, a % b);
    }
    let (mut a, mut b) = (a as u64, b as u64);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    u128::from(a)
}
