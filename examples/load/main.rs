//! Load for a real server on this machine, with what it is compared with beside it in the same run.
//!
//! `cargo build --release && cargo run --release --example load -- ingest --database postgres --scale 0.05`
//!
//! The server is a process of its own, on a database made for the run; load, server and database share the machine, so
//! only ratios inside one run count. Contestants take turns, and medians are compared. Every run ends with a kill, a
//! restart and a recount: figures without it are none.
#![forbid(unsafe_code)]

mod bare;
mod catalogue;
mod check_streams;
mod checks;
mod delivery;
mod digests;
mod duckdb;
mod feed;
#[allow(dead_code)]
#[path = "../../tests/it/figures.rs"]
mod figures;
mod fill;
mod followers;
mod history;
mod ingest;
mod kpis;
mod main_kpis;
mod memory;
mod outside;
mod peer_floor;
mod processors;
mod raw;
mod replicas;
mod rules;
mod simulate;
mod snapshot;
mod stats;
mod stream;
#[allow(dead_code, unused_imports, unused_macros)]
mod support;
mod told_catalogue;
mod twelve;
mod unary;
mod watchers;

use clap::{Parser, ValueEnum};
use support::database::{Backend, Database};

/// What is measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// The stream of activities, durable, against bare inserts of the same rows.
    Ingest,
    /// Single calls from 64 callers, against a server whose commits are not shared.
    Unary,
    /// Contact checks, against an empty handler in the same server.
    Check,
    /// Contact checks by the hundred, on streams and in batches, against an empty stream in the same server and single checks.
    CheckStream,
    /// A simulation of one changed rule, against the database that hands over the same rows.
    Simulate,
    /// The cells of a new KPI filled from history, against the database that hands over the same rows.
    Fill,
    /// One KPI query over a loaded history, half of it, and beside DuckDB.
    Kpi,
    /// Every KPI of the catalogue at every grain of a year, alone and by each of its dimensions, over a loaded history, a
    /// smaller one, and beside what DuckDB takes at least.
    Catalogue,
    /// Questions that no cells are kept for, over a loaded history and beside DuckDB.
    Outside,
    /// Watched KPIs while payments are committed: the time from acknowledgement to push, and the server's memory.
    Watch,
    /// Resident memory for each case, and the time until a restarted server answers checks.
    Memory,
    /// The whole history of a market to one consumer, against the database that hands over the same rows.
    Snapshot,
    /// From a commit to the consumers that hold it, under load.
    Delivery,
    /// Resident memory of followers that have nothing to read.
    Followers,
    /// The digests of a market that grows, against the database that counts its rows.
    Digests,
    /// Checks, writes and figures while a market is derived anew for a changed rule, in one commit and in portions.
    Rules,
    /// Processors' time for each record with one server and with two over one PostgreSQL.
    Replicas,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum On {
    Sqlite,
    Postgres,
}

/// Load generator for a Fairdue server.
#[derive(Debug, Parser)]
struct Options {
    /// What to measure.
    what: What,
    /// On which database.
    #[arg(long, default_value = "postgres")]
    database: On,
    /// Share of the fixed workload of 200,000 cases and ten activities each.
    #[arg(long, default_value_t = 0.02)]
    scale: f64,
    /// Rounds of each contestant; medians are compared.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Markets that get load, of the four.
    #[arg(long, default_value_t = 4)]
    markets: usize,
    /// Ingest with twelve rules in each market, instead of all packs that ship.
    #[arg(long)]
    twelve_rules: bool,
    /// Ingest with the main job's eighteen KPIs, instead of the whole catalogue.
    #[arg(long)]
    main_kpis: bool,
    /// Watchers of `watch`.
    #[arg(long, default_value_t = 1_000)]
    watchers: usize,
    /// Seconds of one round, where a round is a stretch of time.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Open loop: requests a second, sent at their moments whether or not answers came. Absent: as fast as answers come.
    #[arg(long)]
    rate: Option<f64>,
    /// Followers that have nothing to read.
    #[arg(long, default_value_t = 1_000)]
    followers: usize,
    /// Records of the market whose digests are asked for.
    #[arg(long, default_value_t = 100_000)]
    records: u64,
    /// Writes the loaded history's activities as CSV, for other engines to count.
    #[arg(long)]
    export: Option<std::path::PathBuf>,
    /// Directory that keeps the loaded histories: loaded if they are not there, else used again.
    #[arg(long)]
    keep: Option<std::path::PathBuf>,
    /// Directory of a smaller kept history that `catalogue` asks as well; without it half of the large one.
    #[arg(long)]
    smaller: Option<std::path::PathBuf>,
    /// KPIs of `catalogue`; all of them if none is named.
    #[arg(long = "kpi", value_name = "KPI")]
    kpis: Vec<String>,
    /// Questions of `outside`, by month or another grain, of KPIs whose parts add up: `KPI:DIMENSION,DIMENSION[:GRAIN]`.
    #[arg(long)]
    outside: Vec<String>,
    /// `outside` without stored sums of facts, so that first answers have the history told.
    #[arg(long)]
    without_sums: bool,
    /// A Python that has the package `duckdb`, to ask DuckDB the same question by turns.
    #[arg(long)]
    duckdb: Option<std::path::PathBuf>,
}

impl Options {
    fn cases(&self) -> u32 {
        (f64::from(support::workload::FULL_CASES) * self.scale).round().max(4.0) as u32
    }

    fn backend(&self) -> Backend {
        match self.database {
            On::Sqlite => Backend::Sqlite,
            On::Postgres => Backend::Postgres,
        }
    }

    /// A database that keeps what it acknowledges.
    async fn database(&self) -> Database {
        Database::durable(self.backend()).await
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let options = Options::parse();
    println!("{:?} on {:?}, {} cases, {} rounds", options.what, options.database, options.cases(), options.rounds);
    match options.what {
        What::Ingest => ingest::measure(&options).await,
        What::Unary => unary::measure(&options).await,
        What::Check => checks::measure(&options).await,
        What::CheckStream => check_streams::measure(&options).await,
        What::Simulate => simulate::measure(&options).await,
        What::Fill => fill::measure(&options).await,
        What::Kpi => kpis::measure(&options).await,
        What::Catalogue => catalogue::measure(&options).await,
        What::Outside => outside::outside(&options).await,
        What::Watch => watchers::measure(&options).await,
        What::Memory => memory::measure(&options).await,
        What::Snapshot => snapshot::measure(&options).await,
        What::Delivery => delivery::measure(&options).await,
        What::Followers => followers::measure(&options).await,
        What::Digests => digests::measure(&options).await,
        What::Rules => rules::measure(&options).await,
        What::Replicas => replicas::measure(&options).await,
    }
}
