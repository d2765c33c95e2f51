//! Notices of which the form is not recorded, where only some forms count: nobody is accused by them.

use serde_json::{Value, json};

use super::small::{Found, activity, fold, noon, rules, version};
use crate::domain::activity::Activity;

fn letter(number: usize, day: i64, form: Option<&str>) -> Activity {
    let mut detail = json!({ "kind": "contact", "channel": "letter", "outcome": "sent", "purpose": "demand" });
    if let Some(form) = form {
        detail["form"] = json!(form);
    }
    activity(number, noon(day), json!({}), detail)
}

fn found(limits: &str, letters: &[Activity], day: i64, detail: Value) -> Found {
    let mut history = letters.to_vec();
    history.push(activity(99, noon(day), json!({}), detail));
    fold(&rules(limits), &version(json!({}), json!({})), &history, noon(day + 1)).1
}

const PAPER: Option<&str> = Some("paper");

#[test]
fn a_step_after_a_demand_of_unknown_form_is_not_known_to_be_early() {
    let limits = |required: bool| {
        format!(
            "[rule.notice_period]\nafter = [\"demand\"]\nbefore = [\"legal_step\"]\nforms = [\"paper\"]\nrequired = {required}\n\
             term = {{ days = 8, count = \"clear_days\", from = \"sent\", roll = \"none\" }}"
        )
    };
    let said = |required: bool, letters: &[Activity], day| {
        let found = found(&limits(required), letters, day, json!({ "kind": "legal_step", "step": "lawsuit" }));
        (found.broken.len(), found.unknown.len())
    };
    // If it was spoken, it asks for no wait; if it was written, the step is early.
    assert_eq!(said(false, &[letter(1, 1, None)], 3), (0, 1));
    assert_eq!(said(false, &[letter(1, 1, PAPER)], 3), (1, 0));
    assert_eq!(said(false, &[letter(1, 1, None)], 10), (0, 0));
    // Where one is required the step is early or lacks it.
    assert_eq!(said(true, &[letter(1, 1, None)], 3), (1, 0));
    // Unless the one before, whose wait is over, is the last that counts.
    assert_eq!(said(true, &[letter(1, 1, PAPER), letter(2, 15, None)], 17), (0, 1));
    assert_eq!(said(true, &[letter(1, 1, PAPER), letter(2, 15, PAPER)], 17), (1, 0));
    assert_eq!(said(true, &[letter(1, 14, PAPER), letter(2, 15, None)], 17), (1, 0));
}

#[test]
fn a_report_after_notices_of_unknown_form_is_not_known_to_lack_them() {
    let limits = "[rule.credit_reporting]\nnotices = [\"demand\"]\nforms = [\"paper\"]\n\
                  wait = { days = 28, count = \"clear_days\", from = \"sent\", roll = \"none\" }\n\
                  max_age = { days = 60, count = \"clear_days\", from = \"sent\", roll = \"none\" }";
    let said = |letters: &[Activity], day| {
        let report = json!({ "kind": "credit_report", "report": "furnish", "amount": { "m": 10_000, "c": "EUR" } });
        let found = found(limits, letters, day, report);
        (found.broken.len(), found.unknown.len())
    };
    assert_eq!(said(&[letter(1, 1, PAPER)], 40), (0, 0));
    // The wait began earlier if the one before counts, and the last notice is newer if the one behind does.
    assert_eq!(said(&[letter(1, 1, None), letter(2, 30, PAPER)], 40), (0, 1));
    assert_eq!(said(&[letter(1, 1, PAPER), letter(2, 50, None)], 80), (0, 1));
    assert_eq!(said(&[letter(1, 29, None), letter(2, 30, PAPER)], 40), (1, 0));
    assert_eq!(said(&[letter(1, 1, PAPER), letter(2, 5, None)], 80), (1, 0));
}

#[test]
fn a_notice_of_unknown_form_that_is_required_without_a_term_is_not_known_to_be_there() {
    let limits =
        "[rule.notice_period]\nafter = [\"demand\"]\nbefore = [\"legal_step\"]\nforms = [\"paper\"]\nrequired = true";
    let said = |letters: &[Activity]| {
        let found = found(limits, letters, 20, json!({ "kind": "legal_step", "step": "lawsuit" }));
        (found.broken.len(), found.unknown.len())
    };
    assert_eq!(said(&[letter(1, 1, None)]), (0, 1));
    assert_eq!(said(&[letter(1, 1, PAPER), letter(2, 2, None)]), (0, 0));
    assert_eq!(said(&[]), (1, 0));
}
