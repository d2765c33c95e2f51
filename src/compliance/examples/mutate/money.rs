//! The changes of the kinds about money, licences and data, and of the dated tables that they read.

use super::{moved_i64, moved_u16, moved_u32};
use crate::rules::interest_cap::{Formula, InterestCap, RateSource};
use crate::rules::model::{CreditReporting, Limits, Rule};
use crate::rules::position::Position;
use crate::rules::rates::{RateTable, RateUnit};

/// One hundredth of a percentage point, in millionths.
const POINT: i64 = 100;

/// A change of limits in words; it says whether there was something to change.
pub(super) type Edit = (String, Box<dyn Fn(&mut Limits) -> bool>);

/// Every change of a rule of these kinds, one unit in the direction of `step`.
pub(super) fn changes(rule: &Rule, step: i64) -> Vec<Edit> {
    let more = if step > 0 { "more" } else { "less" };
    let mut out: Vec<Edit> = Vec::new();
    let terms = rule.limits.clone().terms_mut().len();
    for index in 0..terms {
        let name = rule.limits.clone().terms_mut().get(index).map_or("term", |(name, _)| *name);
        out.push((
            format!("its {name} is one {more}"),
            Box::new(move |limits| {
                limits.terms_mut().get_mut(index).is_some_and(|(_, term)| moved_u16(&mut term.length, step))
            }),
        ));
    }
    let tiers = if let Limits::InterestCap(limits) = &rule.limits { limits.formulas().count() } else { 0 };
    for index in (0..tiers).filter(|index| readable(rule, *index)) {
        out.push((
            format!("its rate {} is a hundredth of a point (or a step of its rounding) {more}", index + 1),
            Box::new(move |limits| interest(limits, |limits| moved_formula(limits, index, step))),
        ));
        out.push((
            format!("its rate {} is not rounded", index + 1),
            Box::new(move |limits| {
                interest(limits, |limits| {
                    limits.formulas_mut().nth(index).is_some_and(|formula| formula.round_up.take().is_some())
                })
            }),
        ));
        out.push((
            format!("the factor of its rate {} is a hundredth {more}", index + 1),
            Box::new(move |limits| {
                interest(limits, |limits| {
                    let formula = limits.formulas_mut().nth(index).filter(|formula| formula.times != 1_000_000);
                    formula.is_some_and(|formula| moved_i64(&mut formula.times, step * 10_000))
                })
            }),
        ));
    }
    out.push((
        format!("its total is one percent {more}"),
        Box::new(move |limits| {
            interest(limits, |limits| {
                limits.total.as_mut().is_some_and(|total| moved_i64(&mut total.share, step * 10_000))
            })
        }),
    ));
    out.push((
        format!("its min_debt is one minor unit {more}"),
        Box::new(move |limits| {
            report(limits, |limits| limits.min_debt.as_mut().is_some_and(|least| moved_i64(least, step)))
        }),
    ));
    out.push((
        format!("its min_notices is one {more}"),
        Box::new(move |limits| {
            report(limits, |limits| {
                !limits.notices.is_empty()
                    && limits.min_notices.saturating_add_signed(i32::try_from(step).unwrap_or(0)) > 0
                    && moved_u32(&mut limits.min_notices, step)
            })
        }),
    ));
    out.push((
        format!("its max_reports is one {more}"),
        Box::new(move |limits| {
            report(limits, |limits| limits.max_reports.as_mut().is_some_and(|most| moved_u32(most, step)))
        }),
    ));
    out.push((
        format!("its erase_delay_days is one {more}"),
        Box::new(move |limits| {
            report(limits, |limits| limits.erase_delay_days > 0 && moved_u16(&mut limits.erase_delay_days, step))
        }),
    ));
    out.push((
        format!("its longest_years is one {more}"),
        Box::new(move |limits| match limits {
            Limits::Licence(limits) => limits.longest_years.as_mut().is_some_and(|years| moved_u16(years, step)),
            _ => false,
        }),
    ));
    if step > 0 {
        orders(rule, &mut out);
    }
    out
}

/// The rate can be seen at all: its table holds a value inside the rule's dates. Otherwise it says "no figure", whatever is
/// added to it.
fn readable(rule: &Rule, index: usize) -> bool {
    let Limits::InterestCap(limits) = &rule.limits else { return false };
    let Some(table) = limits.formulas().nth(index).and_then(Formula::table) else { return true };
    table.entries.iter().any(|entry| {
        entry.value.is_some()
            && rule.valid_until.is_none_or(|last| entry.from <= last)
            && rule.valid_from.is_none_or(|first| entry.until.is_none_or(|until| first <= until))
    })
}

/// Two neighbours of an order of components, exchanged.
fn orders(rule: &Rule, out: &mut Vec<Edit>) {
    let Limits::PaymentApplication(limits) = &rule.limits else { return };
    for index in 1..limits.order.len() {
        out.push((
            format!("the components {index} and {} of its order are exchanged", index + 1),
            Box::new(move |limits| match limits {
                Limits::PaymentApplication(limits) if index < limits.order.len() => {
                    limits.order.swap(index - 1, index);
                    true
                }
                _ => false,
            }),
        ));
    }
}

fn interest(limits: &mut Limits, edit: impl Fn(&mut InterestCap) -> bool) -> bool {
    match limits {
        Limits::InterestCap(limits) => edit(limits),
        _ => false,
    }
}

fn report(limits: &mut Limits, edit: impl Fn(&mut CreditReporting) -> bool) -> bool {
    match limits {
        Limits::CreditReporting(limits) => edit(limits),
        _ => false,
    }
}

fn moved_formula(limits: &mut InterestCap, index: usize, step: i64) -> bool {
    let Some(Formula { source, points, round_up, .. }) = limits.formulas_mut().nth(index) else { return false };
    // What is rounded up shows only steps of that size.
    let unit = round_up.unwrap_or(POINT);
    match source {
        RateSource::Fixed(rate) => moved_i64(rate, step * unit),
        RateSource::Table(_) | RateSource::Contract => {
            *points += step * unit;
            true
        }
    }
}

/// Every value of a dated table moved by one, with its place in the file.
pub(in super::super) fn values(table: &RateTable) -> Vec<(String, &Position, RateTable)> {
    let unit = if table.unit == RateUnit::Percent { POINT } else { 1 };
    let mut out = Vec::new();
    for (index, entry) in table.entries.iter().enumerate() {
        for step in [-unit, unit] {
            let mut changed = table.clone();
            let Some(value) = changed.entries.get_mut(index).and_then(|entry| entry.value.as_mut()) else { continue };
            *value += step;
            let more = if step > 0 { "more" } else { "less" };
            out.push((format!("its value of {} is one unit {more}", entry.from), &entry.position, changed));
        }
    }
    out
}
