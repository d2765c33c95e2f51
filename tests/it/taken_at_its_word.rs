//! What a caller states beside what the case and the packs know: a role, a place, a law, an id.

use fairdue::proto::v1;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database};
use crate::support::wire::{activity, date, southerner, stamp};

/// Half past twelve at noon in Chicago, and eleven at night.
const NOON: i64 = 1_710_783_000;
const NIGHT: i64 = NOON + 37_800;

fn instant(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

async fn store(mine: &mut Clients, region: &str, case: v1::Case) {
    let request = v1::UpsertCaseRequest { region_code: region.to_owned(), case: Some(case) };
    mine.cases.upsert_case(request).await.expect("stored");
}

async fn record(mine: &mut Clients, sent: v1::Activity) {
    let request = v1::RecordActivityRequest { region_code: "US".to_owned(), activity: Some(sent) };
    mine.activities.record_activity(request).await.expect("stored");
}

/// A call to be made about a case.
fn call(region: &str, case: &str, seconds: i64) -> v1::CheckContactRequest {
    v1::CheckContactRequest {
        region_code: region.to_owned(),
        case_id: case.to_owned(),
        contact_time: instant(seconds),
        contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
        ..Default::default()
    }
}

async fn check(mine: &mut Clients, request: v1::CheckContactRequest) -> v1::CheckContactResponse {
    mine.compliance.check_contact(request).await.expect("an answer").into_inner()
}

fn said<'a>(answer: &'a v1::CheckContactResponse, rule: &str) -> &'a v1::Speaking {
    answer.rules.iter().find(|one| one.rule_id == rule).unwrap_or_else(|| panic!("{rule} is silent in {answer:?}"))
}

/// Who is named is who the case says: a debtor is not called at night as somebody's attorney.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_of_a_party_is_the_one_of_the_case() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    store(&mut mine, "US", southerner("c")).await;
    let role = v1::PartyRole::Attorney.into();
    let as_attorney = |person: &str| v1::CheckContactRequest {
        person_id: person.to_owned(),
        person_role: role,
        ..call("US", "c", NIGHT)
    };
    let answer = check(&mut mine, as_attorney("person of c")).await;
    assert_eq!(answer.verdict(), v1::Verdict::NotPermitted, "{answer:?}");
    let answer = check(&mut mine, as_attorney("somebody else")).await;
    assert_ne!(answer.verdict(), v1::Verdict::NotPermitted, "{answer:?}");

    for person in ["person of c", "somebody else"] {
        let contact = v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() };
        let made = v1::Activity {
            person_id: person.to_owned(),
            person_role: role,
            occur_time: instant(NIGHT),
            ..activity(person, "c", 0, v1::activity::Detail::Contact(contact.into()))
        };
        record(&mut mine, made).await;
    }
    let request = v1::ListFindingsRequest { region_code: "US".to_owned(), ..Default::default() };
    let found = mine.compliance.list_findings(request).await.expect("a list").into_inner().findings;
    let hours: Vec<&str> = found
        .iter()
        .filter(|one| one.rule_id == "us-reg-f-contact-hours")
        .map(|one| one.activity_id.as_str())
        .collect();
    assert_eq!(hours, ["person of c"]);
    api.end().await;
}

/// A law that no pack tells may have taken the claim long ago, and a place that is not there is no place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_law_without_a_pack_and_a_place_that_is_not_there_leave_the_answer_unknown() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    for (id, law, unknown) in [("home", "", false), ("us", "us", false), ("malta", "mt", true)] {
        let mut here = southerner(id);
        here.legal_class.get_or_insert_default().governing_law = law.to_owned();
        store(&mut mine, "US", here).await;
        // A demand would be asked about the dates of the claim.
        let contact = v1::Contact {
            channel: v1::Channel::Call.into(),
            purpose: v1::Purpose::Service.into(),
            ..Default::default()
        };
        let answer = check(&mut mine, v1::CheckContactRequest { contact: Some(contact), ..call("US", id, NOON) }).await;
        assert_eq!(answer.verdict() == v1::Verdict::Unknown, unknown, "{answer:?}");
        assert_eq!(answer.missing.iter().any(|one| one == "pack"), unknown, "{:?}", answer.missing);
    }
    for (id, place, unknown) in
        [("texas", "MS", false), ("small", "ms", false), ("nowhere", "ZZ", true), ("none", "", true)]
    {
        let mut here = southerner(id);
        here.parties[0].residences[0].subdivision_code = place.to_owned();
        store(&mut mine, "US", here).await;
        let answer = check(&mut mine, call("US", id, NOON)).await;
        assert_eq!(answer.verdict() == v1::Verdict::Unknown, unknown, "{id}: {answer:?}");
        assert_eq!(answer.missing.iter().any(|one| one == "subdivision"), unknown, "{id}: {:?}", answer.missing);
    }
    api.end().await;
}

/// Whatever records are called, what is only asked about is none of them, and no fact that an answer rests on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_about_is_no_record() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    for id in ["check", "planned"] {
        store(&mut mine, "US", southerner(id)).await;
        let inquiry = v1::Contact {
            channel: v1::Channel::Call.into(),
            purpose: v1::Purpose::LocationInquiry.into(),
            ..Default::default()
        };
        let first = v1::Contact { outcome: v1::Outcome::ThirdParty.into(), ..inquiry.clone() };
        let made = v1::Activity {
            person_id: "neighbour".to_owned(),
            person_role: v1::PartyRole::Other.into(),
            ..activity(id, id, 1, v1::activity::Detail::Contact(first.into()))
        };
        record(&mut mine, made).await;
        let request = v1::CheckContactRequest {
            person_id: "neighbour".to_owned(),
            person_role: v1::PartyRole::Other.into(),
            contact_time: stamp(2),
            contact: Some(inquiry),
            ..call("US", id, 0)
        };
        let answer = check(&mut mine, request).await;
        assert_eq!(said(&answer, "us-location-information").answer(), v1::Answer::Broken, "{id}: {answer:?}");
        let known = |one: &String| one == id;
        assert!(answer.rules.iter().flat_map(|one| &one.evidence_activity_ids).all(known), "{id}: {answer:?}");
    }
    api.end().await;
}

/// Who moves on the 19th lives in the old state on the evening of the 18th, when it is the 19th in Greenwich already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_takes_place_at_midnight_where_the_person_lives() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    let mut here = southerner("c");
    let mut new = here.parties[0].residences[0].clone();
    new.subdivision_code = "MA".to_owned();
    new.start_date = date(2024, 3, 19);
    here.parties[0].residences.push(new);
    store(&mut mine, "US", here).await;
    for (hours, moved) in [(7, false), (12, true)] {
        let answer = check(&mut mine, call("US", "c", NOON + hours * 3600)).await;
        let new = answer.rules.iter().any(|one| one.rule_id.starts_with("us-ma-"));
        assert_eq!(new, moved, "{hours} hours after noon: {answer:?}");
    }
    api.end().await;
}
