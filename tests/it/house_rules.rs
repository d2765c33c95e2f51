//! The rule that the documentation gives a tenant for cases that are not worked.

use fairdue::proto::v1;
use v1::activity::Detail;

use crate::support::api::Api;
use crate::support::database::{Backend, Database};
use crate::support::wire::{activity, case, payment, stamp};

/// The rule as it stands in the documentation.
fn documented() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/editing-configuration.md");
    let text = std::fs::read_to_string(path).expect("the page");
    let (_, rest) = text.split_once("[[rules.add]]\n").expect("a rule to add");
    let (rule, _) = rest.split_once("```").expect("the end of the rule");
    format!("[[rules.add]]\n{rule}")
}

/// Whoever adds it hears "no" for a case that is on hold, closed or paid, as long as it is, and only then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_that_is_not_worked_is_not_contacted() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start_under(&database, &[], &documented()).await;
    let mut mine = api.platform("mine").await;
    let held = |ended| Detail::Hold(v1::Hold { ended, ..Default::default() });
    let closed = |closed| Detail::CaseStatus(v1::CaseStatus { closed, ..Default::default() });
    let told = [
        ("open", vec![], [false, false]),
        ("held", vec![activity("h1", "held", 2, held(false)), activity("h2", "held", 4, held(true))], [true, false]),
        (
            "shut",
            vec![activity("s1", "shut", 2, closed(true)), activity("s2", "shut", 4, closed(false))],
            [true, false],
        ),
        ("paid", vec![payment("p1", "paid", 2, 100)], [true, true]),
        ("part", vec![payment("p2", "part", 2, 99)], [false, false]),
    ];
    for (id, activities, stopped) in told {
        let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case(id, "creditor")) };
        mine.cases.upsert_case(request).await.expect("stored");
        for sent in activities {
            let request = v1::RecordActivityRequest { region_code: "IT".to_owned(), activity: Some(sent) };
            mine.activities.record_activity(request).await.expect("stored");
        }
        for (day, stopped) in [3, 5].into_iter().zip(stopped) {
            for (purpose, stopped) in [(v1::Purpose::Demand, stopped), (v1::Purpose::Confirmation, false)] {
                let contact =
                    v1::Contact { channel: v1::Channel::Letter.into(), purpose: purpose.into(), ..Default::default() };
                let request = v1::CheckContactRequest {
                    region_code: "IT".to_owned(),
                    case_id: id.to_owned(),
                    contact_time: stamp(day),
                    contact: Some(contact),
                    ..Default::default()
                };
                let answer = mine.compliance.check_contact(request).await.expect("an answer").into_inner();
                let said = answer.rules.iter().find(|rule| rule.rule_id == "tenant-not-collected");
                let broken = said.is_some_and(|said| said.answer() == v1::Answer::Broken);
                assert_eq!(broken, stopped, "{id}, day {day}, {purpose:?}: {said:?}");
                assert!(!stopped || answer.verdict() == v1::Verdict::NotPermitted, "{answer:?}");
            }
        }
    }
    api.end().await;
}
