//! How often and how soon a fee may be charged again, for the same claim where claims are told apart.

use chrono::NaiveDate;

use super::fee_cap::evidence;
use super::fee_sums::{Charges, Fit, Sum, before};
use super::judgement::{Note, Speaking};
use super::situation::Situation;
use crate::domain::detail::Charge;
use crate::domain::ids::ClaimId;
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Answer, Unit};
use crate::rules::model::FeeCap;
use crate::rules::words::{Attribute, FeePer};

/// Charges before, with none in it yet, as the rule counts them.
fn charges<'a>(limits: &FeeCap, charge: &'a Charge, situation: &Situation<'a>) -> Charges<'a> {
    if limits.per == FeePer::Case || limits.across_claims {
        Charges::together()
    } else {
        Charges::by_claim(charge.claim.as_ref(), situation)
    }
}

/// How many of them there are with this one.
pub(super) fn number<'a>(limits: &FeeCap, charge: &'a Charge, situation: &Situation<'a>) -> Option<Speaking> {
    let max = limits.max_count?;
    let mut charges = charges(limits, charge, situation);
    for one in before(limits.steps, situation) {
        charges.add(one.claim(), Sum::SINGLE);
    }
    charges.add(charge.claim.as_ref(), Sum::SINGLE);
    let most: Vec<Option<i128>> = charges.claims().map(|_| Some(i128::from(max))).collect();
    let answer = match charges.fit(&most, 0) {
        Fit::Within => Answer::Kept,
        Fit::Over => Answer::Broken,
        Fit::Open => return Some(Speaking::missing(Attribute::Claim)),
    };
    let (seen, limit) = charges.shown(&most, 0)?;
    let clamp = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
    let mut judgement = Speaking::new(answer).seen(clamp(seen), clamp(limit), Unit::Attempts);
    judgement.note = Note::Word("charges");
    judgement.remaining = Some(clamp(charges.left(&most, 0).unwrap_or(0).max(0)));
    if answer == Answer::Broken {
        judgement.evidence = evidence(limits, situation);
    }
    Some(judgement)
}

/// Less time has passed since the last of them than must; or it may have, which depends on the claim that it was for.
pub(super) fn soon<'a>(limits: &FeeCap, charge: &'a Charge, situation: &Situation<'a>) -> Option<Speaking> {
    let days = limits.min_days_between?;
    let date = situation.date();
    let mut charges = charges(limits, charge, situation);
    let mut recent: Vec<(Option<&ClaimId>, NaiveDate)> = Vec::new();
    for one in before(limits.steps, situation) {
        let on = one.on(situation);
        if date < add_days(on, days.into()) {
            charges.add(one.claim(), Sum::SINGLE);
            recent.push((one.claim(), on));
        }
    }
    charges.add(charge.claim.as_ref(), Sum::SINGLE);
    // Of those that are so close to each other each claim bears one.
    let most: Vec<Option<i128>> = charges.claims().map(|_| Some(1)).collect();
    match charges.fit(&most, 0) {
        Fit::Within => return None,
        Fit::Open => return Some(Speaking::missing(Attribute::Claim)),
        Fit::Over => {}
    }
    let own = recent.iter().filter(|(claim, _)| charges.is_own(*claim)).map(|(_, on)| *on).max();
    // Where no claim is free for it, one may be again as soon as the first of them is long enough ago.
    let (last, first) = match own {
        Some(last) => (last, last),
        None => (recent.iter().map(|(_, on)| *on).max()?, recent.iter().map(|(_, on)| *on).min()?),
    };
    let waited = date.signed_duration_since(last).num_days();
    let mut judgement = Speaking::new(Answer::Broken).seen(waited, days.into(), Unit::Days);
    judgement.allowed_from = Some(Timestamp::start_of(add_days(first, days.into()), situation.home_zone()));
    judgement.evidence = evidence(limits, situation);
    Some(judgement)
}
