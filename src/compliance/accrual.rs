//! The highest rate that an interest rule allows on each day of an accrual, and what that makes of an amount.

use chrono::{Datelike, NaiveDate};

use super::conditions::lasting;
use super::situation::Situation;
use crate::domain::case::Claim;
use crate::domain::time::add_days;
use crate::domain::verdict::Confidence;
use crate::rules::calendar::Calendar;
use crate::rules::interest_cap::{DayCount, Formula, InterestCap, Pick, RateOn, RateSource};
use crate::rules::model::Rule;
use crate::rules::words::{Attribute, VersionBy};

const ONE: i128 = 1_000_000;
/// No rate is taken for higher: a hundred thousand percent a year, in millionths.
const HIGHEST: i128 = 1_000_000_000;
/// A common multiple of all years' lengths, so that days of different years add up without rounding.
const DAYS: i128 = 365 * 366 * 360;

/// Why there is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// The text states no rate for such a case.
    NoFigure,
    /// An attribute is missing.
    Missing(Attribute),
}

/// Days with one rate.
pub(super) struct Segment {
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Millionths; `None`: the rule does not bind on these days, or there is no rate.
    pub cap: Option<i64>,
    /// Why there is no rate although the rule binds.
    pub lack: Option<Lack>,
}

/// All days of an accrual.
pub(super) struct Caps {
    pub segments: Vec<Segment>,
    /// A value was not read in its source.
    pub unconfirmed: bool,
}

impl Caps {
    /// The lowest rate of the days on which the rule binds and the rate is known.
    pub fn lowest(&self) -> Option<i64> {
        self.segments.iter().filter_map(|one| one.cap).min()
    }

    /// Why there is no rate on some day on which the rule binds.
    pub fn lack(&self) -> Option<Lack> {
        self.segments.iter().find_map(|one| one.lack)
    }

    /// The rule binds on every day, by a rate that is known.
    pub fn whole(&self) -> bool {
        self.segments.iter().all(|one| one.cap.is_some())
    }

    /// The most that the days yield on which the rule binds and the rate is known, rounded half up once.
    pub fn amount(&self, base: i64, count: DayCount) -> i128 {
        self.yields(base, count, |one| one.cap.unwrap_or(0))
    }

    /// What all days yield at one rate, rounded likewise.
    pub fn amount_at(&self, rate: i64, base: i64, count: DayCount) -> i128 {
        self.yields(base, count, |_| rate)
    }

    fn yields(&self, base: i64, count: DayCount, rate: impl Fn(&Segment) -> i64) -> i128 {
        let sum = self.segments.iter().fold(0_i128, |sum, one| {
            let (days, year) = days(one, count);
            let rate = i128::from(rate(one));
            let part = i128::from(base).saturating_mul(rate).saturating_mul(days);
            sum.saturating_add(part.saturating_mul(DAYS / year))
        });
        sum.saturating_add(ONE * DAYS / 2).div_euclid(ONE * DAYS)
    }
}

/// Days of a segment, and of the year that they are part of.
fn days(segment: &Segment, count: DayCount) -> (i128, i128) {
    let actual = i128::from(segment.to.signed_duration_since(segment.from).num_days()) + 1;
    match count {
        DayCount::Actual365 => (actual, 365),
        DayCount::Actual360 => (actual, 360),
        DayCount::ActualActual => (actual, if segment.from.leap_year() { 366 } else { 365 }),
        DayCount::Thirty360 => {
            let at = |date: NaiveDate| {
                i128::from(date.year()) * 360 + i128::from(date.month()) * 30 + i128::from(date.day().min(30))
            };
            (at(add_days(segment.to, 1)) - at(segment.from), 360)
        }
    }
}

/// The caps of the days from `from` to `to`, both inclusive.
pub(super) fn caps(
    rule: &Rule,
    limits: &InterestCap,
    situation: &Situation<'_>,
    calendar: &Calendar,
    (from, to): (NaiveDate, NaiveDate),
    claim: Option<&Claim>,
) -> Result<Caps, Lack> {
    let formulas = formulas(limits, situation)?;
    let zone = situation.home_zone();
    let held: Vec<(NaiveDate, Option<NaiveDate>)> =
        lasting(&limits.lasts, limits.during, rule.from, situation, calendar)
            .filter(|one| !limits.during_written || one.written != Some(false))
            .map(|one| (situation.date_in(one.from, zone), one.until.map(|until| situation.date_in(until, zone))))
            .collect();
    let dated = rule.version_by == VersionBy::AccruedOn;
    let mut starts = vec![from];
    let mut split = |date: Option<NaiveDate>| starts.extend(date.filter(|date| from < *date && *date <= to));
    if limits.rate_on == RateOn::EachDay {
        for entry in formulas.iter().filter_map(Formula::table).flat_map(|table| &table.entries) {
            split(Some(entry.from));
            split(entry.until.and_then(|until| until.succ_opt()));
        }
    }
    if dated {
        split(rule.valid_from);
        split(rule.valid_until.and_then(|until| until.succ_opt()));
    }
    for (begun, ended) in &held {
        split(Some(*begun));
        split(*ended);
    }
    if limits.day_count == DayCount::ActualActual {
        (from.year()..to.year()).for_each(|year| split(NaiveDate::from_ymd_opt(year + 1, 1, 1)));
    }
    starts.sort_unstable();
    starts.dedup();
    let mut caps = Caps { segments: Vec::with_capacity(starts.len()), unconfirmed: false };
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).map_or(to, |next| add_days(*next, -1));
        let in_force = !dated
            || rule.valid_from.is_none_or(|first| first <= *start)
                && rule.valid_until.is_none_or(|last| *start <= last);
        let binds = in_force
            && (limits.during.is_empty()
                || held.iter().any(|(begun, ended)| begun <= start && ended.is_none_or(|ended| *start < ended)));
        let rate = || {
            let on = rate_day(limits.rate_on, *start, claim, situation)?;
            highest(limits, formulas, on, situation)
        };
        let (cap, lack) = match binds.then(rate) {
            None => (None, None),
            Some(Ok((rate, confidence))) => {
                caps.unconfirmed |= confidence == Confidence::Unconfirmed;
                (Some(rate), None)
            }
            Some(Err(lack)) => (None, Some(lack)),
        };
        caps.segments.push(Segment { from: *start, to: end, cap, lack });
    }
    Ok(caps)
}

/// The rule's rate is the same on all days, so that no period is needed to read it.
pub(super) fn constant(rule: &Rule, limits: &InterestCap) -> bool {
    let dated = rule.version_by == VersionBy::AccruedOn && (rule.valid_from.is_some() || rule.valid_until.is_some());
    let tables = limits.rate_on == RateOn::EachDay && limits.formulas().any(|formula| formula.table().is_some());
    !dated && !tables && limits.during.is_empty()
}

/// The rates of the tier into which the case's principal falls.
fn formulas<'l>(limits: &'l InterestCap, situation: &Situation<'_>) -> Result<&'l [Formula], Lack> {
    let principal = situation.version.principal();
    if limits.tiers.len() > 1 && situation.version.claims.is_empty() {
        return Err(Lack::Missing(Attribute::Principal));
    }
    if limits.tiers.len() > 1 && limits.currency != Some(situation.version.currency) {
        return Err(Lack::Missing(Attribute::Currency));
    }
    let tier = limits.tiers.iter().find(|(up_to, _)| principal <= *up_to);
    tier.map(|(_, formulas)| formulas.as_slice()).ok_or(Lack::NoFigure)
}

/// The day of a claim that picks a rate.
pub(super) fn day_of(on: RateOn, claim: &Claim) -> Option<NaiveDate> {
    match on {
        RateOn::DueOn => claim.due(),
        RateOn::ClaimAroseOn => claim.arose,
        _ => None,
    }
}

/// The day whose value of a table holds for a day of the accrual.
fn rate_day(on: RateOn, day: NaiveDate, claim: Option<&Claim>, situation: &Situation<'_>) -> Result<NaiveDate, Lack> {
    let of_claim = claim.and_then(|claim| day_of(on, claim));
    let dates = &situation.version.dates;
    let (found, attribute) = match on {
        RateOn::EachDay => (Some(day), Attribute::AccrualPeriod),
        RateOn::DueOn => (of_claim, Attribute::DueDate),
        RateOn::ContractOn => (dates.contract, Attribute::ContractDate),
        RateOn::ClaimAroseOn => (of_claim, Attribute::ClaimArose),
        RateOn::DefaultOn => (dates.default_on, Attribute::DefaultDate),
        RateOn::TitleOn => (situation.watch.titled_on(situation.version), Attribute::TitleDate),
    };
    found.ok_or(Lack::Missing(attribute))
}

/// The rate of a day in millionths: of several, the one that the rule picks.
fn highest(
    limits: &InterestCap,
    formulas: &[Formula],
    on: NaiveDate,
    situation: &Situation<'_>,
) -> Result<(i64, Confidence), Lack> {
    let mut found: Option<i64> = None;
    let mut confidence = Confidence::Read;
    for formula in formulas {
        let (rate, sure) = one(formula, on, situation)?;
        if sure == Confidence::Unconfirmed {
            confidence = sure;
        }
        found = Some(match (found, limits.pick) {
            (None, _) => rate,
            (Some(other), Pick::Greatest) => other.max(rate),
            (Some(other), Pick::Least) => other.min(rate),
        });
    }
    let rate = found.ok_or(Lack::NoFigure)?;
    Ok((limits.at_most.map_or(rate, |most| most.min(rate)), confidence))
}

fn one(formula: &Formula, on: NaiveDate, situation: &Situation<'_>) -> Result<(i64, Confidence), Lack> {
    let (value, confidence) = match &formula.source {
        RateSource::Fixed(rate) => (*rate, Confidence::Read),
        RateSource::Table(table) => table.at(on).ok_or(Lack::Missing(Attribute::TableRate))?,
        RateSource::Contract => {
            let rate = situation.version.terms.contract_rate_ppm;
            (rate.ok_or(Lack::Missing(Attribute::ContractRate))?, Confidence::Read)
        }
    };
    let sum = i128::from(value) + i128::from(formula.points);
    let rate = (sum * i128::from(formula.times) + ONE / 2).div_euclid(ONE);
    let rate = formula.round_up.map_or(rate, |step| -(-rate).div_euclid(step.into()) * i128::from(step));
    Ok((i64::try_from(rate.clamp(0, HIGHEST)).unwrap_or(0), confidence))
}
