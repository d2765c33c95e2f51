//! Content: what is held and lacking, against sets of words put together anew.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::small::{activity, ask, fold, noon, rules, rules_with, version};
use crate::domain::verdict::Answer;

const WORDS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "strange"];
const LIMITS: &str = "[rule.content]\non = [\"contact\"]\nitems = [\"alpha\", \"beta|gamma\"]\nwhere_due = [\"delta\"]\nforbidden = [\"epsilon\"]\nno_others = true";

fn words() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(&WORDS[..], 0..=WORDS.len())
}

/// What a person with the text of the rule in hand would say.
fn wrong(held: &[&str], template: &[&str]) -> Option<bool> {
    let all: BTreeSet<&str> = held.iter().chain(template).copied().collect();
    if all.contains("epsilon") {
        return Some(true);
    }
    if all.is_empty() {
        return None;
    }
    let complete = all.contains("alpha") && (all.contains("beta") || all.contains("gamma"));
    Some(!complete || all.contains("strange"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A contact breaks the rule exactly if it states its content and that is wrong; one that states nothing is never
    /// accused and never passes; a template speaks for its contacts; what is asked is answered as it would be found.
    #[test]
    fn content_as_sets(contacts in prop::collection::vec((words(), any::<bool>()), 1..12), template in words()) {
        let holds = template.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let tenant = format!("[[rules.template]]\nid = \"t1\"\nholds = [{holds}]");
        let told = (!template.is_empty()).then_some(tenant.as_str());
        let rules = rules_with("", "", LIMITS, told);
        let version = version(json!({}), json!({}));
        let mut history = Vec::new();
        let (mut broken, mut unknown) = (Vec::new(), Vec::new());
        for (number, (held, with_template)) in contacts.iter().enumerate() {
            let mut detail = json!({ "kind": "contact", "channel": "letter", "outcome": "sent", "content_items": held });
            if *with_template {
                detail["template"] = json!("t1");
            }
            let contact = activity(number, noon(number as i64), json!({}), detail);
            let expected = wrong(held, if *with_template { &template } else { &[] });
            let (watch, _) = fold(&rules, &version, &history, noon(number as i64));
            let answer = ask(&rules, &version, &watch, &contact).unwrap();
            let asked = match expected {
                Some(true) => Answer::Broken,
                Some(false) => Answer::Kept,
                None => Answer::Duty,
            };
            prop_assert_eq!(answer.answer, asked);
            prop_assert_eq!(answer.duties.is_some(), asked == Answer::Duty);
            match expected {
                Some(true) => broken.push(contact.id.to_string()),
                None => unknown.push(contact.id.to_string()),
                Some(false) => {}
            }
            history.push(contact);
        }
        let (_, found) = fold(&rules, &version, &history, noon(100));
        prop_assert_eq!(found.broken, broken);
        prop_assert_eq!(found.unknown, unknown);
    }

    /// The first communication on a channel and the later ones share out all communications between them.
    #[test]
    fn first_and_later_share_all(outcomes in prop::collection::vec((0_usize..3, 0_usize..3), 1..20)) {
        let channels = ["call", "letter", "email"];
        let results = ["no_answer", "right_party_refused", "sent"];
        let version = version(json!({}), json!({}));
        let limits = |occasion: &str| format!(
            "[rule.content]\non = [\"communication\"]\nchannels = [\"letter\", \"email\"]\noccasion = \"{occasion}\"\nitems = [\"alpha\"]"
        );
        let history: Vec<_> = outcomes.iter().enumerate().map(|(number, (channel, result))| {
            let detail = json!({ "kind": "contact", "channel": channels[*channel], "outcome": results[*result], "content_items": ["beta"] });
            activity(number, noon(number as i64), json!({}), detail)
        }).collect();
        let broken = |occasion: &str| fold(&rules(&limits(occasion)), &version, &history, noon(100)).1.broken;
        let written: Vec<String> = outcomes.iter().enumerate()
            .filter(|(_, (channel, result))| *channel > 0 && *result > 0)
            .map(|(number, _)| format!("a{number:03}"))
            .collect();
        let (first, later) = (broken("first"), broken("later"));
        prop_assert_eq!(&first[..], &written[..written.len().min(1)]);
        prop_assert_eq!(&later[..], written.get(1..).unwrap_or(&[]));
        prop_assert_eq!(broken("every"), written);
    }
}

/// A letter, call or message with these fields, `day` days after the first.
fn told(day: usize, detail: serde_json::Value) -> crate::domain::activity::Activity {
    let mut whole = json!({ "kind": "contact", "content_items": ["beta"] });
    for (key, value) in detail.as_object().unwrap() {
        whole[key] = value.clone();
    }
    activity(day, noon(day as i64), json!({}), whole)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// The first demand, reminder or notice on the channels named is the first, whatever was said on others before.
    #[test]
    fn occasions_count_by_channel(
        step in prop::sample::select(vec!["demand", "reminder", "notice:warning"]),
        acts in prop::collection::vec((0_usize..3, any::<bool>()), 1..16),
    ) {
        let channels = ["call", "letter", "email"];
        let version = version(json!({}), json!({}));
        let limits = |occasion: &str| format!(
            "[rule.content]\non = [\"{step}\"]\nchannels = [\"letter\", \"email\"]\noccasion = \"{occasion}\"\nitems = [\"alpha\"]"
        );
        let notice = step.strip_prefix("notice:").unwrap_or(step);
        let history: Vec<_> = acts.iter().enumerate().map(|(number, (channel, is_step))| {
            let notices = if *is_step { json!([notice]) } else { json!([]) };
            told(number, json!({ "channel": channels[*channel], "outcome": "sent", "notices": notices }))
        }).collect();
        let meant: Vec<String> = acts.iter().enumerate()
            .filter(|(_, (channel, is_step))| *channel > 0 && *is_step)
            .map(|(number, _)| format!("a{number:03}"))
            .collect();
        let broken = |occasion: &str| fold(&rules(&limits(occasion)), &version, &history, noon(100)).1.broken;
        let (first, later) = (broken("first"), broken("later"));
        prop_assert_eq!(&first[..], &meant[..meant.len().min(1)]);
        prop_assert_eq!(&later[..], meant.get(1..).unwrap_or(&[]));
    }
}

#[test]
fn the_channel_of_an_earlier_notice_from_elsewhere_is_not_known() {
    let limits = |channels: &str, occasion: &str| {
        rules(&format!("[rule.content]\non = [\"demand\"]\n{channels}\noccasion = \"{occasion}\"\nitems = [\"alpha\"]"))
    };
    let version = version(json!({ "prior_notices": [{ "kind": "demand", "sent": "2026-01-02" }] }), json!({}));
    let history = [told(1, json!({ "channel": "letter", "purpose": "demand", "outcome": "sent" }))];
    let found = |rules| fold(&rules, &version, &history, noon(9)).1;
    // Of whatever channel, it was the first.
    assert_eq!(found(limits("", "first")), super::small::Found::default());
    assert_eq!(found(limits("", "later")).broken, ["a001"]);
    for occasion in ["first", "later"] {
        assert_eq!(found(limits("channels = [\"letter\"]", occasion)).unknown, ["a001"], "{occasion}");
    }
}
