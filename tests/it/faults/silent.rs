//! C-03: the network between the service and PostgreSQL drops every packet for a while, and nobody is told: no connection is
//! closed. Time-outs are scaled to a second. `FAIRDUE_FAULT_SILENCES` sets how often (default 4).

use std::time::{Duration, Instant};

use fairdue::proto::v1;
use sqlx::{Connection, Executor, PgConnection};
use v1::activity_service_client::ActivityServiceClient;

use super::load::Load;
use super::{Relayed, WAITING, bar, counted, dice, rounds};
use crate::support::service::caller;
use crate::support::workload::MARKETS;

/// Connections of the service's pool.
const POOL: i64 = 10;

/// The longest that the service itself waits: for a connection, for a statement, and the moments of its own around them. A
/// write waits for the one before it in its market as well.
const LONGEST: Duration = Duration::from_millis(2 * (1_000 + 1_000 + 500) + 500);

/// That many reads at once have a connection each: with the table that they read locked, that many sessions wait for it.
pub async fn every_place_is_usable(url: &str, address: &str, key: &str, places: i64) {
    let mut foreign = PgConnection::connect(url).await.expect("connect");
    foreign.execute("BEGIN; LOCK TABLE activity IN ACCESS EXCLUSIVE MODE").await.expect("the lock");
    let read = || {
        let (address, key) = (address.to_owned(), key.to_owned());
        tokio::spawn(async move {
            let mut client = ActivityServiceClient::new(caller(&address, &key).await);
            let request =
                v1::ListActivitiesRequest { region_code: MARKETS[0].0.into(), page_size: 1, ..Default::default() };
            client.list_activities(request).await.is_ok()
        })
    };
    let mut readers: Vec<_> = (0..places + 4).map(|_| read()).collect();
    let since = Instant::now();
    let mut most = 0;
    while most < places {
        most = most.max(counted(url, WAITING).await);
        assert!(since.elapsed() < Duration::from_secs(20), "of {places} connections only {most} can be used");
        // Whoever finds no place gives up after a while, and a place may have been taken by something else for that long.
        for reader in readers.iter_mut().filter(|reader| reader.is_finished()) {
            *reader = read();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    foreign.execute("ROLLBACK").await.expect("unlock");
    for reader in readers {
        reader.await.expect("a reader");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_is_lost_to_silence() {
    let (pool, second) = (POOL.to_string(), "1000");
    let settings = [
        ("database.max_connections", pool.as_str()),
        ("database.acquire_timeout_ms", second),
        ("database.statement_timeout_ms", second),
    ];
    let Relayed { database, proxy, setup, service, addresses } = Relayed::start(&settings).await;
    let load = Load::start(&addresses, &setup.key, 1);
    for round in 0..rounds("FAIRDUE_FAULT_SILENCES", 4) {
        load.more(10).await;
        // Connections of before hear again, or never.
        let for_good = round % 2 == 1;
        let silence = Duration::from_millis(if round % 4 < 2 { 4_000 } else { 500 + u64::from(dice(2_500)) });
        proxy.fall_silent();
        tokio::time::sleep(silence).await;
        proxy.speak(for_good);
        let back = load.first_write_after(Instant::now()).await;
        println!("silent for {silence:?}, for good: {for_good}; writes again after {back:?}");
        assert!(back <= bar(Duration::from_secs(8)), "the first write came {back:?} after the silence");
        if for_good {
            // Sessions of before are held by nobody; PostgreSQL alone does not know.
            tokio::time::sleep(Duration::from_secs(3)).await;
            proxy.bury();
        }
        every_place_is_usable(&database.url, &service.address, &setup.key, POOL).await;
    }
    let done = load.end().await;
    println!("{} records, {} failures, longest call {:?}", done.records(), done.failures.len(), done.longest);
    done.failures_were_passing();
    assert!(!done.failures.is_empty(), "nobody noticed anything: was it silent?");
    assert!(done.longest <= bar(LONGEST), "a call took {:?}", done.longest);
    done.verify(&database, &service.address, &setup.key).await;
    assert_eq!(service.stop(), 0);
}
