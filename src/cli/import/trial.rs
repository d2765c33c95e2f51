//! A template tried as the record it makes, before a row is read: what is wrong is told with the key, its position and what
//! may stand there.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::fields::Fields;
use super::template::OPERATORS;
use crate::config::document::{Complaints, suggestion};

/// A template, with its operators' samples in place, to be tried.
pub struct Tried<'t> {
    /// What it is called: the kind of an activity, `case` or `claim`.
    pub name: &'t str,
    /// Its table in the mapping.
    pub table: &'t DeTable<'t>,
    /// Where that stands.
    pub at: usize,
    /// What the import makes itself, and the mapping may not say.
    pub made: &'t [(&'static str, Value)],
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Place(usize),
}

impl Tried<'_> {
    /// Complains of what keeps the template from being a `T`, or of what a `T` has no field for.
    pub fn check<T: Serialize + DeserializeOwned>(&self, filled: &Value, out: &mut Complaints) {
        for (key, _) in self.made {
            if filled.get(key).is_some() {
                let path = [Step::Key((*key).to_owned())];
                out.at(
                    self.offset(&path),
                    format!("{}.{key} is made from the events", self.name),
                    format!("remove {key}"),
                );
                return;
            }
        }
        match self.parse::<T>(filled.clone()) {
            Ok(record) => {
                let parsed = serde_json::to_value(&record).unwrap_or_default();
                self.complain_of_lost(filled, &parsed, Some(&Fields::of(&record)), &mut Vec::new(), out);
            }
            Err(error) => {
                let path = culprit(filled, &|value| self.parse::<T>(value).err());
                let value = path.iter().try_fold(filled, |value, step| match step {
                    Step::Key(key) => value.get(key),
                    Step::Place(place) => value.get(place),
                });
                let remedy = remedy(&error, value.filter(|_| !path.is_empty()));
                out.at(self.offset(&path), format!("{}: {error}", self.path(&path)), remedy);
            }
        }
    }

    fn parse<T: DeserializeOwned>(&self, mut value: Value) -> Result<T, String> {
        if let Value::Object(fields) = &mut value {
            fields.extend(self.made.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// Complains of keys that did not come through: the record has no such field, and reading it would drop what the mapping
    /// says.
    fn complain_of_lost(
        &self,
        template: &Value,
        parsed: &Value,
        fields: Option<&Fields>,
        path: &mut Vec<Step>,
        out: &mut Complaints,
    ) {
        match (template, parsed) {
            (Value::Array(items), Value::Array(parsed)) => {
                for (place, (item, parsed)) in items.iter().zip(parsed).enumerate() {
                    path.push(Step::Place(place));
                    self.complain_of_lost(item, parsed, fields, path, out);
                    path.pop();
                }
            }
            (Value::Object(template), Value::Object(parsed)) => {
                for (key, value) in template {
                    path.push(Step::Key(key.clone()));
                    match parsed.get(key) {
                        Some(inner) => {
                            self.complain_of_lost(value, inner, fields.and_then(|fields| fields.at(key)), path, out);
                        }
                        // A stated default (false, an empty list) is left out of the stored form; it says nothing, so it may
                        // go.
                        None if fields.is_some_and(|fields| fields.names().contains(&key.as_str()))
                            && (*value == Value::Bool(false) || value.as_array().is_some_and(Vec::is_empty)) => {}
                        None => {
                            let at = self.offset(path);
                            path.pop();
                            let known = self.known(fields, parsed, path.is_empty());
                            let message = format!("{} has no field {key}", self.path(path));
                            out.at(at, message, list(key, &known));
                            continue;
                        }
                    }
                    path.pop();
                }
            }
            _ => {}
        }
    }

    /// The fields that may be written at a place.
    fn known<'k>(
        &self,
        fields: Option<&'k Fields>,
        parsed: &'k serde_json::Map<String, Value>,
        top: bool,
    ) -> Vec<&'k str> {
        let names = fields.map(Fields::names).unwrap_or_default();
        let names = if names.is_empty() { parsed.keys().map(String::as_str).collect() } else { names };
        let made = |name: &str| top && name != "kind" && self.made.iter().any(|(made, _)| *made == name);
        names.into_iter().filter(|name| !made(name)).collect()
    }

    fn path(&self, path: &[Step]) -> String {
        path.iter().fold(self.name.to_owned(), |path, step| match step {
            Step::Key(key) => format!("{path}.{key}"),
            Step::Place(place) => format!("{path}[{place}]"),
        })
    }

    /// Where the part of the template stands; where the template does if it has none such.
    fn offset(&self, path: &[Step]) -> usize {
        let mut at = self.at;
        let mut value: Option<&DeValue> = None;
        for step in path {
            let found = match (step, value) {
                (Step::Key(key), None) => entry(self.table, key),
                (Step::Key(key), Some(DeValue::Table(table))) => entry(table, key),
                (Step::Place(place), Some(DeValue::Array(items))) => {
                    items.get(*place).map(|item| (item.span().start, item.get_ref()))
                }
                _ => None,
            };
            let Some((place, inner)) = found else { return at };
            (at, value) = (place, Some(inner));
        }
        at
    }
}

fn entry<'t>(table: &'t DeTable<'t>, key: &str) -> Option<(usize, &'t DeValue<'t>)> {
    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
    Some((name.span().start, value.get_ref()))
}

fn list(key: &str, known: &[&str]) -> String {
    let nearest = suggestion(key, known.iter().copied());
    if nearest.starts_with("use one of") || known.is_empty() {
        return nearest;
    }
    format!("{nearest}; its fields are {}", known.join(", "))
}

/// What to write instead of a value that cannot be read.
fn remedy(error: &str, value: Option<&Value>) -> String {
    match value {
        _ if error.starts_with("missing field") => "add it: docs/importing.md lists the fields".to_owned(),
        Some(Value::Object(_)) => {
            let operators = OPERATORS.join(", ");
            format!("write a value, or {{ <operator> = \"<column>\" }} with an operator: one of {operators}")
        }
        Some(Value::String(_)) if error.contains("expected i64") || error.contains("expected u") => {
            "write a whole number, or read one: { integer = \"<column>\" }, { minor = \"<column>\" } for money in minor units, \
             { time = \"<column>\" } for an instant"
                .to_owned()
        }
        Some(_) if error.contains("expected a string") || error.contains("expected an id") => "write a text in quotes, or { text = \"<column>\" }".to_owned(),
        _ => "write what docs/importing.md says of the field".to_owned(),
    }
}

/// The way to the part without which the value fails no more, or fails otherwise; empty where there is no such part.
fn culprit(value: &Value, told: &dyn Fn(Value) -> Option<String>) -> Vec<Step> {
    let Some(error) = told(value.clone()) else { return Vec::new() };
    let steps: Vec<Step> = match value {
        Value::Object(fields) => fields.keys().cloned().map(Step::Key).collect(),
        Value::Array(items) => (0..items.len()).map(Step::Place).collect(),
        _ => return Vec::new(),
    };
    for step in steps {
        let Some(part) = part(value, &step) else { continue };
        // What lacks a field is a table, itself or in an array; a scalar lacks nothing.
        if error.starts_with("missing field") && !(part.is_object() || part.is_array()) {
            continue;
        }
        let empty = (part.is_array() && error.starts_with("missing field")).then(|| Value::Array(Vec::new()));
        if told(with(value, &step, empty)).as_ref() == Some(&error) {
            continue;
        }
        let inner = culprit(part, &|changed| told(with(value, &step, Some(changed))));
        return std::iter::once(step).chain(inner).collect();
    }
    Vec::new()
}

fn part<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match step {
        Step::Key(key) => value.get(key),
        Step::Place(place) => value.get(*place),
    }
}

/// The value with another part at a place, or without it.
fn with(value: &Value, step: &Step, part: Option<Value>) -> Value {
    let mut value = value.clone();
    match (&mut value, step, part) {
        (Value::Object(fields), Step::Key(key), Some(part)) => drop(fields.insert(key.clone(), part)),
        (Value::Object(fields), Step::Key(key), None) => drop(fields.remove(key)),
        (Value::Array(items), Step::Place(place), Some(part)) => {
            if let Some(item) = items.get_mut(*place) {
                *item = part;
            }
        }
        (Value::Array(items), Step::Place(place), None) if *place < items.len() => drop(items.remove(*place)),
        _ => {}
    }
    value
}
