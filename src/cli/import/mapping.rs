//! A mapping file: how each event of a CSV becomes case versions and activities. Everything wrong is reported at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use serde_json::json;
use toml::de::{DeTable, DeValue};

use super::events::{Emit, Event, read_event};
use super::ids::Ids;
use super::template::{Node, Sample};
use super::trial::Tried;
use crate::config::document::{Complaints, Section, suggestion};
use crate::domain::case::CaseVersion;
use crate::domain::diagnostic::{Diagnostics, SourceFile};
use crate::domain::money::{Currency, Money, MoneyError};

/// A checked mapping.
#[derive(Debug)]
pub struct Mapping {
    /// Zone of dates and of times without an offset.
    pub zone: Tz,
    /// Currency of every amount.
    pub currency: Currency,
    /// Amounts have a comma before their decimals, not a point.
    pub decimal_comma: bool,
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
    /// The column by which rows name the records of others, if some do: then what records became is kept.
    pub record_column: Option<String>,
    /// Some events take back what others made.
    pub takes_back: bool,
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

    /// The amount of a cell.
    ///
    /// # Errors
    /// What is wrong with it, and what the file or the mapping should say.
    pub fn money(&self, text: &str) -> Result<Money, String> {
        let cell = || text.chars().take(40).collect::<String>();
        let (mark, other) = if self.decimal_comma { (',', '.') } else { ('.', ',') };
        let exponent = self.currency.exponent();
        let digits = text.split_once(mark).map_or(0, |(_, fraction)| fraction.chars().count());
        if digits == 3 && exponent != 3 {
            return Err(format!(
                "\"{}\" has three digits behind \"{mark}\", which may be thousands or parts of a unit, and {} has {exponent} \
                 decimals: write the amount without marks between thousands and with {exponent} decimals at most, and \
                 decimal = \"{other}\" under [source] if \"{other}\" stands before the decimals",
                cell(),
                self.currency,
            ));
        }
        let unlike = || {
            let (word, marks) =
                if self.decimal_comma { ("comma, as in 12,50", "points") } else { ("point, as in 12.50", "commas") };
            let hint = format!(", or decimal = \"{other}\" under [source] if the file has decimal {marks}");
            let hint = if text.contains(other) { hint.as_str() } else { "" };
            format!("\"{}\" is no amount: write digits with at most one {word}{hint}", cell())
        };
        if text.contains(other) {
            return Err(unlike());
        }
        Money::parse(&text.replace(mark, "."), self.currency).map_err(|error| match error {
            MoneyError::NotANumber(_) => unlike(),
            MoneyError::TooFine { .. } => format!(
                "\"{}\" has more than {exponent} decimals, and {} has {exponent}: round it in the file",
                cell(),
                self.currency
            ),
            MoneyError::TooLarge => error.to_string(),
        })
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
    let decimal_comma = source.text(out, "decimal").is_some_and(|(mark, at)| {
        if mark != "," && mark != "." {
            out.at(
                at,
                format!("\"{mark}\" divides no amount"),
                "write decimal = \",\" or decimal = \".\", which holds if absent",
            );
        }
        mark == ","
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
    let events = read_events(&mut top, currency, out);
    top.finish(out);
    let record_column = record_column(&events, ids.as_ref(), ids_at, out);
    let takes_back = events.values().flat_map(|event| &event.emit).any(Emit::takes_back);
    Some(Mapping {
        zone: zone?,
        currency,
        decimal_comma,
        date_only,
        grouped,
        case: case?,
        event: event?,
        time: time?,
        ids: ids?,
        record_column,
        takes_back,
        unused,
        template,
        events,
    })
}

fn read_events(top: &mut Section, currency: Currency, out: &mut Complaints) -> BTreeMap<String, Event> {
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
    events
}

/// The column by which rows name the records of others, if some do.
fn record_column(
    events: &BTreeMap<String, Event>,
    ids: Option<&Ids>,
    at: usize,
    out: &mut Complaints,
) -> Option<String> {
    if !events.values().any(|event| event.emit.iter().any(|emit| emit.detail.refers())) {
        return None;
    }
    match ids? {
        Ids::Record(columns) if columns.len() == 1 => columns.first().cloned(),
        _ => {
            let remedy = "write ids = [\"<column of the record's id>\"]";
            out.at(at, "activity_of names a record by its id, and ids names no single column of it", remedy);
            None
        }
    }
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
    let made = [
        ("case", json!("c")),
        ("version", json!("v")),
        ("effective", json!(0)),
        ("currency", json!(currency.code())),
        ("claims", json!([])),
        ("attributes", json!({})),
    ];
    let tried = Tried { name: "case", table, at, made: &made };
    tried.check::<CaseVersion>(&filled.unwrap_or_default(), out);
    node
}
