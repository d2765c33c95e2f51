//! Keys that nobody has are looked for a few at a time: whoever sends thousands of them takes neither the database from the others
//! nor their calls.

use std::time::{Duration, Instant};

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use futures::future::join_all;
use sqlx::{Connection, Executor, PgConnection};
use tonic::{Code, Request, Status};

use crate::faults::{WAITING, counted};
use crate::support::api::Api;
use crate::support::database::{Backend, Database};
use crate::support::wire::reason;

/// Calls at once with keys that nobody has.
const FLOOD: usize = 600;
/// Of them, those that are looked for or wait for it.
const TAKEN: usize = 256 + 2;
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn keys_that_nobody_has_take_few_connections_and_are_told_to_wait() {
    let database = Database::fresh(Backend::Postgres).await;
    let api = Api::start_with(&database, &[("grpc.max_streams_per_connection", "1000")]).await;
    let key = api.key("mine", &[Role::Reader], &[]).await;
    let mut mine = api.clients(&key);
    let request = v1::GetMarketStatusRequest { region_code: "IT".to_owned() };
    mine.sync.get_market_status(request.clone()).await.expect("an answer");

    // Nobody's key can be read from now on.
    let mut foreign = PgConnection::connect(&database.url).await.expect("connect");
    foreign.execute("BEGIN; LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE").await.expect("the lock");
    let flood: Vec<_> = (0..FLOOD)
        .map(|number| {
            let mut client = v1::sync_service_client::SyncServiceClient::new(api.channel.clone());
            let mut request = Request::new(request.clone());
            let text = format!("Bearer fd_mine.{number:016x}.{number:064x}");
            request.metadata_mut().insert("authorization", text.parse().expect("plain characters"));
            tokio::spawn(async move { client.get_market_status(request).await.expect_err("nobody has it") })
        })
        .collect();
    let refused = || flood.iter().filter(|call| call.is_finished()).count();
    let since = Instant::now();
    let mut most = 0;
    while refused() < FLOOD - TAKEN {
        most = most.max(counted(&database.url, WAITING).await);
        assert!(since.elapsed() < SOON, "{} of {FLOOD} were told to wait; {most} sessions look for keys", refused());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Longer than a key that was read is trusted.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    most = most.max(counted(&database.url, WAITING).await);
    assert!((1..=2).contains(&most), "{most} sessions look for keys");
    // A key that opened something a moment ago has a place of its own, and is read as soon as it can be.
    let again = tokio::spawn(async move { mine.sync.get_market_status(request).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    foreign.execute("ROLLBACK").await.expect("unlock");
    tokio::time::timeout(SOON, again).await.expect("in time").expect("no panic").expect("an answer");

    let ends: Vec<Status> = join_all(flood).await.into_iter().map(|end| end.expect("no panic")).collect();
    let unknown = ends.iter().filter(|end| end.code() == Code::Unauthenticated).count();
    let waiting = ends.iter().filter(|end| (end.code(), reason(end).as_str()) == (Code::Unavailable, "OVERLOADED"));
    assert_eq!((unknown, waiting.count()), (TAKEN, FLOOD - TAKEN), "{ends:?}");
    api.end().await;
}
