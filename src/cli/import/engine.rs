//! Rows to records: a pure function of the mapping and the rows before. A row becomes records wholly or is refused wholly.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::effects::Effects;
use super::events::{Emit, Event, Open};
use super::ids::{Names, Seen, opening};
use super::mapping::Mapping;
use super::reading::{Reading, instant};
use super::template;
use crate::domain::activity::{Activity, Actor};
use crate::domain::case::{CaseVersion, Claim};
use crate::domain::detail::Detail;
use crate::domain::ids::{ActivityId, CaseId};
use crate::domain::time::{Timestamp, add_days};

/// A row of the file: the columns by name.
pub trait Row {
    /// The column's value, trimmed; empty where absent.
    fn column(&self, name: &str) -> &str;
}

/// Why a row is refused: a stable reason to count by, and what exactly was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Counted under this.
    pub reason: &'static str,
    /// What was seen in this row.
    pub seen: String,
}

/// Longest text of what was seen, in characters: a sentence with a cell of a usual length in it.
const LONGEST: usize = 300;

impl Refused {
    pub(super) fn new(reason: &'static str, seen: impl Into<String>) -> Self {
        let mut seen: String = seen.into();
        if let Some((cut, _)) = seen.char_indices().nth(LONGEST) {
            seen.truncate(cut);
            seen.push('…');
        }
        Self { reason, seen }
    }
}

/// What a row became.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// A new case, or a new version of one.
    pub version: Option<CaseVersion>,
    /// The row opened its case.
    pub opened: bool,
    /// Activities in their order.
    pub activities: Vec<Activity>,
    /// Activities that the mapping names and that did not apply, by reason.
    pub left_out: Vec<&'static str>,
    /// What the row lacks to become an activity, if its event can become some and it became none.
    pub idle: Option<Idle>,
}

/// Why a row of a known event became no activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idle {
    /// The mapping says so, with this reason.
    Meant(String),
    /// No `when` takes what stands in the columns that are asked for.
    Untaken(String),
}

/// What of a case later events need.
#[derive(Debug)]
struct CaseState {
    version: CaseVersion,
    /// Its rows so far, and their names.
    seen: Seen,
    /// Open by the records made so far, in minor units.
    open: i64,
    /// What of them can be taken back.
    effects: Effects,
    /// Last money read from each column.
    totals: HashMap<String, i64>,
    /// First activity of the last event of each name.
    last: HashMap<String, ActivityId>,
}

/// Turns rows into records.
#[derive(Debug)]
pub struct Engine<'m> {
    mapping: &'m Mapping,
    cases: HashMap<String, CaseState>,
    ended: HashSet<String>,
    current: String,
}

impl<'m> Engine<'m> {
    /// An engine that has seen no row.
    #[must_use]
    pub fn new(mapping: &'m Mapping) -> Self {
        Self { mapping, cases: HashMap::new(), ended: HashSet::new(), current: String::new() }
    }

    /// The records of the next row.
    ///
    /// # Errors
    /// Why the row gives none; it has then changed nothing but the case's count of events.
    pub fn next(&mut self, row: &impl Row) -> Result<Records, Refused> {
        let mapping = self.mapping;
        let name = row.column(&mapping.event);
        let id = row.column(&mapping.case);
        let case = CaseId::new(id).map_err(|error| Refused::new("the case id is no id", error.to_string()))?;
        self.turn_to(id)?;
        if let Some(state) = self.cases.get_mut(id) {
            state.seen.count();
        }
        let event = mapping.events.get(name).ok_or_else(|| Refused::new("the mapping names no such event", name))?;
        let (date, at) = self.time(row.column(&mapping.time))?;
        match (&event.open, self.cases.get(id)) {
            (Some(_), Some(_)) => Err(Refused::new("the case was opened before", id)),
            (None, None) => Err(Refused::new("the case was not opened before", id)),
            (Some(opens), None) => self.open(row, name, event, opens, case, date, at),
            (None, Some(_)) => self.follow(row, name, event, id, date, at),
        }
    }

    /// With grouped lines, forgets the case that ended.
    fn turn_to(&mut self, id: &str) -> Result<(), Refused> {
        if !self.mapping.grouped || self.current == id {
            return Ok(());
        }
        if self.ended.contains(id) {
            return Err(Refused::new("the case's lines do not stand together", id));
        }
        let before = std::mem::replace(&mut self.current, id.to_owned());
        self.cases.remove(&before);
        self.ended.insert(before);
        Ok(())
    }

    fn time(&self, text: &str) -> Result<(NaiveDate, Timestamp), Refused> {
        let zone = self.mapping.zone;
        let at = instant(text, zone).ok_or_else(|| Refused::new("the time cannot be read", text))?;
        if !self.mapping.date_only && text.parse::<NaiveDate>().is_ok() {
            return Err(Refused::new("the time is a date without a clock time", text));
        }
        let date = at.date(zone);
        if self.mapping.date_only && at != Timestamp::start_of(date, zone) {
            return Err(Refused::new("the time is no local midnight, and the mapping says date_only", text));
        }
        Ok((date, at))
    }

    #[allow(clippy::too_many_arguments)] // one row, taken apart once
    fn open(
        &mut self,
        row: &impl Row,
        name: &str,
        event: &Event,
        opens: &Open,
        case: CaseId,
        date: NaiveDate,
        at: Timestamp,
    ) -> Result<Records, Refused> {
        let mapping = self.mapping;
        let principal = opens.principal.as_str();
        let amount = mapping
            .money(row.column(principal))
            .map_err(|error| Refused::new("the principal cannot be read", format!("{principal}: {error}")))?;
        if amount.minor < 0 {
            return Err(Refused::new("the principal is below zero", row.column(principal)));
        }
        let (nothing, seen, names) = (HashMap::new(), Seen::default(), opening(&mapping.ids, name));
        let mut reading = Reading::new(mapping, row, date, 0, &nothing, &seen);
        let Some(Value::Object(mut fields)) = mapping.template.fill(&mut reading)? else {
            return Err(Refused::new("the case cannot be made", "the mapping's [case] gives no table"));
        };
        fields.insert("case".to_owned(), json!(case.as_str()));
        fields.insert("version".to_owned(), json!(names.version()));
        fields.insert("effective".to_owned(), json!(at.0));
        fields.insert("currency".to_owned(), json!(mapping.currency.code()));
        let mut version: CaseVersion = serde_json::from_value(Value::Object(fields))
            .map_err(|error| Refused::new("the case cannot be made", error.to_string()))?;
        version.placement.placed.get_or_insert(at);
        version.claims = vec![first_claim(opens, &mut reading, amount.minor, date)?];
        change(&mut version, event, row, date);
        let mut state = CaseState {
            version,
            seen,
            open: amount.minor,
            effects: Effects::default(),
            totals: HashMap::from([(principal.to_owned(), amount.minor)]),
            last: HashMap::new(),
        };
        let mut records = emitted(mapping, row, &names, event, &mut state, date, at)?;
        records.version = Some(state.version.clone());
        records.opened = true;
        self.cases.insert(case.as_str().to_owned(), state);
        Ok(records)
    }

    fn follow(
        &mut self,
        row: &impl Row,
        name: &str,
        event: &Event,
        id: &str,
        date: NaiveDate,
        at: Timestamp,
    ) -> Result<Records, Refused> {
        let Some(state) = self.cases.get_mut(id) else {
            return Err(Refused::new("the case was not opened before", id));
        };
        if event.version.is_none() && !event.emit.iter().any(|emit| emit.takes(row)) {
            // Nothing is made of it, so it needs no name.
            return Ok(Records { idle: idle(event, row), ..Records::default() });
        }
        let case = state.version.case.clone();
        let names = state.seen.name(self.mapping, event, name, &case, row, at)?;
        let mut records = emitted(self.mapping, row, &names, event, state, date, at)?;
        state.seen.took(self.mapping, event, &names, at);
        if event.version.is_some() {
            let mut version = state.version.clone();
            version.version = names.version();
            version.effective = at;
            change(&mut version, event, row, date);
            records.version = Some(version.clone());
            state.version = version;
        }
        Ok(records)
    }
}

/// The one claim of a case, which arose on `date` if the mapping does not say when.
fn first_claim(
    open: &Open,
    reading: &mut Reading<impl Row>,
    principal: i64,
    date: NaiveDate,
) -> Result<Claim, Refused> {
    let mut fields = match open.claim.fill(reading)? {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.insert("id".to_owned(), json!("1"));
    fields.insert("principal".to_owned(), json!(principal));
    fields.entry("arose").or_insert_with(|| template::date(date));
    serde_json::from_value(Value::Object(fields))
        .map_err(|error| Refused::new("the claim cannot be made", error.to_string()))
}

/// What the event says of the version it makes.
fn change(version: &mut CaseVersion, event: &Event, row: &impl Row, date: NaiveDate) {
    if let Some(days) = event.version.as_ref().and_then(|change| change.due_in_days) {
        let due = add_days(date, days);
        for claim in &mut version.claims {
            claim.due_original.get_or_insert(due);
            claim.due_current = Some(due);
        }
    }
    keep_attributes(version, event, row);
}

fn keep_attributes(version: &mut CaseVersion, event: &Event, row: &impl Row) {
    for (attribute, column) in &event.attributes {
        let value = row.column(column);
        if !value.is_empty() {
            version.attributes.insert(attribute.clone(), value.to_owned());
        }
    }
}

/// The activities of an event. The state changes only if all of them could be made.
fn emitted(
    mapping: &Mapping,
    row: &impl Row,
    names: &Names,
    event: &Event,
    state: &mut CaseState,
    date: NaiveDate,
    at: Timestamp,
) -> Result<Records, Refused> {
    let mut records = Records::default();
    let mut open = state.open;
    let mut read = BTreeMap::new();
    let mut taken = false;
    for (index, emit) in event.emit.iter().enumerate() {
        if !emit.takes(row) {
            continue;
        }
        taken = true;
        let mut reading = Reading::new(mapping, row, date, open, &state.totals, &state.seen);
        let filled = emit.detail.fill(&mut reading)?.unwrap_or(Value::Null);
        if reading.nothing_open {
            records.left_out.push("nothing was open to cancel");
            continue;
        }
        read.append(&mut reading.read);
        let detail: Detail = serde_json::from_value(filled)
            .map_err(|error| Refused::new("the activity cannot be made", error.to_string()))?;
        let activity =
            Activity { date_only: mapping.date_only, ..activity(row, emit, names, state, detail, index, at) };
        open = open
            .checked_add(state.effects.of(&activity))
            .ok_or_else(|| Refused::new("the case's balance is beyond 64 bits", row.column(&mapping.case)))?;
        records.activities.push(activity);
    }
    if !taken {
        records.idle = idle(event, row);
    }
    state.open = open;
    state.totals.extend(read);
    if let Some(first) = records.activities.first() {
        state.last.insert(names.event.to_owned(), first.id.clone());
    }
    state.seen.keep(mapping, row, &records.activities);
    if mapping.takes_back {
        state.effects.keep(&records.activities);
    }
    Ok(records)
}

fn idle(event: &Event, row: &impl Row) -> Option<Idle> {
    if event.is_idle() {
        return Some(Idle::Meant("the mapping makes nothing of this event".to_owned()));
    }
    if !event.asks() {
        return None;
    }
    if let Some(ignore) = event.ignore.iter().find(|ignore| ignore.when.takes(row)) {
        return Some(Idle::Meant(ignore.reason.clone()));
    }
    let seen = event.asked().into_iter().map(|column| format!("{column} = \"{}\"", row.column(column)));
    Some(Idle::Untaken(seen.collect::<Vec<_>>().join(", ")))
}

fn activity(
    row: &impl Row,
    emit: &Emit,
    names: &Names,
    state: &CaseState,
    detail: Detail,
    index: usize,
    at: Timestamp,
) -> Activity {
    let case = &state.version.case;
    let agent = emit.agent.as_ref().map(|column| row.column(column)).filter(|agent| !agent.is_empty());
    Activity {
        id: names.activity(case, index),
        cases: vec![case.clone()],
        person: None,
        person_role: None,
        occurred: at,
        date_only: false,
        received: None,
        effective: None,
        ended: None,
        source_seq: names.sequence(index),
        initiated_by: emit.initiated_by,
        at_debtors_request: false,
        actor: Actor { agent: agent.map(str::to_owned), ..Actor::default() },
        parent: emit.parent.as_ref().and_then(|event| state.last.get(event).cloned()),
        control: crate::domain::activity::Control::default(),
        detail,
    }
}
