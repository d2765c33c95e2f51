//! Figures as a table: one line a KPI, group and currency, with the line over its periods.

use std::collections::BTreeMap;

use super::show::{day, group, plain, reason, text, word};
use crate::cli::import::report;
use crate::proto::v1;

/// The most periods that a table shows column by column; beyond, the line and the last one must do.
const MAX_COLUMNS: usize = 8;
/// Eighths of a character cell.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A row's value, with what it was when its period was closed if that was asked for.
fn with_closed(row: &v1::KpiRow) -> String {
    let Some(closed) = &row.frozen else { return value(row) };
    let then = closed.value.as_ref().map_or_else(|| reason(closed.no_value_reason()), |value| value.value.clone());
    format!("{} (closed {then})", value(row))
}

/// One line a KPI, group and currency: its periods, the line over them, what the last one rests on.
pub(super) fn table(answer: &v1::QueryKpisResponse, compared: bool) -> String {
    let mut periods: Vec<String> = Vec::new();
    let mut series: Vec<(String, Vec<&v1::KpiRow>)> = Vec::new();
    let mut places: BTreeMap<(String, String, String, i32), usize> = BTreeMap::new();
    for row in &answer.rows {
        let start = day(row.period_start_date.as_ref());
        if !periods.contains(&start) {
            periods.push(start);
        }
        let key = (row.kpi_id.clone(), group(row), row.currency_code.clone(), row.row_kind);
        let place = *places.entry(key).or_insert_with(|| {
            series.push((group(row), Vec::new()));
            series.len() - 1
        });
        if let Some((_, rows)) = series.get_mut(place) {
            rows.push(row);
        }
    }
    periods.sort();
    let shown = periods.len().min(MAX_COLUMNS);
    let columns = periods.get(periods.len() - shown..).unwrap_or_default();
    let mut header = vec!["kpi", "group", "unit"];
    header.extend(columns.iter().map(String::as_str));
    header.extend(if periods.len() > 1 { &["trend"][..] } else { &[] });
    header.extend(["n", "95 %"]);
    header.extend(if compared { &["against", "change", "in %"][..] } else { &[] });
    let mut table = report::table(&header);
    for (group, rows) in &series {
        let Some(last) = rows.last() else { continue };
        let at = |period: &String| rows.iter().find(|row| day(row.period_start_date.as_ref()) == *period).copied();
        let unit = match last.unit() {
            v1::KpiUnit::Percent => "%".to_owned(),
            v1::KpiUnit::Money => last.currency_code.clone(),
            unit => word(unit.as_str_name(), "KPI_UNIT_"),
        };
        let mut line = vec![last.kpi_id.clone(), group.clone(), unit];
        line.extend(columns.iter().map(|period| at(period).map(with_closed).unwrap_or_default()));
        if periods.len() > 1 {
            line.push(sparkline(periods.iter().map(|period| at(period).and_then(number))));
        }
        line.push(last.sample_size.map(|size| size.to_string()).unwrap_or_default());
        line.push(match (&last.interval_low, &last.interval_high) {
            (Some(low), Some(high)) => format!("{} - {}", low.value, high.value),
            _ => String::new(),
        });
        if compared {
            let base = last.compared.clone().unwrap_or_default();
            let reason = reason(base.no_value_reason());
            let span = compared_span(last, &base);
            line.push(format!("{} ({span})", base.value.map_or(reason, |value| value.value)));
            line.push(text(base.change.as_ref()));
            line.push(text(base.change_percent.as_ref()));
        }
        table.add_row(line.iter().map(|cell| plain(cell)).collect::<Vec<_>>());
    }
    let mut out = table.to_string();
    if series.is_empty() {
        out = "no group has a fact in these periods".to_owned();
    }
    out.push_str(&format!("\nrevision {}", answer.revision));
    if answer.source() == v1::FigureSource::Facts {
        out.push_str(", answered from the history");
    }
    if compared && answer.rows.iter().any(|row| row.running_period) {
        out.push_str("; + is not over, and compared with the same days of the other period where it says until when");
    }
    if columns.len() < periods.len() {
        out.push_str(&format!("; the last {shown} of {} periods are shown, --format csv has all", periods.len()));
    }
    out
}

/// The days that a row is compared with: until when, if they are a part of a period; that they are a whole one, if the row's
/// period is not over.
fn compared_span(row: &v1::KpiRow, base: &v1::ComparedFigure) -> String {
    let start = day(base.period_start_date.as_ref());
    match (base.whole_period, row.running_period) {
        (false, _) => format!("{start} until {}", day(base.period_end_date.as_ref())),
        (true, true) => format!("{start}, whole"),
        (true, false) => start,
    }
}

fn value(row: &v1::KpiRow) -> String {
    let value = row.value.as_ref().map(|value| value.value.clone());
    let cut = if row.whole_period { "" } else { "*" };
    let running = if row.running_period { "+" } else { "" };
    value.map_or_else(|| reason(row.no_value_reason()), |value| format!("{value}{cut}{running}"))
}

fn number(row: &v1::KpiRow) -> Option<f64> {
    row.value.as_ref()?.value.parse().ok()
}

/// Values as bars between the least and the largest; a dot where there is none.
pub(super) fn sparkline(values: impl Iterator<Item = Option<f64>>) -> String {
    let values: Vec<Option<f64>> = values.collect();
    let there = || values.iter().flatten().copied();
    let (least, most) = (there().fold(f64::INFINITY, f64::min), there().fold(f64::NEG_INFINITY, f64::max));
    let bar = |value: &Option<f64>| {
        let Some(value) = value else { return '·' };
        let share = if most > least { (value - least) / (most - least) } else { 0.5 };
        BARS.get((share * 7.0).round() as usize).copied().unwrap_or('·')
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::kpi::args::Format;
    use crate::cli::kpi::show::figures;
    use crate::proto::google::r#type::{Date, Decimal};

    #[test]
    fn lines_rise_and_fall_with_the_values() {
        let line = |values: &[Option<f64>]| sparkline(values.iter().copied());
        assert_eq!(line(&[Some(0.0), Some(3.5), Some(7.0), None]), "▁▅█·");
        assert_eq!(line(&[Some(2.0), Some(2.0)]), "▅▅");
        assert_eq!(line(&[None]), "·");
        assert_eq!(line(&[Some(-4.0), Some(4.0)]), "▁█");
    }

    #[test]
    fn a_closed_figure_stands_beside_what_it_has_become() {
        let figure = |text: &str| Some(Decimal { value: text.to_owned() });
        let date = Some(Date { year: 2026, month: 1, day: 1 });
        let frozen = Some(v1::ComparedFigure { value: figure("12.0"), ..Default::default() });
        let (value, whole_period) = (figure("12.3"), true);
        let restated = v1::KpiRow { period_start_date: date, value, whole_period, frozen, ..Default::default() };
        let shown = |row: v1::KpiRow| {
            let answer = v1::QueryKpisResponse { rows: vec![row], ..Default::default() };
            figures(&answer, Format::Table).expect("a table")
        };
        assert!(shown(restated.clone()).contains("12.3 (closed 12.0)"));
        assert!(!shown(v1::KpiRow { frozen: None, ..restated }).contains("closed"));
    }

    #[test]
    fn a_running_period_is_compared_in_plain_sight() {
        let date = |month: i32, day: i32| Some(Date { year: 2026, month, day });
        let base = v1::ComparedFigure {
            period_start_date: date(5, 1),
            period_end_date: date(5, 11),
            value: Some(Decimal { value: "10".to_owned() }),
            ..Default::default()
        };
        let row = |running_period, base| v1::KpiRow {
            period_start_date: date(6, 1),
            value: Some(Decimal { value: "12".to_owned() }),
            whole_period: true,
            running_period,
            compared: Some(base),
            ..Default::default()
        };
        let shown = |row: v1::KpiRow| {
            let answer = v1::QueryKpisResponse { rows: vec![row], ..Default::default() };
            figures(&answer, Format::Table).expect("a table")
        };
        let part = shown(row(true, base.clone()));
        assert!(part.contains("12+") && part.contains("10 (2026-05-01 until 2026-05-11)"), "{part}");
        assert!(part.contains("+ is not over"), "{part}");
        let whole = v1::ComparedFigure { whole_period: true, ..base };
        assert!(shown(row(true, whole.clone())).contains("10 (2026-05-01, whole)"));
        let over = shown(row(false, whole));
        assert!(over.contains("10 (2026-05-01)") && !over.contains("is not over"), "{over}");
    }
}
