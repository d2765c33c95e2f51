//! The limits of an interest rule: the yearly rate, from when it runs, what it runs on, and all of it together.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lasting::{self, Lasting};
use super::model::Term;
use super::parse_fee::{self, ONE};
use super::parse_limits::{past_steps, term};
use super::parse_rule::Defaults;
use super::rates::{RateTable, RateUnit};
use super::reader::Reader;
use super::step::Step;
use super::words::{Bound, Set, words};
use crate::domain::detail::InterestNature;
use crate::domain::money::Currency;
use crate::domain::party::Condition;
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// Which of several rates holds.
    Pick { Greatest = "greatest", Least = "least" }
);
vocabulary!(
    /// Whose value of a table holds.
    RateOn {
        /// Each day's own.
        EachDay = "each_day",
        DueOn = "due_on", ContractOn = "contract_on", ClaimAroseOn = "claim_arose_on", DefaultOn = "default_on",
        TitleOn = "title_on",
    }
);
vocabulary!(
    /// How days make a year.
    DayCount {
        Actual365 = "actual_365", Actual360 = "actual_360", ActualActual = "actual_actual", Thirty360 = "thirty_360",
    }
);
vocabulary!(
    /// The most that interest may run on.
    BaseLimit { Principal = "principal", Overdue = "overdue" }
);
vocabulary!(
    /// What begins interest.
    StartAfter { Due = "due", Default = "default", Title = "title", Invoice = "invoice", Steps = "steps" }
);
vocabulary!(
    /// What counts towards the total cost.
    TotalOf { Interest = "interest", Charges = "charges" }
);
words!(Pick, RateOn, DayCount, BaseLimit, StartAfter, TotalOf, InterestNature);

impl RateOn {
    /// The day is one of a claim.
    #[must_use]
    pub const fn is_of_claims(self) -> bool {
        matches!(self, Self::DueOn | Self::ClaimAroseOn)
    }
}

/// Where a rate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateSource {
    /// So many millionths a year.
    Fixed(i64),
    /// A dated table.
    Table(Arc<RateTable>),
    /// The case's contract rate.
    Contract,
}

/// A yearly rate: (source + points) x times, rounded up where the law says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula {
    /// What it starts from.
    pub source: RateSource,
    /// Millionths added.
    pub points: i64,
    /// Millionths multiplied.
    pub times: i64,
    /// The steps, in millionths, to the next of which it is rounded up.
    pub round_up: Option<i64>,
}

impl Formula {
    /// The table it reads.
    #[must_use]
    pub const fn table(&self) -> Option<&Arc<RateTable>> {
        match &self.source {
            RateSource::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Puts another table in the place of the one of the same id.
    pub fn replace(&mut self, table: &Arc<RateTable>) {
        if let RateSource::Table(own) = &mut self.source
            && own.id == table.id
        {
            *own = Arc::clone(table);
        }
    }
}

/// One way in which interest may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterestStart {
    /// After what.
    pub after: StartAfter,
    /// Only where the due date was fixed by contract.
    pub only_if_fixed: bool,
    /// The steps, for `steps`.
    pub steps: Vec<Step>,
    /// Interest begins the day after this term; absent: the day after.
    pub term: Option<Term>,
}

/// All interest (and charges) together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalCap {
    /// Millionths of the principal.
    pub share: i64,
    /// What counts.
    pub count: Set<TotalOf>,
}

/// What bounds interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterestCap {
    /// What the rate is.
    pub bound: Bound,
    /// Interest of which nature; all if empty.
    pub natures: Set<InterestNature>,
    /// Rates by the case's principal, at most so much each; a rule without tiers has one, open.
    pub tiers: Vec<(i64, Vec<Formula>)>,
    /// Currency of those principals: the pack's.
    pub currency: Option<Currency>,
    /// Which of a tier's rates holds.
    pub pick: Pick,
    /// No rate is higher, in millionths, whatever the tiers give: what a tenant tightens.
    pub at_most: Option<i64>,
    /// Whose value of a table holds.
    pub rate_on: RateOn,
    /// How days make a year.
    pub day_count: DayCount,
    /// No interest on interest.
    pub simple: bool,
    /// The most that interest may run on.
    pub base_at_most: Option<BaseLimit>,
    /// Only days on which the person has one of these conditions.
    pub during: Set<Condition>,
    /// How long such a condition lasts at most.
    pub lasts: Lasting,
    /// Only a condition stated in writing.
    pub during_written: bool,
    /// Only debts contracted before the condition began.
    pub contract_before_condition: bool,
    /// When interest may begin; any time if empty.
    pub starts: Vec<InterestStart>,
    /// All of it together.
    pub total: Option<TotalCap>,
}

impl InterestCap {
    /// It judges the rates that a case states, whether or not interest accrues.
    #[must_use]
    pub fn judges_terms(&self) -> bool {
        self.bound == Bound::Ceiling && !self.tiers.is_empty()
    }

    /// Every rate of every tier.
    pub fn formulas(&self) -> impl Iterator<Item = &Formula> {
        self.tiers.iter().flat_map(|(_, formulas)| formulas)
    }

    /// Every rate of every tier, to change it.
    pub fn formulas_mut(&mut self) -> impl Iterator<Item = &mut Formula> {
        self.tiers.iter_mut().flat_map(|(_, formulas)| formulas)
    }
}

/// Reads an interest rule.
pub fn interest_cap(table: &mut Reader<'_, '_>, defaults: &Defaults<'_>) -> Option<InterestCap> {
    let bound = table.need_word::<Bound>("bound");
    let tiers = tiers(table, defaults);
    let several = tiers.iter().any(|(_, formulas)| formulas.len() > 1);
    let pick = table.word::<Pick>("pick");
    if several != pick.is_some() {
        table.wrong("pick", "rates and pick go together", "write rates = [...] and pick = \"greatest\" or \"least\"");
    }
    let starts = table.tables("starts").into_iter().filter_map(start).collect();
    let total = table.table("total").and_then(|mut inner| {
        if !inner.has("percent") {
            inner.missing("percent", "\"100\", of the principal");
        }
        let share = parse_fee::decimal(&mut inner, "percent", true);
        if !inner.has("count") {
            inner.missing("count", "[\"interest\", \"charges\"]");
        }
        let count = inner.set("count");
        inner.finish();
        Some(TotalCap { share: share?, count })
    });
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    let during = table.set("while");
    let limits = InterestCap {
        natures: table.set("natures"),
        tiers,
        currency: defaults.currency,
        pick: pick.unwrap_or(Pick::Greatest),
        at_most: None,
        rate_on: table.word("rate_on").unwrap_or(RateOn::EachDay),
        day_count: table.word("day_count").unwrap_or(DayCount::Actual365),
        simple: table.boolean("simple").unwrap_or(false),
        base_at_most: table.word("base_at_most"),
        during,
        lasts: lasting::lasting(table, during),
        during_written: table.boolean("while_written").unwrap_or(false),
        contract_before_condition: table.boolean("contract_before_condition").unwrap_or(false),
        starts,
        total,
        // Last: every key is read before.
        bound: bound?,
    };
    if limits.during.is_empty() && (limits.during_written || limits.contract_before_condition) {
        table.wrong("while", "while_written and contract_before_condition need while", "name the condition in while");
    }
    let only_ceilings = ["simple", "starts", "base_at_most", "total"].into_iter().find(|key| table.has(key));
    if let (Some(key), true) = (only_ceilings, limits.bound != Bound::Ceiling) {
        let message = format!("{key} accuses, and a rule with bound \"{}\" accuses nobody", limits.bound);
        table.wrong(key, &message, "write it as a rule of its own with bound = \"ceiling\"");
    }
    let says_something = !limits.tiers.is_empty()
        || limits.simple
        || !limits.starts.is_empty()
        || limits.base_at_most.is_some()
        || limits.total.is_some();
    let figure = ["rate", "rates", "tiers"].into_iter().any(|key| table.has(key));
    if no_figure && figure {
        table.wrong("no_figure", "a rate and no_figure are both given", "remove one");
    }
    if !says_something && !no_figure && !figure {
        table.missing("rate", "{ table = \"...\", points = \"8\" }, or rates, tiers, simple, starts, total, no_figure");
    }
    Some(limits)
}

fn tiers(table: &mut Reader<'_, '_>, defaults: &Defaults<'_>) -> Vec<(i64, Vec<Formula>)> {
    let mut found: Vec<(i64, Vec<Formula>)> = Vec::new();
    let mut ways = 0;
    if let Some(mut inner) = table.table("rate") {
        ways += 1;
        found.extend(formula(&mut inner, defaults).map(|formula| (i64::MAX, vec![formula])));
        inner.finish();
    }
    let several = table.tables("rates");
    if !several.is_empty() {
        ways += 1;
        let mut formulas = Vec::new();
        for mut inner in several {
            formulas.extend(formula(&mut inner, defaults));
            inner.finish();
        }
        found.push((i64::MAX, formulas));
    }
    let listed = table.tables("tiers");
    if !listed.is_empty() {
        ways += 1;
    }
    for mut inner in listed {
        let up_to = match (inner.has("up_to"), defaults.currency) {
            (false, _) => Some(i64::MAX),
            (true, Some(currency)) => parse_fee::amount(&mut inner, "up_to", currency),
            (true, None) => {
                inner.wrong("up_to", "up_to has no currency", "add currency to the pack's head");
                None
            }
        };
        if let (Some(up_to), Some(formula)) = (up_to, formula(&mut inner, defaults)) {
            if found.last().is_some_and(|(last, _)| *last >= up_to) {
                inner.wrong("up_to", "tiers are not in rising order", "sort the tiers by up_to, the open one last");
            }
            found.push((up_to, vec![formula]));
        }
        inner.finish();
    }
    if ways > 1 {
        table.wrong("rate", "rate, rates and tiers exclude each other", "keep one of them");
    }
    found
}

fn formula(table: &mut Reader<'_, '_>, defaults: &Defaults<'_>) -> Option<Formula> {
    let fixed = parse_fee::decimal(table, "percent", true).map(RateSource::Fixed);
    let named = table.text("table").and_then(|id| match defaults.rates.get(&id) {
        Some(found) if found.unit == RateUnit::Percent => Some(RateSource::Table(Arc::clone(found))),
        Some(_) => {
            table.wrong("table", &format!("table \"{id}\" holds amounts"), "name a table with unit = \"percent\"");
            None
        }
        None => {
            let message = format!("there is no dated table \"{id}\"");
            table.wrong("table", &message, "name the id of a [[rate]] in config/rates");
            None
        }
    });
    let contract = table.boolean("contract").unwrap_or(false).then_some(RateSource::Contract);
    let points = parse_fee::signed_percent(table, "points").unwrap_or(0);
    let times = parse_fee::decimal(table, "times", false).unwrap_or(ONE);
    let round_up = parse_fee::decimal(table, "round_up_to", true);
    if round_up == Some(0) {
        table.wrong("round_up_to", "nothing is rounded to steps of zero", "write the step, as \"0.5\", or remove it");
    }
    let ways = ["percent", "table", "contract"].into_iter().filter(|key| table.has(key)).count();
    if ways != 1 {
        let at = table.offset();
        let message = format!("a rate needs exactly one of percent, table and contract, it has {ways}");
        table.cx.wrong(at, message, "write { percent = \"5\" } or { table = \"eu-ecb-mro\", points = \"8\" }");
        return None;
    }
    let round_up = round_up.filter(|step| *step > 0);
    Some(Formula { source: fixed.or(named).or(contract)?, points, times, round_up })
}

fn start(mut table: Reader<'_, '_>) -> Option<InterestStart> {
    let after = table.need_word::<StartAfter>("after");
    let steps = past_steps(&mut table, "steps", after == Some(StartAfter::Steps));
    let only_if_fixed = table.boolean("only_if_fixed").unwrap_or(false);
    if only_if_fixed && after.is_some_and(|after| after != StartAfter::Due) {
        table.wrong("only_if_fixed", "only a due date can be fixed by contract", "write after = \"due\" or remove it");
    }
    let term = term(&mut table, "term");
    table.finish();
    Some(InterestStart { after: after?, only_if_fixed, steps, term })
}
