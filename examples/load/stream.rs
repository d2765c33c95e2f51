//! Cases and activities of the workload sent through the public API, as fast as acknowledgements come.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Instant;

use fairdue::proto::v1;
use tokio_stream::wrappers::ReceiverStream;
use v1::WriteStatus;
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;

use crate::stats::{Latencies, Run, Schedule};
use crate::support::service::{Service, caller};
use crate::support::workload::{self, MARKETS};

/// Records of one message.
const BATCH: usize = 1_000;
/// Messages sent before the first of them is acknowledged.
const AHEAD: usize = 4;
/// Messages a second of a stream in an open loop.
const MESSAGES: f64 = 50.0;

/// Stores the cases of the first `markets` markets; not part of what is measured.
pub async fn cases(service: &Service, key: &str, cases: u32, markets: usize) {
    cases_as(service, key, 0..cases, markets, workload::case).await;
}

/// Stores a part of the cases, each as `make` says.
pub async fn cases_as(service: &Service, key: &str, part: Range<u32>, markets: usize, make: fn(u32) -> v1::Case) {
    let mut client = CaseServiceClient::new(caller(&service.address, key).await);
    for (market, (region, _, _)) in MARKETS.iter().enumerate().take(markets) {
        let of_market: Vec<u32> = part.clone().filter(|case| *case as usize % MARKETS.len() == market).collect();
        for chunk in of_market.chunks(BATCH) {
            let cases = chunk.iter().map(|case| make(*case)).collect();
            let request = v1::BatchUpsertCasesRequest { region_code: (*region).into(), cases };
            let answer = client.batch_upsert_cases(request).await.expect("store cases").into_inner();
            let refused = answer.results.iter().find(|result| result.status() != WriteStatus::Created);
            assert!(refused.is_none(), "a case was not stored: {refused:?}");
        }
    }
}

/// Streams the activities of the first `markets` markets, each over a connection of its own. Items are rows stored:
/// repetitions cost time and count nothing.
pub async fn activities(service: &Service, key: &str, cases: u32, markets: usize) -> Run {
    activities_as(service, key, 0..cases, markets, workload::activity).await
}

/// Streams the activities of a part of the cases, each as `make` says.
pub async fn activities_as(
    service: &Service,
    key: &str,
    part: Range<u32>,
    markets: usize,
    make: fn(workload::Record) -> v1::Activity,
) -> Run {
    let one = |market| Part { address: service.address.clone(), market, records: records(market, part.clone()) };
    send((0..markets).map(one).collect(), key, Pace::Closed, make).await
}

/// What one stream carries, and where to.
#[derive(Debug)]
pub struct Part {
    pub address: String,
    pub market: usize,
    pub records: Vec<workload::Record>,
}

/// How fast a stream sends.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As fast as acknowledgements come.
    Closed,
    /// So many records a second, at their moments, whether or not acknowledgements came.
    Open(f64),
}

/// The records of a market's cases among these, in the order of sending, repetitions included.
pub fn records(market: usize, part: Range<u32>) -> Vec<workload::Record> {
    workload::plan(market, part.end).into_iter().filter(|record| part.contains(&record.case)).collect()
}

/// Streams these parts, each over a connection of its own. Items are rows stored.
pub async fn send(parts: Vec<Part>, key: &str, pace: Pace, make: fn(workload::Record) -> v1::Activity) -> Run {
    let batch = match pace {
        Pace::Closed => BATCH,
        Pace::Open(rate) => ((rate / MESSAGES).ceil() as usize).clamp(1, BATCH),
    };
    // Made before the clock starts: making records is no part of what is measured.
    let plans: Vec<_> =
        parts.into_iter().map(|part| (part.address, requests(part.market, &part.records, batch, make))).collect();
    let start = Instant::now();
    let schedule = match pace {
        Pace::Closed => None,
        Pace::Open(rate) => Some(Schedule::new(rate / batch as f64)),
    };
    let streams: Vec<_> =
        plans.into_iter().map(|(address, plan)| tokio::spawn(one(address, key.to_owned(), plan, schedule))).collect();
    let mut run = Run { items: 0, took: std::time::Duration::ZERO, latencies: Latencies::default() };
    for stream in streams {
        let (created, latencies) = stream.await.expect("a stream failed");
        run.items += created;
        run.latencies.merge(latencies);
    }
    run.took = start.elapsed();
    run
}

/// The messages of one market's stream.
fn requests(
    market: usize,
    plan: &[workload::Record],
    batch: usize,
    make: fn(workload::Record) -> v1::Activity,
) -> Vec<v1::StreamActivitiesRequest> {
    let numbered = plan.chunks(batch).zip(1_i64..);
    let message = |(records, sequence): (&[workload::Record], i64)| {
        let activities = records.iter().map(|record| make(*record)).collect();
        v1::StreamActivitiesRequest { sequence, region_code: MARKETS[market].0.into(), activities }
    };
    numbered.map(message).collect()
}

async fn one(
    address: String,
    key: String,
    plan: Vec<v1::StreamActivitiesRequest>,
    schedule: Option<Schedule>,
) -> (u64, Latencies) {
    let mut client = ActivityServiceClient::new(caller(&address, &key).await);
    // In an open loop nothing that the server does may hold back the next message.
    let (send, receive) = tokio::sync::mpsc::channel(if schedule.is_some() { plan.len().max(1) } else { AHEAD });
    let (note, mut noted) = tokio::sync::mpsc::unbounded_channel();
    let feeder = tokio::spawn(async move {
        for (number, request) in (0..).zip(plan) {
            let moment = schedule.map_or_else(Instant::now, |schedule| schedule.moment(number));
            if schedule.is_some() {
                tokio::time::sleep_until(moment.into()).await;
            }
            let _ = note.send((request.sequence, moment));
            if send.send(request).await.is_err() {
                return;
            }
        }
    });
    let answers = client.stream_activities(ReceiverStream::new(receive)).await.expect("open the stream");
    let mut answers = answers.into_inner();
    let (mut created, mut latencies) = (0, Latencies::default());
    let mut sent: HashMap<i64, Instant> = HashMap::new();
    while let Some(answer) = answers.message().await.expect("the stream goes on") {
        while let Ok((sequence, at)) = noted.try_recv() {
            sent.insert(sequence, at);
        }
        if let Some(at) = sent.remove(&answer.sequence) {
            latencies.add(at.elapsed());
        }
        for result in &answer.results {
            match result.status() {
                WriteStatus::Created => created += 1,
                WriteStatus::Duplicate => {}
                other => panic!("a record was answered with {other:?}: {:?}", result.refusal),
            }
        }
    }
    feeder.await.expect("the feeder failed");
    (created, latencies)
}
