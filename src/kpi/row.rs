//! One figure of an answer, with what it is made of and what it is compared with.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::definition::NoValue;
use super::exact::{Exact, write_approximate};
use super::shape::RowOrder;
use super::unit::Unit;
use crate::domain::money::Currency;
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// What a row is of.
    RowKind {
        /// One group.
        Group = "group",
        /// All groups that are not among the first few.
        Rest = "rest",
        /// All groups.
        Total = "total",
    }
);

/// All rows, in the order of the asked KPIs, then periods, then groups by name with the unattributed last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The rows.
    pub rows: Vec<Row>,
}

impl Answer {
    /// The rows of its parts, one behind the other.
    #[must_use]
    pub fn joined(parts: Vec<Vec<Row>>) -> Self {
        Self { rows: parts.into_iter().flatten().collect() }
    }
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The KPI as asked.
    pub kpi: Arc<str>,
    /// The KPI whose formula was computed: another one if an alias was asked.
    pub variant: Arc<str>,
    /// First day.
    pub start: NaiveDate,
    /// The day after the last one.
    pub end: NaiveDate,
    /// Whether the period is the whole span of the grain, and not a part of it.
    pub whole_period: bool,
    /// Whether the period is not over: records of it are still to come.
    pub running: bool,
    /// One group, the rest or the total.
    pub kind: RowKind,
    /// Values of the grouped dimensions in the order of the question; `None`: facts without the dimension.
    pub group: Arc<[Option<Arc<str>>]>,
    /// Currency of the amounts, for KPIs of money.
    pub currency: Option<Currency>,
    /// The value in the row's unit, exact: percentages are multiplied by 100, money is in whole units.
    pub value: Option<Exact>,
    /// Why there is none.
    pub no_value: Option<NoValue>,
    /// What stands above the line; money in minor units, money times days likewise.
    pub numerator: Option<Exact>,
    /// What stands below the line, of quotients.
    pub denominator: Option<Exact>,
    /// Unit of the value.
    pub unit: Unit,
    /// Digits behind the point of the value's text.
    pub decimals: u32,
    /// Digits by which numerator and denominator are shifted to give whole money units; 0 for counts.
    pub(super) shifts: (u32, u32),
    /// The denominator where it counts things, else how many facts the numerator's amounts come from, each once. `None` for
    /// stocks, for what also stands on one, and where it is not known which facts two measures have in common.
    pub sample_size: Option<i128>,
    /// Wilson's 95 % interval in the value's unit, for proportions.
    pub interval: Option<(f64, f64)>,
    /// The same figure of the period that this one is compared with.
    pub base: Option<Box<Self>>,
}

impl Row {
    /// Whether another row is of the same KPI, period, group and currency.
    #[must_use]
    pub fn is_of_same(&self, other: &Self) -> bool {
        self.currency == other.currency && self.is_of_same_group(other)
    }

    /// Whether another row is of the same KPI, period and group.
    #[must_use]
    pub fn is_of_same_group(&self, other: &Self) -> bool {
        (&self.kpi, self.start, self.kind, &self.group) == (&other.kpi, other.start, other.kind, &other.group)
    }

    /// The value as decimal text, rounded to the row's decimals, ties to even.
    #[must_use]
    pub fn value_text(&self) -> Option<String> {
        self.value.and_then(|value| value.text(self.decimals))
    }

    /// The numerator as decimal text: money in whole units.
    #[must_use]
    pub fn numerator_text(&self) -> Option<String> {
        part_text(self.numerator?, self.shifts.0)
    }

    /// The denominator as decimal text: money in whole units.
    #[must_use]
    pub fn denominator_text(&self) -> Option<String> {
        part_text(self.denominator?, self.shifts.1)
    }

    /// Writes the value's text behind another; `None`, and nothing written, if there is none.
    #[must_use]
    pub fn write_value(&self, out: &mut String) -> Option<()> {
        self.value?.write(self.decimals, out)
    }

    /// Writes the numerator's text likewise.
    #[must_use]
    pub fn write_numerator(&self, out: &mut String) -> Option<()> {
        write_part(self.numerator?, self.shifts.0, out)
    }

    /// Writes the denominator's text likewise.
    #[must_use]
    pub fn write_denominator(&self, out: &mut String) -> Option<()> {
        write_part(self.denominator?, self.shifts.1, out)
    }

    /// Writes an end of the interval, with a digit more than the value has.
    pub fn write_bound(&self, bound: f64, out: &mut String) {
        write_approximate(bound, self.decimals + 1, out);
    }
}

/// Compares by value; rows without one come last in either order.
pub(super) fn by_value(order: RowOrder, a: &Row, b: &Row) -> Ordering {
    let sign = |value: Exact| value.numerator().cmp(&0);
    match (a.value, b.value) {
        (Some(a), Some(b)) => {
            // Beyond 128 bits the nearest doubles decide.
            let exact = a.subtract(b).map(sign);
            let ascending = exact.unwrap_or_else(|| a.approximate().total_cmp(&b.approximate()));
            if order == RowOrder::ValueDescending { ascending.reverse() } else { ascending }
        }
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Change against the compared figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Value less compared value, in the row's unit: percentage points for percentages.
    pub absolute: Exact,
    /// The same in percent of the compared value's magnitude; `None` where that is zero.
    pub relative: Option<Exact>,
}

impl Row {
    /// The change against what the row is compared with; `None` if either has no value.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        Change::of(self.value?, self.base.as_ref()?.value?)
    }
}

impl Change {
    /// The change of a value against another one; `None` beyond 128 bits.
    pub(super) fn of(value: Exact, base: Exact) -> Option<Self> {
        let absolute = value.subtract(base)?;
        let size = if base.numerator() < 0 { Exact::ZERO.subtract(base)? } else { base };
        let relative = absolute.divide(size).and_then(|share| share.multiply(Exact::whole(100)));
        Some(Self { absolute: absolute.reduced(), relative: relative.map(Exact::reduced) })
    }
}

/// Whole numbers exactly; the rare fraction (a parameter divided) to six more digits.
pub(super) fn part_text(part: Exact, shift: u32) -> Option<String> {
    let mut text = String::with_capacity(24);
    write_part(part, shift, &mut text).map(|()| text)
}

fn write_part(part: Exact, shift: u32, out: &mut String) -> Option<()> {
    if shift == 0 && part.denominator() == 1 {
        return part.write(0, out);
    }
    let shifted = part.divide(Exact::whole(10_i128.checked_pow(shift)?))?;
    shifted.write(if part.denominator() == 1 { shift } else { shift + 6 }, out)
}
