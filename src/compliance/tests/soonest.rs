//! From when on a rule alone would allow what it forbids now: an instant at which it does.

use serde_json::{Value, json};

use super::small::{activity, ask, fold, noon, rules, version};
use crate::compliance::Speaking;
use crate::domain::activity::Activity;
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::verdict::Answer;

const TERM: &str = "count = \"clear_days\", from = \"sent\", roll = \"none\"";

/// Midnight at which a day after Monday 2026-01-05 begins.
fn midnight(day: i64) -> Option<Timestamp> {
    Some(noon(day).plus(-12 * 3_600 * SECOND))
}

fn demand(number: usize, day: i64, more: Value) -> Activity {
    let detail = json!({ "kind": "contact", "channel": "letter", "purpose": "demand", "outcome": "sent" });
    super::small::with(number, day, detail, more)
}

/// What a rule says of a step, which it must find too early.
fn early(limits: &str, history: &[Activity], case: Value, step: Value, day: i64) -> Speaking {
    let (law, version) = (rules(limits), version(case, json!({})));
    let (watch, _) = fold(&law, &version, history, noon(0));
    let said = ask(&law, &version, &watch, &activity(99, noon(day), json!({}), step)).unwrap();
    assert_eq!(said.answer, Answer::Broken, "{said:?}");
    said
}

#[test]
fn a_notice_that_is_too_old_by_then_allows_nothing() {
    let lawsuit = || json!({ "kind": "legal_step", "step": "lawsuit" });
    let limits = |more: &str| {
        format!(
            "[rule.notice_period]\nafter = [\"demand\"]\nbefore = [\"legal_step\"]\nrespect_deadline = true\n\
             required = true\n{more}"
        )
    };
    let aged = limits(&format!("max_age = {{ days = 10, {TERM} }}"));
    let from = |limits: &str, history: &[Activity], day| early(limits, history, json!({}), lawsuit(), day).allowed_from;
    let with_deadline = |number, on: &str, more: Value| {
        let mut more = more;
        more["deadline"] = on.into();
        demand(number, 0, more)
    };
    assert_eq!(from(&aged, &[with_deadline(1, "2026-01-11", json!({}))], 3), midnight(7));
    assert_eq!(from(&aged, &[with_deadline(1, "2026-01-20", json!({}))], 3), None);
    // Whether the notice counts is not known then either.
    let paper = limits("forms = [\"paper\"]");
    assert_eq!(from(&paper, &[with_deadline(1, "2026-01-11", json!({}))], 3), None);
    assert_eq!(from(&paper, &[with_deadline(1, "2026-01-11", json!({ "form": "paper" }))], 3), midnight(7));
}

#[test]
fn a_report_that_lacks_more_than_time_is_not_allowed_later() {
    let report = || json!({ "kind": "credit_report", "report": "furnish" });
    let due = json!({ "claims": [{ "id": "c1", "principal": 10_000, "due_original": "2026-01-01" }] });
    let from = |limits: &str, history: &[Activity]| {
        let limits = format!("[rule.credit_reporting]\noverdue = {{ days = 30, {TERM} }}\n{limits}");
        early(&limits, history, due.clone(), report(), 3).allowed_from
    };
    assert_eq!(from("", &[]), midnight(27));
    assert_eq!(from("announced = [\"demand\"]", &[]), None);
    assert_eq!(from("announced = [\"demand\"]", &[demand(1, 0, json!({}))]), midnight(27));
    let wait = format!("notices = [\"demand\"]\nwait = {{ days = 40, {TERM} }}");
    assert_eq!(from(&wait, &[]), None);
    assert_eq!(from(&wait, &[demand(1, 0, json!({}))]), midnight(41));
    let aged = format!("{wait}\nmax_age = {{ days = 35, {TERM} }}");
    assert_eq!(from(&aged, &[demand(1, 0, json!({}))]), None);
    let bare = format!("{wait}\nannounced = [\"reminder\"]");
    assert_eq!(from(&bare, &[demand(1, 0, json!({}))]), None);
}
