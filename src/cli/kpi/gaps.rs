//! What a market's records leave open, as a table, as CSV and as JSON.

use chrono::NaiveDate;

use super::args::{Format, Target};
use super::show::lines;
use crate::cli::client::persist;
use crate::cli::error::CliError;
use crate::proto::v1;
use crate::wire::encode::scalar::date;

/// Asks for the gaps of a span of days.
///
/// # Errors
/// The service does not answer or refuses.
pub async fn ask(target: &Target, from: NaiveDate, to: NaiveDate) -> Result<v1::GetDataQualityResponse, CliError> {
    let client = target.service.connect().await?;
    let answer = persist(|| {
        let mut client = client.kpis.clone();
        let request = v1::GetDataQualityRequest {
            region_code: target.market.clone(),
            start_date: Some(date(from)),
            end_date: Some(date(to)),
        };
        async move { client.get_data_quality(request).await }
    });
    Ok(answer.await?.into_inner())
}

/// One line a gap: rules first, those with the most tests that did not know at the top.
///
/// # Errors
/// Never for what a service sends.
pub fn quality(quality: &v1::GetDataQualityResponse, format: Format) -> Result<String, CliError> {
    let header = ["of", "id", "missing", "measure", "lacking", "there", "says_nothing", "send"];
    let rules = quality.rules.iter().map(|gap| {
        [
            "rule".to_owned(),
            gap.rule_id.clone(),
            gap.attribute.clone(),
            String::new(),
            gap.unknown_count.to_string(),
            String::new(),
            String::new(),
            gap.fields.join(", "),
        ]
    });
    let kpis = quality.kpis.iter().map(|gap| {
        [
            "kpi".to_owned(),
            gap.kpi_id.clone(),
            gap.lack.clone(),
            gap.measure_id.clone(),
            gap.lacking_count.to_string(),
            gap.fact_count.to_string(),
            if gap.disables { "yes" } else { "no" }.to_owned(),
            gap.fields.join(", "),
        ]
    });
    let mut out = lines(&header, rules.chain(kpis), format)?;
    if format == Format::Table {
        if quality.rules.is_empty() && quality.kpis.is_empty() {
            "nothing is missing".clone_into(&mut out);
        }
        out.push_str(&format!("\nrevision {}", quality.revision));
    }
    Ok(out)
}
