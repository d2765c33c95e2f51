//! Notes, words of packs and duties as phrases of a language.

use std::cell::RefCell;
use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::expected::DUTIES;
use super::language::Language;
use crate::compliance::{IN_ALL, ON};
use crate::domain::verdict::{Observation, Unit};

/// A language at work: it keeps count of the words that it does not have.
pub struct Teller<'l> {
    pub(super) language: &'l Language,
    untranslated: RefCell<BTreeSet<String>>,
}

impl<'l> Teller<'l> {
    /// A teller in that language.
    #[must_use]
    pub fn new(language: &'l Language) -> Self {
        Self { language, untranslated: RefCell::default() }
    }

    /// Words that were told as packs and tenants write them, because the language has no other.
    #[must_use]
    pub fn untranslated(self) -> Vec<String> {
        self.untranslated.into_inner().into_iter().collect()
    }

    pub(super) fn lacking(&self, word: &str) {
        self.untranslated.borrow_mut().insert(word.to_owned());
    }

    /// A word of a pack; `a|b` where either will do.
    pub(super) fn word(&self, entry: &str) -> String {
        let words: Vec<String> = entry.split('|').map(|word| self.single(word)).collect();
        self.language.either(&words)
    }

    fn single(&self, word: &str) -> String {
        let path = format!("words.{word}");
        if self.language.template(&path).is_some() {
            return self.language.plain(&path);
        }
        self.lacking(word);
        self.language.filled("format.untranslated", &|_| Some(word.replace('_', " ")))
    }

    /// Words of a pack, all of them.
    pub(super) fn words<'w>(&self, words: impl Iterator<Item = &'w str>) -> String {
        let words: Vec<String> = words.map(|word| self.word(word)).collect();
        self.language.phrases(&words)
    }

    /// What a check asks to be held or done.
    pub(super) fn duties<'w>(&self, duties: impl Iterator<Item = &'w str>) -> String {
        let duties: Vec<String> = duties.map(|duty| self.duty(duty)).collect();
        self.language.phrases(&duties)
    }

    fn duty(&self, duty: &str) -> String {
        match duty.split_once(':') {
            Some((prefix, words)) if DUTIES.contains(&prefix) => {
                let words = if prefix == "language" { words.replace('|', ", ") } else { self.word(words) };
                self.language.filled(&format!("duties.{prefix}"), &|_| Some(words.clone()))
            }
            _ => self.word(duty),
        }
    }

    /// A missing attribute, by its name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> String {
        if let Some(country) = name.strip_prefix("pack:") {
            return format!("{} ({country})", self.language.plain("attributes.pack"));
        }
        let path = format!("attributes.{name}");
        if self.language.template(&path).is_some() {
            return self.language.plain(&path);
        }
        self.lacking(name);
        self.language.filled("format.untranslated", &|_| Some(name.replace('_', " ")))
    }

    /// What an observation notes, as a clause: several faults of a content are several.
    pub(super) fn note(&self, observation: &Observation) -> Option<String> {
        let note = observation.note.as_deref()?;
        // The note of a time is its zone.
        if observation.unit == Some(Unit::MinuteOfDay) {
            return None;
        }
        if ["charges", "no figure", ON, IN_ALL].contains(&note) || note.starts_with("missing: ") {
            return None;
        }
        if let Some((words, day)) = split_day(note) {
            return Some(self.language.plain(&format!("notes.{words}"))).filter(|_| !day.is_empty());
        }
        let faults: Vec<String> = note.split("; ").map(|fault| self.fault(fault)).collect();
        Some(self.language.faults(&faults))
    }

    fn fault(&self, fault: &str) -> String {
        let path = format!("notes.{fault}");
        if self.language.template(&path).is_some() {
            return self.language.plain(&path);
        }
        let listed = |key: &str, slot: &str, value: String| {
            self.language.filled(&format!("listed.{key}"), &|name| (name == slot).then(|| value.clone()))
        };
        for (prefix, key) in
            [("lacks ", "lacks"), ("holds ", "holds"), ("not held: ", "not_held"), ("not produced: ", "not_produced")]
        {
            if let Some(words) = fault.strip_prefix(prefix) {
                return listed(key, "words", self.words(words.split(", ")));
            }
        }
        if let Some(form) = fault.strip_prefix("form ") {
            return listed("form", "word", self.word(form));
        }
        if let Some(language) = fault.strip_prefix("language ") {
            return listed("language", "word", language.to_owned());
        }
        if let Some(template) = fault.strip_prefix("template ") {
            return listed("template", "word", template.to_owned());
        }
        if let Some(day) = fault.strip_prefix("deadline before ").and_then(|day| day.parse().ok()) {
            return listed("deadline", "last_day", self.language.date(day));
        }
        if let Some((word, day)) = fault.split_once(" since ")
            && let Ok(day) = day.parse()
        {
            let slot = |name: &str| match name {
                "word" => Some(self.fault(word)),
                "last_day" => Some(self.language.date(day)),
                _ => None,
            };
            return self.language.filled("listed.since", &slot);
        }
        self.word(fault)
    }

    /// The last day of a term that ran out.
    pub(super) fn last_day(&self, observation: &Observation) -> Option<String> {
        let (_, day) = split_day(observation.note.as_deref()?)?;
        day.parse::<NaiveDate>().ok().map(|day| self.language.date(day))
    }
}

/// What was not done, and by which day: `not sent by 2026-03-01`.
fn split_day(note: &str) -> Option<(&str, &str)> {
    let (words, day) = note.rsplit_once(' ')?;
    (words.starts_with("not ") && words.ends_with(" by") && day.parse::<NaiveDate>().is_ok()).then_some((words, day))
}
