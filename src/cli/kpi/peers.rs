//! Figures among others, as a table, as CSV and as JSON.

use chrono::NaiveDate;

use super::args::{Format, Target};
use super::show::{day, lines, reason, text, word};
use crate::cli::client::persist;
use crate::cli::error::CliError;
use crate::proto::v1;
use crate::wire::encode::scalar::date;

/// Asks for the benchmarks of a quarter.
///
/// # Errors
/// The service does not answer or refuses.
pub async fn ask(target: &Target, kpis: &[String], quarter: NaiveDate) -> Result<Vec<v1::Benchmark>, CliError> {
    let client = target.service.connect().await?;
    let answer = persist(|| {
        let mut client = client.kpis.clone();
        let request = v1::GetBenchmarksRequest {
            region_code: target.market.clone(),
            kpi_ids: kpis.to_vec(),
            quarter_start_date: Some(date(quarter)),
        };
        async move { client.get_benchmarks(request).await }
    });
    Ok(answer.await?.into_inner().benchmarks)
}

/// For each KPI a line of its own figure, one of the quartiles of others, and one for each published figure.
///
/// # Errors
/// Never for what a service sends.
pub fn benchmarks(benchmarks: &[v1::Benchmark], format: Format) -> Result<String, CliError> {
    let header = ["kpi", "figure", "unit", "low", "middle", "high", "of", "source", "date", "covers", "note"];
    let mut rows: Vec<[String; 11]> = Vec::new();
    for one in benchmarks {
        let unit = one.own.as_ref().map(unit).unwrap_or_default();
        let line = |figure: &str| {
            let mut line: [String; 11] = Default::default();
            line[0].clone_from(&one.kpi_id);
            figure.clone_into(&mut line[1]);
            line
        };
        let mut own = line("own");
        match &one.own {
            Some(row) => {
                own[2].clone_from(&unit);
                own[4] = text(row.value.as_ref());
                own[6] = row.sample_size.map(|size| size.to_string()).unwrap_or_default();
                own[8] = day(row.period_start_date.as_ref());
                own[10] = reason(row.no_value_reason());
            }
            None => "no value, or values in several currencies".clone_into(&mut own[10]),
        }
        rows.push(own);
        let mut peers = line("tenants");
        peers[2].clone_from(&unit);
        for (place, quartile) in [(3, &one.lower_quartile), (4, &one.median), (5, &one.upper_quartile)] {
            peers[place] = text(quartile.as_ref());
        }
        peers[6] = if one.tenant_count > 0 { one.tenant_count.to_string() } else { String::new() };
        peers[10] = why_not(one.no_peers_reason()).to_owned();
        rows.push(peers);
        for published in &one.published {
            let mut line = line("published");
            line[2].clone_from(&unit);
            line[3] = text(published.low.as_ref());
            line[5] = text(published.high.as_ref());
            line[7].clone_from(&published.source);
            line[8].clone_from(&published.published);
            line[9].clone_from(&published.covers);
            line[10].clone_from(&published.note);
            rows.push(line);
        }
    }
    lines(&header, rows.into_iter(), format)
}

/// Money by its currency, as in other tables.
fn unit(own: &v1::KpiRow) -> String {
    match own.unit() {
        v1::KpiUnit::Money => own.currency_code.clone(),
        unit => word(unit.as_str_name(), "KPI_UNIT_"),
    }
}

/// Why there are no quartiles.
fn why_not(reason: v1::NoPeersReason) -> &'static str {
    match reason {
        v1::NoPeersReason::Unspecified => "",
        v1::NoPeersReason::TooFew => "fewer than five tenants share this figure, or theirs are the same",
        v1::NoPeersReason::Dominated => "one tenant has more than a quarter of the volume",
        v1::NoPeersReason::NotShared => "only who shares sees others: see [benchmarks] in the tenant's file",
        v1::NoPeersReason::NotComparable => "sums and counts are not compared",
    }
}
