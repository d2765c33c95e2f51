//! The difference of two derivations, rule by rule: counts and a few samples, whatever the size of the history.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::domain::finding::{Finding, Severity};
use crate::domain::ids::{FindingId, RuleId};
use crate::domain::time::Timestamp;
use crate::ingest::derive::Effects;
use crate::rules::words::Attribute;
use crate::rules::{RuleInfo, RuleSet};

/// A stretch of time, half open; an absent end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this one.
    pub to: Option<Timestamp>,
}

impl Span {
    fn holds(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// What becomes of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Only the candidate finds it.
    Opened,
    /// Only the rules in force find it.
    Gone,
    /// Both find it, with another severity, observation or evidence.
    Changed,
}

/// A finding that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What becomes of it.
    pub change: Change,
    /// As the rules in force find it.
    pub before: Option<Finding>,
    /// As the candidate finds it.
    pub after: Option<Finding>,
}

/// Findings by severity, in the order of the severities.
pub type BySeverity = [u64; Severity::ALL.len()];

/// Tests of one rule that lack an input: under the rules in force, and under the candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lacking {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

/// What changes of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleChange {
    /// The rule.
    pub rule: String,
    /// What is told of it by the rules in force.
    pub before: Option<RuleInfo>,
    /// What is told of it by the candidate.
    pub after: Option<RuleInfo>,
    /// Findings under the rules in force.
    pub found_before: u64,
    /// Findings under the candidate.
    pub found_after: u64,
    /// Findings that only the candidate has.
    pub opened: BySeverity,
    /// Findings that the candidate no longer has.
    pub gone: BySeverity,
    /// Findings that both have and that differ.
    pub changed: u64,
    /// Inputs that were missing to test it.
    pub missing: BTreeMap<&'static str, Lacking>,
    /// Some of the findings, in the order of the cases.
    pub samples: Vec<Sample>,
}

impl RuleChange {
    fn is_change(&self) -> bool {
        let some = |counts: &BySeverity| counts.iter().any(|count| *count > 0);
        some(&self.opened)
            || some(&self.gone)
            || self.changed > 0
            || self.missing.values().any(|one| one.before != one.after)
    }

    fn sample(&mut self, most: usize, change: Change, before: Option<Finding>, after: Option<Finding>) {
        if self.samples.iter().filter(|sample| sample.change == change).count() < most {
            self.samples.push(Sample { change, before, after });
        }
    }
}

/// What was replayed and found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Cases.
    pub cases: u64,
    /// Activities.
    pub activities: u64,
    /// Findings under the rules in force.
    pub before: u64,
    /// Findings under the candidate.
    pub after: u64,
}

/// A comparison in the making.
#[derive(Debug)]
pub(super) struct Report {
    span: Span,
    /// The rules that are compared; all if absent.
    only: Option<HashSet<RuleId>>,
    samples: usize,
    totals: Totals,
    rules: BTreeMap<RuleId, RuleChange>,
}

impl Report {
    pub(super) fn new(span: Span, only: Option<HashSet<RuleId>>, samples: usize) -> Self {
        Self { span, only, samples, totals: Totals::default(), rules: BTreeMap::new() }
    }

    pub(super) fn read(&mut self, cases: usize, activities: usize) {
        self.totals.cases += cases as u64;
        self.totals.activities += activities as u64;
    }

    pub(super) const fn cases(&self) -> u64 {
        self.totals.cases
    }

    pub(super) const fn activities(&self) -> u64 {
        self.totals.activities
    }

    pub(super) const fn totals(&self) -> Totals {
        self.totals
    }

    fn of(&mut self, rule: &RuleId) -> &mut RuleChange {
        // Most findings are of rules that are there already.
        if !self.rules.contains_key(rule) {
            let change = RuleChange { rule: rule.to_string(), ..RuleChange::default() };
            self.rules.insert(rule.clone(), change);
        }
        self.rules.entry(rule.clone()).or_default()
    }

    /// Compares what one case gives under both.
    pub(super) fn compare(&mut self, before: Effects, after: Effects) {
        let (mut old, new) = (self.standing(before.findings), self.standing(after.findings));
        let most = self.samples;
        self.totals.before += old.len() as u64;
        self.totals.after += new.len() as u64;
        for finding in old.values() {
            self.of(&finding.rule).found_before += 1;
        }
        for (id, mut after) in new {
            let before = old.remove(&id);
            let change = self.of(&after.rule);
            change.found_after += 1;
            match before {
                None => {
                    count(&mut change.opened, after.severity);
                    change.sample(most, Change::Opened, None, Some(after));
                }
                Some(mut before) => {
                    if differs(&mut before, &mut after) {
                        change.changed += 1;
                        change.sample(most, Change::Changed, Some(before), Some(after));
                    }
                }
            }
        }
        for before in old.into_values() {
            let change = self.of(&before.rule);
            count(&mut change.gone, before.severity);
            change.sample(most, Change::Gone, Some(before), None);
        }
        self.lacking(before.unknown, |lacking| &mut lacking.before);
        self.lacking(after.unknown, |lacking| &mut lacking.after);
    }

    fn standing(&self, mut findings: BTreeMap<FindingId, Finding>) -> BTreeMap<FindingId, Finding> {
        findings.retain(|_, finding| self.span.holds(finding.at) && self.compares(&finding.rule));
        findings
    }

    fn compares(&self, rule: &RuleId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(rule))
    }

    fn lacking(&mut self, unknown: Vec<(RuleId, Attribute, Timestamp)>, side: impl Fn(&mut Lacking) -> &mut u64) {
        for (rule, attribute, at) in unknown {
            if self.span.holds(at) && self.compares(&rule) {
                *side(self.of(&rule).missing.entry(attribute.as_str()).or_default()) += 1;
            }
        }
    }

    /// Every rule that changes anything, and every rule that is not the same in both sets, by id.
    pub(super) fn into_changes(mut self, in_force: &RuleSet, candidate: &RuleSet) -> Vec<RuleChange> {
        let ids = |rules: &RuleSet| -> BTreeSet<RuleId> { rules.ids().cloned().collect() };
        let (old, new) = (ids(in_force), ids(candidate));
        let edited = |id: &RuleId| in_force.edited(candidate, id);
        for id in old.union(&new).filter(|id| edited(id)) {
            self.of(id);
        }
        let rules = std::mem::take(&mut self.rules);
        let told = rules.into_iter().filter(|(id, change)| change.is_change() || edited(id));
        told.map(|(_, change)| RuleChange {
            before: in_force.rule(&change.rule),
            after: candidate.rule(&change.rule),
            ..change
        })
        .collect()
    }
}

fn count(counts: &mut BySeverity, severity: Severity) {
    if let Some(slot) = counts.get_mut(severity as usize) {
        *slot += 1;
    }
}

/// Another finding in more than the pack that it names.
fn differs(before: &mut Finding, after: &mut Finding) -> bool {
    let unnamed = |finding: &mut Finding| [&mut finding.pack_digest, &mut finding.pack_version].map(std::mem::take);
    let packs = [unnamed(before), unnamed(after)];
    let differs = before != after;
    for (finding, [digest, version]) in [before, after].into_iter().zip(packs) {
        (finding.pack_digest, finding.pack_version) = (digest, version);
    }
    differs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_half_open() {
        let span = Span { from: Some(Timestamp(5)), to: Some(Timestamp(7)) };
        assert_eq!([4, 5, 6, 7].map(|at| span.holds(Timestamp(at))), [false, true, true, false]);
        assert!(Span::default().holds(Timestamp(i64::MIN)));
    }
}
