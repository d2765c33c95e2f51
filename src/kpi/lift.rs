//! Conversions of template variants against that of the template's control: the difference of the two shares, with Newcombe's
//! interval of it, which is made of both shares' Wilson intervals.

use std::collections::HashMap;
use std::sync::Arc;

use super::definition::{Definition, Kind, NoValue};
use super::dimension::Dimension;
use super::exact::Exact;
use super::figure::wilson;
use super::query::Query;
use super::row::Row;
use super::shape::Shape;
use super::unit::Unit;
use crate::domain::validation::Violation;

/// What stands between a template and its variant.
const SLASH: char = '/';

/// A share: what converted, of how many.
#[derive(Debug, Clone, Copy)]
struct Share(Exact, Exact);

/// A group's values.
type Name = Vec<Option<Arc<str>>>;

/// What is wrong with asking for a lift like this.
pub(super) fn refused(definition: &Definition, query: &Query, shape: &Shape) -> Option<Violation> {
    if definition.info.kind != Kind::Lift {
        return None;
    }
    let id = &definition.info.id;
    if !query.group_by.contains(&Dimension::Template) {
        let text = format!("{id} holds variants of templates against each other: add template");
        return Some(Violation::new("group_by", text));
    }
    let merged = if shape.totals { "totals" } else { "top" };
    let text = format!("would make one figure of variants that {id} tells apart: leave it out");
    (shape.totals || shape.top.is_some()).then(|| Violation::new(merged, text))
}

/// Turns the conversions of one period's groups into lifts.
pub(super) fn against_control(rows: &mut [Row], group_by: &[Dimension], control: &str) {
    let Some(place) = group_by.iter().position(|one| *one == Dimension::Template) else { return };
    let of = |row: &Row| {
        let mut name: Name = row.group.to_vec();
        let text = name.get(place).cloned().flatten()?;
        let (template, variant) = text.rsplit_once(SLASH)?;
        *name.get_mut(place)? = Some(Arc::from(template));
        Some((name, variant == control))
    };
    let share = |row: &Row| Some(Share(row.numerator?, row.denominator?));
    let controls = |pick: &dyn Fn(&Row) -> Option<Share>, rows: &[Row]| -> HashMap<Name, Share> {
        let found = rows.iter().filter_map(|row| match of(row) {
            Some((template, true)) => Some((template, pick(row)?)),
            _ => None,
        });
        found.collect()
    };
    let own = controls(&share, rows);
    let base = controls(&|row| share(row.base.as_deref()?), rows);
    for row in rows {
        let Some((template, is_control)) = of(row) else {
            tell(row, None, false);
            if let Some(base) = row.base.as_deref_mut() {
                tell(base, None, false);
            }
            continue;
        };
        tell(row, own.get(&template).copied(), is_control);
        if let Some(before) = row.base.as_deref_mut() {
            tell(before, base.get(&template).copied(), is_control);
        }
    }
}

/// Makes a conversion the lift against a control.
fn tell(row: &mut Row, control: Option<Share>, is_control: bool) {
    if row.no_value == Some(NoValue::Immature) {
        return;
    }
    let told = row.value.is_some();
    row.value = None;
    row.interval = None;
    let Some(control) = control else {
        row.no_value = Some(NoValue::NoControl);
        return;
    };
    let (Some(above), Some(below), true) = (row.numerator, row.denominator, told) else { return };
    let difference = above.divide(below).and_then(|share| share.subtract(control.0.divide(control.1)?));
    let scale = if row.unit == Unit::Percent { 100 } else { 1 };
    match difference.and_then(|one| one.multiply(Exact::whole(scale))) {
        Some(value) => {
            row.value = Some(value.reduced());
            row.interval = if is_control { None } else { newcombe(Share(above, below), control, scale as f64) };
        }
        None if control.1.is_zero() => row.no_value = Some(NoValue::EmptyDenominator),
        None => row.no_value = Some(NoValue::Overflow),
    }
}

/// Newcombe's interval of a difference of two independent shares.
fn newcombe(one: Share, other: Share, scale: f64) -> Option<(f64, f64)> {
    let ((low, high), (other_low, other_high)) = (wilson(one.0, one.1)?, wilson(other.0, other.1)?);
    let share = |of: Share| of.0.approximate() / of.1.approximate();
    let (p, q) = (share(one), share(other));
    let below = (p - low).hypot(other_high - q);
    let above = (high - p).hypot(q - other_low);
    Some(((p - q - below) * scale, (p - q + above) * scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_newcombes() {
        // Newcombe 1998, example (a), method 10: 56 of 70 against 48 of 80: 0.0524 to 0.3339.
        let of = |part: i128, all: i128| Share(Exact::whole(part), Exact::whole(all));
        let (low, high) = newcombe(of(56, 70), of(48, 80), 1.0).unwrap();
        assert_eq!((format!("{low:.4}"), format!("{high:.4}")), ("0.0524".to_owned(), "0.3339".to_owned()));
    }
}
