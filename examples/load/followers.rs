//! What followers cost that have nothing to read: resident memory and time on processors; and how soon all of them hold the
//! commit that comes at last.

use std::time::{Duration, Instant};

use fairdue::proto::v1;
use tokio::sync::mpsc;
use v1::activity_service_client::ActivityServiceClient;

use crate::stats::{Latencies, median};
use crate::support::service::{Service, Setup, caller};
use crate::support::workload::{self, MARKETS, Record};
use crate::{Options, feed, stream};

/// Feeds that share a connection.
const PER_CONNECTION: usize = 50;
/// What they may cost, in MiB for each thousand.
const AIM: f64 = 50.0;

pub async fn measure(options: &Options) {
    let (mut costs, mut per_cent) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        println!("round {round}");
        let (cost, busy) = one(options).await;
        costs.push(cost);
        per_cent.push(busy);
    }
    println!(
        "  {} idle followers: median {:.1} MiB resident (aim: at most {:.0}), {:.2} % of one processor",
        options.followers,
        median(&costs),
        AIM * options.followers as f64 / 1_000.0,
        median(&per_cent)
    );
}

/// One fresh server. Returns MiB that its followers cost, and the share of one processor that they take, in per cent.
async fn one(options: &Options) -> (f64, f64) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    stream::cases(&service, &setup.key, options.cases(), options.markets).await;
    stream::activities(&service, &setup.key, options.cases(), options.markets).await;
    let mut heads = Vec::new();
    for market in 0..options.markets {
        heads.push(feed::settled(&mut feed::client(&service.address, &setup.key).await, market).await);
    }
    // Started again, so that no memory of the load is there to be used, or given back while followers come.
    service.kill();
    let service = setup.start().await;
    for market in 0..options.markets {
        feed::settled(&mut feed::client(&service.address, &setup.key).await, market).await;
    }
    let (before, quiet) = idle(options, &service).await;
    let (note, mut noted) = mpsc::unbounded_channel();
    let mut client = feed::client(&service.address, &setup.key).await;
    let mut tasks = Vec::new();
    for number in 0..options.followers {
        if number % PER_CONNECTION == 0 {
            client = feed::client(&service.address, &setup.key).await;
        }
        let market = number % options.markets;
        let mut messages = feed::pull(&mut client, market, heads[market], false).await;
        let greeting = messages.message().await.expect("a greeting").expect("a greeting");
        assert!(greeting.changes.is_empty(), "a follower that is not idle");
        let note = note.clone();
        tasks.push(tokio::spawn(async move {
            while let Ok(Some(message)) = messages.message().await {
                if !message.changes.is_empty() {
                    let _ = note.send(market);
                }
            }
        }));
    }
    let (after, busy) = idle(options, &service).await;
    let cost = (after as f64 - before as f64) / 1_048_576.0;
    println!(
        "  {} MiB before, {} MiB with {} followers; {quiet:.2} % and {busy:.2} % of one processor",
        before >> 20,
        after >> 20,
        options.followers
    );
    for (market, (region, _, _)) in MARKETS.iter().enumerate().take(options.markets) {
        let record = Record { send: 0, case: market as u32, number: workload::PER_CASE - 1 };
        let mut activity = workload::activity(record);
        activity.activity_id = "one-more".into();
        let mut writer = ActivityServiceClient::new(caller(&service.address, &setup.key).await);
        let request = v1::RecordActivityRequest { region_code: (*region).into(), activity: Some(activity) };
        let of_market = (0..options.followers).filter(|number| number % options.markets == market).count();
        writer.record_activity(request).await.expect("a commit");
        let committed = Instant::now();
        let mut latencies = Latencies::default();
        for _ in 0..of_market {
            let came = tokio::time::timeout(Duration::from_secs(30), noted.recv()).await;
            assert_eq!(came.expect("every follower hears of the commit"), Some(market));
            latencies.add(committed.elapsed());
        }
        println!("  {of_market} followers hold one commit after {}", latencies.line());
    }
    for task in tasks {
        task.abort();
    }
    service.kill();
    (cost, busy - quiet)
}

/// Waits a while. Returns resident memory at its end, and the share of one processor that was used, in per cent.
async fn idle(options: &Options, service: &Service) -> (u64, f64) {
    // What was just done is over by then, and memory that is free again was given back.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (since, before) = (Instant::now(), service.processor_time());
    tokio::time::sleep(Duration::from_secs_f64(options.seconds)).await;
    let used = service.processor_time().saturating_sub(before);
    (service.resident_bytes(), used.as_secs_f64() / since.elapsed().as_secs_f64() * 100.0)
}
