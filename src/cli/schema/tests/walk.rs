//! Walking through documents and through the schemas that describe them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use toml::{Table, Value};

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// A value as editors hand it to a validator: dates are texts.
pub(super) fn json(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::String(text.clone()),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Datetime(at) => Json::String(at.to_string()),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Table(table) => Json::Object(table.iter().map(|(key, value)| (key.clone(), json(value))).collect()),
    }
}

/// The document with one item of one of its lists of tables at a time, so that a mistake in one hides no other.
pub(super) fn minis(table: &Table) -> Vec<Table> {
    let is_list = |value: &Value| value.as_array().is_some_and(|items| items.iter().any(Value::is_table));
    let lists: Vec<&String> = table.iter().filter(|(_, value)| is_list(value)).map(|(key, _)| key).collect();
    let head: Table = table.iter().filter(|(_, value)| !is_list(value)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut found = vec![head.clone()];
    for key in lists {
        for item in table[key].as_array().into_iter().flatten() {
            let mut one = head.clone();
            // What rules name stays beside them.
            for kept in ["fee_table"] {
                if let Some(value) = table.get(kept) {
                    one.insert(kept.to_owned(), value.clone());
                }
            }
            one.insert(key.clone(), Value::Array(vec![item.clone()]));
            found.push(one);
        }
    }
    found
}

fn visit(value: &Value, place: &mut Vec<Step>, found: &mut dyn FnMut(&Value, &[Step])) {
    found(value, place);
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                place.push(Step::Key(key.clone()));
                visit(value, place, found);
                place.pop();
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                place.push(Step::Item(at));
                visit(value, place, found);
                place.pop();
            }
        }
        _ => {}
    }
}

/// The places of all tables.
pub(super) fn tables(document: &Value) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    visit(document, &mut Vec::new(), &mut |value, place| {
        if value.is_table() {
            found.push(place.to_vec());
        }
    });
    found
}

/// Every path of keys.
pub(super) fn paths(document: &Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    visit(&Value::Table(document.clone()), &mut Vec::new(), &mut |_, place| {
        let keys = place.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        });
        found.insert(keys.collect::<Vec<_>>().join("."));
    });
    found
}

/// The places of all texts and numbers.
pub(super) fn values(document: &Value) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    visit(document, &mut Vec::new(), &mut |value, place| {
        if value.is_str() || value.is_integer() {
            found.push(place.to_vec());
        }
    });
    found
}

/// Changes the value at a place.
pub(super) fn replace(document: &mut Value, place: &[Step], change: &mut dyn FnMut(&mut Value)) {
    let Some((first, rest)) = place.split_first() else { return change(document) };
    let inner = match (document, first) {
        (Value::Table(table), Step::Key(key)) => table.get_mut(key),
        (Value::Array(items), Step::Item(at)) => items.get_mut(*at),
        _ => None,
    };
    if let Some(inner) = inner {
        replace(inner, rest, change);
    }
}

/// What a schema says of a place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where it says it.
    pub(super) pointer: String,
    /// The keys of a table.
    keys: Option<BTreeSet<String>>,
    /// Closed list of words.
    pub(super) words: Option<Vec<String>>,
    /// Least and greatest number.
    pub(super) limits: Option<(i64, i64)>,
}

impl Node {
    /// A table that admits no other keys.
    pub(super) fn closed(&self) -> bool {
        self.keys.is_some()
    }
}

/// The schema behind a reference, with its place.
fn behind<'s>(root: &'s Json, mut schema: &'s Json, mut pointer: String) -> (&'s Json, String) {
    for _ in 0..8 {
        let target = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref")).and_then(Json::as_str);
        let Some(target) = target.and_then(|target| target.strip_prefix('#')) else { break };
        let Some(found) = root.pointer(target) else { break };
        (schema, pointer) = (found, target.to_owned());
    }
    (schema, pointer)
}

/// The alternative that has what is looked for.
fn alternatives(schema: &Json, pointer: &str) -> Vec<(Json, String)> {
    let mut found = vec![(schema.clone(), pointer.to_owned())];
    for (at, one) in schema.get("anyOf").and_then(Json::as_array).into_iter().flatten().enumerate() {
        if one.get("required").is_none() || one.get("type").is_some() {
            found.push((one.clone(), format!("{pointer}/anyOf/{at}")));
        }
    }
    found
}

fn step(root: &Json, from: &[(Json, String)], step: &Step) -> Vec<(Json, String)> {
    let mut found = Vec::new();
    for (schema, pointer) in from {
        let next = match step {
            Step::Item(_) => schema.get("items").map(|items| (items, format!("{pointer}/items"))),
            Step::Key(key) => match schema.get("properties").and_then(|keys| keys.get(key)) {
                Some(value) => Some((value, format!("{pointer}/properties/{key}"))),
                None => schema
                    .get("additionalProperties")
                    .filter(|other| other.is_object())
                    .map(|other| (other, format!("{pointer}/additionalProperties"))),
            },
        };
        if let Some((next, pointer)) = next {
            let (next, pointer) = behind(root, next, pointer);
            found.extend(alternatives(next, &pointer));
        }
    }
    found
}

/// What the schema says of the place in a document.
pub(super) fn at(root: &Json, place: &[Step]) -> Option<Node> {
    let mut here = vec![(root.clone(), String::new())];
    for one in place {
        here = step(root, &here, one);
    }
    let keys = |schema: &Json| closed_keys(schema);
    let words = |schema: &Json| -> Option<Vec<String>> {
        schema.get("enum")?.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let limits = |schema: &Json| Some((schema.get("minimum")?.as_i64()?, schema.get("maximum")?.as_i64()?));
    let says =
        |(schema, _): &&(Json, String)| keys(schema).is_some() || words(schema).is_some() || limits(schema).is_some();
    let (schema, pointer) = here.iter().find(says)?;
    // Only a text alone is a closed word: beside it another form may be allowed.
    let free = here.iter().any(|(schema, _)| schema.get("pattern").is_some());
    Some(Node {
        pointer: pointer.clone(),
        keys: keys(schema),
        words: words(schema).filter(|_| !free),
        limits: limits(schema),
    })
}

fn closed_keys(schema: &Json) -> Option<BTreeSet<String>> {
    let open = schema.get("additionalProperties") != Some(&Json::Bool(false));
    let keys = schema.get("properties").and_then(Json::as_object).filter(|_| !open)?;
    Some(keys.keys().cloned().collect())
}

/// Every closed table of a schema, by its place.
pub(super) fn closed(root: &Json) -> BTreeMap<String, BTreeSet<String>> {
    fn visit(schema: &Json, pointer: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
        if let Some(keys) = closed_keys(schema) {
            found.insert(pointer.to_owned(), keys);
        }
        let inner: Vec<(String, &Json)> = match schema {
            Json::Object(map) => map.iter().map(|(key, value)| (format!("{pointer}/{key}"), value)).collect(),
            Json::Array(items) => {
                items.iter().enumerate().map(|(at, value)| (format!("{pointer}/{at}"), value)).collect()
            }
            _ => Vec::new(),
        };
        inner.iter().for_each(|(pointer, value)| visit(value, pointer, found));
    }
    let mut found = BTreeMap::new();
    visit(root, "", &mut found);
    // Tables without keys say nothing: `version = {}`.
    found.retain(|_, keys| !keys.is_empty());
    found
}
