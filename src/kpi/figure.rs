//! From the values of a formula's leaves to a figure: value, sample, interval.

use std::sync::Arc;

use chrono::NaiveDate;

use super::curve;
use super::definition::{Definition, Kind, Moment, NoValue, Root, quotient};
use super::exact::Exact;
use super::formula::Node;
use super::row::{Row, RowKind};
use super::unit::{Quantity, Unit};
use crate::domain::money::Currency;

/// The 97.5 % quantile of the normal distribution: both sides of a 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

impl Definition {
    /// Leaves below the numerator (or the only formula).
    pub(super) fn above(&self) -> Vec<usize> {
        let mut above = Vec::new();
        let (Root::Single(node, _) | Root::Quotient { above: (node, _), .. }) = &self.root;
        node.each_leaf(&mut |leaf| above.push(leaf));
        above
    }

    /// Leaves below the line; none without one.
    pub(super) fn below(&self) -> Vec<usize> {
        let mut below = Vec::new();
        if let Root::Quotient { below: (node, _), .. } = &self.root {
            node.each_leaf(&mut |leaf| below.push(leaf));
        }
        below
    }

    /// Whether the period has begun, or some of it is known ahead.
    pub(super) fn has_begun(&self, at: Moment) -> bool {
        self.told.ahead || at.today.is_none_or(|today| at.period.start <= today)
    }

    /// Whether what the figure is about is over.
    fn is_over(&self, at: Moment) -> bool {
        let after = |end: i32| at.today.is_some_and(|today| end <= today);
        let days = self.told.after_days.is_none_or(|days| after(at.period.end.saturating_add(days)));
        days && (self.info.kind != Kind::Cohort || curve::over(at.period, at.month).is_some_and(after))
    }

    /// A row without its period and figures; the ids are the KPI's as asked and as computed.
    pub(super) fn blank(
        &self,
        (kpi, variant): (&Arc<str>, &Arc<str>),
        kind: RowKind,
        group: Arc<[Option<Arc<str>>]>,
        currency: Option<Currency>,
    ) -> Row {
        let digits = currency.map_or(0, |currency| currency.exponent());
        let shift = |of: Quantity| if of.money > 0 { digits } else { 0 };
        let shifts = match &self.root {
            Root::Single(_, quantity) => (shift(*quantity), 0),
            Root::Quotient { above, below } => (shift(above.1), shift(below.1)),
        };
        Row {
            kpi: Arc::clone(kpi),
            variant: Arc::clone(variant),
            start: NaiveDate::MIN,
            end: NaiveDate::MIN,
            whole_period: true,
            running: false,
            kind,
            group,
            currency,
            value: None,
            no_value: None,
            numerator: None,
            denominator: None,
            unit: self.info.unit,
            decimals: self.info.decimals.unwrap_or(digits),
            shifts,
            sample_size: None,
            interval: None,
            base: None,
        }
    }

    /// Computes the figure of a row in place of the one that stands there. `compute` computes what stands above the line (0, or the
    /// only formula) and below it (1), `facts` tells of how many facts a leaf is made, `lacking` whether records that the figure
    /// needs are missing.
    pub(super) fn fill(
        &self,
        row: &mut Row,
        at: Moment,
        (compute, facts): (&impl Fn(usize, &Node) -> Result<Exact, NoValue>, &impl Fn(usize) -> i64),
        lacking: &impl Fn() -> bool,
    ) {
        row.start = at.period.first();
        row.end = at.period.end_date();
        row.whole_period = at.period.whole;
        row.running = at.today.is_some_and(|today| today < at.period.end);
        (row.value, row.no_value, row.numerator, row.denominator) = (None, None, None, None);
        (row.sample_size, row.interval) = (None, None);
        // Before all else: what a period holds that has not begun cannot depend on what else the question holds.
        if !self.has_begun(at) {
            row.no_value = Some(NoValue::NotBegun);
            return;
        }
        if self.money && row.currency.is_none() {
            row.no_value = Some(NoValue::NoFacts);
            return;
        }
        if self.info.kind == Kind::Transition && at.period.months() != Some(1) {
            row.no_value = Some(NoValue::NeedsOneMonth);
            return;
        }
        if !self.is_over(at) {
            row.no_value = Some(NoValue::Immature);
            return;
        }
        let value = match &self.root {
            Root::Single(node, _) => compute(0, node).inspect(|value| row.numerator = Some(value.reduced())),
            Root::Quotient { above, below } => {
                let parts = (compute(0, &above.0), compute(1, &below.0));
                (row.numerator, row.denominator) = (parts.0.ok().map(Exact::reduced), parts.1.ok().map(Exact::reduced));
                match parts {
                    (Ok(above), Ok(below)) => quotient(above, below),
                    (Err(why), _) | (_, Err(why)) => Err(why),
                }
            }
        };
        if value.is_ok() && !self.needs.is_empty() && lacking() {
            (row.numerator, row.denominator) = (None, None);
            row.no_value = Some(NoValue::MissingInput);
            return;
        }
        match value.and_then(|value| in_unit(value, row).ok_or(NoValue::Overflow)) {
            Ok(value) => row.value = Some(value),
            Err(why) => row.no_value = Some(why),
        }
        row.sample_size = self.sample(row, facts);
        row.interval = self.interval(row);
    }

    fn sample(&self, row: &Row, facts: &impl Fn(usize) -> i64) -> Option<i128> {
        if let (Root::Quotient { below, .. }, Some(denominator)) = (&self.root, row.denominator)
            && below.1 == Quantity::NUMBER
        {
            return Some(denominator.numerator()).filter(|_| denominator.denominator() == 1);
        }
        let sampled = self.sampled.as_ref()?;
        Some(sampled.iter().map(|leaf| i128::from(facts(*leaf))).sum())
    }

    /// Wilson's score interval of a proportion.
    fn interval(&self, row: &Row) -> Option<(f64, f64)> {
        let (part, all) = (row.numerator?, row.denominator?);
        if !self.info.proportion {
            return None;
        }
        let (low, high) = wilson(part, all)?;
        let scale = match row.unit {
            Unit::Percent => 100.0,
            Unit::PerThousand => 1_000.0,
            _ => 1.0,
        };
        Some((low * scale, high * scale))
    }
}

/// Wilson's 95 % interval of a share of counts; `None` if the part is not one of them.
pub(super) fn wilson(part: Exact, all: Exact) -> Option<(f64, f64)> {
    let contained = part.numerator() >= 0 && part.numerator() <= all.numerator() && all.numerator() > 0;
    if !contained || part.denominator() != 1 || all.denominator() != 1 {
        return None;
    }
    let (n, p) = (all.approximate(), part.approximate() / all.approximate());
    let middle = p + Z * Z / (2.0 * n);
    let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let below = 1.0 + Z * Z / n;
    Some((((middle - reach) / below).max(0.0), ((middle + reach) / below).min(1.0)))
}

/// The value in its unit.
fn in_unit(value: Exact, row: &Row) -> Option<Exact> {
    match row.unit {
        Unit::Percent => value.multiply(Exact::whole(100)),
        Unit::Money => value.divide(Exact::whole(10_i128.checked_pow(row.shifts.0)?)),
        Unit::PerThousand => value.multiply(Exact::whole(1_000)),
        Unit::Minutes => value.divide(Exact::whole(60)),
        Unit::Hours => value.divide(Exact::whole(3_600)),
        Unit::Share | Unit::Count | Unit::Days | Unit::Seconds => Some(value),
    }
}
