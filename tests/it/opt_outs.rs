//! From when an opt-out binds: from when it reached the collector or creditor. And what a breach is that rests on what reached
//! them later.

use fairdue::proto::v1;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database};
use crate::support::wire::{activity, call, southerner, stamp};

const RULE: &str = "us-medium-opt-out";

/// Stores a case of a consumer in Mississippi.
async fn store(mine: &mut Clients, id: &str) {
    let request = v1::UpsertCaseRequest { region_code: "US".to_owned(), case: Some(southerner(id)) };
    mine.cases.upsert_case(request).await.expect("stored");
}

/// Nobody breaks a wish that nobody knows of: what was asked of the creditor on one day and reaches the collector nine days
/// later accuses no call between, and allows it in a look back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opt_out_binds_from_when_it_was_received() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    for (id, receive, asked, accused) in [
        ("late", stamp(10), [false, false, true], vec!["late-12"]),
        ("unknown", None, [false, true, true], vec!["unknown-5", "unknown-12"]),
    ] {
        store(&mut mine, id).await;

        let refusal = v1::Permission { scope: v1::ConsentScope::All.into(), give_time: stamp(1), ..Default::default() };
        let change = v1::PermissionChange { permission: Some(refusal), ..Default::default() };
        let told = v1::Activity {
            receive_time: receive,
            ..activity(&format!("{id}-told"), id, 1, v1::activity::Detail::Permission(change))
        };
        let calls = [5, 12].map(|day| call(&format!("{id}-{day}"), id, day));
        for sent in [told].into_iter().chain(calls) {
            let request = v1::RecordActivityRequest { region_code: "US".to_owned(), activity: Some(sent) };
            mine.activities.record_activity(request).await.expect("stored");
        }

        let request = v1::ListFindingsRequest {
            region_code: "US".to_owned(),
            case_id: id.to_owned(),
            rule_id: RULE.to_owned(),
            ..Default::default()
        };
        let found = mine.compliance.list_findings(request).await.expect("a list").into_inner().findings;
        let activities: Vec<&str> = found.iter().map(|one| one.activity_id.as_str()).collect();
        assert_eq!(activities, accused, "{id}");

        for (day, broken) in [0, 6, 11].into_iter().zip(asked) {
            let request = v1::CheckContactRequest {
                region_code: "US".to_owned(),
                case_id: id.to_owned(),
                contact_time: stamp(day),
                contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
                ..Default::default()
            };
            let answer = mine.compliance.check_contact(request).await.expect("an answer").into_inner();
            let said = answer.rules.iter().find(|rule| rule.rule_id == RULE).expect("the rule speaks");
            assert_eq!(said.answer() == v1::Answer::Broken, broken, "{id}, day {day}: {said:?}");
        }
    }
    api.end().await;
}

/// The stay of a bankruptcy binds from its filing; a call before anybody told the collector is a finding all the same, and no
/// violation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_could_know_is_no_violation() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    store(&mut mine, "c").await;
    let filed = v1::ConditionChange { condition: v1::Condition::Insolvency.into(), ..Default::default() };
    let told =
        v1::Activity { receive_time: stamp(10), ..activity("filed", "c", 1, v1::activity::Detail::Condition(filed)) };
    for sent in [call("before", "c", 5), told, call("after", "c", 12)] {
        let request = v1::RecordActivityRequest { region_code: "US".to_owned(), activity: Some(sent) };
        mine.activities.record_activity(request).await.expect("stored");
    }
    let request = v1::ListFindingsRequest {
        region_code: "US".to_owned(),
        rule_id: "us-bankruptcy".to_owned(),
        ..Default::default()
    };
    let found = mine.compliance.list_findings(request).await.expect("a list").into_inner().findings;
    let mut told: Vec<_> =
        found.iter().map(|one| (one.activity_id.as_str(), one.severity(), one.known_at_time)).collect();
    told.sort_unstable_by_key(|(id, ..)| *id);
    assert_eq!(told, [("after", v1::Severity::Violation, true), ("before", v1::Severity::Warning, false)]);
    api.end().await;
}

/// A texts' opt-out ends when the person consents to texts again; a consent to be recorded is none. Of two numbers, one of them
/// closed, it must be told which is texted: nobody assumes the open one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opt_out_ends_with_a_new_consent_and_with_nothing_less() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    let mut two = southerner("c");
    two.parties[0].contact_points = ["m1", "m2"]
        .map(|id| v1::ContactPoint {
            contact_point_id: id.to_owned(),
            kind: v1::ContactPointKind::Phone.into(),
            ..Default::default()
        })
        .to_vec();
    let request = v1::UpsertCaseRequest { region_code: "US".to_owned(), case: Some(two) };
    mine.cases.upsert_case(request).await.expect("stored");
    let told = |id: &str, day, granted, scope: v1::ConsentScope| {
        let permission = v1::Permission { granted, scope: scope.into(), give_time: stamp(day), ..Default::default() };
        let contact_point_id = if scope == v1::ConsentScope::Point { "m1".to_owned() } else { String::new() };
        let change = v1::PermissionChange { permission: Some(permission), contact_point_id };
        activity(id, "c", day, v1::activity::Detail::Permission(change))
    };
    for sent in [
        told("stop", 1, false, v1::ConsentScope::Point),
        told("tape", 3, true, v1::ConsentScope::Recording),
        told("again", 5, true, v1::ConsentScope::All),
    ] {
        let request = v1::RecordActivityRequest { region_code: "US".to_owned(), activity: Some(sent) };
        mine.activities.record_activity(request).await.expect("stored");
    }
    for (day, point, answer) in [
        (0, "m1", v1::Answer::Kept),
        (2, "m1", v1::Answer::Broken),
        (2, "m2", v1::Answer::Kept),
        (2, "", v1::Answer::Unknown),
        (4, "m1", v1::Answer::Broken),
        (6, "m1", v1::Answer::Kept),
    ] {
        let contact =
            v1::Contact { channel: v1::Channel::Sms.into(), contact_point_id: point.to_owned(), ..Default::default() };
        let request = v1::CheckContactRequest {
            region_code: "US".to_owned(),
            case_id: "c".to_owned(),
            contact_time: stamp(day),
            contact: Some(contact),
            ..Default::default()
        };
        let answered = mine.compliance.check_contact(request).await.expect("an answer").into_inner();
        let said = answered.rules.iter().find(|rule| rule.rule_id == RULE).expect("the rule speaks");
        assert_eq!(said.answer(), answer, "day {day} to {point}: {said:?}");
        let missing = answered.missing.iter().any(|one| one == "contact_point");
        assert_eq!(missing, point.is_empty(), "{:?}", answered.missing);
    }
    api.end().await;
}
