//! What the demo prints: figures, findings with the law that they rest on, and calls to paste.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use comfy_table::Table;

use super::country::Country;
use super::story;
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::import::figures::shown;
use crate::cli::import::report::table;
use crate::cli::say::say;
use crate::domain::money::{Currency, format_minor};
use crate::proto::google::r#type::Date;
use crate::proto::v1;

/// The KPIs that the demo shows, of those that are configured.
const SHOWN: [&str; 14] = [
    "recovery_rate",
    "cei",
    "dso_due",
    "rpc_rate",
    "call_to_promise",
    "ptp_rate_outbound",
    "ptp_kept_outbound",
    "ptp_kept_inbound",
    "delivery_rate",
    "open_rate",
    "click_rate",
    "collected_per_agent",
    "profit_per_account",
    "compliance_rate",
];
/// Findings shown of each market.
const FINDINGS: i32 = 12;

/// The half-year's figures: one row a KPI, one column a market.
///
/// # Errors
/// The server refuses.
pub async fn figures(client: &Client, markets: &[Country]) -> Result<(), CliError> {
    let mut values: BTreeMap<String, BTreeMap<&str, String>> = BTreeMap::new();
    for country in markets {
        let known = known_kpis(client, country.market).await?;
        let kpi_ids: Vec<String> =
            SHOWN.iter().filter(|kpi| known.iter().any(|id| id == *kpi)).map(|kpi| (*kpi).to_owned()).collect();
        if kpi_ids.is_empty() {
            continue;
        }
        let request = v1::QueryKpisRequest {
            region_code: country.market.to_owned(),
            kpi_ids,
            grain: v1::Grain::Quarter.into(),
            start_date: Some(Date { year: story::START.0, month: 7, day: 1 }),
            end_date: Some(Date { year: story::START.0, month: 10, day: 1 }),
            ..Default::default()
        };
        let response = client.kpis.clone().query_kpis(request).await?;
        for row in response.into_inner().rows {
            let sample = row.sample_size.filter(|sample| *sample > 0).map(|sample| format!("  n={sample}"));
            let text = shown(&row) + &sample.unwrap_or_default();
            values.entry(row.kpi_id).or_default().insert(country.market, text);
        }
    }
    say!(
        "Third quarter of {}, every market in its own currency; n is the number of facts behind the figure",
        story::START.0
    );
    let header: Vec<&str> = std::iter::once("KPI").chain(markets.iter().map(|country| country.market)).collect();
    let mut table = table(&header);
    for kpi in SHOWN {
        if let Some(of_market) = values.get(kpi) {
            let cells = markets.iter().map(|country| of_market.get(country.market).cloned().unwrap_or_default());
            table.add_row(std::iter::once(kpi.to_owned()).chain(cells).collect::<Vec<_>>());
        }
    }
    say!("{table}\n");
    Ok(())
}

async fn known_kpis(client: &Client, market: &str) -> Result<Vec<String>, CliError> {
    let request = v1::ListKpisRequest { region_code: market.to_owned(), page_size: 1_000, ..Default::default() };
    let response = client.kpis.clone().list_kpis(request).await?;
    Ok(response.into_inner().kpis.into_iter().map(|kpi| kpi.kpi_id).collect())
}

/// The findings of every market, each with its citation.
///
/// # Errors
/// The server refuses.
pub async fn findings(client: &Client, markets: &[Country]) -> Result<(), CliError> {
    say!("Findings, judged by the law of the debtor's residence on the day of the breach");
    let mut table = table(&["market", "breach (UTC)", "case", "rule", "severity", "seen / allowed", "citation"]);
    left(&mut table);
    let mut more = 0;
    for country in markets {
        let citations = citations(client, country.market).await?;
        let request =
            v1::ListFindingsRequest { region_code: country.market.to_owned(), page_size: 1_000, ..Default::default() };
        let found = client.compliance.clone().list_findings(request).await?.into_inner().findings;
        more += found.len().saturating_sub(usize::try_from(FINDINGS).unwrap_or(0));
        for finding in found.iter().take(usize::try_from(FINDINGS).unwrap_or(0)) {
            let citation = citations.get(&finding.rule_id).cloned().unwrap_or_default();
            table.add_row([
                country.market.to_owned(),
                when(finding.breach_time),
                finding.case_id.clone(),
                finding.rule_id.clone(),
                finding.severity().as_str_name().trim_start_matches("SEVERITY_").to_lowercase(),
                seen(finding.observation.as_ref(), country),
                citation,
            ]);
        }
    }
    say!("{table}");
    if more > 0 {
        say!("and {more} more: ListFindings has them all");
    }
    Ok(())
}

fn left(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
}

async fn citations(client: &Client, market: &str) -> Result<BTreeMap<String, String>, CliError> {
    let (year, month, day) = story::START;
    let small = |number: u32| i32::try_from(number).unwrap_or(1);
    let request = v1::ListRulesRequest {
        region_code: market.to_owned(),
        date: Some(Date { year, month: small(month), day: small(day) }),
        page_size: 1_000,
        ..Default::default()
    };
    let rules = client.compliance.clone().list_rules(request).await?.into_inner().rules;
    Ok(rules.into_iter().map(|rule| (rule.rule_id, rule.citation)).collect())
}

fn when(time: Option<prost_types::Timestamp>) -> String {
    let time = time.and_then(|time| chrono::DateTime::from_timestamp(time.seconds, 0));
    time.map(|time| time.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// What was seen against what is allowed, in words.
fn seen(observation: Option<&v1::Observation>, country: &Country) -> String {
    let exponent = Currency::parse(country.currency).map_or(0, |currency| currency.exponent());
    let Some(observation) = observation else { return String::new() };
    let number = |value: Option<i64>| match (value, observation.unit()) {
        (Some(minutes), v1::Unit::MinuteOfDay) => format!("{:02}:{:02}", minutes / 60, minutes % 60),
        (Some(minor), v1::Unit::MinorUnits) => format_minor(i128::from(minor), exponent),
        (Some(number), _) => number.to_string(),
        (None, _) => "-".to_owned(),
    };
    let unit = match observation.unit() {
        v1::Unit::Unspecified | v1::Unit::MinuteOfDay | v1::Unit::Flag => String::new(),
        v1::Unit::MinorUnits => format!(" {}", country.currency),
        unit => format!(" {}", unit.as_str_name().trim_start_matches("UNIT_").to_lowercase().replace('_', " ")),
    };
    match (observation.observed, observation.limit) {
        (None, None) => observation.note.clone(),
        (observed, limit) => {
            format!("{} / {}{unit} {}", number(observed), number(limit), observation.note).trim_end().to_owned()
        }
    }
}

/// Calls that a newcomer can paste into another terminal.
#[must_use]
pub fn calls(address: SocketAddr, key: &str) -> String {
    let market = "us";
    let call = |body: &str, method: &str| {
        format!("grpcurl -plaintext -H 'authorization: Bearer {key}' -d '{body}' {address} fairdue.v1.{method}")
    };
    [
        format!("Serving on {address} until Ctrl-C. Reflection is on: `grpcurl -plaintext {address} list` shows every service.\n"),
        "May this debtor be called now?".to_owned(),
        call(
            &format!(r#"{{"region_code":"{market}","case_id":"{market}-0001","contact":{{"channel":"CHANNEL_CALL"}}}}"#),
            "ComplianceService/CheckContact",
        ),
        "\nEverything about one case on one page:".to_owned(),
        call(&format!(r#"{{"region_code":"{market}","case_id":"{market}-0002"}}"#), "CaseService/GetCaseFile"),
        "\nThe share of promises kept, month by month and agent by agent:".to_owned(),
        call(
            &format!(
                r#"{{"region_code":"{market}","kpi_ids":["ptp_kept_outbound"],"grain":"GRAIN_MONTH","start_date":{{"year":2025,"month":7,"day":1}},"end_date":{{"year":2025,"month":12,"day":1}},"group_by":["agent"]}}"#
            ),
            "KpiService/QueryKpis",
        ),
    ]
    .join("\n")
}
