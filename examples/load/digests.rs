//! The digests of a market while it grows, against the database that counts its rows.

use std::time::Instant;

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use sqlx::{Connection, Row as _};
use v1::activity_service_client::ActivityServiceClient;
use v1::sync_service_client::SyncServiceClient;

use crate::stats::Latencies;
use crate::support::database::{Backend, Database};
use crate::support::service::{Caller, Service, Setup, caller};
use crate::support::workload::{self, MARKETS, PER_CASE, Record};
use crate::{Options, feed, history, stream};

/// The market that grows.
const MARKET: usize = 0;
/// Cases, counted over all markets, that are loaded at a time: what is sent is made before, and held in memory.
const SLICE: u32 = 50_000;
/// Questions of each kind at each size.
const QUESTIONS: u32 = 200;
/// What an answer may take, in milliseconds.
const AIM: f64 = 50.0;

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    // A case is a record as well.
    let cases = (options.records.div_ceil(u64::from(PER_CASE) + 1)).max(10);
    let all = u32::try_from(cases).expect("fewer cases") * MARKETS.len() as u32;
    let mut loaded = 0;
    for target in [all / 10, all] {
        while loaded < target {
            let part = loaded..(loaded + SLICE).min(target);
            load(&service, &setup.key, part.clone()).await;
            loaded = part.end;
        }
        at_size(&database, &service, &setup.key).await;
    }
    println!("  resident {} MiB", service.resident_bytes() >> 20);
    service.kill();
}

/// Stores the market's cases among these, each with a debtor of its own, and their activities.
async fn load(service: &Service, key: &str, part: std::ops::Range<u32>) {
    stream::cases_as(service, key, part.clone(), MARKET + 1, history::case).await;
    stream::activities_as(service, key, part, MARKET + 1, history::activity).await;
}

/// Asks for the digests at rest and right behind a commit.
async fn at_size(database: &Database, service: &Service, key: &str) {
    let mut client = feed::client(&service.address, key).await;
    feed::settled(&mut client, MARKET).await;
    let since = Instant::now();
    let status = feed::status(&mut client, MARKET).await;
    println!("{} records, first answer after {:.1?}", total(&status), since.elapsed());
    let since = Instant::now();
    let counted = count(database).await;
    let took = since.elapsed();
    assert_eq!(activities(&status), counted, "activities that the digests count, and rows");
    println!("  the database counts {counted} activities and voids in {took:.1?}");

    let mut still = Latencies::default();
    let mut days = Latencies::default();
    let mut fresh = Latencies::default();
    let mut writer = ActivityServiceClient::new(caller(&service.address, key).await);
    for number in 0..QUESTIONS {
        let asked = Instant::now();
        feed::status(&mut client, MARKET).await;
        still.add(asked.elapsed());
        let asked = Instant::now();
        list_days(&mut client).await;
        days.add(asked.elapsed());
        writer.record_activity(one_more(counted, number)).await.expect("a commit");
        let asked = Instant::now();
        let status = feed::status(&mut client, MARKET).await;
        fresh.add(asked.elapsed());
        assert_eq!(activities(&status), counted + i64::from(number) + 1, "a commit is not in the digests");
    }
    for (what, mut latencies) in
        [("GetMarketStatus", still), ("GetMarketStatus behind a commit", fresh), ("ListDayTallies, every day", days)]
    {
        let p99 = f64::from(latencies.per_mille(990)) / 1e3;
        println!("  {what:<34} {}; p99 {p99:.2} ms (aim: at most {AIM} ms)", latencies.line());
    }
}

async fn list_days(client: &mut SyncServiceClient<Caller>) {
    let request = v1::ListDayTalliesRequest {
        region_code: MARKETS[MARKET].0.into(),
        entity: v1::SyncEntity::Activity.into(),
        start_date: Some(Date { year: 2024, month: 1, day: 1 }),
        end_date: None,
    };
    let days = client.list_day_tallies(request).await.expect("the days").into_inner().days;
    assert!(!days.is_empty(), "no days");
}

/// A record that was never sent before.
fn one_more(counted: i64, number: u32) -> v1::RecordActivityRequest {
    let mut activity = history::activity(Record { send: 0, case: MARKET as u32, number: PER_CASE - 1 });
    activity.activity_id = format!("one-more-{counted}-{number}");
    activity.occur_time = Some(workload::time(300 * 86_400 + i64::from(number)));
    v1::RecordActivityRequest { region_code: MARKETS[MARKET].0.into(), activity: Some(activity) }
}

fn total(status: &v1::GetMarketStatusResponse) -> i64 {
    status.tallies.iter().map(|tally| tally.count).sum()
}

/// Activities that count, and voids with what they took out: all that the table holds.
fn activities(status: &v1::GetMarketStatusResponse) -> i64 {
    let of = |entity: v1::SyncEntity| status.tallies.iter().filter(move |tally| tally.entity() == entity);
    let sum = |entity| of(entity).map(|tally| tally.count).sum::<i64>();
    sum(v1::SyncEntity::Activity) + 2 * sum(v1::SyncEntity::Void)
}

async fn count(database: &Database) -> i64 {
    let sql = "SELECT COUNT(*) FROM activity WHERE tenant_id = 't' AND market_id = 'it'";
    match database.backend {
        Backend::Postgres => {
            let mut connection = sqlx::PgConnection::connect(&database.url).await.expect("connect");
            sqlx::query(sql).fetch_one(&mut connection).await.expect("a count").get(0)
        }
        Backend::Sqlite => {
            let mut connection = sqlx::SqliteConnection::connect(&database.url).await.expect("connect");
            sqlx::query(sql).fetch_one(&mut connection).await.expect("a count").get(0)
        }
    }
}
