//! Two servers over one database are given the same records at once: each is stored once, the same id with
//! another content is refused, nobody meets a database conflict, and both give the figures of a recount.
//! `FAIRDUE_REPLICA_CASES` sets the number of cases (default 32).

use std::collections::BTreeMap;
use std::sync::Arc;

use fairdue::proto::v1;
use tokio::sync::Semaphore;
use v1::WriteStatus;
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;

use crate::figures;
use crate::support::database::{Backend, Database};
use crate::support::service::{Caller, Setup, caller};
use crate::support::workload::{self, MARKETS};

/// Calls under way at once.
const CALLERS: usize = 32;
/// How often each record is sent to each replica.
const TIMES: usize = 3;

/// What became of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Created,
    Duplicate,
    Conflict,
}

async fn send(mut client: ActivityServiceClient<Caller>, region: &str, activity: v1::Activity) -> Answer {
    let request = v1::RecordActivityRequest { region_code: region.into(), activity: Some(activity) };
    match client.record_activity(request).await {
        Ok(answer) => match answer.get_ref().status() {
            WriteStatus::Created => Answer::Created,
            WriteStatus::Duplicate => Answer::Duplicate,
            other => panic!("a single call was answered with {other:?}"),
        },
        Err(status) if status.code() == tonic::Code::AlreadyExists => Answer::Conflict,
        Err(status) => panic!("a client met {status:?}"),
    }
}

/// A note under an id that another note has too.
fn note(id: u32, code: &str) -> v1::Activity {
    v1::Activity {
        activity_id: format!("race-{id}"),
        case_ids: vec![workload::case_id(0)],
        occur_time: Some(workload::time(0)),
        detail: Some(v1::activity::Detail::Note(v1::Note { code: code.into() })),
        ..Default::default()
    }
}

/// Sends (market, activity, replica), many at once and in this order; returns the answers by id, each with the content
/// that it answers.
async fn send_all(
    clients: &[ActivityServiceClient<Caller>],
    calls: Vec<(usize, v1::Activity, usize)>,
) -> BTreeMap<String, Vec<(String, Answer)>> {
    let room = Arc::new(Semaphore::new(CALLERS));
    let mut under_way = Vec::new();
    for (market, activity, replica) in calls {
        let permit = Arc::clone(&room).acquire_owned().await.expect("room");
        let client = clients[replica].clone();
        under_way.push(tokio::spawn(async move {
            let (id, content) = (activity.activity_id.clone(), format!("{:?}", activity.detail));
            let answer = send(client, MARKETS[market].0, activity).await;
            drop(permit);
            (id, content, answer)
        }));
    }
    let mut answers: BTreeMap<String, Vec<(String, Answer)>> = BTreeMap::new();
    for call in under_way {
        let (id, content, answer) = call.await.expect("a caller failed");
        answers.entry(id).or_default().push((content, answer));
    }
    answers
}

/// Two servers on one file are nothing to run for long, but while one takes over from another there may be two: each prepares
/// its commits without the lock, and must see under it that the other was first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_file_store_each_record_once() {
    each_record_once(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_store_each_record_once() {
    each_record_once(Backend::Postgres).await;
}

async fn each_record_once(backend: Backend) {
    let cases: u32 = std::env::var("FAIRDUE_REPLICA_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(32);
    let database = Database::fresh(backend).await;
    let setup = Setup::new(&database.url, &[]).await;
    let replicas = [setup.start().await, setup.start().await];
    for (market, (region, _, _)) in MARKETS.iter().enumerate() {
        let all = (0..cases).filter(|case| *case as usize % MARKETS.len() == market).map(workload::case).collect();
        let request = v1::BatchUpsertCasesRequest { region_code: (*region).into(), cases: all };
        let both = replicas.each_ref().map(|replica| {
            let (address, key, request) = (replica.address.clone(), setup.key.clone(), request.clone());
            tokio::spawn(async move {
                let mut client = CaseServiceClient::new(caller(&address, &key).await);
                client.batch_upsert_cases(request).await.expect("store cases").into_inner().results
            })
        });
        let [one, other] = both;
        let answers = [one.await.expect("a caller"), other.await.expect("a caller")];
        for (a, b) in answers[0].iter().zip(&answers[1]) {
            let mut pair = [a.status(), b.status()];
            pair.sort_unstable();
            assert_eq!(pair, [WriteStatus::Created, WriteStatus::Duplicate], "the same case sent to both");
        }
    }

    let mut clients = Vec::new();
    for replica in &replicas {
        clients.push(ActivityServiceClient::new(caller(&replica.address, &setup.key).await));
    }
    let mut calls: Vec<(usize, v1::Activity, usize)> = Vec::new();
    for (market, record) in (0..MARKETS.len()).flat_map(|m| workload::plan(m, cases).into_iter().map(move |r| (m, r))) {
        let both = (0..TIMES * clients.len()).map(|time| (market, workload::activity(record), time % 2));
        calls.extend(both);
    }
    let answers = send_all(&clients, calls).await;
    for (id, answers) in &answers {
        let created = answers.iter().filter(|(_, answer)| *answer == Answer::Created).count();
        let duplicates = answers.iter().filter(|(_, answer)| *answer == Answer::Duplicate).count();
        assert_eq!((created, created + duplicates), (1, answers.len()), "{id}: {answers:?}");
    }

    // Two contents under one id, each to its replica at the same instant: one has the id, the other is told so.
    let races = 60;
    let pairs = (0..races * 4).map(|n| (0, note(n / 4, if n % 2 == 0 { "a" } else { "b" }), n as usize % 2)).collect();
    let raced = send_all(&clients, pairs).await;
    for (id, answers) in &raced {
        let winners: Vec<&String> =
            answers.iter().filter(|(_, answer)| *answer == Answer::Created).map(|(content, _)| content).collect();
        assert_eq!(winners.len(), 1, "{id}: {answers:?}");
        for (content, answer) in answers {
            assert_eq!(content != winners[0], *answer == Answer::Conflict, "{id}: {answers:?}");
        }
    }
    let stored = figures::stored_ids(&database).await;
    assert_eq!(stored.len(), answers.len() + raced.len(), "rows in the table");
    for replica in &replicas {
        figures::compare(&replica.address, &setup.key, 0..cases, MARKETS.len()).await;
    }
}
