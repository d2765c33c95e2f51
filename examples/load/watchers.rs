//! A thousand watchers of KPIs while payments are committed: how soon after a commit's acknowledgement each has the new
//! figures, and what the server's memory does. One in ten does not read until the end, and must then find the newest.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use v1::activity_service_client::ActivityServiceClient;
use v1::kpi_service_client::KpiServiceClient;

use crate::history::settle;
use crate::stats::{Latencies, ratio_at_most};
use crate::support::service::{Service, Setup, caller};
use crate::support::workload::{self, Kind, MARKETS, PER_CASE, Record};
use crate::{Options, stream};

/// Streams of one connection.
const EACH: usize = 50;
/// Payments committed one by one in a round.
const COMMITS: u32 = 50;
/// How long a push is waited for before it counts as missed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of so many watchers one does not read.
const SLOW: usize = 10;
/// Different questions; every payment changes the answers of all.
const GRAINS: [v1::Grain; 5] =
    [v1::Grain::Week, v1::Grain::Month, v1::Grain::Quarter, v1::Grain::Year, v1::Grain::Total];
const GROUPS: [&[&str]; 2] = [&[], &["client"]];

/// When each watcher that reads had which revision first.
type Seen = Arc<Mutex<Vec<Vec<(i64, Instant)>>>>;
type Watched = tonic::Streaming<v1::WatchKpisResponse>;

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    stream::cases(&service, &setup.key, options.cases(), 1).await;
    stream::activities(&service, &setup.key, options.cases(), 1).await;
    settle(&service, &setup.key, 1).await;
    let alone = service.resident_bytes();
    let (seen, slow) = watch(&service, &setup.key, options.watchers).await;
    let first = service.resident_bytes();
    println!("{} watchers of {} questions, {} do not read", options.watchers, GRAINS.len() * GROUPS.len(), slow.len());
    println!("  resident {} MiB without them, {} MiB with them", alone >> 20, first >> 20);
    let mut newest = 0;
    for round in 1..=options.rounds {
        let mut latencies = Latencies::default();
        let mut missed = 0;
        for commit in 0..COMMITS {
            newest = pay(&service, &setup.key, options, &format!("watched-{round}-{commit}")).await;
            let since = Instant::now();
            missed += pushed(&seen, newest, since, &mut latencies).await;
        }
        let (line, most) = (latencies.line(), latencies.per_mille(1_000));
        println!(
            "  round {round}: {COMMITS} commits, {} pushes, {missed} missed: {line}, at most {most} us",
            latencies.count()
        );
        println!("  resident {} MiB", service.resident_bytes() >> 20);
        ratio_at_most("99.9 % of pushes, over 500 ms", f64::from(latencies.per_mille(999)) / 1e6, 0.5, 1.0);
    }
    let last = service.resident_bytes();
    ratio_at_most("resident after all commits over before", last as f64, first as f64, 1.05);
    let mut read = 0;
    for mut stream in slow {
        read += tokio::time::timeout(PATIENCE, catch_up(&mut stream, newest)).await.expect("the newest comes");
    }
    println!("  those that had not read found the newest after {read} messages in all");
    service.kill();
}

/// Opens the watchers; the streams of those that do not read are returned.
async fn watch(service: &Service, key: &str, watchers: usize) -> (Seen, Vec<Watched>) {
    let seen: Seen = Arc::default();
    let mut slow = Vec::new();
    let mut client = KpiServiceClient::new(caller(&service.address, key).await);
    for number in 0..watchers {
        if number.is_multiple_of(EACH) {
            client = KpiServiceClient::new(caller(&service.address, key).await);
        }
        let question = question(number);
        let request = v1::WatchKpisRequest { question: Some(question) };
        let mut stream = client.watch_kpis(request).await.expect("a stream").into_inner();
        if number.is_multiple_of(SLOW) {
            slow.push(stream);
            continue;
        }
        let first = stream.message().await.expect("the stream goes on").expect("a first answer");
        assert!(!first.rows.is_empty(), "a watcher without figures");
        let place = {
            let mut all = seen.lock().expect("no panic before");
            all.push(Vec::new());
            all.len() - 1
        };
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok(Some(answer)) = stream.message().await {
                seen.lock().expect("no panic before")[place].push((answer.revision, Instant::now()));
            }
        });
    }
    (seen, slow)
}

fn question(number: usize) -> v1::QueryKpisRequest {
    let number = number / SLOW + number;
    v1::QueryKpisRequest {
        region_code: MARKETS[0].0.into(),
        kpi_ids: vec!["payments".into()],
        grain: GRAINS[number % GRAINS.len()].into(),
        start_date: Some(Date { year: 2025, month: 1, day: 1 }),
        end_date: Some(Date { year: 2026, month: 1, day: 1 }),
        group_by: GROUPS[number / GRAINS.len() % GROUPS.len()].iter().map(|one| (*one).to_owned()).collect(),
        ..Default::default()
    }
}

/// Commits one payment more; the market's revision after it.
async fn pay(service: &Service, key: &str, options: &Options, id: &str) -> i64 {
    let records = (0..options.cases()).step_by(MARKETS.len()).flat_map(|case| (0..PER_CASE).map(move |n| (case, n)));
    let (case, number) = records
        .into_iter()
        .find(|(case, number)| workload::kind(*case, *number) == Kind::Payment && !workload::is_voided(*case, *number))
        .expect("a payment among the records");
    let mut activity = workload::activity(Record { case, number, send: 0 });
    activity.activity_id = id.to_owned();
    let request = v1::BatchRecordActivitiesRequest { region_code: MARKETS[0].0.into(), activities: vec![activity] };
    let mut client = ActivityServiceClient::new(caller(&service.address, key).await);
    client.batch_record_activities(request).await.expect("stored").into_inner().revision
}

/// Waits until every watcher that reads has the revision; how many did not get it.
async fn pushed(seen: &Seen, revision: i64, since: Instant, latencies: &mut Latencies) -> usize {
    loop {
        let waiting = {
            let all = seen.lock().expect("no panic before");
            all.iter().filter(|one| one.last().is_none_or(|(newest, _)| *newest < revision)).count()
        };
        if waiting == 0 || since.elapsed() > PATIENCE {
            let mut all = seen.lock().expect("no panic before");
            for one in all.iter_mut() {
                if let Some((_, at)) = one.iter().find(|(newest, _)| *newest >= revision) {
                    latencies.add(at.saturating_duration_since(since));
                }
                one.clear();
            }
            return waiting;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Reads a stream up to a revision; how many messages that took.
async fn catch_up(stream: &mut Watched, revision: i64) -> usize {
    let mut read = 0;
    while let Some(answer) = stream.message().await.expect("the stream goes on") {
        read += 1;
        if answer.revision >= revision {
            break;
        }
    }
    read
}
