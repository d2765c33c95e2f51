//! How many facts a figure says that it comes from: each once, however many measures take it.

use std::sync::Arc;

use super::figures::{ask, query};
use super::{fact, shipped};
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::kpi::{Grain, NoValue};

#[test]
fn a_fact_that_two_measures_take_is_one_of_the_sample() {
    let facts = [
        fact(FactKind::Placed, "2026-01-02", 1_000),
        fact(FactKind::Receivable, "2026-01-02", 1_000),
        fact(FactKind::Payment, "2026-01-05", 100),
        fact(FactKind::Payment, "2026-01-06", 200),
        Fact { flags: flag::AFTER_RECALL, ..fact(FactKind::Payment, "2026-01-07", 300) },
        Fact { flags: flag::AFTER_RECALL, ..fact(FactKind::PaymentReversed, "2026-01-08", 50) },
    ];
    let row = |kpi: &str| ask(&facts, &query(kpi, Grain::Month, "2026-01-01", "2026-02-01", &[])).rows.remove(0);
    // Three payments and a reversal, of which two count in cash after recall as well.
    let recovered = row("recovery_rate");
    assert_eq!((recovered.value_text().as_deref(), recovered.sample_size), (Some("30.00"), Some(4)));
    assert_eq!(row("cash_after_recall").sample_size, Some(2));
    assert_eq!(row("collected_net").sample_size, Some(4));
}

#[test]
fn amount_and_tax_of_one_charge_are_one_fact() {
    let charge = fact(FactKind::Charge, "2026-01-05", 119);
    let dims = Dims { state: Some("collector".into()), ..Dims::clone(&charge.dims) };
    let facts = [
        Fact { amount2: 19, dims: Arc::new(dims), ..charge },
        fact(FactKind::OperatingCost, "2026-01-06", 40),
        fact(FactKind::OverdueAccounts, "2026-01-02", 0),
    ];
    let row = ask(&facts, &query("profit_per_account", Grain::Month, "2026-01-01", "2026-02-01", &[])).rows.remove(0);
    assert_eq!(row.numerator_text().as_deref(), Some("0.60"));
    // The denominator counts accounts: they are the sample.
    assert_eq!((row.sample_size, row.no_value), (Some(1), None));
    let sampled =
        |id: &str| shipped().kpis.iter().find(|kpi| kpi.info.id == id).unwrap().sampled.as_ref().unwrap().len();
    // Revenue, charges with their tax, and cost: three kinds of facts by four measures.
    assert_eq!(sampled("profit_per_account"), 3);
}

#[test]
fn what_also_stands_on_a_stock_has_no_sample() {
    let facts = [fact(FactKind::Placed, "2026-01-02", 1_000), fact(FactKind::Receivable, "2026-01-02", 1_000)];
    let row = ask(&facts, &query("receivables", Grain::Month, "2026-01-01", "2026-02-01", &[])).rows.remove(0);
    assert_eq!((row.value_text().as_deref(), row.sample_size), (Some("10.00"), None));
    let none = ask(&[], &query("payments", Grain::Month, "2026-01-01", "2026-02-01", &[])).rows.remove(0);
    assert_eq!((none.no_value, none.sample_size), (Some(NoValue::NoFacts), None));
}
