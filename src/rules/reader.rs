//! Typed access to one TOML table: every wrong key and value becomes a diagnostic, and reading goes on.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::legible;
use super::position::Position;
use super::spelling::nearest;
use super::words::{Set, Word};
use super::written::Written;
use crate::domain::diagnostic::{Diagnostic, SourceFile, told_by_parser};

/// Most mistakes that are told of one file: a hostile one must not cost minutes and gigabytes.
const MAX_TOLD: usize = 200;

/// The file being read and what was found wrong in it.
pub struct Reading<'a> {
    /// The file.
    pub file: &'a SourceFile,
    /// Its name, shared by every [`Position`] in it.
    name: Arc<str>,
    /// Byte offsets at which its lines begin: every rule has a place, and none is to count the lines before it anew.
    lines: Vec<usize>,
    /// It may hold characters that are written as escapes.
    pub(super) escapes: bool,
    found: RefCell<Vec<Diagnostic>>,
}

impl<'a> Reading<'a> {
    /// Starts reading a file.
    #[must_use]
    pub fn new(file: &'a SourceFile) -> Self {
        let lines = std::iter::once(0).chain(file.text.match_indices('\n').map(|(end, _)| end + 1)).collect();
        let escapes = file.text.contains('\\');
        Self { file, name: file.path.as_str().into(), lines, escapes, found: RefCell::default() }
    }

    /// Notes a diagnostic at a byte offset.
    pub fn wrong(&self, offset: usize, message: impl Into<String>, remedy: impl Into<String>) {
        let mut found = self.found.borrow_mut();
        if found.len() > MAX_TOLD {
            return;
        }
        let (message, remedy) = if found.len() == MAX_TOLD {
            (format!("more than {MAX_TOLD} mistakes: the rest is not told"), "correct those above first".to_owned())
        } else {
            (message.into(), remedy.into())
        };
        found.push(Diagnostic::at(&self.file.path, &self.file.text, offset, message, remedy));
    }

    /// Where a byte offset is in the file.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|begin| *begin <= offset);
        let begin = line.checked_sub(1).and_then(|last| self.lines.get(last)).copied().unwrap_or_default();
        let before = self.file.text.get(begin..offset).unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position { file: Arc::clone(&self.name), line: number(line), column: number(before.chars().count() + 1) }
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Vec<Diagnostic> {
        self.found.into_inner()
    }

    /// Parses the file's text; syntax errors become diagnostics and what could be read is returned.
    pub fn parse(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(&self.file.text);
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            let told = told_by_parser(error.message(), &self.file.text, error.span());
            self.wrong(offset, format!("not valid TOML: {told}"), "correct the TOML syntax here");
        }
        legible::check(self, table.get_ref());
        table
    }
}

/// One table being read. Call [`Reader::finish`] to have unknown keys refused.
pub struct Reader<'r, 'a> {
    /// The file.
    pub cx: &'r Reading<'a>,
    table: &'r DeTable<'a>,
    span: Range<usize>,
    name: String,
    known: Vec<&'static str>,
}

impl<'r, 'a> Reader<'r, 'a> {
    /// A reader of the table `name`, which stands at `span`.
    pub fn new(cx: &'r Reading<'a>, table: &'r DeTable<'a>, span: Range<usize>, name: impl Into<String>) -> Self {
        Self { cx, table, span, name: name.into(), known: Vec::new() }
    }

    /// Byte offset of the table.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.span.start
    }

    /// Names the table differently in what follows.
    pub fn rename(&mut self, name: impl Into<String>) {
        self.name = name.into();
    }

    /// The key is there (it counts as known from now on).
    pub fn has(&mut self, key: &'static str) -> bool {
        self.raw(key).is_some()
    }

    /// Byte offset of the key's value, else of the table.
    pub fn at(&mut self, key: &'static str) -> usize {
        self.raw(key).map_or(self.span.start, |(_, span)| span.start)
    }

    /// The value as it stands.
    pub fn raw(&mut self, key: &'static str) -> Option<(&'r DeValue<'a>, Range<usize>)> {
        self.known.push(key);
        let value = self.table.get(key)?;
        Some((value.get_ref(), value.span()))
    }

    fn mistyped(&self, key: &str, span: &Range<usize>, value: &DeValue<'_>, wanted: &str) {
        self.cx.wrong(
            span.start,
            format!("{}: {key} is of type {}, not {wanted}", self.name, value.type_str()),
            format!("write {key} as {wanted}"),
        );
    }

    /// A missing key.
    pub fn missing(&self, key: &str, wanted: &str) {
        self.cx.wrong(self.span.start, format!("{}: {key} is missing", self.name), format!("add {key} = {wanted}"));
    }

    /// A diagnostic at a key.
    pub fn wrong(&mut self, key: &'static str, message: &str, remedy: &str) {
        let at = self.at(key);
        self.cx.wrong(at, format!("{}: {message}", self.name), remedy);
    }

    /// A text, if the key is there.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let (value, span) = self.raw(key)?;
        let Some(text) = value.as_str() else {
            self.mistyped(key, &span, value, "a string");
            return None;
        };
        if text.trim().is_empty() {
            self.wrong(key, &format!("{key} is empty"), "write a text or remove the key");
            return None;
        }
        Some(text.to_owned())
    }

    /// A text that must be there.
    pub fn need_text(&mut self, key: &'static str) -> Option<String> {
        if !self.has(key) {
            self.missing(key, "\"...\"");
        }
        self.text(key)
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str) -> Vec<String> {
        let Some((value, span)) = self.raw(key) else { return Vec::new() };
        let Some(list) = value.as_array() else {
            self.mistyped(key, &span, value, "a list of strings");
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_str() {
                Some(text) => out.push(text.to_owned()),
                None => self.mistyped(key, &item.span(), item.get_ref(), "a list of strings"),
            }
        }
        out
    }

    /// Yes or no.
    pub fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let (value, span) = self.raw(key)?;
        let found = value.as_bool();
        if found.is_none() {
            self.mistyped(key, &span, value, "true or false");
        }
        found
    }

    /// A whole number between two bounds.
    pub fn integer(&mut self, key: &'static str, low: i64, high: i64) -> Option<i64> {
        let (value, span) = self.raw(key)?;
        let Some(number) = value.as_integer() else {
            self.mistyped(key, &span, value, "a whole number");
            return None;
        };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if (low..=high).contains(&number) => Some(number),
            _ => {
                let message = format!("{key} is {}, outside {low} to {high}", number.as_str());
                self.wrong(key, &message, &format!("write a number from {low} to {high}"));
                None
            }
        }
    }

    /// A date: 2026-11-22 without quotes, or quoted.
    pub fn date(&mut self, key: &'static str) -> Option<NaiveDate> {
        let (value, span) = self.raw(key)?;
        let date = match value {
            DeValue::Datetime(at) if at.time.is_none() => {
                at.date.and_then(|d| NaiveDate::from_ymd_opt(i32::from(d.year), d.month.into(), d.day.into()))
            }
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        if date.is_none() {
            self.mistyped(key, &span, value, "a date such as 2026-11-22");
        }
        date
    }

    /// Minutes since midnight of a time such as "08:30" (also "24:00").
    pub fn minute(&mut self, key: &'static str) -> Option<u16> {
        if !self.has(key) {
            self.missing(key, "\"08:30\"");
        }
        let (value, span) = self.raw(key)?;
        let minute = value.as_str().and_then(|text| {
            let two = |text: &str| text.parse::<u8>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
            let (hour, minute) = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)?;
            let (hour, minute) = (u16::from(two(hour)?), u16::from(two(minute)?));
            (minute < 60 && hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
        });
        if let (None, Some(text)) = (minute, value.as_str()) {
            let message =
                format!("{key} is \"{}\", which is no local time from \"00:00\" to \"24:00\"", text.escape_debug());
            self.wrong(key, &message, &format!("write {key} as \"08:30\", two digits for each part"));
        } else if minute.is_none() {
            self.mistyped(key, &span, value, "a quoted local time from \"00:00\" to \"24:00\"");
        }
        minute
    }

    fn word_of<T: Word>(&self, key: &str, item: &DeValue<'_>, span: &Range<usize>) -> Option<T> {
        let Some(text) = item.as_str() else {
            self.mistyped(key, span, item, "a quoted word");
            return None;
        };
        let found = T::read(text);
        if found.is_none() {
            let names: Vec<_> = T::all().iter().map(|word| word.name()).collect();
            self.cx.wrong(
                span.start,
                format!("{}: {key} does not know \"{text}\"{}", self.name, nearest(text, &names)),
                format!("write one of: {}", names.join(", ")),
            );
        }
        found
    }

    /// One word of a closed list.
    pub fn word<T: Word>(&mut self, key: &'static str) -> Option<T> {
        let (value, span) = self.raw(key)?;
        self.word_of(key, value, &span)
    }

    /// One word of a closed list that must be there.
    pub fn need_word<T: Word>(&mut self, key: &'static str) -> Option<T> {
        if !self.has(key) {
            let names: Vec<_> = T::all().iter().map(|word| word.name()).collect();
            self.missing(key, &format!("\"...\", one of: {}", names.join(", ")));
        }
        self.word(key)
    }

    /// A set of words, written as a list; empty if the key is absent.
    pub fn set<T: Word>(&mut self, key: &'static str) -> Set<T> {
        let mut set = Set::default();
        let Some((value, span)) = self.raw(key) else { return set };
        let Some(list) = value.as_array() else {
            self.mistyped(key, &span, value, "a list of words");
            return set;
        };
        if list.iter().next().is_none() {
            self.wrong(
                key,
                &format!("{key} is an empty list, which would match nothing"),
                "name a word or remove the key",
            );
        }
        for item in list.iter() {
            if let Some(word) = self.word_of::<T>(key, item.get_ref(), &item.span()) {
                set.insert(word);
            }
        }
        set
    }

    /// A table below this one, if it is there.
    pub fn table(&mut self, key: &'static str) -> Option<Reader<'r, 'a>> {
        let (value, span) = self.raw(key)?;
        let Some(table) = value.as_table() else {
            self.mistyped(key, &span, value, "a table");
            return None;
        };
        Some(Reader::new(self.cx, table, span, format!("{}.{key}", self.name)))
    }

    /// A list of tables below this one.
    pub fn tables(&mut self, key: &'static str) -> Vec<Reader<'r, 'a>> {
        let Some((value, span)) = self.raw(key) else { return Vec::new() };
        let Some(list) = value.as_array() else {
            self.mistyped(key, &span, value, "a list of tables");
            return Vec::new();
        };
        let mut out = Vec::new();
        for (index, item) in list.iter().enumerate() {
            match item.get_ref().as_table() {
                Some(table) => {
                    out.push(Reader::new(self.cx, table, item.span(), format!("{}.{key}[{index}]", self.name)));
                }
                None => self.mistyped(key, &item.span(), item.get_ref(), "a list of tables"),
            }
        }
        out
    }

    /// The keys of this table in the order of the file, for tables whose keys are data.
    pub fn keys(&self) -> Vec<(String, usize)> {
        self.table.iter().map(|(key, _)| (key.get_ref().to_string(), key.span().start)).collect()
    }

    /// What the table says, as it is written.
    #[must_use]
    pub fn written(&self) -> Written {
        Written::of(self.table)
    }

    /// Refuses every key that nobody asked for.
    pub fn finish(self) {
        for (key, _) in self.table {
            let text: &str = key.get_ref();
            if !self.known.contains(&text) {
                self.cx.wrong(
                    key.span().start,
                    format!("{}: unknown key \"{text}\"{}", self.name, nearest(text, &self.known)),
                    format!("remove it, or use one of: {}", join_distinct(&self.known)),
                );
            }
        }
    }
}

fn join_distinct(names: &[&'static str]) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for name in names {
        if !distinct.contains(name) {
            distinct.push(name);
        }
    }
    distinct.join(", ")
}
