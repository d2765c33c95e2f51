//! Windows, comparisons, totals and first groups against plain questions over the very days and groups that a row names.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{NaiveDate, Weekday};
use proptest::prelude::*;

use super::figures::query;
use super::{day, fact, facts, shipped};
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::money::Currency;
use crate::domain::time::date_of_day;
use crate::kpi::definition::{Kind, NoValue};
use crate::kpi::{
    Answer, BlockKey, Calendar, Comparison, Delta, Dimension, Exact, Frame, Grain, KpiInfo, Query, Row, RowKind,
    RowOrder, Shape,
};

fn ask(facts: &[Fact], query: &Query, shape: &Shape) -> Answer {
    let mut delta = Delta::new();
    facts.iter().for_each(|fact| delta.add(shipped(), fact));
    let plan = shipped().plan_shaped(query, shape).unwrap_or_else(|error| panic!("{error}"));
    let ranges = plan.ranges();
    let blocks = delta.blocks_where(|key: &BlockKey| ranges.iter().any(|range| range.holds(key)));
    plan.answer(blocks.iter().map(|(key, block)| (*key, block))).unwrap()
}

/// A flow of money, a stock, a mean stock, a proportion, a quotient with a distinct count below, a distinct count, a
/// percentile.
const KPIS: [&str; 7] = [
    "payments",
    "balance_closing",
    "balance_mean",
    "rpc_rate",
    "collected_per_agent_active",
    "active_agents",
    "handle_time_p90",
];

/// The figure of a plain question over these days, in the group and currency of the row.
fn plain(facts: &[Fact], asked: &Query, days: (NaiveDate, NaiveDate), row: &Row) -> Option<Exact> {
    let mut asked = Query { grain: Grain::Total, from: days.0, to: days.1, ..asked.clone() };
    asked.kpis = vec![row.kpi.to_string()];
    if row.kind == RowKind::Total {
        asked.group_by.clear();
    }
    let same = |one: &&Row| one.currency == row.currency && (row.kind == RowKind::Total || one.group == row.group);
    let rows = ask(facts, &asked, &Shape::default()).rows;
    rows.iter().find(same).map_or(Some(Exact::ZERO), |one| one.value)
}

/// A row that the plain question has none of is one of zeros, or without value.
fn agrees(value: Option<Exact>, plain: Option<Exact>) -> bool {
    value == plain || (value.is_none() && plain == Some(Exact::ZERO))
}

/// A KPI by one of the dimensions that it is kept by, or by none; a curve by its months and a lift by its template too.
fn groups(info: &KpiInfo, pick: usize) -> Vec<Dimension> {
    let has = |set: &[String], one: Dimension| set.iter().any(|name| name == one.as_str());
    let own = match info.kind {
        Kind::Cohort => Some(Dimension::MonthsSince).filter(|own| info.group_by.iter().any(|set| has(set, *own))),
        Kind::Lift => Some(Dimension::Template),
        _ => None,
    };
    let sets = info.group_by.iter().filter(|set| own.is_none_or(|own| has(set, own)));
    let all: BTreeSet<Dimension> = sets.flatten().filter_map(|name| Dimension::parse(name)).collect();
    let other: Vec<Dimension> = all.into_iter().filter(|one| Some(*one) != own).collect();
    own.into_iter().chain(other.get(pick % (other.len() + 1)).copied()).collect()
}

fn frames() -> impl Strategy<Value = Frame> {
    prop::sample::select(
        &[
            Frame::Period,
            Frame::Rolling(7, Grain::Day),
            Frame::Rolling(2, Grain::Week),
            Frame::Rolling(1, Grain::Month),
            Frame::Rolling(1, Grain::Quarter),
            Frame::ToDate(Grain::Week),
            Frame::ToDate(Grain::Month),
            Frame::ToDate(Grain::FiscalYear),
        ][..],
    )
}

fn comparisons() -> impl Strategy<Value = Option<Comparison>> {
    let date = |text: &str| text.parse().unwrap();
    prop::option::of(prop::sample::select(vec![
        Comparison::PreviousPeriod,
        Comparison::YearEarlier,
        Comparison::Baseline(date("2026-01-20"), date("2026-02-03")),
    ]))
}

const GRAINS: [Grain; 8] = [
    Grain::Day,
    Grain::Week,
    Grain::Month,
    Grain::Quarter,
    Grain::Year,
    Grain::FiscalQuarter,
    Grain::FiscalYear,
    Grain::Total,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Periods of one stretch are counted as their cells are met, others from sums of every stretch.
    #[test]
    fn days_summed_by_themselves_give_the_same_answer(facts in facts(), grain in 0..4_usize, pick in any::<usize>()) {
        let mut delta = Delta::new();
        facts.iter().for_each(|fact| delta.add(shipped(), fact));
        let blocks = delta.blocks();
        let blocks = || blocks.iter().map(|(key, block)| (*key, block));
        let grain = [Grain::Day, Grain::Week, Grain::Month, Grain::Total][grain];
        let calendar = Calendar { today: Some(date_of_day(day("2026-03-20"))), ..Calendar::default() };
        for info in shipped().list() {
            let asked = query(&info.id, grain, "2026-01-25", "2026-03-08", &groups(info, pick));
            let plain = Shape { calendar: calendar.clone(), ..Shape::default() };
            let plan = shipped().plan_shaped(&asked, &plain).unwrap();
            let by_day = shipped().plan_shaped(&asked, &Shape { by_day: true, ..plain }).unwrap();
            prop_assert_eq!(plan.answer(blocks()).unwrap(), by_day.answer(blocks()).unwrap(), "{:?}", asked);
        }
    }

    #[test]
    fn every_window_is_the_plain_figure_of_its_days(
        facts in facts(), grain in prop::sample::select(&GRAINS[..]), kpi in 0_usize..7, frame in frames(),
        comparison in comparisons(), from in 0_i32..20, by_agent in any::<bool>(), fiscal_year_start in 1_u32..13,
    ) {
        let by: &[Dimension] = if by_agent && kpi < 5 { &[Dimension::Agent] } else { &[] };
        let from = date_of_day(day("2026-02-10") + from).to_string();
        let asked = query(KPIS[kpi], grain, &from, "2026-03-12", by);
        let calendar = Calendar { week_start: Weekday::Sun, fiscal_year_start, ..Calendar::default() };
        let shape = Shape { calendar, frame, comparison, totals: by_agent, ..Shape::default() };
        for row in ask(&facts, &asked, &shape).rows {
            let expected = plain(&facts, &asked, (row.start, row.end), &row);
            prop_assert!(agrees(row.value, expected), "{frame:?}: {row:?} against {expected:?}");
            prop_assert_eq!(row.base.is_some(), comparison.is_some());
            if let Some(base) = &row.base {
                let expected = plain(&facts, &asked, (base.start, base.end), base);
                prop_assert!(agrees(base.value, expected), "{comparison:?}: {base:?} against {expected:?}");
            }
        }
    }

    #[test]
    fn the_first_groups_and_the_rest_are_all(facts in facts(), top in 1_usize..4, kpi in 0_usize..5, descending in any::<bool>()) {
        let asked = query(KPIS[kpi], Grain::Month, "2026-01-01", "2026-04-01", &[Dimension::Agent]);
        let order = if descending { RowOrder::ValueDescending } else { RowOrder::ValueAscending };
        let shape = Shape { totals: true, top: Some(top), order: Some(order), ..Shape::default() };
        let answer = ask(&facts, &asked, &shape);
        // Ranked by hand over the whole question.
        let mut whole = ask(&facts, &Query { grain: Grain::Total, ..asked.clone() }, &Shape::default()).rows;
        whole.retain(|row| row.value.is_some() || row.no_value.is_some());
        let mut kept: BTreeSet<Option<std::sync::Arc<str>>> = BTreeSet::new();
        let currencies: BTreeSet<_> = whole.iter().map(|row| row.currency).collect();
        for currency in currencies {
            let mut rows: Vec<&Row> = whole.iter().filter(|row| row.currency == currency).collect();
            rows.sort_by(|a, b| match (a.value, b.value) {
                (Some(a), Some(b)) => {
                    let by = a.subtract(b).unwrap().numerator().cmp(&0);
                    if descending { by.reverse() } else { by }
                }
                (a, b) => a.is_none().cmp(&b.is_none()),
            });
            kept.extend(rows.iter().take(top).map(|row| row.group[0].clone()));
        }
        let shown: BTreeSet<_> =
            answer.rows.iter().filter(|row| row.kind == RowKind::Group).map(|row| row.group[0].clone()).collect();
        prop_assert!(shown.is_subset(&kept), "{shown:?} of {kept:?}");
        // The rest is what a question for all other groups gives.
        let others: Vec<String> = ["ann", "bo", "cy", "ønske", ""].into_iter().map(str::to_owned)
            .filter(|name| !kept.iter().any(|kept| kept.as_deref().unwrap_or("") == name)).collect();
        for row in answer.rows.iter().filter(|row| row.kind == RowKind::Rest) {
            let mut rest = query(&row.kpi, Grain::Total, &row.start.to_string(), &row.end.to_string(), &[]);
            rest.filters = vec![(Dimension::Agent, others.clone())];
            let rows = ask(&facts, &rest, &Shape::default()).rows;
            let expected = rows.iter().find(|one| one.currency == row.currency).and_then(|one| one.value);
            // A rest without money in a currency of the others has collected nothing of it; asked alone, it has none.
            let zero = row.value == Some(Exact::ZERO) && expected.is_none();
            prop_assert!(zero || row.value == expected, "{row:?} against {expected:?}");
        }
    }
}

/// A stock that rose and fell within the month is in the cells of its days and not in the month's.
#[test]
fn what_came_and_went_within_a_month_is_told_alike_by_days_and_months() {
    let krona = |on, count| {
        let dims = Dims { currency: Currency::parse("SEK"), ..Dims::default() };
        Fact { count, ..Fact::new(FactKind::OverdueAccounts, day(on), Arc::new(dims)) }
    };
    let facts = [krona("2026-02-01", 1), krona("2026-02-27", -1)];
    let asked = query("profit_per_account", Grain::Month, "2026-01-25", "2026-03-08", &[]);
    let by_day = Shape { by_day: true, ..Shape::default() };
    let rows = ask(&facts, &asked, &Shape::default()).rows;
    assert_eq!(rows, ask(&facts, &asked, &by_day).rows);
    assert!(rows.iter().all(|row| row.no_value == Some(NoValue::NoFacts)), "{rows:?}");
}

#[test]
fn the_whole_of_march_answers_to_the_whole_of_february() {
    let paid = |on: &str, amount| fact(FactKind::Payment, on, amount);
    let facts = [paid("2026-02-28", 100), paid("2026-03-30", 200), paid("2026-03-31", 300), paid("2025-03-31", 50)];
    let asked = query("payments", Grain::Month, "2026-03-01", "2026-04-01", &[]);
    let compared = |comparison| {
        let shape = Shape { comparison: Some(comparison), ..Shape::default() };
        let row = ask(&facts, &asked, &shape).rows.remove(0);
        let change = row.change().unwrap();
        let base = row.base.as_ref().unwrap();
        let texts = [row.value_text(), base.value_text(), change.absolute.text(2), change.relative.unwrap().text(2)];
        (base.start.to_string(), base.end.to_string(), texts.map(Option::unwrap))
    };
    let texts = |all: [&str; 4]| all.map(str::to_owned);
    assert_eq!(
        compared(Comparison::PreviousPeriod),
        ("2026-02-01".into(), "2026-03-01".into(), texts(["5.00", "1.00", "4.00", "400.00"]))
    );
    assert_eq!(
        compared(Comparison::YearEarlier),
        ("2025-03-01".into(), "2025-04-01".into(), texts(["5.00", "0.50", "4.50", "900.00"]))
    );
    let split = Shape { comparison: Some(Comparison::BeforeAfter("2026-03-31".parse().unwrap())), ..Shape::default() };
    let asked = Query { grain: Grain::Total, ..asked };
    let row = ask(&facts, &asked, &split).rows.remove(0);
    assert_eq!((row.value_text().unwrap(), row.base.unwrap().value_text().unwrap()), ("3.00".into(), "2.00".into()));
}

#[test]
fn what_has_no_base_has_no_change() {
    let facts = [fact(FactKind::Payment, "2026-03-31", 300)];
    let asked = query("payments", Grain::Month, "2026-03-01", "2026-04-01", &[]);
    let shape = Shape { comparison: Some(Comparison::PreviousPeriod), ..Shape::default() };
    let row = ask(&facts, &asked, &shape).rows.remove(0);
    let change = row.change().unwrap();
    assert_eq!((change.absolute.text(2).as_deref(), change.relative), (Some("3.00"), None), "nothing to divide by");
    let asked = query("rpc_rate", Grain::Month, "2026-03-01", "2026-04-01", &[]);
    assert_eq!(ask(&facts, &asked, &shape).rows[0].change(), None);
}

#[test]
fn a_shape_that_makes_no_sense_is_refused_by_field() {
    let asked = query("payments", Grain::Month, "2026-01-01", "2026-02-01", &[]);
    let date = |text: &str| text.parse().unwrap();
    let plain = Shape::default();
    for (shape, field) in [
        (Shape { top: Some(3), ..plain.clone() }, "top"),
        (Shape { frame: Frame::Rolling(0, Grain::Day), ..plain.clone() }, "rolling.count"),
        (Shape { frame: Frame::Rolling(1_001, Grain::Day), ..plain.clone() }, "rolling.count"),
        (Shape { frame: Frame::Rolling(1, Grain::Total), ..plain.clone() }, "rolling.unit"),
        (Shape { frame: Frame::ToDate(Grain::Day), ..plain.clone() }, "to_date"),
        (Shape { comparison: Some(Comparison::BeforeAfter(date("2026-01-10"))), ..plain.clone() }, "comparison.kind"),
        (
            Shape { comparison: Some(Comparison::BeforeAfter(date("2026-02-01"))), ..plain.clone() },
            "comparison.split_date",
        ),
    ] {
        let error = shipped().plan_shaped(&asked, &shape).unwrap_err();
        assert_eq!(error.violations[0].field, field, "{shape:?}: {error}");
    }
    // Nothing overflows at the calendar's ends.
    let early = Query { from: NaiveDate::MIN, to: date("-262143-01-03"), grain: Grain::Day, ..asked };
    let shape = Shape { comparison: Some(Comparison::YearEarlier), ..plain };
    assert_eq!(shipped().plan_shaped(&early, &shape).unwrap_err().violations[0].field, "start_date");
}
