//! Single RecordActivity calls from 64 callers, against the same server with commits of one record each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fairdue::proto::v1;
use v1::WriteStatus;
use v1::activity_service_client::ActivityServiceClient;

use crate::Options;
use crate::stats::{Latencies, Rounds, Run, Schedule, ratio};
use crate::support::service::{Setup, caller};
use crate::support::workload::{self, MARKETS};
use crate::{figures, stream};

/// Connections, each with as many streams as make the callers.
const CONNECTIONS: usize = 4;
const CALLERS: usize = 64;

pub async fn measure(options: &Options) {
    let mut shared = Rounds::of("commits shared");
    let mut alone = Rounds::of("each call its own commit");
    for round in 1..=options.rounds {
        println!("round {round}");
        shared.take(one(options, &[]).await, "calls");
        alone.take(one(options, &[("ingest.max_commit_items", "1")]).await, "calls");
    }
    println!("{}\n{}", shared.summary("calls"), alone.summary("calls"));
    ratio("shared over alone", shared.median_rate(), alone.median_rate(), 2.0);
}

async fn one(options: &Options, settings: &[(&str, &str)]) -> Run {
    let database = options.database().await;
    let setup = Setup::new(&database.url, settings).await;
    let service = setup.start().await;
    stream::cases(&service, &setup.key, options.cases(), 1).await;
    let next = Arc::new(AtomicU32::new(0));
    let until = Instant::now() + Duration::from_secs_f64(options.seconds);
    let schedule = options.rate.map(Schedule::new);
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(ActivityServiceClient::new(caller(&service.address, &setup.key).await));
    }
    let start = Instant::now();
    let cases = options.cases();
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let (mut client, next) = (clients[n % CONNECTIONS].clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut latencies = Latencies::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let moment = schedule.map_or_else(Instant::now, |schedule| schedule.moment(number));
                    if moment.max(Instant::now()) >= until {
                        return latencies;
                    }
                    if schedule.is_some() {
                        tokio::time::sleep_until(moment.into()).await;
                    }
                    let request = v1::RecordActivityRequest {
                        region_code: MARKETS[0].0.into(),
                        activity: Some(numbered(number, cases)),
                    };
                    let answer = client.record_activity(request).await.expect("record").into_inner();
                    assert_eq!(answer.status(), WriteStatus::Created);
                    latencies.add(moment.elapsed());
                }
            })
        })
        .collect();
    let mut latencies = Latencies::default();
    for caller in callers {
        latencies.merge(caller.await.expect("a caller failed"));
    }
    let run = Run { items: latencies.count() as u64, took: start.elapsed(), latencies };
    service.kill();
    let stored = figures::stored_ids(&database).await.len() as u64;
    assert_eq!(stored, run.items, "rows stored after the kill, and calls acknowledged");
    run
}

/// A call record with an id of its own on some case of the first market.
fn numbered(number: u32, cases: u32) -> v1::Activity {
    let of_market = cases.div_ceil(MARKETS.len() as u32);
    let case = number.wrapping_mul(2_654_435_761) % of_market * MARKETS.len() as u32;
    let record = workload::Record { send: 0, case, number: 0 };
    v1::Activity {
        activity_id: format!("unary-{number:09}"),
        occur_time: Some(workload::time(86_400 + i64::from(number))),
        detail: Some(v1::activity::Detail::Contact(Box::new(v1::Contact {
            channel: v1::Channel::Call.into(),
            outcome: v1::Outcome::NoAnswer.into(),
            ..Default::default()
        }))),
        ..workload::activity(record)
    }
}
