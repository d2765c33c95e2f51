//! What the transport does with bytes, credentials and deadlines that are not as they should be.

use std::time::Duration;

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use fairdue::transport::auth::METHODS;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request};

use crate::support::api::{Api, Key};
use crate::support::database::{Backend, Database};
use crate::support::raw;
use crate::support::wire::{batch, case, note, reason};

async fn start(settings: &[(&str, &str)]) -> (Api, Key, Database) {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start_with(&database, settings).await;
    let key = api.key("mine", &[Role::Admin], &[]).await;
    (api, key, database)
}

fn keyed(key: &Key) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", key.header());
    metadata
}

#[tokio::test]
async fn malformed_messages_are_the_clients_fault_in_every_method() {
    let (api, key, _database) = start(&[]).await;
    let nested: Vec<u8> = {
        // Field 4 (a message) inside itself, deeper than any real message: 2 bytes a level, from the innermost out.
        let mut bytes: Vec<u8> = Vec::new();
        for _ in 0..120 {
            let mut outer = vec![0x22];
            prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
            outer.extend(bytes);
            bytes = outer;
        }
        bytes
    };
    let messages: [(&str, Vec<u8>); 5] = [
        ("a wire type that does not exist", vec![0x0f]),
        ("a string cut short", vec![0x0a, 0x05, b'I']),
        ("a string that is no UTF-8", vec![0x0a, 0x02, 0xff, 0xfe]),
        ("a varint without end", vec![0xff; 11]),
        ("field number zero", vec![0x00, 0x00]),
    ];
    for method in METHODS {
        for (name, message) in &messages {
            let status = if method.streaming {
                raw::stream(&api.channel, method.path, keyed(&key), vec![message.clone()]).await.1.expect_err(name)
            } else {
                raw::unary(&api.channel, method.path, keyed(&key), message.clone()).await.expect_err(name)
            };
            // Field 1 of a stream's batch is a number, where the cut string is a wrong wire type all the same.
            assert_eq!(status.code(), Code::InvalidArgument, "{name} to {}: {status:?}", method.path);
            assert_eq!(reason(&status), "MALFORMED_MESSAGE");
        }
        // A question about all markets needs no field: one that it does not know is passed over.
        if !method.streaming && !method.path.ends_with("/ListSinks") {
            let outcome = raw::unary(&api.channel, method.path, keyed(&key), nested.clone()).await;
            let code = outcome.expect_err("no valid request").code();
            assert_eq!(code, Code::InvalidArgument, "nested to {}", method.path);
        }
    }
    api.end().await;
}

#[tokio::test]
async fn oversized_messages_and_answers_are_refused_as_such() {
    let (api, key, _database) = start(&[("grpc.max_receive_bytes", "65536"), ("grpc.max_send_bytes", "1024")]).await;
    let method = "/fairdue.v1.ActivityService/BatchRecordActivities";
    let large = raw::unary(&api.channel, method, keyed(&key), vec![0; 70_000]).await.expect_err("too large");
    assert_eq!((large.code(), reason(&large).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));

    let mut mine = api.clients(&key);
    let mut wordy = case("c1", "creditor");
    wordy.attributes = (0..10).map(|n| (format!("k{n}"), "x".repeat(500))).collect();
    let upsert = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(wordy) };
    mine.cases.upsert_case(upsert).await.expect("stored");
    let get = v1::GetCaseRequest { region_code: "IT".to_owned(), case_id: "c1".to_owned(), read_mask: None };
    let status = mine.cases.get_case(get.clone()).await.expect_err("too large for an answer");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "ANSWER_TOO_LARGE"));
    let masked =
        v1::GetCaseRequest { read_mask: Some(prost_types::FieldMask { paths: vec!["case_id".to_owned()] }), ..get };
    mine.cases.get_case(masked).await.expect("a part of it fits");
    api.end().await;
}

#[tokio::test]
async fn a_compressed_message_is_bounded_by_what_it_unpacks_to() {
    let (api, key, _database) = start(&[("grpc.max_receive_bytes", "65536")]).await;
    let mine = api.clients(&key);
    let mut compressed = mine.activities.clone().send_compressed(tonic::codec::CompressionEncoding::Gzip);
    let mut bomb = note("n1", "c1", 1);
    bomb.control = Some(v1::Control { override_reason: "x".repeat(10_000_000), ..Default::default() });
    let status = compressed.batch_record_activities(batch(vec![bomb])).await.expect_err("too large");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let answer = compressed.batch_record_activities(batch(vec![note("n1", "c1", 1)])).await;
    assert_eq!(answer.expect("a small one is read").into_inner().results.len(), 1);
    api.end().await;
}

#[tokio::test]
async fn without_a_good_credential_every_method_answers_alike() {
    let (api, key, _database) = start(&[]).await;
    let mut wrong = MetadataMap::new();
    let mut altered = key.header().to_str().expect("plain").to_owned();
    altered.pop();
    altered.push('#');
    wrong.insert("authorization", altered.parse().expect("plain"));
    for method in METHODS {
        let mut seen = Vec::new();
        for metadata in [MetadataMap::new(), wrong.clone()] {
            let status = if method.streaming {
                raw::stream(&api.channel, method.path, metadata, vec![vec![]]).await.1.expect_err("refused")
            } else {
                raw::unary(&api.channel, method.path, metadata, vec![]).await.expect_err("refused")
            };
            assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "UNAUTHENTICATED"));
            seen.push(status.code());
        }
        assert_eq!(seen[0], seen[1]);
    }
    let unknown = raw::unary(&api.channel, "/fairdue.v1.CaseService/Nothing", keyed(&key), vec![]).await;
    let unknown = unknown.expect_err("no such method");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::Unimplemented, "METHOD_UNKNOWN"));
    api.end().await;
}

#[tokio::test]
async fn a_deadline_is_honoured_and_the_write_may_be_sent_again() {
    let (api, key, _database) = start(&[]).await;
    let mut mine = api.clients(&key);
    let upsert = || v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("c1", "creditor")) };
    let mut hurried = Request::new(upsert());
    hurried.set_timeout(Duration::from_nanos(1));
    let status = mine.cases.upsert_case(hurried).await.expect_err("no time");
    // The client's own clock runs out at the same moment; it then says "cancelled" by itself.
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
    let mut metadata = keyed(&key);
    let method = "/fairdue.v1.CaseService/UpsertCase";
    metadata.insert("grpc-timeout", "soon".parse().expect("plain"));
    let status = raw::unary(&api.channel, method, metadata, upsert().encode_to_vec()).await.expect_err("malformed");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "MALFORMED_TIMEOUT"));
    mine.cases.upsert_case(upsert()).await.expect("sent again");
    let list = v1::ListCasesRequest { region_code: "IT".to_owned(), ..Default::default() };
    assert_eq!(mine.cases.list_cases(list).await.expect("a list").into_inner().cases.len(), 1);
    api.end().await;
}

#[tokio::test]
async fn a_request_id_comes_back_and_a_new_one_is_made() {
    let (api, key, _database) = start(&[]).await;
    let mut metadata = keyed(&key);
    let method = "/fairdue.v1.KpiService/ListKpis";
    let request = v1::ListKpisRequest { region_code: "IT".to_owned(), ..Default::default() }.encode_to_vec();
    let id = |response: &MetadataMap| response.get("x-request-id").map(|id| id.to_str().expect("plain").to_owned());
    let answer = raw::unary(&api.channel, method, metadata.clone(), request.clone()).await.expect("a list");
    assert!(id(answer.metadata()).is_some_and(|id| !id.is_empty()));
    metadata.insert("x-request-id", "from-the-client-7".parse().expect("plain"));
    let answer = raw::unary(&api.channel, method, metadata.clone(), request).await.expect("a list");
    assert_eq!(id(answer.metadata()).as_deref(), Some("from-the-client-7"));
    let failed = raw::unary(&api.channel, method, metadata, vec![]).await.expect_err("no region");
    assert_eq!(id(failed.metadata()).as_deref(), Some("from-the-client-7"));
    api.end().await;
}

#[tokio::test]
async fn health_is_told_for_each_service() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;
    let (api, _, _database) = start(&[]).await;
    let mut health = HealthClient::new(api.channel.clone());
    let mut services: Vec<&str> =
        METHODS.iter().map(|method| method.path.split('/').nth(1).expect("a service")).collect();
    services.push("");
    services.dedup();
    for service in services {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = health.check(request).await.expect("known").into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest { service: "fairdue.v1.Nothing".to_owned() };
    let unknown = health.check(unknown).await.expect_err("unknown");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "NOT_FOUND"));
    api.end().await;
}

#[tokio::test]
async fn both_reflections_describe_the_services() {
    let (api, _, _database) = start(&[]).await;
    // Field 7 of the reflection request, list_services, is the same in both versions.
    for version in ["v1", "v1alpha"] {
        let method = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let (answers, end) = raw::stream(&api.channel, &method, MetadataMap::new(), vec![vec![0x3a, 0x01, b'*']]).await;
        end.expect("an answer");
        let text = String::from_utf8_lossy(&answers[0]).into_owned();
        for service in ["CaseService", "ActivityService", "ComplianceService", "KpiService", "SyncService"] {
            assert!(text.contains(&format!("fairdue.v1.{service}")), "{version}: {service}");
        }
    }
    api.end().await;
}

/// The reason with which a stream ends, whatever came before.
async fn end_of<T>(mut answers: tonic::Streaming<T>) -> (Code, String) {
    loop {
        match answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a stream ended without a reason"),
            Err(status) => return (status.code(), reason(&status)),
        }
    }
}

#[tokio::test]
async fn streams_of_an_aged_connection_end_with_that_reason_and_go_on_in_a_new_one() {
    let (api, key, _database) = start(&[("grpc.connection_age_seconds", "1")]).await;
    let mut mine = api.clients(&key);
    let upsert = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("c1", "creditor")) };
    mine.cases.upsert_case(upsert).await.expect("stored");
    for round in 1..=2 {
        let (send, receive) = mpsc::channel(4);
        let opened = mine.activities.stream_activities(ReceiverStream::new(receive)).await;
        let mut acknowledged = opened.expect("a stream").into_inner();
        let wish = v1::PullRequest { region_code: "IT".into(), ..Default::default() };
        let feed = mine.sync.pull(wish).await.expect("a feed").into_inner();
        let (asks, asked) = mpsc::channel(4);
        let checks =
            mine.compliance.stream_contact_checks(ReceiverStream::<v1::StreamContactChecksRequest>::new(asked));
        let checks = checks.await.expect("a stream").into_inner();
        let activities = vec![note(&format!("a{round}"), "c1", 1)];
        let message = v1::StreamActivitiesRequest { sequence: round, region_code: "IT".into(), activities };
        send.send(message).await.expect("sent");
        let first = acknowledged.message().await.expect("no failure").expect("an acknowledgement");
        assert_eq!((first.sequence, first.results[0].status()), (round, v1::WriteStatus::Created));
        let ends = futures::future::join3(end_of(acknowledged), end_of(feed), end_of(checks));
        let ends =
            tokio::time::timeout(Duration::from_secs(20), ends).await.expect("they end long before the connection");
        let aged = (Code::Unavailable, "CONNECTION_AGED".to_owned());
        assert_eq!(ends, (aged.clone(), aged.clone(), aged));
        drop((send, asks));
    }
    api.end().await;
}

/// Two bytes on the wire, and kilobytes of memory, each: refused before they are read, on every way in.
#[tokio::test]
async fn lists_of_nothing_take_no_memory() {
    let (api, key, _database) = start(&[]).await;
    let nothing = [2 << 3 | 2, 0].repeat(1 << 20);
    for method in [
        "/fairdue.v1.CaseService/BatchUpsertCases",
        "/fairdue.v1.ActivityService/BatchRecordActivities",
        "/fairdue.v1.ComplianceService/BatchCheckContacts",
    ] {
        let status = raw::unary(&api.channel, method, keyed(&key), nothing.clone()).await.expect_err(method);
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
            "{method}"
        );
        assert!(status.message().contains("2097152 bytes that would take more than 64 MiB"), "{}", status.message());
    }
    let stream = "/fairdue.v1.ComplianceService/StreamContactChecks";
    let field = raw::stream(&api.channel, stream, keyed(&key), vec![[3 << 3 | 2, 0].repeat(1 << 20)]).await;
    let status = field.1.expect_err(stream);
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"), "{status:?}");
    api.end().await;
}
