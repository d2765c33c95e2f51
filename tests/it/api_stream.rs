//! The stream of activities: acknowledgements in order, refusals inside them, and ends that lose nothing.

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::metadata::MetadataMap;
use tonic_types::StatusExt as _;

use crate::support::api::Api;
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::raw;
use crate::support::wire::{case, note, parse, reason};

const METHOD: &str = "/fairdue.v1.ActivityService/StreamActivities";

fn message(sequence: i64, activities: Vec<v1::Activity>) -> v1::StreamActivitiesRequest {
    v1::StreamActivitiesRequest { sequence, region_code: "IT".to_owned(), activities }
}

async fn with_case(api: &Api) {
    let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("c1", "creditor")) };
    api.platform("mine").await.cases.upsert_case(request).await.expect("stored");
}

async fn stored(api: &Api) -> usize {
    let request = v1::ListActivitiesRequest { region_code: "IT".to_owned(), page_size: 1000, ..Default::default() };
    let found = api.platform("mine").await.activities.list_activities(request).await;
    found.expect("a list").into_inner().activities.len()
}

on_both_databases!(
    async fn every_batch_is_acknowledged_in_order(database: Database) {
        let api = Api::start(&database).await;
        with_case(&api).await;
        let mut mine = api.platform("mine").await;
        let batches: Vec<_> = (0..20)
            .map(|n| {
                let ids = [format!("a{n}"), format!("b{n}"), "always the same".to_owned()];
                let mut activities: Vec<_> = ids.iter().map(|id| note(id, "c1", 1)).collect();
                activities.push(note(&format!("x{n}"), "nowhere", 1));
                message(100 + n, activities)
            })
            .collect();
        let response = mine.activities.stream_activities(futures::stream::iter(batches)).await.expect("a stream");
        let mut answers = response.into_inner();
        let mut revision = 0;
        let mut once = 0;
        for n in 0..20 {
            let answer = answers.message().await.expect("no failure").expect("an acknowledgement");
            assert_eq!(answer.sequence, 100 + n);
            assert!(answer.revision >= revision, "revisions never fall");
            revision = answer.revision;
            let statuses: Vec<v1::WriteStatus> = answer.results.iter().map(v1::WriteResult::status).collect();
            assert_eq!(statuses[..2], [v1::WriteStatus::Created; 2]);
            once += usize::from(statuses[2] == v1::WriteStatus::Created);
            assert_eq!(statuses[3], v1::WriteStatus::Refused);
        }
        assert_eq!(once, 1);
        assert!(answers.message().await.expect("no failure").is_none(), "the stream ends");
        assert_eq!(stored(&api).await, 41);
        api.end().await;
    }
);

#[tokio::test]
async fn a_batch_that_fails_ends_the_stream_after_the_acknowledgements_before_it() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    with_case(&api).await;
    let key = api.key("mine", &[Role::Writer], &[]).await;
    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", key.header());
    let good = |n: i64| message(n, vec![note(&format!("n{n}"), "c1", 1)]).encode_to_vec();
    let elsewhere =
        v1::StreamActivitiesRequest { region_code: "FR".to_owned(), ..message(9, vec![note("z", "c1", 1)]) };
    let bad: [(Vec<u8>, Code, &str); 3] = [
        (vec![0x1a, 0x05, 0x0a], Code::InvalidArgument, "MALFORMED_MESSAGE"),
        (elsewhere.encode_to_vec(), Code::InvalidArgument, "MARKET_UNKNOWN"),
        (message(9, vec![]).encode_to_vec(), Code::InvalidArgument, "INVALID_FIELD"),
    ];
    for (bytes, code, expected) in bad {
        let messages = vec![good(1), good(2), bytes, good(3), good(4)];
        let (answers, end) = raw::stream(&api.channel, METHOD, metadata.clone(), messages).await;
        let sequences: Vec<i64> =
            answers.iter().map(|answer| parse::<v1::StreamActivitiesResponse>(answer).sequence).collect();
        assert_eq!(sequences, [1, 2], "{expected}");
        let status = end.expect_err("the stream fails");
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected));
        // Which of them it was, where its number could be read; and nothing behind it is in force without a word.
        if expected != "MALFORMED_MESSAGE" {
            assert!(status.message().starts_with("batch 9: "), "{status:?}");
            let info = status.get_details_error_info().expect("details");
            assert_eq!(info.metadata.get("sequence").map(String::as_str), Some("9"));
        }
        assert_eq!(stored(&api).await, 2, "{expected}: what stands behind the failure is not stored");
    }
    api.end().await;
}

#[tokio::test]
async fn a_stop_ends_streams_with_the_reason_and_keeps_what_was_acknowledged() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    with_case(&api).await;
    let mut mine = api.platform("mine").await;
    let (send, receive) = mpsc::channel(4);
    let mut answers =
        mine.activities.stream_activities(ReceiverStream::new(receive)).await.expect("a stream").into_inner();
    send.send(message(1, vec![note("n1", "c1", 1)])).await.expect("sent");
    assert_eq!(answers.message().await.expect("no failure").expect("acknowledged").sequence, 1);
    api.stop.cancel();
    let status = answers.message().await.expect_err("the stream ends");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STOPPING"));
    drop((send, answers, mine));
    api.end().await;
    let again = Api::start(&database).await;
    assert_eq!(stored(&again).await, 1);
    again.end().await;
}

#[tokio::test]
async fn a_stream_has_a_deadline_only_if_the_client_names_one() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start_with(&database, &[("grpc.default_deadline_ms", "500")]).await;
    with_case(&api).await;
    let mut mine = api.platform("mine").await;
    let (send, receive) = mpsc::channel(4);
    let mut request = tonic::Request::new(ReceiverStream::new(receive));
    request.metadata_mut().insert("grpc-timeout", "4000m".parse().expect("plain"));
    let mut answers = mine.activities.stream_activities(request).await.expect("a stream").into_inner();
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    send.send(message(1, vec![note("n1", "c1", 1)])).await.expect("sent");
    let first = answers.message().await.expect("the default deadline is for unary calls").expect("acknowledged");
    assert_eq!(first.sequence, 1);
    let status = answers.message().await.expect_err("the deadline passes");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    api.end().await;
}
