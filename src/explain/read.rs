//! A file of messages, read and held against what every language must have.

use std::collections::{BTreeMap, HashMap};

use toml::de::{DeTable, DeValue};

use super::expected::{self, NOUNS, Named};
use super::language::{Language, Plural};
use super::template::Template;
use crate::domain::diagnostic::{Diagnostic, SourceFile};
use crate::rules::reader::Reading;
use crate::rules::spelling::nearest;

/// Forms of figures that need no entry: `n`, the bare number.
const BARE: &str = "n";

/// A text of the file and where it stands.
struct Told<'t> {
    text: &'t str,
    at: usize,
}

/// The texts of a file by their path, and where its tables begin.
#[derive(Default)]
struct Texts<'t> {
    told: BTreeMap<String, Told<'t>>,
    tables: BTreeMap<String, usize>,
}

/// Reads a language; what is wrong is added to `found`, and a language with mistakes is none.
pub(super) fn language(file: &SourceFile, found: &mut Vec<Diagnostic>) -> Option<Language> {
    let reading = Reading::new(file);
    let parsed = reading.parse();
    let mut texts = Texts::default();
    gather(&reading, parsed.get_ref(), "", &mut texts);
    let tag = head(&reading, &mut texts, "language", "\"de\", a BCP 47 tag");
    let name = head(&reading, &mut texts, "name", "\"Deutsch\", the language's own name");
    let plural = head(&reading, &mut texts, "plural", "\"one\" or \"zero_or_one\"").and_then(|(word, at)| {
        let plural = Plural::parse(&word);
        if plural.is_none() {
            reading.wrong(at, format!("plural does not know \"{word}\""), "write \"one\" or \"zero_or_one\"");
        }
        plural
    });
    if let Some((tag, at)) = &tag
        && !super::tag::is_plain(tag)
    {
        let message = format!("language \"{tag}\" is no BCP 47 tag in lower case");
        reading.wrong(*at, message, "write a language alone or with its region: \"de\", \"de-at\"");
    }
    let templates = templates(&reading, &texts);
    let mut wrong = reading.finish();
    let sound = wrong.is_empty();
    found.append(&mut wrong);
    let language = Language::new(tag?.0, name?.0, plural?, templates);
    sound.then_some(language)
}

fn head(reading: &Reading<'_>, texts: &mut Texts<'_>, key: &'static str, wanted: &str) -> Option<(String, usize)> {
    let told = texts.told.remove(key);
    if told.is_none() {
        reading.wrong(0, format!("file: {key} is missing"), format!("add {key} = {wanted}"));
    }
    told.map(|told| (told.text.to_owned(), told.at))
}

fn gather<'t>(reading: &Reading<'_>, table: &'t DeTable<'_>, above: &str, texts: &mut Texts<'t>) {
    for (key, value) in table {
        let path = if above.is_empty() { key.get_ref().to_string() } else { format!("{above}.{}", key.get_ref()) };
        let at = value.span().start;
        match value.get_ref() {
            DeValue::Table(inner) => {
                texts.tables.insert(path.clone(), key.span().start);
                gather(reading, inner, &path, texts);
            }
            DeValue::String(text) => {
                texts.told.insert(path, Told { text, at });
            }
            other => reading.wrong(
                at,
                format!("{path} is of type {}, not a string", other.type_str()),
                format!("write {path} as a quoted text"),
            ),
        }
    }
}

fn templates(reading: &Reading<'_>, texts: &Texts<'_>) -> HashMap<String, Template> {
    let mut templates = HashMap::new();
    let mut names: HashMap<String, Vec<Named>> = HashMap::new();
    for expected in expected::all() {
        if !texts.told.contains_key(&expected.path) {
            missing(reading, texts, &expected.path, &expected.slots);
        }
        names.insert(expected.path, expected.slots);
    }
    for (path, told) in &texts.told {
        let slots = match names.get(path) {
            Some(slots) => slots.clone(),
            None => match further(path) {
                Some(slots) => slots,
                None => {
                    let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
                    let beside = names.keys().filter_map(|one| one.rsplit_once('.'));
                    let beside: Vec<&str> = beside.filter(|(one, _)| *one == table).map(|(_, key)| key).collect();
                    let meant = nearest(key, &beside);
                    reading.wrong(told.at, format!("no sentence uses {path}{meant}"), "remove it or correct its name");
                    continue;
                }
            },
        };
        match Template::parse(told.text) {
            Ok(template) => {
                used(reading, texts, path, told, &template, &slots);
                templates.insert(path.clone(), template);
            }
            Err(broken) => reading.wrong(
                told.at,
                format!("{path} has {} at byte {}", broken.what, broken.at),
                "write slots as {name} and parts that may go as [ ... ]",
            ),
        }
    }
    templates
}

/// Entries that a language may have beside those that it must.
fn further(path: &str) -> Option<Vec<Named>> {
    let parts: Vec<&str> = path.split('.').collect();
    let number = Named { name: "n", nouns: &[], always: true };
    match parts.as_slice() {
        ["words", _] => Some(Vec::new()),
        // Languages whose millions are counted differently, and other cases of a noun.
        ["units", noun, "many"] if NOUNS.contains(noun) => Some(vec![number]),
        ["windows", "days" | "hours" | "minutes", "many"] => Some(vec![number]),
        ["units", noun, form, "one" | "other" | "many"] if NOUNS.contains(noun) && *form != BARE => Some(vec![number]),
        _ => None,
    }
}

fn missing(reading: &Reading<'_>, texts: &Texts<'_>, path: &str, slots: &[Named]) {
    let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
    let at = texts.tables.get(table).copied().unwrap_or(0);
    let named: Vec<String> = slots.iter().map(|slot| format!("{{{}}}", slot.name)).collect();
    let slots = if named.is_empty() { String::new() } else { format!(", which may name {}", named.join(", ")) };
    let key = if key.contains(' ') { format!("\"{key}\"") } else { key.to_owned() };
    reading.wrong(at, format!("{path} is missing"), format!("add {key} = \"...\" to [{table}]{slots}"));
}

/// Every slot of a template must be one that has a value there, in a form that the language has.
fn used(reading: &Reading<'_>, texts: &Texts<'_>, path: &str, told: &Told<'_>, template: &Template, slots: &[Named]) {
    for slot in template.slots() {
        let Some(named) = slots.iter().find(|one| *one.name == *slot.name) else {
            let known: Vec<&str> = slots.iter().map(|one| one.name).collect();
            let meant = nearest(&slot.name, &known);
            let remedy = if known.is_empty() {
                "write it as plain text".to_owned()
            } else {
                format!("use one of: {}", known.join(", "))
            };
            reading.wrong(told.at, format!("{path} does not know the slot {{{}}}{meant}", slot.name), remedy);
            continue;
        };
        if !named.always && !slot.optional {
            reading.wrong(
                told.at,
                format!("{path} names {{{}}}, which has not always a value, outside of [ ]", slot.name),
                format!("put it into a part that may go: [ ... {{{}}} ... ]", slot.name),
            );
        }
        let Some(form) = slot.form.as_deref().filter(|form| *form != BARE) else { continue };
        let has = |noun: &&str| texts.told.contains_key(&format!("units.{noun}.{form}.other"));
        let lacking: Vec<&str> = named.nouns.iter().copied().filter(|noun| !has(noun)).collect();
        if named.nouns.is_empty() || !lacking.is_empty() {
            let of = if named.nouns.is_empty() { "it" } else { lacking.first().copied().unwrap_or("it") };
            reading.wrong(
                told.at,
                format!("{path} asks for {{{}.{form}}}, and {of} has no form \"{form}\"", slot.name),
                "add the form to the noun in [units], or name the slot without it",
            );
        }
    }
}
