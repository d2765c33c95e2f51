//! The figures of a year, month by month, that an import can show at its end.

use std::collections::BTreeMap;

use super::report;
use crate::cli::client::{Client, persist};
use crate::cli::error::CliError;
use crate::proto::google::r#type::Date;
use crate::proto::v1;

/// The KPIs shown: how much of what was collectable came in, and what was sent to collection.
const SHOWN: [&str; 4] = ["cei", "cei_opening", "recovery_rate", "sent_to_collection"];

/// A table of the year's months.
///
/// # Errors
/// The server does not answer, or refuses.
pub async fn of_year(client: &Client, region: &str, year: i32) -> Result<String, CliError> {
    let request = v1::QueryKpisRequest {
        region_code: region.to_owned(),
        kpi_ids: SHOWN.map(str::to_owned).to_vec(),
        grain: v1::Grain::Month.into(),
        start_date: Some(Date { year, month: 1, day: 1 }),
        end_date: Some(Date { year: year + 1, month: 1, day: 1 }),
        ..Default::default()
    };
    let response = persist(|| {
        let (mut client, request) = (client.kpis.clone(), request.clone());
        async move { client.query_kpis(request).await }
    })
    .await?;
    let mut months: BTreeMap<(i32, i32), BTreeMap<String, String>> = BTreeMap::new();
    for row in response.into_inner().rows {
        let Some(start) = row.period_start_date else { continue };
        months.entry((start.year, start.month)).or_default().insert(row.kpi_id.clone(), shown(&row));
    }
    let header: Vec<&str> = std::iter::once("month").chain(SHOWN).collect();
    let mut table = report::table(&header);
    for ((year, month), values) in months {
        let cells = SHOWN.iter().map(|kpi| values.get(*kpi).cloned().unwrap_or_default());
        table.add_row(std::iter::once(format!("{year}-{month:02}")).chain(cells).collect::<Vec<_>>());
    }
    Ok(table.to_string())
}

/// A figure with its unit, or why there is none.
pub fn shown(row: &v1::KpiRow) -> String {
    let Some(value) = &row.value else { return "no value".to_owned() };
    match row.unit() {
        v1::KpiUnit::Percent => format!("{} %", value.value),
        v1::KpiUnit::Money if !row.currency_code.is_empty() => format!("{} {}", value.value, row.currency_code),
        v1::KpiUnit::Days => format!("{} days", value.value),
        _ => value.value.clone(),
    }
}
