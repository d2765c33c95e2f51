//! Disputes and documents: what stops, what is omitted, against a diary kept day by day.

use proptest::prelude::*;
use serde_json::json;

use super::small::{activity, ask, fold, noon, rules, version};
use crate::domain::time::{DAY, Timestamp, add_days};
use crate::domain::verdict::Answer;

/// What happens: a dispute opened (in writing or not), verified, resolved, a demand.
const ACTS: [&str; 5] = ["written", "spoken", "verified", "resolved", "demand"];

fn day_name(day: i64) -> String {
    add_days("2026-01-05".parse().unwrap(), day).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A demand is a breach while a written dispute is open and three days after it was verified; each written dispute
    /// that nothing answers within seven days is one omission, whenever time was seen to pass.
    #[test]
    fn disputes_day_by_day(acts in prop::collection::vec((1_i64..6, 0_usize..5), 1..25), ticks in prop::collection::vec(0_i64..200, 0..8)) {
        let rules = rules(
            "[rule.dispute_handling]\nwritten_only = true\nstops = [\"demand\"]\nuntil = [\"dispute:verified\"]\n\
             resume = { days = 3, count = \"clear_days\", from = \"sent\", roll = \"none\" }\nanswer = [\"dispute:verified\", \"dispute:resolved\"]\n\
             answer_within = { days = 7, count = \"clear_days\", from = \"sent\", roll = \"none\" }",
        );
        let version = version(json!({}), json!({}));
        let (mut day, mut history) = (0, Vec::new());
        // Disputes by their day, the day that ended them, and whether the end was a verification or a resolution.
        let mut disputes: Vec<(usize, i64, Option<i64>)> = Vec::new();
        let (mut broken, mut omitted) = (Vec::new(), Vec::new());
        for (number, (wait, act)) in acts.iter().enumerate() {
            day += wait;
            let detail = match ACTS[*act] {
                "written" | "spoken" => {
                    if ACTS[*act] == "written" {
                        disputes.push((number, day, None));
                    }
                    json!({ "kind": "dispute", "step": "opened", "written": ACTS[*act] == "written" })
                }
                "verified" | "resolved" => {
                    for dispute in disputes.iter_mut().filter(|dispute| dispute.2.is_none()) {
                        dispute.2 = Some(day);
                        if day > dispute.1 + 7 {
                            omitted.push((format!("a{:03}", dispute.0), day_name(dispute.1 + 7)));
                        }
                    }
                    let step = if ACTS[*act] == "verified" { "verified" } else { "resolved_rejected" };
                    json!({ "kind": "dispute", "step": step })
                }
                _ => {
                    if disputes.iter().any(|dispute| dispute.2.is_none_or(|end| day <= end + 3)) {
                        broken.push(format!("a{number:03}"));
                    }
                    json!({ "kind": "contact", "channel": "letter", "purpose": "demand", "outcome": "sent" })
                }
            };
            history.push(activity(number, noon(day), json!({}), detail));
        }
        let end = day + 30;
        let open = disputes.iter().filter(|dispute| dispute.2.is_none());
        omitted.extend(open.map(|dispute| (format!("a{:03}", dispute.0), day_name(dispute.1 + 7))));
        omitted.sort();
        let (_, mut found) = fold(&rules, &version, &history, noon(end));
        found.omitted.sort();
        prop_assert_eq!(&found.broken, &broken);
        prop_assert_eq!(&found.omitted, &omitted);
        // Time that is seen to pass in between changes nothing: notes stand for ticks.
        let mut ticked = history.clone();
        ticked.extend(ticks.iter().enumerate().map(|(number, tick)| {
            activity(900 + number, noon(*tick).plus(-DAY / 4), json!({}), json!({ "kind": "note" }))
        }));
        ticked.sort_by(|a, b| a.order().cmp(&b.order()));
        let (_, mut again) = fold(&rules, &version, &ticked, noon(end.max(230)));
        again.omitted.sort();
        prop_assert_eq!(again.broken, broken);
        prop_assert_eq!(again.omitted, omitted);
    }

    /// Each complaint is acknowledged and answered by the steps that belong to it: those that name it, and those that name
    /// nothing known while it is the oldest open one that they may mean. A step that comes late serves no other complaint, and
    /// steps of data requests serve none, whatever they name.
    #[test]
    fn complaints_by_what_they_name(acts in prop::collection::vec((0_i64..7, 0_usize..5, 0_usize..4, prop::bool::weighted(0.25)), 1..30)) {
        const STEPS: [&str; 5] = ["opened", "opened", "acknowledged", "resolved_upheld", "forwarded"];
        const NAMES: [Option<&str>; 4] = [None, Some("x"), Some("y"), Some("z")];
        let (soon, term) = (3, 10);
        let days = |days: i64| format!("{{ days = {days}, count = \"clear_days\", from = \"sent\", roll = \"none\" }}");
        let rules = rules(&format!(
            "[rule.complaint_handling]\nof = [\"complaint\"]\nacknowledge = {}\nanswer = {}", days(soon), days(term),
        ));
        struct Complaint { id: usize, name: Option<&'static str>, day: i64, told: Option<i64>, ended: Option<i64> }
        let (mut day, mut history, mut all) = (0, Vec::new(), Vec::<Complaint>::new());
        for (number, (wait, step, name, request)) in acts.iter().enumerate() {
            day += wait;
            let (step, name) = (STEPS[*step], NAMES[*name]);
            let kind = if *request { "data_request" } else { "complaint" };
            history.push(activity(number, noon(day), json!({}), json!({ "kind": kind, "step": step, "reference": name })));
            if *request {
                continue;
            }
            if step == "opened" {
                all.push(Complaint { id: number, name, day, told: None, ended: None });
                continue;
            }
            let open = |one: &Complaint| one.ended.is_none();
            let meant = match name {
                None => all.iter().position(open),
                Some(_) => match all.iter().position(|one| one.name == name && open(one)) {
                    Some(at) => Some(at),
                    None if all.iter().any(|one| one.name == name) => None,
                    None => all.iter().position(|one| one.name.is_none() && open(one)),
                },
            };
            if let Some(one) = meant.and_then(|at| all.get_mut(at)).filter(|_| step != "forwarded") {
                one.told.get_or_insert(day);
                if step == "resolved_upheld" {
                    one.ended = Some(day);
                }
            }
        }
        let late = |when: Option<i64>, last: i64| when.is_none_or(|when| when > last);
        let mut omitted = Vec::new();
        for one in &all {
            let id = format!("a{:03}", one.id);
            omitted.extend(late(one.told, one.day + soon).then(|| (id.clone(), day_name(one.day + soon))));
            omitted.extend(late(one.ended, one.day + term).then(|| (id, day_name(one.day + term))));
        }
        omitted.sort();
        let (_, mut found) = fold(&rules, &version(json!({}), json!({})), &history, noon(day + 30));
        found.omitted.sort();
        prop_assert_eq!(found.omitted, omitted);
    }

    /// From a request until both documents are produced demands rest; both are due on the fifth working day.
    #[test]
    fn documents_day_by_day(acts in prop::collection::vec((0_i64..4, 0_usize..4), 1..20)) {
        let rules = rules(
            "[rule.documents_held]\ndocuments = [\"contract\", \"statement|ledger\"]\nrequest = [\"document_request\"]\nstops = [\"demand\"]\n\
             within = { working_days = 5, count = \"clear_days\", from = \"sent\", roll = \"none\" }",
        );
        let version = version(json!({}), json!({}));
        let (mut day, mut history) = (0, Vec::new());
        let (mut asked, mut produced) = (Vec::<(usize, i64)>::new(), Vec::<(i64, usize)>::new());
        let (mut broken, mut omitted) = (Vec::new(), Vec::new());
        // The day of the fifth working day after one: day 0 is a Monday.
        let due = |day: i64| (day + 1..).filter(|one| one % 7 < 5).nth(4).unwrap();
        let answered = |produced: &[(i64, usize)], since: i64, until: i64| {
            let given = |which: usize| produced.iter().any(|(on, one)| *one == which && (since..=until).contains(on));
            given(0) && given(1)
        };
        for (number, (wait, act)) in acts.iter().enumerate() {
            day += wait + 1;
            let detail = match act {
                0 => {
                    asked.push((number, day));
                    json!({ "kind": "document", "document": "contract", "requested": true })
                }
                1 | 2 => {
                    produced.push((day, act - 1));
                    let name = if *act == 1 { "contract" } else { "ledger" };
                    json!({ "kind": "document", "document": name, "produced": true })
                }
                _ => {
                    if asked.last().is_some_and(|(_, since)| !answered(&produced, *since, day)) {
                        broken.push(format!("a{number:03}"));
                    }
                    json!({ "kind": "contact", "channel": "letter", "purpose": "demand", "outcome": "sent" })
                }
            };
            history.push(activity(number, noon(day), json!({}), detail));
        }
        for (number, on) in &asked {
            if !answered(&produced, *on, due(*on)) {
                omitted.push((format!("a{number:03}"), day_name(due(*on))));
            }
        }
        let (_, mut found) = fold(&rules, &version, &history, noon(day + 30));
        found.omitted.sort();
        prop_assert_eq!(found.broken, broken);
        prop_assert_eq!(found.omitted, omitted);
    }
}

#[test]
fn documents_are_held_before_a_step_or_nothing_is_known() {
    let rules =
        rules("[rule.documents_held]\ndocuments = [\"contract\", \"statement|ledger\"]\nbefore = [\"contact\"]");
    let version = version(json!({}), json!({}));
    let held = |number: usize, name: &str| {
        activity(number, noon(number as i64), json!({}), json!({ "kind": "document", "document": name }))
    };
    let call = |number: usize| {
        let detail = json!({ "kind": "contact", "channel": "call", "outcome": "no_answer" });
        activity(number, noon(number as i64), json!({}), detail)
    };
    let history = [call(0), held(1, "contract"), call(2), held(3, "ledger"), call(4)];
    let (watch, found) = fold(&rules, &version, &history, noon(9));
    assert_eq!((found.unknown, found.broken, found.passed), (vec!["a000".to_owned()], vec!["a002".to_owned()], 1));
    assert_eq!(ask(&rules, &version, &watch, &call(5)).unwrap().answer, Answer::Kept);
}

#[test]
fn a_dispute_known_later_is_no_breach_that_could_be_known() {
    let rules = rules(
        "[rule.dispute_handling]\nstops = [\"demand\"]\nanswer_if_before = [\"credit_report\"]\n\
                       answer_within = { days = 5, count = \"clear_days\", from = \"received\", roll = \"none\" }",
    );
    let version = version(json!({}), json!({}));
    let letter = |number: usize, at: Timestamp| {
        let detail = json!({ "kind": "contact", "channel": "letter", "purpose": "demand", "outcome": "sent" });
        activity(number, at, json!({}), detail)
    };
    let dispute = |number: usize, day: i64| {
        let head = json!({ "received": noon(day + 3).0 });
        activity(number, noon(day), head, json!({ "kind": "dispute", "step": "opened" }))
    };
    // It binds from when it was received, and is owed an answer only after a report.
    let report = activity(2, noon(6), json!({}), json!({ "kind": "credit_report", "report": "furnish" }));
    let history = [dispute(0, 0), letter(1, noon(2)), report, letter(3, noon(7)), dispute(4, 10), letter(5, noon(12))];
    let (_, found) = fold(&rules, &version, &history, noon(60));
    assert_eq!(found.broken, ["a003", "a005"]);
    // Received on day 13, due with day 18.
    assert_eq!(found.omitted, [("a004".to_owned(), day_name(18))]);
}

#[test]
fn a_dispute_of_unknown_form_may_bind_where_only_a_written_one_does() {
    let version = version(json!({}), json!({}));
    let letter = |number: usize| {
        let detail = json!({ "kind": "contact", "channel": "letter", "purpose": "demand", "outcome": "sent" });
        activity(number, noon(number as i64), json!({}), detail)
    };
    let stops = rules(
        "[rule.dispute_handling]\nwritten_only = true\nstops = [\"demand\"]\n\
         answer_within = { days = 5, count = \"clear_days\", from = \"sent\", roll = \"none\" }",
    );
    let block = rules("[rule.contact_block]\nconditions = [\"disputed\"]\nwritten_only = true\nforbids = [\"demand\"]");
    for (written, broken, unknown) in [(Some(true), 1, 0), (None, 0, 1), (Some(false), 0, 0)] {
        for kind in ["dispute", "condition"] {
            let mut detail = if kind == "dispute" {
                json!({ "kind": "dispute", "step": "opened" })
            } else {
                json!({ "kind": "condition", "condition": "disputed" })
            };
            if let Some(written) = written {
                detail["written"] = json!(written);
            }
            let history = [activity(0, noon(0), json!({}), detail), letter(1)];
            let (watch, found) = fold(&block, &version, &history, noon(60));
            assert_eq!((found.broken.len(), found.unknown.len()), (broken, unknown), "block, {kind} {written:?}");
            let (_, found) = fold(&stops, &version, &history, noon(60));
            assert_eq!(found.broken.len(), broken, "stop, {kind} {written:?}");
            // The letter, and the answer that was owed or not.
            assert_eq!(found.unknown.len(), 2 * unknown, "stop, {kind} {written:?}");
            assert_eq!(found.omitted.len(), broken, "answer, {kind} {written:?}");
            let said = ask(&block, &version, &watch, &letter(2)).unwrap();
            assert_eq!(said.answer == Answer::Unknown, unknown == 1, "asked, {kind} {written:?}");
        }
    }
}
