//! How a market stands to its targets, as a table, as CSV and as JSON.

use super::args::Format;
use super::show::{being_filled, day, lines, text, word};
use super::table::sparkline;
use crate::cli::error::CliError;
use crate::proto::v1;

/// The targets, one line each: the last period judged, and a line over all of them.
///
/// # Errors
/// Never for what a service sends.
pub fn scorecard(card: &v1::GetScorecardResponse, format: Format) -> Result<String, CliError> {
    let table = format == Format::Table;
    let mut header = vec![
        "target",
        "kpi",
        "group",
        "state",
        "since",
        "start",
        "end",
        "value",
        "due",
        "goal",
        "currency",
        "trend",
        "change",
        "change_percent",
        "anomaly",
        "rank",
        "of",
        "guard",
        "guard_holds",
    ];
    if table {
        header.push("periods");
    } else {
        header.push("definition");
    }
    let line = |target: &v1::TargetStatus| {
        let last = target.periods.last().cloned().unwrap_or_default();
        let group = target.group.iter().map(|one| format!("{}={}", one.dimension, one.value)).collect::<Vec<_>>();
        let side = if target.side() == v1::Side::AtMost { "at most" } else { "at least" };
        let told = |stated: Option<bool>| {
            stated.map(|stated| if stated { "yes" } else { "no" }.to_owned()).unwrap_or_default()
        };
        let mut line = vec![
            target.target_id.clone(),
            target.kpi_id.clone(),
            group.join(", "),
            known(target.state().as_str_name(), "TARGET_STATE_"),
            day(target.state_since_date.as_ref()),
            day(last.start_date.as_ref()),
            day(last.end_date.as_ref()),
            text(last.value.as_ref()),
            text(last.goal.as_ref()),
            format!("{side} {}", text(target.goal.as_ref())),
            target.currency_code.clone(),
            known(target.trend().as_str_name(), "TREND_"),
            text(target.trend_change.as_ref()),
            text(target.trend_change_percent.as_ref()),
            told(target.anomaly),
            target.rank.map(|rank| rank.to_string()).unwrap_or_default(),
            if target.rank.is_some() { target.ranked_count.to_string() } else { String::new() },
            target.guard_kpi_id.clone(),
            told(last.guard_holds),
        ];
        if table {
            let values = target.periods.iter().map(|one| one.value.as_ref().and_then(|value| value.value.parse().ok()));
            line.push(sparkline(values));
        } else {
            let filling = card.filling.iter().find(|filling| filling.kpi_id == target.kpi_id);
            let answering = |one: &v1::KpiFilling| word(one.answering().as_str_name(), "ANSWERING_DEFINITION_");
            line.push(filling.map_or_else(|| "current".to_owned(), answering));
        }
        line
    };
    let mut out = lines(&header, card.targets.iter().map(line), format)?;
    if table {
        if card.targets.is_empty() {
            "no target holds today".clone_into(&mut out);
        }
        out.push_str(&format!("\nrevision {}", card.revision));
        out.push_str(&being_filled(&card.filling));
    }
    Ok(out)
}

/// A word of the API; nothing where there is none.
fn known(name: &str, prefix: &str) -> String {
    match word(name, prefix).as_str() {
        "unspecified" => String::new(),
        word => word.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::google::r#type::{Date, Decimal};

    fn card() -> v1::GetScorecardResponse {
        let decimal = |value: &str| Some(Decimal { value: value.to_owned() });
        let period = |month: i32, value: &str| v1::JudgedPeriod {
            start_date: Some(Date { year: 2026, month, day: 1 }),
            end_date: Some(Date { year: 2026, month: month + 1, day: 1 }),
            value: decimal(value),
            goal: decimal("80.00"),
            state: v1::TargetState::AtRisk.into(),
            guard_holds: Some(false),
        };
        let target = v1::TargetStatus {
            target_id: "kept promises".to_owned(),
            kpi_id: "ptp_kept_inbound".to_owned(),
            goal: decimal("80.00"),
            side: v1::Side::AtLeast.into(),
            periods: vec![period(1, "82.00"), period(2, "78.50")],
            state: v1::TargetState::AtRisk.into(),
            state_since_date: Some(Date { year: 2026, month: 1, day: 1 }),
            rank: Some(2),
            ranked_count: 3,
            guard_kpi_id: "recovery_rate".to_owned(),
            trend: v1::Trend::Down.into(),
            trend_change: decimal("-3.50"),
            trend_change_percent: decimal("-4.27"),
            ..Default::default()
        };
        let filling = v1::KpiFilling {
            kpi_id: "ptp_kept_inbound".to_owned(),
            answering: v1::AnsweringDefinition::Former.into(),
            records_done: 3,
            records_total: 9,
            ..Default::default()
        };
        v1::GetScorecardResponse { targets: vec![target], revision: 7, filling: vec![filling] }
    }

    #[test]
    fn a_target_is_one_line_and_says_by_which_definition_it_is_judged() {
        let csv = scorecard(&card(), Format::Csv).unwrap();
        let line = "kept promises,ptp_kept_inbound,,at risk,2026-01-01,2026-02-01,2026-03-01,78.50,80.00,at least 80.00,,down,-3.50,-4.27,,2,3,\
                    recovery_rate,no,former";
        assert_eq!(csv.lines().nth(1), Some(line), "{csv}");
        let table = scorecard(&card(), Format::Table).unwrap();
        let told = "ptp_kept_inbound: filling has not begun; the former definition answers";
        assert!(table.contains("█▁") && table.contains("revision 7") && table.contains(told), "{table}");
    }

    #[test]
    fn a_market_without_targets_says_so() {
        let nothing = v1::GetScorecardResponse { revision: 7, ..Default::default() };
        assert_eq!(scorecard(&nothing, Format::Table).unwrap(), "no target holds today\nrevision 7");
        assert_eq!(scorecard(&nothing, Format::Json).unwrap(), "[]");
    }
}
