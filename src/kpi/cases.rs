//! Worked figures beside the definitions: facts in, figures out. They run as tests and in `fairdue check`.

use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::Calendar;
use super::catalogue::{Catalogue, is_cases, tables};
use super::delta::Delta;
use super::dimension::Dimension;
use super::parse_measure::all_dimensions;
use super::period::Grain;
use super::query::Query;
use super::read::{Reader, Table, names};
use super::row::Row;
use super::shape::Shape;
use crate::domain::case_dimensions::{CaseWords, MOST, case_words};
use crate::domain::diagnostic::{Diagnostics, SourceFile};
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::money::{Currency, Money};
use crate::domain::time::day_number;
use crate::domain::vocabulary::{Channel, Direction};
use crate::rules::calendar::Calendar as Holidays;

/// Runs every worked case of the `*.cases.toml` files among `files`; the number of cases.
///
/// # Errors
/// Every case that cannot be read or whose figures are not what it states, with what came out instead.
pub fn run(catalogue: &Catalogue, files: &[SourceFile]) -> Result<usize, Diagnostics> {
    let mut found = Diagnostics::default();
    let mut count = 0;
    for file in files.iter().filter(|file| is_cases(file)) {
        let mut reader = Reader::new(file, catalogue.case_dimensions());
        let document = reader.document();
        let mut root = Table::new(document.get_ref(), 0, "the file");
        if root.whole(&mut reader, "version").is_none_or(|(version, _)| version != 1) {
            reader.wrong(0, "this file has an unknown version", "write version = 1");
        }
        for (table, at) in tables(&mut reader, &mut root, "case") {
            count += 1;
            case(&mut reader, catalogue, Table::new(table, at, "a case"));
        }
        root.finish(&mut reader);
        found.0.append(&mut reader.found);
    }
    found.into_result(count)
}

fn case(reader: &mut Reader<'_>, catalogue: &Catalogue, mut table: Table<'_>) {
    let at = table.at;
    if let Some((name, _)) = table.text(reader, "name") {
        table.what = format!("case \"{name}\"");
    }
    let kpis = table.texts(reader, "kpi").into_iter().map(|(id, _)| id.to_owned()).collect();
    let grain = table.word(reader, "grain", Grain::parse, || names(Grain::ALL.iter().map(|grain| grain.as_str())));
    let (from, to) = (date(reader, &mut table, "from"), date(reader, &mut table, "to"));
    let today = match table.get("today") {
        Some(_) => date(reader, &mut table, "today"),
        None => None,
    };
    let group_by = table.texts(reader, "group_by");
    let group_by = group_by.into_iter().filter_map(|(text, at)| dimension(reader, text, at)).collect();
    let filters = filters(reader, &mut table);
    let currency = currency(reader, &mut table);
    let mut delta = Delta::new();
    for (inner, at) in tables(reader, &mut table, "facts") {
        if let Some(fact) = fact(reader, Table::new(inner, at, "a fact"), currency) {
            delta.add(catalogue, &fact);
        }
    }
    let rows = tables(reader, &mut table, "rows");
    let what = table.what.clone();
    let asked = (grain, from, to);
    let (Some(grain), Some(from), Some(to)) = asked else { return };
    let query = Query { kpis, grain, from, to, group_by, filters };
    let calendar = Calendar { holidays: Some(weekends()), today, ..Calendar::default() };
    let shape = Shape { calendar, ..Shape::default() };
    let plan = match catalogue.plan_shaped(&query, &shape) {
        Ok(plan) => plan,
        Err(error) => return reader.wrong(at, format!("{what} cannot be asked: {error}"), "correct the case"),
    };
    let blocks = delta.blocks();
    let answer = match plan.answer(blocks.iter().map(|(key, block)| (*key, block))) {
        Ok(answer) => answer,
        Err(error) => return reader.wrong(at, format!("{what}: {error}"), ""),
    };
    if answer.rows.len() != rows.len() {
        let got: Vec<String> = answer.rows.iter().map(shown).collect();
        let message = format!("{what} states {} rows, and {} came out: {}", rows.len(), got.len(), got.join("; "));
        reader.wrong(at, message, "correct the case or the definition");
    }
    for (row, (inner, at)) in answer.rows.iter().zip(rows) {
        compare(reader, &what, row, Table::new(inner, at, "a row"));
    }
    table.finish(reader);
}

/// A calendar that knows no day off but Saturdays and Sundays.
fn weekends() -> Arc<Holidays> {
    Arc::new(Holidays {
        weekend: [false, false, false, false, false, true, true],
        holidays: Vec::new(),
        partial: false,
    })
}

/// Holds one row against what the case states of it. What is not stated is not compared, but for the value.
fn compare(reader: &mut Reader<'_>, what: &str, row: &Row, mut stated: Table<'_>) {
    let at = stated.at;
    let no_value = row.no_value.map(|why| why.as_str().to_owned());
    let group = row.group.iter().map(|value| value.as_deref().unwrap_or("").to_owned()).collect::<Vec<_>>().join(", ");
    let bounds = row.interval.map(|(low, high)| format!("{low:.2} to {high:.2}"));
    let fields: [(&'static str, Option<String>); 9] = [
        ("value", row.value_text()),
        ("no_value", no_value),
        ("numerator", row.numerator_text()),
        ("denominator", row.denominator_text()),
        ("currency", row.currency.map(|currency| currency.code().to_owned())),
        ("start", Some(row.start.to_string())),
        ("kpi", Some(row.kpi.to_string())),
        ("sample", row.sample_size.map(|sample| sample.to_string())),
        ("interval", bounds),
    ];
    let mut wrong: Vec<String> = Vec::new();
    for (key, came) in fields {
        let expected = stated.maybe_text(reader, key).map(|(text, _)| text.to_owned());
        let must = matches!(key, "value" | "no_value");
        if (expected.is_some() || must) && expected != came {
            let word = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
            wrong.push(format!("{key} {} instead of {}", word(came), word(expected)));
        }
    }
    if stated.get("group").is_some() {
        let expected = stated.texts(reader, "group").into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(", ");
        if expected != group {
            wrong.push(format!("group {group} instead of {expected}"));
        }
    }
    stated.finish(reader);
    if !wrong.is_empty() {
        reader.wrong(at, format!("{what} gives {}", wrong.join(", ")), "correct the case or the definition");
    }
}

fn shown(row: &Row) -> String {
    let value =
        row.value_text().unwrap_or_else(|| row.no_value.map_or("", super::definition::NoValue::as_str).to_owned());
    format!("{} {} {:?} {value}", row.kpi, row.start, row.group)
}

fn date(reader: &mut Reader<'_>, table: &mut Table<'_>, key: &'static str) -> Option<NaiveDate> {
    table.word(reader, key, |text| text.parse().ok(), || "a date such as 2026-03-31".to_owned())
}

fn dimension(reader: &mut Reader<'_>, text: &str, at: usize) -> Option<Dimension> {
    let found = Dimension::named(text, &reader.case);
    if found.is_none() {
        reader.wrong(
            at,
            format!("\"{text}\" is no dimension"),
            format!("write one of {}", all_dimensions(&reader.case)),
        );
    }
    found
}

fn filters(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Vec<(Dimension, Vec<String>)> {
    let Some(value) = table.get("filters") else { return Vec::new() };
    let Some(inner) = value.get_ref().as_table() else {
        reader.wrong(value.span().start, "filters is no table", "write filters = { channel = [\"call\"] }");
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, value) in inner.iter() {
        if let Some(dimension) = dimension(reader, key.get_ref(), key.span().start) {
            let values = super::read::texts(reader, "the filter", value);
            found.push((dimension, values.into_iter().map(|(text, _)| text.to_owned()).collect()));
        }
    }
    found
}

fn fact(reader: &mut Reader<'_>, mut table: Table<'_>, currency: Option<Currency>) -> Option<Fact> {
    let kind = table.word(reader, "fact", FactKind::parse, || names(FactKind::ALL.iter().map(|kind| kind.as_str())));
    let day = date(reader, &mut table, "day");
    let currency = self::currency(reader, &mut table).or(currency);
    let amount = money(reader, &mut table, "amount", currency);
    let amount2 = money(reader, &mut table, "amount2", currency);
    let small = |table: &mut Table<'_>, reader: &mut Reader<'_>, key| {
        let (number, at) = table.whole(reader, key)?;
        let small = i32::try_from(number).ok();
        if small.is_none() {
            reader.wrong(at, format!("{key} = {number} is too large"), "write a number of at most nine digits");
        }
        small
    };
    let count = small(&mut table, reader, "count").map_or(1, i64::from);
    let sign = small(&mut table, reader, "sign").map_or(1, |sign| if sign < 0 { -1 } else { 1 });
    let days_due = small(&mut table, reader, "days_due");
    let days_invoice = small(&mut table, reader, "days_invoice");
    let value = small(&mut table, reader, "value").map(i64::from);
    let hour = small(&mut table, reader, "hour_of_week").and_then(|hour| {
        let fits = u8::try_from(hour).ok().filter(|hour| *hour < 168);
        if fits.is_none() {
            reader.wrong(table.at, format!("hour_of_week = {hour}"), "write 0 (Monday's first hour) to 167");
        }
        fits
    });
    let placed = match table.get("placed") {
        Some(_) => date(reader, &mut table, "placed").map(day_number),
        None => None,
    };
    let mut flags = 0;
    for (name, at) in table.texts(reader, "flags") {
        match flag::NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, bit)) => flags |= bit,
            None => {
                reader.wrong(at, format!("\"{name}\" is no flag"), names(flag::NAMES.iter().map(|(name, _)| *name)))
            }
        }
    }
    let channel = known(reader, &mut table, "channel", Channel::parse, Channel::ALL.iter().map(|one| one.as_str()));
    let direction =
        known(reader, &mut table, "direction", Direction::parse, Direction::ALL.iter().map(|one| one.as_str()));
    let case = case_values(reader, &mut table);
    let mut word = |key| table.maybe_text(reader, key).map(|(text, _)| Arc::<str>::from(text));
    let dims = Dims {
        agent: word("agent"),
        team: word("team"),
        client: word("client"),
        portfolio: word("portfolio"),
        product: word("product"),
        stage: word("stage"),
        campaign: word("campaign"),
        template: word("template"),
        rule: word("rule"),
        jurisdiction: word("jurisdiction"),
        state: word("state"),
        source: word("source"),
        sequence: word("sequence"),
        segment: word("segment"),
        bucket: word("dpd_bucket"),
        to_bucket: word("to_bucket"),
        channel,
        direction,
        currency,
        case,
    };
    table.finish(reader);
    let (kind, day) = (kind?, day_number(day?));
    let plain = Fact::new(kind, day, Arc::new(dims));
    Some(Fact { sign, count, amount, amount2, days_due, days_invoice, value, hour, placed, flags, ..plain })
}

/// The case's values: `case = { "segment:region" = "north" }`.
fn case_values(reader: &mut Reader<'_>, table: &mut Table<'_>) -> CaseWords {
    let value = table.get("case")?;
    let mut found = [None; MOST];
    let Some(inner) = value.get_ref().as_table() else {
        reader.wrong(value.span().start, "case is no table", "write case = { \"segment:region\" = \"north\" }");
        return None;
    };
    for (key, value) in inner.iter() {
        let slot = reader.case.place(key.get_ref()).and_then(|place| found.get_mut(place));
        match (slot, value.get_ref().as_str()) {
            (Some(slot), Some(text)) => *slot = Some(text),
            (None, _) => {
                let message = format!("\"{}\" is no value of cases that is a dimension", key.get_ref());
                reader.wrong(key.span().start, message, "state it in case_dimensions of a definition file");
            }
            (_, None) => reader.wrong(value.span().start, "this is no text", "write the value in quotes"),
        }
    }
    case_words(found)
}

/// A word of a closed list that may be there.
fn known<'n, T>(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    all: impl Iterator<Item = &'n str>,
) -> Option<T> {
    let (text, at) = table.maybe_text(reader, key)?;
    let found = parse(text);
    if found.is_none() {
        reader.wrong(at, format!("\"{text}\" is no {key}"), format!("write one of {}", names(all)));
    }
    found
}

fn currency(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<Currency> {
    let (code, at) = table.maybe_text(reader, "currency")?;
    let currency = Currency::parse(code);
    if currency.is_none() {
        reader.wrong(at, format!("\"{code}\" is no ISO 4217 currency"), "write currency = \"EUR\"");
    }
    currency
}

/// An amount in whole units of the currency, as text: "12.50". Absent is zero.
fn money(reader: &mut Reader<'_>, table: &mut Table<'_>, key: &'static str, currency: Option<Currency>) -> i64 {
    let Some((text, at)) = table.maybe_text(reader, key) else { return 0 };
    let Some(currency) = currency else {
        reader.wrong(at, "an amount without a currency", "add currency = \"EUR\" to the case or the fact");
        return 0;
    };
    match Money::parse(text, currency) {
        Ok(money) => money.minor,
        Err(error) => {
            reader.wrong(at, format!("{key} {error}"), "write an amount such as \"12.50\"");
            0
        }
    }
}
