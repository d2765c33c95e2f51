//! Dated tables of yearly rates and amounts: numbers that change by date and that several rules read.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

use super::model::{FeeCap, Limits};
use super::parse_fee;
use super::position::Position;
use super::reader::{Reader, Reading};
use super::words::words;
use crate::domain::money::Currency;
use crate::domain::verdict::Confidence;
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// What a table's values are.
    RateUnit {
        /// Yearly rates, in millionths.
        Percent = "percent",
        /// Money, in minor units.
        Amount = "amount",
    }
);
words!(RateUnit);

/// Tables by id.
pub type RateTables = BTreeMap<String, Arc<RateTable>>;

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateTable {
    /// Its id.
    pub id: String,
    /// What it holds, in one line.
    pub title: String,
    /// What its values are.
    pub unit: RateUnit,
    /// Currency of amounts.
    pub currency: Option<Currency>,
    /// Where the values were taken from.
    pub source: String,
    /// Entries in the order of their dates, without overlap or gap.
    pub entries: Vec<RateEntry>,
    /// Digest (blake3, hexadecimal) of the file that holds it.
    pub digest: String,
    /// Where it stands.
    pub position: Position,
}

/// The value of one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateEntry {
    /// First day.
    pub from: NaiveDate,
    /// Last day; until further notice if absent.
    pub until: Option<NaiveDate>,
    /// Millionths or minor units; `None`: it is not known.
    pub value: Option<i64>,
    /// The value was read in its source.
    pub confidence: Confidence,
    /// Where it stands.
    pub position: Position,
}

impl RateEntry {
    /// The day falls into the period.
    #[must_use]
    pub fn holds(&self, date: NaiveDate) -> bool {
        self.from <= date && self.until.is_none_or(|until| date <= until)
    }
}

impl RateTable {
    /// The value of a day and whether it was read in its source. `None`: there is no figure.
    #[must_use]
    pub fn at(&self, date: NaiveDate) -> Option<(i64, Confidence)> {
        let entry = self.entries.iter().find(|entry| entry.holds(date))?;
        Some((entry.value?, entry.confidence))
    }
}

/// Reads a file of tables into `tables`.
pub fn read(cx: &Reading<'_>, table: &DeTable<'_>, tables: &mut RateTables) {
    let mut root = Reader::new(cx, table, 0..0, "file");
    if root.integer("format", 1, 1).is_none() && !root.has("format") {
        root.missing("format", "1");
    }
    let digest = blake3::hash(cx.file.text.as_bytes()).to_hex().to_string();
    for mut reader in root.tables("rate") {
        if let Some(found) = rate(&mut reader, &digest) {
            if let Some(other) = tables.get(&found.id) {
                let message = format!("two tables have the id \"{}\", also {}", found.id, other.position);
                reader.wrong("id", &message, "give each table an id of its own");
            }
            tables.insert(found.id.clone(), Arc::new(found));
        }
        reader.finish();
    }
    root.finish();
}

fn rate(reader: &mut Reader<'_, '_>, digest: &str) -> Option<RateTable> {
    let id = reader.need_text("id");
    if let Some(id) = &id {
        reader.rename(format!("rate {id}"));
        if !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') || id.len() > 80 {
            let message = format!("id \"{id}\" is not of lower-case letters, digits and hyphens (at most 80)");
            reader.wrong("id", &message, "write it as \"eu-ecb-mro\"");
        }
    }
    let title = reader.need_text("title");
    let source = reader.need_text("source");
    let unit = reader.need_word::<RateUnit>("unit");
    let confidence = reader.need_word::<Confidence>("confidence").unwrap_or(Confidence::Unconfirmed);
    let currency = parse_fee::currency(reader);
    if unit == Some(RateUnit::Amount) && !reader.has("currency") {
        reader.missing("currency", "\"NOK\", of the amounts");
    }
    if unit == Some(RateUnit::Percent) && reader.has("currency") {
        reader.wrong("currency", "a rate has no currency", "remove it, or write unit = \"amount\"");
    }
    if !reader.has("entries") {
        reader.missing("entries", "[{ from = 2026-01-01, until = 2026-06-30, value = \"2.15\" }, ...]");
    }
    let mut entries: Vec<RateEntry> = Vec::new();
    for mut item in reader.tables("entries") {
        entries.extend(entry(&mut item, unit, currency, confidence, entries.last()));
        item.finish();
    }
    let position = reader.cx.position(reader.offset());
    Some(RateTable {
        id: id?,
        title: title?,
        unit: unit?,
        currency,
        source: source?,
        entries,
        digest: digest.to_owned(),
        position,
    })
}

fn entry(
    item: &mut Reader<'_, '_>,
    unit: Option<RateUnit>,
    currency: Option<Currency>,
    confidence: Confidence,
    before: Option<&RateEntry>,
) -> Option<RateEntry> {
    if !item.has("from") {
        item.missing("from", "2026-01-01, its first day");
    }
    let (from, until) = (item.date("from"), item.date("until"));
    let no_figure = item.boolean("no_figure").unwrap_or(false);
    if item.has("value") == no_figure {
        item.wrong("value", "an entry needs either value or no_figure = true", "write one of them");
    }
    let value = match unit {
        Some(RateUnit::Amount) => currency.and_then(|currency| parse_fee::amount(item, "value", currency)),
        _ => parse_fee::signed_percent(item, "value"),
    };
    let confidence = item.word::<Confidence>("confidence").unwrap_or(confidence);
    let _ = item.text("source");
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        item.wrong("until", "until lies before from", "state the last day of the period");
    }
    if let (Some(from), Some(before)) = (from, before) {
        let next = before.until.and_then(|until| until.succ_opt());
        match next {
            None => item.wrong("from", "the entry before has no end", "give it until, the day before this one"),
            Some(next) if from < next => {
                let message = format!("the period overlaps the one before, which lasts until {}", next.pred_opt()?);
                item.wrong("from", &message, &format!("begin on {next}"));
            }
            Some(next) if from > next => {
                let message = format!("nothing is said of the days from {next} on");
                let remedy = format!("begin on {next}, or add {{ from = {next}, until = ..., no_figure = true }}");
                item.wrong("from", &message, &remedy);
            }
            Some(_) => {}
        }
    }
    let position = item.cx.position(item.offset());
    Some(RateEntry { from: from?, until, value, confidence, position })
}

impl Limits {
    /// The dated tables that the rule reads.
    #[must_use]
    pub fn rate_tables(&self) -> Vec<&Arc<RateTable>> {
        match self {
            Self::InterestCap(limits) => limits.formulas().filter_map(|formula| formula.table()).collect(),
            Self::FeeCap(FeeCap { yearly, .. }) => yearly.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Puts another table in the place of the one of the same id.
    pub fn replace_rate_table(&mut self, table: &Arc<RateTable>) {
        match self {
            Self::InterestCap(limits) => limits.formulas_mut().for_each(|formula| formula.replace(table)),
            Self::FeeCap(FeeCap { yearly: Some(yearly), .. }) if yearly.id == table.id => *yearly = Arc::clone(table),
            _ => {}
        }
    }
}
