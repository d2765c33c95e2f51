//! Permits through the API: a check holds a place, and what becomes of the place.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fairdue::clock::Clock;
use fairdue::domain::principal::Role;
use fairdue::domain::time::SECOND;
use fairdue::proto::v1;
use tonic::{Code, Status};
use v1::{PermitState as Is, Verdict};

use crate::support::api::{Api, Clients};
use crate::support::database::{Database, on_both_databases};
use crate::support::wire::{at, batch, call, case, fields, note, reason, stamp};

/// A server whose clock stands at noon of a working day in Rome, and the hand of that clock.
pub async fn start(database: &Database, settings: &[(&str, &str)]) -> (Api, Arc<AtomicI64>) {
    let (clock, hand) = Clock::manual(at(0));
    (Api::start_at(database, settings, clock).await, hand)
}

/// Opens cases.
pub async fn open(clients: &mut Clients, ids: &[&str]) {
    let own = |id: &&str| {
        let mut case = case(id, "creditor");
        case.identity.get_or_insert_default().collector_role = v1::CollectorRole::Creditor.into();
        case
    };
    let cases = ids.iter().map(own).collect();
    let request = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
    clients.cases.batch_upsert_cases(request).await.expect("cases");
}

/// A question about a call now, of which the house rule allows two in seven days on a case.
pub fn question(case: &str) -> v1::CheckContactRequest {
    v1::CheckContactRequest {
        region_code: "IT".to_owned(),
        case_id: case.to_owned(),
        contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
        ..Default::default()
    }
}

/// The same question, with a wish for a permit.
pub fn wish(case: &str, permit: &str) -> v1::CheckContactRequest {
    v1::CheckContactRequest {
        reserve: Some(v1::Reservation { permit_id: permit.to_owned(), ttl: None }),
        ..question(case)
    }
}

pub async fn ask(clients: &mut Clients, request: v1::CheckContactRequest) -> Result<v1::CheckContactResponse, Status> {
    clients.compliance.check_contact(request).await.map(tonic::Response::into_inner)
}

/// The answer's verdict and the state of its permit.
async fn asked(clients: &mut Clients, request: v1::CheckContactRequest) -> (Verdict, Option<Is>) {
    let answer = ask(clients, request).await.expect("an answer");
    (answer.verdict(), answer.permit.map(|permit| permit.state()))
}

pub async fn release(clients: &mut Clients, permit: &str) -> Result<v1::Permit, Status> {
    let request = v1::ReleasePermitRequest { region_code: "IT".to_owned(), permit_id: permit.to_owned() };
    let answer = clients.compliance.release_permit(request).await?;
    Ok(answer.into_inner().permit.expect("the permit"))
}

pub async fn record(clients: &mut Clients, activities: Vec<v1::Activity>) {
    let answer = clients.activities.batch_record_activities(batch(activities)).await.expect("an answer").into_inner();
    assert!(answer.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{answer:?}");
}

/// A call that uses a permit.
pub fn using(permit: &str, id: &str, case: &str) -> v1::Activity {
    let control = v1::Control { permit_id: permit.to_owned(), ..Default::default() };
    v1::Activity { control: Some(control), ..call(id, case, 0) }
}

fn void(id: &str, target: &str) -> v1::VoidActivityRequest {
    v1::VoidActivityRequest {
        region_code: "IT".to_owned(),
        target_activity_id: target.to_owned(),
        void_activity_id: id.to_owned(),
        void_time: stamp(0),
        reason: String::new(),
    }
}

/// What the house rule has seen, and what of.
fn counted(answer: &v1::CheckContactResponse) -> (i64, Vec<String>) {
    let rule = answer.rules.iter().find(|rule| rule.rule_id == "tenant-house-calls").expect("the house rule speaks");
    let seen = rule.observation.as_ref().and_then(|observation| observation.observed).expect("a count");
    (seen, rule.evidence_activity_ids.clone())
}

const YES: (Verdict, Option<Is>) = (Verdict::Allowed, Some(Is::Held));
const NO: (Verdict, Option<Is>) = (Verdict::NotPermitted, None);

on_both_databases!(
    async fn a_permit_holds_its_place_until_it_is_used_released_or_expired(database: Database) {
        let (api, hand) = start(&database, &[]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1", "c2"]).await;
        assert_eq!(asked(&mut mine, wish("c1", "p1")).await, YES);
        assert_eq!(asked(&mut mine, wish("c1", "p2")).await, YES);
        assert_eq!(asked(&mut mine, wish("c1", "p3")).await, NO);
        let plain = ask(&mut mine, question("c1")).await.expect("an answer");
        let (seen, evidence) = counted(&plain);
        assert_eq!((plain.verdict(), seen), (Verdict::NotPermitted, 3));
        assert!(["p1", "p2"].iter().all(|permit| evidence.iter().any(|one| one == permit)), "{evidence:?}");
        assert_eq!(asked(&mut mine, question("c2")).await, (Verdict::Allowed, None));

        // A check of the past is about what had happened.
        let past = v1::CheckContactRequest { contact_time: stamp(-1), ..question("c1") };
        assert_eq!(asked(&mut mine, past).await, (Verdict::Allowed, None));

        // Released: the place is free again, however often it is said.
        for _ in 0..2 {
            assert_eq!(release(&mut mine, "p1").await.expect("released").state(), Is::Released);
        }
        assert_eq!(asked(&mut mine, wish("c1", "p1")).await, (Verdict::Allowed, Some(Is::Released)));
        assert_eq!(asked(&mut mine, wish("c1", "p3")).await, YES);

        // Used: the contact stands in its place, and is not counted twice. On another case it does not use it.
        record(&mut mine, vec![using("p2", "elsewhere", "c2")]).await;
        assert_eq!(asked(&mut mine, wish("c1", "p2")).await, YES);
        record(&mut mine, vec![using("p2", "used", "c1")]).await;
        assert_eq!(asked(&mut mine, wish("c1", "p2")).await, (Verdict::Allowed, Some(Is::Used)));
        assert_eq!(counted(&ask(&mut mine, question("c1")).await.expect("an answer")).0, 3);
        let used = release(&mut mine, "p2").await.expect_err("it is used");
        assert_eq!((used.code(), reason(&used).as_str()), (Code::FailedPrecondition, "PERMIT_USED"));
        assert_eq!(fields(&used), ["permit_id"]);

        // The contact was not made after all.
        mine.activities.void_activity(void("void", "used")).await.expect("a void");
        assert_eq!(asked(&mut mine, wish("c1", "p2")).await, YES);
        assert_eq!(asked(&mut mine, question("c1")).await, NO);

        // Expired: at its end it holds nothing, with nothing written.
        hand.fetch_add(300 * SECOND - 1, Ordering::SeqCst);
        assert_eq!(asked(&mut mine, question("c1")).await, NO);
        hand.fetch_add(1, Ordering::SeqCst);
        assert_eq!(asked(&mut mine, question("c1")).await, (Verdict::Allowed, None));
        assert_eq!(asked(&mut mine, wish("c1", "p3")).await, (Verdict::Allowed, Some(Is::Expired)));
        assert_eq!(release(&mut mine, "p3").await.expect("nothing to release").state(), Is::Expired);
        assert_eq!(asked(&mut mine, wish("c1", "p4")).await, YES);
        api.end().await;
    }
);

on_both_databases!(
    async fn the_same_wish_has_the_same_permit_and_others_are_told(database: Database) {
        let (api, _hand) = start(&database, &[("advice.max_permits", "2")]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1", "c2", "c3"]).await;
        let first = ask(&mut mine, wish("c1", "p1")).await.expect("an answer");
        let again = ask(&mut mine, wish("c1", "p1")).await.expect("an answer");
        assert_eq!((&first.permit, &first.check_id), (&again.permit, &again.check_id));
        assert_eq!((first.verdict(), first.contact_time), (again.verdict(), again.contact_time));
        let permit = first.permit.expect("a permit");
        assert_eq!((permit.check_id, permit.person_id.as_str()), (first.check_id, "person of c1"));

        let mut refused = Vec::new();
        let later = v1::CheckContactRequest { contact_time: stamp(1), ..wish("c1", "new") };
        let earlier = v1::CheckContactRequest { contact_time: stamp(-1), ..wish("c1", "new") };
        let lasting = |seconds, nanos| {
            let ttl = Some(prost_types::Duration { seconds, nanos });
            v1::CheckContactRequest {
                reserve: Some(v1::Reservation { permit_id: "new".to_owned(), ttl }),
                ..question("c1")
            }
        };
        for request in [
            wish("c2", "p1"),
            wish("unknown", "new"),
            wish("c1", ""),
            later,
            earlier,
            lasting(86_401, 0),
            lasting(0, 0),
            lasting(-1, 0),
            lasting(1, 500_000_000),
        ] {
            let status = ask(&mut mine, request).await.expect_err("it is wrong");
            refused.push((status.code(), reason(&status), fields(&status).join(" ")));
        }
        let told: Vec<_> =
            refused.iter().map(|(code, reason, field)| (*code, reason.as_str(), field.as_str())).collect();
        let invalid = |field| (Code::InvalidArgument, "INVALID_FIELD", field);
        assert_eq!(
            told,
            [
                (Code::AlreadyExists, "ID_CONFLICT", "case_id"),
                (Code::NotFound, "NOT_FOUND", "case_id"),
                invalid("reserve.permit_id"),
                invalid("contact_time"),
                invalid("contact_time"),
                invalid("reserve.ttl"),
                invalid("reserve.ttl"),
                invalid("reserve.ttl"),
                invalid("reserve.ttl"),
            ]
        );
        let unknown = release(&mut mine, "new").await.expect_err("none was granted");
        assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "NOT_FOUND"));

        // As many as the market may hold.
        assert_eq!(asked(&mut mine, wish("c2", "p2")).await, YES);
        let full = ask(&mut mine, wish("c3", "p3")).await.expect_err("the market is full");
        assert_eq!((full.code(), reason(&full).as_str()), (Code::ResourceExhausted, "TOO_MANY_PERMITS"));
        release(&mut mine, "p2").await.expect("released");
        assert_eq!(asked(&mut mine, wish("c3", "p3")).await, YES);

        // Who may only read does not reserve.
        let reader = api.key("mine", &[Role::Reader], &[]).await;
        let mut reader = api.clients(&reader);
        assert_eq!(asked(&mut reader, question("c1")).await, (Verdict::Allowed, None));
        for status in [
            ask(&mut reader, wish("c1", "p9")).await.expect_err("no role"),
            release(&mut reader, "p1").await.expect_err("no role"),
        ] {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "ROLE_MISSING"));
        }
        api.end().await;
    }
);

on_both_databases!(
    async fn a_case_holds_no_more_permits_than_checks_can_look_at(database: Database) {
        let (api, _hand) = start(&database, &[]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1", "c2"]).await;
        let letter = |case: &str, number: usize| v1::CheckContactRequest {
            contact: Some(v1::Contact { channel: v1::Channel::Letter.into(), ..Default::default() }),
            ..wish(case, &format!("{case} {number}"))
        };
        for number in 0..64 {
            assert_eq!(asked(&mut mine, letter("c1", number)).await.1, Some(Is::Held), "{number}");
        }
        let full = ask(&mut mine, letter("c1", 64)).await.expect_err("the case is full");
        assert_eq!((full.code(), reason(&full).as_str()), (Code::ResourceExhausted, "TOO_MANY_PERMITS"));
        assert_eq!(asked(&mut mine, letter("c2", 0)).await.1, Some(Is::Held));
        api.end().await;
    }
);

on_both_databases!(
    async fn permits_outlive_the_server(database: Database) {
        let (api, hand) = start(&database, &[]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1"]).await;
        assert_eq!(asked(&mut mine, wish("c1", "p1")).await, YES);
        assert_eq!(asked(&mut mine, wish("c1", "p2")).await, YES);
        record(&mut mine, vec![using("p2", "used", "c1")]).await;
        api.end().await;

        let (api, _) = start(&database, &[]).await;
        let mut mine = api.platform("mine").await;
        assert_eq!(counted(&ask(&mut mine, question("c1")).await.expect("an answer")).0, 3);
        assert_eq!(asked(&mut mine, wish("c1", "p1")).await, YES);
        assert_eq!(asked(&mut mine, wish("c1", "p2")).await, (Verdict::Allowed, Some(Is::Used)));
        api.end().await;

        hand.fetch_add(300 * SECOND, Ordering::SeqCst);
        let (clock, _) = Clock::manual(fairdue::domain::time::Timestamp(hand.load(Ordering::SeqCst)));
        let api = Api::start_at(&database, &[], clock).await;
        let mut mine = api.platform("mine").await;
        assert_eq!(counted(&ask(&mut mine, question("c1")).await.expect("an answer")).0, 2);
        assert_eq!(asked(&mut mine, wish("c1", "p1")).await, (Verdict::Allowed, Some(Is::Expired)));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_place_that_is_held_for_later_is_not_lost_to_a_contact_before_it(database: Database) {
        let (api, _hand) = start(&database, &[("advice.max_permit_seconds", "604800")]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1"]).await;
        let on = |day: i64, permit: &str| {
            let ttl = Some(prost_types::Duration { seconds: 604_800, nanos: 0 });
            let reserve = Some(v1::Reservation { permit_id: permit.to_owned(), ttl });
            v1::CheckContactRequest { contact_time: stamp(day), reserve, ..question("c1") }
        };
        assert_eq!(asked(&mut mine, on(2, "p1")).await, YES);
        assert_eq!(asked(&mut mine, on(3, "p2")).await, YES);
        // Nothing has happened before it, and yet a call now would make the second one unlawful.
        assert_eq!(asked(&mut mine, question("c1")).await, NO);
        assert_eq!(asked(&mut mine, on(1, "p3")).await, NO);
        assert_eq!(asked(&mut mine, on(4, "p3")).await, NO);
        let told = ask(&mut mine, question("c1")).await.expect("an answer");
        let (seen, evidence) = counted(&told);
        assert_eq!(seen, 3);
        assert!(evidence.iter().any(|one| one == "p2"), "{evidence:?}");
        // What is told as the next lawful time is one, also where the hours of the day alone forbid the one asked about.
        for hours in [0, 10, 24, 34, 58] {
            let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
            let now = stamp(0).expect("now").seconds + hours * 3_600 + 1_800;
            let told = ask(&mut mine, v1::CheckContactRequest { contact_time: at(now), ..question("c1") }).await;
            let told = told.expect("an answer");
            assert_eq!(told.verdict(), Verdict::NotPermitted, "after {hours} hours");
            let next = told.next_allow_time.expect("a time behind both permits");
            let there = v1::CheckContactRequest { contact_time: Some(next), ..question("c1") };
            assert_eq!(asked(&mut mine, there).await, (Verdict::Allowed, None), "{next:?}, after {hours} hours");
        }
        release(&mut mine, "p1").await.expect("released");
        assert_eq!(asked(&mut mine, on(1, "p3")).await, YES);
        api.end().await;
    }
);

on_both_databases!(
    async fn findings_know_nothing_of_permits(database: Database) {
        let (api, _hand) = start(&database, &[]).await;
        let mut seen = Vec::new();
        for tenant in ["mine", "theirs"] {
            let mut clients = api.platform(tenant).await;
            open(&mut clients, &["c1"]).await;
            if tenant == "mine" {
                assert_eq!(asked(&mut clients, wish("c1", "p1")).await, YES);
                assert_eq!(asked(&mut clients, wish("c1", "p2")).await, YES);
            }
            // Two calls of the days before are told late: the one with the permit breaks the rule all the same.
            record(&mut clients, vec![using("p1", "permitted", "c1")]).await;
            record(&mut clients, vec![call("late 1", "c1", -1), call("late 2", "c1", -2)]).await;
            let list = v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() };
            let findings = clients.compliance.list_findings(list).await.expect("a list").into_inner().findings;
            let told = findings.into_iter().map(|finding| {
                (finding.rule_id, finding.activity_id, finding.observation, finding.evidence_activity_ids)
            });
            seen.push(told.collect::<Vec<_>>());
        }
        assert_eq!(seen[0].len(), 1, "{seen:?}");
        assert_eq!((seen[0][0].0.as_str(), seen[0][0].1.as_str()), ("tenant-house-calls", "permitted"));
        assert_eq!(seen[0], seen[1]);
        api.end().await;
    }
);

on_both_databases!(
    async fn only_contacts_may_name_a_permit(database: Database) {
        let (api, _hand) = start(&database, &[]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1"]).await;
        let control = v1::Control { permit_id: "p1".to_owned(), ..Default::default() };
        let noted = v1::Activity { control: Some(control), ..note("n1", "c1", 0) };
        let request = v1::RecordActivityRequest { region_code: "IT".to_owned(), activity: Some(noted) };
        let refused = mine.activities.record_activity(request).await.expect_err("a note uses no permit");
        assert_eq!(
            (reason(&refused).as_str(), fields(&refused)),
            ("INVALID_FIELD", vec!["activity.control.permit_id".to_owned()])
        );
        // A contact may come before anybody here has heard of its permit.
        record(&mut mine, vec![using("unknown", "a1", "c1"), note("n1", "c1", 0)]).await;
        api.end().await;
    }
);

on_both_databases!(
    async fn the_case_file_shows_what_permits_leave(database: Database) {
        let (api, _hand) = start(&database, &[]).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1"]).await;
        let calls = async |mine: &mut Clients| {
            let request =
                v1::GetCaseFileRequest { region_code: "IT".to_owned(), case_id: "c1".to_owned(), read_mask: None };
            let file = mine.cases.get_case_file(request).await.expect("a case file").into_inner();
            let permissions = file.case_file.expect("the file").contact_permissions;
            let call = permissions.into_iter().find(|one| one.channel() == v1::Channel::Call);
            call.expect("calls").verdict()
        };
        assert_eq!(calls(&mut mine).await, Verdict::Allowed);
        for permit in ["p1", "p2"] {
            assert_eq!(asked(&mut mine, wish("c1", permit)).await, YES);
        }
        assert_eq!(calls(&mut mine).await, Verdict::NotPermitted);
        api.end().await;
    }
);
