//! What is sent again, in another way or grouped otherwise, comes to the same; and what nobody can have received yet is refused.

use fairdue::proto::v1;
use tonic::Code;
use v1::WriteStatus::{Created, Refused};

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, batch, call, case, euros, fields, payment, reason, stamp};

async fn with_case(api: &Api) -> Clients {
    let mut mine = api.platform("mine").await;
    let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("c1", "bank")) };
    mine.cases.upsert_case(request).await.expect("a case");
    mine
}

fn void(id: &str, target: &str) -> v1::Activity {
    let void = v1::VoidRecord { target_activity_id: target.to_owned(), ..Default::default() };
    v1::Activity { case_ids: Vec::new(), ..activity(id, "", 3, v1::activity::Detail::Void(void)) }
}

async fn send(mine: &mut Clients, activities: Vec<v1::Activity>) -> Vec<v1::WriteResult> {
    mine.activities.batch_record_activities(batch(activities)).await.expect("answered").into_inner().results
}

fn became(results: &[v1::WriteResult]) -> Vec<v1::WriteStatus> {
    results.iter().map(v1::WriteResult::status).collect()
}

async fn is_voided(mine: &mut Clients, id: &str) -> bool {
    let request =
        v1::GetActivityRequest { region_code: "IT".to_owned(), activity_id: id.to_owned(), ..Default::default() };
    mine.activities.get_activity(request).await.expect("an activity").into_inner().activity.expect("one").voided
}

async fn owed(mine: &mut Clients) -> Option<fairdue::proto::google::r#type::Money> {
    let request = v1::GetCaseFileRequest { region_code: "IT".to_owned(), case_id: "c1".to_owned(), read_mask: None };
    let file = mine.cases.get_case_file(request).await.expect("a file").into_inner().case_file.expect("a file");
    file.balance.expect("a balance").total
}

on_both_databases!(
    async fn a_correction_sent_again_with_another_replacement_is_refused(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = with_case(&api).await;
        send(&mut mine, vec![payment("p1", "c1", 1, 10)]).await;
        let correct = |id: &str, units: i64| v1::CorrectActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: "p1".to_owned(),
            void_activity_id: "v1".to_owned(),
            void_time: stamp(2),
            reason: String::new(),
            replacement: Some(payment(id, "c1", 1, units)),
        };
        mine.activities.correct_activity(correct("p2", 11)).await.expect("corrected");
        // A client that makes a new id for each try has the same payment twice, were it taken.
        for (id, units) in [("p3", 11), ("p4", 12)] {
            let again = mine.activities.correct_activity(correct(id, units)).await.expect_err("another replacement");
            assert_eq!((again.code(), reason(&again).as_str()), (Code::FailedPrecondition, "ALREADY_VOIDED"));
            assert!(fields(&again).contains(&"void_activity_id".to_owned()), "{again:?}");
        }
        let same = mine.activities.correct_activity(correct("p2", 11)).await.expect("the same again").into_inner();
        assert_eq!(same.replacement_status(), v1::WriteStatus::Duplicate);
        assert_eq!(owed(&mut mine).await, euros(89));
        // A void alone had no replacement, and gets none by its own id.
        send(&mut mine, vec![payment("q1", "c1", 1, 20)]).await;
        assert_eq!(became(&send(&mut mine, vec![void("w1", "q1")]).await), [Created]);
        let late = v1::CorrectActivityRequest {
            target_activity_id: "q1".to_owned(),
            void_activity_id: "w1".to_owned(),
            void_time: stamp(3),
            ..correct("q2", 21)
        };
        let late = mine.activities.correct_activity(late).await.expect_err("q1 is void without a replacement");
        assert_eq!(reason(&late), "ALREADY_VOIDED");
        assert_eq!(owed(&mut mine).await, euros(89));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_void_is_taken_beside_another_of_its_target_that_is_refused(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = with_case(&api).await;
        send(&mut mine, vec![payment("wa", "c1", 1, 10), payment("wt", "c1", 1, 20)]).await;
        let results = send(&mut mine, vec![void("wa", "wt"), void("wb", "wt"), void("wc", "wt")]).await;
        assert_eq!(became(&results), [Refused, Created, v1::WriteStatus::Duplicate], "{results:?}");
        assert_eq!(results[0].refusal.as_ref().map(|refusal| refusal.reason.as_str()), Some("ID_CONFLICT"));
        assert!(is_voided(&mut mine, "wt").await && !is_voided(&mut mine, "wa").await);
        assert_eq!(owed(&mut mine).await, euros(90));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_void_of_what_turns_out_to_be_a_void_is_taken_however_they_come(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = with_case(&api).await;
        send(&mut mine, vec![payment("p", "c1", 1, 10), payment("q", "c1", 1, 20)]).await;
        // One by one, as they were recorded, and as a copy is fed with them.
        assert_eq!(became(&send(&mut mine, vec![void("v1", "v2")]).await), [Created]);
        assert_eq!(became(&send(&mut mine, vec![void("v2", "p")]).await), [Created]);
        assert_eq!(became(&send(&mut mine, vec![void("w1", "w2"), void("w2", "q")]).await), [Created, Created]);
        for (void, target) in [("v2", "p"), ("w2", "q")] {
            assert!(is_voided(&mut mine, target).await, "{target}");
            assert!(!is_voided(&mut mine, void).await, "{void} is final");
        }
        assert_eq!(owed(&mut mine).await, euros(100));
        // What is known to be a void is told so.
        let known = send(&mut mine, vec![void("x", "v2")]).await;
        assert_eq!(known[0].refusal.as_ref().map(|refusal| refusal.reason.as_str()), Some("VOID_IS_FINAL"));
        let before = send(&mut mine, vec![payment("r", "c1", 1, 30), void("y2", "r"), void("y1", "y2")]).await;
        assert_eq!(became(&before), [Created, Created, Created]);
        assert!(is_voided(&mut mine, "r").await && !is_voided(&mut mine, "y2").await);
        api.end().await;
    }
);

on_both_databases!(
    async fn what_nobody_can_have_received_yet_is_refused(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = with_case(&api).await;
        let later = Some(prost_types::Timestamp { seconds: 2_803_000_000, nanos: 0 });
        let cease = v1::ConditionChange { condition: v1::Condition::CeaseRequested.into(), ..Default::default() };
        let cease = activity("cease", "c1", 1, v1::activity::Detail::Condition(cease));
        let sent = vec![
            v1::Activity { receive_time: later, ..cease.clone() },
            v1::Activity { end_time: later, ..call("call", "c1", 1) },
            v1::Activity { receive_time: stamp(2), ..cease },
        ];
        let results = send(&mut mine, sent).await;
        assert_eq!(became(&results), [Refused, Refused, Created]);
        for (result, field) in results.iter().zip(["receive_time", "end_time"]) {
            let refusal = result.refusal.clone().expect("a refusal");
            assert_eq!(refusal.reason, "TIME_IN_FUTURE");
            let told = &refusal.field_violations[0];
            assert!(told.field.ends_with(field) && told.description.contains("2058"), "{told:?}");
        }
        let mut stated = case("c2", "bank");
        let condition = v1::ConditionPeriod {
            condition: v1::Condition::Represented.into(),
            start_time: stamp(1),
            receive_time: later,
            ..Default::default()
        };
        stated.parties[0].conditions.push(condition);
        let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(stated) };
        let refused = mine.cases.upsert_case(request).await.expect_err("a letter of 2058");
        assert_eq!(reason(&refused), "TIME_IN_FUTURE");
        assert_eq!(fields(&refused), ["case.parties[0].conditions[0].receive_time"]);
        api.end().await;
    }
);

/// The largest amount, and so many of it that their cents are more than 64 bits count.
const LARGEST: i64 = 10_000_000_000_000;
const TIMES: i64 = 9_300;

on_both_databases!(
    async fn sums_beyond_any_amount_are_told(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = with_case(&api).await;
        let charged = |number: i64| {
            let step = v1::ChargeStep::Demand.into();
            let charge = v1::Charge { amount: euros(LARGEST), step, ..Default::default() };
            activity(&format!("x{number}"), "c1", 1, v1::activity::Detail::Charge(charge))
        };
        let all: Vec<_> = (0..TIMES).map(charged).collect();
        for part in all.chunks(5_000) {
            let results = send(&mut mine, part.to_vec()).await;
            assert!(became(&results).iter().all(|became| *became == Created), "{results:?}");
        }
        assert_eq!(owed(&mut mine).await, euros(TIMES * LARGEST + 100));
        let request = v1::GetMarketStatusRequest { region_code: "IT".to_owned() };
        let status = mine.sync.get_market_status(request).await.expect("a status").into_inner();
        let sums: Vec<_> = status.tallies.iter().flat_map(|tally| &tally.sums).map(|sum| sum.units).collect();
        assert!(sums.contains(&(TIMES * LARGEST)), "{sums:?}");
        api.end().await;
    }
);
