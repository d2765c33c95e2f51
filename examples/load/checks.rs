//! CheckContact, warm, against an empty handler in the same server, by turns: the same message in, the bytes of a real
//! answer out, the same layers around it, no work behind it.
//!
//! The empty handler is only in servers built for this:
//! `cargo build --release --features bench && cargo run --release --features bench --example load -- check --rounds 10`

use std::time::{Duration, Instant};

use fairdue::proto::v1;
use prost::bytes::Bytes;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic_prost::ProstCodec;

use crate::Options;
use crate::raw::{self, Raw};
use crate::stats::{Latencies, Rounds, Run, Schedule, median, ratio, ratio_at_most};
use crate::stream;
use crate::support::service::{Caller, Service, Setup, caller};
use crate::support::workload::{self, MARKETS};

/// Which handler is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    Check,
    Empty,
}

impl Handler {
    const fn path(self) -> &'static str {
        match self {
            Self::Check => "/fairdue.v1.ComplianceService/CheckContact",
            Self::Empty => "/fairdue.bench.v1.EmptyService/CheckContact",
        }
    }
}

/// How the load generator handles messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// It makes each request and reads the whole answer, as a caller does.
    Messages,
    /// It sends requests that were encoded before, and looks for the verdict only, see [`raw`].
    Bytes,
}

/// Different requests of each caller that sends encoded ones.
const ENCODED: u32 = 256;
/// Number of the verdict's field in the answer.
const VERDICT: u32 = 3;

/// The market asked about, of the workload's four: New York, where more rules speak than anywhere else of them.
const MARKET: u32 = 3;
/// When the calls would be made, in seconds from the workload's start: two years on, a Tuesday at 11:00 in New York.
const MOMENT: i64 = 104 * 7 * 86_400 + 86_400 + 16 * 3_600;

/// Loads the markets.
pub async fn load(options: &Options, service: &Service, key: &str) {
    stream::cases(service, key, options.cases(), MARKETS.len()).await;
    stream::activities(service, key, options.cases(), MARKETS.len()).await;
}

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    load(options, &service, &setup.key).await;
    // Brings the cases into memory, and gives the empty handler its answer.
    for handler in [Handler::Check, Handler::Empty] {
        run(options, &service, &setup.key, (handler, Form::Messages), 4, 16).await;
    }
    for (connections, streams) in [(1, 1), (1, 16), (4, 64)] {
        println!("{connections} connections x {streams} streams");
        let mut ours = Rounds::of("CheckContact");
        let mut empty = Rounds::of("empty handler");
        for _ in 0..options.rounds {
            let asked = [Handler::Check, Handler::Empty].map(|handler| (handler, Form::Messages));
            ours.take(run(options, &service, &setup.key, asked[0], connections, streams).await, "checks");
            empty.take(run(options, &service, &setup.key, asked[1], connections, streams).await, "calls");
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

/// Calls a handler with `streams` calls under way on each of the connections.
pub async fn run(
    options: &Options,
    service: &Service,
    key: &str,
    (handler, form): (Handler, Form),
    connections: usize,
    streams: usize,
) -> Run {
    let mut callers = Vec::new();
    for _ in 0..connections {
        callers.push(caller(&service.address, key).await);
    }
    let encoded: Vec<_> = (0..connections * streams)
        .map(|stream| match form {
            Form::Messages => Vec::new(),
            Form::Bytes => encoded(stream as u32, options.cases()),
        })
        .collect();
    let start = Instant::now();
    let until = start + Duration::from_secs_f64(options.seconds);
    let schedule = options.rate.map(|rate| Schedule::new(rate / (connections * streams) as f64));
    let tasks: Vec<_> = encoded
        .into_iter()
        .enumerate()
        .map(|(n, encoded)| {
            let caller = callers[n % connections].clone();
            tokio::spawn(ask(caller, handler, (n as u32, options.cases(), encoded), until, schedule))
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
    (stream, cases, encoded): (u32, u32, Vec<Bytes>),
    until: Instant,
    schedule: Option<Schedule>,
) -> Latencies {
    let mut client = Grpc::new(caller);
    let path = PathAndQuery::from_static(handler.path());
    let mut latencies = Latencies::default();
    for number in 0_u32.. {
        let moment = schedule.map_or_else(Instant::now, |schedule| schedule.moment(number));
        if moment.max(Instant::now()) >= until {
            break;
        }
        if schedule.is_some() {
            // Without a schedule nothing is waited for: the timer's steps of a millisecond would hide what is measured.
            tokio::time::sleep_until(moment.into()).await;
        }
        client.ready().await.expect("a connection");
        if let Some(bytes) = encoded.get((number % ENCODED) as usize) {
            let answer = client.unary(tonic::Request::new(bytes.clone()), path.clone(), Raw).await;
            let answer = answer.expect("an answer: is the server built to bench?");
            assert_eq!(raw::verdicts(answer.get_ref(), None, VERDICT), 1);
        } else {
            let request = tonic::Request::new(request(number ^ (stream << 20), cases));
            let codec = ProstCodec::<v1::CheckContactRequest, v1::CheckContactResponse>::default();
            let answer = client.unary(request, path.clone(), codec).await;
            let answer = answer.expect("an answer: is the server built to bench?");
            assert_ne!(answer.get_ref().verdict(), v1::Verdict::Unspecified);
        }
        latencies.add(moment.elapsed());
    }
    latencies
}

/// The requests of a caller that sends encoded ones.
fn encoded(stream: u32, cases: u32) -> Vec<Bytes> {
    (0..ENCODED).map(|number| raw::encoded(&request(number ^ (stream << 20), cases))).collect()
}

/// A call to the debtor of some case of the market.
pub fn request(number: u32, cases: u32) -> v1::CheckContactRequest {
    let of_market = cases / MARKETS.len() as u32;
    let case = number.wrapping_mul(2_654_435_761) % of_market * MARKETS.len() as u32 + MARKET;
    v1::CheckContactRequest {
        region_code: MARKETS[MARKET as usize].0.into(),
        case_id: workload::case_id(case),
        person_id: workload::person_id(case),
        contact_time: Some(workload::time(MOMENT)),
        contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
        initiator: v1::Initiator::Collector.into(),
        ..Default::default()
    }
}
