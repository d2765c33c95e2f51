//! Interest against the highest rate, the earliest day, what it may run on, and all of it together.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::accrual::{self, Caps, Lack};
use super::conditions::lasting;
use super::judgement::{Note, Speaking};
use super::situation::Situation;
use super::speaking::IN_ALL;
use super::{interest_base, interest_start};
use crate::domain::case::{Claim, InterestKind};
use crate::domain::detail::{Detail, Interest, InterestNature};
use crate::domain::money::Money;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::interest_cap::{InterestCap, TotalCap, TotalOf};
use crate::rules::model::Rule;
use crate::rules::words::{Attribute, Bound};

const ONE: i128 = 1_000_000;

pub(crate) fn judge(
    rule: &Rule,
    limits: &InterestCap,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<Speaking> {
    let mut found = Vec::new();
    match &situation.activity.detail {
        Detail::Interest(interest) => {
            if !limits.during.is_empty() && !during(rule, limits, interest, situation, calendar, &mut found) {
                return None;
            }
            let claim =
                interest.claim.as_ref().and_then(|id| situation.version.claims.iter().find(|claim| claim.id == *id));
            let strange = interest.claim.is_some() && claim.is_none() && !situation.version.claims.is_empty();
            if strange && limits.rate_on.is_of_claims() {
                // Of a claim that the case does not state no day is known.
                found.push(Speaking::missing(Attribute::Claim));
            } else if !limits.tiers.is_empty() {
                let each = meant(limits, claim, situation).into_iter().filter_map(|claim| {
                    let mut told = Vec::new();
                    rates(rule, limits, (interest, claim), situation, calendar, &mut told);
                    told.into_iter().reduce(worse)
                });
                found.extend(agreed(each.collect()));
            }
            if limits.simple {
                found.push(interest_base::simple(interest, situation));
            }
            found.extend(limits.base_at_most.map(|most| interest_base::at_most(most, interest, situation)));
            if !limits.starts.is_empty() {
                found.push(interest_start::started(limits, interest, (claim, strange), situation, calendar));
            }
            found.extend(limits.total.map(|total| together(total, interest.amount, 0, situation)));
        }
        Detail::Charge(charge) => {
            found.extend(limits.total.map(|total| together(total, charge.amount, charge.vat.unwrap_or(0), situation)));
        }
        _ => stated(rule, limits, situation, calendar, &mut found),
    }
    let says_nothing = limits.tiers.is_empty()
        && !limits.simple
        && limits.base_at_most.is_none()
        && limits.starts.is_empty()
        && limits.total.is_none();
    if says_nothing {
        found.push(Speaking::no_figure());
    }
    if limits.bound != Bound::Ceiling {
        // An entitlement or a default rate accuses nobody: its figure is shown.
        let shown = |one: &Speaking| u8::from(one.limit.is_some()) * 2 + u8::from(one.no_figure);
        let told = found.into_iter().reduce(|told, one| if shown(&one) > shown(&told) { one } else { told })?;
        return Some(match told.note {
            // There is a figure, only not here: nothing was held against it.
            Note::Missing(Attribute::TableRate) => Speaking { answer: Answer::Kept, no_figure: true, ..told },
            _ => Speaking { answer: Answer::Kept, note: Note::None, ..told },
        });
    }
    // The worst that is said is the rule's word.
    let mut worst = found.into_iter().reduce(worse)?;
    if worst.answer == Answer::Broken {
        worst.evidence.push(situation.activity.id.clone());
    }
    Some(worst)
}

const fn rank(one: &Speaking) -> u8 {
    match one.answer {
        Answer::Broken => 3,
        Answer::Unknown => 2,
        _ if one.no_figure => 0,
        _ => 1,
    }
}

fn worse(one: Speaking, other: Speaking) -> Speaking {
    if rank(&other) > rank(&one) { other } else { one }
}

/// The claims whose days pick a rate: the one that is named, else one for each day that claims of the case have. `None`: no
/// claim is asked.
fn meant<'c>(limits: &InterestCap, named: Option<&'c Claim>, situation: &Situation<'c>) -> Vec<Option<&'c Claim>> {
    let claims = &situation.version.claims;
    if named.is_some() || !limits.rate_on.is_of_claims() || claims.is_empty() {
        return vec![named];
    }
    let by_day: BTreeMap<_, &Claim> =
        claims.iter().map(|claim| (accrual::day_of(limits.rate_on, claim), claim)).collect();
    by_day.into_values().map(Some).collect()
}

/// What is said whichever claim is meant; else that it is missing.
fn agreed(told: Vec<Speaking>) -> Option<Speaking> {
    let same = told.windows(2).all(|pair| matches!(pair, [one, other] if one.answer == other.answer));
    let open = told.iter().position(|one| one.answer == Answer::Unknown);
    match (same, open) {
        (true, _) => told.into_iter().reduce(worse),
        (false, Some(open)) => told.into_iter().nth(open),
        (false, None) => Some(Speaking::missing(Attribute::Claim)),
    }
}

/// The person had one of the conditions on a day of the accrual; what cannot be told is kept as a judgement.
fn during(
    rule: &Rule,
    limits: &InterestCap,
    interest: &Interest,
    situation: &Situation<'_>,
    calendar: &Calendar,
    found: &mut Vec<Speaking>,
) -> bool {
    let zone = situation.home_zone();
    let (first, last) = period(interest).unwrap_or((situation.date(), situation.date()));
    let mut any = false;
    for one in lasting(&limits.lasts, limits.during, rule.from, situation, calendar) {
        let (begun, ended) = (situation.date_in(one.from, zone), one.until.map(|until| situation.date_in(until, zone)));
        let overlaps = begun <= last && ended.is_none_or(|ended| first < ended);
        if !overlaps || limits.during_written && one.written == Some(false) {
            continue;
        }
        if limits.contract_before_condition {
            match situation.version.dates.contract {
                Some(contract) if contract >= begun => continue,
                Some(_) => {}
                None => found.push(Speaking::missing(Attribute::ContractDate)),
            }
        }
        if limits.during_written && one.written.is_none() {
            found.push(Speaking::missing(Attribute::WrittenRequest));
        }
        any = true;
    }
    any
}

/// First and last day of the accrual.
fn period(interest: &Interest) -> Option<(NaiveDate, NaiveDate)> {
    interest.from.zip(interest.to)
}

fn rates(
    rule: &Rule,
    limits: &InterestCap,
    (interest, claim): (&Interest, Option<&Claim>),
    situation: &Situation<'_>,
    calendar: &Calendar,
    found: &mut Vec<Speaking>,
) {
    let stated = period(interest);
    if stated.is_none() && !accrual::constant(rule, limits) {
        found.push(Speaking::missing(Attribute::AccrualPeriod));
        return;
    }
    let days = stated.unwrap_or((situation.date(), situation.date()));
    let caps = match accrual::caps(rule, limits, situation, calendar, days, claim) {
        Ok(caps) => caps,
        Err(lack) => return found.push(lacking(lack)),
    };
    let lack = caps.lack();
    let Some(lowest) = caps.lowest() else { return found.extend(lack.map(lacking)) };
    if let Some(rate) = interest.rate_ppm {
        let answer = if rate > lowest { Answer::Broken } else { Answer::Kept };
        // Days of which no rate is known make nothing lawful that is above the rate of the others.
        found.push(match lack {
            Some(lack) if answer == Answer::Kept => lacking(lack),
            _ => seen(answer, rate, lowest, Unit::RatePpm, &caps),
        });
    }
    match (stated, interest.rate_ppm, interest.base) {
        (Some(_), ..) => found.extend(amount(limits, interest, situation, &caps)),
        (None, None, Some(_)) => found.push(Speaking::missing(Attribute::AccrualPeriod)),
        (None, None, None) => found.push(Speaking::missing(Attribute::InterestBase)),
        (None, Some(_), _) => {}
    }
}

/// The amount against what the days on which the rule binds yield, on what interest may run on at least and at most.
fn amount(limits: &InterestCap, interest: &Interest, situation: &Situation<'_>, caps: &Caps) -> Option<Speaking> {
    let bases = interest_base::bases(limits, interest, situation)?;
    let charged = interest.amount.minor;
    let yields = |base: i64| i64::try_from(caps.amount(base, limits.day_count)).unwrap_or(i64::MAX);
    if let Some(yielded) = bases.least.map(yields)
        && charged <= yielded
    {
        return Some(seen(Answer::Kept, charged, yielded, Unit::MinorUnits, caps));
    }
    // A rate that is lawful on the days on which the rule binds, and an amount that all days yield at it.
    let lawful = interest.rate_ppm.filter(|rate| caps.lowest().is_some_and(|lowest| *rate <= lowest));
    if let (Some(rate), Some(base)) = (lawful, bases.least)
        && i128::from(charged) <= caps.amount_at(rate, base, limits.day_count)
    {
        return None;
    }
    let Some(yielded) = bases.most.map(yields).filter(|yielded| charged > *yielded) else {
        return Some(Speaking::missing(bases.missing));
    };
    if let Some(lack) = caps.lack() {
        return Some(lacking(lack));
    }
    if !caps.whole() {
        // What accrued on the other days is not told apart.
        return Some(Speaking::missing(Attribute::AccrualPeriod));
    }
    Some(seen(Answer::Broken, charged, yielded, Unit::MinorUnits, caps))
}

fn seen(answer: Answer, observed: i64, limit: i64, unit: Unit, caps: &Caps) -> Speaking {
    let mut judgement = Speaking::new(answer).seen(observed, limit, unit);
    judgement.unconfirmed = caps.unconfirmed;
    judgement
}

fn lacking(lack: Lack) -> Speaking {
    match lack {
        Lack::NoFigure => Speaking::no_figure(),
        Lack::Missing(attribute) => Speaking::missing(attribute),
    }
}

/// All interest, and charges where they count with what VAT they bear, this amount included.
fn together(total: TotalCap, amount: Money, vat: i64, situation: &Situation<'_>) -> Speaking {
    if situation.version.claims.is_empty() {
        return Speaking::missing(Attribute::Principal);
    }
    let memory = situation.watch.memory();
    let mut sum = 0_i128;
    if total.count.has(TotalOf::Interest) {
        sum += memory.accruals.iter().map(|(_, amount)| i128::from(*amount)).sum::<i128>();
    }
    if total.count.has(TotalOf::Charges) {
        sum += memory.standing().map(|one| i128::from(one.net) + i128::from(one.vat().max(0))).sum::<i128>();
        let date = situation.date();
        let prior = situation.version.prior_charges.iter().filter(|one| one.on <= date);
        sum += prior.map(|one| i128::from(one.amount.minor)).sum::<i128>();
    }
    let principal = i128::from(situation.version.principal());
    let most = (principal * i128::from(total.share) + ONE / 2).div_euclid(ONE);
    if amount.currency == situation.version.currency {
        sum += i128::from(amount.minor) + i128::from(vat.max(0));
    } else if sum <= most && amount.minor > 0 {
        return Speaking::missing(Attribute::Currency);
    }
    let clamp = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
    let answer = if sum > most { Answer::Broken } else { Answer::Kept };
    Speaking { note: Note::Word(IN_ALL), ..Speaking::new(answer).seen(clamp(sum), clamp(most), Unit::MinorUnits) }
}

/// The rates that the case itself states, when it comes or changes them.
fn stated(
    rule: &Rule,
    limits: &InterestCap,
    situation: &Situation<'_>,
    calendar: &Calendar,
    found: &mut Vec<Speaking>,
) {
    let terms = &situation.version.terms;
    let case = [
        (InterestNature::Default, terms.agreed_default_rate_ppm, None),
        (InterestNature::Credit, terms.contract_rate_ppm, None),
    ];
    let claims = situation.version.claims.iter().filter(|claim| claim.interest_kind != Some(InterestKind::None));
    let of_claims = claims.map(|claim| (InterestNature::Default, claim.interest_rate_ppm, Some(claim)));
    for (nature, rate, claim) in case.into_iter().chain(of_claims) {
        let Some(rate) = rate.filter(|_| limits.natures.admits(nature)) else { continue };
        let on = claim.and_then(|claim| claim.interest_from).unwrap_or(situation.date());
        let each = meant(limits, claim, situation).into_iter().filter_map(|claim| {
            match accrual::caps(rule, limits, situation, calendar, (on, on), claim) {
                Ok(caps) => {
                    let Some(lowest) = caps.lowest() else { return caps.lack().map(lacking) };
                    let answer = if rate > lowest { Answer::Broken } else { Answer::Kept };
                    Some(seen(answer, rate, lowest, Unit::RatePpm, &caps))
                }
                Err(lack) => Some(lacking(lack)),
            }
        });
        found.extend(agreed(each.collect()));
    }
}
