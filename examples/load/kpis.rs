//! QueryKpis of one KPI by month and agent for a year, to the last byte of the answer, over a loaded history; and how
//! the time changes when the history doubles.

use std::time::Instant;

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use v1::kpi_service_client::KpiServiceClient;

use crate::stats::{Latencies, Run, ratio_at_most};
use crate::support::recount;
use crate::support::service::{Service, Setup, caller};
use crate::support::workload::{self, Kind, MARKETS, PER_CASE};
use crate::{Options, figures, stream};

/// Queries of one measurement.
const QUERIES: u32 = 200;

pub async fn measure(options: &Options) {
    let mut medians = Vec::new();
    for cases in [options.cases() / 2, options.cases()] {
        let database = options.database().await;
        let setup = Setup::new(&database.url, &[]).await;
        let service = setup.start().await;
        stream::cases(&service, &setup.key, cases, options.markets).await;
        stream::activities(&service, &setup.key, cases, options.markets).await;
        service.kill();
        let service = setup.start().await;
        figures::compare(&service.address, &setup.key, 0..cases, options.markets).await;
        let mut run = ask(&service, &setup.key).await;
        println!("{cases} cases: {:.0} queries/s, {}", run.rate(), run.latencies.line());
        medians.push(f64::from(run.latencies.per_mille(500)));
    }
    if let [half, full] = medians[..] {
        ratio_at_most("median, whole history over half of it", full, half, 1.2);
    }
    if let Some(path) = &options.export {
        export(path, options.cases());
    }
}

async fn ask(service: &Service, key: &str) -> Run {
    let mut client = KpiServiceClient::new(caller(&service.address, key).await);
    let request = v1::QueryKpisRequest {
        region_code: MARKETS[0].0.into(),
        kpi_ids: vec!["rpc_rate".into()],
        grain: v1::Grain::Month.into(),
        start_date: Some(Date { year: 2025, month: 1, day: 1 }),
        end_date: Some(Date { year: 2026, month: 1, day: 1 }),
        group_by: vec!["agent".into()],
        ..Default::default()
    };
    let mut latencies = Latencies::default();
    let start = Instant::now();
    for _ in 0..QUERIES {
        let asked = Instant::now();
        let answer = client.query_kpis(request.clone()).await.expect("answer").into_inner();
        assert!(!answer.rows.is_empty(), "an answer without rows");
        latencies.add(asked.elapsed());
    }
    Run { items: u64::from(QUERIES), took: start.elapsed(), latencies }
}

/// The same contacts as a table: month, agent, whether the right party was reached. What other engines count.
fn export(path: &std::path::Path, cases: u32) {
    use std::io::Write;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("make the file"));
    writeln!(file, "activity_id,case_id,occurred,agent,kind,outcome").expect("write");
    let mut contacts = 0_u64;
    for case in (0..cases).filter(|case| case.is_multiple_of(MARKETS.len() as u32)) {
        for number in (0..PER_CASE).filter(|number| !workload::is_voided(case, *number)) {
            let kind = workload::kind(case, number);
            let id = workload::activity_id(case, number);
            let at = workload::START + workload::occurred(case, number);
            let agent = workload::agent_of(case, number);
            let outcome = match kind {
                Kind::Call | Kind::NightCall => workload::outcome(case, number).as_str_name(),
                _ => "",
            };
            contacts += u64::from(!matches!(kind, Kind::Promise | Kind::Payment));
            writeln!(file, "{id},{},{at},{agent},{kind:?},{outcome}", workload::case_id(case)).expect("write");
        }
    }
    let counted: i64 = recount::count(0, 0..cases).contacts.values().map(|contacts| contacts.attempts).sum();
    assert_eq!(contacts.cast_signed(), counted, "the table and the recount");
    println!("{contacts} contacts written to {}", path.display());
}
