//! The most that the debtor may be charged for a step: the sum of charges against the table of the law.

use super::judgement::{Note, Speaking};
use super::notice_period::earlier_steps;
use super::situation::Situation;
use super::speaking::ConditionalLimit;
use super::{applies, fee_later};
use crate::domain::detail::{Charge, Detail};
use crate::domain::ids::{ActivityId, ClaimId};
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Answer, Confidence, Unit};
use crate::domain::vocabulary::{ChargeStep, Form};
use crate::rules::calendar::Calendar;
use crate::rules::model::{FeeCap, Rule, TierValue};
use crate::rules::step::Step;
use crate::rules::words::{Attribute, Bound, FeeBasis, FeeCondition, FeePer, Set};

const ONE: i128 = 1_000_000;

/// `value` times millionths, rounded half up: the one rounding of fee rules.
fn share(value: i128, millionths: i64) -> i128 {
    (value * i128::from(millionths) + ONE / 2).div_euclid(ONE)
}

pub(crate) fn judge(rule: &Rule, limits: &FeeCap, situation: &Situation<'_>, calendar: &Calendar) -> Option<Speaking> {
    if limits.unless_disputed && situation.ever_disputed() {
        return None;
    }
    match &situation.activity.detail {
        Detail::Charge(charge) => charged(rule, limits, charge, situation, calendar),
        Detail::Payment(_) => paid(rule, limits, situation),
        _ => None,
    }
}

fn charged(
    rule: &Rule,
    limits: &FeeCap,
    charge: &Charge,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<Speaking> {
    let id = &situation.activity.id;
    for condition in limits.requires.iter() {
        let failed = match met(condition, charge, situation) {
            Some(true) => continue,
            Some(false) => Speaking::new(Answer::Broken),
            None => Speaking::missing(attribute(condition)),
        };
        if failed.answer == Answer::Unknown {
            return Some(failed);
        }
        let mut judgement = failed.seen(charge.amount.minor, 0, Unit::MinorUnits);
        judgement.note = Note::Word(condition.as_str());
        judgement.evidence.push(id.clone());
        return Some(judgement);
    }
    if limits.bound != Bound::Ceiling {
        // An entitlement, a default rate or a sum to be set off accuses nobody.
        return Some(Speaking::new(Answer::Kept));
    }
    // What was charged before and the principal are in the case's currency.
    if [charge.amount.currency, situation.version.currency].iter().any(|currency| *currency != limits.currency) {
        return Some(Speaking::missing(Attribute::Currency));
    }
    if limits.vat_only_if_not_deductible && charge.vat.is_some_and(|vat| vat > 0) {
        match situation.version.terms.creditor_deducts_vat {
            Some(true) => {
                let mut judgement = Speaking::new(Answer::Broken).seen(charge.vat.unwrap_or(0), 0, Unit::MinorUnits);
                judgement.note = Note::Word("vat");
                judgement.evidence.push(id.clone());
                return Some(judgement);
            }
            None => return Some(Speaking::missing(Attribute::VatDeduction)),
            Some(false) => {}
        }
    }
    if let Some(judgement) = counted(limits, situation) {
        return Some(judgement);
    }
    if limits.tiers.is_empty() && limits.maximum.is_none() {
        let only_conditions = limits.min_days_between.is_some() || !limits.requires.is_empty();
        return Some(match limits.max_count {
            Some(max) => {
                let seen = number_of(limits, situation);
                let mut judgement = Speaking::new(Answer::Kept).seen(seen, max.into(), Unit::Attempts);
                judgement.note = Note::Word("charges");
                judgement.remaining = Some((i64::from(max) - seen).max(0));
                judgement
            }
            None if only_conditions => Speaking::new(Answer::Kept),
            None => Speaking::no_figure(),
        });
    }
    let factor = match limits.factor_if_complex {
        Some(higher) if situation.version.terms.complex == Some(true) => higher,
        _ => limits.factor,
    };
    let later = limits.later.as_ref().map(|later| (later.factor, fee_later::reached(later, situation, calendar)));
    let factor = match later {
        Some((later, Ok(true))) => factor.max(later),
        _ => factor,
    };
    let claim = charge.claim.as_ref().filter(|_| limits.per == FeePer::Claim);
    let (before, open) = match limits.per {
        FeePer::Charge => (0, 0),
        _ => (sum(limits.steps, claim, situation), of_any_claim(limits.steps, claim, situation)),
    };
    let total = before.saturating_add(i128::from(charge.amount.minor));
    let yearly = match yearly(rule, limits, situation) {
        Ok(yearly) => yearly,
        Err(missing) => return Some(Speaking::missing(missing)),
    };
    let mut judgement = compare(limits, (factor, yearly), charge.basis, claim, total, situation);
    if let Some((higher, Err(attribute))) = later
        && judgement.answer == Answer::Broken
        && compare(limits, (higher, yearly), charge.basis, claim, total, situation).answer != Answer::Broken
    {
        return Some(Speaking::missing(attribute));
    }
    if open != 0
        && judgement.answer == Answer::Kept
        && compare(limits, (factor, yearly), charge.basis, claim, total + open, situation).answer == Answer::Broken
    {
        // It depends on the claim to which those belong that name none.
        return Some(Speaking::missing(Attribute::Claim));
    }
    let Some(limit) = judgement.limit else { return Some(judgement) };
    let left = i128::from(limit) - open - if judgement.answer == Answer::Broken { before } else { total };
    judgement.remaining = Some(clamp(left.max(0)));
    // Once a second letter has gone out, the condition cannot come true any more.
    if let Some(lower) = limits.factor_if_paid_on_first_letter
        && situation.watch.memory().demands <= 1
        && let Ok(limit) = cap(limits, (lower, yearly), charge.basis, claim, situation)
    {
        judgement.conditional = Some(Box::new(ConditionalLimit {
            condition: "paid_on_first_letter",
            limit: clamp(limit),
            remaining: clamp(limit - total - open),
        }));
    }
    Some(judgement)
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// A debt paid before a second letter makes the lower factor hold: the charges are judged again on the payment.
fn paid(rule: &Rule, limits: &FeeCap, situation: &Situation<'_>) -> Option<Speaking> {
    let factor = limits.factor_if_paid_on_first_letter?;
    let total = sum(limits.steps, None, situation);
    if limits.bound != Bound::Ceiling
        || total == 0
        || !situation.watch.paid_off_by(situation.activity)
        || situation.watch.memory().demands > 1
    {
        return None;
    }
    if situation.version.currency != limits.currency {
        return Some(Speaking::missing(Attribute::Currency));
    }
    let yearly = yearly(rule, limits, situation).ok()?;
    Some(compare(limits, (factor, yearly), None, None, total, situation))
}

/// The yearly amount that the tiers multiply, and whether it was read in its source.
type Yearly = Option<(i64, Confidence)>;

/// The yearly amount of the day that picks the rule's version; else what is missing for it.
fn yearly(rule: &Rule, limits: &FeeCap, situation: &Situation<'_>) -> Result<Yearly, Attribute> {
    let Some(table) = &limits.yearly else { return Ok(None) };
    let (date, attribute) = applies::version_date(rule.version_by, situation);
    table.at(date.ok_or(attribute)?).map(Some).ok_or(Attribute::TableRate)
}

fn compare(
    limits: &FeeCap,
    (factor, yearly): (i64, Yearly),
    stated: Option<i64>,
    claim: Option<&ClaimId>,
    total: i128,
    situation: &Situation<'_>,
) -> Speaking {
    let cap = match cap(limits, (factor, yearly), stated, claim, situation) {
        Ok(cap) => cap,
        Err(attribute) => return Speaking::missing(attribute),
    };
    let answer = if total > cap { Answer::Broken } else { Answer::Kept };
    let mut judgement = Speaking::new(answer).seen(clamp(total), clamp(cap), Unit::MinorUnits);
    judgement.unconfirmed = yearly.is_some_and(|(_, confidence)| confidence == Confidence::Unconfirmed);
    if answer == Answer::Broken {
        judgement.evidence = charge_ids(limits.steps, situation).into();
        judgement.evidence.push(situation.activity.id.clone());
    }
    judgement
}

/// The cap in minor units.
fn cap(
    limits: &FeeCap,
    (factor, yearly): (i64, Yearly),
    stated: Option<i64>,
    claim: Option<&ClaimId>,
    situation: &Situation<'_>,
) -> Result<i128, Attribute> {
    let lacking = if limits.basis == FeeBasis::Charge { Attribute::Basis } else { Attribute::Principal };
    if limits.tiers.is_empty() {
        return limits.maximum.map(i128::from).ok_or(lacking);
    }
    // A flat sum is the same whatever the principal is.
    let measured = limits.tiers.len() > 1 || limits.tiers.iter().any(|tier| matches!(tier.value, TierValue::Rate(_)));
    let basis = match limits.basis {
        FeeBasis::Principal => match claim {
            Some(wanted) => {
                let found = situation.version.claims.iter().find(|one| one.id == *wanted);
                i128::from(found.ok_or(Attribute::Principal)?.principal)
            }
            None if situation.version.claims.is_empty() && measured => return Err(Attribute::Principal),
            None => i128::from(situation.version.principal()),
        },
        FeeBasis::Charge => i128::from(stated.ok_or(lacking)?),
        FeeBasis::Steps => sum(limits.basis_steps, claim, situation),
    };
    let basis = share(basis, limits.basis_share);
    let mut amount: i128 = 0;
    let mut below: i128 = 0;
    let mut found = false;
    for tier in &limits.tiers {
        let top = i128::from(tier.up_to);
        let part = if limits.marginal { basis.min(top) - below } else { basis };
        if limits.marginal || basis <= top {
            let value = match tier.value {
                TierValue::Amount(value) => i128::from(value),
                TierValue::Rate(rate) => share(part.max(0), rate),
                TierValue::Times(times) => share(yearly.map_or(0, |(amount, _)| i128::from(amount)), times),
            };
            amount = if limits.marginal { amount + value } else { value };
        }
        if basis <= top {
            found = true;
            break;
        }
        below = top;
    }
    if !found {
        return Err(lacking);
    }
    let mut cap = share(amount, factor);
    if let Some(least) = limits.minimum {
        cap = cap.max(least.into());
    }
    if let Some(most) = limits.maximum {
        cap = cap.min(most.into());
    }
    Ok(cap)
}

/// Charges of the steps, the one judged included.
fn number_of(limits: &FeeCap, situation: &Situation<'_>) -> i64 {
    let here = situation.watch.memory().standing().filter(|one| limits.steps.has(one.step)).count();
    let prior = situation.version.prior_charges.iter().filter(|one| limits.steps.has(one.step)).count();
    i64::try_from(here + prior).unwrap_or(i64::MAX).saturating_add(1)
}

/// How often and how soon.
fn counted(limits: &FeeCap, situation: &Situation<'_>) -> Option<Speaking> {
    let ids = charge_ids(limits.steps, situation);
    let seen = number_of(limits, situation);
    if let Some(max) = limits.max_count
        && seen > i64::from(max)
    {
        let mut judgement = Speaking::new(Answer::Broken).seen(seen, max.into(), Unit::Attempts);
        judgement.note = Note::Word("charges");
        judgement.remaining = Some(0);
        judgement.evidence = ids.into();
        judgement.evidence.push(situation.activity.id.clone());
        return Some(judgement);
    }
    let days = limits.min_days_between?;
    let zone = situation.home_zone();
    let charges = situation.watch.memory().standing();
    let told = charges.filter(|one| limits.steps.has(one.step)).map(|one| situation.date_in(one.at, zone));
    let prior = situation.version.prior_charges.iter().filter(|one| limits.steps.has(one.step)).map(|one| one.on);
    let last = told.chain(prior).max()?;
    let date = situation.date();
    if date >= add_days(last, days.into()) {
        return None;
    }
    let waited = date.signed_duration_since(last).num_days();
    let mut judgement = Speaking::new(Answer::Broken).seen(waited, days.into(), Unit::Days);
    judgement.allowed_from = Some(Timestamp::start_of(add_days(last, days.into()), zone));
    judgement.evidence = ids.into();
    judgement.evidence.push(situation.activity.id.clone());
    Some(judgement)
}

fn charge_ids(steps: Set<ChargeStep>, situation: &Situation<'_>) -> Vec<ActivityId> {
    let charges = situation.watch.memory().standing();
    charges.filter(|one| steps.has(one.step)).map(|one| one.id.clone()).collect()
}

/// Charges of the steps that stand: all of the case, or those of a claim. Where the case has no other claim, those that name
/// none are of this one.
fn sum(steps: Set<ChargeStep>, claim: Option<&ClaimId>, situation: &Situation<'_>) -> i128 {
    let charges = situation.watch.memory().standing().filter(|one| steps.has(one.step));
    let named = charges.filter(|one| one.claim.is_some() && (claim.is_none() || one.claim.as_ref() == claim));
    let named: i128 = named.map(|one| i128::from(one.net)).sum();
    let all = claim.is_none() || situation.version.claims.len() < 2;
    if all { named + unnamed(steps, situation) } else { named }
}

/// Charges of the steps that may be of this claim or of another one of the case.
fn of_any_claim(steps: Set<ChargeStep>, claim: Option<&ClaimId>, situation: &Situation<'_>) -> i128 {
    if claim.is_none() || situation.version.claims.len() < 2 { 0 } else { unnamed(steps, situation) }
}

/// Charges of the steps that name no claim, those from before the case came here included.
fn unnamed(steps: Set<ChargeStep>, situation: &Situation<'_>) -> i128 {
    let here = situation.watch.memory().standing().filter(|one| steps.has(one.step) && one.claim.is_none());
    let prior = situation.version.prior_charges.iter().filter(|one| steps.has(one.step));
    here.map(|one| i128::from(one.net)).sum::<i128>() + prior.map(|one| i128::from(one.amount.minor)).sum::<i128>()
}

/// A condition of the fee is met; `None` if it is not recorded.
fn met(condition: FeeCondition, charge: &Charge, situation: &Situation<'_>) -> Option<bool> {
    let terms = &situation.version.terms;
    match condition {
        FeeCondition::AgreedReminderFee => Some(terms.agreed_reminder_fee.is_some()),
        FeeCondition::CostClause => terms.cost_clause,
        FeeCondition::Title => {
            Some(situation.watch.titled_on(situation.version).is_some_and(|on| on <= situation.date()))
        }
        FeeCondition::Authorised => Some(charge.authorised_by.is_some()),
        FeeCondition::WrittenNotice => {
            let written = |form: Form| form != Form::Oral;
            if let Some(form) = charge.form {
                return Some(written(form));
            }
            let wanted = match charge.step {
                ChargeStep::Reminder => vec![Step::Reminder],
                _ => vec![Step::Demand],
            };
            let notices: Vec<_> = earlier_steps(situation, &wanted).collect();
            if let Some(id) = &charge.notice {
                return notices.iter().find(|one| one.id.as_ref() == Some(id)).map(|one| one.form.map(written))?;
            }
            if notices.iter().any(|one| one.form.is_some_and(written)) {
                return Some(true);
            }
            if notices.iter().any(|one| one.form.is_none()) { None } else { Some(false) }
        }
        FeeCondition::WrittenPlan => Some(situation.watch.written_plan()),
    }
}

const fn attribute(condition: FeeCondition) -> Attribute {
    match condition {
        FeeCondition::AgreedReminderFee => Attribute::AgreedReminderFee,
        FeeCondition::CostClause => Attribute::CostClause,
        _ => Attribute::NoticeForm,
    }
}
