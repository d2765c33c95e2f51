//! What may be charged, how payments are put, and what is handed over.

use super::change::Change;
use crate::rules::interest_cap::{Formula, InterestCap, RateSource};
use crate::rules::model::{ClientFunds, FeeCap, PaymentApplication, PaymentTerm, Tier, TierValue};
use crate::rules::parse_fee::ONE;
use crate::rules::payment_application::components;
use crate::rules::words::Bound;

/// An entitlement or a default rate accuses nobody, and does not begin to because a tenant wants less.
fn accuses(change: &mut Change<'_, '_, '_>, bound: Bound, keys: &[&'static str]) -> bool {
    if bound == Bound::Ceiling {
        return true;
    }
    for key in keys {
        if change.reader.has(key) {
            change.touched = true;
            change.unstated(key, &format!("has bound \"{bound}\" and accuses nobody"));
        }
    }
    false
}

pub(super) fn fee_cap(change: &mut Change<'_, '_, '_>, limits: &mut FeeCap) {
    if !accuses(change, limits.bound, super::keys(crate::rules::model::Kind::FeeCap)) {
        return;
    }
    change.currency = Some(limits.currency);
    let flat = match limits.tiers.as_slice() {
        [Tier { up_to: i64::MAX, value: TierValue::Amount(amount) }] => Some(*amount),
        _ => None,
    };
    let law = limits.maximum.or(flat);
    change.amount_at_most("maximum", &mut limits.maximum, law);
    if limits.minimum.is_some() {
        let law = limits.minimum;
        change.amount_at_most("minimum", &mut limits.minimum, law);
    } else if change.reader.has("minimum") {
        change.unstated("minimum", "states no least amount");
    }
    let mut factor = Some(limits.factor);
    change.share_at_most("factor", &mut factor, false, false);
    limits.factor = factor.unwrap_or(limits.factor);
    change.share_at_most("factor_if_complex", &mut limits.factor_if_complex, false, false);
    let mut later = limits.later.as_ref().map(|later| later.factor);
    change.share_at_most("factor_later", &mut later, false, false);
    if let (Some(limit), Some(factor)) = (&mut limits.later, later) {
        limit.factor = factor;
    }
    let first = &mut limits.factor_if_paid_on_first_letter;
    change.share_at_most("factor_if_paid_on_first_letter", first, false, false);
    change.at_most("max_count", &mut limits.max_count, (0, 1_000));
    change.at_least("min_days_between", &mut limits.min_days_between, (1, 3_660));
}

pub(super) fn interest_cap(change: &mut Change<'_, '_, '_>, limits: &mut InterestCap) {
    if !accuses(change, limits.bound, super::keys(crate::rules::model::Kind::InterestCap)) {
        return;
    }
    // A rate by a table has no one figure to compare with: the lower of both holds on each day.
    let fixed = match limits.tiers.as_slice() {
        [(i64::MAX, formulas)] => match formulas.as_slice() {
            [Formula { source: RateSource::Fixed(rate), points: 0, times: ONE, round_up: None }] => Some(*rate),
            _ => None,
        },
        _ => None,
    };
    let mut most = fixed;
    change.share_at_most("percent", &mut most, true, true);
    if most != fixed {
        if limits.tiers.is_empty() {
            let source = RateSource::Fixed(most.unwrap_or(0));
            limits.tiers.push((i64::MAX, vec![Formula { source, points: 0, times: ONE, round_up: None }]));
        } else {
            limits.at_most = most;
        }
    }
    let mut share = limits.total.map(|total| total.share);
    change.share_at_most("total_percent", &mut share, true, false);
    if let (Some(total), Some(share)) = (&mut limits.total, share) {
        total.share = share;
    }
    change.demands("simple", &mut limits.simple);
}

pub(super) fn payment_application(change: &mut Change<'_, '_, '_>, limits: &mut PaymentApplication) {
    let order = components(change.reader, "order");
    if change.reader.has("order") {
        change.touched = true;
        if limits.order.is_empty() && order.len() > 1 {
            limits.order = order;
        } else if limits.order.is_empty() {
            change.reader.wrong(
                "order",
                "an order of one component orders nothing",
                "name at least two, the first first",
            );
        } else if limits.order != order {
            let law: Vec<&str> = limits.order.iter().map(|one| one.as_str()).collect();
            change.loosens("order", &format!("its order is {}", law.join(", ")));
        }
    }
    change.chooses("claims", &mut limits.claims);
    change.chooses("payee", &mut limits.payee);
    change.demands("debtor_choice", &mut limits.debtor_choice);
    change.demands("never_disputed", &mut limits.never_disputed);
}

pub(super) fn payment_term(change: &mut Change<'_, '_, '_>, limits: &mut PaymentTerm) {
    let mut longest = Some(limits.longest);
    change.shorter("longest", &mut longest);
    limits.longest = longest.unwrap_or(limits.longest);
    change.shorter("longest_agreed", &mut limits.longest_agreed);
    change.forgoes("unless_agreed", &mut limits.unless_agreed);
}

pub(super) fn client_funds(change: &mut Change<'_, '_, '_>, limits: &mut ClientFunds) {
    // What comes late is put to the oldest money whose term runs: a shorter one would put it to other money.
    change.demands("segregated", &mut limits.segregated);
}
