//! The most that the debtor may be charged for a step: the sum of charges against the table of the law.

use super::fee_sums::{Charges, Fit, Sum, before};
use super::judgement::{Note, Speaking};
use super::situation::Situation;
use super::speaking::{ConditionalLimit, Evidence};
use super::{applies, fee_conditions, fee_later, fee_often};
use crate::domain::detail::{Charge, Detail};
use crate::domain::ids::{ActivityId, ClaimId};
use crate::domain::verdict::{Answer, Confidence, Unit};
use crate::domain::vocabulary::ChargeStep;
use crate::rules::calendar::Calendar;
use crate::rules::model::{FeeCap, Rule, TierValue};
use crate::rules::words::{Attribute, Bound, FeeBasis, FeePer, Set};

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
    let mut missing = match fee_conditions::lacking(limits, charge, situation) {
        Ok(missing) => missing,
        Err(broken) => return Some(*broken),
    };
    // An entitlement, a default rate or a sum to be set off accuses nobody.
    if limits.bound != Bound::Ceiling {
        return Some(missing.map_or(Speaking::new(Answer::Kept), Speaking::missing));
    }
    let mut told = bounded(rule, limits, charge, situation, calendar);
    if limits.vat_only_if_not_deductible
        && let Some(vat) = charge.vat.filter(|vat| *vat > 0)
    {
        match situation.version.terms.creditor_deducts_vat {
            // The tax stays one however long is waited, and an excess that does so too is more than it.
            Some(true) if told.answer != Answer::Broken || told.allowed_from.is_some() => {
                told = Speaking::new(Answer::Broken).seen(vat, 0, Unit::MinorUnits);
                told.note = Note::Word("vat");
                told.evidence.push(situation.activity.id.clone());
            }
            Some(_) => {}
            None => missing = missing.or(Some(Attribute::VatDeduction)),
        }
    }
    // What is not known hides no excess that is there whatever it is, and is not known later either.
    if let Some(attribute) = missing {
        told.allowed_from = None;
        if told.answer == Answer::Kept {
            return Some(Speaking::missing(attribute));
        }
    }
    Some(told)
}

/// The charge against number, days and amount: a breach of one of them, else what is missing for one, else the amount. What
/// no waiting mends is told before what came too soon.
fn bounded(rule: &Rule, limits: &FeeCap, charge: &Charge, situation: &Situation<'_>, calendar: &Calendar) -> Speaking {
    let number = fee_often::number(limits, charge, situation);
    let soon = fee_often::soon(limits, charge, situation);
    let is = |said: &Option<Speaking>, answer| said.as_ref().is_some_and(|said| said.answer == answer);
    let unknown = [&number, &soon].into_iter().any(|said| is(said, Answer::Unknown)).then_some(Attribute::Claim);
    if let Some(many) = number.as_ref().filter(|said| said.answer == Answer::Broken) {
        return many.clone();
    }
    let told = if limits.tiers.is_empty() && limits.maximum.is_none() {
        without_figure(limits, charge, situation, number)
    } else {
        amount(rule, limits, charge, situation, calendar)
    };
    if told.answer != Answer::Broken
        && let Some(mut early) = soon.filter(|said| said.answer == Answer::Broken)
    {
        // Whether more than time is wanting is not known.
        if unknown.is_some() || told.answer == Answer::Unknown {
            early.allowed_from = None;
        }
        return early;
    }
    match unknown {
        Some(attribute) if told.answer == Answer::Kept => Speaking::missing(attribute),
        _ => told,
    }
}

/// A charge that no amount bounds but the one that was agreed.
fn without_figure(limits: &FeeCap, charge: &Charge, situation: &Situation<'_>, number: Option<Speaking>) -> Speaking {
    let only_conditions = limits.min_days_between.is_some() || !limits.requires.is_empty();
    let charged = Sum::new(charge.amount.minor, charge.vat.unwrap_or(0)).counted(limits.highest_vat);
    if let Some(agreed) = fee_conditions::agreed(limits, situation)
        && charge.amount.currency == situation.version.currency
        && charged > i128::from(agreed)
    {
        let mut judgement = Speaking::new(Answer::Broken).seen(clamp(charged), agreed, Unit::MinorUnits);
        judgement.evidence.push(situation.activity.id.clone());
        return judgement;
    }
    match number {
        Some(number) => number,
        None if only_conditions => Speaking::new(Answer::Kept),
        None => Speaking::no_figure(),
    }
}

/// The sum of the charges against the table.
fn amount(rule: &Rule, limits: &FeeCap, charge: &Charge, situation: &Situation<'_>, calendar: &Calendar) -> Speaking {
    // What was charged before and the principal are in the case's currency.
    if [charge.amount.currency, situation.version.currency].iter().any(|currency| *currency != limits.currency) {
        return Speaking::missing(Attribute::Currency);
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
    let yearly = match yearly(rule, limits, situation) {
        Ok(yearly) => yearly,
        Err(missing) => return Speaking::missing(missing),
    };
    let named = charge.claim.as_ref();
    let mut earlier = match limits.per {
        FeePer::Claim => Charges::by_claim(named, situation),
        FeePer::Case | FeePer::Charge => Charges::together(),
    };
    if limits.per != FeePer::Charge {
        earlier.add_all(before(limits.steps, situation));
    }
    let mut charges = earlier.clone();
    charges.add(named, Sum::new(charge.amount.minor, charge.vat.unwrap_or(0)));
    let judged = |factor: i64| compare(limits, (factor, yearly), charge.basis, &charges, situation);
    let mut judgement = judged(factor);
    if let Some((higher, Err(attribute))) = later
        && judgement.answer == Answer::Broken
        && judged(higher).answer != Answer::Broken
    {
        return Speaking::missing(attribute);
    }
    let most = |factor: i64| caps(limits, (factor, yearly), charge.basis, &charges, situation);
    let left = |charges: &Charges<'_>, factor: i64| charges.left(&known(&most(factor)), limits.highest_vat);
    judgement.remaining = match judgement.answer {
        Answer::Broken => left(&earlier, factor).map(|left| clamp(left.max(0))),
        Answer::Kept => left(&charges, factor).map(|left| clamp(left.max(0))),
        _ => return judgement,
    };
    // Once a second letter has gone out, the condition cannot come true any more.
    if let Some(lower) = limits.factor_if_paid_on_first_letter
        && situation.watch.memory().demands <= 1
        && let [Ok(limit)] = most(lower).as_slice()
        && let Some(left) = left(&charges, lower)
    {
        judgement.conditional = Some(Box::new(ConditionalLimit {
            condition: "paid_on_first_letter",
            limit: clamp(*limit),
            remaining: clamp(left),
        }));
    }
    judgement
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// A debt paid before a second letter makes the lower factor hold: the charges are judged again on the payment.
fn paid(rule: &Rule, limits: &FeeCap, situation: &Situation<'_>) -> Option<Speaking> {
    let factor = limits.factor_if_paid_on_first_letter?;
    let mut charges = Charges::together();
    charges.add_all(before(limits.steps, situation));
    if limits.bound != Bound::Ceiling
        || before(limits.steps, situation).all(|one| one.sum() == Sum::default())
        || !situation.watch.paid_off_by(situation.activity)
        || situation.watch.memory().demands > 1
    {
        return None;
    }
    if situation.version.currency != limits.currency {
        return Some(Speaking::missing(Attribute::Currency));
    }
    let yearly = yearly(rule, limits, situation).ok()?;
    Some(compare(limits, (factor, yearly), None, &charges, situation))
}

/// The yearly amount that the tiers multiply, and whether it was read in its source.
type Yearly = Option<(i64, Confidence)>;

/// The yearly amount of the day that picks the rule's version; else what is missing for it.
fn yearly(rule: &Rule, limits: &FeeCap, situation: &Situation<'_>) -> Result<Yearly, Attribute> {
    let Some(table) = &limits.yearly else { return Ok(None) };
    let (date, attribute) = applies::version_date(rule.version_by, situation);
    table.at(date.ok_or(attribute)?).map(Some).ok_or(Attribute::TableRate)
}

/// The caps of the claims that the charges are told apart by.
fn caps(
    limits: &FeeCap,
    factor: (i64, Yearly),
    stated: Option<i64>,
    charges: &Charges<'_>,
    situation: &Situation<'_>,
) -> Vec<Result<i128, Attribute>> {
    charges.claims().map(|claim| cap(limits, factor, stated, claim, situation)).collect()
}

fn known(caps: &[Result<i128, Attribute>]) -> Vec<Option<i128>> {
    caps.iter().map(|cap| cap.ok()).collect()
}

fn compare(
    limits: &FeeCap,
    (factor, yearly): (i64, Yearly),
    stated: Option<i64>,
    charges: &Charges<'_>,
    situation: &Situation<'_>,
) -> Speaking {
    let caps = caps(limits, (factor, yearly), stated, charges, situation);
    let most = known(&caps);
    let answer = match charges.fit(&most, limits.highest_vat) {
        Fit::Within => Answer::Kept,
        Fit::Over => Answer::Broken,
        Fit::Open => {
            // Without a cap that is not known, it depends on the claim to which those belong that name none.
            let lacking = caps.iter().find_map(|cap| cap.err());
            return Speaking::missing(lacking.unwrap_or(Attribute::Claim));
        }
    };
    let Some((total, cap)) = charges.shown(&most, limits.highest_vat) else {
        return Speaking::missing(Attribute::Principal);
    };
    let mut judgement = Speaking::new(answer).seen(clamp(total), clamp(cap), Unit::MinorUnits);
    judgement.unconfirmed = yearly.is_some_and(|(_, confidence)| confidence == Confidence::Unconfirmed);
    if answer == Answer::Broken {
        judgement.evidence = evidence(limits, situation);
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
    // No more is owed than was agreed, where it must have been.
    let agreed = |cap: i128| fee_conditions::agreed(limits, situation).map_or(cap, |fee| cap.min(fee.into()));
    if limits.tiers.is_empty() {
        return limits.maximum.map(|most| agreed(most.into())).ok_or(lacking);
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
        FeeBasis::Steps => net(limits.basis_steps, claim, situation),
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
    Ok(agreed(cap))
}

/// The charges that a judgement counts, with the one that is judged.
pub(super) fn evidence(limits: &FeeCap, situation: &Situation<'_>) -> Evidence {
    let charges = situation.watch.memory().standing().filter(|one| limits.steps.has(one.step));
    let mut ids: Vec<ActivityId> = charges.map(|one| one.id.clone()).collect();
    ids.push(situation.activity.id.clone());
    ids.into()
}

/// Net charges of the steps that are a basis: all of the case, or those of a claim. Where the case has no other claim, those
/// that name none are of this one.
fn net(steps: Set<ChargeStep>, claim: Option<&ClaimId>, situation: &Situation<'_>) -> i128 {
    let alone = situation.version.claims.len() < 2;
    let meant = |named: Option<&ClaimId>| claim.is_none() || named.map_or(alone, |named| Some(named) == claim);
    before(steps, situation).filter(|one| meant(one.claim())).map(|one| one.sum().net()).sum()
}
