//! What interest may run on: the principal of the claims meant, as far as it is open, and what else is owed.

use chrono::NaiveDate;

use super::judgement::{Note, Speaking};
use super::situation::Situation;
use super::speaking::ON;
use crate::domain::case::Claim;
use crate::domain::detail::Interest;
use crate::domain::ids::ClaimId;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::interest_cap::{BaseLimit, InterestCap};
use crate::rules::words::{Attribute, Bound};

/// The claims on which interest may run: the one that it names, else all.
///
/// # Errors
/// The attribute that is missing to tell.
fn meant<'a>(interest: &Interest, situation: &Situation<'a>) -> Result<Vec<&'a Claim>, Attribute> {
    let claims = &situation.version.claims;
    if claims.is_empty() {
        return Err(Attribute::Principal);
    }
    if interest.amount.currency != situation.version.currency {
        return Err(Attribute::Currency);
    }
    let meant: Vec<&Claim> =
        claims.iter().filter(|claim| interest.claim.as_ref().is_none_or(|named| claim.id == *named)).collect();
    // A claim that the case does not state.
    if meant.is_empty() { Err(Attribute::Claim) } else { Ok(meant) }
}

fn principal(claims: &[&Claim]) -> i64 {
    claims.iter().fold(0_i64, |sum, claim| sum.saturating_add(claim.principal))
}

/// What interest runs on at least and at most.
pub(super) struct Bases {
    /// `None`: that is not known.
    pub least: Option<i64>,
    /// `None`: that is not known.
    pub most: Option<i64>,
    /// What is missing to tell what lies between.
    pub missing: Attribute,
}

/// What an accrual runs on. It states that itself; where it does not, or states more than the principal without saying that
/// interest is in it, the principal is the least, and all that is owed the most. `None`: nothing can be told of the amount.
pub(super) fn bases(limits: &InterestCap, interest: &Interest, situation: &Situation<'_>) -> Option<Bases> {
    let missing = Attribute::InterestBase;
    let stated = |base: i64| Bases { least: Some(base), most: Some(base), missing };
    if limits.bound != Bound::Ceiling {
        // An entitlement or a default rate shows what it makes of what is stated.
        return match (interest.base, interest.rate_ppm) {
            (Some(base), _) => Some(stated(base)),
            (None, Some(_)) => None,
            (None, None) => Some(Bases { least: None, most: None, missing }),
        };
    }
    let principal = match (meant(interest, situation), interest.base) {
        (Ok(claims), _) => principal(&claims),
        (Err(_), Some(base)) => return Some(stated(base)),
        (Err(_), None) if interest.amount.minor <= 0 => return None,
        (Err(attribute), None) => return Some(Bases { least: None, most: None, missing: attribute }),
    };
    let memory = situation.watch.memory();
    let sum = |all: &mut dyn Iterator<Item = i64>| all.fold(0_i64, |sum, one| sum.saturating_add(one.max(0)));
    let accrued = sum(&mut memory.accruals.iter().map(|(_, amount)| *amount));
    let prior = situation.version.prior_charges.iter().map(|one| one.amount.minor);
    let charges = memory.standing().map(|one| one.net.saturating_add(one.vat()));
    let costs = sum(&mut charges.chain(prior).chain(memory.raised.iter().map(|(_, amount)| *amount)));
    let costly = principal.saturating_add(costs);
    // What accrued before the history begins is on no record.
    let complete = situation.version.history_complete_from.is_none();
    let all = complete.then(|| costly.saturating_add(accrued));
    let Some(base) = interest.base else {
        // Without a rate nothing says that the whole principal bears it.
        return Some(Bases { least: interest.rate_ppm.map(|_| principal), most: all, missing });
    };
    if base <= principal {
        return Some(stated(base));
    }
    Some(match interest.compound {
        Some(true) => stated(all.map_or(base, |all| base.min(all))),
        Some(false) => Bases { least: Some(principal), most: Some(base.min(costly)), missing },
        None => Bases { least: Some(principal), most: Some(all.map_or(base, |all| base.min(all))), missing },
    })
}

/// No interest on interest.
pub(super) fn simple(interest: &Interest, situation: &Situation<'_>) -> Speaking {
    match (interest.compound, interest.base) {
        (Some(true), _) => {
            let mut judgement = Speaking::new(Answer::Broken).seen(1, 0, Unit::Flag);
            judgement.note = Note::Word("interest on interest");
            judgement
        }
        (Some(false), _) => Speaking::new(Answer::Kept),
        (None, Some(base)) if meant(interest, situation).is_ok_and(|claims| base <= principal(&claims)) => {
            Speaking::new(Answer::Kept)
        }
        (None, _) => Speaking::missing(Attribute::InterestBase),
    }
}

/// The base against the principal of the claims meant, or what of it is overdue, as far as it was open when interest began.
pub(super) fn at_most(most: BaseLimit, interest: &Interest, situation: &Situation<'_>) -> Speaking {
    let Some(base) = interest.base else { return Speaking::missing(Attribute::InterestBase) };
    let claims = match meant(interest, situation) {
        Ok(claims) => claims,
        Err(attribute) => return Speaking::missing(attribute),
    };
    // Whether a claim was overdue when interest began; `None`: that is not known.
    let bears = |claim: &Claim| match (most, interest.from, claim.due()) {
        (BaseLimit::Principal, ..) => Some(true),
        (BaseLimit::Overdue, Some(from), Some(due)) => Some(due < from),
        (BaseLimit::Overdue, ..) => None,
    };
    let ids = |bears: &dyn Fn(&Claim) -> bool| -> Vec<&ClaimId> {
        claims.iter().filter(|claim| bears(claim)).map(|claim| &claim.id).collect()
    };
    let (sure, possible) = (ids(&|claim| bears(claim) == Some(true)), ids(&|claim| bears(claim) != Some(false)));
    let day = |day: NaiveDate| Timestamp::start_of(day, situation.home_zone());
    let owed = situation.watch.owed(situation.version);
    let begun = interest.from.map(day);
    let (least, _) = owed.principal_before(&sure, begun.unwrap_or(situation.at));
    // Without a first day, nothing says what was paid before it.
    let (_, at_most) = owed.principal_before(&possible, begun.unwrap_or(Timestamp(i64::MIN)));
    let shown =
        |answer, limit| Speaking { note: Note::Word(ON), ..Speaking::new(answer).seen(base, limit, Unit::MinorUnits) };
    if base > at_most {
        return shown(Answer::Broken, at_most);
    }
    if base <= least {
        return shown(Answer::Kept, least);
    }
    Speaking::missing(if interest.from.is_none() {
        Attribute::AccrualPeriod
    } else if sure.len() < possible.len() {
        Attribute::DueDate
    } else {
        // It depends on the claim that a payment was for which names none.
        Attribute::PaidClaim
    })
}
