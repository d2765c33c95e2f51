//! C-02: PostgreSQL dies under load, in every way in which it can. `FAIRDUE_FAULT_DEATHS` sets how often (default 10).

use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection};

use super::load::{Addresses, Load};
use super::{FORGOTTEN, bar, counted, dice, rounds};
use crate::support::database::{Backend, Database};
use crate::support::service::Setup;

/// How it dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// The server is killed; what it left behind is recovered at its start.
    Postmaster,
    /// A session's process is killed: the server ends all others and recovers.
    Backend,
    /// The server ends without a checkpoint.
    Immediate,
    /// The server ends every session and stops.
    Fast,
    /// Every session is ended; the server stays.
    Sessions,
}

const DEATHS: [Death; 5] = [Death::Postmaster, Death::Backend, Death::Immediate, Death::Fast, Death::Sessions];

/// Connections of the service's pool.
const POOL: i64 = 10;

async fn strike(database: &mut Database, death: Death) -> Instant {
    let url = database.url.clone();
    let cluster = database.cluster.as_mut().expect("a cluster of its own");
    let own = "datname = current_database() AND application_name = 'fairdue'";
    match death {
        Death::Postmaster => cluster.signal("-KILL"),
        Death::Immediate => cluster.signal("-QUIT"),
        Death::Fast => cluster.signal("-INT"),
        Death::Backend => {
            let sql = format!("SELECT pid::bigint FROM pg_stat_activity WHERE {own} ORDER BY state LIMIT 1");
            let pid = counted(&url, &sql).await;
            let killed = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            assert!(killed.expect("run kill").success(), "the session was gone before the signal");
        }
        Death::Sessions => {
            counted(&url, &format!("SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {own}")).await;
        }
    }
    if matches!(death, Death::Postmaster | Death::Immediate | Death::Fast) {
        tokio::time::sleep(Duration::from_millis(u64::from(dice(800)))).await;
    }
    // From when on it accepts, as anybody sees who asks. A server that has not ended yet looks ready until it has.
    loop {
        tokio::task::block_in_place(|| cluster.restart());
        if let Ok(mut connection) = PgConnection::connect(&url).await
            && connection.execute("SELECT 1").await.is_ok()
        {
            return Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What the sessions of the service do.
async fn sessions(url: &str) -> String {
    let sql = "SELECT state || ' for ' || (now() - state_change)::text || ', since ' || (now() - xact_start)::text || ': ' || query
        FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fairdue' AND xact_start IS NOT NULL";
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let told: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.expect("the sessions");
    told.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_postgresql_dies() {
    let mut database = Database::durable(Backend::Postgres).await;
    let pool = POOL.to_string();
    let settings = [("database.max_connections", pool.as_str()), ("database.acquire_timeout_ms", "2000")];
    let setup = Setup::new(&database.url, &settings).await;
    let service = setup.start().await;
    let addresses = Addresses::default();
    addresses.lock().expect("no panic").push(service.address.clone());
    let load = Load::start(&addresses, &setup.key, 2);
    let mut slowest = Duration::ZERO;
    for round in 0..rounds("FAIRDUE_FAULT_DEATHS", 10) {
        load.more(10).await;
        tokio::time::sleep(Duration::from_millis(u64::from(dice(300)))).await;
        let death = DEATHS[round as usize % DEATHS.len()];
        let before = load.failures().len();
        let accepts = strike(&mut database, death).await;
        let back = load.first_write_after(accepts).await;
        println!("{death:?}: {} failures, writes again after {back:?}", load.failures().len() - before);
        assert!(back <= bar(Duration::from_secs(2)), "{death:?}: the first write came {back:?} after the database");
        slowest = slowest.max(back);
    }
    let done = load.end().await;
    println!("{} records, {} failures, slowest return {slowest:?}", done.records(), done.failures.len());
    done.failures_were_passing();
    assert!(!done.failures.is_empty(), "nobody noticed anything: was the database killed?");
    done.verify(&database, &service.address, &setup.key).await;
    // The pool is whole: no session is left over, and none sits in a transaction.
    let all =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fairdue'";
    assert!(counted(&database.url, all).await <= POOL);
    let since = Instant::now();
    // What is slow ends; what was forgotten stays until the database ends it, which takes it longer than this.
    while counted(&database.url, FORGOTTEN).await != 0 {
        assert!(
            since.elapsed() < Duration::from_secs(3),
            "sessions sit in a transaction: {}",
            sessions(&database.url).await
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    super::silent::every_place_is_usable(&database.url, &service.address, &setup.key, POOL).await;
    assert_eq!(service.stop(), 0);
}
