//! Hours that a person prefers or finds inconvenient, and when the next contact is then allowed.

use fairdue::proto::v1;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database};
use crate::support::wire::case;

/// An instant in seconds since 1970, which the text beside it says.
const fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// Stores the case of a resident of Mississippi, which has no rules of its own, with these windows.
async fn stated(mine: &mut Clients, id: &str, windows: Vec<v1::PersonalWindow>) {
    let mut case = case(id, "bank");
    case.currency_code = "USD".to_owned();
    for money in case.claims.iter_mut().flat_map(|claim| &mut claim.principal) {
        money.currency_code = "USD".to_owned();
    }
    for party in &mut case.parties {
        party.person_id = format!("person of {id}");
        party.residences[0].region_code = "US".to_owned();
        party.residences[0].subdivision_code = "MS".to_owned();
        party.time_zones[0].time_zone = "America/Chicago".to_owned();
        party.windows.clone_from(&windows);
    }
    let request = v1::UpsertCaseRequest { region_code: "US".to_owned(), case: Some(case) };
    mine.cases.upsert_case(request).await.expect("stored");
}

async fn call(mine: &mut Clients, id: &str, time: Option<prost_types::Timestamp>) -> v1::CheckContactResponse {
    let request = v1::CheckContactRequest {
        region_code: "US".to_owned(),
        case_id: id.to_owned(),
        contact_time: time,
        contact: Some(v1::Contact {
            channel: v1::Channel::Call.into(),
            technology: v1::Technology::Manual.into(),
            place: v1::Place::Home.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    mine.compliance.check_contact(request).await.expect("an answer").into_inner()
}

/// What is told as the next time is lawful, and a minute before nothing is. That a wish ends is such a time as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_that_ends_frees_the_next_contact() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    let since = at(1_768_557_180); // 2026-01-16T09:53:00Z
    let wednesdays = v1::PersonalWindow {
        preferred: true,
        weekdays: vec![3],
        start_minute: 1_020,
        end_minute: 1_140,
        receive_time: since,
        ..Default::default()
    };
    let until = |end: i64, window: &v1::PersonalWindow| v1::PersonalWindow { end_time: at(end), ..window.clone() };
    let never = v1::PersonalWindow { preferred: false, start_minute: 0, end_minute: 1_440, ..wednesdays.clone() };
    let monday = 1_797_257_340; // 2026-12-14T14:09:00Z, 8:09 in Mississippi
    let january = 1_800_459_000; // 2027-01-20T15:30:00Z, a Wednesday morning
    let friday = v1::PersonalWindow { weekdays: vec![5], start_minute: 600, end_minute: 660, ..wednesdays.clone() };
    let later = v1::PersonalWindow { receive_time: at(1_797_206_400), ..friday }; // 2026-12-14T00:00:00Z
    for (id, windows, next) in [
        // Saturday evening. The wish for Wednesdays ends on Monday morning.
        ("ends", vec![until(monday, &wednesdays)], monday),
        // Nothing is left of the wish until it ends, weeks later.
        ("nothing left", vec![until(january, &wednesdays), until(january, &never)], january),
        // On Monday another hour is wished for besides; Wednesday still comes first.
        ("two", vec![wednesdays.clone(), later.clone()], 1_797_462_000), // 2026-12-16T23:00:00Z
    ] {
        stated(&mut mine, id, windows).await;
        let asked = at(1_797_114_480); // 2026-12-12T22:28:00Z
        let answer = call(&mut mine, id, asked).await;
        assert_eq!(answer.verdict(), v1::Verdict::NotPermitted, "{id}: {answer:?}");
        assert_eq!(answer.next_allow_time, at(next), "{id}: {answer:?}");
        let lawful = call(&mut mine, id, at(next)).await.verdict();
        assert!(lawful <= v1::Verdict::AllowedWithDuties, "{id}: {lawful:?}");
        let before = call(&mut mine, id, at(next - 60)).await.verdict();
        assert!(before > v1::Verdict::AllowedWithDuties, "{id}: {before:?}");
    }
    // Any hour is free on a Saturday, and from Monday on only an hour of Fridays.
    stated(&mut mine, "later", vec![later]).await;
    let answer = call(&mut mine, "later", at(1_797_114_480)).await;
    assert!(answer.verdict() <= v1::Verdict::AllowedWithDuties, "{answer:?}");
    let answer = call(&mut mine, "later", at(monday)).await;
    assert_eq!(answer.next_allow_time, at(1_797_609_600), "{answer:?}"); // 2026-12-18T16:00:00Z
    api.end().await;
}
