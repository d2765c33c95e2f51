//! Which cases a rule concerns by how long they are due and how much is owed, against plain comparisons.

use proptest::prelude::*;
use serde_json::json;

use super::small::{activity, ask, fold, noon, rules_with, version};
use crate::domain::time::add_days;
use crate::domain::verdict::Answer;

/// What the possible values of a number say of its bounds: inside, outside, or not known.
fn within(possible: &[i64], least: Option<i64>, most: Option<i64>) -> Option<bool> {
    let inside = |value: &i64| least.is_none_or(|least| *value >= least) && most.is_none_or(|most| *value <= most);
    let first = possible.first().map(inside)?;
    possible.iter().all(|value| inside(value) == first).then_some(first)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// The oldest due date and the principal decide whether a rule speaks; a claim of unknown date may be older than all
    /// others, and a case without claims may owe anything.
    #[test]
    fn by_days_past_due_and_principal(
        due in prop::collection::vec((prop::option::weighted(0.8, 0_i64..30), 1_i64..40), 0..4),
        days in (prop::option::of(0_i64..20), prop::option::of(20_i64..40)),
        principal in (prop::option::of(1_i64..50), prop::option::of(50_i64..90)),
        on in 0_i64..60,
    ) {
        let claims: Vec<_> = due.iter().enumerate().map(|(number, (due, principal))| {
            let mut claim = json!({ "id": format!("c{number}"), "principal": principal });
            if let Some(day) = due {
                claim["due_original"] = json!(add_days("2026-01-05".parse().unwrap(), *day).to_string());
            }
            claim
        }).collect();
        let mut keys = Vec::new();
        keys.extend(days.0.map(|least| format!("past_due_min = {least}")));
        keys.extend(days.1.map(|most| format!("past_due_max = {most}")));
        keys.extend(principal.0.map(|least| format!("min_principal = \"0.{least:02}\"")));
        keys.extend(principal.1.map(|most| format!("max_principal = \"0.{most:02}\"")));
        let head = format!("applies_to = {{ {} }}", keys.join(", "));
        let rules = rules_with("", &head, "[rule.prohibited_conduct]\nalways = true", None);
        let version = version(json!({ "claims": claims }), json!({}));
        let known: Vec<i64> = due.iter().filter_map(|(due, _)| due.map(|due| on - due)).collect();
        let past: Vec<i64> = match known.iter().max() {
            // It may be anything.
            None => (-100..100).collect(),
            Some(longest) if known.len() < due.len() => (*longest..200).collect(),
            Some(longest) => vec![*longest],
        };
        let owed: Vec<i64> =
            if due.is_empty() { (0..200).collect() } else { vec![due.iter().map(|(_, principal)| principal).sum()] };
        let by_days = if days == (None, None) { Some(true) } else { within(&past, days.0, days.1) };
        let by_sum = if principal == (None, None) { Some(true) } else { within(&owed, principal.0, principal.1) };
        let expected = match (by_days, by_sum) {
            (Some(false), _) | (_, Some(false)) => None,
            (Some(true), Some(true)) => Some(Answer::Broken),
            _ => Some(Answer::Unknown),
        };
        let call = activity(0, noon(on), json!({}), json!({ "kind": "contact", "channel": "call" }));
        let (watch, _) = fold(&rules, &version, &[], noon(on));
        prop_assert_eq!(ask(&rules, &version, &watch, &call).map(|said| said.answer), expected);
    }
}
