//! Units of measures and figures, and the arithmetic of units that finds formulas that add apples to pears.

use serde::{Deserialize, Serialize};

use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// Unit of a KPI's value.
    Unit {
        /// A hundredth of a share: the quotient is multiplied by 100.
        Percent = "percent",
        /// A quotient of two like quantities, as it is.
        Share = "share",
        /// Money of the row's currency, in whole units with decimals.
        Money = "money",
        /// Things counted.
        Count = "count",
        /// Calendar days.
        Days = "days",
        /// Seconds.
        Seconds = "seconds",
        /// Minutes of 60 seconds.
        Minutes = "minutes",
        /// Hours of 3,600 seconds.
        Hours = "hours",
        /// A thousandth of a share: the quotient is multiplied by 1,000.
        PerThousand = "per_thousand",
    }
);

impl Unit {
    /// What a proportion of the unit is of which all is a part; `None` of units in which nothing is a part of another.
    #[must_use]
    pub const fn whole(self) -> Option<i64> {
        match self {
            Self::Percent => Some(100),
            Self::PerThousand => Some(1_000),
            Self::Share => Some(1),
            Self::Money | Self::Count | Self::Days | Self::Seconds | Self::Minutes | Self::Hours => None,
        }
    }
}

/// Powers of money and days that a quantity carries. Counts are plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Quantity {
    /// Power of money.
    pub money: i8,
    /// Power of days.
    pub days: i8,
    /// Power of seconds.
    pub seconds: i8,
}

impl Quantity {
    /// A plain number.
    pub const NUMBER: Self = Self { money: 0, days: 0, seconds: 0 };
    /// An amount.
    pub const MONEY: Self = Self { money: 1, ..Self::NUMBER };
    /// Days.
    pub const DAYS: Self = Self { days: 1, ..Self::NUMBER };
    /// Seconds.
    pub const SECONDS: Self = Self { seconds: 1, ..Self::NUMBER };
    /// An amount times days.
    pub const MONEY_DAYS: Self = Self { money: 1, ..Self::DAYS };

    /// The quantity of a quotient.
    #[must_use]
    pub const fn over(self, other: Self) -> Self {
        Self {
            money: self.money.saturating_sub(other.money),
            days: self.days.saturating_sub(other.days),
            seconds: self.seconds.saturating_sub(other.seconds),
        }
    }

    /// The quantity of a product.
    #[must_use]
    pub const fn times(self, other: Self) -> Self {
        Self {
            money: self.money.saturating_add(other.money),
            days: self.days.saturating_add(other.days),
            seconds: self.seconds.saturating_add(other.seconds),
        }
    }

    /// What a value of this quantity may call itself.
    #[must_use]
    pub const fn admits(self, unit: Unit) -> bool {
        match unit {
            Unit::Percent | Unit::Share | Unit::Count | Unit::PerThousand => self.is(Self::NUMBER),
            Unit::Money => self.is(Self::MONEY),
            Unit::Days => self.is(Self::DAYS),
            Unit::Seconds | Unit::Minutes | Unit::Hours => self.is(Self::SECONDS),
        }
    }

    const fn is(self, other: Self) -> bool {
        self.money == other.money && self.days == other.days && self.seconds == other.seconds
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.money, self.days, self.seconds) {
            (0, 0, 0) => f.write_str("a plain number"),
            (1, 0, 0) => f.write_str("money"),
            (0, 1, 0) => f.write_str("days"),
            (0, 0, 1) => f.write_str("seconds"),
            (1, 1, 0) => f.write_str("money times days"),
            (money, days, seconds) => write!(f, "money^{money} days^{days} seconds^{seconds}"),
        }
    }
}
