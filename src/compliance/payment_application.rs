//! How a payment is put to what is owed.

use super::conditions;
use super::judgement::{Note, Speaking};
use super::owed::Owed;
use super::situation::Situation;
use crate::domain::detail::{Detail, Payment, PaymentDirection};
use crate::domain::party::Condition;
use crate::domain::verdict::{Answer, Unit};
use crate::domain::vocabulary::Component;
use crate::rules::model::{PaymentApplication, Rule};
use crate::rules::words::{Attribute, Set};

pub(crate) fn judge(rule: &Rule, limits: &PaymentApplication, situation: &Situation<'_>) -> Option<Speaking> {
    let Detail::Payment(payment) = &situation.activity.detail else { return None };
    let mut found: Vec<Speaking> = Vec::new();
    if limits.payee.is_some() {
        found.push(payee(payment, situation));
    }
    if limits.debtor_choice && payment.direction.is_some() {
        let followed = payment.direction != Some(PaymentDirection::Elsewhere);
        found.push(flag(followed, "the debtor named another debt"));
    }
    if limits.never_disputed {
        found.extend(disputed(rule, payment, situation));
    }
    let ordered = !limits.order.is_empty() && !payment.allocation.is_empty();
    let claimed = limits.claims.is_some() && payment.claim.is_some();
    if ordered || claimed {
        if payment.amount.currency == situation.version.currency {
            let owed = situation.watch.owed(situation.version);
            if ordered {
                found.push(order(&limits.order, &owed, payment, situation));
            }
            if claimed && payment.direction != Some(PaymentDirection::Here) {
                found.extend(oldest(&owed, payment));
            }
        } else {
            // What else the rule says of the payment stands, whatever its amount is put to.
            found.push(Speaking::missing(Attribute::Currency));
        }
    }
    let rank = |one: &Speaking| u8::from(one.answer == Answer::Broken) * 2 + u8::from(one.answer == Answer::Unknown);
    let mut worst = found.into_iter().reduce(|worst, one| if rank(&one) > rank(&worst) { one } else { worst })?;
    if worst.answer == Answer::Broken {
        worst.evidence.push(situation.activity.id.clone());
    }
    Some(worst)
}

fn flag(kept: bool, wrong: &'static str) -> Speaking {
    let mut judgement = Speaking::new(if kept { Answer::Kept } else { Answer::Broken });
    if !kept {
        judgement = judgement.seen(1, 0, Unit::Flag);
        judgement.note = Note::Word(wrong);
    }
    judgement
}

/// Only the creditor may receive.
fn payee(payment: &Payment, situation: &Situation<'_>) -> Speaking {
    let identity = &situation.version.identity;
    let Some(by) = payment.received_by.as_deref() else { return Speaking::missing(Attribute::ReceivedBy) };
    let owners = [Some(identity.creditor.as_str()), identity.claim_owner.as_deref(), Some("creditor")];
    if owners.contains(&Some(by)) {
        return Speaking::new(Answer::Kept);
    }
    if by == "collector" || identity.collector_entity.as_deref() == Some(by) {
        return flag(false, "the collector received it");
    }
    Speaking::missing(Attribute::ReceivedBy)
}

/// With several debts, nothing is put to a disputed one that the debtor did not name.
fn disputed(rule: &Rule, payment: &Payment, situation: &Situation<'_>) -> Option<Speaking> {
    conditions::any(Set::of(&[Condition::Disputed]), rule.from, situation)?;
    Some(match payment.direction {
        Some(PaymentDirection::Here) => Speaking::new(Answer::Kept),
        Some(_) => flag(false, "the debt is disputed"),
        None => Speaking::missing(Attribute::PaymentDirection),
    })
}

/// Nothing to a later component while an earlier one stays open.
fn order(order: &[Component], owed: &Owed, payment: &Payment, situation: &Situation<'_>) -> Speaking {
    let put = owed.put(payment, situation.payment_order);
    let of = |component: &Component| put.get(component).copied().unwrap_or(0);
    let free = put.iter().filter(|(component, _)| !order.contains(component)).map(|(_, part)| i128::from(*part));
    let mut left = i128::from(payment.amount.minor) - free.sum::<i128>();
    let mut judgement = Speaking::new(Answer::Kept);
    for component in order {
        let most = left.max(0);
        if i128::from(of(component)) > most {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            judgement = Speaking::new(Answer::Broken).seen(of(component), most, Unit::MinorUnits);
            judgement.note = Note::Word(component.as_str());
            break;
        }
        // What is put beyond what was open is gone all the same.
        left -= i128::from(owed.open(*component).max(of(component)));
    }
    judgement
}

/// Nothing to a claim while an older one stays open.
fn oldest(owed: &Owed, payment: &Payment) -> Option<Speaking> {
    let named = owed.claims.iter().find(|claim| Some(&claim.id) == payment.claim.as_ref());
    let Some(named) = named else { return Some(Speaking::missing(Attribute::PaidClaim)) };
    let others = || owed.claims.iter().filter(|claim| claim.open > 0 && claim.id != named.id);
    let Some(due) = named.due else {
        return others().next().map(|_| Speaking::missing(Attribute::DueDate));
    };
    if others().any(|claim| claim.due.is_some_and(|other| other < due)) {
        return Some(flag(false, "an older claim is open"));
    }
    if others().any(|claim| claim.due.is_none()) {
        return Some(Speaking::missing(Attribute::DueDate));
    }
    Some(Speaking::new(Answer::Kept))
}
