//! Several disputes of one debt, told apart by their references: what ends one ends no other.

use serde_json::{Value, json};

use super::small::{Found, activity, fold, noon, rules, version};
use crate::domain::activity::Activity;
use crate::domain::ids::PersonId;

/// A step of a dispute on a day.
fn step(number: usize, day: i64, step: &str, reference: Option<&str>) -> Activity {
    let mut detail = json!({ "kind": "dispute", "step": step, "written": true });
    if let Some(reference) = reference {
        detail["reference"] = json!(reference);
    }
    activity(number, noon(day), json!({}), detail)
}

fn demand(number: usize, day: i64) -> Activity {
    let detail = json!({ "kind": "contact", "channel": "letter", "outcome": "sent", "purpose": "demand" });
    activity(number, noon(day), json!({}), detail)
}

fn found(limits: &str, history: &[Activity]) -> Found {
    fold(&rules(limits), &version(json!({}), Value::Object(Default::default())), history, noon(60)).1
}

const A: Option<&str> = Some("A");
const B: Option<&str> = Some("B");
const STOP: &str = "[rule.dispute_handling]\nstops = [\"demand\"]\nuntil = [\"dispute:verified\"]";
const BLOCK: &str = "[rule.contact_block]\nconditions = [\"disputed\"]\nforbids = [\"demand\"]";
const ANSWER: &str = "[rule.dispute_handling]\n\
                      answer_within = { days = 30, count = \"clear_days\", from = \"sent\", roll = \"none\" }";

#[test]
fn a_dispute_stays_open_when_another_is_resolved() {
    for limits in [STOP, BLOCK] {
        let ends: &[&str] = if limits == STOP {
            &["resolved_rejected", "withdrawn", "verified"]
        } else {
            &["resolved_rejected", "withdrawn"]
        };
        for end in ends {
            let history = [
                step(1, 1, "opened", A),
                step(2, 2, "opened", B),
                step(3, 3, end, A),
                demand(4, 4),
                step(5, 5, end, B),
                demand(6, 6),
            ];
            assert_eq!(found(limits, &history).broken, ["a004"], "{limits}: {end}");
        }
    }
}

/// A dispute of nobody's name that the collector rejected goes on until it is verified, but for whom it is over by a condition's end.
#[test]
fn a_rejected_dispute_ends_for_whom_it_is_said_to() {
    let block = format!("{BLOCK}\nuntil_verified = true");
    let over = |person: &str| {
        let detail = json!({ "kind": "condition", "condition": "disputed", "ended": true });
        activity(3, noon(3), json!({ "person": person }), detail)
    };
    let history = |over: Option<Activity>| {
        let rejected = [step(1, 1, "opened", A), step(2, 2, "resolved_rejected", A)];
        rejected.into_iter().chain(over).chain([demand(4, 4)]).collect::<Vec<_>>()
    };
    assert_eq!(found(&block, &history(None)).broken, ["a004"]);
    assert_eq!(found(&block, &history(Some(over("p")))).broken, [] as [&str; 0]);
    assert_eq!(found(&block, &history(Some(over("somebody else")))).broken, ["a004"]);
}

#[test]
fn an_answer_answers_the_dispute_that_it_names() {
    let history = |end: &str| [step(1, 1, "opened", A), step(2, 2, "opened", B), step(3, 3, end, B)];
    let omitted = |history: &[Activity]| {
        found(ANSWER, history).omitted.into_iter().map(|(trigger, _)| trigger).collect::<Vec<_>>()
    };
    assert_eq!(omitted(&history("resolved_rejected")), ["a001"]);
    assert_eq!(omitted(&history("withdrawn")), ["a001"]);
    // What is verified for all is answered for all.
    let verified = activity(4, noon(4), json!({}), json!({ "kind": "verification_sent" }));
    let mut all = history("acknowledged").to_vec();
    all.push(verified);
    assert_eq!(omitted(&all), Vec::<String>::new());
}

#[test]
fn where_one_of_both_names_none_it_is_the_oldest() {
    let broken = |history: &[Activity]| (found(STOP, history).broken.len(), found(BLOCK, history).broken.len());
    let opened = |first, second| vec![step(1, 1, "opened", first), step(2, 2, "opened", second)];
    let with = |mut history: Vec<Activity>, ends: &[Option<&str>]| {
        history.extend((3..).zip(ends).map(|(number, reference)| step(number, 3, "resolved_upheld", *reference)));
        history.push(demand(9, 9));
        history
    };
    // A reference that nothing was opened under is of what was opened without one; the others stay open.
    assert_eq!(broken(&with(opened(None, None), &[A])), (0, 0));
    assert_eq!(broken(&with(opened(None, A), &[A])), (1, 1));
    assert_eq!(broken(&with(opened(None, A), &[A, B])), (0, 0));
    // Without a reference: what was opened without one, else the oldest.
    assert_eq!(broken(&with(opened(None, None), &[None])), (0, 0));
    assert_eq!(broken(&with(opened(None, B), &[None])), (1, 1));
    assert_eq!(broken(&with(opened(A, B), &[None])), (1, 1));
    assert_eq!(broken(&with(opened(A, B), &[None, None])), (0, 0));
}

/// A step of a dispute that concerns a person.
fn of(person: &str, number: usize, day: i64, word: &str, reference: Option<&str>) -> Activity {
    Activity { person: Some(PersonId::trusted(person)), ..step(number, day, word, reference) }
}

#[test]
fn a_later_dispute_opens_no_earlier_one_again() {
    let verified = |history: Vec<Activity>| found(STOP, &history).broken;
    // What was verified without a reference was of the only one that was open.
    let mut history = vec![step(1, 1, "opened", A), step(2, 2, "verified", None), demand(3, 3)];
    history.extend([step(4, 4, "opened", B), step(5, 5, "verified", B), demand(6, 6)]);
    assert_eq!(verified(history), Vec::<String>::new());
    // What ended one without a reference under a reference of its own ended it for good.
    let mut history = vec![step(1, 1, "opened", None), step(2, 2, "verified", A), demand(3, 3)];
    history.extend([step(4, 4, "opened", A), step(5, 5, "verified", A), demand(6, 6)]);
    assert_eq!(verified(history), Vec::<String>::new());
    // Of two that are open it is the oldest.
    let mut history = vec![step(1, 1, "opened", A), step(2, 2, "opened", B), step(3, 3, "verified", None)];
    history.extend([step(4, 4, "verified", B), demand(5, 5)]);
    assert_eq!(verified(history), Vec::<String>::new());
}

#[test]
fn a_person_ends_the_own_dispute_and_not_another_s() {
    let history = [
        of("p1", 1, 1, "opened", A),
        of("p2", 2, 2, "opened", B),
        of("p2", 3, 3, "withdrawn", None),
        step(4, 40, "acknowledged", A),
    ];
    let omitted: Vec<_> = found(ANSWER, &history).omitted.into_iter().map(|(trigger, _)| trigger).collect();
    assert_eq!(omitted, ["a001"]);
}

#[test]
fn a_dispute_of_the_debt_is_over_for_everybody() {
    let opened = |person: Option<&str>| Activity { person: person.map(PersonId::trusted), ..step(1, 1, "opened", A) };
    let broken = |opened: Activity| {
        found(BLOCK, &[opened, demand(2, 2), of("q", 3, 3, "resolved_rejected", A), demand(4, 4)]).broken
    };
    assert_eq!(broken(opened(None)), ["a002"]);
    // One of a person stays that person's.
    assert_eq!(broken(opened(Some("p"))), ["a002", "a004"]);
}
