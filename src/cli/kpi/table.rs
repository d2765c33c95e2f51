//! Figures as a table for people, with sparklines over the periods.

use std::collections::{BTreeMap, BTreeSet};

use super::show::{day, group, plain, reason, text, word};
use crate::cli::import::report;
use crate::proto::google::r#type::Date;
use crate::proto::v1;

/// The most periods that a table shows column by column; beyond, the line and the last one must do.
const MAX_COLUMNS: usize = 8;
/// Eighths of a character cell.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// First day, and the day after the last one, as they are written.
type Period = (String, String);

fn period(start: Option<&Date>, end: Option<&Date>) -> Period {
    (day(start), day(end))
}

fn of(row: &v1::KpiRow) -> Period {
    period(row.period_start_date.as_ref(), row.period_end_date.as_ref())
}

/// By which of its two days a period is named.
enum Naming {
    Start,
    End,
    Both,
}

impl Naming {
    /// By the start, as long as it tells the periods apart: windows to date share it, and some rolling ones.
    fn telling_apart(periods: &BTreeSet<Period>) -> Self {
        let distinct = |days: BTreeSet<&String>| days.len() == periods.len();
        if distinct(periods.iter().map(|(start, _)| start).collect()) {
            Self::Start
        } else if distinct(periods.iter().map(|(_, end)| end).collect()) {
            Self::End
        } else {
            Self::Both
        }
    }

    fn name(&self, (start, end): &Period) -> String {
        match self {
            Self::Start => start.clone(),
            Self::End => format!("to {end}"),
            Self::Both => format!("{start} to {end}"),
        }
    }

    /// The days that a row is compared with: until when, if they are a part of a period; that they are a whole one, if the row's
    /// period is not over (`running`).
    fn compared(&self, base: &v1::ComparedFigure, running: bool) -> String {
        let days = period(base.period_start_date.as_ref(), base.period_end_date.as_ref());
        match (self, base.whole_period) {
            (Self::Start, false) => format!("{} until {}", days.0, days.1),
            (_, true) if running => format!("{}, whole", self.name(&days)),
            _ => self.name(&days),
        }
    }
}

/// Lines that belong together.
struct Series<'a> {
    /// Which KPI of the answer it is, and after its groups the rest and the total.
    place: (usize, i32),
    group: String,
    rows: Vec<&'a v1::KpiRow>,
}

fn series(answer: &v1::QueryKpisResponse) -> Vec<Series<'_>> {
    let mut series: Vec<Series> = Vec::new();
    let mut kpis: Vec<&str> = Vec::new();
    let mut places: BTreeMap<(String, String, String, i32), usize> = BTreeMap::new();
    for row in &answer.rows {
        let kpi = kpis.iter().position(|kpi| *kpi == row.kpi_id).unwrap_or_else(|| {
            kpis.push(&row.kpi_id);
            kpis.len() - 1
        });
        let key = (row.kpi_id.clone(), group(row), row.currency_code.clone(), row.row_kind);
        let place = *places.entry(key).or_insert_with(|| {
            series.push(Series { place: (kpi, row.row_kind), group: group(row), rows: Vec::new() });
            series.len() - 1
        });
        if let Some(one) = series.get_mut(place) {
            one.rows.push(row);
        }
    }
    series.sort_by_key(|one| one.place);
    series
}

/// One line a KPI, group and currency: its periods, the line over them, what the last one rests on.
pub(super) fn table(answer: &v1::QueryKpisResponse, compared: bool) -> String {
    let all: BTreeSet<Period> = answer.rows.iter().map(of).collect();
    let naming = Naming::telling_apart(&all);
    let periods: Vec<Period> = all.into_iter().collect();
    let shown = periods.len().min(MAX_COLUMNS);
    let columns = periods.get(periods.len() - shown..).unwrap_or_default();
    let mut header = vec!["kpi".to_owned(), "group".to_owned(), "unit".to_owned()];
    header.extend(columns.iter().map(|period| naming.name(period)));
    let mut behind: Vec<&str> = if periods.len() > 1 { vec!["trend"] } else { Vec::new() };
    behind.extend(["n", "95 %"]);
    behind.extend(if compared { &["against", "change", "in %"][..] } else { &[] });
    header.extend(behind.into_iter().map(str::to_owned));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = report::table(&header);
    let series = series(answer);
    for Series { group, rows, .. } in &series {
        let Some(any) = rows.last() else { continue };
        let at = |period: &Period| rows.iter().find(|row| of(row) == *period).copied();
        let unit = match any.unit() {
            v1::KpiUnit::Percent => "%".to_owned(),
            v1::KpiUnit::Money => any.currency_code.clone(),
            unit => word(unit.as_str_name(), "KPI_UNIT_"),
        };
        let mut line = vec![any.kpi_id.clone(), group.clone(), unit];
        line.extend(columns.iter().map(|period| at(period).map(with_closed).unwrap_or_default()));
        if periods.len() > 1 {
            line.push(sparkline(periods.iter().map(|period| at(period).and_then(number))));
        }
        // Of the last column, also where this line has nothing there: what it rests on must not be another period's.
        let last = periods.last().and_then(at);
        line.push(last.and_then(|row| row.sample_size).map(|size| size.to_string()).unwrap_or_default());
        line.push(match last.map(|row| (&row.interval_low, &row.interval_high)) {
            Some((Some(low), Some(high))) => format!("{} - {}", low.value, high.value),
            _ => String::new(),
        });
        if let Some(base) = last.and_then(|row| row.compared.as_ref()).filter(|_| compared) {
            let reason = reason(base.no_value_reason());
            let span = naming.compared(base, last.is_some_and(|row| row.running_period));
            line.push(format!("{} ({span})", base.value.as_ref().map_or(reason, |value| value.value.clone())));
            line.push(text(base.change.as_ref()));
            line.push(text(base.change_percent.as_ref()));
        }
        line.resize(header.len(), String::new());
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

/// A row's value, with what it was when its period was closed if that was asked for.
fn with_closed(row: &v1::KpiRow) -> String {
    let Some(closed) = &row.frozen else { return value(row) };
    let then = closed.value.as_ref().map_or_else(|| reason(closed.no_value_reason()), |value| value.value.clone());
    format!("{} (closed {then})", value(row))
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
    use crate::proto::google::r#type::Decimal;

    fn figure(text: &str) -> Option<Decimal> {
        Some(Decimal { value: text.to_owned() })
    }

    fn date(month: i32, day: i32) -> Option<Date> {
        Some(Date { year: 2026, month, day })
    }

    fn shown(rows: Vec<v1::KpiRow>) -> String {
        let compared = rows.iter().any(|row| row.compared.is_some());
        table(&v1::QueryKpisResponse { rows, ..Default::default() }, compared)
    }

    /// The cells of a table's line that holds this word.
    fn cells(table: &str, word: &str) -> Vec<String> {
        let line =
            table.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("{word} is not in\n{table}"));
        let cells = line.trim_matches('│').split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect()
    }

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
        let frozen = Some(v1::ComparedFigure { value: figure("12.0"), ..Default::default() });
        let value = figure("12.3");
        let restated =
            v1::KpiRow { period_start_date: date(1, 1), value, whole_period: true, frozen, ..Default::default() };
        assert!(shown(vec![restated.clone()]).contains("12.3 (closed 12.0)"));
        assert!(!shown(vec![v1::KpiRow { frozen: None, ..restated }]).contains("closed"));
    }

    fn to_date(end: (i32, i32), value: &str, size: i64, base: &str, change: &str) -> v1::KpiRow {
        v1::KpiRow {
            kpi_id: "payments".to_owned(),
            period_start_date: date(1, 1),
            period_end_date: date(end.0, end.1),
            value: figure(value),
            whole_period: true,
            sample_size: Some(size),
            row_kind: v1::RowKind::Group.into(),
            compared: Some(v1::ComparedFigure {
                period_start_date: Some(Date { year: 2025, month: 1, day: 1 }),
                period_end_date: Some(Date { year: 2025, month: end.0, day: end.1 }),
                value: figure(base),
                change: figure(change),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// Windows to date begin on one day: each is a column of its own, and n and change belong to the last.
    #[test]
    fn each_window_to_date_has_its_column_and_a_line_tells_of_one_period() {
        let rows =
            vec![to_date((2, 1), "100.00", 1, "40.00", "60.00"), to_date((3, 1), "170.00", 3, "50.00", "120.00")];
        let table = shown(rows);
        assert_eq!(
            cells(&table, "kpi"),
            [
                "kpi",
                "group",
                "unit",
                "to 2026-02-01",
                "to 2026-03-01",
                "trend",
                "n",
                "95 %",
                "against",
                "change",
                "in %"
            ]
        );
        let line = cells(&table, "payments");
        assert_eq!(line[2..], ["100.00", "170.00", "▁█", "3", "50.00 (to 2025-03-01)", "120.00"], "{table}");
    }

    /// A group without a figure in the last period says nothing of an earlier one in its place.
    #[test]
    fn what_a_line_rests_on_is_of_the_last_column() {
        let mut early = to_date((2, 1), "100.00", 7, "40.00", "60.00");
        early.group = vec![v1::GroupValue { dimension: "team".into(), value: "early".into(), unattributed: false }];
        let late = v1::KpiRow { period_start_date: date(2, 1), ..to_date((3, 1), "5.00", 1, "2.00", "3.00") };
        let table = shown(vec![early, late]);
        assert!(
            cells(&table, "kpi").contains(&"2026-02-01".to_owned()),
            "headed by the start where that will do: {table}"
        );
        let line = cells(&table, "team=early");
        assert_eq!(line[3..], ["100.00", "▅·"], "{table}");
    }

    #[test]
    fn the_rest_and_the_total_stand_below_the_groups() {
        let row = |value: &str, kind: v1::RowKind| v1::KpiRow {
            group: vec![v1::GroupValue { dimension: "team".into(), value: value.into(), unattributed: false }],
            row_kind: kind.into(),
            ..to_date((2, 1), "1.00", 1, "1.00", "0.00")
        };
        let bare = |kind: v1::RowKind| v1::KpiRow { group: Vec::new(), ..row("", kind) };
        let table = shown(vec![
            bare(v1::RowKind::Total),
            row("a", v1::RowKind::Group),
            bare(v1::RowKind::Rest),
            row("b", v1::RowKind::Group),
        ]);
        let at = |word: &str| table.find(word).unwrap_or_else(|| panic!("{word} is not in\n{table}"));
        assert!(at("team=a") < at("team=b") && at("team=b") < at("(rest)") && at("(rest)") < at("(total)"), "{table}");
    }

    #[test]
    fn a_running_period_is_compared_in_plain_sight() {
        let base = v1::ComparedFigure {
            period_start_date: date(5, 1),
            period_end_date: date(5, 11),
            value: figure("10"),
            ..Default::default()
        };
        let row = |running_period, base| v1::KpiRow {
            period_start_date: date(6, 1),
            value: figure("12"),
            whole_period: true,
            running_period,
            compared: Some(base),
            ..Default::default()
        };
        let shown = |row| shown(vec![row]);
        let part = shown(row(true, base.clone()));
        assert!(part.contains("12+") && part.contains("10 (2026-05-01 until 2026-05-11)"), "{part}");
        assert!(part.contains("+ is not over"), "{part}");
        let whole = v1::ComparedFigure { whole_period: true, ..base };
        assert!(shown(row(true, whole.clone())).contains("10 (2026-05-01, whole)"));
        let over = shown(row(false, whole));
        assert!(over.contains("10 (2026-05-01)") && !over.contains("is not over"), "{over}");
    }
}
