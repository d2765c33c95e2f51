//! Contact checks by the hundred, on bidirectional streams and in batches, against an empty stream in the same server that
//! reads the same messages and answers with the same bytes, and against our own single checks, by turns. All of them send
//! requests that were encoded before, and look for verdicts only.
//!
//! `cargo build --release --features bench && cargo run --release --features bench --example load -- check-stream`

use std::time::Instant;

use fairdue::proto::v1;
use prost::bytes::Bytes;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;

use crate::Options;
use crate::checks::{self, Form, Handler};
use crate::raw::{self, Raw};
use crate::stats::{Latencies, Rounds, Run, ratio};
use crate::support::service::{Caller, Service, Setup, caller};

/// Checks of one message.
const BATCH: u32 = 100;
/// Connections, and streams of each with one message under way.
const CONNECTIONS: usize = 4;
const STREAMS: usize = 4;
/// Different messages of each stream.
const MESSAGES: u32 = 16;
/// Number of the verdict's field in a result.
const VERDICT: u32 = 4;

/// How a hundred checks are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Stream,
    EmptyStream,
    Batch,
}

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    checks::load(options, &service, &setup.key).await;
    // Brings the cases into memory.
    checks::run(options, &service, &setup.key, (Handler::Check, Form::Bytes), 4, 16).await;
    let single = |connections, streams| {
        checks::run(options, &service, &setup.key, (Handler::Check, Form::Bytes), connections, streams)
    };
    for view in [v1::CheckView::Verdict, v1::CheckView::Basic] {
        println!("{CONNECTIONS} connections x {STREAMS} streams, {BATCH} checks a message, {}", view.as_str_name());
        let mut streamed = Rounds::of("StreamContactChecks");
        let mut batches = Rounds::of("BatchCheckContacts");
        let mut empty = Rounds::of("empty stream");
        let mut many = Rounds::of("CheckContact, 4 x 64");
        let mut same = Rounds::of("CheckContact, 4 x 4");
        let mut one = Rounds::of("CheckContact, one caller");
        for _ in 0..options.rounds {
            streamed.take(run(options, &service, &setup.key, Way::Stream, view).await, "checks");
            batches.take(run(options, &service, &setup.key, Way::Batch, view).await, "checks");
            empty.take(run(options, &service, &setup.key, Way::EmptyStream, view).await, "checks");
            many.take(single(4, 64).await, "checks");
            same.take(single(CONNECTIONS, STREAMS).await, "checks");
            one.take(single(1, 1).await, "checks");
        }
        for rounds in [&streamed, &batches, &empty, &many, &same, &one] {
            println!("{}", rounds.summary("checks"));
        }
        ratio("checks over the empty stream's", streamed.median_rate(), empty.median_rate(), 0.4);
        for ours in [&streamed, &batches] {
            for single in [&many, &same, &one] {
                let what = format!("{} over {}", ours.name, single.name);
                ratio(&what, ours.median_rate(), single.median_rate(), 10.0);
            }
        }
    }
    service.kill();
    drop(setup.start().await);
    println!("  killed, started again");
}

async fn run(options: &Options, service: &Service, key: &str, way: Way, view: v1::CheckView) -> Run {
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        callers.push(caller(&service.address, key).await);
    }
    let messages: Vec<_> = (0..CONNECTIONS * STREAMS).map(|n| messages(n as u32, way, view, options.cases())).collect();
    let start = Instant::now();
    let until = start + std::time::Duration::from_secs_f64(options.seconds);
    let tasks: Vec<_> = messages
        .into_iter()
        .enumerate()
        .map(|(n, messages)| {
            let caller = callers[n % CONNECTIONS].clone();
            tokio::spawn(async move {
                match way {
                    Way::Stream => {
                        one("/fairdue.v1.ComplianceService/StreamContactChecks", caller, messages, until).await
                    }
                    Way::EmptyStream => {
                        one("/fairdue.bench.v1.EmptyService/StreamContactChecks", caller, messages, until).await
                    }
                    Way::Batch => batches(caller, messages, until).await,
                }
            })
        })
        .collect();
    let mut latencies = Latencies::default();
    for task in tasks {
        latencies.merge(task.await.expect("a caller failed"));
    }
    Run { items: latencies.count() as u64 * u64::from(BATCH), took: start.elapsed(), latencies }
}

/// One stream; the next message goes out when the one before is answered.
async fn one(path: &'static str, caller: Caller, messages: Vec<Bytes>, until: Instant) -> Latencies {
    let (send, receive) = tokio::sync::mpsc::channel(1);
    let mut client = Grpc::new(caller);
    client.ready().await.expect("a connection");
    let request = tonic::Request::new(ReceiverStream::new(receive));
    let answers = client.streaming(request, PathAndQuery::from_static(path), Raw).await;
    let mut answers = answers.expect("open the stream: is the server built to bench?").into_inner();
    let mut latencies = Latencies::default();
    for message in messages.iter().cycle() {
        let moment = Instant::now();
        if moment >= until {
            break;
        }
        send.send(message.clone()).await.expect("the stream goes on");
        let answer = answers.message().await.expect("an answer").expect("the stream goes on");
        // The results of a stream's answer stand in its second field.
        assert_eq!(raw::verdicts(&answer, Some(2), VERDICT), BATCH as usize);
        latencies.add(moment.elapsed());
    }
    latencies
}

/// One batch after the other.
async fn batches(caller: Caller, messages: Vec<Bytes>, until: Instant) -> Latencies {
    let path = PathAndQuery::from_static("/fairdue.v1.ComplianceService/BatchCheckContacts");
    let mut client = Grpc::new(caller);
    let mut latencies = Latencies::default();
    for message in messages.iter().cycle() {
        let moment = Instant::now();
        if moment >= until {
            break;
        }
        client.ready().await.expect("a connection");
        let answer = match client.unary(tonic::Request::new(message.clone()), path.clone(), Raw).await {
            // The log of checks is full: refused, not counted, and asked again after a while.
            Err(status) if status.code() == tonic::Code::Unavailable => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            }
            answer => answer.expect("an answer"),
        };
        // The results of a batch's answer stand in its first field.
        assert_eq!(raw::verdicts(answer.get_ref(), Some(1), VERDICT), BATCH as usize);
        latencies.add(moment.elapsed());
    }
    latencies
}

/// The messages of one caller.
fn messages(caller: u32, way: Way, view: v1::CheckView, cases: u32) -> Vec<Bytes> {
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
    let region_code = checks::request(0, cases).region_code;
    (0..MESSAGES)
        .map(|message| {
            let first = (caller * MESSAGES + message) * BATCH;
            let (region_code, view) = (region_code.clone(), view.into());
            let checks = (first..first + BATCH).map(check).collect();
            if way == Way::Batch {
                return raw::encoded(&v1::BatchCheckContactsRequest { region_code, checks, view });
            }
            raw::encoded(&v1::StreamContactChecksRequest { sequence: message.into(), region_code, checks, view })
        })
        .collect()
}
