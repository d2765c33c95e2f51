//! What is watched and cannot be computed is not tried without a pause, and comes soon after it can be again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fairdue::proto::v1;

use crate::support::api::Api;
use crate::support::database::{Backend, Database};
use crate::support::proxy::{Act, Proxy};
use crate::support::wire::{batch, case, march, payment};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_fails_for_now_is_asked_again_with_pauses() {
    let database = Database::fresh(Backend::Postgres).await;
    let proxy = Proxy::before(&database.url).await;
    let api = Api::start(&Database::at(Backend::Postgres, &proxy.url(&database.url))).await;
    let mut mine = api.platform("mine").await;
    let upsert = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("c1", "a")) };
    mine.cases.upsert_case(upsert).await.expect("stored");
    let mut pay = async |id: &str, units: i64| {
        let paid = batch(vec![payment(id, "c1", 0, units)]);
        mine.activities.batch_record_activities(paid).await.expect("stored");
    };
    pay("p1", 60).await;
    let watch = v1::WatchKpisRequest { question: Some(march("payments")) };
    let mut watcher = api.platform("mine").await;
    let mut stream = watcher.kpis.watch_kpis(watch).await.expect("a stream").into_inner();
    let mut next = async || {
        let next = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("a message in time");
        let row = next.expect("no failure").expect("no end").rows.remove(0);
        row.value.expect("a value").value
    };
    assert_eq!(next().await, "60.00");

    // From now on nothing that a figure rests on can be read.
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    proxy.decide(move |statement| {
        let cells = statement.contains("SELECT revision, body FROM cell_delta");
        if cells {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        if cells { Act::Refuse("57014") } else { Act::Pass }
    });
    pay("p2", 15).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let tried = tries.load(Ordering::Relaxed);
    println!("tried {tried} times in four seconds");
    // The market's writer, which would merge what is new, tries once a second as well.
    assert!((1..=15).contains(&tried), "tried {tried} times in four seconds");
    proxy.pass();
    let healed = Instant::now();
    assert_eq!(next().await, "75.00");
    assert!(healed.elapsed() < Duration::from_secs(8), "told {:?} after it could be", healed.elapsed());
    api.end().await;
}
