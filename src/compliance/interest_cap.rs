//! Interest against the highest rate, the earliest day, what it may run on, and all of it together.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::accrual::{self, Caps, Lack};
use super::conditions::lasting;
use super::judgement::{Note, Speaking};
use super::notice_period::{earlier_steps, term_start};
use super::situation::Situation;
use super::speaking::{IN_ALL, ON};
use crate::domain::case::{Claim, InterestKind};
use crate::domain::detail::{Detail, Interest, InterestNature};
use crate::domain::time::add_days;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::interest_cap::{BaseLimit, InterestCap, InterestStart, StartAfter, TotalCap, TotalOf};
use crate::rules::model::Rule;
use crate::rules::words::{Attribute, Bound, CountFrom};

const ONE: i128 = 1_000_000;

pub(crate) fn judge(
    rule: &Rule,
    limits: &InterestCap,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<Speaking> {
    let principal = situation.version.principal();
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
                found.push(simple(interest, principal));
            }
            found.extend(limits.base_at_most.map(|most| base(most, interest, situation)));
            if !limits.starts.is_empty() {
                found.push(started(limits, interest, (claim, strange), situation, calendar));
            }
            found.extend(limits.total.map(|total| together(total, interest.amount.minor, situation)));
        }
        Detail::Charge(charge) => {
            found.extend(limits.total.map(|total| together(total, charge.amount.minor, situation)));
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
    let Some(lowest) = caps.lowest() else { return };
    let mut told = false;
    if let Some(rate) = interest.rate_ppm {
        told = true;
        let answer = if rate > lowest { Answer::Broken } else { Answer::Kept };
        found.push(seen(answer, rate, lowest, Unit::RatePpm, &caps));
    }
    match (stated, interest.base) {
        (Some(_), Some(base)) => found.push(amount(limits, interest, base, &caps)),
        (None, Some(_)) if !told => found.push(Speaking::missing(Attribute::AccrualPeriod)),
        (_, None) if !told => found.push(Speaking::missing(Attribute::InterestBase)),
        _ => {}
    }
}

/// The amount against what the days on which the rule binds yield.
fn amount(limits: &InterestCap, interest: &Interest, base: i64, caps: &Caps) -> Speaking {
    let most = i64::try_from(caps.amount(base, limits.day_count)).unwrap_or(i64::MAX);
    let over = interest.amount.minor > most;
    if over && !caps.whole() {
        // What accrued on the other days is not told apart.
        return Speaking::missing(Attribute::AccrualPeriod);
    }
    let answer = if over { Answer::Broken } else { Answer::Kept };
    seen(answer, interest.amount.minor, most, Unit::MinorUnits, caps)
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

fn simple(interest: &Interest, principal: i64) -> Speaking {
    match (interest.compound, interest.base) {
        (Some(true), _) => {
            let mut judgement = Speaking::new(Answer::Broken).seen(1, 0, Unit::Flag);
            judgement.note = Note::Word("interest on interest");
            judgement
        }
        (Some(false), _) => Speaking::new(Answer::Kept),
        (None, Some(base)) if base <= principal => Speaking::new(Answer::Kept),
        (None, _) => Speaking::missing(Attribute::InterestBase),
    }
}

fn base(most: BaseLimit, interest: &Interest, situation: &Situation<'_>) -> Speaking {
    let Some(base) = interest.base else { return Speaking::missing(Attribute::InterestBase) };
    let claims = &situation.version.claims;
    if claims.is_empty() {
        return Speaking::missing(Attribute::Principal);
    }
    let limit = match most {
        BaseLimit::Principal => situation.version.principal(),
        BaseLimit::Overdue => {
            let Some(from) = interest.from else { return Speaking::missing(Attribute::AccrualPeriod) };
            if base > 0 && claims.iter().any(|claim| claim.due().is_none()) {
                return Speaking::missing(Attribute::DueDate);
            }
            let due = claims.iter().filter(|claim| claim.due().is_some_and(|due| due < from));
            due.fold(0_i64, |sum, claim| sum.saturating_add(claim.principal))
        }
    };
    let answer = if base > limit { Answer::Broken } else { Answer::Kept };
    Speaking { note: Note::Word(ON), ..Speaking::new(answer).seen(base, limit, Unit::MinorUnits) }
}

/// Interest began no earlier than the earliest way to begin it allows.
fn started(
    limits: &InterestCap,
    interest: &Interest,
    (claim, strange): (Option<&Claim>, bool),
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Speaking {
    let Some(from) = interest.from else { return Speaking::missing(Attribute::AccrualPeriod) };
    let claims: Vec<&Claim> = claim.map_or_else(|| situation.version.claims.iter().collect(), |claim| vec![claim]);
    let (mut first, mut missing) = (None, None);
    for start in &limits.starts {
        // Of a claim that the case does not state no day is known.
        let unknown = strange && matches!(start.after, StartAfter::Due | StartAfter::Invoice);
        let begun = if unknown { Err(Attribute::Claim) } else { begins(start, &claims, situation, calendar) };
        match begun {
            Ok(Some(day)) => first = Some(first.map_or(day, |other: NaiveDate| other.min(day))),
            Ok(None) => {}
            Err(attribute) => missing = missing.or(Some(attribute)),
        }
    }
    if first.is_some_and(|first| from >= first) {
        return Speaking::new(Answer::Kept);
    }
    if let Some(attribute) = missing {
        return Speaking::missing(attribute);
    }
    let mut judgement = Speaking::new(Answer::Broken);
    judgement.note = Note::Word(if first.is_some() { "begins too early" } else { "nothing has begun it" });
    if let Some(first) = first {
        judgement = judgement.seen(first.signed_duration_since(from).num_days(), 0, Unit::Days);
    }
    judgement
}

/// First day on which interest may run by one of the ways; `None`: this way does not apply.
fn begins(
    start: &InterestStart,
    claims: &[&Claim],
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Result<Option<NaiveDate>, Attribute> {
    let subdivision = situation.subdivision();
    let after =
        |day: NaiveDate| add_days(start.term.as_ref().map_or(day, |term| calendar.last_day(term, day, subdivision)), 1);
    let earliest = |pick: &dyn Fn(&Claim) -> Option<NaiveDate>, attribute| match claims
        .iter()
        .filter_map(|claim| pick(claim))
        .min()
    {
        Some(day) => Ok(Some(after(day))),
        None => Err(attribute),
    };
    match start.after {
        StartAfter::Due if start.only_if_fixed => {
            let fixed = claims.iter().filter(|claim| claim.due_fixed_by_contract == Some(true));
            match fixed.filter_map(|claim| claim.due()).min() {
                Some(day) => Ok(Some(after(day))),
                None if claims.iter().all(|claim| claim.due_fixed_by_contract == Some(false)) => Ok(None),
                None => Err(Attribute::DueFixedByContract),
            }
        }
        StartAfter::Due => earliest(&|claim| claim.due(), Attribute::DueDate),
        StartAfter::Default => {
            situation.version.dates.default_on.map(|day| Some(after(day))).ok_or(Attribute::DefaultDate)
        }
        StartAfter::Title => Ok(situation.watch.titled_on(situation.version).map(after)),
        StartAfter::Invoice => match start.term.map(|term| (term.from, term.deemed_days)) {
            Some((CountFrom::Received, _)) => earliest(&|claim| claim.invoice_received, Attribute::InvoiceDate),
            Some((CountFrom::DeemedReceived, days)) => {
                let deemed = move |claim: &Claim| claim.invoice_date.map(|on| add_days(on, days.into()));
                earliest(&move |claim| claim.invoice_received.or(deemed(claim)), Attribute::InvoiceDate)
            }
            _ => earliest(&|claim| claim.invoice_date, Attribute::InvoiceDate),
        },
        StartAfter::Steps => {
            let mut first: Option<NaiveDate> = None;
            let mut unknown = false;
            for step in earlier_steps(situation, &start.steps) {
                let day = start.term.as_ref().map_or(Some(step.sent), |term| term_start(term, &step));
                unknown |= day.is_none();
                first = [first, day.map(after)].into_iter().flatten().min();
            }
            match first {
                None if unknown => Err(Attribute::Received),
                None if situation.version.history_complete_from.is_some() => Err(Attribute::History),
                first => Ok(first),
            }
        }
    }
}

/// All interest, and charges where they count, this amount included.
fn together(total: TotalCap, amount: i64, situation: &Situation<'_>) -> Speaking {
    if situation.version.claims.is_empty() {
        return Speaking::missing(Attribute::Principal);
    }
    let memory = situation.watch.memory();
    let mut sum = i128::from(amount);
    if total.count.has(TotalOf::Interest) {
        sum += memory.accruals.iter().map(|(_, amount)| i128::from(*amount)).sum::<i128>();
    }
    if total.count.has(TotalOf::Charges) {
        sum += memory.standing().map(|one| i128::from(one.net)).sum::<i128>();
        sum += situation.version.prior_charges.iter().map(|one| i128::from(one.amount.minor)).sum::<i128>();
    }
    let principal = i128::from(situation.version.principal());
    let most = (principal * i128::from(total.share) + ONE / 2).div_euclid(ONE);
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
                    let lowest = caps.lowest()?;
                    let answer = if rate > lowest { Answer::Broken } else { Answer::Kept };
                    Some(seen(answer, rate, lowest, Unit::RatePpm, &caps))
                }
                Err(lack) => Some(lacking(lack)),
            }
        });
        found.extend(agreed(each.collect()));
    }
}
