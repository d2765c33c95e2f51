//! Faults that a service meets in production, brought about: each test breaks something for real, under load, and compares
//! what is left with what clients were told. `cargo xtask faults --list` tells which clause each stands for, and
//! docs/reliability.md how each was seen to fail with the protection off.
//!
//! Every test has a bounded count of its own and takes a larger one from the environment, for campaigns. Times are held to
//! the bar when the tests run alone (`FAIRDUE_FAULTS_ALONE`, which `cargo xtask faults` sets), and to three times the bar beside
//! other tests.

mod cancelled;
mod client;
mod database_dies;
mod feeds;
mod full_disk;
pub mod load;
mod migrating;
mod silent;
mod statements;
mod stopping;

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::support::database::{Backend, Database};
use crate::support::proxy::Proxy;
use crate::support::service::{Service, Setup};
use load::Addresses;

/// A service over PostgreSQL behind a relay that can break its protocol, and where its clients find it.
struct Relayed {
    database: Database,
    proxy: Proxy,
    setup: Setup,
    service: Service,
    addresses: Addresses,
}

impl Relayed {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let database = Database::fresh(Backend::Postgres).await;
        let proxy = Proxy::before(&database.url).await;
        let mut setup = Setup::new(&database.url, settings).await;
        setup.url = proxy.url(&database.url);
        let service = setup.start().await;
        let addresses = Addresses::default();
        addresses.lock().expect("no panic").push(service.address.clone());
        Self { database, proxy, setup, service, addresses }
    }
}

/// How often a fault is brought about: the variable's number, or that of every run.
pub fn rounds(variable: &str, default: u32) -> u32 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A bar for a time, wider where other tests have the processors too.
pub fn bar(time: Duration) -> Duration {
    if std::env::var_os("FAIRDUE_FAULTS_ALONE").is_some() { time } else { time * 3 }
}

/// An even number below a bound; another one in each run. What it decides is printed.
pub fn dice(below: u32) -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("random numbers");
    u32::from_le_bytes(bytes) % below
}

/// A number that PostgreSQL counts, asked past every relay.
pub async fn counted(url: &str, sql: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.expect("connect");
    let number = connection.fetch_one(AssertSqlSafe(sql.to_owned())).await.expect("a count").get(0);
    connection.close().await.expect("leave");
    number
}

/// Sessions of the service that wait for a lock.
pub const WAITING: &str = "SELECT COUNT(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'fairdue' AND wait_event_type = 'Lock'";

/// Sessions of the service whose transaction is older than any that the service means to keep open.
pub const FORGOTTEN: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = 'fairdue' AND now() - xact_start > interval '3 s'";
