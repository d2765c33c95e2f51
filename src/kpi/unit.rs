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
    }
);

/// Powers of money and days that a quantity carries. Counts are plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Quantity {
    /// Power of money.
    pub money: i8,
    /// Power of days.
    pub days: i8,
}

impl Quantity {
    /// A plain number.
    pub const NUMBER: Self = Self { money: 0, days: 0 };
    /// An amount.
    pub const MONEY: Self = Self { money: 1, days: 0 };
    /// An amount times days.
    pub const MONEY_DAYS: Self = Self { money: 1, days: 1 };

    /// The quantity of a quotient.
    #[must_use]
    pub const fn over(self, other: Self) -> Self {
        Self { money: self.money.saturating_sub(other.money), days: self.days.saturating_sub(other.days) }
    }

    /// What a value of this quantity may call itself.
    #[must_use]
    pub const fn admits(self, unit: Unit) -> bool {
        match unit {
            Unit::Percent | Unit::Share | Unit::Count => self.money == 0 && self.days == 0,
            Unit::Money => self.money == 1 && self.days == 0,
            Unit::Days => self.money == 0 && self.days == 1,
        }
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.money, self.days) {
            (0, 0) => f.write_str("a plain number"),
            (1, 0) => f.write_str("money"),
            (0, 1) => f.write_str("days"),
            (1, 1) => f.write_str("money times days"),
            (money, days) => write!(f, "money^{money} days^{days}"),
        }
    }
}
