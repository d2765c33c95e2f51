//! Disputes, documents, credit reports and licences in words.

use super::super::model::{CreditReporting, DisputeHandling, DocumentsHeld, Licence, WaitFrom};
use super::line::Line;
use super::words::{amount_of, many, set, steps, term, texts, word, words};

const NOTHING: &str = "nothing";

pub(super) fn dispute_handling(limits: &DisputeHandling) -> Vec<Line> {
    let DisputeHandling {
        conditions,
        opened_by,
        written_only,
        grounded_only,
        only_within,
        only_within_after,
        stops,
        until,
        resume,
        answer,
        answer_within,
        answer_if_before,
    } = limits;
    vec![
        set("dispute_handling.conditions", "conditions that open it", *conditions, "none"),
        steps("dispute_handling.opened_by", "steps that open it", opened_by, "none"),
        Line::flag("dispute_handling.written_only", *written_only, "only what was stated in writing"),
        Line::flag("dispute_handling.grounded_only", *grounded_only, "only what states grounds"),
        term("dispute_handling.only_within", "only what was stated within", only_within.as_ref()),
        steps("dispute_handling.only_within_after", "after which that runs", only_within_after, NOTHING),
        steps("dispute_handling.stops", "what rests meanwhile", stops, NOTHING),
        steps("dispute_handling.until", "ended also by", until, NOTHING),
        term("dispute_handling.resume", "resting goes on after its end for", resume.as_ref()),
        steps("dispute_handling.answer", "answered by any of", answer, NOTHING),
        term("dispute_handling.answer_within", "answered within", answer_within.as_ref()),
        steps("dispute_handling.answer_if_before", "an answer is due only after", answer_if_before, "anything"),
    ]
}

pub(super) fn documents_held(limits: &DocumentsHeld) -> Vec<Line> {
    let DocumentsHeld { documents, before, request, within, stops } = limits;
    vec![
        words("documents_held.documents", "documents", documents, "none"),
        steps("documents_held.before", "held before", before, NOTHING),
        steps("documents_held.request", "asked for by", request, NOTHING),
        term("documents_held.within", "produced after a request within", within.as_ref()),
        steps("documents_held.stops", "what rests until they are produced", stops, NOTHING),
    ]
}

pub(super) fn credit_reporting(limits: &CreditReporting) -> Vec<Line> {
    let CreditReporting {
        never,
        notices,
        min_notices,
        forms,
        after_due,
        spacing,
        wait,
        wait_from,
        max_age,
        announced,
        or_spoken,
        instead,
        requires,
        requires_wait,
        overdue,
        min_debt,
        currency,
        block_if,
        mark_disputed,
        max_reports,
        erase,
        erase_from,
        erase_delay_days,
        erase_paid,
        no_figure,
    } = limits;
    let wait_of = match wait_from {
        WaitFrom::First => "from the first notice",
        WaitFrom::Last => "from the last notice",
    };
    vec![
        Line::flag("credit_reporting.never", *never, "no report at all"),
        steps("credit_reporting.notices", "notices before a report, any of", notices, "none"),
        Line::phrase("credit_reporting.min_notices", "notices", format!("at least {min_notices}")),
        set("credit_reporting.forms", "form of the notices", *forms, "any form"),
        Line::flag("credit_reporting.after_due", *after_due, "notices count from the due date on"),
        term("credit_reporting.spacing", "from the first notice to the last at least", spacing.as_ref()),
        term("credit_reporting.wait", "a report is lawful after", wait.as_ref()),
        Line::phrase("credit_reporting.wait_from", "that runs", wait_of),
        term("credit_reporting.max_age", "the last notice is no older than", max_age.as_ref()),
        steps("credit_reporting.announced", "announced by any of", announced, NOTHING),
        Line::flag("credit_reporting.or_spoken", *or_spoken, "a conversation does instead of the notice"),
        steps("credit_reporting.instead", "instead of notices and wait", instead, NOTHING),
        steps("credit_reporting.requires", "only after any of", requires, "anything"),
        term("credit_reporting.requires_wait", "which lies back", requires_wait.as_ref()),
        term("credit_reporting.overdue", "overdue for", overdue.as_ref()),
        Line::optional("credit_reporting.min_debt", "least debt", min_debt.map(|least| amount_of(least, *currency))),
        set("credit_reporting.block_if", "not while the person is", *block_if, "in any condition"),
        Line::flag("credit_reporting.mark_disputed", *mark_disputed, "a disputed debt only with the mark"),
        Line::optional(
            "credit_reporting.max_reports",
            "reports of a case",
            max_reports.map(|most| format!("at most {most}")),
        ),
        term("credit_reporting.erase", "a report stands no longer than", erase.as_ref()),
        word("credit_reporting.erase_from", "that runs from", *erase_from),
        Line::optional(
            "credit_reporting.erase_delay_days",
            "and begins later by",
            (*erase_delay_days > 0).then(|| many(i64::from(*erase_delay_days), "days")),
        ),
        term("credit_reporting.erase_paid", "withdrawn after payment within", erase_paid.as_ref()),
        Line::flag("credit_reporting.no_figure", *no_figure, "no figure is stated"),
    ]
}

pub(super) fn licence(limits: &Licence) -> Vec<Line> {
    let Licence { licence, forbids, accepts, anywhere, longest_years } = limits;
    vec![
        Line::phrase("licence.licence", "licence", licence.as_deref().unwrap_or("any of the jurisdiction")),
        steps("licence.forbids", "forbidden without it", forbids, NOTHING),
        texts("licence.accepts", "licences that serve too, of", accepts, "no other jurisdiction"),
        Line::flag("licence.anywhere", *anywhere, "a licence of any jurisdiction serves"),
        Line::optional(
            "licence.longest_years",
            "a licence holds no longer than",
            longest_years.map(|years| many(i64::from(years), "years")),
        ),
    ]
}
