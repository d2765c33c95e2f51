//! Events that a receiver refuses for good do not hold up the others: they are put aside, listed, sent again or dropped. And a
//! sink with several events under way keeps the order of each case.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use v1::change::After;
use v1::sync_service_client::SyncServiceClient;

use super::receive::{MARKET, changes, configured, described, in_order, place, sinks, told, until, write};
use super::sinks::{delivered, events, run, webhook};
use crate::support::database::on_both_databases;
use crate::support::receiver::{Delivery, Receiver, Reply};
use crate::support::service::{Service, caller};
use crate::support::workload;

async fn letters(service: &Service, key: &str) -> Vec<v1::DeadLetter> {
    let mut client = SyncServiceClient::new(caller(&service.address, key).await);
    let mut request = v1::ListDeadLettersRequest {
        region_code: MARKET.to_owned(),
        sink_id: "hub".to_owned(),
        page_size: 2,
        ..Default::default()
    };
    let mut all = Vec::new();
    loop {
        let page = client.list_dead_letters(request.clone()).await.expect("a page").into_inner();
        all.extend(page.dead_letters);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return all;
        }
    }
}

fn taken(deliveries: &[Delivery]) -> Vec<serde_json::Value> {
    let took = |one: &&Delivery| matches!(one.reply, Reply::Status(200) | Reply::Slow(_));
    deliveries.iter().filter(took).map(Delivery::event).collect()
}

fn ids(events: &[serde_json::Value]) -> Vec<String> {
    events.iter().map(|event| event["id"].as_str().expect("an id").to_owned()).collect()
}

on_both_databases!(
    async fn what_is_refused_for_good_is_put_aside_and_an_operator_decides(database: Database) {
        let receiver = Receiver::start().await;
        let directory = tempfile::tempdir().expect("a directory");
        let mut setup = configured(&database, &webhook(directory.path(), &receiver, "own = true", 1)).await;
        setup.set("sinks.max_dead_letters", "4");
        let admin = setup.another_key(vec![Role::Admin]).await;
        // Of what is written only these cases are refused: the changes of cases, not what happens on them.
        let bad = [workload::case_id(4), workload::case_id(8), workload::case_id(12)];
        let refused = bad.clone();
        receiver.judge(move |event| {
            let case = event["type"] == "fairdue.v1.change.case";
            let unfit = case && refused.iter().any(|id| event["subject"] == id.as_str());
            Reply::Status(if unfit { 422 } else { 200 })
        });
        let service = setup.start().await;
        write(&service, &setup.key, 0..24).await;
        delivered(&service, &setup.key).await;
        let all = changes(&service, &setup.key).await;
        delivered(&service, &setup.key).await;
        let aside = letters(&service, &setup.key).await;
        let subjects: HashSet<&str> = aside.iter().map(|letter| letter.subject_id.as_str()).collect();
        assert_eq!(subjects, bad.iter().map(String::as_str).collect());
        for letter in &aside {
            assert_eq!((letter.refusal_count, letter.entity()), (3, v1::SyncEntity::Case), "{letter:?}");
            assert!(letter.reason.contains("422") && !letter.replay_ordered, "{letter:?}");
            let stands = all.iter().any(|one| place(one).2 == letter.subject_id && one.revision == letter.revision);
            assert!(stands, "{letter:?}");
        }
        // Everything else has come, once and in order.
        let came = taken(&receiver.deliveries());
        let others: Vec<v1::Change> =
            all.iter().filter(|one| !(place(one).1 == "case" && bad.contains(&place(one).2))).cloned().collect();
        assert_eq!(in_order(&came, &others), 0);
        let sink = sinks(&service, &setup.key).await.remove(0);
        assert_eq!((sink.state(), sink.dead_letter_count), (v1::SinkState::Running, 3), "{sink:?}");

        // An operator lists them; orders are an administrator's, and about what there is.
        let (ok, listed) = run(&service, &setup.key, &["letters", "hub", "--market", MARKET]).await;
        assert!(ok && aside.iter().all(|letter| listed.contains(&letter.event_id)), "{listed}");
        let first = aside[0].event_id.as_str();
        let (ok, text) = run(&service, &setup.key, &["resend", "hub", first, "--market", MARKET]).await;
        assert!(!ok && text.contains("admin"), "{text}");
        let (ok, text) = run(&service, &admin, &["drop", "hub", &"0".repeat(32), "--market", MARKET]).await;
        assert!(!ok && text.contains("dead letter"), "{text}");
        let (ok, text) = run(&service, &admin, &["drop", "hub", "x", "--market", MARKET]).await;
        assert!(!ok && text.contains("event_ids[0]"), "{text}");

        // Sent again while it is still refused, it stays aside; taken, it is aside no more. What is dropped never comes.
        let before = receiver.deliveries().len();
        assert!(run(&service, &admin, &["resend", "hub", first, "--market", MARKET]).await.0);
        until("it is refused again", async || {
            receiver.deliveries().len() >= before + 3
                && letters(&service, &setup.key).await.iter().all(|one| !one.replay_ordered)
        })
        .await;
        assert_eq!(letters(&service, &setup.key).await.len(), 3);
        let dropped = aside[1].event_id.clone();
        assert!(run(&service, &admin, &["drop", "hub", &dropped, "--market", MARKET]).await.0);
        receiver.answer(|_| Reply::Status(200));
        let before = receiver.deliveries().len();
        assert!(run(&service, &admin, &["resend", "hub", "--all", "--market", MARKET]).await.0);
        until("nothing is aside", async || letters(&service, &setup.key).await.is_empty()).await;
        let again = taken(&receiver.deliveries()[before..]);
        let expected: Vec<&str> = [0, 2].iter().map(|at| aside[*at].event_id.as_str()).collect();
        assert_eq!(ids(&again), expected, "with the ids that they had");
        for event in &again {
            let change = told(event, &described());
            let Some(After::Case(case)) = &change.after else { panic!("{change:?}") };
            assert!(bad.contains(&case.case_id));
        }
        // The whole history once more brings the dropped one too.
        assert!(run(&service, &admin, &["replay", "hub", "--from", "0", "--market", MARKET]).await.0);
        until("the dropped one comes", async || ids(&taken(&receiver.deliveries())).contains(&dropped)).await;
        delivered(&service, &setup.key).await;

        // As many as may be are aside: then the sink is paused, and what an operator forgets makes room.
        receiver.judge(|event| Reply::Status(if event["type"] == "fairdue.v1.change.case" { 422 } else { 200 }));
        write(&service, &setup.key, 24..64).await;
        until("the sink is paused", async || sinks(&service, &setup.key).await[0].state() == v1::SinkState::Paused)
            .await;
        let seen = sinks(&service, &setup.key).await.remove(0);
        assert!(seen.pause_reason.contains("4 events are put aside already"), "{seen:?}");
        assert_eq!(seen.dead_letter_count, 4);
        receiver.answer(|_| Reply::Status(200));
        assert!(run(&service, &admin, &["resume", "hub", "--market", MARKET]).await.0);
        assert!(run(&service, &admin, &["resend", "hub", "--all", "--market", MARKET]).await.0);
        delivered(&service, &setup.key).await;
        until("nothing is aside", async || letters(&service, &setup.key).await.is_empty()).await;
        let all = changes(&service, &setup.key).await;
        delivered(&service, &setup.key).await;
        let came: HashSet<String> = ids(&taken(&receiver.deliveries())).into_iter().collect();
        assert_eq!(came.len(), all.len(), "every change has come in the end");
        assert_eq!(service.stop(), 0);
    }
);

/// What a change concerns: its cases, and itself.
fn concerns(change: &v1::Change) -> Vec<String> {
    let of = |activity: &v1::Activity| {
        let mut all = activity.case_ids.clone();
        all.push(activity.activity_id.clone());
        all
    };
    match change.after.as_ref().expect("what changed") {
        After::Case(case) => vec![case.case_id.clone()],
        After::Activity(activity) | After::Void(activity) => of(activity),
        After::Finding(finding) => vec![finding.finding_id.clone(), finding.case_id.clone()],
    }
}

on_both_databases!(
    async fn several_events_are_under_way_in_the_order_of_each_case(database: Database) {
        const SLOW_MS: u64 = 60;
        let receiver = Receiver::start().await;
        let directory = tempfile::tempdir().expect("a directory");
        let sink = webhook(directory.path(), &receiver, "own = true\nin_flight = 8", 1);
        let setup = configured(&database, &sink).await;
        let mut service = setup.start().await;
        let dice = std::sync::Mutex::new(crate::histories::deliver::Dice::new(7));
        receiver.answer(move |_| match dice.lock().expect("the lock").below(30) {
            0 => Reply::Status(503),
            1 => Reply::Cut,
            _ => Reply::Slow(SLOW_MS),
        });
        for round in 0..3_u32 {
            write(&service, &setup.key, round * 32..round * 32 + 32).await;
            service.kill();
            service = setup.start().await;
        }
        delivered(&service, &setup.key).await;
        let all = changes(&service, &setup.key).await;
        delivered(&service, &setup.key).await;

        let places: HashMap<_, usize> = all.iter().enumerate().map(|(at, change)| (place(change), at)).collect();
        let mut before: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, change) in all.iter().enumerate() {
            concerns(change).into_iter().for_each(|one| before.entry(one).or_default().push(at));
        }
        let mut arrived: HashSet<usize> = HashSet::new();
        for delivery in receiver.deliveries() {
            let change = told(&delivery.event(), &described());
            let at = places[&place(&change)];
            assert_eq!(change, all[at]);
            for earlier in concerns(&change).iter().flat_map(|one| &before[one]).filter(|earlier| **earlier < at) {
                assert!(arrived.contains(earlier), "{:?} was sent before {:?}", change, all[*earlier]);
            }
            if matches!(delivery.reply, Reply::Slow(_)) {
                arrived.insert(at);
            }
        }
        assert_eq!(arrived.len(), all.len(), "nothing is left out");

        // The same history once more, to a receiver that only takes its time: sooner than one after the other can be.
        receiver.answer(|_| Reply::Slow(SLOW_MS));
        let admin = setup.another_key(vec![Role::Admin]).await;
        let came = receiver.deliveries().len();
        let since = Instant::now();
        assert!(run(&service, &admin, &["replay", "hub", "--from", "0", "--market", MARKET]).await.0);
        until("all have come again", async || receiver.deliveries().len() >= came + all.len()).await;
        let alone = Duration::from_millis(SLOW_MS) * u32::try_from(all.len()).expect("a number");
        println!("{} events in {:?}, one by one at least {alone:?}", all.len(), since.elapsed());
        assert!(since.elapsed() * 2 < alone, "{:?} for {} events", since.elapsed(), all.len());
        let again = ids(&events(&receiver.deliveries()[came..]));
        assert_eq!(again.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(service.stop(), 0);
    }
);

on_both_databases!(
    async fn what_was_overtaken_comes_after_a_crash(database: Database) {
        let receiver = Receiver::start().await;
        let directory = tempfile::tempdir().expect("a directory");
        let sink = webhook(directory.path(), &receiver, "own = true\nin_flight = 8", 1);
        let mut setup = configured(&database, &sink).await;
        setup.set("sinks.max_refusals", "100");
        let late = workload::case_id(4);
        receiver.judge(move |event| {
            let unfit = event["type"] == "fairdue.v1.change.case" && event["subject"] == late.as_str();
            Reply::Status(if unfit { 422 } else { 200 })
        });
        let service = setup.start().await;
        write(&service, &setup.key, 0..32).await;
        until("the other cases of its commit overtake it", async || taken(&receiver.deliveries()).len() >= 7).await;
        // Longer than a place is kept in memory alone.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let before = taken(&receiver.deliveries()).len();
        service.kill();
        receiver.answer(|_| Reply::Status(200));
        let service = setup.start().await;
        let all = changes(&service, &setup.key).await;
        delivered(&service, &setup.key).await;
        let came: HashSet<String> = ids(&taken(&receiver.deliveries())).into_iter().collect();
        assert_eq!(came.len(), all.len(), "every change has come, {before} of them before the crash");
        assert_eq!(service.stop(), 0);
    }
);

on_both_databases!(
    async fn an_order_to_a_sink_that_has_nothing_to_send_is_carried_out_within_a_second(database: Database) {
        let receiver = Receiver::start().await;
        let directory = tempfile::tempdir().expect("a directory");
        let mut setup = configured(&database, &webhook(directory.path(), &receiver, "own = true", 1)).await;
        // Signs of life are ten seconds apart.
        setup.set("sinks.lease_seconds", "30");
        let admin = setup.another_key(vec![Role::Admin]).await;
        receiver.judge(|event| Reply::Status(if event["type"] == "fairdue.v1.change.case" { 422 } else { 200 }));
        let service = setup.start().await;
        write(&service, &setup.key, 0..4).await;
        delivered(&service, &setup.key).await;
        assert_eq!(letters(&service, &setup.key).await.len(), 1);
        receiver.answer(|_| Reply::Status(200));
        for order in [["resend", "hub", "--all"], ["replay", "hub", "--from=0"]] {
            // Nothing that an event in the last moment has just looked for.
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            let came = receiver.deliveries().len();
            let arguments = [&order[..], &["--market", MARKET]].concat();
            assert!(run(&service, &admin, &arguments).await.0);
            let since = Instant::now();
            until("something comes", async || receiver.deliveries().len() > came).await;
            // A second, with room for a machine that is busy.
            assert!(since.elapsed() < Duration::from_secs(4), "{order:?} after {:?}", since.elapsed());
            delivered(&service, &setup.key).await;
        }
        assert_eq!(service.stop(), 0);
    }
);
