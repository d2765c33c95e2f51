//! Packs that were added, removed or changed.

use std::sync::Arc;

use super::super::compile::Packs;
use super::super::cover::Clause;
use super::super::pack::Pack;
use super::super::tell::{self, Line};
use super::{Change, Subject, What, rules};

pub(super) fn compare(old: &Packs, new: &Packs, out: &mut Vec<Change>) {
    for pack in new.iter() {
        match old.get(pack.id.as_str()) {
            Some(before) if Arc::ptr_eq(before, pack) => {}
            Some(before) => changed(before, pack, out),
            None => whole(pack, What::Added, out),
        }
    }
    for pack in old.iter().filter(|pack| new.get(pack.id.as_str()).is_none()) {
        whole(pack, What::Removed, out);
    }
}

/// A pack that is only on one side: its rules are counted, their titles told.
fn whole(pack: &Pack, what: What, out: &mut Vec<Change>) {
    let titles: Vec<&str> = pack.rules.iter().map(|rule| rule.title.as_str()).collect();
    let sentence = match what {
        What::Removed => format!("removed: {}, {} rules", pack.name, titles.len()),
        _ => format!("new: {}, {} rules: {}", pack.name, titles.len(), titles.join("; ")),
    };
    out.push(Change::of(Subject::Pack, Some(pack.id.as_str()), pack.id.as_str(), what, &sentence));
}

pub(super) fn changed(old: &Pack, new: &Pack, out: &mut Vec<Change>) {
    let id = new.id.as_str();
    let lines = |pack: &Pack| {
        let mut lines = tell::pack(pack);
        lines.extend(tell::calendar(pack.calendar.as_deref()));
        lines
    };
    for difference in tell::differences(&lines(old), &lines(new)) {
        let sentence = difference.sentence.clone();
        out.push(Change::of(Subject::Pack, Some(id), id, What::Changed, &sentence).differing(difference));
    }
    if old.calendar.is_some() != new.calendar.is_some() {
        let now = if new.calendar.is_some() { "a calendar of its own" } else { "the calendar of the pack above" };
        out.push(Change::of(Subject::Pack, Some(id), id, What::Changed, &format!("now {now}")));
    }
    scopes(id, old.scope.as_deref().unwrap_or(&[]), new.scope.as_deref().unwrap_or(&[]), out);
    rules::compare(old, new, out);
    not_encoded(old, new, out);
}

fn scopes(pack: &str, old: &[Clause], new: &[Clause], out: &mut Vec<Change>) {
    let about = |clause: &Clause, what, sentence: &str| {
        Change::of(Subject::Scope, Some(pack), &clause.id, what, sentence).dated(clause.valid_from, clause.valid_until)
    };
    for clause in new {
        match old.iter().find(|one| one.id == clause.id) {
            Some(before) => {
                for difference in tell::differences(&tell::clause(before), &tell::clause(clause)) {
                    let when = tell::dates(clause.valid_from, clause.valid_until, clause.version_by);
                    let sentence = match when {
                        Some(when) => format!("{} {when}", difference.sentence),
                        None => difference.sentence.clone(),
                    };
                    out.push(about(clause, What::Changed, &sentence).differing(difference));
                }
            }
            None => {
                let said: Vec<String> = tell::clause(clause).iter().filter_map(Line::whole).collect();
                out.push(about(clause, What::Added, &format!("the pack now also covers: {}", said.join("; "))));
            }
        }
    }
    for clause in old.iter().filter(|clause| !new.iter().any(|one| one.id == clause.id)) {
        let sentence = if new.is_empty() {
            "removed: the pack now covers every case"
        } else {
            "removed: the pack no longer covers"
        };
        out.push(about(clause, What::Removed, &format!("{sentence} ({})", clause.text)));
    }
}

fn not_encoded(old: &Pack, new: &Pack, out: &mut Vec<Change>) {
    let id = new.id.as_str();
    let about = |row: &str, what, sentence: &str| Change::of(Subject::NotEncoded, Some(id), row, what, sentence);
    for row in &new.not_encoded {
        match old.not_encoded.iter().find(|one| one.id == row.id) {
            Some(before) if before.told() == row.told() => {}
            Some(before) => {
                let line = |told: &str| [Line::text("reason", "the row", told)];
                for difference in tell::differences(&line(&before.told()), &line(&row.told())) {
                    let sentence = difference.sentence.clone();
                    out.push(about(&row.id, What::Changed, &sentence).differing(difference));
                }
            }
            None => out.push(about(&row.id, What::Added, &format!("now listed as {}", row.told()))),
        }
    }
    for row in old.not_encoded.iter().filter(|row| !new.not_encoded.iter().any(|one| one.id == row.id)) {
        let encoded = new.rules.iter().any(|rule| rule.id.as_str() == row.id);
        let sentence = if encoded { "was not encoded and is a rule now" } else { "no longer listed as not encoded" };
        out.push(about(&row.id, What::Removed, sentence));
    }
}
