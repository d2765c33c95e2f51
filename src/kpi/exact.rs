//! Exact fractions of 128-bit integers, and their decimal text with a stated rounding. No float comes near a figure.

/// A fraction. The denominator is above zero. Terms are reduced only where they would not fit otherwise: reducing costs
/// more than all the rest of a figure.
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

    /// A fraction; `None` for a zero denominator or beyond 128 bits.
    #[must_use]
    pub fn new(over: i128, under: i128) -> Option<Self> {
        match under {
            0 => None,
            1.. => Some(Self { over, under }),
            _ => Some(Self { over: over.checked_neg()?, under: under.checked_neg()? }),
        }
    }

    /// The same fraction in lowest terms.
    #[must_use]
    pub fn reduced(self) -> Self {
        if self.under == 1 {
            return self;
        }
        let common = gcd(self.over.unsigned_abs(), self.under.unsigned_abs());
        match i128::try_from(common) {
            Ok(common @ 2..) => Self { over: self.over / common, under: self.under / common },
            _ => self,
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
    #[allow(clippy::should_implement_trait)] // the trait could not say that there is no sum
    pub fn add(self, other: Self) -> Option<Self> {
        self.reducing(other, |a, b| {
            if a.under == b.under {
                return Self::new(a.over.checked_add(b.over)?, a.under);
            }
            let over = a.over.checked_mul(b.under)?.checked_add(b.over.checked_mul(a.under)?)?;
            Self::new(over, a.under.checked_mul(b.under)?)
        })
    }

    /// The difference; `None` beyond 128 bits.
    #[must_use]
    pub fn subtract(self, other: Self) -> Option<Self> {
        self.add(Self { over: other.over.checked_neg()?, under: other.under })
    }

    /// The product; `None` beyond 128 bits.
    #[must_use]
    pub fn multiply(self, other: Self) -> Option<Self> {
        self.reducing(other, |a, b| Self::new(a.over.checked_mul(b.over)?, a.under.checked_mul(b.under)?))
    }

    /// The quotient; `None` for a zero divisor or beyond 128 bits.
    #[must_use]
    pub fn divide(self, other: Self) -> Option<Self> {
        self.multiply(Self::new(other.under, other.over)?)
    }

    /// Tries the terms as they are, then in lowest terms.
    fn reducing(self, other: Self, compute: impl Fn(Self, Self) -> Option<Self>) -> Option<Self> {
        compute(self, other).or_else(|| compute(self.reduced(), other.reduced()))
    }

    /// Decimal text with `decimals` digits behind the point, ties to the even digit; `None` beyond 128 bits.
    #[must_use]
    pub fn text(self, decimals: u32) -> Option<String> {
        let mut text = String::with_capacity(24);
        self.write(decimals, &mut text).map(|()| text)
    }

    /// Writes the same text behind another; `None`, and nothing written, beyond 128 bits.
    #[must_use]
    pub fn write(self, decimals: u32, out: &mut String) -> Option<()> {
        if let (Ok(over), Ok(under)) = (i64::try_from(self.over), i64::try_from(self.under))
            && write_short(over, under, decimals, out).is_some()
        {
            return Some(());
        }
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
        out.push_str(&crate::domain::money::format_minor(scaled, decimals));
        Some(())
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

/// [`Exact::write`] where 64 bits are enough, as they nearly always are.
fn write_short(over: i64, under: i64, decimals: u32, out: &mut String) -> Option<()> {
    let scaled = over.unsigned_abs().checked_mul(10_u64.checked_pow(decimals)?)?;
    let under = under.unsigned_abs();
    let (mut digits, left) = match under {
        1 => (scaled, 0),
        _ => (scaled.checked_div(under)?, scaled.checked_rem(under)?),
    };
    let twice = left.checked_mul(2)?;
    if twice > under || (twice == under && digits % 2 != 0) {
        digits = digits.checked_add(1)?;
    }
    write_decimal(digits, over < 0 && digits > 0, decimals as usize, out);
    Some(())
}

/// Digits with a point before the last `decimals` of them. By hand: an answer has thousands of these.
fn write_decimal(mut digits: u64, negative: bool, decimals: usize, out: &mut String) {
    let mut reversed = [0_u8; 32];
    let mut length = 0;
    for slot in &mut reversed {
        if digits == 0 && length > decimals {
            break;
        }
        *slot = b'0' + (digits % 10) as u8;
        digits /= 10;
        length += 1;
    }
    if negative {
        out.push('-');
    }
    for (place, digit) in reversed.iter().take(length).enumerate().rev() {
        out.push(char::from(*digit));
        if place == decimals && decimals > 0 {
            out.push('.');
        }
    }
}

/// `format!("{value:.decimals$}")` of what is not negative, written behind another text. Where the double is so near to the
/// middle of two decimals that its product with a power of ten may be beside it, the standard library decides.
pub fn write_approximate(value: f64, decimals: u32, out: &mut String) {
    const SURE: f64 = 1e-6;
    let scaled = value * f64::from(10_u32.saturating_pow(decimals));
    let (floor, sign) = (scaled.floor(), value.is_sign_positive());
    let above = scaled - floor - 0.5;
    if decimals <= 9 && sign && scaled < 1e9 && above.abs() > SURE {
        let digits = if above > 0.0 { floor + 1.0 } else { floor };
        write_decimal(digits as u64, false, decimals as usize, out);
    } else {
        out.push_str(&format!("{value:.*}", decimals as usize));
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
