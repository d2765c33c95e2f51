//! One TOML file, read with positions: every complaint about it is kept, none ends the reading.

use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::diagnostic::{Diagnostic, told_by_parser};

/// Collects what is wrong with one file.
pub struct Complaints<'d> {
    file: &'d str,
    text: &'d str,
    found: Vec<Diagnostic>,
}

impl<'d> Complaints<'d> {
    /// For a file's name and text.
    #[must_use]
    pub const fn new(file: &'d str, text: &'d str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// Keeps a complaint about the text at a byte offset.
    pub fn at(&mut self, offset: usize, message: impl Into<String>, remedy: impl Into<String>) {
        self.found.push(Diagnostic::at(self.file, self.text, offset, message, remedy));
    }

    /// All complaints.
    #[must_use]
    pub fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    /// Parses the text; every syntax error becomes a complaint. `None` if there was one.
    pub fn parse(&mut self) -> Option<Spanned<DeTable<'d>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let offset = error.span().map_or(0, |span| span.start);
            self.at(offset, told_by_parser(error.message(), self.text, error.span()), "write valid TOML 1.0");
        }
        errors.is_empty().then_some(table)
    }
}

/// A table whose keys are taken one by one; what is left at the end is unknown.
pub struct Section<'t> {
    name: String,
    offset: usize,
    entries: Vec<Entry<'t>>,
    asked: Vec<&'static str>,
    seen: Vec<&'t str>,
}

struct Entry<'t> {
    key: &'t str,
    at: usize,
    value: &'t DeValue<'t>,
    span: Range<usize>,
}

impl<'t> Section<'t> {
    /// The section of a parsed table. `name` is what complaints call it, empty for the file's top level.
    pub fn new(name: impl Into<String>, offset: usize, table: &'t DeTable<'t>) -> Self {
        let entries = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().as_ref(),
                at: key.span().start,
                value: value.get_ref(),
                span: value.span(),
            })
            .collect();
        Self { name: name.into(), offset, entries, asked: Vec::new(), seen: Vec::new() }
    }

    /// Byte offset of the section's header.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Keys still there, with their offsets, in the order of the file.
    #[must_use]
    pub fn keys(&self) -> Vec<(&'t str, usize)> {
        let mut keys: Vec<_> = self.entries.iter().map(|entry| (entry.key, entry.at)).collect();
        keys.sort_by_key(|(_, at)| *at);
        keys
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Takes any key by name, known or not.
    pub fn remove(&mut self, key: &str) -> Option<(&'t DeValue<'t>, Range<usize>)> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.swap_remove(index);
        self.seen.push(entry.key);
        Some((entry.value, entry.span))
    }

    /// Takes a known key, whatever its type.
    pub fn take(&mut self, key: &'static str) -> Option<(&'t DeValue<'t>, Range<usize>)> {
        self.asked.push(key);
        self.remove(key)
    }

    /// Whether the key was taken (its value may have been refused).
    #[must_use]
    pub fn was_there(&self, key: &str) -> bool {
        self.seen.contains(&key)
    }

    /// Complains that a key is missing.
    pub fn missing(&self, out: &mut Complaints, key: &str, remedy: &str) {
        out.at(self.offset, format!("{} is missing", self.path(key)), remedy);
    }

    fn wrong(&self, out: &mut Complaints, key: &str, value: &DeValue, at: usize, wanted: &str) {
        out.at(at, format!("{} is {}, not {wanted}", self.path(key), type_name(value)), format!("write {wanted}"));
    }

    /// Takes a text, with its offset.
    pub fn text(&mut self, out: &mut Complaints, key: &'static str) -> Option<(&'t str, usize)> {
        let (value, span) = self.take(key)?;
        if let DeValue::String(text) = value {
            return Some((text.as_ref(), span.start));
        }
        self.wrong(out, key, value, span.start, "a text in quotes");
        None
    }

    /// Takes a text that must be there.
    pub fn required(&mut self, out: &mut Complaints, key: &'static str, remedy: &str) -> Option<(&'t str, usize)> {
        let text = self.text(out, key);
        if !self.was_there(key) {
            self.missing(out, key, remedy);
        }
        text
    }

    /// Takes a whole number inside `range`.
    pub fn integer(&mut self, out: &mut Complaints, key: &'static str, range: Range<i64>) -> Option<i64> {
        let (value, span) = self.take(key)?;
        let number = integer(value);
        match number {
            Some(number) if range.contains(&number) => Some(number),
            Some(number) => {
                let (low, high) = (range.start, range.end - 1);
                let message = format!("{} is {number}, allowed is {low} to {high}", self.path(key));
                out.at(span.start, message, format!("write a whole number from {low} to {high}"));
                None
            }
            None => {
                self.wrong(out, key, value, span.start, "a whole number");
                None
            }
        }
    }

    /// Takes true or false.
    pub fn boolean(&mut self, out: &mut Complaints, key: &'static str) -> Option<bool> {
        let (value, span) = self.take(key)?;
        if let DeValue::Boolean(value) = value {
            return Some(*value);
        }
        self.wrong(out, key, value, span.start, "true or false");
        None
    }

    /// Takes a sub-table.
    pub fn table(&mut self, out: &mut Complaints, key: &'static str) -> Option<Section<'t>> {
        let (value, span) = self.take(key)?;
        if let DeValue::Table(table) = value {
            return Some(Section::new(self.path(key), span.start, table));
        }
        self.wrong(out, key, value, span.start, "a table");
        None
    }

    /// Takes an array of texts with their offsets; entries of another type are complained of.
    pub fn texts(&mut self, out: &mut Complaints, key: &'static str) -> Vec<(&'t str, usize)> {
        let Some((value, span)) = self.take(key) else { return Vec::new() };
        let DeValue::Array(items) = value else {
            self.wrong(out, key, value, span.start, "an array of texts");
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.as_ref(), item.span().start)),
                other => self.wrong(out, key, other, item.span().start, "an array of texts"),
            }
        }
        texts
    }

    /// Takes an array of tables.
    pub fn tables(&mut self, out: &mut Complaints, key: &'static str) -> Vec<Section<'t>> {
        let Some((value, span)) = self.take(key) else { return Vec::new() };
        let DeValue::Array(items) = value else {
            self.wrong(out, key, value, span.start, "an array of tables ([[...]])");
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => sections.push(Section::new(self.path(key), item.span().start, table)),
                other => self.wrong(out, key, other, item.span().start, "an array of tables ([[...]])"),
            }
        }
        sections
    }

    /// Complains of every key that nobody took.
    pub fn finish(self, out: &mut Complaints) {
        for entry in &self.entries {
            let remedy = suggestion(entry.key, self.asked.iter().copied());
            out.at(entry.at, format!("{} is not a key that is known here", self.path(entry.key)), remedy);
        }
    }
}

/// The whole number of a value, if it is one inside 64 bits.
#[must_use]
pub fn integer(value: &DeValue) -> Option<i64> {
    match value {
        DeValue::Integer(digits) => i64::from_str_radix(&digits.as_str().replace('_', ""), digits.radix()).ok(),
        _ => None,
    }
}

/// What people call the value's type.
#[must_use]
pub const fn type_name(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a floating-point number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// "did you mean", from the nearest known word; else the list of known words.
pub fn suggestion<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.collect();
    let nearest = known.iter().map(|candidate| (distance(word, candidate), *candidate)).min();
    match nearest {
        Some((steps, candidate)) if steps * 3 <= candidate.chars().count().max(3) => {
            format!("write {candidate}, or remove it")
        }
        _ if known.is_empty() => "remove it".to_owned(),
        _ => format!("use one of {}, or remove it", known.join(", ")),
    }
}

/// Levenshtein distance, over at most the first 64 characters: enough to find a slip of the pen.
pub(super) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, a) in left.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}
