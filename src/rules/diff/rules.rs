//! Rules that were added, removed, changed, or that took another's place.

use std::sync::Arc;

use super::super::lineage;
use super::super::model::Rule;
use super::super::pack::Pack;
use super::super::tell::{self, Line, dates};
use super::{Change, Subject, What};

/// Fields that say when and by whom, not what: their sentences carry no dates.
const UNDATED: &[&str] = &[
    "valid_from",
    "valid_until",
    "status",
    "title",
    "text",
    "citation",
    "confidence",
    "reviewed_by",
    "reviewed_on",
    "next_review_on",
];
/// Fields in which a rule differs from its predecessor anyhow.
const OF_ITS_OWN: &[&str] = &["valid_from", "valid_until", "status", "title", "text"];

pub(super) fn compare(old: &Pack, new: &Pack, out: &mut Vec<Change>) {
    for rule in &new.rules {
        match old.rules.iter().find(|one| one.id == rule.id) {
            Some(before) if Arc::ptr_eq(before, rule) => {}
            Some(before) => changed(before, rule, out),
            None => came(rule, old, new, out),
        }
    }
    for rule in old.rules.iter().filter(|rule| !new.rules.iter().any(|one| one.id == rule.id)) {
        let heir = new.rules.iter().find(|one| lineage::same(one, rule) && !old.rules.iter().any(|id| id.id == one.id));
        let sentence = match heir {
            Some(heir) => format!("removed, {} takes its place", heir.id),
            None => format!("removed: {}", rule.title),
        };
        out.push(about(rule, What::Removed, &sentence));
    }
}

fn about(rule: &Rule, what: What, sentence: &str) -> Change {
    Change::of(Subject::Rule, Some(rule.jurisdiction.as_str()), rule.id.as_str(), what, sentence)
        .dated(rule.valid_from, rule.valid_until)
}

fn when(rule: &Rule) -> Option<String> {
    dates(rule.valid_from, rule.valid_until, rule.version_by)
}

/// The sentence with the dates of the rule behind it, where it speaks of what holds.
fn dated(rule: &Rule, key: &str, sentence: &str) -> String {
    match when(rule) {
        Some(when) if !UNDATED.contains(&key) => format!("{sentence} {when}"),
        None if !UNDATED.contains(&key) => format!("{sentence} at all times"),
        _ => sentence.to_owned(),
    }
}

fn changed(old: &Rule, new: &Rule, out: &mut Vec<Change>) {
    for difference in tell::differences(&tell::rule(old), &tell::rule(new)) {
        let sentence = dated(new, &difference.key, &difference.sentence);
        out.push(about(new, What::Changed, &sentence).differing(difference));
    }
}

/// A rule that was not there: a predecessor's text kept under another id, a new version, or a new rule.
fn came(rule: &Rule, old: &Pack, new: &Pack, out: &mut Vec<Change>) {
    let related = || old.rules.iter().filter(|one| lineage::same(one, rule));
    if rule.valid_until.is_some()
        && let Some(same) =
            related().find(|one| says_the_same(one, rule) && new.rules.iter().any(|new| new.id == one.id))
    {
        let when = when(rule).unwrap_or_default();
        out.push(about(rule, What::Added, &format!("keeps what {} said before, {when}", same.id)));
        // Its limits and whom they concern are the same; what else is law may have moved with it.
        unlike((same, &format!("{} before", same.id)), rule, What::Changed, out, None);
        return;
    }
    // Of several older versions the latest.
    let before = related().max_by_key(|one| (one.valid_until.is_none(), one.valid_until));
    let Some(before) = before.filter(|one| follows(one, rule, new)) else {
        let phrases: Vec<String> = said(&tell::limits(&rule.limits));
        let when = when(rule).map_or(String::new(), |when| format!(", {when}"));
        let sentence = format!("new{when}: {} ({})", rule.title, phrases.join("; "));
        out.push(about(rule, What::Added, &sentence));
        return;
    };
    let mut first = about(rule, What::Replaces, &dated(rule, "", &format!("replaces {}", before.id)));
    first.replaces = Some(before.id.as_str().to_owned());
    out.push(first);
    let replaces = Some(before.id.as_str().to_owned());
    unlike((before, before.id.as_str()), rule, What::Replaces, out, replaces.as_deref());
}

/// In what a rule differs from one of another id, beside what is its own anyhow.
fn unlike((before, name): (&Rule, &str), rule: &Rule, what: What, out: &mut Vec<Change>, replaces: Option<&str>) {
    for difference in tell::differences(&tell::rule(before), &tell::rule(rule)) {
        if OF_ITS_OWN.contains(&difference.key.as_str()) {
            continue;
        }
        let sentence = dated(rule, &difference.key, &format!("unlike {name}, {}", difference.sentence));
        let mut change = about(rule, what, &sentence).differing(difference);
        change.replaces = replaces.map(str::to_owned);
        out.push(change);
    }
}

/// The new pack has no longer the older rule, or has it end before the newer one begins.
fn follows(before: &Rule, rule: &Rule, new: &Pack) -> bool {
    let kept = new.rules.iter().find(|one| one.id == before.id);
    kept.is_none_or(|kept| kept.valid_until.is_some() && kept.valid_until < rule.valid_from)
}

fn says_the_same(a: &Rule, b: &Rule) -> bool {
    a.limits == b.limits && a.scope == b.scope && a.exempt == b.exempt && a.effect == b.effect
}

fn said(lines: &[Line]) -> Vec<String> {
    lines.iter().filter_map(Line::whole).collect()
}
