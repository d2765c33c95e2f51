//! Every field of every rule that ships is told when it changes.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::*;
use crate::rules::SourceFile;
use crate::rules::model::Rule;
use crate::rules::pack::Pack;
use crate::rules::rates::RateTables;
use crate::rules::reader::{Position, Reading};
use crate::rules::{parse, tests as shipped_packs};

fn packs_of(files: Vec<(&str, &str)>) -> Packs {
    let files: Vec<SourceFile> =
        files.into_iter().map(|(path, text)| SourceFile { path: path.into(), text: text.into() }).collect();
    Packs::compile(&files).unwrap_or_else(|found| panic!("{found}"))
}

const HEAD: &str = "\
format = 1
jurisdiction = \"xx\"
name = \"Nowhere\"
version = \"1\"
currency = \"EUR\"
zones = [\"Europe/Rome\"]
";

fn rule(id: &str, head: &str, max: u32) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\ntitle = \"T\"\ntext = \"T.\"\ncitation = \"C\"\nsource = \"statute\"\n\
         effect = \"prohibits\"\nconfidence = \"read\"\n{head}\n[rule.contact_frequency]\nmax = {max}\n\
         window = {{ calendar_week = true }}\ncount = \"attempts\"\nper = \"case\"\n"
    )
}

fn example(rule: &str) -> String {
    format!(
        "[[example]]\nname = \"e\"\nrule = \"{rule}\"\nfindings = []\n[example.check]\ncontact = {{ id = \"a\" }}\n"
    )
}

fn pack(rules: &[(&str, &str, u32)]) -> Packs {
    let mut text = HEAD.to_owned();
    let mut cases = "format = 1\n".to_owned();
    for (id, head, max) in rules {
        text.push_str(&rule(id, head, *max));
        cases.push_str(&example(id));
    }
    packs_of(vec![("xx/rules.toml", &text), ("xx/cases.toml", &cases)])
}

fn told(old: &Packs, new: &Packs) -> Vec<String> {
    compare(old, new).into_iter().map(|change| change.sentence).collect()
}

#[test]
fn a_changed_number_is_a_sentence_with_its_date() {
    let old = pack(&[("xx-frequency", "", 4)]);
    assert_eq!(
        told(&old, &pack(&[("xx-frequency", "valid_from = 2026-07-01", 3)])),
        [
            "xx-frequency: in force: from 1 July 2026 instead of whenever",
            "xx-frequency: at most 3 instead of 4 attempts a calendar week from 1 July 2026",
        ]
    );
    assert_eq!(
        told(&old, &pack(&[("xx-frequency", "", 3)])),
        ["xx-frequency: at most 3 instead of 4 attempts a calendar week at all times"]
    );
    assert!(told(&old, &pack(&[("xx-frequency", "", 4)])).is_empty());
}

#[test]
fn versions_of_a_rule_are_told_as_such() {
    let old = pack(&[("xx-frequency", "", 4)]);
    let ended = "valid_until = 2026-06-30\nstatus = \"superseded\"";
    let kept = pack(&[("xx-frequency", "valid_from = 2026-07-01", 3), ("xx-frequency-old", ended, 4)]);
    assert!(
        told(&old, &kept).contains(&"xx-frequency-old: keeps what xx-frequency said before, until 30 June 2026".into())
    );
    let renewed = pack(&[("xx-frequency", ended, 4), ("xx-frequency-2026", "valid_from = 2026-07-01", 3)]);
    let sentences = told(&old, &renewed);
    for sentence in [
        "xx-frequency: in force: until 30 June 2026 instead of further notice",
        "xx-frequency-2026: replaces xx-frequency from 1 July 2026",
        "xx-frequency-2026: unlike xx-frequency, at most 3 instead of 4 attempts a calendar week from 1 July 2026",
    ] {
        assert!(sentences.iter().any(|one| one == sentence), "{sentence}: {sentences:#?}");
    }
    let other = pack(&[("xx-frequency", "", 4), ("xx-letters", "valid_from = 2026-07-01", 2)]);
    assert!(told(&old, &other)[0].starts_with("xx-letters: new, from 1 July 2026: T (at most 2 attempts"));
    assert_eq!(told(&other, &old), ["xx-letters: removed: T"]);
}

/// Everything but where it stands.
fn bare(rule: &Rule) -> Rule {
    Rule { position: Position::default(), limits_position: Position::default(), ..rule.clone() }
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

#[test]
fn every_key_of_every_rule_is_told_when_it_changes() {
    let packs = shipped_packs::shipped();
    let mut words = BTreeMap::new();
    let files = shipped_packs::shipped_files();
    let tables: Vec<Table> =
        files.iter().filter(|file| file.path.ends_with("/rules.toml")).map(|file| file.text.parse().unwrap()).collect();
    tables.iter().for_each(|table| vocabulary(&Value::Table(table.clone()), "", &mut words));
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
