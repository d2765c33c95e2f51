//! Every key of every rule, pack and dated table that ships is changed, one at a time: the comparison must tell it.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::{Table, Value};

use super::super::{packs, rules, tables};
use crate::rules::cover::Clause;
use crate::rules::model::Rule;
use crate::rules::pack::Pack;
use crate::rules::position::Position;
use crate::rules::rates::{self, RateTable, RateTables};
use crate::rules::reader::Reading;
use crate::rules::written::Written;
use crate::rules::{SourceFile, parse, tests as shipped_packs};

/// Everything but where it stands.
fn bare(rule: &Rule) -> Rule {
    // The limits as a file writes them are no law either: an order of words may change and nothing else.
    let written = Written::default();
    Rule { position: Position::default(), limits_position: Position::default(), written, ..rule.clone() }
}

/// A pack of a text; none if anything is wrong with it. Examples and other packs do not matter here.
fn parsed(text: String, rates: &RateTables) -> Option<Pack> {
    let file = SourceFile { path: "zz/rules.toml".into(), text };
    let reading = Reading::new(&file);
    let table = reading.parse();
    let pack = parse::pack(&reading, table.get_ref(), rates);
    drop(table);
    pack.filter(|_| reading.finish().is_empty())
}

/// Every text of the key's values anywhere, so that a word may be exchanged for another that fits.
fn vocabulary(value: &Value, key: &str, found: &mut BTreeMap<String, Vec<String>>) {
    match value {
        Value::String(text) => {
            let words = found.entry(key.to_owned()).or_default();
            if !words.contains(text) && words.len() < 4 {
                words.push(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| vocabulary(item, key, found)),
        Value::Table(table) => table.iter().for_each(|(key, value)| vocabulary(value, key, found)),
        _ => {}
    }
}

/// Every value that differs from this one in one place.
fn mutants(value: &Value, key: &str, words: &BTreeMap<String, Vec<String>>) -> Vec<Value> {
    match value {
        Value::Boolean(flag) => vec![Value::Boolean(!flag)],
        Value::Integer(number) => vec![Value::Integer(number + 1), Value::Integer(number - 1)],
        // Prose.
        Value::String(text) if text.contains(' ') => vec![Value::String(format!("{text}x"))],
        Value::String(text) => {
            let others = words.get(key).into_iter().flatten().filter(|word| *word != text).take(1);
            let digit = text.chars().last().filter(char::is_ascii_digit).map(|last| {
                let next = if last == '9' { '1' } else { char::from(last as u8 + 1) };
                format!("{}{next}", text.get(..text.len() - 1).unwrap_or(""))
            });
            others.cloned().chain(digit).chain([format!("{text}x")]).map(Value::String).collect()
        }
        Value::Datetime(date) => {
            let mut other = *date;
            if let Some(date) = &mut other.date {
                date.year += 1;
            }
            vec![Value::Datetime(other)]
        }
        Value::Array(items) => {
            let mut out = Vec::new();
            for (at, item) in items.iter().enumerate() {
                let mut fewer = items.clone();
                fewer.remove(at);
                out.push(Value::Array(fewer));
                for mutant in mutants(item, key, words) {
                    let mut changed = items.clone();
                    changed[at] = mutant;
                    out.push(Value::Array(changed));
                }
            }
            if items.len() > 1 {
                out.push(Value::Array(items.iter().rev().cloned().collect()));
            }
            out
        }
        Value::Table(table) => {
            let mut out = Vec::new();
            for (key, item) in table {
                let mut without = table.clone();
                without.remove(key);
                out.push(Value::Table(without));
                for mutant in mutants(item, key, words) {
                    let mut changed = table.clone();
                    changed.insert(key.clone(), mutant);
                    out.push(Value::Table(changed));
                }
            }
            out
        }
        Value::Float(_) => Vec::new(),
    }
}

/// The shipped files of that name or folder, and the words of their keys.
fn shipped(wanted: impl Fn(&str) -> bool) -> (Vec<Table>, BTreeMap<String, Vec<String>>) {
    let files = shipped_packs::shipped_files();
    let tables: Vec<Table> =
        files.iter().filter(|file| wanted(&file.path)).map(|file| file.text.parse().unwrap()).collect();
    let mut words = BTreeMap::new();
    tables.iter().for_each(|table| vocabulary(&Value::Table(table.clone()), "", &mut words));
    (tables, words)
}

#[test]
fn every_key_of_every_rule_is_told_when_it_changes() {
    let packs = shipped_packs::shipped();
    let (tables, words) = shipped(|path| path.ends_with("/rules.toml"));
    let (mut changes, mut silent) = (0, Vec::new());
    for table in &tables {
        let mut head = table.clone();
        for key in ["rule", "not_encoded", "scope", "calendar", "subdivision"] {
            head.remove(key);
        }
        let head = toml::to_string(&head).unwrap();
        let text = |rule: &Value| {
            let one = Table::from_iter([("rule".to_owned(), Value::Array(vec![rule.clone()]))]);
            format!("{head}\n{}", toml::to_string(&one).unwrap())
        };
        for rule in table.get("rule").and_then(Value::as_array).into_iter().flatten() {
            let old = parsed(text(rule), packs.rates()).expect("a rule by itself is sound");
            for mutant in mutants(rule, "", &words) {
                let Some(new) = parsed(text(&mutant), packs.rates()) else { continue };
                let (before, after) = (&old.rules[0], &new.rules[0]);
                if bare(before) == bare(after) || before.id != after.id {
                    continue;
                }
                changes += 1;
                let mut found = Vec::new();
                rules::compare(&old, &new, &mut found);
                if !found.iter().any(|change| change.sentence.starts_with(&format!("{}: ", before.id))) {
                    silent.push(format!("{}: {mutant:?}", before.id));
                }
            }
        }
    }
    assert!(changes > 10_000, "only {changes} changes were tried");
    assert!(silent.is_empty(), "{} of {changes} changes are not told: {:#?}", silent.len(), silent.first());
}

/// A pack without its rules, and without where things stand and in which order: that is no law.
fn bare_head(pack: &Pack) -> Pack {
    let clauses = pack.scope.as_deref().unwrap_or(&[]).iter();
    let mut clauses: Vec<Clause> = clauses.map(|one| Clause { position: Position::default(), ..one.clone() }).collect();
    clauses.sort_by(|a, b| a.id.cmp(&b.id));
    let calendar = pack.calendar.as_deref().cloned().map(|mut calendar| {
        calendar.holidays.sort_by_key(|one| format!("{one:?}"));
        Arc::new(calendar)
    });
    let mut not_encoded = pack.not_encoded.clone();
    not_encoded.iter_mut().for_each(|row| row.position = Position::default());
    not_encoded.sort_by(|a, b| a.id.cmp(&b.id));
    Pack {
        calendar,
        not_encoded,
        rules: Vec::new(),
        digest: String::new(),
        position: Position::default(),
        scope: (!clauses.is_empty()).then(|| clauses.into()),
        ..pack.clone()
    }
}

/// A pack with a scope, which none that ships has.
const SCOPED: &str = "
format = 1
jurisdiction = \"xx\"
name = \"Nowhere\"
version = \"1\"
currency = \"EUR\"

[[scope]]
id = \"xx-scope\"
text = \"Agencies only.\"
citation = \"Act s. 1\"
confidence = \"read\"
valid_from = 2020-01-01
valid_until = 2030-12-31
version_by = \"due_on\"
max_principal = \"500.01\"

[scope.applies_to]
collector_role = [\"agency\", \"debt_buyer\"]
ownership = [\"purchased\"]
debt_class = [\"consumer\", \"mixed\"]
debt_type = [\"loan\"]
creditor_type = [\"bank\"]
debtor_kind = [\"consumer\"]
person_role = [\"primary\"]
regulated_credit = true
eu_bank_npl = false
secured = false
titled = true

[scope.when_missing]
collector_role = \"agency\"
ownership = \"purchased\"
debt_class = \"consumer\"
debt_type = \"loan\"
creditor_type = \"bank\"
debtor_kind = \"consumer\"
person_role = \"primary\"
regulated_credit = true
eu_bank_npl = false
secured = false
";

#[test]
fn every_key_of_every_pack_is_told_when_it_changes() {
    let (mut tables, words) = shipped(|path| path.ends_with("/rules.toml"));
    tables.push(SCOPED.parse().unwrap());
    let (mut changes, mut silent) = (0, Vec::new());
    for table in &tables {
        let head = Table::from_iter(
            table
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "rule" | "fee_table"))
                .map(|(k, v)| (k.clone(), v.clone())),
        );
        let parse =
            |head: &Value| parsed(toml::to_string(head).unwrap(), &RateTables::new()).map(|pack| bare_head(&pack));
        let head = Value::Table(head);
        let old = parse(&head).expect("a pack without rules is sound");
        for mutant in mutants(&head, "", &words) {
            let Some(new) = parse(&mutant) else { continue };
            if new == old || new.id != old.id {
                continue;
            }
            changes += 1;
            let mut found = Vec::new();
            packs::changed(&old, &new, &mut found);
            if found.is_empty() {
                silent.push(format!("{}: {mutant:?}", old.id));
            }
        }
    }
    assert!(changes > 2_000, "only {changes} changes were tried");
    assert!(silent.is_empty(), "{} of {changes} changes are not told: {:#?}", silent.len(), silent.first());
}

/// The one table of a text, without where it stands.
fn rate_table(text: String) -> Option<RateTable> {
    let file = SourceFile { path: "rates/x.toml".into(), text };
    let reading = Reading::new(&file);
    let mut tables = RateTables::new();
    rates::read(&reading, reading.parse().get_ref(), &mut tables);
    let mut table = RateTable::clone(tables.values().next()?);
    table.position = Position::default();
    table.digest.clear();
    table.entries.iter_mut().for_each(|entry| entry.position = Position::default());
    reading.finish().is_empty().then_some(table)
}

#[test]
fn every_key_of_every_dated_table_is_told_when_it_changes() {
    let (files, words) = shipped(|path| path.starts_with("rates/"));
    let (mut changes, mut silent) = (0, Vec::new());
    for table in files.iter().flat_map(|file| file["rate"].as_array().unwrap()) {
        let parse = |table: &Value| {
            let one =
                [("rate".to_owned(), Value::Array(vec![table.clone()])), ("format".to_owned(), Value::Integer(1))];
            // A day that there is not in its month cannot be written.
            rate_table(toml::to_string(&Table::from_iter(one)).ok()?)
        };
        let old = parse(table).expect("a table by itself is sound");
        for mutant in mutants(table, "", &words) {
            let Some(new) = parse(&mutant).filter(|new| *new != old && new.id == old.id) else { continue };
            changes += 1;
            let mut found = Vec::new();
            tables::changed(&old, &new, "a rule", &mut found);
            if !found.iter().any(|change| change.sentence.starts_with(&format!("{}: ", old.id))) {
                silent.push(format!("{}: {mutant:?}", old.id));
            }
        }
    }
    assert!(changes > 150, "only {changes} changes were tried");
    assert!(silent.is_empty(), "{} of {changes} changes are not told: {:#?}", silent.len(), silent.first());
}
