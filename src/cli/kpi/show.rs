//! Figures as CSV and as JSON, and other answers in all three formats.

use serde_json::{Map, Value, json};

use super::args::Format;
use super::table::table;
use crate::cli::error::CliError;
use crate::cli::import::report;
use crate::proto::google::r#type::{Date, Decimal};
use crate::proto::v1;

/// The KPIs that can be asked for, and in which form figures of the market tell of agents.
///
/// # Errors
/// Never for what a service sends.
pub fn definitions(kpis: &[v1::Kpi], agents: v1::AgentFigures, format: Format) -> Result<String, CliError> {
    let header = ["kpi", "state", "title", "unit", "formula", "by", "guard", "source"];
    let line = |kpi: &v1::Kpi| {
        let sets: Vec<String> = kpi.dimension_sets.iter().map(|set| set.dimensions.join("+")).collect();
        let formula = if kpi.alias_of.is_empty() { kpi.formula.clone() } else { format!("= {}", kpi.alias_of) };
        let unit = word(kpi.unit().as_str_name(), "KPI_UNIT_");
        let state = state(kpi.filling.as_ref());
        let (guard, source) = (kpi.guard_kpi_id.clone(), kpi.source.clone());
        [kpi.kpi_id.clone(), state, kpi.title.clone(), unit, formula, sets.join(", "), guard, source]
    };
    let mut out = lines(&header, kpis.iter().map(line), format)?;
    if format == Format::Table {
        out.push_str("\nfigures of agents: ");
        out.push_str(match agents {
            v1::AgentFigures::Unspecified | v1::AgentFigures::Named => "by name",
            v1::AgentFigures::Pseudonym => "by pseudonym",
            v1::AgentFigures::Teams => "by teams of five or more, of whole months",
            v1::AgentFigures::Off => "none, nor by team",
        });
    }
    Ok(out)
}

/// A line for each KPI whose cells are being filled, as a table ends with them.
pub(super) fn being_filled(filling: &[v1::KpiFilling]) -> String {
    filling.iter().map(|one| format!("\n{}: {}", one.kpi_id, state(Some(one)))).collect()
}

/// Whether a KPI is ready, or how far its cells are filled.
fn state(filling: Option<&v1::KpiFilling>) -> String {
    let Some(filling) = filling else { return "ready".to_owned() };
    let mut state = match &filling.start_time {
        Some(since) => format!("filling {} of {} records since {since}", filling.records_done, filling.records_total),
        None => "filling has not begun".to_owned(),
    };
    state.push_str(match filling.answering() {
        v1::AnsweringDefinition::Former => "; the former definition answers",
        _ => "; answered by this definition",
    });
    if !filling.last_error.is_empty() {
        state.push_str(&format!("; last error: {}", filling.last_error));
    }
    state
}

/// The figures of an answer.
///
/// # Errors
/// Never for what a service sends.
pub fn figures(answer: &v1::QueryKpisResponse, format: Format) -> Result<String, CliError> {
    let compared = answer.rows.iter().any(|row| row.compared.is_some());
    if format == Format::Table {
        let mut text = table(answer, compared);
        text.push_str(&being_filled(&answer.filling));
        return Ok(text);
    }
    let mut header = vec![
        "kpi",
        "variant",
        "start",
        "end",
        "whole",
        "row",
        "group",
        "currency",
        "unit",
        "value",
        "no_value",
        "numerator",
        "denominator",
        "sample",
        "low",
        "high",
        "running",
    ];
    if compared {
        header.extend([
            "base_start",
            "base_end",
            "base_value",
            "base_no_value",
            "change",
            "change_percent",
            "base_whole",
        ]);
    }
    if !answer.filling.is_empty() {
        header.push("definition");
    }
    let frozen = answer.rows.iter().any(|row| row.frozen.is_some());
    if frozen {
        header.extend(["closed", "closed_value", "restated"]);
    }
    let line = |row: &v1::KpiRow| {
        let mut line = vec![
            row.kpi_id.clone(),
            row.variant_id.clone(),
            day(row.period_start_date.as_ref()),
            day(row.period_end_date.as_ref()),
            row.whole_period.to_string(),
            word(row.row_kind().as_str_name(), "ROW_KIND_"),
            group(row),
            row.currency_code.clone(),
            word(row.unit().as_str_name(), "KPI_UNIT_"),
            text(row.value.as_ref()),
            reason(row.no_value_reason()),
            text(row.numerator.as_ref()),
            text(row.denominator.as_ref()),
            row.sample_size.map(|size| size.to_string()).unwrap_or_default(),
            text(row.interval_low.as_ref()),
            text(row.interval_high.as_ref()),
            row.running_period.to_string(),
        ];
        if let Some(base) = row.compared.as_ref().filter(|_| compared) {
            line.extend([
                day(base.period_start_date.as_ref()),
                day(base.period_end_date.as_ref()),
                text(base.value.as_ref()),
                reason(base.no_value_reason()),
                text(base.change.as_ref()),
                text(base.change_percent.as_ref()),
                base.whole_period.to_string(),
            ]);
        }
        if !answer.filling.is_empty() {
            let filling = answer.filling.iter().find(|filling| filling.kpi_id == row.kpi_id);
            let word = |filling: &v1::KpiFilling| word(filling.answering().as_str_name(), "ANSWERING_DEFINITION_");
            line.push(filling.map_or_else(|| "current".to_owned(), word));
        }
        if frozen {
            let closed = row.frozen.clone().unwrap_or_default();
            line.push(row.freeze_time.as_ref().map(ToString::to_string).unwrap_or_default());
            line.extend([text(closed.value.as_ref()), text(closed.change.as_ref())]);
        }
        line
    };
    lines(&header, answer.rows.iter().map(line), format)
}

/// The records behind a figure.
///
/// # Errors
/// Never for what a service sends.
pub fn records(records: &[v1::ContributingRecord], more: bool, format: Format) -> Result<String, CliError> {
    let header = ["case", "record", "numerator", "denominator", "parts"];
    let line = |record: &v1::ContributingRecord| {
        let due = |time: &prost_types::Timestamp| format!("deadline {time}");
        let named = [
            ("activity", &record.activity_id),
            ("version", &record.case_version_id),
            ("check", &record.check_id),
            ("finding", &record.finding_id),
        ];
        let named = named.iter().find(|(_, id)| !id.is_empty()).map(|(what, id)| format!("{what} {id}"));
        let part = |part: &v1::ContributedPart| {
            let counted = if part.counted.is_empty() { String::new() } else { format!(" of {}", part.counted) };
            format!("{} {} {}{counted}", part.measure_id, part.window, text(part.value.as_ref()))
        };
        [
            record.case_id.clone(),
            named.or_else(|| record.deadline_time.as_ref().map(due)).unwrap_or_default(),
            text(record.numerator.as_ref()),
            text(record.denominator.as_ref()),
            record.parts.iter().map(part).collect::<Vec<_>>().join("; "),
        ]
    };
    let mut out = lines(&header, records.iter().map(line), format)?;
    if more && format == Format::Table {
        out.push_str(&format!("\nthere are more than these {}: raise --limit", records.len()));
    }
    Ok(out)
}

/// Lines under a header, in the format asked for.
pub(super) fn lines<L>(header: &[&str], lines: impl Iterator<Item = L>, format: Format) -> Result<String, CliError>
where
    L: IntoIterator<Item = String>,
{
    match format {
        Format::Table => {
            let mut table = report::table(header);
            for line in lines {
                table.add_row(line.into_iter().map(|cell| plain(&cell)).collect::<Vec<_>>());
            }
            Ok(table.to_string())
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            let failed = |error: csv::Error| CliError::new(error.to_string());
            writer.write_record(header).map_err(failed)?;
            for line in lines {
                writer.write_record(line).map_err(failed)?;
            }
            let bytes = writer.into_inner().map_err(|error| CliError::new(error.to_string()))?;
            let out = String::from_utf8(bytes).map_err(|error| CliError::new(error.to_string()))?;
            Ok(out.trim_end_matches('\n').to_owned())
        }
        Format::Json => {
            let object = |line: L| {
                let pairs = header.iter().zip(line).map(|(key, value)| ((*key).to_owned(), json!(value)));
                Value::Object(pairs.collect::<Map<String, Value>>())
            };
            let list: Vec<Value> = lines.map(object).collect();
            serde_json::to_string_pretty(&list).map_err(|error| CliError::new(error.to_string()))
        }
    }
}

pub(super) fn group(row: &v1::KpiRow) -> String {
    let value = |one: &v1::GroupValue| {
        let value = if one.unattributed { "(none)" } else { &one.value };
        format!("{}={value}", one.dimension)
    };
    let kind = match row.row_kind() {
        v1::RowKind::Rest => Some("(rest)".to_owned()),
        v1::RowKind::Total => Some("(total)".to_owned()),
        _ => None,
    };
    row.group.iter().map(value).chain(kind).collect::<Vec<_>>().join(", ")
}

pub(super) fn text(decimal: Option<&Decimal>) -> String {
    decimal.map(|decimal| decimal.value.clone()).unwrap_or_default()
}

pub(super) fn reason(reason: v1::NoValueReason) -> String {
    match reason {
        v1::NoValueReason::Unspecified => String::new(),
        reason => word(reason.as_str_name(), "NO_VALUE_REASON_").replace('_', " "),
    }
}

pub(super) fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase()
}

pub(super) fn day(date: Option<&Date>) -> String {
    date.map(|date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)).unwrap_or_default()
}

/// Names come from whoever sent the records: what could steer a terminal is shown as a dot.
pub(super) fn plain(cell: &str) -> String {
    cell.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\n"), "a·[2Jb··");
    }
}
