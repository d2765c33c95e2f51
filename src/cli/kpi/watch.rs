//! Streams: the answer to a question as it changes, and alerts.

use super::args::{Format, Target};
use super::show::{self, being_filled, day, lines, text, word};
use crate::cli::error::CliError;
use crate::proto::v1;

/// What is done with each message.
type Tell<'t> = &'t mut dyn FnMut(String);

/// Tells each answer to a question, at most so many.
///
/// # Errors
/// The service does not answer, refuses or ends the stream.
pub async fn figures(
    target: &Target,
    question: v1::QueryKpisRequest,
    updates: Option<u32>,
    tell: Tell<'_>,
) -> Result<(), CliError> {
    let mut client = target.service.connect().await?.kpis;
    let mut stream = client.watch_kpis(v1::WatchKpisRequest { question: Some(question) }).await?.into_inner();
    let mut told = 0;
    while let Some(answer) = stream.message().await? {
        let v1::WatchKpisResponse { rows, revision, filling } = answer;
        let source = v1::FigureSource::Cells.into();
        let answer = v1::QueryKpisResponse { rows, revision, filling, source, ..Default::default() };
        tell(show::figures(&answer, target.service.format)?);
        told += 1;
        if updates.is_some_and(|most| told >= most) {
            return Ok(());
        }
    }
    Ok(())
}

/// Tells each message of alerts, at most so many.
///
/// # Errors
/// The service does not answer, refuses or ends the stream.
pub async fn alerts(target: &Target, updates: Option<u32>, tell: Tell<'_>) -> Result<(), CliError> {
    let mut client = target.service.connect().await?.kpis;
    let request = v1::WatchAlertsRequest { region_code: target.market.clone() };
    let mut stream = client.watch_alerts(request).await?.into_inner();
    let mut told = 0;
    while let Some(message) = stream.message().await? {
        tell(alert_lines(&message, target.service.format)?);
        told += 1;
        if updates.is_some_and(|most| told >= most) {
            return Ok(());
        }
    }
    Ok(())
}

fn alert_lines(message: &v1::WatchAlertsResponse, format: Format) -> Result<String, CliError> {
    let header = [
        "alert",
        "target",
        "kpi",
        "group",
        "was",
        "state",
        "since",
        "start",
        "end",
        "value",
        "due",
        "currency",
        "anomaly",
        "guard",
        "guard_holds",
    ];
    let known = |name: &str, prefix: &str| match word(name, prefix).as_str() {
        "unspecified" => String::new(),
        word => word.replace('_', " "),
    };
    let yes = |stated: Option<bool>| stated.map(|yes| if yes { "yes" } else { "no" }.to_owned()).unwrap_or_default();
    let line = |alert: &v1::Alert| {
        let status = alert.status.clone().unwrap_or_default();
        let last = status.periods.last().cloned().unwrap_or_default();
        let group = status.group.iter().map(|one| format!("{}={}", one.dimension, one.value)).collect::<Vec<_>>();
        [
            known(alert.kind().as_str_name(), "ALERT_KIND_"),
            status.target_id.clone(),
            status.kpi_id.clone(),
            group.join(", "),
            known(alert.previous_state().as_str_name(), "TARGET_STATE_"),
            known(status.state().as_str_name(), "TARGET_STATE_"),
            day(status.state_since_date.as_ref()),
            day(last.start_date.as_ref()),
            day(last.end_date.as_ref()),
            text(last.value.as_ref()),
            text(last.goal.as_ref()),
            status.currency_code.clone(),
            yes(status.anomaly),
            status.guard_kpi_id.clone(),
            yes(last.guard_holds),
        ]
    };
    let mut out = lines(&header, message.alerts.iter().map(line), format)?;
    if format == Format::Table {
        if message.alerts.is_empty() {
            "nothing to tell".clone_into(&mut out);
        }
        out.push_str(&format!("\nrevision {}", message.revision));
        out.push_str(&being_filled(&message.filling));
    }
    Ok(out)
}
