//! The server is killed in mid-stream, again and again: nothing acknowledged is lost, nothing is stored twice, and the
//! figures equal a recount. `FAIRDUE_CRASH_KILLS` sets the number of kills of each database (default 5).
//!
//! The oracle stands outside: an acknowledgement log that is synced before an acknowledgement counts, the database read
//! by plain SQL while no server runs, and a recount from the workload itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fairdue::proto::v1;
use v1::WriteStatus;
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;

use crate::faults::bar;
use crate::figures;
use crate::support::database::Database;
use crate::support::recount;
use crate::support::service::{Setup, caller};
use crate::support::workload::{self, MARKETS, Record};

/// Cases of each round; a round ends with a kill.
const CASES_A_ROUND: u32 = 120;
/// Records of one batch of the stream.
const BATCH: usize = 25;
/// Batches sent before the first of them is acknowledged.
const AHEAD: usize = 4;

/// A batch that waits for its acknowledgement.
#[derive(Debug, Clone)]
struct Batch {
    market: usize,
    records: Vec<Record>,
}

/// What the clients know: written to a file and synced before it counts.
struct Acknowledged {
    log: std::fs::File,
    path: std::path::PathBuf,
    /// How often each id was answered with "created".
    created: BTreeMap<String, u32>,
}

impl Acknowledged {
    fn note(&mut self, batch: &Batch, answer: &v1::StreamActivitiesResponse) {
        assert_eq!(answer.results.len(), batch.records.len(), "one result a record");
        let mut lines = String::new();
        for (record, result) in batch.records.iter().zip(&answer.results) {
            let id = workload::activity_id(record.case, record.number);
            match result.status() {
                WriteStatus::Created => *self.created.entry(id.clone()).or_default() += 1,
                WriteStatus::Duplicate => {}
                other => panic!("{id} was answered with {other:?}: {:?}", result.refusal),
            }
            lines.push_str(&format!("{} {id}\n", MARKETS[batch.market].0));
        }
        self.log.write_all(lines.as_bytes()).expect("write the log");
        self.log.sync_data().expect("sync the log");
    }

    fn ids(&self) -> HashSet<String> {
        let text = std::fs::read_to_string(&self.path).expect("read the log");
        text.lines().map(str::to_owned).collect()
    }
}

/// Streams batches of one market until all are acknowledged or the server is gone; returns those not acknowledged.
async fn stream(
    address: String,
    key: String,
    batches: Vec<Batch>,
    known: Arc<Mutex<Acknowledged>>,
    count: Arc<AtomicUsize>,
) -> Vec<Batch> {
    let mut client = ActivityServiceClient::new(caller(&address, &key).await);
    let (send, receive) = tokio::sync::mpsc::channel(AHEAD);
    let requests: Vec<v1::StreamActivitiesRequest> =
        batches.iter().zip(1..).map(|(batch, n)| request(batch, n)).collect();
    let feeder = tokio::spawn(async move {
        for request in requests {
            if send.send(request).await.is_err() {
                break;
            }
        }
    });
    let mut open: BTreeMap<i64, Batch> = (1..).zip(batches).collect();
    if let Ok(answers) = client.stream_activities(tokio_stream::wrappers::ReceiverStream::new(receive)).await {
        let mut answers = answers.into_inner();
        while let Ok(Some(answer)) = answers.message().await {
            let batch = open.remove(&answer.sequence).expect("an acknowledgement of a batch that was sent once");
            known.lock().expect("no panic while noting").note(&batch, &answer);
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
    feeder.abort();
    open.into_values().collect()
}

fn request(batch: &Batch, sequence: i64) -> v1::StreamActivitiesRequest {
    v1::StreamActivitiesRequest {
        sequence,
        region_code: MARKETS[batch.market].0.into(),
        activities: batch.records.iter().map(|record| workload::activity(*record)).collect(),
    }
}

/// Stores the cases of a round, as often as it takes.
async fn upsert(address: &str, key: &str, cases: std::ops::Range<u32>) {
    let mut client = CaseServiceClient::new(caller(address, key).await);
    for (market, (region, _, _)) in MARKETS.iter().enumerate() {
        let cases = cases.clone().filter(|case| *case as usize % MARKETS.len() == market).map(workload::case).collect();
        let request = v1::BatchUpsertCasesRequest { region_code: (*region).into(), cases };
        let answer = client.batch_upsert_cases(request).await.expect("store cases").into_inner();
        for result in answer.results {
            let stored = matches!(result.status(), WriteStatus::Created | WriteStatus::Duplicate);
            assert!(stored, "a case was refused: {:?}", result.refusal);
        }
    }
}

/// The records of a round's cases in the order of sending, in batches, for each market.
fn batches_of(cases: &std::ops::Range<u32>, market: usize) -> Vec<Batch> {
    let mut records = workload::plan(market, cases.end);
    records.retain(|record| cases.contains(&record.case));
    records.chunks(BATCH).map(|records| Batch { market, records: records.to_vec() }).collect()
}

fn kills() -> u32 {
    std::env::var("FAIRDUE_CRASH_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// An even number that differs from round to round and from run to run; printed, so that a run can be told.
fn dice(round: u32, below: usize) -> usize {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").subsec_nanos();
    (clock.wrapping_mul(2_654_435_761).wrapping_add(round) >> 7) as usize % below
}

async fn nothing_acknowledged_is_lost_and_nothing_is_doubled(database: Database) {
    let setup = Setup::new(&database.url, &[]).await;
    let directory = tempfile::tempdir().expect("make a temporary directory");
    let path = directory.path().join("acknowledged.log");
    let log = std::fs::File::create(&path).expect("make the log");
    let known = Arc::new(Mutex::new(Acknowledged { log, path, created: BTreeMap::new() }));
    let mut left: Vec<Batch> = Vec::new();
    let rounds = kills();
    for round in 0..=rounds {
        let since = Instant::now();
        let service = setup.start().await;
        let back = since.elapsed();
        assert!(back <= bar(Duration::from_secs(2)), "serving again took {back:?}");
        let cases = round * CASES_A_ROUND..(round + 1) * CASES_A_ROUND;
        let last = round == rounds;
        let mut waiting: Vec<Vec<Batch>> = vec![Vec::new(); MARKETS.len()];
        for batch in left.drain(..) {
            waiting[batch.market].push(batch);
        }
        if !last {
            upsert(&service.address, &setup.key, cases.clone()).await;
            for (market, waiting) in waiting.iter_mut().enumerate() {
                waiting.extend(batches_of(&cases, market));
            }
        }
        let total: usize = waiting.iter().map(Vec::len).sum();
        let kill_at = 1 + dice(round, total.max(4) * 3 / 4);
        let count = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = waiting
            .into_iter()
            .map(|batches| {
                let (address, key) = (service.address.clone(), setup.key.clone());
                tokio::spawn(stream(address, key, batches, Arc::clone(&known), Arc::clone(&count)))
            })
            .collect();
        if last {
            for client in clients {
                left.extend(client.await.expect("a client failed"));
            }
            assert!(left.is_empty(), "{} batches were never acknowledged", left.len());
            figures::compare(&service.address, &setup.key, 0..rounds * CASES_A_ROUND, MARKETS.len()).await;
            service.kill();
        } else {
            while count.load(Ordering::SeqCst) < kill_at && clients.iter().any(|client| !client.is_finished()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            service.kill();
            for client in clients {
                left.extend(client.await.expect("a client failed"));
            }
        }
        println!("round {round}: up in {back:?}, killed after {kill_at} of {total} batches, {} left", left.len());
        let acknowledged = known.lock().expect("no client is at work").ids();
        check_stored(&database, &acknowledged).await;
    }
    let created = std::mem::take(&mut known.lock().expect("no client is at work").created);
    let twice: Vec<&String> = created.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id).collect();
    assert!(twice.is_empty(), "created more than once: {twice:?}");
    let stored = figures::stored_ids(&database).await;
    let expected: BTreeSet<String> = expected_ids(rounds * CASES_A_ROUND);
    assert_eq!(stored.len(), expected.len(), "rows in the table");
    assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), expected, "what is stored is what was sent");
    // And once more after the last kill: the figures stand on what is on disk, not on what a process remembered. A copy made
    // by the feed holds the same.
    let service = setup.start().await;
    figures::compare(&service.address, &setup.key, 0..rounds * CASES_A_ROUND, MARKETS.len()).await;
    let mut fed = Vec::new();
    for (region, _, _) in MARKETS {
        fed.extend(figures::fed_ids(&service.address, &setup.key, region).await);
    }
    assert_eq!(fed.len(), expected.len(), "records that the feed brings");
    assert_eq!(fed.into_iter().collect::<BTreeSet<_>>(), expected, "what the feed brings is what was sent");
    assert_eq!(service.stop(), 0, "a stop on request ends well");
}

/// While no server runs: every acknowledged record is in the table, none is there twice.
async fn check_stored(database: &Database, acknowledged: &HashSet<String>) {
    let stored = figures::stored_ids(database).await;
    let set: HashSet<&String> = stored.iter().collect();
    assert_eq!(set.len(), stored.len(), "a record is stored twice");
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !set.contains(id)).collect();
    assert!(lost.is_empty(), "{} acknowledged records are lost, such as {:?}", lost.len(), lost.first());
}

/// Market and id of all records of the cases.
fn expected_ids(cases: u32) -> BTreeSet<String> {
    let of = |market: usize| {
        workload::plan(market, cases)
            .into_iter()
            .map(move |record| format!("{} {}", MARKETS[market].0, workload::activity_id(record.case, record.number)))
    };
    let ids: BTreeSet<String> = (0..MARKETS.len()).flat_map(of).collect();
    let counted: u64 = (0..MARKETS.len()).map(|market| recount::count(market, 0..cases).records).sum();
    assert_eq!(ids.len() as u64, counted, "two ways of counting what was sent");
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_mid_stream_on_sqlite() {
    nothing_acknowledged_is_lost_and_nothing_is_doubled(
        Database::durable(crate::support::database::Backend::Sqlite).await,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_mid_stream_on_postgres() {
    nothing_acknowledged_is_lost_and_nothing_is_doubled(
        Database::durable(crate::support::database::Backend::Postgres).await,
    )
    .await;
}
