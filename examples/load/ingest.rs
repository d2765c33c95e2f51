//! The stream of activities, durable and with everything derived, against bare inserts of the rows that it stored.

use crate::processors::Processors;
use crate::stats::{Rounds, Run, ratio};
use crate::support::recount;
use crate::support::service::{Service, Setup};
use crate::{Options, bare, figures, main_kpis, stream, twelve};

/// Runs rounds of both contestants by turns.
pub async fn measure(options: &Options) {
    let mut ours = Rounds::of("Fairdue, stream to commit");
    let mut theirs = Rounds::of(match options.backend() {
        crate::support::database::Backend::Postgres => "bare UNNEST, 4 connections",
        crate::support::database::Backend::Sqlite => "bare insert_many, 1 connection",
    });
    for round in 1..=options.rounds {
        println!("round {round}");
        let (run, rows) = one(options).await;
        ours.take(run, "rows");
        theirs.take(bare::insert(options, rows).await, "rows");
    }
    println!("{}\n{}", ours.summary("rows"), theirs.summary("rows"));
    let aim = match options.backend() {
        crate::support::database::Backend::Postgres => 0.7,
        crate::support::database::Backend::Sqlite => 1.3,
    };
    ratio("stored rows, ours over bare", ours.median_rate(), theirs.median_rate(), aim);
}

/// One round of ours: load, kill, restart, recount. Returns the run and the rows that it left in the table.
async fn one(options: &Options) -> (Run, Vec<bare::Row>) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    if options.twelve_rules {
        twelve::put(setup.configuration());
    }
    if options.main_kpis {
        main_kpis::keep(setup.configuration());
    }
    let service = setup.start().await;
    stream::cases(&service, &setup.key, options.cases(), options.markets).await;
    let before = Processors::now(&[&service]);
    let run = stream::activities(&service, &setup.key, options.cases(), options.markets).await;
    println!("  {}", Processors::now(&[&service]).since(&before, run.items));
    println!("  resident {} MiB", service.resident_bytes() >> 20);
    service.kill();
    let service = setup.start().await;
    recounted(options, &database, &service, &setup.key, run.items).await;
    service.kill();
    (run, bare::read(&database).await)
}

/// After the kill: the table holds what was acknowledged, and the figures equal a recount.
async fn recounted(
    options: &Options,
    database: &crate::support::database::Database,
    service: &Service,
    key: &str,
    created: u64,
) {
    let expected: u64 = (0..options.markets).map(|market| recount::count(market, 0..options.cases()).records).sum();
    let stored = figures::stored_ids(database).await.len() as u64;
    assert_eq!((created, stored), (expected, expected), "records acknowledged as new, and stored");
    figures::compare(&service.address, key, 0..options.cases(), options.markets).await;
    println!("  killed, started again: {stored} rows, figures equal the recount");
}
