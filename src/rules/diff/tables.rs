//! Dated tables of rates and yearly amounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::super::compile::Packs;
use super::super::rates::RateTable;
use super::super::tell::{self, Line};
use super::{Change, Subject, What};

/// Rules that are named as readers of a table; more are counted.
const MOST_READERS: usize = 5;

/// Each table that a rule reads, with its readers. Every table is read by some rule.
fn read(packs: &Packs) -> BTreeMap<&str, (&Arc<RateTable>, Vec<&str>)> {
    let mut tables: BTreeMap<&str, (&Arc<RateTable>, Vec<&str>)> = BTreeMap::new();
    for rule in packs.iter().flat_map(|pack| &pack.rules) {
        for table in rule.limits.rate_tables() {
            let (_, readers) = tables.entry(&table.id).or_insert_with(|| (table, Vec::new()));
            if !readers.contains(&rule.id.as_str()) {
                readers.push(rule.id.as_str());
            }
        }
    }
    tables
}

pub(super) fn compare(old: &Packs, new: &Packs, out: &mut Vec<Change>) {
    let (old, new) = (read(old), read(new));
    for (id, (table, readers)) in &new {
        let readers = named(readers);
        match old.get(id) {
            Some((before, _)) if Arc::ptr_eq(before, table) => {}
            Some((before, _)) => changed(before, table, &readers, out),
            None => {
                let said: Vec<String> = tell::rate_table(table).iter().filter_map(Line::whole).collect();
                let sentence = format!("new, read by {readers}: {}", said.join("; "));
                out.push(Change::of(Subject::Table, None, id, What::Added, &sentence));
            }
        }
    }
    for (id, (table, _)) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
        let sentence = format!("removed: {}", table.title);
        out.push(Change::of(Subject::Table, None, id, What::Removed, &sentence));
    }
}

fn named(readers: &[&str]) -> String {
    let rest = readers.len().saturating_sub(MOST_READERS);
    let first = readers.iter().take(MOST_READERS).copied().collect::<Vec<_>>().join(", ");
    if rest == 0 { first } else { format!("{first} and {rest} more") }
}

pub(super) fn changed(old: &RateTable, new: &RateTable, readers: &str, out: &mut Vec<Change>) {
    for difference in tell::differences(&tell::rate_table(old), &tell::rate_table(new)) {
        let from = difference.key.strip_prefix("entries.").and_then(|date| date.parse::<NaiveDate>().ok());
        let until = new.entries.iter().find(|entry| Some(entry.from) == from).and_then(|entry| entry.until);
        let sentence = format!("{} (read by {readers})", difference.sentence);
        let change = Change::of(Subject::Table, None, &new.id, What::Changed, &sentence);
        out.push(change.dated(from, until).differing(difference));
    }
}
