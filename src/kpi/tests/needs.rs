//! Figures that need records: without them there is no value, whoever else sent some.

use std::sync::Arc;

use super::figures::query;
use super::{day, shipped};
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::money::Currency;
use crate::domain::vocabulary::Channel;
use crate::kpi::across::{Part, across};
use crate::kpi::definition::NoValue;
use crate::kpi::exchange::{DatePolicy, Rates, Reporting};
use crate::kpi::{Answer, Block, BlockKey, Delta, Dimension, Grain, Query, Shape};

fn blocks(facts: &[Fact]) -> Vec<(BlockKey, Block)> {
    let mut delta = Delta::new();
    facts.iter().for_each(|fact| delta.add(shipped(), fact));
    delta.blocks()
}

fn borrowed(blocks: &[(BlockKey, Block)]) -> Vec<(BlockKey, &Block)> {
    blocks.iter().map(|(key, block)| (*key, block)).collect()
}

/// Group, and value or the reason why there is none.
fn told(answer: &Answer) -> Vec<String> {
    let row = |row: &crate::kpi::Row| {
        let group: Vec<&str> = row.group.iter().map(|value| value.as_deref().unwrap_or("-")).collect();
        let none = row.no_value.map(NoValue::as_str).map(str::to_owned);
        let parts = row.numerator_text().is_some() || row.denominator_text().is_some();
        assert!(row.no_value != Some(NoValue::MissingInput) || !parts, "parts of what is not known: {row:?}");
        let group = if group.is_empty() { format!("{:?}", row.kind) } else { group.join("+") };
        format!("{} {group}: {}", row.start.format("%m"), row.value_text().or(none).unwrap())
    };
    answer.rows.iter().map(row).collect()
}

fn ask(facts: &[Fact], query: &Query, shape: &Shape) -> Vec<String> {
    let plan = shipped().plan_shaped(query, shape).unwrap_or_else(|error| panic!("{error}"));
    let blocks = blocks(facts);
    let ranges = plan.ranges();
    let asked = blocks.iter().filter(|(key, _)| ranges.iter().any(|range| range.holds(key)));
    told(&plan.answer(asked.map(|(key, block)| (*key, block))).unwrap())
}

fn of(kind: FactKind, on: &str, dims: Dims) -> Fact {
    Fact::new(kind, day(on), Arc::new(dims))
}

fn client(kind: FactKind, on: &str, amount: i64, client: &str) -> Fact {
    let dims = Dims { client: Some(client.into()), currency: Currency::parse("EUR"), ..Dims::default() };
    Fact { amount, ..of(kind, on, dims) }
}

fn message(kind: FactKind, on: &str, channel: Channel, template: &str) -> Fact {
    of(kind, on, Dims { channel: Some(channel), template: Some(template.into()), ..Dims::default() })
}

#[test]
fn a_month_or_a_client_whose_cost_nobody_sent_has_no_cost_to_collect() {
    use FactKind::{OperatingCost, Payment};
    let facts = [
        client(Payment, "2026-01-10", 1_000, "bank"),
        client(Payment, "2026-01-10", 1_000, "shop"),
        client(OperatingCost, "2026-01-31", 100, "bank"),
        client(Payment, "2026-02-10", 1_000, "bank"),
        client(Payment, "2026-03-10", 1_000, "bank"),
        // Where there truly was none, a record of zero says so.
        client(OperatingCost, "2026-03-31", 0, "bank"),
    ];
    let by = |group_by: &[Dimension]| query("cost_to_collect", Grain::Month, "2026-01-01", "2026-04-01", group_by);
    let months = ["01 Group: 5.00", "02 Group: missing_input", "03 Group: 0.00"];
    assert_eq!(ask(&facts, &by(&[]), &Shape::default()), months);
    let totals = Shape { totals: true, ..Shape::default() };
    let rows = [
        "01 bank: 10.00",
        "01 shop: missing_input",
        "01 -: 5.00",
        "02 bank: missing_input",
        "02 -: missing_input",
        "03 bank: 0.00",
        "03 -: 0.00",
    ];
    assert_eq!(ask(&facts, &by(&[Dimension::Client]), &totals), rows);
    // A record that was taken back was never sent.
    let void = Fact { sign: -1, ..facts[2].clone() };
    let taken_back = [&facts[..], &[void]].concat();
    assert_eq!(ask(&taken_back, &by(&[]), &Shape::default())[0], "01 Group: missing_input");
}

#[test]
fn whether_opens_are_reported_at_all_is_seen_by_channel_and_over_all_time() {
    use FactKind::{MessageDelivered, MessageOpened};
    let facts = [
        message(MessageDelivered, "2026-01-10", Channel::Email, "a"),
        message(MessageOpened, "2026-01-10", Channel::Email, "a"),
        message(MessageDelivered, "2026-02-10", Channel::Email, "b"),
        message(MessageDelivered, "2026-02-10", Channel::Sms, "c"),
    ];
    let by = |group_by: &[Dimension]| query("open_rate", Grain::Month, "2026-02-01", "2026-03-01", group_by);
    // Nobody opened an e-mail of February: that is zero. Of text messages nobody can know.
    let rows = ["02 email: 0.00", "02 sms: missing_input"];
    assert_eq!(ask(&facts, &by(&[Dimension::Channel]), &Shape::default()), rows);
    let rows = ["02 b: 0.00", "02 c: 0.00"];
    assert_eq!(ask(&facts, &by(&[Dimension::Template]), &Shape::default()), rows, "no channel is asked for");
    let mut sms = by(&[Dimension::Client]);
    sms.filters = vec![(Dimension::Channel, vec!["sms".to_owned()])];
    assert_eq!(ask(&facts, &sms, &Shape::default()), ["02 -: missing_input"], "a filter counts as the group does");
    let top = Shape { top: Some(1), totals: true, ..Shape::default() };
    let rows = ["02 b: 0.00", "02 -: 0.00", "02 -: 0.00"];
    assert_eq!(ask(&facts, &by(&[Dimension::Template]), &top), rows, "the rest and the total are asked by no channel");
    assert_eq!(ask(&facts[2..], &by(&[]), &Shape::default()), ["02 Group: missing_input"], "none was ever opened");
}

#[test]
fn one_markets_records_do_not_stand_for_anothers() {
    use FactKind::{MessageDelivered, MessageSent};
    let one = |kind| message(kind, "2026-01-10", Channel::Sms, "a");
    let sent = vec![one(MessageSent), one(MessageSent)];
    let reported = [&sent[..], &[one(MessageDelivered)]].concat();
    let over = |one: &[Fact], other: &[Fact], group_by: &[Dimension]| {
        let asked = query("delivery_rate", Grain::Month, "2026-01-01", "2026-02-01", group_by);
        let plan = shipped().plan_shaped(&asked, &Shape::default()).unwrap();
        let all = [blocks(one), blocks(other)];
        let part = |blocks| Part { plan: &plan, blocks: borrowed(blocks) };
        let parts = [part(&all[0]), part(&all[1])];
        told(&across(&parts, None).unwrap()).concat()
    };
    for (group_by, name) in [(&[][..], "Group"), (&[Dimension::Channel][..], "sms")] {
        assert_eq!(over(&reported, &reported, group_by), format!("01 {name}: 50.00"));
        let missing = format!("01 {name}: missing_input");
        assert_eq!(over(&reported, &sent, group_by), missing, "the second market sent no reports");
        assert_eq!(over(&sent, &reported, group_by), missing);
        assert_eq!(over(&reported, &[], group_by), format!("01 {name}: 50.00"), "who sent nothing lacks nothing");
    }
}

#[test]
fn what_one_client_sold_does_not_stand_for_anothers_receivables() {
    use FactKind::{CreditSales, Receivable, ReceivableCurrent};
    let facts = [
        client(Receivable, "2026-01-02", 10_000, "bank"),
        client(CreditSales, "2026-01-31", 31_000, "bank"),
        client(Receivable, "2026-01-02", 10_000, "shop"),
        client(ReceivableCurrent, "2026-01-02", 1_000, "shop"),
        client(ReceivableCurrent, "2026-02-01", -1_000, "shop"),
        client(Receivable, "2026-02-01", -10_000, "shop"),
        client(CreditSales, "2026-02-28", 28_000, "bank"),
    ];
    let by = |kpi: &str, group_by: &[Dimension]| query(kpi, Grain::Month, "2026-01-01", "2026-03-01", group_by);
    let totals = Shape { totals: true, ..Shape::default() };
    for kpi in ["dso_balance", "dso_balance_mean", "best_possible_dso", "average_days_delinquent", "cei_classic"] {
        assert_eq!(ask(&facts, &by(kpi, &[]), &Shape::default())[0], "01 Group: missing_input", "{kpi}");
    }
    // In February there was nothing of the shop's to be sold or collected.
    let months = ["01 Group: missing_input", "02 Group: 10.0"];
    assert_eq!(ask(&facts, &by("dso_balance", &[]), &Shape::default()), months);
    let rows = ask(&facts, &by("dso_balance", &[Dimension::Client]), &totals);
    let told = ["01 bank: 10.0", "01 shop: empty_denominator", "01 -: missing_input", "02 bank: 10.0"];
    assert_eq!(rows[..4], told, "{rows:?}");
    assert_eq!(rows.last().unwrap(), "02 -: 10.0");
    let first = Shape { top: Some(1), ..Shape::default() };
    let three = [&facts[..], &[client(CreditSales, "2026-01-31", 1_000, "rest")]].concat();
    let rows = ask(&three, &by("dso_balance", &[Dimension::Client]), &first);
    assert!(rows.contains(&"01 -: missing_input".to_owned()), "the rest has a client that sold nothing: {rows:?}");
    // A record of nothing says that there was none.
    let sent = [&facts[..], &[client(CreditSales, "2026-01-31", 0, "shop")]].concat();
    assert_eq!(ask(&sent, &by("dso_balance", &[]), &Shape::default())[0], "01 Group: 20.0");
    // Nor over markets.
    let asked = query("dso_balance", Grain::Month, "2026-01-01", "2026-02-01", &[]);
    let plan = shipped().plan_shaped(&asked, &Shape::default()).unwrap();
    let currency = Currency::parse("EUR").unwrap();
    let euros = Reporting { currency, policy: DatePolicy::PeriodEnd, rates: Arc::new(Rates::default()) };
    let over = |one: &[Fact], other: &[Fact]| {
        let all = [blocks(one), blocks(other)];
        let part = |blocks| Part { plan: &plan, blocks: borrowed(blocks) };
        told_by(&across(&[part(&all[0]), part(&all[1])], Some(&euros)).unwrap())
    };
    assert_eq!(over(&facts[..2], &facts[2..4]), "01 Group: missing_input", "the second market sold nothing");
    assert_eq!(over(&facts[..2], &facts[..2]), "01 Group: 10.0");
    assert_eq!(over(&facts[..2], &facts[..3]), "01 Group: missing_input", "a client of the second market");
}

fn told_by(answer: &Answer) -> String {
    told(answer).concat()
}
