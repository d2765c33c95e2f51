//! The whole history of a market to one consumer, against the database that hands over the same rows.

use std::time::Instant;

use fairdue::proto::v1;
use futures::TryStreamExt as _;
use prost::Message as _;
use sqlx::{Connection, Row as _};
use v1::sync_service_client::SyncServiceClient;

use crate::stats::{Rounds, Run, ratio, timed};
use crate::support::database::{Backend, Database};
use crate::support::service::{Caller, Setup};
use crate::{Options, feed, stream};

/// The first market of the workload.
const MARKET: usize = 0;
/// The rows that its changes are made of: their tables, and the columns that say what they are.
const ROWS: [(&str, &str); 4] =
    [("case_version", "record"), ("activity", "record"), ("finding", "body"), ("finding_past", "body")];

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    stream::cases(&service, &setup.key, options.cases(), options.markets).await;
    stream::activities(&service, &setup.key, options.cases(), options.markets).await;
    let mut client = feed::client(&service.address, &setup.key).await;
    let head = feed::settled(&mut client, MARKET).await;
    let mut ours = Rounds::of("snapshot");
    let mut bare = Rounds::of("rows handed over");
    let mut ordered = Rounds::of("rows handed over in order");
    for round in 1..=options.rounds {
        println!("round {round}");
        ours.take(snapshot(&mut client, head).await, "changes");
        let handed = hand_over(&database, "").await;
        bare.take(handed, "rows");
        ordered.take(hand_over(&database, " ORDER BY revision").await, "rows");
    }
    println!("{}\n{}\n{}", ours.summary("changes"), bare.summary("rows"), ordered.summary("rows"));
    let changes = snapshot(&mut client, head).await.items;
    assert_eq!(changes, hand_over(&database, "").await.items, "changes in the feed, and rows in the database");
    ratio("snapshot over rows handed over", ours.median_rate(), bare.median_rate(), 0.5);
    ratio("snapshot over rows handed over in order", ours.median_rate(), ordered.median_rate(), 0.5);
    println!("  resident {} MiB", service.resident_bytes() >> 20);
    service.kill();
}

/// Pulls the whole history and looks at each change.
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
