//! Answers of thousands of rows, which several threads make.

use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;

use super::figures::query;
use super::{day, shipped};
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::money::Currency;
use crate::domain::time::date_of_day;
use crate::kpi::{Delta, Dimension, Grain, Query, Row, RowOrder, Shape, Taking};

proptest! {
    #[test]
    fn rows_come_in_one_order_however_many_threads_make_them(
        threads in 0..6_usize,
        counts in proptest::collection::vec(0..4_usize, 0..30),
        kpis in 0..4_usize,
    ) {
        let plan = shipped().plan(&query("rpc_rate", Grain::Day, "2026-01-01", "2026-02-01", &[])).unwrap();
        let blank = plan.answer([]).unwrap().rows.pop().unwrap();
        // Every KPI has rows in some periods; a row tells its place by its sample.
        let make = |kpi: usize, periods: Range<usize>, take: &mut dyn FnMut(&Row)| {
            for period in periods {
                for group in 0..counts[period] {
                    take(&Row { sample_size: Some((kpi * 10_000 + period * 100 + group) as i128), ..blank.clone() });
                }
            }
        };
        let mut expected = Vec::new();
        for kpi in 0..kpis {
            make(kpi, 0..counts.len(), &mut |row| expected.push(row.clone()));
        }
        prop_assert_eq!(Taking::COPIES.by(threads, (kpis, counts.len()), &make).concat(), expected);
    }
}

/// Contacts and balances of sixty agents on every third of a hundred days.
fn facts() -> Vec<Fact> {
    let mut facts = Vec::new();
    for number in 0..60_i32 {
        let dims = Arc::new(Dims {
            agent: Some(Arc::from(format!("agent-{number:02}"))),
            currency: Currency::parse("EUR"),
            ..Dims::default()
        });
        for turn in (number % 3..100).step_by(3) {
            let on = day("2026-01-01") + turn;
            let contact = Fact::new(FactKind::Contact, on, Arc::clone(&dims));
            facts.push(Fact { flags: flag::ATTEMPT | if turn % 2 == 0 { flag::RIGHT_PARTY } else { 0 }, ..contact });
            let amount = i64::from(number - 30) * i64::from(turn) * 100;
            facts.push(Fact { amount, ..Fact::new(FactKind::Placed, on, Arc::clone(&dims)) });
            facts.push(Fact { amount: amount / 3, ..Fact::new(FactKind::Payment, on, Arc::clone(&dims)) });
        }
    }
    facts
}

#[test]
fn a_long_answer_is_that_of_its_days_one_by_one() {
    let mut delta = Delta::new();
    facts().iter().for_each(|fact| delta.add(shipped(), fact));
    let blocks = delta.blocks_where(|_| true);
    let kpis = ["balance_closing", "rpc_rate", "recovery_rate"].map(str::to_owned);
    let ask_for = |kpis: &[String], from: i32, to: i32, shape: &Shape| {
        let plain = query("rpc_rate", Grain::Day, "2026-01-01", "2026-01-02", &[Dimension::Agent]);
        let asked = Query { kpis: kpis.to_vec(), from: date_of_day(from), to: date_of_day(to), ..plain };
        let plan = shipped().plan_shaped(&asked, shape).unwrap();
        plan.answer(blocks.iter().map(|(key, block)| (*key, block))).unwrap().rows
    };
    let (first, last) = (day("2026-01-01"), day("2026-04-11"));
    let by_value = Shape { order: Some(RowOrder::ValueDescending), totals: true, ..Shape::default() };
    for shape in [Shape::default(), by_value] {
        let long = ask_for(&kpis, first, last, &shape);
        assert!(long.len() > 8_000, "{} rows are made by one thread", long.len());
        let mut expected = Vec::new();
        for kpi in &kpis {
            (first..last).for_each(|on| expected.extend(ask_for(std::slice::from_ref(kpi), on, on + 1, &shape)));
        }
        assert!(long == expected, "{shape:?}");
    }
}
