//! Versions of a rule that follow each other: from the last day of one to the first of the next nothing is left out and
//! nothing said twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::lineage::lineage;
use super::super::model::{Kind, Rule};
use super::super::pack::Pack;
use super::super::tell::day;
use super::judged;
use super::meet::{self, Days};
use crate::domain::diagnostic::Diagnostic;

pub(super) fn check(pack: &Pack, found: &mut Vec<Diagnostic>) {
    let mut versions: BTreeMap<(Kind, String), Vec<&Arc<Rule>>> = BTreeMap::new();
    for rule in judged(pack) {
        versions.entry((rule.limits.kind(), lineage(rule.id.as_str()))).or_default().push(rule);
    }
    for rules in versions.values_mut() {
        // From ever comes first, as `None` sorts before every date.
        rules.sort_by_key(|rule| (rule.valid_from, rule.valid_until.is_none(), rule.valid_until));
        for pair in rules.windows(2) {
            if let [older, newer] = pair {
                compare(older, newer, found);
            }
        }
    }
}

fn compare(older: &Rule, newer: &Rule, found: &mut Vec<Diagnostic>) {
    // Versions for different cases stand side by side; that an id is used twice is told elsewhere.
    if older.id == newer.id || meet::scopes(&older.scope, &newer.scope).is_none() {
        return;
    }
    let remedy = "let each version end (valid_until) the day before the next begins (valid_from), or give a rule that is \
                  no version of the other an id that differs in more than \"old\" or a year";
    let (a, b) = (&older.id, &newer.id);
    if older.version_by != newer.version_by {
        let message =
            format!("rule {b} follows {a}, yet {} picks the one and {} the other", newer.version_by, older.version_by);
        found.push(newer.position.wrong(message, "write the same version_by in all versions of a rule"));
        return;
    }
    if let Some(both) = Days::of(older).meet(Days::of(newer)) {
        let begins = both.from.map_or("whenever".to_owned(), day);
        let ends = both.until.map_or("further notice".to_owned(), day);
        let covered = [(older, newer), (newer, older)].into_iter().find(|(rule, _)| Days::of(rule) == both);
        let message = match covered {
            Some((rule, other)) => format!(
                "rule {} is superseded completely: {} is in force on all its days, from {begins} until {ends}",
                rule.id, other.id
            ),
            None => {
                format!("rules {a} and {b} are versions of one rule, and both are in force from {begins} until {ends}")
            }
        };
        found.push(newer.position.wrong(message, remedy));
        return;
    }
    let (Some(last), Some(first)) = (older.valid_until, newer.valid_from) else { return };
    if last.succ_opt().is_some_and(|next| next < first) {
        let message = format!("rule {b} follows {a}, and neither is in force between {} and {}", day(last), day(first));
        found.push(newer.position.wrong(message, remedy));
    }
}
