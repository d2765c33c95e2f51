//! Amounts of several markets in one currency: which day's rate converts what.

use std::sync::Arc;

use super::figures::query;
use super::{day, shipped};
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::money::Currency;
use crate::domain::time::date_of_day;
use crate::kpi::across::{AcrossError, Part, across};
use crate::kpi::exchange::{DatePolicy, FACTOR_DECIMALS, Rates, Reporting};
use crate::kpi::{Block, BlockKey, Calendar, Comparison, Delta, Frame, Grain, Query, Shape};

fn code(text: &str) -> Currency {
    Currency::parse(text).unwrap()
}

fn of(kind: FactKind, on: &str, currency: &str, amount: i64) -> Fact {
    let dims = Dims { currency: Some(code(currency)), ..Dims::default() };
    Fact { amount, ..Fact::new(kind, day(on), Arc::new(dims)) }
}

fn blocks(facts: &[Fact]) -> Vec<(BlockKey, Block)> {
    let mut delta = Delta::new();
    facts.iter().for_each(|fact| delta.add(shipped(), fact));
    delta.blocks()
}

/// Dollars for a euro by day, in hundredths; each serves `carry_days` more.
fn euros(policy: DatePolicy, carry_days: i32, dollars: &[(&str, i128)]) -> Reporting {
    let scale = 10_i128.pow(FACTOR_DECIMALS);
    let days = dollars.iter().map(|(on, rate)| (day(on), rate * scale / 100)).collect();
    let (base, days) = (Some(code("EUR")), [(code("USD"), days)].into());
    let rates = Rates { id: "r".to_owned(), base, source: "s".to_owned(), carry_days, days };
    Reporting { currency: code("EUR"), policy, rates: Arc::new(rates) }
}

/// What two markets come to together: each figure or why there is none, with that of the compared period.
fn told(
    asked: &Query,
    shape: &Shape,
    reporting: &Reporting,
    markets: [&[Fact]; 2],
) -> Result<Vec<String>, AcrossError> {
    let by_day = reporting.policy == DatePolicy::FactDay;
    let plan = shipped().plan_shaped(asked, &Shape { by_day, ..shape.clone() }).unwrap();
    let all = markets.map(blocks);
    let part = |blocks: &'static [(BlockKey, Block)]| Part {
        plan: Box::leak(Box::new(plan.clone())),
        blocks: blocks.iter().map(|(key, block)| (*key, block)).collect(),
    };
    let parts = all.map(|blocks| part(blocks.leak()));
    let answer = across(&parts, Some(reporting))?;
    let text = |row: &crate::kpi::Row| {
        let none = || row.no_value.map_or("-", |why| why.as_str()).to_owned();
        row.value_text().unwrap_or_else(none)
    };
    let row = |row: &crate::kpi::Row| match &row.base {
        Some(base) => format!("{} after {}", text(row), text(base)),
        None => text(row),
    };
    Ok(answer.rows.iter().map(row).collect())
}

fn today(on: &str) -> Shape {
    Shape { calendar: Calendar { today: Some(date_of_day(day(on))), ..Calendar::default() }, ..Shape::default() }
}

#[test]
fn a_period_of_one_day_is_converted_as_every_other_is() {
    use FactKind::{Payment, Placed, Receivable};
    let here = [
        of(Placed, "2026-01-02", "EUR", 10_000),
        of(Receivable, "2026-01-02", "EUR", 10_000),
        of(Payment, "2026-01-05", "EUR", 5_000),
        of(Receivable, "2026-01-05", "EUR", -5_000),
    ];
    let there = [
        of(Placed, "2026-01-02", "USD", 10_000),
        of(Receivable, "2026-01-02", "USD", 10_000),
        of(Payment, "2026-01-05", "USD", 2_400),
        of(Receivable, "2026-01-05", "USD", -2_400),
    ];
    let reporting = euros(DatePolicy::FactDay, 30, &[("2026-01-02", 120)]);
    let ask = |kpi: &str, grain, from: &str, to: &str, shape: &Shape| {
        told(&query(kpi, grain, from, to, &[]), shape, &reporting, [&here, &there]).unwrap()
    };
    let plain = Shape::default();
    assert_eq!(ask("payments", Grain::Day, "2026-01-05", "2026-01-07", &plain), ["70.00", "0.00"]);
    assert_eq!(ask("cei", Grain::Day, "2026-01-05", "2026-01-06", &plain), ["38.18"], "70 of 183.33");
    assert_eq!(ask("payments", Grain::Total, "2026-01-05", "2026-01-06", &plain), ["70.00"]);
    assert_eq!(ask("payments", Grain::Month, "2026-01-05", "2026-01-06", &plain), ["70.00"]);
    let rolling = Shape { frame: Frame::Rolling(1, Grain::Day), ..Shape::default() };
    assert_eq!(ask("payments", Grain::Day, "2026-01-05", "2026-01-06", &rolling), ["70.00"]);
    let compared = Shape { comparison: Some(Comparison::PreviousPeriod), ..Shape::default() };
    assert_eq!(ask("payments", Grain::Day, "2026-01-06", "2026-01-07", &compared), ["0.00 after 70.00"]);
    let alone = told(&query("payments", Grain::Day, "2026-01-05", "2026-01-06", &[]), &plain, &reporting, [&here, &[]]);
    assert_eq!(alone.unwrap(), ["50.00"], "in the reporting currency itself");
}

#[test]
fn a_stock_of_a_period_that_is_not_over_takes_the_rate_of_today() {
    use FactKind::{Payment, Placed, Receivable};
    let here = [of(Placed, "2026-01-02", "EUR", 10_000), of(Receivable, "2026-01-02", "EUR", 10_000)];
    let there = [
        of(Placed, "2026-01-02", "USD", 10_000),
        of(Receivable, "2026-01-02", "USD", 10_000),
        of(Payment, "2026-11-28", "USD", 1_200),
        of(Receivable, "2026-11-28", "USD", -1_200),
    ];
    let shape = today("2026-11-30");
    for (policy, paid) in [(DatePolicy::FactDay, "10.00"), (DatePolicy::PeriodEnd, "10.00")] {
        let reporting = euros(policy, 4, &[("2026-11-28", 120)]);
        let ask = |kpis: &[&str], grain, from: &str, to: &str| {
            let mut asked = query(kpis[0], grain, from, to, &[]);
            asked.kpis = kpis.iter().map(|kpi| (*kpi).to_owned()).collect();
            told(&asked, &shape, &reporting, [&here, &there]).unwrap_or_else(|error| panic!("{kpis:?}: {error}"))
        };
        assert_eq!(ask(&["receivables"], Grain::Year, "2026-01-01", "2027-01-01"), ["173.33"], "{policy:?}");
        assert_eq!(ask(&["balance_closing"], Grain::Quarter, "2026-10-01", "2027-01-01"), ["173.33"]);
        assert_eq!(ask(&["payments"], Grain::Quarter, "2026-10-01", "2027-01-01"), [paid]);
        let both = ask(&["balance_closing", "payments"], Grain::Month, "2026-11-01", "2027-01-01");
        assert_eq!(both, ["173.33", "not_begun", paid, "not_begun"], "{policy:?}");
    }
    // A day that is over must have its rate all the same.
    let reporting = euros(DatePolicy::PeriodEnd, 4, &[("2026-11-28", 120)]);
    let asked = query("receivables", Grain::Month, "2026-09-01", "2026-10-01", &[]);
    let Err(AcrossError::Rate(missing)) = told(&asked, &shape, &reporting, [&here, &there]) else { panic!("no rate") };
    assert_eq!(missing.day.to_string(), "2026-09-30");
}

#[test]
fn a_mean_of_stocks_takes_each_days_rate_for_that_days_stock() {
    let there =
        [of(FactKind::Placed, "2026-01-01", "USD", 12_000), of(FactKind::Receivable, "2026-01-01", "USD", 12_000)];
    let rates = [("2026-01-01", 120), ("2026-01-02", 100), ("2026-01-03", 150)];
    let ask = |policy, shape: &Shape| {
        let asked = query("balance_mean", Grain::Total, "2026-01-01", "2026-01-04", &[]);
        told(&asked, shape, &euros(policy, 0, &rates), [&there, &[]]).unwrap()
    };
    // 100, 120 and 80 euros.
    assert_eq!(ask(DatePolicy::FactDay, &Shape::default()), ["100.00"]);
    assert_eq!(ask(DatePolicy::PeriodEnd, &Shape::default()), ["80.00"]);
    // Of the two days that have begun.
    assert_eq!(ask(DatePolicy::FactDay, &today("2026-01-02")), ["110.00"]);
}

#[test]
fn a_jump_of_the_rate_passes_for_no_collections() {
    use FactKind::{CreditSales, Payment, Placed, Receivable};
    let client = |mut fact: Fact| {
        fact.dims = Arc::new(Dims { client: Some("c".into()), ..(*fact.dims).clone() });
        fact
    };
    let there = [
        of(Placed, "2026-01-02", "USD", 12_000),
        of(Receivable, "2026-01-02", "USD", 12_000),
        of(CreditSales, "2026-03-01", "USD", 0),
        of(Payment, "2026-03-05", "USD", 2_400),
        of(Receivable, "2026-03-05", "USD", -2_400),
    ]
    .map(client);
    // A dollar is worth half of what it was.
    let rates = [("2026-01-02", 100), ("2026-03-10", 200)];
    let ask = |kpi: &str, policy| {
        let asked = query(kpi, Grain::Month, "2026-03-01", "2026-04-01", &[]);
        told(&asked, &today("2026-05-01"), &euros(policy, 90, &rates), [&there, &[]]).unwrap()
    };
    for policy in [DatePolicy::FactDay, DatePolicy::PeriodEnd] {
        assert_eq!(ask("cei_classic", policy), ["20.0"], "24 of 120 dollars: {policy:?}");
        assert_eq!(ask("cei", policy), ["20.00"], "{policy:?}");
    }
    // What holds one stock alone, or none, goes by its own days.
    assert_eq!(ask("payments", DatePolicy::FactDay), ["24.00"]);
    assert_eq!(ask("balance_opening", DatePolicy::FactDay), ["120.00"]);
}
