//! What is told of a person binds on all cases of that person: whichever of them the activity names, in whatever order cases and
//! activities come, until it ends or is void, in memory and from what is stored, on each of two servers.

use fairdue::proto::v1;
use v1::activity::Detail;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{activity, asking, call, southerner, stamp};

/// A case of a consumer in Mississippi, with persons in place of its own.
fn case(id: &str, version: &str, persons: &[&str]) -> Box<v1::UpsertCaseRequest> {
    let mut case = southerner(id);
    case.version_id = version.to_owned();
    let party = case.parties.remove(0);
    case.parties = persons
        .iter()
        .enumerate()
        .map(|(at, person)| {
            let role = if at == 0 { v1::PartyRole::Primary } else { v1::PartyRole::CoDebtor };
            v1::Party { person_id: (*person).to_owned(), role: role.into(), ..party.clone() }
        })
        .collect();
    Box::new(v1::UpsertCaseRequest { region_code: "US".to_owned(), case: Some(case) })
}

fn told(id: &str, case: &str, day: i64, condition: v1::Condition, ended: bool) -> v1::Activity {
    let change = v1::ConditionChange { condition: condition.into(), ended, ..Default::default() };
    v1::Activity { person_id: "p".to_owned(), ..activity(id, case, day, Detail::Condition(change)) }
}

fn refused(id: &str, case: &str, day: i64) -> v1::Activity {
    let permission = v1::Permission {
        scope: v1::ConsentScope::Channel.into(),
        channel: v1::Channel::Sms.into(),
        give_time: stamp(day),
        ..Default::default()
    };
    let change = v1::PermissionChange { permission: Some(permission), ..Default::default() };
    v1::Activity { person_id: "p".to_owned(), ..activity(id, case, day, Detail::Permission(change)) }
}

/// The person's number is somebody else's.
fn wrong_number(id: &str, case: &str, day: i64) -> v1::Activity {
    let state = v1::ContactPointState::Wrong.into();
    let change = v1::ContactPointChanged { contact_point_id: "n1".to_owned(), state };
    v1::Activity { person_id: "p".to_owned(), ..activity(id, case, day, Detail::ContactPointChanged(change)) }
}

fn called(id: &str, case: &str, day: i64, person: &str) -> v1::Activity {
    v1::Activity { person_id: person.to_owned(), ..call(id, case, day) }
}

enum Sent {
    Case(Box<v1::UpsertCaseRequest>),
    Activity(Box<v1::Activity>),
    Void(&'static str),
}

/// All of it, in an order that can be: cases before what names them.
fn history() -> Vec<Sent> {
    let insolvent = v1::Condition::Insolvency;
    let act = |activity| Sent::Activity(Box::new(activity));
    vec![
        Sent::Case(case("a", "1", &["p"])),
        Sent::Case(case("b", "1", &["p"])),
        Sent::Case(case("c", "1", &["q"])),
        act(told("filed", "a", 1, insolvent, false)),
        act(called("a-5", "a", 5, "p")),
        act(called("b-5", "b", 5, "p")),
        act(called("c-5", "c", 5, "q")),
        Sent::Case(case("c", "2", &["q", "p"])),
        act(called("c-6", "c", 6, "p")),
        act(told("over", "b", 20, insolvent, true)),
        act(called("a-25", "a", 25, "p")),
        act(told("again", "b", 30, insolvent, false)),
        act(told("wrong", "c", 31, v1::Condition::Deceased, false)),
        act(refused("refused", "a", 32)),
        act(wrong_number("a-stranger", "b", 33)),
        act(called("a-35", "a", 35, "p")),
        act(told("of-the-debt", "a", 36, v1::Condition::Represented, false)),
        Sent::Void("wrong"),
    ]
}

async fn send(mine: &mut Clients, sent: Sent) {
    match sent {
        Sent::Case(request) => {
            mine.cases.upsert_case(*request).await.expect("a case");
        }
        Sent::Activity(activity) => {
            let request = v1::RecordActivityRequest { region_code: "US".to_owned(), activity: Some(*activity) };
            mine.activities.record_activity(request).await.expect("stored");
        }
        Sent::Void(target) => {
            let request = v1::VoidActivityRequest {
                region_code: "US".to_owned(),
                target_activity_id: target.to_owned(),
                void_activity_id: format!("no-{target}"),
                void_time: stamp(40),
                ..Default::default()
            };
            mine.activities.void_activity(request).await.expect("void");
        }
    }
}

/// The calls that are found to break a rule, and the rules that a message or call to the person would break on a case, and on
/// which day.
async fn stands(mine: &mut Clients) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in ["us-bankruptcy", "us-decedent", "us-attorney"] {
        let request = v1::ListFindingsRequest {
            region_code: "US".to_owned(),
            rule_id: rule.to_owned(),
            page_size: 100,
            ..Default::default()
        };
        let found = mine
            .compliance
            .list_findings(asking(request, "fully-consistent"))
            .await
            .expect("a list")
            .into_inner()
            .findings;
        let open = found.iter().filter(|one| one.status() == v1::FindingStatus::Open);
        let mut found: Vec<String> = open.map(|one| format!("{} {rule}", one.activity_id)).collect();
        found.sort();
        lines.extend(found);
    }
    for (case, person) in [("a", "p"), ("b", "p"), ("c", "p"), ("c", "q")] {
        for (day, channel) in [(10, v1::Channel::Call), (25, v1::Channel::Call), (38, v1::Channel::Sms)] {
            let request = v1::CheckContactRequest {
                region_code: "US".to_owned(),
                case_id: case.to_owned(),
                person_id: person.to_owned(),
                contact_time: stamp(day),
                contact: Some(v1::Contact {
                    channel: channel.into(),
                    contact_point_id: "n1".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let Ok(answer) = mine.compliance.check_contact(asking(request, "fully-consistent")).await else { continue }; // the case is still to come
            let answer = answer.into_inner();
            let mine = ["us-bankruptcy", "us-decedent", "us-medium-opt-out", "us-attorney", "zz-wrong-point"];
            let broken = answer.rules.iter().filter(|one| one.answer() == v1::Answer::Broken);
            let mut broken: Vec<&str> = broken.map(|one| one.rule_id.as_str()).filter(|id| mine.contains(id)).collect();
            broken.sort_unstable();
            lines.push(format!("{case} {person} {day}: {}", broken.join(" ")));
        }
    }
    lines
}

/// As counted by hand.
const STANDS: [&str; 16] = [
    "a-35 us-bankruptcy",
    "a-5 us-bankruptcy",
    "b-5 us-bankruptcy",
    "c-6 us-bankruptcy",
    "a p 10: us-bankruptcy",
    "a p 25: ",
    "a p 38: us-attorney us-bankruptcy us-medium-opt-out zz-wrong-point",
    "b p 10: us-bankruptcy",
    "b p 25: ",
    "b p 38: us-bankruptcy us-medium-opt-out zz-wrong-point",
    "c p 10: us-bankruptcy",
    "c p 25: ",
    "c p 38: us-bankruptcy us-medium-opt-out zz-wrong-point",
    "c q 10: ",
    "c q 25: ",
    "c q 38: ",
];

/// Another order in which cases come before what names them, by a number.
fn shuffled(seed: u64) -> Vec<Sent> {
    let mut left: Vec<Option<Sent>> = history().into_iter().map(Some).collect();
    let (mut state, mut order) = (seed, Vec::new());
    let named = |sent: &Sent| match sent {
        Sent::Case(_) | Sent::Void(_) => None,
        Sent::Activity(activity) => activity.case_ids.first().cloned(),
    };
    let mut known: Vec<String> = Vec::new();
    while left.iter().any(Option::is_some) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = (state >> 33) as usize % left.len();
        let may = left[place].as_ref().is_some_and(|sent| named(sent).is_none_or(|case| known.contains(&case)));
        if let Some(sent) = left[place].take_if(|_| may) {
            if let Sent::Case(request) = &sent {
                known.extend(request.case.as_ref().map(|case| case.case_id.clone()));
            }
            order.push(sent);
        }
    }
    order
}

/// A server that remembers nothing says the same.
async fn derived_from_what_is_stored(database: &Database) {
    let fresh = Api::start(database).await;
    for round in 0..ROUNDS {
        let tenant = format!("t{round}");
        fresh.tenant(&tenant, "").await;
        let mut mine = fresh.platform(&tenant).await;
        assert_eq!(stands(&mut mine).await, STANDS, "round {round}");
    }
    fresh.end().await;
}

/// Orders that are tried.
const ROUNDS: u64 = 6;

on_both_databases! {
    async fn what_is_told_of_a_person_binds_on_all_of_the_persons_cases(database: Database) {
        let api = Api::start(&database).await;
        let beside = if database.backend == Backend::Postgres { Some(Api::start(&database).await) } else { None };
        for round in 0..ROUNDS {
            let tenant = format!("t{round}");
            let mut all = Vec::new();
            for api in [Some(&api), beside.as_ref()].into_iter().flatten() {
                api.tenant(&tenant, "").await;
                all.push(api.platform(&tenant).await);
            }
            for sent in if round == 0 { history() } else { shuffled(round) } {
                send(&mut all[0], sent).await;
                for mine in all.iter_mut().filter(|_| round % 2 == 1) {
                    // Brings all of it into memory, where it must be kept right.
                    stands(mine).await;
                }
            }
            for (server, mine) in all.iter_mut().enumerate() {
                assert_eq!(stands(mine).await, STANDS, "round {round}, server {server}");
            }
        }
        api.end().await;
        if let Some(beside) = beside {
            beside.end().await;
        }
        derived_from_what_is_stored(&database).await;
    }
}

/// Cases of one person, and records that each bind on all of them: more together than one commit takes.
const MANY: (usize, usize) = (300, 200);

#[tokio::test]
async fn what_would_bind_on_too_many_cases_at_once_is_taken_in_smaller_batches() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    let cases = (0..MANY.0).filter_map(|number| case(&format!("c{number}"), "v", &["p"]).case).collect();
    let request = v1::BatchUpsertCasesRequest { region_code: "US".to_owned(), cases };
    mine.cases.batch_upsert_cases(request).await.expect("stored");
    let mut waiting: Vec<v1::Activity> = (0..MANY.1).map(|number| refused(&format!("r{number}"), "c7", 2)).collect();
    // Sent twice in one batch it is refused twice.
    waiting.push(waiting[MANY.1 - 1].clone());
    let mut rounds = 0;
    while !waiting.is_empty() {
        let request = v1::BatchRecordActivitiesRequest { region_code: "US".to_owned(), activities: waiting.clone() };
        let results = mine.activities.batch_record_activities(request).await.expect("answered").into_inner().results;
        let taken = results.iter().filter(|result| result.refusal.is_none()).count();
        assert!((1..=50_000 / MANY.0 + 1).contains(&taken), "{taken} of {} in round {rounds}", results.len());
        let mut left = Vec::new();
        for (activity, result) in waiting.into_iter().zip(results) {
            if let Some(refusal) = result.refusal {
                assert_eq!((refusal.reason.as_str(), refusal.retryable), ("TOO_MUCH_AT_ONCE", true), "{refusal:?}");
                assert!(refusal.field_violations[0].field.ends_with("].person_id"), "{refusal:?}");
                left.push(activity);
            }
        }
        waiting = left;
        rounds += 1;
    }
    assert_eq!(rounds, 2);
    api.end().await;
}
