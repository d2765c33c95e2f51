//! CheckContact, warm, against the emptiest handler of the same server (its health check), by turns: the same
//! connections and streams, the same layers, no work behind it.

use std::time::{Duration, Instant};

use fairdue::proto::v1;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use v1::compliance_service_client::ComplianceServiceClient;

use crate::Options;
use crate::stats::{Latencies, Rounds, Run, Schedule, median, ratio, ratio_at_most};
use crate::stream;
use crate::support::service::{Caller, Service, Setup, caller};
use crate::support::workload::{self, MARKETS};

/// Which handler is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handler {
    Check,
    Empty,
}

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    stream::cases(&service, &setup.key, options.cases(), 1).await;
    stream::activities(&service, &setup.key, options.cases(), 1).await;
    run(options, &service, &setup.key, Handler::Check, 4, 16).await; // brings the cases into memory
    for (connections, streams) in [(1, 1), (1, 16), (4, 64)] {
        println!("{connections} connections x {streams} streams");
        let mut ours = Rounds::of("CheckContact");
        let mut empty = Rounds::of("empty handler");
        for _ in 0..options.rounds {
            ours.take(run(options, &service, &setup.key, Handler::Check, connections, streams).await, "checks");
            empty.take(run(options, &service, &setup.key, Handler::Empty, connections, streams).await, "calls");
        }
        println!("{}\n{}", ours.summary("checks"), empty.summary("calls"));
        ratio("throughput over the empty handler", ours.median_rate(), empty.median_rate(), 0.85);
        ratio_at_most("p50 over the empty handler's", median(&ours.p50), median(&empty.p50), 1.1);
        ratio_at_most("p99 over the empty handler's", median(&ours.p99), median(&empty.p99), 1.25);
    }
    service.kill();
    drop(setup.start().await);
    println!("  killed, started again");
}

async fn run(
    options: &Options,
    service: &Service,
    key: &str,
    handler: Handler,
    connections: usize,
    streams: usize,
) -> Run {
    let mut callers = Vec::new();
    for _ in 0..connections {
        callers.push(caller(&service.address, key).await);
    }
    let start = Instant::now();
    let until = start + Duration::from_secs_f64(options.seconds);
    let schedule = options.rate.map(|rate| Schedule::new(rate / (connections * streams) as f64));
    let tasks: Vec<_> = (0..connections * streams)
        .map(|n| {
            let caller = callers[n % connections].clone();
            tokio::spawn(ask(caller, handler, n as u32, until, schedule, options.cases()))
        })
        .collect();
    let mut latencies = Latencies::default();
    for task in tasks {
        latencies.merge(task.await.expect("a caller failed"));
    }
    Run { items: latencies.count() as u64, took: start.elapsed(), latencies }
}

async fn ask(
    caller: Caller,
    handler: Handler,
    stream: u32,
    until: Instant,
    schedule: Option<Schedule>,
    cases: u32,
) -> Latencies {
    let mut checks = ComplianceServiceClient::new(caller.clone());
    let mut health = HealthClient::new(caller);
    let mut latencies = Latencies::default();
    let of_market = cases.div_ceil(MARKETS.len() as u32);
    for number in 0_u32.. {
        let moment = schedule.map_or_else(Instant::now, |schedule| schedule.moment(number));
        if moment.max(Instant::now()) >= until {
            break;
        }
        tokio::time::sleep_until(moment.into()).await;
        if handler == Handler::Empty {
            health.check(HealthCheckRequest { service: String::new() }).await.expect("an answer");
        } else {
            let mixed = (number ^ (stream << 20)).wrapping_mul(2_654_435_761);
            let case = mixed % of_market * MARKETS.len() as u32;
            let request = v1::CheckContactRequest {
                region_code: MARKETS[0].0.into(),
                case_id: workload::case_id(case),
                person_id: workload::person_id(case),
                contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
                initiator: v1::Initiator::Collector.into(),
                ..Default::default()
            };
            checks.check_contact(request).await.expect("an answer");
        }
        latencies.add(moment.elapsed());
    }
    latencies
}
