//! One language: its templates, and how it writes numbers, amounts, dates and times.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;

use super::template::{Slot, Template};
use crate::domain::money::{Currency, format_minor};
use crate::domain::time::Timestamp;

/// How a language counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plural {
    /// One is one; everything else is more.
    One,
    /// Nothing and one are one.
    ZeroOrOne,
}

impl Plural {
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "one" => Some(Self::One),
            "zero_or_one" => Some(Self::ZeroOrOne),
            _ => None,
        }
    }

    /// The category of a number (CLDR): `one`, `many` for whole millions, which French and Spanish set apart, or `other`.
    fn category(self, number: i64) -> &'static str {
        match (self, number.unsigned_abs()) {
            (_, 1) | (Self::ZeroOrOne, 0) => "one",
            (_, size) if size > 0 && size.is_multiple_of(1_000_000) => "many",
            _ => "other",
        }
    }
}

/// The phrase before the last ends in a clause, which some languages close with a comma: one with a comma in it does.
fn clause_before_last(phrases: &[String]) -> bool {
    phrases.iter().rev().nth(1).is_some_and(|phrase| phrase.contains(", "))
}

/// A language.
#[derive(Debug)]
pub struct Language {
    tag: String,
    name: String,
    plural: Plural,
    templates: HashMap<String, Template>,
    decimal: String,
    group: String,
    group_from: usize,
}

impl Language {
    pub(super) fn new(tag: String, name: String, plural: Plural, templates: HashMap<String, Template>) -> Self {
        let mut language =
            Self { tag, name, plural, templates, decimal: String::new(), group: String::new(), group_from: 0 };
        language.decimal = language.plain("format.decimal");
        language.group = language.plain("format.group");
        language.group_from = language.plain("format.group_from").parse().unwrap_or(usize::MAX);
        language
    }

    /// Its tag: `de`.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Its own name: `Deutsch`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Paths of all its templates.
    #[cfg(test)]
    pub(super) fn paths(&self) -> impl Iterator<Item = String> {
        self.templates.keys().cloned()
    }

    /// A template, if the language has it.
    pub(super) fn template(&self, path: &str) -> Option<&Template> {
        self.templates.get(path)
    }

    /// A text without slots.
    pub(super) fn plain(&self, path: &str) -> String {
        self.filled(path, &|_| None)
    }

    /// A template with these values. Paths are those of [`super::expected`], of which every language has all.
    pub(super) fn filled(&self, path: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
        let of_slot = |slot: &Slot| value(&slot.name);
        self.templates.get(path).map(|template| template.fill(&of_slot, &mut |_| ())).unwrap_or_default()
    }

    /// A whole number with its groups of three digits.
    #[must_use]
    pub fn number(&self, number: i64) -> String {
        self.grouped(&number.to_string())
    }

    /// A plain decimal text such as `-1234.50` as the language writes it.
    fn grouped(&self, text: &str) -> String {
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("\u{2212}", rest));
        let (whole, part) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
        let mut out = String::from(sign);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && whole.len() >= self.group_from && (whole.len() - index).is_multiple_of(3) {
                out.push_str(&self.group);
            }
            out.push(digit);
        }
        if let Some(part) = part {
            out.push_str(&self.decimal);
            out.push_str(part);
        }
        out
    }

    /// An amount in minor units.
    #[must_use]
    pub fn amount(&self, minor: i64, currency: Currency) -> String {
        let number = self.grouped(&format_minor(i128::from(minor), currency.exponent()));
        self.filled("format.amount", &|slot| match slot {
            "number" => Some(number.clone()),
            "currency" => Some(currency.code().to_owned()),
            _ => None,
        })
    }

    /// Millionths as a percentage, without zeros at its end: 101,500 is 10.15 %.
    #[must_use]
    pub fn percent(&self, millionths: i64) -> String {
        let text = format_minor(i128::from(millionths), 4);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let number = self.grouped(text);
        self.filled("format.percent", &|_| Some(number.clone()))
    }

    /// A figure with its noun, in a form of the noun where one is asked for: `3 days`.
    #[must_use]
    pub fn counted(&self, noun: &str, number: i64, form: Option<&str>) -> String {
        let noun = form.map_or_else(|| format!("units.{noun}"), |form| format!("units.{noun}.{form}"));
        self.in_number(&noun, number)
    }

    /// The entry of a table of numbers that fits.
    pub(super) fn in_number(&self, table: &str, number: i64) -> String {
        let category = self.plural.category(number);
        let path = format!("{table}.{category}");
        let path = if self.templates.contains_key(&path) { path } else { format!("{table}.other") };
        self.filled(&path, &|_| Some(self.number(number)))
    }

    /// A date.
    #[must_use]
    pub fn date(&self, date: NaiveDate) -> String {
        self.filled("format.date", &|slot| match slot {
            "day" if date.day() == 1 => Some(self.plain("format.first_day")),
            "day" => Some(date.day().to_string()),
            "month" => Some(self.plain(&format!("months.{}", date.month()))),
            "year" => Some(date.year().to_string()),
            _ => None,
        })
    }

    /// A time of the day, in minutes since midnight.
    #[must_use]
    pub fn time(&self, minute: i64) -> String {
        self.filled("format.time", &|slot| match slot {
            "hour" => Some(format!("{:02}", minute.div_euclid(60))),
            "minute" => Some(format!("{:02}", minute.rem_euclid(60))),
            _ => None,
        })
    }

    /// An instant in a zone, with the zone and its distance from UTC then: local times may come twice.
    #[must_use]
    pub fn instant(&self, at: Timestamp, zone: Tz) -> String {
        let local = at.local(zone);
        let seconds = local.signed_duration_since(at.utc().naive_utc()).num_seconds();
        let sign = if seconds < 0 { '\u{2212}' } else { '+' };
        let minutes = seconds.abs() / 60;
        let offset = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        let zone = self.filled("format.zone", &|slot| match slot {
            "zone" => Some(zone.name().to_owned()),
            "offset" => Some(offset.clone()),
            _ => None,
        });
        self.filled("format.datetime", &|slot| match slot {
            "date" => Some(self.date(local.date())),
            "time" => Some(self.time(i64::from(local.hour() * 60 + local.minute()))),
            "zone" => Some(zone.clone()),
            _ => None,
        })
    }

    /// Names one after the other, the last joined as the language does.
    #[must_use]
    pub fn list(&self, items: &[String]) -> String {
        self.joined(items, "format.list", "format.last")
    }

    /// The same for phrases, of which one may end in a clause.
    pub(super) fn phrases(&self, items: &[String]) -> String {
        let last = if clause_before_last(items) { "format.last_after_clause" } else { "format.last" };
        self.joined(items, "format.list", last)
    }

    /// The same for phrases of which one will do.
    pub(super) fn either(&self, items: &[String]) -> String {
        let or = if clause_before_last(items) { "format.or_after_clause" } else { "format.or" };
        self.joined(items, "format.list", or)
    }

    /// Clauses one after the other.
    pub(super) fn faults(&self, items: &[String]) -> String {
        self.joined(items, "format.faults", "format.faults")
    }

    fn joined(&self, items: &[String], between: &str, last: &str) -> String {
        let Some((end, before)) = items.split_last() else { return String::new() };
        let join = |path: &str, first: &str, then: &str| {
            self.filled(path, &|slot| Some(if slot == "first" { first.to_owned() } else { then.to_owned() }))
        };
        let mut before = before.iter();
        let Some(first) = before.next() else { return end.clone() };
        let head = before.fold(first.clone(), |head, item| join(between, &head, item));
        join(last, &head, end)
    }
}
