//! Contact checks by the hundred on bidirectional streams, against an empty stream in the same server that reads the same
//! messages and answers with the same bytes, and against our own single checks, by turns.
//!
//! `cargo build --release --features bench && cargo run --release --features bench --example load -- check-stream`

use std::time::{Duration, Instant};

use fairdue::proto::v1;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic_prost::ProstCodec;

use crate::Options;
use crate::checks::{self, Handler};
use crate::stats::{Latencies, Rounds, Run, ratio};
use crate::support::service::{Caller, Service, Setup, caller};

/// Checks of one message.
const BATCH: u32 = 100;
/// Connections, and streams of each with one message under way.
const CONNECTIONS: usize = 4;
const STREAMS: usize = 4;
/// Different messages of each stream.
const MESSAGES: u32 = 16;

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    checks::load(options, &service, &setup.key).await;
    checks::run(options, &service, &setup.key, Handler::Check, 4, 16).await; // brings the cases into memory
    for view in [v1::CheckView::Verdict, v1::CheckView::Basic] {
        println!("{CONNECTIONS} connections x {STREAMS} streams, {BATCH} checks a message, {}", view.as_str_name());
        let mut ours = Rounds::of("StreamContactChecks");
        let mut empty = Rounds::of("empty stream");
        let mut single = Rounds::of("CheckContact, 4 x 64");
        for _ in 0..options.rounds {
            ours.take(run(options, &service, &setup.key, Handler::Check, view).await, "checks");
            empty.take(run(options, &service, &setup.key, Handler::Empty, view).await, "checks");
            single.take(checks::run(options, &service, &setup.key, Handler::Check, 4, 64).await, "checks");
        }
        println!("{}\n{}\n{}", ours.summary("checks"), empty.summary("checks"), single.summary("checks"));
        ratio("checks over the empty stream's", ours.median_rate(), empty.median_rate(), 0.4);
        ratio("checks over single ones", ours.median_rate(), single.median_rate(), 10.0);
    }
    service.kill();
    drop(setup.start().await);
    println!("  killed, started again");
}

async fn run(options: &Options, service: &Service, key: &str, handler: Handler, view: v1::CheckView) -> Run {
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        callers.push(caller(&service.address, key).await);
    }
    let messages: Vec<_> = (0..CONNECTIONS * STREAMS).map(|n| messages(n as u32, view, options.cases())).collect();
    let start = Instant::now();
    let until = start + Duration::from_secs_f64(options.seconds);
    let tasks: Vec<_> = messages
        .into_iter()
        .enumerate()
        .map(|(n, messages)| tokio::spawn(one(callers[n % CONNECTIONS].clone(), handler, messages, until)))
        .collect();
    let mut latencies = Latencies::default();
    for task in tasks {
        latencies.merge(task.await.expect("a stream failed"));
    }
    Run { items: latencies.count() as u64 * u64::from(BATCH), took: start.elapsed(), latencies }
}

/// One stream; the next message goes out when the one before is answered.
async fn one(
    caller: Caller,
    handler: Handler,
    messages: Vec<v1::StreamContactChecksRequest>,
    until: Instant,
) -> Latencies {
    let path = PathAndQuery::from_static(match handler {
        Handler::Check => "/fairdue.v1.ComplianceService/StreamContactChecks",
        Handler::Empty => "/fairdue.bench.v1.EmptyService/StreamContactChecks",
    });
    let (send, receive) = tokio::sync::mpsc::channel(1);
    let mut client = Grpc::new(caller);
    client.ready().await.expect("a connection");
    let codec = ProstCodec::<v1::StreamContactChecksRequest, v1::StreamContactChecksResponse>::default();
    let request = tonic::Request::new(ReceiverStream::new(receive));
    let answers = client.streaming(request, path, codec).await.expect("open the stream: is the server built to bench?");
    let mut answers = answers.into_inner();
    let mut latencies = Latencies::default();
    for message in messages.iter().cycle() {
        let moment = Instant::now();
        if moment >= until {
            break;
        }
        send.send(message.clone()).await.expect("the stream goes on");
        let answer = answers.message().await.expect("an answer").expect("the stream goes on");
        assert_eq!(answer.results.len(), BATCH as usize);
        latencies.add(moment.elapsed());
    }
    latencies
}

fn messages(stream: u32, view: v1::CheckView, cases: u32) -> Vec<v1::StreamContactChecksRequest> {
    let check = |number: u32| {
        let single = checks::request(number, cases);
        v1::ContactCheck {
            case_id: single.case_id,
            person_id: single.person_id,
            contact_time: single.contact_time,
            contact: single.contact,
            initiator: single.initiator,
            ..Default::default()
        }
    };
    (0..MESSAGES)
        .map(|message| {
            let first = (stream * MESSAGES + message) * BATCH;
            v1::StreamContactChecksRequest {
                sequence: i64::from(message),
                region_code: checks::request(0, cases).region_code,
                checks: (first..first + BATCH).map(check).collect(),
                view: view.into(),
            }
        })
        .collect()
}
