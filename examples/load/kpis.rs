//! QueryKpis of one KPI by month and agent for a year, to the last byte of the answer, over a loaded history: how the
//! time changes when the history doubles, and how it compares with DuckDB on the same rows.

use std::time::Instant;

use fairdue::proto::v1;
use v1::kpi_service_client::KpiServiceClient;

use crate::Options;
use crate::duckdb::{self, DuckDb};
use crate::history::{Histories, question, settle};
use crate::stats::{Latencies, Rounds, Run, median, ratio, ratio_at_most};
use crate::support::service::{Caller, caller};
use crate::support::workload::MARKETS;

/// Questions of one round.
const QUESTIONS: u32 = 50;

/// One server's callers.
type Client = KpiServiceClient<Caller>;

pub async fn measure(options: &Options) {
    let histories = Histories::open(options).await;
    let (half, whole) = (histories.half.start().await, histories.whole.start().await);
    let mut on_half = KpiServiceClient::new(caller(&half.address, &histories.half.key).await);
    let mut on_whole = KpiServiceClient::new(caller(&whole.address, &histories.whole.key).await);
    let mut peer = match (&options.duckdb, &options.export) {
        (None, None) => None,
        (python, export) => {
            let table = export.clone().unwrap_or_else(|| histories.directory.join("activities.csv"));
            if export.is_some() || !table.exists() {
                duckdb::export(&table, options.cases(), options.markets);
            }
            python.as_ref().map(|python| DuckDb::open(python, &table))
        }
    };
    settle(&half, &histories.half.key, options.markets).await;
    settle(&whole, &histories.whole.key, options.markets).await;
    // Each engine has answered once before it is measured.
    ask(&mut on_half, 1, 1).await;
    ask(&mut on_whole, 1, options.markets).await;

    let mut rounds = ["half of the history", "whole history", "whole history, every market"].map(Rounds::of);
    let mut theirs = ["DuckDB, the same market", "DuckDB, every market"].map(Rounds::of);
    for round in 1..=options.rounds {
        println!("round {round}");
        rounds[0].take(ask(&mut on_half, QUESTIONS, 1).await, "questions");
        rounds[1].take(ask(&mut on_whole, QUESTIONS, 1).await, "questions");
        if let Some(peer) = &mut peer {
            theirs[0].take(peer.ask(1), "questions");
            rounds[2].take(ask(&mut on_whole, QUESTIONS / 5, options.markets).await, "questions");
            theirs[1].take(peer.ask(options.markets), "questions");
        }
    }
    println!("resident: {} MiB with the whole history", whole.resident_bytes() >> 20);
    let [half_p50, whole_p50, all_p50] = rounds.each_ref().map(|rounds| median(&rounds.p50));
    ratio_at_most("median, whole history over half of it", whole_p50, half_p50, 1.2);
    if let Some(peer) = &mut peer {
        for (market, (region, _, _)) in MARKETS.iter().enumerate().take(options.markets) {
            let ours = duckdb::figures(&answer(&mut on_whole, market).await);
            assert_eq!(ours, peer.figures(market), "{region}: the answers of both");
            println!("  {region}: {} rows, numerators and denominators equal DuckDB's", ours.len());
        }
        ratio("DuckDB's median over ours, one market", median(&theirs[0].p50), whole_p50, 10.0);
        ratio("DuckDB's median over ours, every market", median(&theirs[1].p50), all_p50, 10.0);
    }
    half.kill();
    whole.kill();
}

/// Asks the same question again and again, each time of the first `markets` markets one after the other.
async fn ask(client: &mut Client, questions: u32, markets: usize) -> Run {
    let mut latencies = Latencies::default();
    let start = Instant::now();
    for _ in 0..questions {
        let asked = Instant::now();
        for market in 0..markets {
            assert!(!answer(client, market).await.rows.is_empty(), "an answer without rows");
        }
        latencies.add(asked.elapsed());
    }
    Run { items: u64::from(questions), took: start.elapsed(), latencies }
}

async fn answer(client: &mut Client, market: usize) -> v1::QueryKpisResponse {
    client.query_kpis(question(MARKETS[market].0)).await.expect("answer").into_inner()
}
