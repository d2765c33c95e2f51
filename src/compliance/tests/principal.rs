//! Bounds by the principal: of a case whose claims nobody stated, and of one in another currency.

use serde_json::{Value, json};

use super::small::{activity, ask, fold, noon, rules, version};
use crate::compliance::{Note, Speaking};
use crate::domain::activity::Activity;
use crate::domain::verdict::Answer;
use crate::rules::words::Attribute;

fn charge(number: usize, day: i64, cents: i64) -> Activity {
    let detail = json!({ "kind": "charge", "step": "reminder", "amount": { "m": cents, "c": "EUR" } });
    activity(number, noon(day), json!({}), detail)
}

fn unknown(said: Option<Speaking>, attribute: Attribute) -> bool {
    said.is_some_and(|said| said.answer == Answer::Unknown && said.note == Note::Missing(attribute))
}

/// A case of which no claim is stated has an unknown principal, not one of nothing.
#[test]
fn a_principal_that_nobody_stated_is_not_nothing() {
    let version = version(json!({ "claims": [] }), json!({}));
    let asked = |limits: &str, what: Activity| {
        let law = rules(limits);
        let (watch, _) = fold(&law, &version, &[], noon(0));
        ask(&law, &version, &watch, &what)
    };
    let share = "[rule.fee_cap]\nsteps = [\"reminder\"]\nbound = \"ceiling\"\npercent = \"15\"\nper = \"case\"";
    assert!(unknown(asked(share, charge(1, 1, 500)), Attribute::Principal));
    let flat = "[rule.fee_cap]\nsteps = [\"reminder\"]\nbound = \"ceiling\"\namount = \"5.00\"\nper = \"case\"";
    assert_eq!(asked(flat, charge(1, 1, 500)).map(|said| said.answer), Some(Answer::Kept));
    let interest = json!({ "kind": "interest", "amount": { "m": 5, "c": "EUR" }, "from": "2026-01-01", "to": "2026-01-02",
                           "base": 10_000 });
    for most in ["principal", "overdue"] {
        let limits = format!("[rule.interest_cap]\nbound = \"ceiling\"\nbase_at_most = \"{most}\"");
        let law = rules(&limits);
        let (_, found) = fold(&law, &version, &[activity(1, noon(1), json!({}), interest.clone())], noon(2));
        assert_eq!((found.broken.len(), found.unknown.len()), (0, 1), "{most}");
    }
}

/// Bounds in the pack's currency say nothing of a case in another one.
#[test]
fn bounds_in_another_currency_leave_it_open() {
    let dollars = |minor: i64| json!({ "m": minor, "c": "USD" });
    let version = version(json!({ "currency": "USD" }), json!({}));
    let folded = |limits: &str, detail: Value| {
        let (_, found) = fold(&rules(limits), &version, &[activity(1, noon(1), json!({}), detail)], noon(2));
        (found.broken.len(), found.unknown.len())
    };
    let tiers = "[rule.interest_cap]\nbound = \"ceiling\"\ntiers = [{ up_to = \"150.00\", percent = \"20\" }, { percent = \"15\" }]";
    let interest = json!({ "kind": "interest", "amount": dollars(1), "from": "2026-01-01", "to": "2026-01-02", "rate_ppm": 180_000 });
    assert_eq!(folded(tiers, interest), (0, 1));
    let least = "[rule.credit_reporting]\nmin_debt = \"50.00\"";
    let report = json!({ "kind": "credit_report", "report": "furnish", "amount": dollars(7_000) });
    assert_eq!(folded(least, report), (0, 1));
}
