//! A check about somebody who is no party of the case that it names: what is told of that person on other cases binds before anything
//! happens with the person on this one, in every kind of check and on each of two servers, until it is void or ends.

use fairdue::proto::v1;
use v1::activity::Detail;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, on_both_databases};
use crate::support::wire::{activity, asking, call, southerner, stamp};

const PERSON: &str = "p";
/// A server that did not write may be behind otherwise.
const NOW: &str = "fully-consistent";

fn case(id: &str, person: &str) -> v1::UpsertCaseRequest {
    let mut case = southerner(id);
    case.parties[0].person_id = person.to_owned();
    v1::UpsertCaseRequest { region_code: "US".to_owned(), case: Some(case) }
}

async fn tell(mine: &mut Clients, activity: v1::Activity) {
    let activity = v1::Activity { person_id: PERSON.to_owned(), ..activity };
    let request = v1::RecordActivityRequest { region_code: "US".to_owned(), activity: Some(activity) };
    mine.activities.record_activity(request).await.expect("stored");
}

async fn insolvency(mine: &mut Clients, id: &str, day: i64, ended: bool) {
    let change = v1::ConditionChange { condition: v1::Condition::Insolvency.into(), ended, ..Default::default() };
    tell(mine, activity(id, "own", day, Detail::Condition(change))).await;
}

async fn void(mine: &mut Clients, target: &str) {
    let request = v1::VoidActivityRequest {
        region_code: "US".to_owned(),
        target_activity_id: target.to_owned(),
        void_activity_id: format!("no-{target}"),
        void_time: stamp(40),
        ..Default::default()
    };
    mine.activities.void_activity(request).await.expect("void");
}

/// A contact of the person, as co-debtor of the case of somebody else.
fn planned(channel: v1::Channel, day: i64) -> v1::ContactCheck {
    v1::ContactCheck {
        case_id: "other".to_owned(),
        person_id: PERSON.to_owned(),
        person_role: v1::PartyRole::CoDebtor.into(),
        contact_time: stamp(day),
        contact: Some(v1::Contact { channel: channel.into(), ..Default::default() }),
        ..Default::default()
    }
}

/// Which of the rules asked for are broken.
fn broken(rules: &[v1::Speaking]) -> String {
    let mine = ["us-bankruptcy", "us-medium-opt-out"];
    let broken = rules.iter().filter(|one| one.answer() == v1::Answer::Broken).map(|one| one.rule_id.as_str());
    let mut broken: Vec<&str> = broken.filter(|id| mine.contains(id)).collect();
    broken.sort_unstable();
    broken.join(" ")
}

/// What breaks rules, by every call that answers checks.
async fn answers(mine: &mut Clients, channel: v1::Channel, day: i64) -> String {
    let check = planned(channel, day);
    let request = v1::CheckContactRequest {
        region_code: "US".to_owned(),
        case_id: check.case_id.clone(),
        person_id: check.person_id.clone(),
        person_role: check.person_role,
        contact_time: check.contact_time,
        contact: check.contact.clone(),
        ..Default::default()
    };
    let answer = mine.compliance.check_contact(asking(request, NOW)).await.expect("an answer").into_inner();
    let single = broken(&answer.rules);
    let request = v1::BatchCheckContactsRequest {
        region_code: "US".to_owned(),
        checks: vec![planned(v1::Channel::Letter, day), check.clone()],
        ..Default::default()
    };
    let batch = mine.compliance.batch_check_contacts(asking(request, NOW)).await.expect("answers").into_inner();
    assert_eq!(broken(&batch.results[1].rules), single, "a batch");
    let subject = Some(v1::explain_request::Subject::Contact(check));
    let request = v1::ExplainRequest { region_code: "US".to_owned(), subject, ..Default::default() };
    let told = mine.compliance.explain(asking(request, NOW)).await.expect("an explanation").into_inner();
    let told = told.explanation.expect("told").rules;
    let told: Vec<v1::Speaking> = told.into_iter().filter_map(|one| one.speaking).collect();
    let names: Vec<&str> =
        told.iter().filter(|one| one.answer() == v1::Answer::Broken).map(|one| one.rule_id.as_str()).collect();
    assert!(single.split_whitespace().all(|id| names.contains(&id)), "explained: {names:?}, answered: {single}");
    single
}

/// What breaks rules where a place is asked for, which is now, whatever the hour.
async fn reserved(mine: &mut Clients, permit: &str) -> String {
    let check = planned(v1::Channel::Call, 0);
    let request = v1::CheckContactRequest {
        region_code: "US".to_owned(),
        case_id: check.case_id,
        person_id: check.person_id,
        person_role: check.person_role,
        contact: check.contact,
        reserve: Some(v1::Reservation { permit_id: permit.to_owned(), ttl: None }),
        ..Default::default()
    };
    let answer = mine.compliance.check_contact(asking(request, NOW)).await.expect("an answer").into_inner();
    let told = broken(&answer.rules);
    assert!(told.is_empty() || answer.permit.is_none(), "{permit}");
    told
}

/// The same on each of the servers, asked twice: from the database, and from memory.
async fn all(servers: &mut [Clients], channel: v1::Channel, day: i64) -> String {
    let mut told = Vec::new();
    for mine in servers {
        for _ in 0..2 {
            told.push(answers(mine, channel, day).await);
        }
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    told.swap_remove(0)
}

on_both_databases! {
    async fn what_is_told_of_somebody_binds_on_cases_of_others_before_the_first_contact(database: Database) {
        let api = Api::start(&database).await;
        let beside = if database.backend == Backend::Postgres { Some(Api::start(&database).await) } else { None };
        let mut servers = Vec::new();
        for api in [Some(&api), beside.as_ref()].into_iter().flatten() {
            api.tenant("t", "").await;
            servers.push(api.platform("t").await);
        }
        for (id, person) in [("own", PERSON), ("other", "q")] {
            servers[0].cases.upsert_case(case(id, person)).await.expect("a case");
        }
        assert_eq!(all(&mut servers, v1::Channel::Call, 10).await, "", "nothing was told");

        insolvency(&mut servers[0], "filed", 2, false).await;
        assert_eq!(all(&mut servers, v1::Channel::Call, 1).await, "", "before it");
        assert_eq!(all(&mut servers, v1::Channel::Call, 10).await, "us-bankruptcy");
        assert_eq!(reserved(&mut servers[0], "p1").await, "us-bankruptcy");

        void(&mut servers[0], "filed").await;
        assert_eq!(all(&mut servers, v1::Channel::Call, 10).await, "", "it is void");

        insolvency(&mut servers[0], "again", 3, false).await;
        insolvency(&mut servers[0], "over", 20, true).await;
        let permission = v1::Permission {
            scope: v1::ConsentScope::Channel.into(),
            channel: v1::Channel::Sms.into(),
            give_time: stamp(5),
            ..Default::default()
        };
        let change = v1::PermissionChange { permission: Some(permission), ..Default::default() };
        tell(&mut servers[0], activity("no-sms", "own", 5, Detail::Permission(change))).await;
        assert_eq!(all(&mut servers, v1::Channel::Call, 10).await, "us-bankruptcy");
        assert_eq!(all(&mut servers, v1::Channel::Call, 25).await, "", "it is over");
        assert_eq!(all(&mut servers, v1::Channel::Sms, 25).await, "us-medium-opt-out");
        assert_eq!(reserved(&mut servers[0], "p2").await, "");

        // The contact is found to be what the check said that it would be, and the check says so still.
        let contact = v1::Activity { person_role: v1::PartyRole::CoDebtor.into(), ..call("met", "other", 10) };
        tell(&mut servers[0], contact).await;
        let request = v1::ListFindingsRequest {
            region_code: "US".to_owned(),
            rule_id: "us-bankruptcy".to_owned(),
            page_size: 10,
            ..Default::default()
        };
        let found = servers[0].compliance.list_findings(request).await.expect("a list").into_inner().findings;
        assert_eq!(found.iter().map(|one| one.activity_id.as_str()).collect::<Vec<_>>(), ["met"]);
        for (day, channel, expected) in
            [(11, v1::Channel::Call, "us-bankruptcy"), (25, v1::Channel::Call, ""), (25, v1::Channel::Sms, "us-medium-opt-out")]
        {
            assert_eq!(all(&mut servers, channel, day).await, expected, "day {day}, met");
        }
        api.end().await;
        if let Some(beside) = beside {
            beside.end().await;
        }
    }
}
