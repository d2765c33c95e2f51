//! Third persons, recording and prohibited conduct against rules of thumb written out anew.

use proptest::prelude::*;
use serde_json::json;

use super::small::{activity, ask, fold, market, noon, rules, rules_with, version};
use crate::compliance::trace::{Said, Silence};
use crate::compliance::{CaseWatch, Context, PersonLogs};
use crate::domain::verdict::Answer;

const ROLES: [&str; 5] = ["primary", "guarantor", "employer", "other", "unstated"];
const PURPOSES: [&str; 3] = ["location_inquiry", "demand", "unstated"];
const OUTCOMES: [&str; 3] = ["no_answer", "third_party", "right_party_refused"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Third persons are only asked where the debtor is, each so often, and hear nothing of the debt.
    #[test]
    fn third_persons_as_counted(
        acts in prop::collection::vec((0_usize..5, 0_usize..3, 0_usize..3, prop::bool::weighted(0.1), 0_usize..2), 1..25),
        max in 1_usize..4,
    ) {
        let rules = rules(&format!(
            "[rule.third_party]\ncontact = \"inquiry\"\npurposes = [\"location_inquiry\"]\nmax = {max}"
        ));
        let version = version(json!({}), json!({}));
        let (mut broken, mut unknown, mut reached) = (Vec::new(), Vec::new(), Vec::<(usize, usize)>::new());
        let history: Vec<_> = acts.iter().enumerate().map(|(number, (role, purpose, outcome, disclosed, who))| {
            let id = format!("a{number:03}");
            let inquiry = (PURPOSES[*purpose] != "unstated").then_some(PURPOSES[*purpose] == "location_inquiry");
            let told = OUTCOMES[*outcome] == "right_party_refused";
            let contacted = OUTCOMES[*outcome] != "no_answer";
            let before = reached.iter().filter(|one| **one == (*role, *who)).count();
            // `Some(true)`: a breach, `None`: unknown.
            let verdict = match ROLES[*role] {
                _ if *disclosed => Some(true),
                "primary" | "guarantor" => Some(false),
                stated => {
                    let refused = match inquiry {
                        _ if told && inquiry != Some(true) => Some(true),
                        None => None,
                        Some(false) => Some(true),
                        Some(true) => Some(contacted && before >= max),
                    };
                    // Of a person whose role nobody knows nothing is sure but what is lawful towards everybody.
                    if stated == "unstated" && refused != Some(false) { None } else { refused }
                }
            };
            match verdict {
                Some(true) => broken.push(id),
                None => unknown.push(id),
                Some(false) => {}
            }
            if contacted && *role > 1 {
                reached.push((*role, *who));
            }
            let mut head = json!({ "person": format!("{}{who}", ROLES[*role]) });
            match ROLES[*role] {
                "primary" => head["person"] = json!("p"),
                "unstated" => {}
                role => head["person_role"] = json!(role),
            }
            let mut detail = json!({
                "kind": "contact", "channel": "call", "outcome": OUTCOMES[*outcome], "third_party_disclosure": disclosed,
            });
            if let Some(inquiry) = inquiry {
                detail["purpose"] = json!(if inquiry { "location_inquiry" } else { "demand" });
            }
            activity(number, noon(number as i64), head, detail)
        }).collect();
        let (_, found) = fold(&rules, &version, &history, noon(100));
        prop_assert_eq!(found.broken, broken);
        prop_assert_eq!(found.unknown, unknown);
        for (at, contact) in history.iter().enumerate() {
            let (watch, before) = fold(&rules, &version, &history[..at], contact.occurred);
            let (_, after) = fold(&rules, &version, &history[..=at], contact.occurred);
            let answer = ask(&rules, &version, &watch, contact).unwrap().answer;
            prop_assert_eq!(answer == Answer::Broken, after.broken.len() > before.broken.len());
            prop_assert_eq!(answer == Answer::Unknown, after.unknown.len() > before.unknown.len());
        }
    }

    /// A banned word is a breach wherever it is stated, unless it is excused; what states nothing neither passes nor fails.
    #[test]
    fn words_that_are_banned(contacts in prop::collection::vec((prop::collection::vec(0_usize..4, 0..4), any::<bool>()), 1..20)) {
        let words = ["threat", "insult", "excuse", "plain"];
        let rules = rules("[rule.prohibited_conduct]\nconduct = [\"threat\", \"insult\"]\nunless = [\"excuse\"]");
        let version = version(json!({}), json!({}));
        let (mut broken, mut passed) = (Vec::new(), 0);
        let history: Vec<_> = contacts.iter().enumerate().map(|(number, (held, attested))| {
            let has = |word: usize| held.contains(&word);
            let wrong = (has(0) || has(1)) && !has(2);
            if wrong {
                broken.push(format!("a{number:03}"));
            } else if !held.is_empty() {
                passed += 1;
            }
            let names: Vec<&str> = held.iter().map(|word| words[*word]).collect();
            let key = if *attested { "attestations" } else { "content_items" };
            activity(number, noon(number as i64), json!({}), json!({ "kind": "contact", "channel": "call", key: names }))
        }).collect();
        let (_, found) = fold(&rules, &version, &history, noon(100));
        prop_assert_eq!(found.broken, broken);
        prop_assert_eq!((found.passed, found.unknown.len()), (passed, 0));
    }

    /// A pack speaks exactly where one of its rows of scope holds; what is not stated leaves a breach unknown.
    #[test]
    fn scope_is_asked_first(role in 0_usize..4, ownership in 0_usize..3, principal in 49_990_i64..50_010) {
        let roles = ["agency", "creditor", "debt_buyer", "unset"];
        let ownerships = ["purchased", "client", "unset"];
        let more = "[[scope]]\nid = \"fr-agencies\"\ntext = \"t\"\ncitation = \"c\"\nconfidence = \"read\"\n\
                    applies_to = { collector_role = [\"agency\"], ownership = [\"purchased\"] }\nmax_principal = \"500.00\"\n\
                    [[scope]]\nid = \"fr-buyers\"\ntext = \"t\"\ncitation = \"c\"\nconfidence = \"read\"\n\
                    applies_to = { collector_role = [\"debt_buyer\"] }";
        let rules = rules_with(more, "", "[rule.prohibited_conduct]\nalways = true", None);
        let mut identity = json!({ "creditor": "creditor" });
        for (key, word) in [("collector_role", roles[role]), ("ownership", ownerships[ownership])] {
            if word != "unset" {
                identity[key] = json!(word);
            }
        }
        let version = version(json!({ "identity": identity, "claims": [{ "id": "c1", "principal": principal }] }), json!({}));
        let call = activity(0, noon(0), json!({}), json!({ "kind": "contact", "channel": "call" }));
        let (_, found) = fold(&rules, &version, std::slice::from_ref(&call), noon(1));
        // Every value that the missing ones might have: covered by all, by some, by none.
        let possible = |known: &str, all: &'static [&'static str]| -> Vec<String> {
            if known == "unset" { all.iter().map(|one| (*one).to_owned()).collect() } else { vec![known.to_owned()] }
        };
        let mut covered = Vec::new();
        for role in possible(roles[role], &["agency", "creditor", "debt_buyer"]) {
            for owner in possible(ownerships[ownership], &["purchased", "client"]) {
                covered.push(role == "debt_buyer" || role == "agency" && owner == "purchased" && principal <= 50_000);
            }
        }
        let all = covered.iter().all(|one| *one);
        let any = covered.iter().any(|one| *one);
        prop_assert_eq!(!found.broken.is_empty(), all);
        prop_assert_eq!(!found.unknown.is_empty(), any && !all);
        // An explanation says so where no row holds.
        let (market, persons) = (market(), PersonLogs::default());
        let context = Context { rules: &rules, market: &market, version: &version, lead: true, persons: &persons };
        let said = CaseWatch::default().trace(&context, &call, false).rules.pop().map(|one| one.said);
        prop_assert_eq!(matches!(said, Some(Said::Nothing(Silence::OutsideScope, None))), !any);
    }
}

#[test]
fn recording_by_every_combination() {
    let stated = [None, Some(false), Some(true)];
    for require in ["recording", "notice", "consent"] {
        let rules = rules(&format!("[rule.call_recording]\nrequire = [\"{require}\"]"));
        for recorded in stated {
            for notice in stated {
                for agreed in [false, true] {
                    let permissions = json!([{ "granted": true, "scope": "recording", "given": 0 }]);
                    let party = if agreed { json!({ "permissions": permissions }) } else { json!({}) };
                    let version = version(json!({}), party);
                    let mut detail = json!({ "kind": "contact", "channel": "call", "outcome": "right_party_refused" });
                    for (key, value) in [("recorded", recorded), ("recording_notice", notice)] {
                        if let Some(value) = value {
                            detail[key] = json!(value);
                        }
                    }
                    let wanted = match (require, recorded) {
                        ("recording", recorded) => recorded,
                        (_, Some(false)) => Some(true),
                        ("notice", Some(true)) => notice,
                        ("notice", None) => notice.filter(|told| *told),
                        ("consent", Some(true)) => Some(agreed),
                        _ => agreed.then_some(true),
                    };
                    let call = activity(0, noon(0), json!({}), detail);
                    let (_, found) = fold(&rules, &version, std::slice::from_ref(&call), noon(1));
                    let got = (found.broken.len(), found.unknown.len(), found.passed);
                    let expected = match wanted {
                        Some(true) => (0, 0, 1),
                        Some(false) => (1, 0, 0),
                        None => (0, 1, 0),
                    };
                    assert_eq!(got, expected, "{require}: recorded {recorded:?}, notice {notice:?}, agreed {agreed}");
                    let (watch, _) = fold(&rules, &version, &[], noon(0));
                    let asked = ask(&rules, &version, &watch, &call).unwrap().answer;
                    let answer = match wanted {
                        Some(true) => Answer::Kept,
                        Some(false) => Answer::Broken,
                        None => Answer::Duty,
                    };
                    assert_eq!(asked, answer);
                }
            }
        }
    }
}

#[test]
fn a_ban_on_a_place_is_lifted_by_what_the_rule_names() {
    let ban = |unless: &str| {
        rules(&format!(
            "[rule.third_party]\ndisclosure = \"free\"\nplaces = [\"workplace\"]\ndebtor = \"forbidden\"\nunless = [\"{unless}\"]"
        ))
    };
    let call = |number: usize, place: &str| {
        let detail = json!({ "kind": "contact", "channel": "call", "place": place, "outcome": "no_answer" });
        activity(number, noon(number as i64), json!({}), detail)
    };
    let history = [call(0, "workplace"), call(1, "home"), call(2, "workplace")];
    let broken =
        |unless: &str, party: serde_json::Value| fold(&ban(unless), &version(json!({}), party), &history, noon(9)).1;
    assert_eq!(broken("tried_elsewhere", json!({})).broken, ["a000"]);
    let work = json!({ "id": "w", "kind": "phone", "workplace": true });
    let home = |state: &str| json!({ "id": "h", "kind": "phone", "state": state });
    assert!(broken("no_other_point", json!({ "contact_points": [work] })).broken.is_empty());
    assert!(broken("no_other_point", json!({ "contact_points": [work, home("disconnected")] })).broken.is_empty());
    assert_eq!(broken("no_other_point", json!({ "contact_points": [work, home("working")] })).broken, ["a000", "a002"]);
    assert_eq!(broken("no_other_point", json!({})).unknown, ["a000", "a002"]);
    let consent = |written: Option<bool>| json!({ "permissions": [{ "granted": true, "scope": "workplace", "given": 0, "written": written }] });
    assert!(broken("consent", consent(None)).broken.is_empty());
    assert_eq!(broken("written_consent", consent(None)).unknown, ["a000", "a002"]);
    assert_eq!(broken("written_consent", consent(Some(false))).broken, ["a000", "a002"]);
    assert!(broken("written_consent", consent(Some(true))).broken.is_empty());
    assert_eq!(broken("consent", json!({})).broken, ["a000", "a002"]);
}
