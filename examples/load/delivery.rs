//! From a commit to the consumer that holds it: followers of every market while activities stream in, first as fast as
//! they are taken, then at a steady rate. On PostgreSQL a second server has followers too, which hear of the first one's
//! commits only through the database.
//!
//! Latency counts from the record time, which the writer takes before it commits: it holds the commit as well.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::stats::{Latencies, Run};
use crate::stream::{Pace, Part};
use crate::support::database::Backend;
use crate::support::service::{Service, Setup};
use crate::support::workload;
use crate::{Options, feed, stream};

/// Longest silence of a feed that still owes something.
const SILENCE: Duration = Duration::from_secs(60);
/// What 99 of 100 deliveries may take, in milliseconds.
const AIM: f64 = 250.0;

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    let other = match options.backend() {
        Backend::Postgres => Some(setup.start().await),
        Backend::Sqlite => None,
    };
    stream::cases(&service, &setup.key, options.cases(), options.markets).await;
    let half = options.cases() / 2;
    let mut at = Pace::Closed;
    for part in [0..half, half..options.cases()] {
        let followers: Vec<_> = [Some(&service), other.as_ref()].into_iter().flatten().collect();
        let run = one(options, &setup, &followers, part, at).await;
        // A service that is run at its limit has queues before its commits: half of that is what one would plan with.
        at = Pace::Open(options.rate.unwrap_or(run.rate() / 2.0) / options.markets as f64);
    }
    service.kill();
}

/// Sends a part of the workload to the first server, with followers on all.
async fn one(options: &Options, setup: &Setup, services: &[&Service], part: Range<u32>, pace: Pace) -> Run {
    println!(
        "{}",
        match pace {
            Pace::Closed => "as fast as acknowledgements come".to_owned(),
            Pace::Open(rate) => format!("{:.0} records a second", rate * options.markets as f64),
        }
    );
    let mut followers: Vec<Vec<JoinHandle<Latencies>>> = Vec::new();
    for service in services {
        let mut of_service = Vec::new();
        for market in 0..options.markets {
            let mut client = feed::client(&service.address, &setup.key).await;
            let head = feed::settled(&mut client, market).await;
            let messages = feed::pull(&mut client, market, head, false).await;
            let records = stream::records(market, part.clone());
            let expected = records.into_iter().map(|record| workload::activity_id(record.case, record.number));
            of_service.push(tokio::spawn(follow(messages, head, expected.collect())));
        }
        followers.push(of_service);
    }
    let address = services.first().expect("a server").address.clone();
    let of_market = |market| Part { address: address.clone(), market, records: stream::records(market, part.clone()) };
    let mut run =
        stream::send((0..options.markets).map(of_market).collect(), &setup.key, pace, workload::activity).await;
    println!("  {:.0} records/s stored, acknowledged after {}", run.rate(), run.latencies.line());
    for (of_service, which) in followers.into_iter().zip(["the server that writes", "another server"]) {
        let mut latencies = Latencies::default();
        for follower in of_service {
            latencies.merge(follower.await.expect("a follower failed"));
        }
        println!("  {} changes from {which}, commit to delivery {}", latencies.count(), latencies.line());
        let p99 = f64::from(latencies.per_mille(990)) / 1e3;
        println!("  p99 {p99:.1} ms (aim: at most {AIM} ms)");
    }
    run
}

/// Takes changes until everything that is sent has come, each once and in order.
async fn follow(
    mut messages: tonic::Streaming<fairdue::proto::v1::PullResponse>,
    head: i64,
    mut expected: HashSet<String>,
) -> Latencies {
    let mut latencies = Latencies::default();
    let (mut through, mut last) = (head, head);
    while !expected.is_empty() {
        let next = tokio::time::timeout(SILENCE, messages.message()).await;
        let next = next.unwrap_or_else(|_| panic!("the feed is silent and owes {} records", expected.len()));
        let message = next.expect("the feed goes on").expect("the feed goes on");
        assert_eq!(message.after_revision, through, "the feed left something out");
        through = message.through_revision;
        for change in &message.changes {
            assert!(change.revision >= last, "changes out of order");
            last = change.revision;
            latencies.add(feed::since(change.record_time.as_ref()));
            if let Some(id) = feed::record_id(change) {
                assert!(expected.remove(id), "{id} came twice, or was never sent");
            }
        }
    }
    latencies
}
