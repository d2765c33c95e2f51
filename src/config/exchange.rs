//! Exchange rates: `exchange/<id>.toml`, and the choice that a tenant makes among them in `[reporting]`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use toml::de::{DeTable, DeValue};

use super::document::{Complaints, Section};
use crate::domain::diagnostic::{Diagnostic, SourceFile};
use crate::domain::money::Currency;
use crate::domain::time::day_number;
use crate::kpi::Exact;
use crate::kpi::exchange::{DatePolicy, FACTOR_DECIMALS, Rates, Reporting};

/// Tables by their ids.
pub type Tables = BTreeMap<String, Arc<Rates>>;

/// Reads the tables; what is wrong goes to `found`.
pub fn read(files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Tables {
    let mut tables = Tables::new();
    for file in files {
        let mut out = Complaints::new(&file.path, &file.text);
        let rates = out.parse().and_then(|table| table_of(file, table.get_ref(), &mut out));
        found.extend(out.into_found());
        if let Some(rates) = rates {
            tables.insert(rates.id.clone(), Arc::new(rates));
        }
    }
    tables
}

fn table_of(file: &SourceFile, table: &DeTable, out: &mut Complaints) -> Option<Rates> {
    let stem = std::path::Path::new(&file.path).file_stem()?.to_string_lossy().into_owned();
    let mut top = Section::new("", 0, table);
    if top.integer(out, "format", 1..2).is_none() && !top.was_there("format") {
        top.missing(out, "format", "write format = 1");
    }
    let base = top.required(out, "base", "write base = \"EUR\", the currency whose one unit has these prices");
    let base = base.and_then(|(text, at)| currency(text, at, out));
    let source = top.required(out, "source", "write who published the rates").map(|(text, _)| text.to_owned());
    let carry_days = top.integer(out, "carry_days", 0..36_501);
    if carry_days.is_none() && !top.was_there("carry_days") {
        top.missing(out, "carry_days", "write for how many days without one a rate serves, such as carry_days = 4");
    }
    let mut days: BTreeMap<Currency, BTreeMap<i32, i128>> = BTreeMap::new();
    match top.table(out, "rates") {
        None => top.missing(out, "rates", "add [rates] with a line a day: 2026-01-02 = { SEK = \"11.05\" }"),
        Some(mut section) => {
            for (key, at) in section.keys() {
                let Some((value, span)) = section.remove(key) else { continue };
                let Ok(day) = key.parse::<NaiveDate>() else {
                    out.at(at, format!("{key} is no date"), "write the day as 2026-01-02");
                    continue;
                };
                let DeValue::Table(table) = value else {
                    out.at(span.start, format!("rates.{key} is no table"), "write { SEK = \"11.05\" }");
                    continue;
                };
                let mut section = Section::new(format!("rates.{key}"), span.start, table);
                for (code, at) in section.keys() {
                    let Some((value, span)) = section.remove(code) else { continue };
                    if let (Some(currency), Some(rate)) = (currency(code, at, out), rate(value, span.start, out)) {
                        days.entry(currency).or_default().insert(day_number(day), rate);
                    }
                }
            }
        }
    }
    top.finish(out);
    let carry_days = i32::try_from(carry_days?).ok()?;
    Some(Rates { id: stem, base: Some(base?), source: source?, carry_days, days })
}

fn currency(text: &str, at: usize, out: &mut Complaints) -> Option<Currency> {
    let currency = Currency::parse(text);
    if currency.is_none() {
        out.at(at, format!("\"{}\" is no ISO 4217 currency", text.escape_debug()), "write a code such as EUR");
    }
    currency
}

/// A positive decimal text with at most as many decimals as a factor has.
fn rate(value: &DeValue, at: usize, out: &mut Complaints) -> Option<i128> {
    let scale = 10_i128.pow(FACTOR_DECIMALS);
    let text = value.as_str();
    let exact = text.filter(|text| text.len() <= 24).and_then(Exact::parse);
    let scaled = exact.and_then(|rate| rate.multiply(Exact::whole(scale))).map(Exact::reduced);
    let rate = scaled.filter(|rate| rate.denominator() == 1 && rate.numerator() > 0).map(Exact::numerator);
    let rate = rate.filter(|rate| *rate < scale * scale);
    if rate.is_none() {
        let remedy = "write the price of one unit of the base as a text such as \"11.0345\"";
        out.at(at, "this is no rate: a decimal number above zero in quotes", remedy);
    }
    rate
}

/// What a tenant's file says in `[reporting]`, before its table is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    currency: Currency,
    currency_at: usize,
    table: String,
    table_at: usize,
    policy: DatePolicy,
}

/// Reads `[reporting]`.
pub fn choice(mut section: Section, out: &mut Complaints) -> Option<Choice> {
    let code = section.required(out, "currency", "write currency = \"EUR\", in which markets are added up");
    let code = code.and_then(|(text, at)| currency(text, at, out).map(|currency| (currency, at)));
    let table = section.required(out, "table", "write table = \"...\", the name of a file of exchange/ without .toml");
    let fixed = section.text(out, "fixed_date").map(|(text, at)| (text.parse::<NaiveDate>().ok(), at));
    if let Some((None, at)) = fixed {
        out.at(at, "fixed_date is no date", "write fixed_date = \"2026-01-02\"");
    }
    let policy = section.required(out, "date_policy", "write date_policy = \"fact_day\", \"period_end\" or \"fixed\"");
    let offset = section.offset();
    let policy = policy.and_then(|(text, at)| match (text, fixed) {
        ("fact_day", None) => Some(DatePolicy::FactDay),
        ("period_end", None) => Some(DatePolicy::PeriodEnd),
        ("fixed", Some((date, _))) => date.map(DatePolicy::Fixed),
        ("fixed", None) => {
            out.at(offset, "date_policy is fixed, and no day is fixed", "add fixed_date = \"2026-01-02\"");
            None
        }
        ("fact_day" | "period_end", Some((_, at))) => {
            out.at(at, "fixed_date belongs to date_policy = \"fixed\"", "remove it");
            None
        }
        _ => {
            let message = format!("date_policy is \"{}\", which is none", text.escape_debug());
            out.at(at, message, "write fact_day, period_end or fixed");
            None
        }
    });
    section.finish(out);
    let ((table, table_at), (currency, currency_at)) = (table?, code?);
    Some(Choice { currency, currency_at, table: table.to_owned(), table_at, policy: policy? })
}

impl Choice {
    /// The choice with its table; complains if there is no such table, or if it lacks the currency.
    pub fn resolve(self, file: &SourceFile, tables: &Tables, found: &mut Vec<Diagnostic>) -> Option<Arc<Reporting>> {
        let Some(rates) = tables.get(&self.table) else {
            let known: Vec<&str> = tables.keys().map(String::as_str).collect();
            let message = format!("there is no table of exchange rates \"{}\"", self.table.escape_debug());
            let remedy = if known.is_empty() {
                "add exchange/<table>.toml".to_owned()
            } else {
                format!("name one of {}", known.join(", "))
            };
            found.push(Diagnostic::at(&file.path, &file.text, self.table_at, message, remedy));
            return None;
        };
        if rates.base != Some(self.currency) && !rates.days.contains_key(&self.currency) {
            let (currency, table) = (self.currency, &self.table);
            let message = format!("the currency is {currency}, of which the table {table} has no rate");
            let known: BTreeSet<Currency> = rates.base.into_iter().chain(rates.days.keys().copied()).collect();
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            let remedy = format!("write one of {}, or add {currency} to exchange/{table}.toml", known.join(", "));
            found.push(Diagnostic::at(&file.path, &file.text, self.currency_at, message, remedy));
            return None;
        }
        Some(Arc::new(Reporting { currency: self.currency, policy: self.policy, rates: Arc::clone(rates) }))
    }
}
