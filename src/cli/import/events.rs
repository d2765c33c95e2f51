//! What a mapping makes of one event: a case, a version of it, activities.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use super::engine::Row;
use super::mapping::text_map;
use super::template::{Node, Sample};
use super::trial;
use crate::config::document::{Complaints, Section, suggestion};
use crate::domain::case::Claim;
use crate::domain::detail::{Detail, KINDS};
use crate::domain::money::Currency;
use crate::domain::vocabulary::Initiator;

/// What an event becomes.
#[derive(Debug)]
pub struct Event {
    /// Place among the events of the mapping, from 1; 0 if it opens the case. Rows of one instant are ordered by it.
    pub place: u32,
    /// Every column that decides what a row of it becomes, in order.
    pub columns: BTreeSet<String>,
    /// Opens the case.
    pub open: Option<Open>,
    /// Makes a new version of the case.
    pub version: Option<Version>,
    /// Case attribute to column, kept with the version that the event makes.
    pub attributes: BTreeMap<String, String>,
    /// Activities, in this order.
    pub emit: Vec<Emit>,
    /// Rows of which no activity is made, and why that is meant.
    pub ignore: Vec<Ignore>,
}

impl When {
    /// Whether the row is meant.
    #[must_use]
    pub fn takes(&self, row: &impl Row) -> bool {
        self.values.contains(row.column(&self.column))
    }
}

impl Event {
    /// Nothing is made of it: the mapping names it so that its rows count as known.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.open.is_none() && self.version.is_none() && self.emit.is_empty()
    }

    /// Every activity that it may become asks for a value, so a row may have none that is asked for.
    #[must_use]
    pub fn asks(&self) -> bool {
        !self.emit.is_empty() && self.emit.iter().all(|emit| emit.when.is_some())
    }

    fn read(&self) -> BTreeSet<String> {
        let mut columns = Vec::new();
        if let Some(open) = &self.open {
            columns.push(open.principal.clone());
            open.claim.columns(&mut columns);
        }
        columns.extend(self.attributes.values().cloned());
        for emit in &self.emit {
            columns.extend(emit.when.as_ref().map(|when| when.column.clone()));
            columns.extend(emit.agent.clone());
            emit.detail.columns(&mut columns);
        }
        columns.into_iter().collect()
    }

    /// The columns that its activities ask for, once each, in their order.
    #[must_use]
    pub fn asked(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        for when in self.emit.iter().filter_map(|emit| emit.when.as_ref()) {
            if !columns.contains(&when.column.as_str()) {
                columns.push(&when.column);
            }
        }
        columns
    }
}

/// How a case begins.
#[derive(Debug)]
pub struct Open {
    /// Column of the principal of its claim.
    pub principal: String,
    /// What else is known of the claim.
    pub claim: Node,
}

/// A new version of the case.
#[derive(Debug)]
pub struct Version {
    /// The claim falls due so many days after the event.
    pub due_in_days: Option<i64>,
}

/// Which rows are meant.
#[derive(Debug)]
pub struct When {
    /// The column that is compared.
    pub column: String,
    /// The values that are meant.
    pub values: BTreeSet<String>,
}

impl Emit {
    /// Whether the row becomes this activity.
    #[must_use]
    pub fn takes(&self, row: &impl Row) -> bool {
        self.when.as_ref().is_none_or(|when| when.takes(row))
    }

    /// Whether it takes another activity back.
    #[must_use]
    pub fn takes_back(&self) -> bool {
        self.detail.constant("kind").and_then(Value::as_str) == Some("reversal")
    }
}

/// Rows of an event of which no activity is made.
#[derive(Debug)]
pub struct Ignore {
    /// Which.
    pub when: When,
    /// Why, in the words of the mapping.
    pub reason: String,
}

/// One activity that an event becomes.
#[derive(Debug)]
pub struct Emit {
    /// Only where the column holds one of these values.
    pub when: Option<When>,
    /// The event whose first activity in the case is the parent.
    pub parent: Option<String>,
    /// Who began it.
    pub initiated_by: Option<Initiator>,
    /// Who acted: the agent's column.
    pub agent: Option<String>,
    /// The kind and its fields.
    pub detail: Node,
}

/// Reads one `[[event]]` behind its name.
pub fn read_event(
    mut section: Section,
    currency: Currency,
    parents: &mut Vec<(String, usize)>,
    out: &mut Complaints,
) -> Event {
    let open = section.table(out, "open").and_then(|mut open| {
        let principal = open.required(out, "principal", "name the column of the principal");
        let claim = match open.take("claim") {
            Some((DeValue::Table(table), span)) => claim_template(table, span.start, currency, out),
            Some((_, span)) => {
                out.at(
                    span.start,
                    "open.claim is not a table",
                    "write claim = { due_original = { date = \"<column>\" }, ... }",
                );
                Node::Object(Vec::new())
            }
            None => Node::Object(Vec::new()),
        };
        open.finish(out);
        principal.map(|(text, _)| Open { principal: text.to_owned(), claim })
    });
    let version = section.table(out, "version").map(|mut version| {
        let due_in_days = version.integer(out, "due_in_days", 0..36_501);
        version.finish(out);
        Version { due_in_days }
    });
    let at = section.offset();
    let attributes = match section.take("attributes") {
        None => BTreeMap::new(),
        Some((DeValue::Table(table), span)) => text_map(Section::new("attributes", span.start, table), out),
        Some((DeValue::Array(items), _)) => {
            let mut map = BTreeMap::new();
            for item in items.iter() {
                match item.get_ref() {
                    DeValue::String(text) => {
                        map.insert(text.as_ref().to_owned(), text.as_ref().to_owned());
                    }
                    _ => out.at(item.span().start, "an attribute's column is not a text", "write its name in quotes"),
                }
            }
            map
        }
        Some((_, span)) => {
            out.at(span.start, "attributes is neither an array nor a table", "write attributes = [\"<column>\"]");
            BTreeMap::new()
        }
    };
    if !attributes.is_empty() && open.is_none() && version.is_none() {
        out.at(at, "attributes stand on an event that makes no version of the case", "add version = {}");
    }
    let emits = section.tables(out, "emit");
    let emit = emits.into_iter().filter_map(|emit| read_emit(emit, currency, parents, out)).collect();
    let at = section.offset();
    let ignore = section.tables(out, "ignore").into_iter().filter_map(|one| read_ignore(one, out)).collect();
    section.finish(out);
    let mut event = Event { place: 0, columns: BTreeSet::new(), open, version, attributes, emit, ignore };
    event.columns = event.read();
    complain_of_ignored(&event, at, out);
    event
}

fn read_ignore(mut section: Section, out: &mut Complaints) -> Option<Ignore> {
    let when = read_when(&mut section, out);
    if !section.was_there("when") {
        section.missing(out, "when", "write when = { column = \"<column>\", in = [\"<value>\", ...] }");
    }
    let reason = section.required(out, "reason", "write why nothing is made of these rows");
    let reason = reason.map(|(text, _)| text.to_owned());
    section.finish(out);
    Some(Ignore { when: when?, reason: reason? })
}

/// What is ignored must be left by every `when`: else the mapping says two things of one row.
fn complain_of_ignored(event: &Event, at: usize, out: &mut Complaints) {
    if !event.ignore.is_empty() && !event.asks() {
        let remedy = "give every emit a when, or remove ignore";
        out.at(at, "ignore stands on an event of which every row or none makes an activity", remedy);
    }
    for When { column, values } in event.ignore.iter().map(|ignore| &ignore.when) {
        let taken = event.emit.iter().filter_map(|emit| emit.when.as_ref()).filter(|when| when.column == *column);
        for value in taken.flat_map(|when| when.values.intersection(values)) {
            let remedy = "remove the value from one of them";
            out.at(at, format!("{column} = \"{value}\" is ignored, and a when of an emit takes it"), remedy);
        }
    }
}

fn read_when(section: &mut Section, out: &mut Complaints) -> Option<When> {
    let mut when = section.table(out, "when")?;
    let column = when.required(out, "column", "name the column to compare");
    let values: BTreeSet<String> = when.texts(out, "in").into_iter().map(|(text, _)| text.to_owned()).collect();
    if values.is_empty() {
        when.missing(out, "in", "write in = [\"<value>\", ...]");
    }
    when.finish(out);
    column.map(|(column, _)| When { column: column.to_owned(), values })
}

fn read_emit(
    mut section: Section,
    currency: Currency,
    parents: &mut Vec<(String, usize)>,
    out: &mut Complaints,
) -> Option<Emit> {
    let when = read_when(&mut section, out);
    let parent = section.text(out, "parent").map(|(text, at)| {
        parents.push((text.to_owned(), at));
        text.to_owned()
    });
    let initiated_by = section.text(out, "initiated_by").and_then(|(text, at)| {
        let initiator = Initiator::parse(text);
        if initiator.is_none() {
            let remedy = suggestion(text, Initiator::ALL.iter().map(|one| one.as_str()));
            out.at(at, format!("\"{text}\" begins no activity"), remedy);
        }
        initiator
    });
    let agent = section.text(out, "agent").map(|(text, _)| text.to_owned());
    let detail = match section.take("activity") {
        Some((DeValue::Table(table), span)) => Some(detail_template(table, span.start, currency, out)),
        Some((_, span)) => {
            out.at(span.start, "activity is not a table", "write activity = { kind = \"...\", ... }");
            None
        }
        None => {
            section.missing(out, "activity", "write activity = { kind = \"...\", ... }");
            None
        }
    };
    section.finish(out);
    Some(Emit { when, parent, initiated_by, agent, detail: detail? })
}

/// An activity's kind and fields, tried so that a misspelt field or word is found before the first row.
fn detail_template(table: &DeTable, at: usize, currency: Currency, out: &mut Complaints) -> Node {
    let node = Node::table(table, out);
    let Ok(filled) = node.fill(&mut Sample(currency));
    let Some(Value::Object(mut fields)) = filled else { return node };
    let known = || KINDS.into_iter().filter(|kind| *kind != "void");
    let kind = match fields.remove("kind") {
        Some(Value::String(kind)) => kind,
        _ => String::new(),
    };
    if kind == "void" {
        out.at(at, "an import voids nothing", "map the event to a reversal or an adjustment");
        return node;
    }
    if !known().any(|known| known == kind) {
        out.at(at, format!("\"{kind}\" is no kind of activity"), suggestion(&kind, known()));
        return node;
    }
    let tried = trial::Tried { name: &kind, table, at, made: &[("kind", json!(kind))] };
    tried.check::<Detail>(&Value::Object(fields), out);
    node
}

/// The `claim` of the event that opens a case.
fn claim_template(table: &DeTable, at: usize, currency: Currency, out: &mut Complaints) -> Node {
    let node = Node::table(table, out);
    let Ok(filled) = node.fill(&mut Sample(currency));
    let made = [("id", json!("1")), ("principal", json!(1))];
    let tried = trial::Tried { name: "claim", table, at, made: &made };
    tried.check::<Claim>(&filled.unwrap_or_default(), out);
    node
}
