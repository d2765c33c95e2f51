//! Figures of several markets, and over all of them.

use super::args::{Format, Service};
use super::show::{day, figures as shown, word};
use crate::cli::client::persist;
use crate::cli::error::CliError;
use crate::proto::v1;

/// Asks several markets; all that the key may read if none is named.
///
/// # Errors
/// The service does not answer or refuses.
pub async fn ask(
    service: &Service,
    markets: &[String],
    question: v1::QueryKpisRequest,
) -> Result<v1::QueryKpisAcrossMarketsResponse, CliError> {
    let client = service.connect().await?;
    let answer = persist(|| {
        let mut client = client.kpis.clone();
        let request =
            v1::QueryKpisAcrossMarketsRequest { region_codes: markets.to_vec(), question: Some(question.clone()) };
        async move { client.query_kpis_across_markets(request).await }
    });
    Ok(answer.await?.into_inner())
}

/// The figures of each market as groups of their own, and then those over all.
///
/// # Errors
/// Never for what a service sends.
pub fn figures(answer: &v1::QueryKpisAcrossMarketsResponse, format: Format) -> Result<String, CliError> {
    let of = |rows: &[v1::KpiRow], market: &str| {
        let market = v1::GroupValue { dimension: "market".into(), value: market.to_owned(), unattributed: false };
        let named = |row: &v1::KpiRow| {
            let group = [std::slice::from_ref(&market), &row.group].concat();
            v1::KpiRow { group, ..row.clone() }
        };
        rows.iter().map(named).collect::<Vec<_>>()
    };
    let each = answer.markets.iter().flat_map(|market| of(&market.rows, &market.region_code));
    let of_facts = answer.markets.iter().any(|market| market.source() == v1::FigureSource::Facts);
    let source = if of_facts { v1::FigureSource::Facts } else { v1::FigureSource::Cells };
    let all = v1::QueryKpisResponse {
        rows: each.chain(of(&answer.rows, "all")).collect(),
        filling: answer.markets.iter().flat_map(|market| market.filling.clone()).collect(),
        source: source.into(),
        ..Default::default()
    };
    let mut out = shown(&all, format)?;
    if format == Format::Table {
        // Each market has a revision of its own.
        let revisions = answer.markets.iter().map(|one| format!("{} {}", one.region_code, one.revision));
        let revisions = revisions.collect::<Vec<_>>().join(", ");
        out = out.replacen("\nrevision 0", &format!("\nrevisions {revisions}"), 1);
        if let Some(how) = &answer.conversion {
            let policy = word(how.date_policy().as_str_name(), "RATE_DATE_POLICY_").replace('_', " ");
            let fixed = day(how.fixed_date.as_ref());
            let (currency, table, source) = (&how.currency_code, &how.table_id, &how.source);
            let how = format!("\nall: {currency} by the table {table} ({source}), rates of: {policy} {fixed}");
            out.push_str(how.trim_end());
        }
    }
    Ok(out)
}
