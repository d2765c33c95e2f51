//! The whole history of a market to one consumer, against the database that hands over the same rows.
//!
//! Two consumers: one that takes changes as they come, as a copy does that keeps them, and one that reads everything they say. The
//! database's rows are taken as they come too.

use std::time::{Duration, Instant};

use fairdue::proto::v1;
use futures::TryStreamExt as _;
use prost::Message as _;
use prost::bytes::Bytes;
use sqlx::{Connection, Row as _};
use tonic::Streaming;
use tonic_prost::ProstCodec;
use v1::sync_service_client::SyncServiceClient;

use crate::stats::{Rounds, Run, ratio, timed};
use crate::support::database::{Backend, Database};
use crate::support::service::{Caller, Service, Setup, caller, processor_time};
use crate::support::workload::MARKETS;
use crate::{Options, feed, stream};

/// The first market of the workload.
const MARKET: usize = 0;
/// The rows that its changes are made of: their tables, and the columns that say what they are.
const ROWS: [(&str, &str); 4] =
    [("case_version", "record"), ("activity", "record"), ("finding", "body"), ("finding_past", "body")];

/// A `PullResponse` whose changes are left as they are.
#[derive(Clone, PartialEq, prost::Message)]
struct Kept {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    changes: Vec<Bytes>,
    #[prost(int64, tag = "2")]
    through_revision: i64,
    #[prost(int64, tag = "3")]
    after_revision: i64,
}

/// Time on processors up to a moment: the consumer's, the server's, the database's.
#[derive(Clone, Copy, Default)]
struct Spent([Duration; 3]);

impl Spent {
    fn now(service: &Service, database: &Database) -> Self {
        let own = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let database = database.cluster.as_ref().map(|cluster| cluster.processor_time()).unwrap_or_default();
        Self([processor_time(&own), service.processor_time(), database])
    }
}

/// The rounds of a contestant, and what they cost.
struct Contestant {
    rounds: Rounds,
    items: u64,
    spent: [Duration; 3],
}

impl Contestant {
    fn of(name: &'static str) -> Self {
        Self { rounds: Rounds::of(name), items: 0, spent: Default::default() }
    }

    fn take(&mut self, run: Run, (before, after): (Spent, Spent), unit: &str) {
        self.items += run.items;
        for ((sum, before), after) in self.spent.iter_mut().zip(before.0).zip(after.0) {
            *sum += after.saturating_sub(before);
        }
        self.rounds.take(run, unit);
    }

    fn summary(&self, unit: &str) {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.items.max(1) as f64;
        let [consumer, server, database] = self.spent.map(each);
        println!(
            "{}\n  processors, us each: consumer {consumer:.2}, server {server:.2}, database {database:.2}, together {:.2}",
            self.rounds.summary(unit),
            consumer + server + database
        );
    }
}

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    stream::cases(&service, &setup.key, options.cases(), options.markets).await;
    stream::activities(&service, &setup.key, options.cases(), options.markets).await;
    let mut client = feed::client(&service.address, &setup.key).await;
    let head = feed::settled(&mut client, MARKET).await;
    let mut kept = Contestant::of("snapshot, kept as it comes");
    let mut read = Contestant::of("snapshot, every change read");
    let mut bare = Contestant::of("rows handed over");
    let mut ordered = Contestant::of("rows handed over in order");
    for round in 1..=options.rounds {
        println!("round {round}");
        let before = Spent::now(&service, &database);
        let run = keep(&service.address, &setup.key, head).await;
        let after = Spent::now(&service, &database);
        kept.take(run, (before, after), "changes");
        let run = snapshot(&mut client, head).await;
        let then = Spent::now(&service, &database);
        read.take(run, (after, then), "changes");
        let run = hand_over(&database, "").await;
        let after = Spent::now(&service, &database);
        bare.take(run, (then, after), "rows");
        let run = hand_over(&database, " ORDER BY revision").await;
        ordered.take(run, (after, Spent::now(&service, &database)), "rows");
    }
    kept.summary("changes");
    read.summary("changes");
    bare.summary("rows");
    ordered.summary("rows");
    let changes = snapshot(&mut client, head).await.items;
    assert_eq!(changes, hand_over(&database, "").await.items, "changes in the feed, and rows in the database");
    let bare_rate = bare.rounds.median_rate();
    ratio("snapshot over rows handed over", kept.rounds.median_rate(), bare_rate, 0.5);
    ratio("snapshot over rows handed over in order", kept.rounds.median_rate(), ordered.rounds.median_rate(), 0.5);
    ratio("snapshot with every change read over rows handed over", read.rounds.median_rate(), bare_rate, 0.5);
    println!("  resident {} MiB", service.resident_bytes() >> 20);
    service.kill();
}

/// Pulls the whole history and takes each change as it comes.
async fn keep(address: &str, key: &str, head: i64) -> Run {
    let mut client = tonic::client::Grpc::new(caller(address, key).await).max_decoding_message_size(64 << 20);
    client.ready().await.expect("a connection");
    let since = Instant::now();
    let request = v1::PullRequest { region_code: MARKETS[MARKET].0.into(), once: true, ..Default::default() };
    let path = http::uri::PathAndQuery::from_static("/fairdue.v1.SyncService/Pull");
    let codec = ProstCodec::<v1::PullRequest, Kept>::default();
    let answer = client.server_streaming(tonic::Request::new(request), path, codec).await.expect("open a feed");
    let mut messages: Streaming<Kept> = answer.into_inner();
    let (mut count, mut bytes, mut through) = (0, 0, 0);
    while let Some(message) = messages.message().await.expect("the feed goes on") {
        assert_eq!(message.after_revision, through, "the feed left something out");
        through = message.through_revision;
        for change in message.changes {
            count += 1;
            bytes += change.len();
        }
    }
    assert_eq!(through, head, "the feed ended before the head");
    assert!(bytes > 0, "no changes");
    timed(count, since)
}

/// Pulls the whole history and reads each change.
async fn snapshot(client: &mut SyncServiceClient<Caller>, head: i64) -> Run {
    let since = Instant::now();
    let mut messages = feed::pull(client, MARKET, 0, true).await;
    let (mut count, mut bytes, mut through) = (0, 0, 0);
    while let Some(message) = messages.message().await.expect("the feed goes on") {
        assert_eq!(message.after_revision, through, "the feed left something out");
        through = message.through_revision;
        count += message.changes.len() as u64;
        bytes += message.changes.iter().map(v1::Change::encoded_len).sum::<usize>();
    }
    assert_eq!(through, head, "the feed ended before the head");
    assert!(bytes > 0, "no changes");
    timed(count, since)
}

/// Reads the rows one after the other over one connection, and looks at each.
async fn hand_over(database: &Database, order: &str) -> Run {
    macro_rules! read {
        ($connection:ty) => {{
            let mut connection = <$connection>::connect(&database.url).await.expect("connect");
            let since = Instant::now();
            let (mut count, mut bytes) = (0, 0);
            for (table, column) in ROWS {
                let sql =
                    format!("SELECT revision, {column} FROM {table} WHERE tenant_id = 't' AND market_id = 'it'{order}");
                let mut rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch(&mut connection);
                while let Some(row) = rows.try_next().await.expect("a row") {
                    count += 1;
                    bytes += row.try_get_unchecked::<Vec<u8>, _>(1).expect("what it says").len();
                }
            }
            assert!(bytes > 0, "no rows");
            timed(count, since)
        }};
    }
    match database.backend {
        Backend::Postgres => read!(sqlx::PgConnection),
        Backend::Sqlite => read!(sqlx::SqliteConnection),
    }
}
