//! What tests of receivers share: a server whose failures are short, what is written, and how what came is compared with
//! the feed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fairdue::proto::v1;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;
use v1::change::After;
use v1::sync_service_client::SyncServiceClient;

use crate::support::database::Database;
use crate::support::service::{Service, Setup, caller};
use crate::support::wire;
use crate::support::workload::{self, MARKETS};

/// The market of these tests.
pub const MARKET: &str = "IT";
/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server's settings that make failures short.
pub const QUICK: [(&str, &str); 6] = [
    ("sinks.allow_networks", "127.0.0.0/8"),
    ("sinks.lease_seconds", "2"),
    ("sinks.request_timeout_ms", "400"),
    ("sinks.retry_min_ms", "20"),
    ("sinks.retry_max_seconds", "1"),
    ("sinks.max_refusals", "3"),
];

/// A configuration whose tenant has this besides.
pub async fn configured(database: &Database, besides: &str) -> Setup {
    let setup = Setup::new(&database.url, &QUICK).await;
    let tenant = setup.configuration().join("tenants/t.toml");
    let text = std::fs::read_to_string(&tenant).expect("read the tenant");
    std::fs::write(&tenant, format!("{text}\n{besides}")).expect("write the tenant");
    setup
}

/// Cases with their activities, a few a commit. Numbers are those of the workload.
pub async fn write(service: &Service, key: &str, cases: std::ops::Range<u32>) {
    let region_code = || MARKET.to_owned();
    let of_market = |case: &u32| (*case as usize).is_multiple_of(MARKETS.len());
    let made = cases.clone().filter(of_market).map(workload::case).collect();
    let request = v1::BatchUpsertCasesRequest { region_code: region_code(), cases: made };
    CaseServiceClient::new(caller(&service.address, key).await).batch_upsert_cases(request).await.expect("cases");
    let mut client = ActivityServiceClient::new(caller(&service.address, key).await);
    let records: Vec<_> = workload::plan(0, cases.end).into_iter().filter(|one| cases.contains(&one.case)).collect();
    for records in records.chunks(7) {
        let activities = records.iter().map(|record| workload::activity(*record)).collect();
        let request = v1::BatchRecordActivitiesRequest { region_code: region_code(), activities };
        client.batch_record_activities(request).await.expect("activities");
    }
}

/// All changes of the market, by the feed, once timers have fired.
pub async fn changes(service: &Service, key: &str) -> Vec<v1::Change> {
    let mut client = SyncServiceClient::new(caller(&service.address, key).await);
    let (mut all, mut before) = (Vec::new(), usize::MAX);
    while all.len() != before {
        before = all.len();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let request = v1::PullRequest { region_code: MARKET.to_owned(), once: true, ..Default::default() };
        let mut feed = client.pull(request).await.expect("a feed").into_inner();
        all.clear();
        while let Some(message) = feed.message().await.expect("the feed goes on") {
            all.extend(message.changes);
        }
    }
    all
}

/// What a change is about, where it stands.
type Place = (i64, String, String, String);

/// Where a change stands in the feed.
pub fn place(change: &v1::Change) -> Place {
    let (kind, one, two) = match change.after.as_ref().expect("what changed") {
        After::Case(case) => ("case", case.case_id.clone(), case.version_id.clone()),
        After::Activity(activity) => ("activity", activity.activity_id.clone(), String::new()),
        After::Void(void) => ("void", void.activity_id.clone(), String::new()),
        After::Finding(finding) => ("finding", finding.finding_id.clone(), String::new()),
    };
    (change.revision, kind.to_owned(), one, two)
}

pub fn described() -> MessageDescriptor {
    wire::api_pool().get_message_by_name("fairdue.v1.Change").expect("the message")
}

/// The change that an event tells of.
pub fn told(event: &serde_json::Value, description: &MessageDescriptor) -> v1::Change {
    let data = DynamicMessage::deserialize(description.clone(), event["data"].clone()).expect("a Change in JSON");
    v1::Change::decode(data.encode_to_vec().as_slice()).expect("a Change")
}

/// Every event is one of the feed's changes, said as CloudEvents asks; none comes before the one before it in the feed has
/// come, and all come. Returns how many came more than once.
pub fn in_order(events: &[serde_json::Value], changes: &[v1::Change]) -> usize {
    let description = described();
    let places: HashMap<Place, usize> = changes.iter().enumerate().map(|(at, change)| (place(change), at)).collect();
    assert_eq!(places.len(), changes.len(), "places of changes are unique");
    let (mut reached, mut ids) = (0, HashMap::new());
    for event in events {
        let change = told(event, &description);
        let at = places[&place(&change)];
        assert_eq!(change, changes[at]);
        assert!(at <= reached, "change {at} came when {reached} was next: {event}");
        reached = reached.max(at + 1);
        let text = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("{name} in {event}")).to_owned();
        assert_eq!(text("specversion"), "1.0");
        assert_eq!(text("type"), format!("fairdue.v1.change.{}", place(&change).1));
        assert_eq!((text("source").as_str(), text("subject")), ("/fairdue/tenants/t/markets/it", place(&change).2));
        assert_eq!(text("revision"), change.revision.to_string());
        assert!(chrono::DateTime::parse_from_rfc3339(&text("time")).is_ok(), "{event}");
        assert_eq!(*ids.entry(text("id")).or_insert(at), at, "an id of two changes");
    }
    assert_eq!(reached, changes.len(), "changes that came, and changes");
    assert_eq!(ids.len(), changes.len());
    events.len() - changes.len()
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < PATIENCE, "{what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn sinks(service: &Service, key: &str) -> Vec<v1::Sink> {
    let mut client = SyncServiceClient::new(caller(&service.address, key).await);
    client.list_sinks(v1::ListSinksRequest::default()).await.expect("the sinks").into_inner().sinks
}

/// What a process says of itself to whoever monitors it: the value of a gauge, named with its labels.
pub async fn gauge(address: &str, name: &str) -> Option<f64> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("the metrics listener");
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("ask");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let line = answer.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}
