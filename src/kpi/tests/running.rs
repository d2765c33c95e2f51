//! What is not over, and what is added up from the question's first day, beside what it is compared with.

use super::figures::query;
use super::{day, fact, shipped};
use crate::domain::fact::{Fact, FactKind};
use crate::domain::time::date_of_day;
use crate::kpi::{Answer, Calendar, Comparison, Delta, Grain, Query, Shape};

fn ask(facts: &[Fact], query: &Query, shape: &Shape) -> Answer {
    let mut delta = Delta::new();
    facts.iter().for_each(|fact| delta.add(shipped(), fact));
    let plan = shipped().plan_shaped(query, shape).unwrap_or_else(|error| panic!("{error}"));
    let ranges = plan.ranges();
    let blocks = delta.blocks_where(|key| ranges.iter().any(|range| range.holds(key)));
    plan.answer(blocks.iter().map(|(key, block)| (*key, block))).unwrap()
}

fn paid(on: &str, amount: i64) -> Fact {
    fact(FactKind::Payment, on, amount)
}

/// Value, and days and value of what it is compared with.
fn compared(facts: &[Fact], asked: &Query, today: Option<&str>, comparison: Comparison) -> Vec<String> {
    let today = today.map(|today| date_of_day(day(today)));
    let calendar = Calendar { today, ..Calendar::default() };
    let shape = Shape { calendar, comparison: Some(comparison), ..Shape::default() };
    let text = |row: &crate::kpi::Row| row.value_text().unwrap_or_else(|| "-".to_owned());
    let row = |row: &crate::kpi::Row| {
        let base = row.base.as_ref().unwrap();
        let whole = if base.whole_period { "whole" } else { "part" };
        format!("{} {} to {} {whole}: {}", text(row), base.start, base.end, text(base))
    };
    ask(facts, asked, &shape).rows.iter().map(row).collect()
}

#[test]
fn on_its_last_day_a_period_is_compared_with_the_same_days() {
    use Comparison::{PreviousPeriod, YearEarlier};
    let facts = [
        paid("2026-10-30", 100),
        paid("2026-10-31", 1_000),
        paid("2026-11-30", 500),
        paid("2026-07-31", 10),
        paid("2026-02-28", 7),
    ];
    let november = query("payments", Grain::Month, "2026-11-01", "2026-12-01", &[]);
    let on = |asked: &Query, today, comparison| compared(&facts, asked, Some(today), comparison).concat();
    assert_eq!(on(&november, "2026-11-29", PreviousPeriod), "5.00 2026-10-01 to 2026-10-30 part: 0.00");
    assert_eq!(on(&november, "2026-11-30", PreviousPeriod), "5.00 2026-10-01 to 2026-10-31 part: 1.00");
    assert_eq!(on(&november, "2026-12-01", PreviousPeriod), "5.00 2026-10-01 to 2026-11-01 whole: 11.00");
    assert_eq!(on(&november, "2026-11-30", YearEarlier), "5.00 2025-11-01 to 2025-12-01 whole: 0.00");
    let quarter = query("payments", Grain::Quarter, "2026-10-01", "2027-01-01", &[]);
    assert_eq!(on(&quarter, "2026-11-30", PreviousPeriod), "16.00 2026-07-01 to 2026-08-31 part: 0.10");
    // March has more days than February: all of it is as much as there is.
    let march = query("payments", Grain::Month, "2026-03-01", "2026-04-01", &[]);
    assert_eq!(on(&march, "2026-03-31", PreviousPeriod), "0.00 2026-02-01 to 2026-03-01 whole: 0.07");
    let today = query("payments", Grain::Day, "2026-11-30", "2026-12-01", &[]);
    assert_eq!(on(&today, "2026-11-30", PreviousPeriod), "5.00 2026-11-29 to 2026-11-30 whole: 0.00");
}

#[test]
fn a_running_total_is_compared_with_what_it_was() {
    let facts = [paid("2025-12-10", 1_000), paid("2026-01-10", 5_000), paid("2026-02-10", 900), paid("2026-03-10", 1)];
    let months = query("collected_to_date", Grain::Month, "2026-01-01", "2026-04-01", &[]);
    assert_eq!(
        compared(&facts, &months, None, Comparison::PreviousPeriod),
        [
            // What lies before the question runs by itself.
            "50.00 2025-12-01 to 2026-01-01 whole: 10.00",
            "59.00 2026-01-01 to 2026-02-01 whole: 50.00",
            "59.01 2026-02-01 to 2026-03-01 whole: 59.00",
        ]
    );
    // A year earlier lies before the question, and runs from its own beginning.
    let earlier = compared(&facts, &months, None, Comparison::YearEarlier);
    assert_eq!(earlier[2], "59.01 2025-03-01 to 2025-04-01 whole: 0.00");
    let date = |text: &str| text.parse().unwrap();
    // Days that are stated run by themselves, wherever they lie.
    let stated = Comparison::Baseline(date("2026-02-01"), date("2026-03-01"));
    assert_eq!(compared(&facts, &months, None, stated)[2], "59.01 2026-02-01 to 2026-03-01 whole: 9.00");
}
