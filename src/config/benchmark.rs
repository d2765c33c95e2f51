//! Published figures: `benchmarks/*.toml`, and the days from which a tenant shares its own.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use toml::de::DeTable;

use super::document::{Complaints, Section};
use crate::domain::diagnostic::{Diagnostic, SourceFile};
use crate::domain::tenant::Span;
use crate::kpi::peers::Published;
use crate::kpi::{Catalogue, Exact};

/// Reads the published figures; what is wrong goes to `found`.
pub fn read(files: &[SourceFile], catalogue: Option<&Catalogue>, found: &mut Vec<Diagnostic>) -> Vec<Published> {
    let known: Option<BTreeSet<&str>> =
        catalogue.map(|catalogue| catalogue.list().map(|info| info.id.as_str()).collect());
    let mut all = Vec::new();
    for file in files {
        let mut out = Complaints::new(&file.path, &file.text);
        if let Some(table) = out.parse() {
            all.extend(file_of(table.get_ref(), known.as_ref(), &mut out));
        }
        found.extend(out.into_found());
    }
    all
}

fn file_of(table: &DeTable, known: Option<&BTreeSet<&str>>, out: &mut Complaints) -> Vec<Published> {
    let mut top = Section::new("", 0, table);
    if top.integer(out, "format", 1..2).is_none() && !top.was_there("format") {
        top.missing(out, "format", "write format = 1");
    }
    let sections = top.tables(out, "benchmark");
    top.finish(out);
    sections.into_iter().filter_map(|section| one(section, known, out)).collect()
}

fn one(mut section: Section, known: Option<&BTreeSet<&str>>, out: &mut Complaints) -> Option<Published> {
    let kpi = section.required(out, "kpi", "write kpi = \"open_rate\" or another KPI").and_then(|(text, at)| {
        let there = known.is_none_or(|known| known.contains(text));
        if !there {
            out.at(at, format!("there is no KPI \"{}\"", text.escape_debug()), "name one of config/kpis");
        }
        there.then(|| text.to_owned())
    });
    let regions = section.texts(out, "markets").into_iter().map(|(text, _)| text.to_owned()).collect();
    let number = |section: &mut Section, key: &'static str, out: &mut Complaints| {
        let (text, at) = section.text(out, key)?;
        let good = text.len() <= 24 && !text.contains('/') && Exact::parse(text).is_some();
        if !good {
            let message = format!("{key} is \"{}\", which is no number", text.escape_debug());
            out.at(at, message, format!("write {key} = \"21.5\" in the unit of the KPI"));
        }
        good.then(|| text.to_owned())
    };
    let (value, low, high) =
        (number(&mut section, "value", out), number(&mut section, "low", out), number(&mut section, "high", out));
    let range = match (value, low, high) {
        (Some(value), None, None) => Some((value.clone(), value)),
        (None, Some(low), Some(high)) => Some((low, high)),
        _ => {
            out.at(section.offset(), "a benchmark is one value, or low and high", "write value = \"21.5\"");
            None
        }
    };
    let mut text =
        |key: &'static str, remedy: &str| section.required(out, key, remedy).map(|(text, _)| text.to_owned());
    let source = text("source", "write who published it, and where");
    let published = text("published", "write when it was published, such as published = \"2022-03\"");
    let covers = text("covers", "write of whom and of when it is");
    let note = section.text(out, "note").map(|(text, _)| text.to_owned()).unwrap_or_default();
    section.finish(out);
    let (low, high) = range?;
    Some(Published { kpi: kpi?, regions, low, high, source: source?, published: published?, covers: covers?, note })
}

/// Reads `[benchmarks]` of a tenant: the days whose figures it shares.
pub fn shared(mut section: Section, out: &mut Complaints) -> Option<Span> {
    let day = |section: &mut Section, key: &'static str, out: &mut Complaints| {
        let (text, at) = section.text(out, key)?;
        let date: Option<NaiveDate> = text.parse().ok();
        if date.is_none() {
            out.at(at, format!("{key} is no date"), format!("write {key} = \"2026-01-01\""));
        }
        date
    };
    let from = day(&mut section, "share_from", out);
    if !section.was_there("share_from") {
        section.missing(out, "share_from", "write the first day whose figures are shared: share_from = \"2026-01-01\"");
    }
    let until = day(&mut section, "share_until", out);
    section.finish(out);
    Some(Span { from: Some(from?), until })
}
