//! Writes through the API: repeats, conflicts, refusals that leave the rest of a batch alone, corrections.

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use tonic::Code;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{batch, call, case, euros, fields, note, payment, reason, stamp};

fn upsert(case: v1::Case) -> v1::UpsertCaseRequest {
    v1::UpsertCaseRequest { region_code: "it".to_owned(), case: Some(case) }
}

fn record(activity: v1::Activity) -> v1::RecordActivityRequest {
    v1::RecordActivityRequest { region_code: "IT".to_owned(), activity: Some(activity) }
}

async fn with_case(clients: &mut Clients, id: &str) {
    clients.cases.upsert_case(upsert(case(id, "creditor"))).await.expect("a case");
}

async fn stored(clients: &mut Clients) -> Vec<v1::Activity> {
    let request = v1::ListActivitiesRequest { region_code: "IT".to_owned(), ..Default::default() };
    clients.activities.list_activities(request).await.expect("a list").into_inner().activities
}

on_both_databases!(
    async fn the_same_content_is_a_duplicate_and_other_content_a_conflict(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let first = mine.cases.upsert_case(upsert(case("c1", "creditor"))).await.expect("stored").into_inner();
        assert_eq!(first.status(), v1::WriteStatus::Created);
        let again = mine.cases.upsert_case(upsert(case("c1", "creditor"))).await.expect("known").into_inner();
        assert_eq!(again.status(), v1::WriteStatus::Duplicate);
        let mut changed = case("c1", "creditor");
        changed.closed = true;
        let conflict = mine.cases.upsert_case(upsert(changed)).await.expect_err("other content");
        assert_eq!((conflict.code(), reason(&conflict).as_str()), (Code::AlreadyExists, "ID_CONFLICT"));
        assert_eq!(fields(&conflict), ["case.closed"]);

        let sent = payment("p1", "c1", 1, 10);
        let first = mine.activities.record_activity(record(sent.clone())).await.expect("stored").into_inner();
        assert_eq!(first.status(), v1::WriteStatus::Created);
        let again = mine.activities.record_activity(record(sent)).await.expect("known").into_inner();
        assert_eq!((again.status(), again.revision >= first.revision), (v1::WriteStatus::Duplicate, true));
        let conflict = mine.activities.record_activity(record(payment("p1", "c1", 2, 10))).await.expect_err("moved");
        assert_eq!((conflict.code(), reason(&conflict).as_str()), (Code::AlreadyExists, "ID_CONFLICT"));
        assert_eq!(fields(&conflict), ["activity.occur_time"]);
        let dearer = mine.activities.record_activity(record(payment("p1", "c1", 1, 11))).await.expect_err("dearer");
        assert_eq!(fields(&dearer), ["activity.payment.amount"]);
        assert_eq!(stored(&mut mine).await.len(), 1);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_bad_record_does_not_stop_the_others(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        with_case(&mut mine, "c1").await;
        let mut too_fine = payment("too-fine", "c1", 1, 1);
        if let Some(v1::activity::Detail::Payment(payment)) = &mut too_fine.detail
            && let Some(amount) = &mut payment.amount
        {
            amount.nanos = 1_000_000;
        }
        let mut strange = call("strange", "c1", 1);
        strange.initiator = 99;
        let mut foreign = payment("foreign", "c1", 1, 1);
        if let Some(v1::activity::Detail::Payment(payment)) = &mut foreign.detail
            && let Some(amount) = &mut payment.amount
        {
            amount.currency_code = "SEK".to_owned();
        }
        let future = note("future", "c1", 365_000);
        let records = vec![
            note("n1", "c1", 1),
            too_fine,
            note("orphan", "nowhere", 1),
            strange,
            foreign,
            note("n1", "c1", 1),
            future,
            note("n2", "c1", 2),
        ];
        let answer = mine.activities.batch_record_activities(batch(records)).await.expect("an answer").into_inner();
        let seen: Vec<(i32, String, Vec<String>, bool)> = answer
            .results
            .into_iter()
            .map(|result| {
                let refusal = result.refusal.unwrap_or_default();
                let fields = refusal.field_violations.into_iter().map(|violation| violation.field).collect();
                (result.status, refusal.reason, fields, refusal.retryable)
            })
            .collect();
        let kept = |status: v1::WriteStatus| (status as i32, String::new(), Vec::new(), false);
        let refused = |reason: &str, field: &str, retryable| {
            (v1::WriteStatus::Refused as i32, reason.to_owned(), vec![field.to_owned()], retryable)
        };
        assert_eq!(
            seen,
            [
                kept(v1::WriteStatus::Created),
                refused("INVALID_FIELD", "activities[1].payment.amount", false),
                refused("CASE_UNKNOWN", "activities[2].case_ids[0]", true),
                refused("INVALID_FIELD", "activities[3].initiator", false),
                refused("CURRENCY_MISMATCH", "activities[4].payment.amount", false),
                kept(v1::WriteStatus::Duplicate),
                refused("TIME_IN_FUTURE", "activities[6].occur_time", false),
                kept(v1::WriteStatus::Created),
            ]
        );
        let ids: Vec<String> = stored(&mut mine).await.into_iter().map(|activity| activity.activity_id).collect();
        assert_eq!(ids, ["n1", "n2"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_batch_of_nothing_but_refusals_is_an_answer(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let answer = mine.activities.batch_record_activities(batch(vec![v1::Activity::default()])).await;
        let results = answer.expect("an answer").into_inner().results;
        assert_eq!(results.len(), 1);
        assert_eq!(results[0].status(), v1::WriteStatus::Refused);
        let broken = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![v1::Case::default()] };
        let answer = mine.cases.batch_upsert_cases(broken).await.expect("an answer").into_inner();
        assert_eq!(answer.results[0].status(), v1::WriteStatus::Refused);
        api.end().await;
    }
);

#[tokio::test]
async fn a_batch_is_bounded() {
    let database = crate::support::database::Database::fresh(crate::support::database::Backend::Sqlite).await;
    let api = Api::start_with(&database, &[("grpc.max_batch_items", "3")]).await;
    let mut mine = api.platform("mine").await;
    let notes = |count: i64| batch((0..count).map(|n| note(&format!("n{n}"), "c1", n)).collect());
    let status = mine.activities.batch_record_activities(notes(4)).await.expect_err("too many");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "BATCH_TOO_LARGE"));
    assert_eq!(fields(&status), ["activities"]);
    let status = mine.activities.batch_record_activities(notes(0)).await.expect_err("none");
    assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["activities".to_owned()]));
    assert_eq!(mine.activities.batch_record_activities(notes(3)).await.expect("fits").into_inner().results.len(), 3);
    api.end().await;
}

on_both_databases!(
    async fn an_etag_guards_an_upsert_and_money_never_changes_in_a_version(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        with_case(&mut mine, "c1").await;
        let get = v1::GetCaseRequest { region_code: "IT".to_owned(), case_id: "c1".to_owned(), read_mask: None };
        let known = mine.cases.get_case(get.clone()).await.expect("a case").into_inner().case.expect("a case");
        assert_eq!(known.version_count, 1);
        let next = |version: &str, etag: &str, closed: bool| {
            let mut next = case("c1", "creditor");
            (next.version_id, next.effect_time, next.etag, next.closed) =
                (version.to_owned(), stamp(5), etag.to_owned(), closed);
            next
        };
        mine.cases.upsert_case(upsert(next("v2", &known.etag, true))).await.expect("the etag is the newest");
        let late = mine.cases.upsert_case(upsert(next("v3", &known.etag, false))).await.expect_err("an old etag");
        assert_eq!((late.code(), reason(&late).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
        assert_eq!(fields(&late), ["case.etag"]);
        let read = mine.cases.get_case(get).await.expect("a case").into_inner().case.expect("a case");
        assert!(read.closed && read.version_count == 2 && read.etag != known.etag);

        let mut dearer = next("v4", "", false);
        dearer.claims[0].principal = euros(200);
        let status = mine.cases.upsert_case(upsert(dearer)).await.expect_err("another principal");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "IMMUTABLE_FIELD"));
        api.end().await;
    }
);

on_both_databases!(
    async fn voids_and_corrections_take_effect_together(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        with_case(&mut mine, "c1").await;
        let wrong = payment("p1", "c1", 1, 70);
        mine.activities.record_activity(record(wrong)).await.expect("stored");
        let correct = |replacement: v1::Activity| v1::CorrectActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: "p1".to_owned(),
            void_activity_id: "void of p1".to_owned(),
            void_time: stamp(2),
            reason: "typing error".to_owned(),
            replacement: Some(replacement),
        };
        let own_id = "replacement.activity_id";
        // A replacement that is refused leaves the wrong record standing: both halves or none.
        let orphan = mine.activities.correct_activity(correct(payment("p2", "nowhere", 1, 7))).await;
        let orphan = orphan.expect_err("an unknown case");
        assert_eq!(reason(&orphan), "CASE_UNKNOWN");
        assert_eq!(fields(&orphan), ["replacement.case_ids[0]"]);
        assert!(stored(&mut mine).await.iter().all(|activity| !activity.voided));
        let taken = mine.activities.correct_activity(correct(payment("p1", "c1", 1, 7))).await.expect_err("taken id");
        assert_eq!((reason(&taken).as_str(), fields(&taken)), ("INVALID_FIELD", vec![own_id.to_owned()]));
        // Word for word the wrong record, it would be the duplicate that its own void takes away.
        let same = mine.activities.correct_activity(correct(payment("p1", "c1", 1, 70))).await.expect_err("the target");
        assert_eq!((reason(&same).as_str(), fields(&same)), ("INVALID_FIELD", vec![own_id.to_owned()]));
        assert!(stored(&mut mine).await.iter().all(|activity| !activity.voided));

        for expected in [v1::WriteStatus::Created, v1::WriteStatus::Duplicate] {
            let answer = mine.activities.correct_activity(correct(payment("p2", "c1", 1, 7))).await;
            let answer = answer.expect("corrected").into_inner();
            assert_eq!((answer.void_status(), answer.replacement_status()), (expected, expected));
        }
        let again = v1::CorrectActivityRequest {
            void_activity_id: "another void of p1".to_owned(),
            ..correct(payment("p3", "c1", 1, 8))
        };
        let again = mine.activities.correct_activity(again).await.expect_err("p2 replaces it already");
        assert_eq!((again.code(), reason(&again).as_str()), (Code::FailedPrecondition, "ALREADY_VOIDED"));
        assert_eq!(fields(&again), ["target_activity_id"]);
        let file = v1::GetCaseFileRequest { region_code: "IT".to_owned(), case_id: "c1".to_owned(), read_mask: None };
        let file = mine.cases.get_case_file(file).await.expect("a page").into_inner().case_file.expect("a page");
        assert_eq!(file.balance.expect("a balance").total, euros(93));
        let voided: Vec<(String, bool)> =
            file.timeline.into_iter().map(|activity| (activity.activity_id, activity.voided)).collect();
        assert!(voided.contains(&("p1".to_owned(), true)) && voided.contains(&("p2".to_owned(), false)), "{voided:?}");

        let void = v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: "p2".to_owned(),
            void_activity_id: "void of p2".to_owned(),
            void_time: stamp(3),
            reason: String::new(),
        };
        for expected in [v1::WriteStatus::Created, v1::WriteStatus::Duplicate] {
            let answer = mine.activities.void_activity(void.clone()).await.expect("voided").into_inner();
            assert_eq!(answer.status(), expected);
        }
        // A void of a void would bring nothing back: whoever sends one is told so, and what else comes in is stored.
        let field = ["target_activity_id"];
        let of_void = v1::VoidActivityRequest {
            target_activity_id: "void of p2".to_owned(),
            void_activity_id: "void of the void".to_owned(),
            ..void.clone()
        };
        let refused = mine.activities.void_activity(of_void).await.expect_err("voids are final");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "VOID_IS_FINAL"));
        assert_eq!(fields(&refused), field);
        let of_itself = v1::VoidActivityRequest {
            target_activity_id: "of itself".to_owned(),
            void_activity_id: "of itself".to_owned(),
            ..void
        };
        let refused = mine.activities.void_activity(of_itself).await.expect_err("it voids itself");
        assert_eq!(reason(&refused), "VOID_IS_FINAL");
        let corrected = v1::CorrectActivityRequest {
            target_activity_id: "void of p2".to_owned(),
            void_activity_id: "another".to_owned(),
            ..correct(payment("p4", "c1", 1, 9))
        };
        let refused = mine.activities.correct_activity(corrected).await.expect_err("voids are final");
        assert_eq!((reason(&refused).as_str(), fields(&refused)), ("VOID_IS_FINAL", field.map(str::to_owned).to_vec()));
        assert!(stored(&mut mine).await.iter().all(|activity| activity.activity_id != "p4"));
        api.end().await;
    }
);

on_both_databases!(
    async fn what_replaces_a_record_is_in_force_or_nothing_is_voided(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        with_case(&mut mine, "c1").await;
        for (id, amount) in [("p1", 70), ("p2", 7), ("p4", 40)] {
            mine.activities.record_activity(record(payment(id, "c1", 1, amount))).await.expect("stored");
        }
        let void = |target: &str| v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: target.to_owned(),
            void_activity_id: format!("void of {target}"),
            void_time: stamp(2),
            reason: String::new(),
        };
        let correct = |target: &str, replacement: v1::Activity| v1::CorrectActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: target.to_owned(),
            void_activity_id: format!("void of {target}"),
            void_time: stamp(2),
            reason: String::new(),
            replacement: Some(replacement),
        };
        // p2 is on record and voided; p3 is voided before it comes.
        for target in ["p2", "p3"] {
            mine.activities.void_activity(void(target)).await.expect("voided");
            let replacement = payment(target, "c1", 1, 7);
            let refused = mine.activities.correct_activity(correct("p1", replacement)).await.expect_err(target);
            assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "ALREADY_VOIDED"));
            assert_eq!(fields(&refused), ["replacement.activity_id"]);
            let now = stored(&mut mine).await;
            assert!(now.iter().any(|activity| activity.activity_id == "p1" && !activity.voided), "{now:?}");
            assert!(now.iter().all(|activity| activity.activity_id != "p3"));
        }
        // One that is on record and in force will do; what becomes of it later does not change what was taken.
        let right = correct("p1", payment("p4", "c1", 1, 40));
        let answer = mine.activities.correct_activity(right.clone()).await.expect("corrected").into_inner();
        let statuses = (answer.void_status(), answer.replacement_status());
        assert_eq!(statuses, (v1::WriteStatus::Created, v1::WriteStatus::Duplicate));
        let next = correct("p4", payment("p5", "c1", 1, 41));
        mine.activities.correct_activity(next).await.expect("corrected again");
        let answer = mine.activities.correct_activity(right).await.expect("a repetition").into_inner();
        let statuses = (answer.void_status(), answer.replacement_status());
        assert_eq!(statuses, (v1::WriteStatus::Duplicate, v1::WriteStatus::Duplicate));
        api.end().await;
    }
);

#[tokio::test]
async fn a_key_does_what_its_roles_and_markets_say_before_anything_is_looked_up() {
    let database = crate::support::database::Database::fresh(crate::support::database::Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let reader = api.key("mine", &[Role::Reader], &[]).await;
    let refused = api.clients(&reader).activities.record_activity(record(v1::Activity::default())).await;
    let refused = refused.expect_err("no writer");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "ROLE_MISSING"));
    let checker = api.key("mine", &[Role::Checker], &[]).await;
    let get = v1::GetCaseRequest { region_code: "IT".to_owned(), case_id: "none".to_owned(), read_mask: None };
    let refused = api.clients(&checker).cases.get_case(get.clone()).await.expect_err("no reader");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let swedish = api.key("mine", &[Role::Reader], &["se"]).await;
    let elsewhere = api.clients(&swedish).cases.get_case(get).await.expect_err("another market");
    assert_eq!((elsewhere.code(), reason(&elsewhere).as_str()), (Code::InvalidArgument, "MARKET_UNKNOWN"));
    let unknown = v1::GetCaseRequest { region_code: "FR".to_owned(), case_id: "none".to_owned(), read_mask: None };
    let unknown = api.clients(&swedish).cases.get_case(unknown).await.expect_err("no such market");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::InvalidArgument, "MARKET_UNKNOWN"));
    assert_eq!(fields(&unknown), ["region_code"]);
    api.end().await;
}

/// A place or a law that no pack can be named by would silence the rules of the one that was meant: the full ISO code of a
/// state makes the state's law disappear, a country's name all limitation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_written_otherwise_than_packs_name_it_is_refused() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    let field = "case.parties[0].residences[0].subdivision_code";
    for (code, taken) in
        [("ny", true), ("9", true), ("US-NY", false), ("New York", false), ("N.Y", false), ("NY ", false)]
    {
        let mut here = case(&format!("in {code}"), "creditor");
        here.parties[0].residences[0].subdivision_code = code.to_owned();
        let refused = mine.cases.upsert_case(upsert(here)).await.err();
        assert_eq!(refused.is_none(), taken, "{code}: {refused:?}");
        assert!(refused.is_none_or(|status| status.code() == Code::InvalidArgument && fields(&status) == [field]));
    }
    let laws = ["it", "GB-ENG", "us-ny-nyc", "Italy", "italian law", "it-", "us-new york", "us-ny-", "-it", "u1"];
    for (law, taken) in laws.into_iter().zip([true, true, true, false, false, false, false, false, false, false]) {
        let mut under = case(&format!("under {law}"), "creditor");
        under.legal_class = Some(v1::LegalClass { governing_law: law.to_owned(), ..Default::default() });
        let refused = mine.cases.upsert_case(upsert(under)).await.err();
        assert_eq!(refused.is_none(), taken, "{law}: {refused:?}");
        let field = "case.legal_class.governing_law";
        assert!(refused.is_none_or(|status| status.code() == Code::InvalidArgument && fields(&status) == [field]));
    }
    api.end().await;
}

/// Midnight of another clock is another day: of the day that is meant nobody would know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fact_known_by_its_date_is_at_the_markets_midnight() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    with_case(&mut mine, "c1").await;
    // 19 March 2024 in Rome begins at 23:00 UTC of the 18th, and 1 April, in summer, at 22:00 UTC of 31 March.
    for (id, seconds, taken) in [
        ("winter", 1_710_802_800, true),
        ("summer", 1_711_922_400, true),
        ("utc", 1_710_806_400, false),
        ("winter-hour", 1_711_926_000, false),
    ] {
        let mut sent = note(id, "c1", 1);
        sent.date_only = true;
        sent.occur_time = Some(prost_types::Timestamp { seconds, nanos: 0 });
        let clock = v1::Activity { activity_id: format!("{id}-clock"), date_only: false, ..sent.clone() };
        mine.activities.record_activity(record(clock)).await.expect("with a clock time any instant will do");
        let refused = mine.activities.record_activity(record(sent)).await.err();
        assert_eq!(refused.is_none(), taken, "{id}: {refused:?}");
        if let Some(status) = refused {
            assert_eq!(
                (status.code(), fields(&status)),
                (Code::InvalidArgument, vec!["activity.occur_time".to_owned()])
            );
        }
    }
    api.end().await;
}
