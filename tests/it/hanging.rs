//! Calls that never come to an end, and more bytes at once than there is room for: whoever else asks is answered, and nothing is lost.

use std::time::Duration;

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use futures::StreamExt as _;
use http::uri::PathAndQuery;
use tonic::Code;
use tonic::transport::Channel;

use crate::support::api::{Api, Key};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{batch, case, note, reason};

const CALLS: usize = 8;
/// Long enough for a refusal of a busy machine, far shorter than a call may take.
const SOON: Duration = Duration::from_secs(10);

/// Begins a call and sends none of its request.
async fn hang(channel: Channel, key: &Key) {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.expect("ready");
    let mut request = tonic::Request::new(futures::stream::pending::<v1::GetMarketStatusRequest>());
    request.metadata_mut().insert("authorization", key.header());
    let codec = tonic_prost::ProstCodec::<v1::GetMarketStatusRequest, v1::GetMarketStatusResponse>::default();
    let path = PathAndQuery::from_static("/fairdue.v1.SyncService/GetMarketStatus");
    let answer = grpc.client_streaming(request, path, codec).await.expect_err("nothing was asked");
    assert_eq!((answer.code(), reason(&answer).as_str()), (Code::Unavailable, "OVERLOADED"));
}

#[tokio::test]
async fn calls_of_one_tenant_that_never_end_keep_no_other_out() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start_with(&database, &[("grpc.max_concurrent_requests", &CALLS.to_string())]).await;
    let mine = api.key("mine", &[Role::Reader], &[]).await;
    let theirs = api.key("theirs", &[Role::Reader], &[]).await;
    let address = format!("http://{}", api.address);
    let channel = Channel::from_shared(address).expect("an address").connect().await.expect("connect");
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..2 * CALLS {
        let (channel, key) = (channel.clone(), mine.clone());
        calls.spawn(async move { hang(channel, &key).await });
    }
    // Those beyond its half are refused at once.
    for _ in 0..2 * CALLS - CALLS / 2 {
        let refused = tokio::time::timeout(SOON, calls.join_next()).await.expect("refused at once");
        refused.expect("a call").expect("as expected");
    }
    let late = tokio::time::timeout(Duration::from_millis(200), calls.join_next()).await;
    assert!(late.is_err(), "the others have a place and wait for their requests");
    let wish = v1::GetMarketStatusRequest { region_code: "IT".to_owned() };
    api.clients(&theirs).sync.get_market_status(wish).await.expect("there is a place for another tenant");
    calls.shutdown().await;
    api.end().await;
}

/// A batch of nearly half a mebibyte.
fn large(name: &str, number: usize) -> Vec<v1::Activity> {
    let text = "x".repeat(900);
    let note = |at: usize| {
        let mut note = note(&format!("{name}-{number}-{at}"), "c", i64::try_from(at % 300).expect("small"));
        note.control = Some(v1::Control { override_reason: text.clone(), ..Default::default() });
        note
    };
    (0..450).map(note).collect()
}

on_both_databases!(
    async fn more_bytes_than_there_is_room_for_wait_on_streams_and_nothing_is_lost(database: Database) {
        let settings = [("grpc.max_receive_bytes", "524288"), ("grpc.max_received_mib", "1")];
        let api = Api::start_with(&database, &settings).await;
        let mut mine = api.platform("mine").await;
        let wish = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("c", "bank")) };
        mine.cases.upsert_case(wish).await.expect("stored");
        let mut streams = tokio::task::JoinSet::new();
        for stream in 0..6 {
            let mut activities = mine.activities.clone();
            streams.spawn(async move {
                let messages = (0..4).map(move |number| v1::StreamActivitiesRequest {
                    sequence: number,
                    region_code: "IT".to_owned(),
                    activities: large(&format!("s{stream}"), usize::try_from(number).expect("small")),
                });
                let answers = activities.stream_activities(futures::stream::iter(messages)).await.expect("a stream");
                let stored: Vec<_> = answers.into_inner().collect().await;
                assert_eq!(stored.len(), 4, "{stored:?}");
                stored.into_iter().for_each(|one| assert_eq!(one.expect("stored").results.len(), 450));
            });
        }
        streams.join_all().await;
        // Beside each other at most one has room: the others are told to come again, and are stored when they do.
        let mut calls = tokio::task::JoinSet::new();
        for call in 0..6 {
            let mut activities = mine.activities.clone();
            calls.spawn(async move {
                let mut refused = 0;
                loop {
                    match activities.batch_record_activities(batch(large("u", call))).await {
                        Ok(stored) => {
                            assert_eq!(stored.into_inner().results.len(), 450);
                            break refused;
                        }
                        Err(status) => assert_eq!(reason(&status), "OVERLOADED", "{status:?}"),
                    }
                    refused += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
        let refused: i32 = calls.join_all().await.into_iter().sum();
        assert!(refused > 0, "none was refused: the test shows nothing");
        api.end().await;
    }
);

#[tokio::test]
async fn a_tenant_has_so_many_feeds_open_and_another_as_many() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start_with(&database, &[("sync.max_feeds", "2")]).await;
    let (mut mine, mut theirs) = (api.platform("mine").await, api.platform("theirs").await);
    let wish = || v1::PullRequest { region_code: "IT".to_owned(), ..Default::default() };
    let first = mine.sync.pull(wish()).await.expect("a feed");
    let _second = mine.sync.pull(wish()).await.expect("a feed");
    let refused = mine.sync.pull(wish()).await.expect_err("a third one");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "TOO_MANY_FEEDS"));
    theirs.sync.pull(wish()).await.expect("another tenant has its own");
    // One that ends makes room, as soon as the server hears of it.
    drop(first);
    let again = async {
        while mine.sync.pull(wish()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, again).await.expect("room for a feed");
    api.end().await;
}
