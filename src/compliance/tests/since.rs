//! Terms that run from a day of the claim's life, against days counted by hand.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::small::{Found, activity, ask, fold, noon, rules, version};
use crate::domain::time::add_days;
use crate::domain::verdict::Answer;

fn date(day: i64) -> String {
    add_days("2026-01-05".parse().unwrap(), day).to_string()
}

fn claims(due: &[Option<i64>]) -> Value {
    let claim = |(number, due): (usize, &Option<i64>)| {
        let mut claim = json!({ "id": format!("c{number}"), "principal": 10_000 });
        if let Some(day) = due {
            claim["due_original"] = json!(date(*day));
        }
        claim
    };
    json!({ "claims": due.iter().enumerate().map(claim).collect::<Vec<_>>() })
}

fn charge(number: usize, day: i64, claim: Option<usize>) -> crate::domain::activity::Activity {
    let mut detail = json!({ "kind": "charge", "step": "reminder", "amount": { "m": 100, "c": "EUR" } });
    if let Some(claim) = claim {
        detail["claim"] = json!(format!("c{claim}"));
    }
    activity(number, noon(day), json!({}), detail)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A fee is too early until ten days after the due date of its claim; one that names none is judged only where all
    /// claims agree; a due date that is not known leaves it open.
    #[test]
    fn a_step_after_the_due_date(
        due in prop::collection::vec(prop::option::weighted(0.9, 0_i64..20), 1..4),
        fees in prop::collection::vec((0_i64..6, prop::option::of(0_usize..4)), 1..12),
    ) {
        let rules = rules(
            "[rule.notice_period]\nsince = \"due\"\nbefore = [\"charge:reminder\"]\n\
             term = { days = 10, count = \"clear_days\", from = \"sent\", roll = \"none\" }",
        );
        let version = version(claims(&due), json!({}));
        let (mut day, mut history) = (0, Vec::new());
        let (mut broken, mut unknown) = (Vec::new(), Vec::new());
        for (number, (wait, claim)) in fees.iter().enumerate() {
            day += wait;
            let claim = claim.map(|claim| claim % due.len());
            let one = charge(number, day, claim);
            let meant: Vec<Option<i64>> = match claim {
                Some(claim) => vec![due[claim]],
                None => due.clone(),
            };
            let early: Vec<Option<bool>> = meant.iter().map(|due| due.map(|due| day <= due + 10)).collect();
            let expected = match early[0] {
                Some(first) if early.iter().all(|one| *one == Some(first)) => {
                    if first { Answer::Broken } else { Answer::Kept }
                }
                _ => Answer::Unknown,
            };
            let (watch, _) = fold(&rules, &version, &history, one.occurred);
            let said = ask(&rules, &version, &watch, &one).unwrap();
            prop_assert_eq!(said.answer, expected);
            if let Some(last) = meant.iter().copied().collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max())
                && expected != Answer::Kept
            {
                prop_assert_eq!(said.allowed_from.map(|at| at.plus(crate::domain::time::DAY / 2)), Some(noon(last + 11)));
            }
            match expected {
                Answer::Broken => broken.push(one.id.to_string()),
                Answer::Unknown => unknown.push(one.id.to_string()),
                _ => {}
            }
            history.push(one);
        }
        let (_, found) = fold(&rules, &version, &history, noon(day + 1));
        prop_assert_eq!(found.broken, broken);
        prop_assert_eq!(found.unknown, unknown);
    }

    /// A notice is owed within seven days from the oldest due date that is known; what was sent before it speaks of
    /// something else; where none is known, nothing can be said.
    #[test]
    fn a_notice_within_a_term_of_the_due_date(
        due in prop::collection::vec(prop::option::weighted(0.7, 0_i64..20), 0..4),
        notices in prop::collection::vec(0_i64..8, 0..6),
    ) {
        let rules = rules(
            "[rule.required_notice]\nsince = \"due\"\nnotices = [\"notice:arrears\"]\ntiming = \"within\"\n\
             term = { days = 7, count = \"clear_days\", from = \"sent\", roll = \"none\" }",
        );
        let version = version(claims(&due), json!({}));
        let mut day = 0;
        let mut days = Vec::new();
        let history: Vec<_> = notices.iter().enumerate().map(|(number, wait)| {
            day += wait;
            days.push(day);
            let detail = json!({ "kind": "contact", "channel": "letter", "outcome": "sent", "notices": ["arrears"] });
            activity(number, noon(day), json!({}), detail)
        }).collect();
        let (_, found) = fold(&rules, &version, &history, noon(60));
        let expected = match due.iter().flatten().min() {
            None => Found { unknown: vec!["timer".to_owned()], ..Found::default() },
            Some(first) if days.iter().any(|day| (*first..=first + 7).contains(day)) => {
                Found { passed: 1, ..Found::default() }
            }
            Some(first) => {
                Found { omitted: vec![("placement".to_owned(), date(first + 7))], ..Found::default() }
            }
        };
        prop_assert_eq!(Found { unknown: found.unknown.into_iter().map(|_| "timer".to_owned()).collect(), ..found }, expected);
    }
}

#[test]
fn the_day_of_default_begins_a_term_too() {
    let rules = rules(
        "[rule.notice_period]\nsince = \"default\"\nbefore = [\"legal_step\"]\n\
         term = { days = 3, count = \"clear_days\", from = \"sent\", roll = \"none\" }",
    );
    let suit = |number: usize, day: i64| {
        activity(number, noon(day), json!({}), json!({ "kind": "legal_step", "step": "lawsuit" }))
    };
    let history = [suit(0, 0), suit(1, 3), suit(2, 4)];
    let told = fold(&rules, &version(json!({ "dates": { "default_on": date(0) } }), json!({})), &history, noon(9)).1;
    assert_eq!((told.broken, told.passed), (vec!["a000".to_owned(), "a001".to_owned()], 1));
    let open = fold(&rules, &version(json!({}), json!({})), &history, noon(9)).1;
    assert_eq!(open.unknown, ["a000", "a001", "a002"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A letter is owed within three days of the payment that settles all, and of no other; a payment that was taken back
    /// asks for none.
    #[test]
    fn a_notice_after_payment_in_full(acts in prop::collection::vec((1_i64..4, 0_u8..4, 1_i64..5), 1..14)) {
        let rules = rules(
            "[rule.required_notice]\nevent = [\"payment\"]\npaid_off = true\nnotices = [\"notice:letter\"]\ntiming = \"within\"\n\
             term = { days = 3, count = \"clear_days\", from = \"sent\", roll = \"none\" }",
        );
        let version = version(json!({}), json!({}));
        let (mut day, mut owed, mut history) = (0, 10_000, Vec::new());
        // Letters owed: by which payment, until when, and its payment's number for taking back.
        let mut open: Vec<(usize, i64)> = Vec::new();
        let mut paid: Vec<(usize, i64)> = Vec::new();
        let mut omitted = Vec::new();
        for (number, (wait, what, part)) in acts.iter().enumerate() {
            day += wait;
            omitted.extend(open.iter().filter(|(_, last)| *last < day).map(|(by, last)| (format!("a{by:03}"), date(*last))));
            open.retain(|(_, last)| *last >= day);
            let detail = match (what, paid.pop()) {
                (0, last) => {
                    paid.extend(last);
                    open.clear();
                    json!({ "kind": "contact", "channel": "letter", "outcome": "sent", "notices": ["letter"] })
                }
                (1, Some((at, amount))) => {
                    open.retain(|(by, _)| *by != at);
                    owed += amount;
                    let money = json!({ "m": amount, "c": "EUR" });
                    json!({ "kind": "reversal", "reverses": format!("a{at:03}"), "amount": money, "reason": "chargeback" })
                }
                (_, last) => {
                    paid.extend(last);
                    let amount = part * 2_500;
                    owed -= amount;
                    paid.push((number, amount));
                    if owed <= 0 {
                        open.push((number, day + 3));
                    }
                    json!({ "kind": "payment", "amount": { "m": amount, "c": "EUR" } })
                }
            };
            history.push(activity(number, noon(day), json!({}), detail));
        }
        omitted.extend(open.iter().map(|(by, last)| (format!("a{by:03}"), date(*last))));
        omitted.sort();
        let (_, mut found) = fold(&rules, &version, &history, noon(day + 20));
        found.omitted.sort();
        prop_assert_eq!(found.omitted, omitted);
    }
}
