//! Schemas and readers know the same keys, words and limits: each is asked about what the other says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use toml::{Table, Value};

use super::walk::{self, Node, Step, at, json, minis, replace, tables, values};
use super::{readers, schema_of, shipped, validators, wrong};
use crate::cli::schema::all;

/// Documents that together use as much of the format as there is: rare keys, what ships, and what is wrong in the goldens.
/// Those that use nothing new are left out.
fn documents() -> Vec<(String, Table)> {
    let golden = wrong().into_iter().map(|(file, _)| file);
    let (mut found, mut used) = (Vec::new(), BTreeSet::new());
    let shipped = shipped().into_iter().filter(|file| schema_of(&file.path) != "messages");
    for file in readers::rare().into_iter().chain(shipped).chain(golden) {
        let Ok(table) = file.text.parse::<Table>() else { continue };
        let name = schema_of(&file.path);
        for mini in minis(&table) {
            let new = walk::paths(&mini).into_iter().filter(|path| used.insert((name, path.clone()))).count();
            // A KPI's or measure's kind decides which keys are asked for.
            if new > 0 || name == "kpis" {
                found.push((file.path.clone(), mini));
            }
        }
    }
    found
}

/// An unknown key in every table tells which keys its reader knows: those of the schema, which refuses it too.
#[test]
fn schemas_and_readers_know_the_same_keys() {
    let schemas: BTreeMap<&str, Json> = all().into_iter().collect();
    let validators = validators();
    let mut asked: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    let mut strange = BTreeSet::new();
    for (path, document) in documents() {
        let name = schema_of(&path);
        let (changed, places) = with_unknown_keys(&schemas[name], document);
        let told = readers::read(name, &path, &toml::to_string(&changed).unwrap());
        let refused: Vec<String> =
            validators[name].iter_errors(&json(&changed)).map(|error| error.to_string()).collect();
        for (key, node) in places {
            // Inside of alternatives the validator does not name the key.
            if !refused.iter().any(|error| error.contains(&key) || error.contains("under any")) {
                strange.insert(format!("{path}: the schema accepts {key} at {}", node.pointer));
            }
            // What is read only where something else is sound, such as the rows of worked figures, is told elsewhere.
            let Some(one) = told.iter().find(|one| one.message.contains(&key)) else { continue };
            // The server's settings are known by their full names, which its reader does not list section by section.
            if name == "server" {
                continue;
            }
            let Some((_, list)) = one.remedy.split_once("one of") else {
                strange.insert(format!("{}: {}", one.message, one.remedy));
                continue;
            };
            let list = list.trim_start_matches(':').trim_end_matches(", or remove it");
            let known = list.split(',').map(|key| key.trim().to_owned()).filter(|key| !key.starts_with("zzzz"));
            asked.entry((name, node.pointer)).or_default().extend(known);
        }
    }
    assert!(strange.is_empty(), "{strange:#?}");
    let mut wrong = Vec::new();
    // Which sentences there are is no matter of keys: the messages' own reader tells what is missing or misspelt.
    for (name, schema) in schemas.iter().filter(|(name, _)| !["server", "messages"].contains(*name)) {
        for (pointer, keys) in walk::closed(schema) {
            // A rule that a tenant adds is the one of a pack, and compared there.
            let added = pointer.starts_with("/properties/rules/properties/add/items/properties/");
            if *name == "tenant" && (added || pointer.starts_with("/definitions/")) {
                continue;
            }
            let Some(asked) = asked.get(&(*name, pointer.clone())) else {
                wrong.push(format!("{name} {pointer}: no document has this table"));
                continue;
            };
            let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
            if *asked != keys {
                let (reader, schema) = (only(asked, &keys), only(&keys, asked));
                wrong.push(format!("{name} {pointer}: only the reader knows {reader:?}, only the schema {schema:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(asked.len() > 80, "only {} tables were compared", asked.len());
}

/// The document with a key of its own in every closed table, and what the schema says there.
fn with_unknown_keys(schema: &Json, document: Table) -> (Value, Vec<(String, Node)>) {
    let mut changed = Value::Table(document.clone());
    let mut places = Vec::new();
    for place in tables(&Value::Table(document)) {
        let Some(node) = at(schema, &place).filter(Node::closed) else { continue };
        let key = format!("zzzz_{}_", places.len());
        replace(&mut changed, &place, &mut |value| {
            if let Value::Table(table) = value {
                table.insert(key.clone(), Value::Boolean(true));
            }
        });
        places.push((key, node));
    }
    (changed, places)
}

/// A number beyond the schema's limits is refused by the reader, one at the limit is not; a word of the schema is known to
/// the reader, and no other.
#[test]
fn schemas_and_readers_know_the_same_words_and_limits() {
    let schemas: BTreeMap<&str, Json> = all().into_iter().collect();
    let (mut done, mut wrong) = (BTreeSet::new(), Vec::new());
    for (path, document) in documents() {
        let name = schema_of(&path);
        let document = Value::Table(document);
        for place in values(&document) {
            let says = |node: &Node| node.words.is_some() || node.limits.is_some();
            let Some(node) = at(&schemas[name], &place).filter(says) else { continue };
            if done.insert((name, node.pointer.clone())) {
                let before = told(name, &path, &document);
                let place = Place { name, path: &path, document: &document, place: &place, before };
                compare(&place, &node, &mut wrong);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(done.len() > 150, "only {} places were tried", done.len());
}

/// A value in a document of one schema.
struct Place<'p> {
    name: &'p str,
    path: &'p str,
    document: &'p Value,
    place: &'p [Step],
    /// What the reader tells of the document anyhow.
    before: Vec<(String, String)>,
}

impl Place<'_> {
    /// What the reader tells of another value here.
    fn with(&self, value: Value) -> Vec<(String, String)> {
        let mut changed = self.document.clone();
        replace(&mut changed, self.place, &mut |old| *old = value.clone());
        told(self.name, self.path, &changed).into_iter().filter(|one| !self.before.contains(one)).collect()
    }
}

fn told(name: &str, path: &str, document: &Value) -> Vec<(String, String)> {
    let told = readers::read(name, path, &toml::to_string(document).unwrap());
    told.into_iter().map(|one| (one.message, one.remedy)).collect()
}

fn compare(place: &Place<'_>, node: &Node, wrong: &mut Vec<String>) {
    let here = format!("{} {}", place.name, node.pointer);
    if let Some(words) = &node.words {
        for word in words {
            let unknown = |message: &str| {
                message.contains(&format!("\"{word}\""))
                    && ["does not know", "is unknown", "is no ", "begins no"].iter().any(|no| message.contains(no))
            };
            // A word that is known and not allowed just there is told in another sentence.
            if place.with(Value::String(word.clone())).iter().any(|(message, _)| unknown(message)) {
                wrong.push(format!("{here}: the reader refuses {word}"));
            }
        }
        let refused = place.with(Value::String("zzzz".to_owned()));
        if refused.is_empty() {
            wrong.push(format!("{here}: the reader takes any word"));
        }
        let lists = refused.iter().filter_map(|(_, remedy)| Some(remedy.split_once("write one of: ")?.1));
        for list in lists.filter(|list| !list.contains(':')) {
            // The source "tenant" is refused by another sentence, and when_missing alone knows "unknown".
            let known: BTreeSet<&str> = list.split(", ").filter(|word| *word != "tenant").collect();
            let extra = if known.contains("unknown") { "" } else { "unknown" };
            let listed: BTreeSet<&str> = words.iter().map(String::as_str).filter(|word| *word != extra).collect();
            if known != listed {
                wrong.push(format!("{here}: the reader knows {known:?}, the schema {listed:?}"));
            }
        }
    }
    let Some((low, high)) = node.limits else { return };
    for (beyond, limit) in [(low.checked_sub(1), low), (high.checked_add(1), high)] {
        if beyond.is_some_and(|beyond| place.with(Value::Integer(beyond)).is_empty()) {
            wrong.push(format!("{here}: the reader takes what is beyond {limit}"));
        }
        let outside = |message: &str| message.contains("outside") || message.contains("allowed is");
        if place.with(Value::Integer(limit)).iter().any(|(message, _)| outside(message)) {
            wrong.push(format!("{here}: the reader refuses {limit}"));
        }
    }
}
