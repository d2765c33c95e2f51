//! Reads TOML tables key by key and notes everything that is wrong, with its place, instead of stopping at the first.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::diagnostic::{Diagnostic, SourceFile};

/// A value of the file.
pub(crate) type Value<'t> = toml::Spanned<DeValue<'t>>;

/// One file being read, and what was found wrong in it.
pub(crate) struct Reader<'f> {
    file: &'f SourceFile,
    /// The values of cases that are dimensions.
    pub(crate) case: CaseDimensions,
    pub(crate) found: Vec<Diagnostic>,
}

impl<'f> Reader<'f> {
    pub(crate) fn new(file: &'f SourceFile, case: &CaseDimensions) -> Self {
        Self { file, case: case.clone(), found: Vec::new() }
    }

    /// Parses the file; syntax errors are noted and what could be read is returned.
    pub(crate) fn document(&mut self) -> toml::Spanned<DeTable<'f>> {
        let (document, errors) = DeTable::parse_recoverable(&self.file.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.wrong(at, format!("this is not TOML: {}", error.message()), "correct the syntax");
        }
        document
    }

    /// Notes a fault at a byte offset.
    pub(crate) fn wrong(&mut self, at: usize, message: impl Into<String>, remedy: impl Into<String>) {
        self.found.push(Diagnostic::at(&self.file.path, &self.file.text, at, message, remedy));
    }
}

/// A table being read: remembers which keys were asked for, so that the others can be refused.
pub(crate) struct Table<'t> {
    table: &'t DeTable<'t>,
    /// Byte offset of the table, for what is missing.
    pub(crate) at: usize,
    /// What the table is, for messages: `measure "payments"`.
    pub(crate) what: String,
    asked: BTreeSet<&'static str>,
}

impl<'t> Table<'t> {
    pub(crate) fn new(table: &'t DeTable<'t>, at: usize, what: impl Into<String>) -> Self {
        Self { table, at, what: what.into(), asked: BTreeSet::new() }
    }

    /// The value of a key, if it is there.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'t Value<'t>> {
        self.asked.insert(key);
        self.table.get(key)
    }

    /// The tables of a key's list, each called `what`; whatever is none is told as `none`, with the form to write.
    pub(crate) fn tables(
        &mut self,
        reader: &mut Reader<'_>,
        (key, form): (&'static str, &str),
        (what, none): (&str, &str),
    ) -> Vec<Table<'t>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array().filter(|items| !items.is_empty()) else {
            reader.wrong(value.span().start, format!("{key} of {} is no list", self.what), form);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            let at = item.span().start;
            match item.get_ref().as_table() {
                Some(inner) => tables.push(Table::new(inner, at, what)),
                None => reader.wrong(at, none, form),
            }
        }
        tables
    }

    /// The value of a key that must be there.
    pub(crate) fn need(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<&'t Value<'t>> {
        let found = self.get(key);
        if found.is_none() {
            reader.wrong(self.at, format!("{} lacks the key \"{key}\"", self.what), format!("add {key} = ..."));
        }
        found
    }

    /// A text that must be there and say something.
    pub(crate) fn text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<(&'t str, usize)> {
        let value = self.need(reader, key)?;
        self.as_text(reader, key, value)
    }

    /// A text that may be there.
    pub(crate) fn maybe_text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<(&'t str, usize)> {
        let value = self.get(key)?;
        self.as_text(reader, key, value)
    }

    fn as_text(&self, reader: &mut Reader<'_>, key: &str, value: &'t Value<'t>) -> Option<(&'t str, usize)> {
        let at = value.span().start;
        match value.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() => Some((text, at)),
            Some(_) => {
                reader.wrong(at, format!("{key} of {} is empty", self.what), format!("write {key} = \"...\""));
                None
            }
            None => {
                reader.wrong(at, format!("{key} of {} is not a text", self.what), format!("write {key} = \"...\""));
                None
            }
        }
    }

    /// A word of a closed list that must be there.
    pub(crate) fn word<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        known: impl Fn() -> String,
    ) -> Option<T> {
        let (text, at) = self.text(reader, key)?;
        let parsed = parse(text);
        if parsed.is_none() {
            reader.wrong(
                at,
                format!("{key} = \"{text}\" of {} is unknown", self.what),
                format!("write one of {}", known()),
            );
        }
        parsed
    }

    /// A boolean that must be there.
    pub(crate) fn flag(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            let message = format!("{key} of {} is neither true nor false", self.what);
            reader.wrong(value.span().start, message, format!("write {key} = true or leave it out"));
        }
        flag
    }

    /// A whole number that may be there.
    pub(crate) fn whole(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<(i128, usize)> {
        let value = self.get(key)?;
        let number = whole(value);
        if number.is_none() {
            let message = format!("{key} of {} is not a whole number", self.what);
            reader.wrong(value.span().start, message, format!("write {key} = 2, without quotes"));
        }
        number.map(|number| (number, value.span().start))
    }

    /// The texts of a list, or of a single text.
    pub(crate) fn texts(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Vec<(&'t str, usize)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        texts(reader, &format!("{key} of {}", self.what), value)
    }

    /// Refuses the keys that nobody asked for.
    pub(crate) fn finish(self, reader: &mut Reader<'_>) {
        for (key, _) in self.table.iter() {
            let name: &str = key.get_ref();
            if !self.asked.contains(name) {
                let known: Vec<&str> = self.asked.iter().copied().collect();
                let message = format!("{} has an unknown key \"{name}\"", self.what);
                reader.wrong(key.span().start, message, format!("remove it, or write one of {}", known.join(", ")));
            }
        }
    }
}

/// The texts of a list of texts, or of a single text.
pub(crate) fn texts<'t>(reader: &mut Reader<'_>, what: &str, value: &'t Value<'t>) -> Vec<(&'t str, usize)> {
    let single = std::slice::from_ref(value);
    let items: Vec<&'t Value<'t>> = match value.get_ref().as_array() {
        Some(items) => items.iter().collect(),
        None => single.iter().collect(),
    };
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        match item.get_ref().as_str() {
            Some(text) => found.push((text, item.span().start)),
            None => reader.wrong(
                item.span().start,
                format!("{what} holds something that is no text"),
                "write texts in quotes",
            ),
        }
    }
    found
}

/// The whole number of a value, if it is one.
pub(crate) fn whole(value: &Value<'_>) -> Option<i128> {
    let number = value.get_ref().as_integer()?;
    i128::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Whether the text can be an id: lower-case letters, digits and underscores, a letter first.
pub(crate) fn is_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Names of a closed list, for remedies.
pub(crate) fn names<'n>(all: impl Iterator<Item = &'n str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}
