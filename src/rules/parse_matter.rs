//! The limits of the kinds that concern what must be dealt with first: disputes and documents.

use super::conduct::{DisputeHandling, DocumentsHeld};
use super::parse_conduct::words;
use super::parse_limits::{past_steps, steps, term};
use super::reader::Reader;
use super::step::{Stage, Step};
use super::words::Set;
use crate::domain::party::Condition;

/// Reads how disputes are handled.
pub fn dispute_handling(table: &mut Reader<'_, '_>) -> DisputeHandling {
    let mut opened = past_steps(table, "opened_by", false);
    if opened.is_empty() {
        opened.push(Step::Dispute);
    }
    let mut conditions = Set::default();
    opened.retain(|step| match step {
        Step::Dispute => {
            conditions.insert(Condition::Disputed);
            false
        }
        Step::Condition(condition) => {
            conditions.insert(*condition);
            false
        }
        _ => true,
    });
    let only_within = term(table, "only_within");
    let only_within_after = past_steps(table, "only_within_after", only_within.is_some());
    if only_within.is_none() && !only_within_after.is_empty() {
        table.missing("only_within", "{ days = 30, count = ..., from = \"received\", roll = ... }");
    }
    let stops = steps(table, "stops", false);
    let (until, resume) = (past_steps(table, "until", false), term(table, "resume"));
    if stops.is_empty() && (!until.is_empty() || resume.is_some()) {
        table.missing("stops", "[\"demand\", ...], what rests until then");
    }
    let mut answer = past_steps(table, "answer", false);
    let answer_within = term(table, "answer_within");
    let answer_if_before = past_steps(table, "answer_if_before", false);
    if answer_within.is_none() && (!answer.is_empty() || !answer_if_before.is_empty()) {
        table.missing("answer_within", "{ days = 30, count = ..., from = ..., roll = ... }");
    }
    if answer.is_empty() {
        answer = vec![Step::DisputeStage(Stage::Resolved), Step::VerificationSent];
    }
    if stops.is_empty() && answer_within.is_none() {
        table.missing("stops", "[\"demand\", ...], or answer_within");
    }
    DisputeHandling {
        conditions,
        opened_by: opened,
        written_only: table.boolean("written_only").unwrap_or(false),
        grounded_only: table.boolean("grounded_only").unwrap_or(false),
        only_within,
        only_within_after,
        stops,
        until,
        resume,
        answer,
        answer_within,
        answer_if_before,
    }
}

/// Reads which documents are held.
pub fn documents_held(table: &mut Reader<'_, '_>) -> DocumentsHeld {
    if !table.has("documents") {
        table.missing("documents", "[\"contract\", ...]");
    }
    let documents = words(table, "documents");
    let before = steps(table, "before", false);
    let (within, stops) = (term(table, "within"), steps(table, "stops", false));
    let answered = within.is_some() || !stops.is_empty();
    let request = past_steps(table, "request", answered);
    if !answered && !request.is_empty() {
        table.missing("within", "{ days = 30, count = ..., from = ..., roll = ... }, or stops");
    }
    if before.is_empty() && request.is_empty() {
        table.missing("before", "[\"contact\", ...], or request with within or stops");
    }
    DocumentsHeld { documents, before, request, within, stops }
}
