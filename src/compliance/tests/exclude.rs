//! Contacts that a count leaves out, against a plain list.

use proptest::prelude::*;
use serde_json::json;

use super::small::{activity, fold, noon, rules, version};

/// Contacts by outcome: whether they are left out, and whether they are a conversation.
const KINDS: [(&str, bool, bool, bool); 6] = [
    ("no_answer", false, false, false),
    ("no_answer", true, true, false),
    // A message that was left could be left.
    ("voicemail_full_message", true, false, false),
    ("wrong_number", false, true, false),
    ("right_party_refused", false, false, true),
    ("right_party_promise", true, false, true),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// From the first conversation on, at most two calls in four days count, wrong numbers and calls that could leave no
    /// message apart; where the case was worked before, everything may have come after a conversation.
    #[test]
    fn what_counts_after_a_conversation(acts in prop::collection::vec((0_i64..3, 0_usize..6), 1..30), elsewhere in any::<bool>()) {
        let rules = rules(
            "[rule.contact_frequency]\nmax = 2\nwindow = { calendar_days = 4 }\ncount = \"attempts\"\nper = \"person_and_case\"\n\
             exclude = [\"wrong_number\", \"no_message_possible\", \"before_conversation\"]",
        );
        let case = if elsewhere { json!({ "history_complete_from": noon(-9).0 }) } else { json!({}) };
        let version = version(case, json!({}));
        let (mut day, mut history) = (0, Vec::new());
        let mut talked = None;
        let mut counted: Vec<(usize, i64)> = Vec::new();
        let (mut broken, mut unknown) = (Vec::new(), Vec::new());
        for (number, (wait, kind)) in acts.iter().enumerate() {
            day += wait;
            let (outcome, stated, left_out, conversation) = KINDS[*kind];
            let words = if stated { json!(["no_message_possible"]) } else { json!([]) };
            let detail = json!({ "kind": "contact", "channel": "call", "outcome": outcome, "attestations": words });
            let one = activity(number, noon(day).plus(number as i64), json!({}), detail);
            if !left_out {
                let near = counted.iter().filter(|(_, on)| *on > day - 4);
                let possible = near.clone().count();
                let certain = near.filter(|(at, _)| talked.is_some_and(|talked| *at > talked)).count();
                if talked.is_some() && certain >= 2 {
                    broken.push(one.id.to_string());
                } else if elsewhere && possible >= 2 {
                    unknown.push(one.id.to_string());
                }
                counted.push((number, day));
            }
            if conversation {
                talked = talked.or(Some(number));
            }
            history.push(one);
        }
        let (_, found) = fold(&rules, &version, &history, noon(day + 1));
        prop_assert_eq!(found.broken, broken);
        prop_assert_eq!(found.unknown, unknown);
    }
}
