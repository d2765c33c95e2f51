//! Targets of a tenant: `[[target]]` in its file.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use toml::de::DeValue;

use super::document::{Complaints, Section, suggestion};
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::diagnostic::{Diagnostic, SourceFile};
use crate::domain::ids::{MarketId, check_id};
use crate::domain::money::Currency;
use crate::kpi::target::{Bound, Guard, Side, Target};
use crate::kpi::{Calendar, Catalogue, Dimension, Exact, Grain, Plan, Query, Shape};

/// A target with the markets that it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The markets; all of the tenant's if empty.
    pub markets: Vec<MarketId>,
    /// The target.
    pub target: Target,
    /// Its group as written: the definitions know the dimensions.
    group: Vec<Written>,
    /// Byte offset of its table.
    at: usize,
}

impl Placed {
    /// The dimensions of its group, each with its value and where it stands; those that there are.
    pub(super) fn named(&self) -> impl Iterator<Item = (Dimension, &str, usize)> {
        let place = |(dimension, value): &(Dimension, String)| {
            let name = dimension.name(&self.target.case_dimensions);
            let written = self.group.iter().find(|one| one.dimension == name && one.value == *value);
            written.map_or(self.at, |one| one.at)
        };
        self.target.group.iter().map(move |one| (one.0, one.1.as_str(), place(one)))
    }
}

/// A dimension with its value, and where it stands.
#[derive(Debug, Clone, PartialEq)]
struct Written {
    dimension: String,
    value: String,
    at: usize,
}

/// Reads `[[target]]`.
pub fn read(sections: Vec<Section>, out: &mut Complaints) -> Vec<Placed> {
    let mut found: Vec<Placed> = Vec::new();
    let mut ids = BTreeSet::new();
    for section in sections {
        let Some(placed) = one(section, out) else { continue };
        if !ids.insert(placed.target.id.clone()) {
            let message = format!("there are two targets \"{}\"", placed.target.id);
            out.at(placed.at, message, "give each target its own id");
        }
        found.push(placed);
    }
    found
}

fn one(mut section: Section, out: &mut Complaints) -> Option<Placed> {
    let at = section.offset();
    let id = section.required(out, "id", "write id = \"...\", unique among the tenant's targets");
    let id = id.and_then(|(text, at)| match check_id(text) {
        Ok(()) => Some(text.to_owned()),
        Err(error) => {
            out.at(at, format!("id \"{}\" {error}", text.escape_debug()), "write an id");
            None
        }
    });
    let kpi = section.required(out, "kpi", "write kpi = \"cei\" or another KPI").map(|(text, _)| text.to_owned());
    let grain = section.required(out, "grain", "write grain = \"month\" or another length of a period");
    let grain =
        grain.and_then(|found| word(found, "grain", Grain::parse, Grain::ALL.iter().map(|one| one.as_str()), out));
    if grain == Some(Grain::Total) {
        out.at(at, "grain is total, which has no periods", "write day, week, month, quarter, year or a fiscal one");
    }
    let from =
        section.required(out, "from", "write from = \"2026-01-01\", the first day").and_then(|one| date(one, out));
    let until = section.text(out, "until").map(|one| date(one, out));
    if let (Some(from), Some(Some(until))) = (from, until)
        && until < from
    {
        out.at(at, format!("until {until} is before from {from}"), "write a later day, or none");
    }
    let markets = section.texts(out, "markets");
    let markets = markets.into_iter().filter_map(|(text, at)| {
        let market = MarketId::new(text).ok();
        if market.is_none() {
            out.at(at, format!("\"{}\" is no market", text.escape_debug()), "write a country's code such as it");
        }
        market
    });
    let markets = markets.collect();
    let group = section.table(out, "group").map(|section| group(section, out)).unwrap_or_default();
    let currency = section.text(out, "currency").map(|(text, at)| {
        let currency = Currency::parse(text);
        if currency.is_none() {
            out.at(at, format!("\"{}\" is no ISO 4217 currency", text.escape_debug()), "write a code such as EUR");
        }
        currency
    });
    let goal = number(&mut section, "goal", out, true);
    let side = side(&mut section, out);
    let margin = number(&mut section, "margin", out, false);
    let hysteresis = number(&mut section, "hysteresis", out, false);
    let guard = section.table(out, "guard").map(|section| guard(section, out));
    section.finish(out);
    let target = Target {
        id: id?,
        kpi: kpi?,
        grain: grain?,
        from: from?,
        until: until.map_or(Some(None), |until| until.map(Some))?,
        group: Vec::new(),
        case_dimensions: CaseDimensions::default(),
        currency: currency.map_or(Some(None), |currency| currency.map(Some))?,
        goal: goal?,
        side: side?,
        margin: margin?,
        hysteresis: hysteresis?,
        guard: guard.map_or(Some(None), |guard| guard.map(Some))?,
    };
    Some(Placed { markets, target, group, at })
}

fn word<'w, T>(
    (text, at): (&str, usize),
    key: &str,
    parse: impl Fn(&str) -> Option<T>,
    known: impl Iterator<Item = &'w str>,
    out: &mut Complaints,
) -> Option<T> {
    let found = parse(text);
    if found.is_none() {
        let known: Vec<&str> = known.collect();
        let message = format!("{key} is \"{}\", which is none", text.escape_debug());
        out.at(at, message, format!("write one of {}", known.join(", ")));
    }
    found
}

fn side(section: &mut Section, out: &mut Complaints) -> Option<Side> {
    let found = section.required(out, "side", "write side = \"at_least\" or \"at_most\"")?;
    word(found, "side", Side::parse, Side::ALL.iter().map(|one| one.as_str()), out)
}

fn date((text, at): (&str, usize), out: &mut Complaints) -> Option<NaiveDate> {
    let date = text.parse().ok();
    if date.is_none() {
        out.at(at, format!("\"{}\" is no date", text.escape_debug()), "write a day such as \"2026-01-31\"");
    }
    date
}

/// A decimal number as text. What need not be there is zero, and never below it.
fn number(section: &mut Section, key: &'static str, out: &mut Complaints, needed: bool) -> Option<Exact> {
    let found = if needed { section.required(out, key, "write goal = \"80\"") } else { section.text(out, key) };
    let Some((text, at)) = found else {
        return (!needed && !section.was_there(key)).then_some(Exact::ZERO);
    };
    let number = Some(text).filter(|text| text.len() <= 24 && !text.contains('/')).and_then(Exact::parse);
    let number = number.filter(|number| needed || number.numerator() >= 0);
    if number.is_none() {
        let message = format!("{key} is \"{}\", which is no such number", text.escape_debug());
        out.at(at, message, format!("write {key} = \"2.5\" in the unit of the KPI"));
    }
    number
}

fn group(mut section: Section, out: &mut Complaints) -> Vec<Written> {
    let mut found = Vec::new();
    for (key, at) in section.keys() {
        let Some((value, span)) = section.remove(key) else { continue };
        match value {
            DeValue::String(text) => found.push(Written { dimension: key.to_owned(), value: text.to_string(), at }),
            _ => out.at(span.start, format!("group.{key} is no text"), "write the value in quotes"),
        }
    }
    found
}

fn guard(mut section: Section, out: &mut Complaints) -> Option<Guard> {
    let kpi = section.required(out, "kpi", "write kpi = \"recovery_rate\" or another KPI");
    let side = side(&mut section, out);
    let found = section.required(out, "bound", "write bound = \"10\" in the unit of the KPI");
    let bound = found.and_then(|(text, at)| {
        let bound = Some(text).filter(|text| text.len() <= 24 && !text.contains('/')).and_then(Exact::parse);
        if bound.is_none() {
            out.at(at, format!("bound is \"{}\", which is no number", text.escape_debug()), "write bound = \"10\"");
        }
        bound
    });
    section.finish(out);
    Some(Guard { kpi: kpi?.0.to_owned(), side: side?, bound: Bound::Stated(bound?) })
}

/// A question by the target's group about its first day, of no KPI yet.
fn asked(target: &Target) -> Query {
    Query {
        kpis: Vec::new(),
        grain: target.grain,
        from: target.from,
        to: target.from.succ_opt().unwrap_or(target.from),
        group_by: target.group.iter().map(|(one, _)| *one).collect(),
        filters: Vec::new(),
    }
}

/// What is wrong with a number that no figure of a KPI can come to, and what to write.
fn beyond(plan: &Plan, kpi: &str, what: &str, number: Exact) -> Option<(String, String)> {
    let ((least, most), unit) = (plan.range()?, plan.unit()?);
    let short = |of: Exact, from: Exact| from.subtract(of).is_some_and(|short| short.numerator() > 0);
    let (low, high) = (Exact::whole(i128::from(least)), Exact::whole(i128::from(most)));
    if !short(number, low) && !short(high, number) {
        return None;
    }
    let number = number.text(4).unwrap_or_default();
    let number = number.trim_end_matches('0').trim_end_matches('.');
    let message = format!("{what} is {number}, and {kpi} is a proportion in {unit}, always from {least} to {most}");
    Some((message, format!("write a {what} from {least} to {most}")))
}

/// Resolves the dimensions of targets' groups, and holds targets against the definitions: their KPIs must exist, be kept by
/// their group, and be money with a currency or none without.
pub fn check(
    placed: &mut [Placed],
    calendars: &BTreeMap<MarketId, Calendar>,
    catalogue: &Catalogue,
    file: &SourceFile,
    found: &mut Vec<Diagnostic>,
) {
    let case = catalogue.case_dimensions();
    for Placed { markets, target, group, at } in placed {
        target.case_dimensions = case.clone();
        for Written { dimension, value, at } in group.iter() {
            match Dimension::named(dimension, case) {
                Some(one) => {
                    let closed = || Some(catalogue.values_behind(&target.kpi, one)?).filter(|all| !all.contains(value));
                    let words = || closed().map(|all| format!("one of {}", all.join(", ")));
                    if let Some(known) = one.not_its_value(value).or_else(words) {
                        let message =
                            format!("group.{dimension} is \"{}\", which no figure can be of", value.escape_debug());
                        let remedy = format!("write {known}");
                        found.push(Diagnostic::at(&file.path, &file.text, *at, message, remedy));
                    }
                    target.group.push((one, value.clone()));
                }
                None => {
                    let remedy = suggestion(dimension, Dimension::names(case));
                    let message = format!("group.{} is no dimension", dimension.escape_debug());
                    found.push(Diagnostic::at(&file.path, &file.text, *at, message, remedy));
                }
            }
        }
        let kpis = std::iter::once(target.kpi.clone()).chain(target.guard.iter().map(|guard| guard.kpi.clone()));
        for kpi in kpis {
            let query = Query { kpis: vec![kpi.clone()], ..asked(target) };
            let mut wrong = |message: String, remedy: &str| {
                found.push(Diagnostic::at(&file.path, &file.text, *at, message, remedy));
            };
            // What a market means by a bare name may be kept by other dimensions.
            let here = calendars.iter().filter(|(market, _)| markets.is_empty() || markets.contains(market));
            let plan = |calendar: Calendar| {
                let shape = Shape { case_dimensions: case.clone(), calendar, ..Shape::default() };
                catalogue.plan_shaped(&query, &shape)
            };
            let own = here.map(|(_, calendar)| plan(calendar.clone())).collect::<Result<Vec<_>, _>>();
            let read = own.and_then(|own| Ok((own, plan(Calendar::default())?)));
            if let Ok((own, plan)) = &read {
                let plans = if own.is_empty() { std::slice::from_ref(plan) } else { own };
                for (what, number) in target.bounds_of(&kpi) {
                    if let Some((message, remedy)) = plans.iter().find_map(|plan| beyond(plan, &kpi, what, number)) {
                        wrong(format!("target \"{}\": {message}", target.id), &remedy);
                    }
                }
            }
            match read.map(|(_, plan)| plan) {
                Err(error) => wrong(format!("target \"{}\": {error}", target.id), "correct the target"),
                Ok(plan) if kpi == target.kpi && plan.has_money() && target.currency.is_none() => {
                    wrong(
                        format!(
                            "target \"{}\" of {kpi}, whose figures are told by currency, has no currency",
                            target.id
                        ),
                        "add currency",
                    );
                }
                Ok(plan) if kpi == target.kpi && !plan.has_money() && target.currency.is_some() => {
                    wrong(
                        format!("target \"{}\" of {kpi}, whose figures are told without currency, has one", target.id),
                        "remove it",
                    );
                }
                Ok(_) => {}
            }
        }
        if target.guard.is_none() {
            target.guard =
                catalogue.list().find(|info| info.id == target.kpi).and_then(|info| info.guard.clone()).and_then(
                    |kpi| {
                        let query = Query { kpis: vec![kpi.clone()], ..asked(target) };
                        let shape = Shape { case_dimensions: case.clone(), ..Shape::default() };
                        // A group by which it is not kept is one without this guard.
                        catalogue.plan_shaped(&query, &shape).ok()?;
                        Some(Guard { kpi, side: Side::AtLeast, bound: Bound::Before })
                    },
                );
        }
    }
}
