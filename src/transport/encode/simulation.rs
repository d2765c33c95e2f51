//! What a simulation tells.

use super::{compliance, finding};
use crate::domain::diagnostic::{Diagnostic, Diagnostics};
use crate::domain::finding::Severity;
use crate::ingest::IngestError;
use crate::proto::v1;
use crate::proto::v1::simulate_rules_response::Event;
use crate::query::simulate::{BySeverity, Change, RuleChange, Sample, SimulationEvent, Totals};
use crate::wire::encode::scalar::revision;
use crate::wire::words::Word;

/// Most mistakes of a candidate that one message holds.
const MAX_DIAGNOSTICS: usize = 2_000;

/// An event as a message.
///
/// # Errors
/// The simulation broke off.
pub fn event(event: SimulationEvent) -> Result<v1::SimulateRulesResponse, IngestError> {
    let event = match event {
        SimulationEvent::Started { cases, revision: at, in_force, candidate, examples, failed } => {
            Event::Started(v1::SimulationStarted {
                case_count: count(cases),
                revision: revision(at),
                rules_digest: in_force,
                candidate_digest: candidate,
                example_count: count(examples),
                failed_examples: told(failed),
            })
        }
        SimulationEvent::Refused(diagnostics) => Event::Refused(refused(diagnostics)),
        SimulationEvent::Progress { cases, activities } => {
            Event::Progress(v1::SimulationProgress { case_count: count(cases), activity_count: count(activities) })
        }
        SimulationEvent::Rule(change) => Event::Rule(rule(*change)),
        SimulationEvent::Finished(Totals { cases, activities, before, after }) => {
            Event::Finished(v1::SimulationTotals {
                case_count: count(cases),
                activity_count: count(activities),
                finding_count_before: count(before),
                finding_count_after: count(after),
            })
        }
        SimulationEvent::Failed(error) => return Err(error),
    };
    Ok(v1::SimulateRulesResponse { event: Some(event) })
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn refused(diagnostics: Diagnostics) -> v1::CandidateRefused {
    v1::CandidateRefused { diagnostics: told(diagnostics.0) }
}

fn told(diagnostics: Vec<Diagnostic>) -> Vec<v1::FileDiagnostic> {
    let all = diagnostics.len();
    let mut told: Vec<v1::FileDiagnostic> = diagnostics.into_iter().take(MAX_DIAGNOSTICS).map(diagnostic).collect();
    if all > MAX_DIAGNOSTICS {
        told.push(v1::FileDiagnostic {
            message: format!("{} further mistakes are not told", all - MAX_DIAGNOSTICS),
            remedy: "correct those above first".to_owned(),
            ..v1::FileDiagnostic::default()
        });
    }
    told
}

fn diagnostic(diagnostic: Diagnostic) -> v1::FileDiagnostic {
    let small = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    v1::FileDiagnostic {
        path: diagnostic.file,
        line: small(diagnostic.line),
        column: small(diagnostic.column),
        message: diagnostic.message,
        remedy: diagnostic.remedy,
    }
}

fn rule(change: RuleChange) -> v1::RuleChange {
    let missing = change.missing.into_iter();
    v1::RuleChange {
        rule_id: change.rule,
        before: change.before.map(compliance::rule),
        after: change.after.map(compliance::rule),
        finding_count_before: count(change.found_before),
        finding_count_after: count(change.found_after),
        opened: severities(change.opened),
        gone: severities(change.gone),
        changed_count: count(change.changed),
        missing: missing
            .map(|(name, lacking)| v1::LackingInput {
                name: name.to_owned(),
                count_before: count(lacking.before),
                count_after: count(lacking.after),
            })
            .collect(),
        samples: change.samples.iter().map(sample).collect(),
    }
}

fn severities(counts: BySeverity) -> Vec<v1::SeverityCount> {
    let some = Severity::ALL.iter().zip(counts).filter(|(_, count)| *count > 0);
    some.map(|(severity, number)| v1::SeverityCount { severity: severity.number(), count: count(number) }).collect()
}

fn sample(sample: &Sample) -> v1::ChangedFinding {
    let change = match sample.change {
        Change::Opened => v1::FindingDifference::Opened,
        Change::Gone => v1::FindingDifference::Gone,
        Change::Changed => v1::FindingDifference::Changed,
    };
    v1::ChangedFinding {
        change: change.into(),
        before: sample.before.as_ref().map(finding::derived),
        after: sample.after.as_ref().map(finding::derived),
    }
}
