//! A mapping file: how each event of a CSV becomes case versions and activities. Everything wrong is reported at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use super::events::{Event, read_event};
use super::ids::Ids;
use super::template::{Node, Sample, complain_of_lost_keys};
use crate::config::document::{Complaints, Section, suggestion};
use crate::domain::case::CaseVersion;
use crate::domain::diagnostic::{Diagnostics, SourceFile};
use crate::domain::money::Currency;

/// A checked mapping.
#[derive(Debug)]
pub struct Mapping {
    /// Zone of dates and of times without an offset.
    pub zone: Tz,
    /// Currency of every amount.
    pub currency: Currency,
    /// Times are dates without a clock time.
    pub date_only: bool,
    /// The lines of a case stand together.
    pub grouped: bool,
    /// Column of the case id.
    pub case: String,
    /// Column of the event's name.
    pub event: String,
    /// Column of the time.
    pub time: String,
    /// What ids are made of.
    pub ids: Ids,
    /// A row names the record of another, so what records became is kept.
    pub refers: bool,
    /// Columns that nothing reads, with the reason.
    pub unused: BTreeMap<String, String>,
    /// What every case carries.
    pub template: Node,
    /// Events by name.
    pub events: BTreeMap<String, Event>,
}

impl Mapping {
    /// Reads and checks a mapping file.
    ///
    /// # Errors
    /// Every diagnostic, with position and remedy.
    pub fn parse(file: &SourceFile) -> Result<Self, Diagnostics> {
        let mut out = Complaints::new(&file.path, &file.text);
        let mapping = out.parse().and_then(|table| read(table.get_ref(), &mut out));
        let found = Diagnostics(out.into_found());
        match found.into_result(()) {
            Err(found) => Err(found),
            Ok(()) => mapping.ok_or_else(Diagnostics::default),
        }
    }

    /// Every column that the mapping reads or lists as unused.
    #[must_use]
    pub fn columns(&self) -> BTreeSet<String> {
        let mut columns = vec![self.case.clone(), self.event.clone(), self.time.clone()];
        columns.extend(self.unused.keys().cloned());
        self.template.columns(&mut columns);
        for event in self.events.values() {
            columns.extend(event.columns.iter().cloned());
            columns.extend(event.ignore.iter().map(|ignore| ignore.when.column.clone()));
        }
        if let Ids::Record(record) = &self.ids {
            columns.extend(record.iter().cloned());
        }
        columns.into_iter().collect()
    }

    /// The column by which rows name records, if some do.
    #[must_use]
    pub fn record_column(&self) -> Option<&str> {
        match &self.ids {
            Ids::Record(columns) if self.refers => columns.first().map(String::as_str),
            _ => None,
        }
    }
}

fn read(table: &DeTable, out: &mut Complaints) -> Option<Mapping> {
    let mut top = Section::new("", 0, table);
    let source = top.table(out, "source");
    if source.is_none() && !top.was_there("source") {
        top.missing(out, "source", "add [source] with zone, currency, case, event and time");
    }
    let mut source = source?;
    let zone =
        source.required(out, "zone", "write zone = \"Europe/Rome\" or another IANA zone").and_then(|(text, at)| {
            let zone = text.parse::<Tz>().ok();
            if zone.is_none() {
                out.at(at, format!("\"{text}\" is no IANA time zone"), "write a zone such as Europe/Rome");
            }
            zone
        });
    let currency = source.required(out, "currency", "write currency = \"EUR\"").and_then(|(text, at)| {
        let currency = Currency::parse(text);
        if currency.is_none() {
            out.at(at, format!("\"{text}\" is no ISO 4217 currency"), "write a code such as EUR");
        }
        currency
    });
    let date_only = source.boolean(out, "date_only").unwrap_or(false);
    let grouped = source.boolean(out, "grouped").unwrap_or(false);
    let column = |source: &mut Section, key, out: &mut Complaints| {
        source.required(out, key, "name a column of the file").map(|(text, _)| text.to_owned())
    };
    let case = column(&mut source, "case", out);
    let event = column(&mut source, "event", out);
    let time = column(&mut source, "time", out);
    let ids_at = source.offset();
    let ids = read_ids(&mut source, out);
    let unused = match source.table(out, "unused") {
        Some(section) => text_map(section, out),
        None => BTreeMap::new(),
    };
    source.finish(out);

    let currency = currency?;
    let template = match top.take("case") {
        Some((DeValue::Table(table), span)) => case_template(table, span.start, currency, out),
        Some((_, span)) => {
            out.at(span.start, "case is not a table", "write [case] with what every case carries");
            Node::Object(Vec::new())
        }
        None => Node::Object(Vec::new()),
    };
    let mut events = BTreeMap::new();
    let (mut parents, mut place) = (Vec::new(), 0);
    for mut section in top.tables(out, "event") {
        let Some((name, at)) = section.required(out, "name", "write the event's name as the file has it") else {
            continue;
        };
        let name = name.to_owned();
        let mut event = read_event(section, currency, &mut parents, out);
        if event.open.is_none() {
            place += 1;
            event.place = place;
        }
        if events.insert(name.clone(), event).is_some() {
            out.at(at, format!("the event \"{name}\" stands twice"), "keep one, with several [[event.emit]]");
        }
    }
    if events.is_empty() {
        top.missing(out, "event", "add [[event]] for each event of the file");
    } else if !events.values().any(|event| event.open.is_some()) {
        top.missing(out, "open", "give one event open = { principal = \"<column>\" }: it opens the case");
    }
    for (parent, at) in parents {
        if !events.contains_key(&parent) {
            let remedy = suggestion(&parent, events.keys().map(String::as_str));
            out.at(at, format!("the parent event \"{parent}\" is not mapped"), remedy);
        }
    }
    top.finish(out);
    let refers = events.values().any(|event| event.emit.iter().any(|emit| emit.detail.refers()));
    if refers && !ids.as_ref().is_none_or(|ids| matches!(ids, Ids::Record(columns) if columns.len() == 1)) {
        let remedy = "write ids = [\"<column of the record's id>\"]";
        out.at(ids_at, "activity_of names a record by its id, and ids names no single column of it", remedy);
    }
    Some(Mapping {
        zone: zone?,
        currency,
        date_only,
        grouped,
        case: case?,
        event: event?,
        time: time?,
        ids: ids?,
        refers,
        unused,
        template,
        events,
    })
}

/// What ids are made of. It has no default: ids that were made another way than before would store everything again.
fn read_ids(source: &mut Section, out: &mut Complaints) -> Option<Ids> {
    let remedy = "write ids = [\"<column>\"] with what identifies a record, or ids = \"content\" if the file has nothing of the \
                  kind; ids = \"place\" repeats an import that was made before ids could be chosen (docs/importing.md)";
    match source.take("ids") {
        Some((DeValue::String(word), _)) if word.as_ref() == "place" => return Some(Ids::Place),
        Some((DeValue::String(word), _)) if word.as_ref() == "content" => return Some(Ids::Content),
        Some((DeValue::Array(items), span)) => {
            let column = |item: &DeValue| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            let columns: Option<Vec<String>> = items.iter().map(|item| column(item.get_ref())).collect();
            match columns {
                Some(columns) if !columns.is_empty() => return Some(Ids::Record(columns)),
                _ => out.at(span.start, "source.ids names no columns", remedy),
            }
        }
        Some((_, span)) => out.at(span.start, "source.ids is neither columns nor \"content\" nor \"place\"", remedy),
        None => source.missing(out, "ids", remedy),
    }
    None
}

pub(super) fn text_map(mut section: Section, out: &mut Complaints) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (key, at) in section.keys() {
        match section.remove(key) {
            Some((DeValue::String(text), _)) => {
                map.insert(key.to_owned(), text.as_ref().to_owned());
            }
            _ => out.at(at, format!("{key} is not a text"), "write a text in quotes"),
        }
    }
    map
}

/// The `[case]` table, tried as a case version so that a misspelt field is found before the first row.
fn case_template(table: &DeTable, at: usize, currency: Currency, out: &mut Complaints) -> Node {
    let node = Node::table(table, out);
    let Ok(filled) = node.fill(&mut Sample(currency));
    let mut version = json!({ "case": "c", "version": "v", "effective": 0, "currency": currency.code() });
    if let (Some(Value::Object(fields)), Value::Object(version)) = (&filled, &mut version) {
        for (key, value) in fields {
            if version.contains_key(key) || key == "claims" || key == "attributes" {
                out.at(at, format!("case.{key} is made from the events"), format!("remove {key}"));
            }
            version.insert(key.clone(), value.clone());
        }
    }
    match serde_json::from_value::<CaseVersion>(version.clone()) {
        Ok(parsed) => {
            let parsed = serde_json::to_value(&parsed).unwrap_or(Value::Null);
            complain_of_lost_keys(&version, &parsed, "case", at, out);
        }
        Err(error) => out.at(at, format!("[case] is no case: {error}"), "use the fields of a case version"),
    }
    node
}
