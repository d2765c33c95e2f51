//! What a tenant's watches hold in memory is bounded, whoever watches the same shares it, and others have room all the same.

use std::time::Duration;

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use tonic::{Code, Status, Streaming};

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database};
use crate::support::wire::{asking, batch, case, march, payment, reason};

const SOON: Duration = Duration::from_secs(20);

type Watch = Streaming<v1::WatchKpisResponse>;

async fn start(settings: &[(&str, &str)]) -> (Api, Clients, Database) {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start_with(&database, settings).await;
    let mut mine = api.platform("mine").await;
    let upsert = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case("c1", "a")) };
    mine.cases.upsert_case(upsert).await.expect("stored");
    (api, mine, database)
}

/// Payments by day, of so many days of March.
fn days(count: i32) -> v1::QueryKpisRequest {
    let end_date = Some(Date { year: 2024, month: 3, day: 1 + count });
    v1::QueryKpisRequest { grain: v1::Grain::Day.into(), end_date, ..march("payments") }
}

async fn watch(clients: &mut Clients, question: v1::QueryKpisRequest) -> Result<Watch, Status> {
    let request = v1::WatchKpisRequest { question: Some(question) };
    clients.kpis.watch_kpis(request).await.map(tonic::Response::into_inner)
}

async fn next(watch: &mut Watch) -> Result<v1::WatchKpisResponse, Status> {
    let message = tokio::time::timeout(SOON, watch.message()).await.expect("a message in time");
    message.map(|message| message.expect("no end without a reason"))
}

#[tokio::test]
async fn a_tenant_watches_so_many_questions_and_another_as_many() {
    let (api, mut mine, _database) = start(&[("query.max_watches", "3")]).await;
    let mut open = Vec::new();
    for number in 1..=3 {
        // Two keys that ask the same share it.
        for _ in 0..2 {
            let mut one = watch(&mut mine, days(number)).await.expect("a watch");
            next(&mut one).await.expect("an answer");
            open.push(one);
        }
    }
    let refused = watch(&mut mine, days(4)).await.expect_err("a fourth question");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "TOO_MANY_WATCHES"));
    assert!(refused.message().contains("3 different questions of the tenant"), "{}", refused.message());
    let mut theirs = api.platform("theirs").await;
    next(&mut watch(&mut theirs, days(4)).await.expect("room for others")).await.expect("an answer");
    // Whose watch ends makes room for another question.
    open.truncate(4);
    let again = tokio::time::timeout(SOON, async {
        loop {
            match watch(&mut mine, days(4)).await {
                Ok(watch) => return watch,
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
    next(&mut again.await.expect("room in time")).await.expect("an answer");
    drop(open);
    api.end().await;
}

#[tokio::test]
async fn answers_are_kept_as_long_as_they_have_no_more_rows_than_they_may() {
    let (api, mut mine, _database) = start(&[("query.max_watched_rows", "40"), ("query.max_answer_rows", "50")]).await;
    let month = || v1::QueryKpisRequest { grain: v1::Grain::Day.into(), ..march("payments") };
    let mut first = watch(&mut mine, month()).await.expect("a watch");
    assert_eq!(next(&mut first).await.expect("an answer").rows.len(), 31);
    let mut second = watch(&mut mine, days(20)).await.expect("a watch");
    let refused = next(&mut second).await.expect_err("51 rows");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "TOO_MANY_WATCHES"));
    assert!(refused.message().contains("51 rows, the limit is 40"), "{}", refused.message());
    // One answer with too many rows is refused as it is by QueryKpis.
    let long = v1::QueryKpisRequest { end_date: Some(Date { year: 2024, month: 6, day: 1 }), ..month() };
    let asked = mine.kpis.query_kpis(long.clone()).await.expect_err("92 rows");
    let watched = next(&mut watch(&mut mine, long).await.expect("a watch")).await.expect_err("92 rows");
    assert_eq!((reason(&watched).as_str(), watched.message()), ("ANSWER_TOO_LARGE", asked.message()));
    drop(first);
    api.end().await;
}

/// Whoever joins a watch asks for a revision by which nothing of the answer has changed: it is told of that revision.
#[tokio::test]
async fn who_joins_a_watch_sees_nothing_older_than_was_asked_for() {
    let (api, mut mine, _database) = start(&[("query.max_watches", "1")]).await;
    let mut open = Vec::new();
    for number in 0..8 {
        // Payments of June change no figure of March.
        let paid = batch(vec![payment(&format!("p{number}"), "c1", 100, 1)]);
        let stored = mine.activities.batch_record_activities(paid).await.expect("stored").into_inner();
        let request = v1::WatchKpisRequest { question: Some(march("payments")) };
        let watch = mine.kpis.watch_kpis(asking(request, &format!("at-least={}", stored.revision))).await;
        let mut watch = watch.expect("it is the same question").into_inner();
        let first = next(&mut watch).await.expect("an answer");
        assert!(first.revision >= stored.revision, "{} of at least {}", first.revision, stored.revision);
        open.push(watch);
    }
    // And what was watched all along hears nothing of what did not change.
    let more = tokio::time::timeout(Duration::from_millis(500), open[0].message()).await;
    assert!(more.is_err(), "{more:?}");
    drop(open);
    api.end().await;
}
