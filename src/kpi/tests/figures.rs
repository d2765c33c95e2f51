//! Figures against a recount that knows nothing of cells: facts filtered and summed one by one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use chrono_tz::Tz;
use proptest::prelude::*;

use super::{day, fact, facts, shipped};
use crate::domain::fact::{Fact, FactKind, flag};
use crate::domain::time::{Timestamp, date_of_day, day_number};
use crate::domain::vocabulary::{Channel, Direction};
use crate::kpi::exact::write_approximate;
use crate::kpi::{Answer, Delta, Dimension, Exact, Grain, Query, Row};

pub(super) fn ask(facts: &[Fact], query: &Query) -> Answer {
    let mut delta = Delta::new();
    for fact in facts {
        delta.add(shipped(), fact);
    }
    let plan = shipped().plan(query).unwrap_or_else(|error| panic!("{error}"));
    let ranges = plan.ranges();
    let asked = |key: &crate::kpi::BlockKey| {
        ranges
            .iter()
            .any(|r| r.series == key.series && r.grain == key.grain && r.from <= key.period && key.period < r.to)
    };
    // Only what the plan names is handed over, as a store would.
    let blocks = delta.blocks_where(asked);
    plan.answer(blocks.iter().map(|(key, block)| (*key, block))).unwrap()
}

pub(super) fn query(kpi: &str, grain: Grain, from: &str, to: &str, group_by: &[Dimension]) -> Query {
    Query {
        kpis: vec![kpi.to_owned()],
        grain,
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        group_by: group_by.to_vec(),
        filters: Vec::new(),
    }
}

/// The sum over facts of a period and group, by hand.
fn sum(
    facts: &[Fact],
    days: std::ops::Range<i32>,
    keep: impl Fn(&Fact) -> bool,
    value: impl Fn(&Fact) -> i128,
) -> i128 {
    let kept = facts.iter().filter(|fact| days.contains(&fact.day) && keep(fact));
    kept.map(|fact| value(fact) * i128::from(fact.sign)).sum()
}

fn amount(fact: &Fact) -> i128 {
    i128::from(fact.amount)
}

fn days(row: &Row) -> std::ops::Range<i32> {
    day_number(row.start)..day_number(row.end)
}

fn is(kind: FactKind, row: &Row) -> impl Fn(&Fact) -> bool + '_ {
    move |fact| {
        fact.kind == kind
            && fact.dims.currency == row.currency
            && row.group.first().is_none_or(|agent| fact.dims.agent == *agent)
    }
}

const GRAINS: [Grain; 5] = [Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cei_is_what_a_recount_gives(facts in facts(), grain in 0_usize..5, start in 0_u64..40, by_agent in any::<bool>()) {
        let from = NaiveDate::from_ymd_opt(2026, 1, 25).unwrap() + chrono::Days::new(start);
        let group_by: &[Dimension] = if by_agent { &[Dimension::Agent] } else { &[] };
        let asked = query("cei", GRAINS[grain], &from.to_string(), "2026-03-12", group_by);
        for row in ask(&facts, &asked).rows {
            if row.currency.is_none() {
                continue;
            }
            use FactKind as K;
            let of = |kind| sum(&facts, days(&row), is(kind, &row), amount);
            let collected = of(K::Payment) - of(K::PaymentReversed);
            let opening = sum(&facts, i32::MIN..days(&row).start, is(K::Receivable, &row), amount);
            let moved = of(K::MovedIn) - of(K::MovedOut);
            let available = opening + of(K::Placed) + moved + of(K::Charge) + of(K::Interest);
            prop_assert_eq!(row.numerator, Some(Exact::whole(collected)));
            prop_assert_eq!(row.denominator, Some(Exact::whole(available)));
            // A base below zero gives no value.
            prop_assert_eq!(row.value, Exact::new(collected * 100, available).filter(|_| available > 0));
            prop_assert_eq!(row.value.is_none(), row.no_value.is_some());
        }
    }

    #[test]
    fn the_balance_identity_holds_in_every_group_and_period(facts in facts(), grain in 0_usize..5, by in 0_usize..4) {
        let by = [&[][..], &[Dimension::Agent], &[Dimension::Team], &[Dimension::Portfolio, Dimension::Stage]][by];
        let parts = [
            ("balance_opening", 1), ("placed", 1), ("moved_in", 1), ("interest", 1), ("charges", 1), ("written_up", 1),
            ("collected_net", -1), ("written_off", -1), ("discount", -1), ("recalled", -1), ("cancelled", -1),
            ("moved_out", -1), ("balance_closing", -1),
        ];
        let mut asked = query("placed", GRAINS[grain], "2026-01-30", "2026-03-03", by);
        asked.kpis = parts.iter().map(|(id, _)| (*id).to_owned()).collect();
        let mut left: BTreeMap<String, Exact> = BTreeMap::new();
        let answer = ask(&facts, &asked);
        for row in &answer.rows {
            let Some(value) = row.numerator else { continue };
            let sign = parts.iter().find(|(id, _)| *id == &*row.kpi).unwrap().1;
            let key = format!("{} {:?} {:?}", row.start, row.group, row.currency);
            let sum = left.entry(key).or_insert(Exact::ZERO);
            *sum = sum.add(value.multiply(Exact::whole(sign)).unwrap()).unwrap();
        }
        prop_assert!(left.values().all(|rest| rest.is_zero()), "{left:?}");
    }

    #[test]
    fn parts_add_to_the_total(facts in facts(), grain in 0_usize..5) {
        for (kpi, by) in [
            ("payments", Dimension::Agent), ("payments", Dimension::Channel), ("balance_closing", Dimension::Client),
            ("calls_outbound", Dimension::Team), ("overdue_accounts", Dimension::Agent), ("dso_due", Dimension::Channel),
        ] {
            let total = |group_by: &[Dimension]| {
                let mut sums: BTreeMap<(NaiveDate, String), Exact> = BTreeMap::new();
                for row in ask(&facts, &query(kpi, GRAINS[grain], "2026-01-31", "2026-03-02", group_by)).rows {
                    let currency = row.currency.map_or(String::new(), |currency| currency.to_string());
                    let sum = sums.entry((row.start, currency)).or_insert(Exact::ZERO);
                    *sum = sum.add(row.numerator.unwrap_or(Exact::ZERO)).unwrap();
                }
                sums.retain(|_, sum| !sum.is_zero());
                sums
            };
            prop_assert_eq!(total(&[by]), total(&[]), "{} by {}", kpi, by);
        }
    }

    #[test]
    fn coarse_periods_are_the_sums_of_days(facts in facts(), grain in 1_usize..5) {
        let asked = |grain| query("payments", grain, "2026-01-01", "2026-04-01", &[]);
        let fine = ask(&facts, &asked(Grain::Day));
        for row in ask(&facts, &asked(GRAINS[grain])).rows.iter().filter(|row| row.currency.is_some()) {
            let inside = |one: &&Row| one.currency == row.currency && row.start <= one.start && one.end <= row.end;
            let sum = fine.rows.iter().filter(inside).try_fold(Exact::ZERO, |sum, one| sum.add(one.numerator?));
            prop_assert_eq!(row.numerator, sum);
        }
    }

    #[test]
    fn proportions_are_what_a_recount_gives(facts in facts()) {
        // Counts below zero come of facts taken back that were never there; a proportion needs none of them.
        let facts: Vec<Fact> = facts.into_iter().map(|fact| Fact { count: 1, sign: 1, ..fact }).collect();
        let counted = |row: &Row, keep: &dyn Fn(&Fact) -> bool| {
            Some(Exact::whole(sum(&facts, days(row), keep, |fact| i128::from(fact.count))))
        };
        for row in ask(&facts, &query("rpc_rate", Grain::Month, "2026-01-01", "2026-04-01", &[])).rows {
            let has = |fact: &Fact, bits: u16| fact.kind == FactKind::Contact && fact.flags & bits == bits;
            prop_assert_eq!(row.numerator, counted(&row, &|fact| has(fact, flag::ATTEMPT | flag::RIGHT_PARTY)));
            prop_assert_eq!(row.denominator, counted(&row, &|fact| has(fact, flag::ATTEMPT)));
            if let Some((low, high)) = row.interval {
                let value = row.value.unwrap().approximate();
                prop_assert!(0.0 <= low && low <= value + 1e-9 && value - 1e-9 <= high && high <= 100.0);
            }
            prop_assert_eq!(row.interval.is_some(), row.value.is_some());
        }
        for row in ask(&facts, &query("ptp_rate_inbound", Grain::Month, "2026-01-01", "2026-04-01", &[])).rows {
            let call = |fact: &Fact, kind| {
                fact.kind == kind
                    && fact.dims.channel == Some(Channel::Call)
                    && fact.dims.direction == Some(Direction::Inbound)
            };
            prop_assert_eq!(row.numerator, counted(&row, &|fact| call(fact, FactKind::ContactWithPromise)));
            prop_assert_eq!(row.denominator, counted(&row, &|fact| call(fact, FactKind::Contact)));
        }
    }

    #[test]
    fn distinct_agents_are_a_set(facts in facts(), grain in 0_usize..5) {
        let facts: Vec<Fact> = facts.into_iter().map(|fact| Fact { kind: FactKind::AgentActive, count: 1, ..fact }).collect();
        for row in ask(&facts, &query("active_agents", GRAINS[grain], "2026-01-20", "2026-03-10", &[])).rows {
            let mut per_agent: BTreeMap<&str, i64> = BTreeMap::new();
            for fact in facts.iter().filter(|fact| days(&row).contains(&fact.day)) {
                if let Some(agent) = fact.dims.agent.as_deref() {
                    *per_agent.entry(agent).or_default() += i64::from(fact.sign);
                }
            }
            let agents = per_agent.values().filter(|count| **count > 0).count();
            prop_assert_eq!(row.value, Some(Exact::whole(agents as i128)));
        }
    }

    #[test]
    fn filters_keep_what_groups_show(facts in facts()) {
        let by_channel = ask(&facts, &query("payments", Grain::Month, "2026-01-01", "2026-04-01", &[Dimension::Channel]));
        let channels: BTreeSet<_> = by_channel.rows.iter().map(|row| row.group[0].clone()).collect();
        for channel in channels {
            let mut asked = query("payments", Grain::Month, "2026-01-01", "2026-04-01", &[Dimension::Channel]);
            asked.filters = vec![(Dimension::Channel, vec![channel.as_deref().unwrap_or("").to_owned()])];
            let expected: Vec<&Row> = by_channel.rows.iter().filter(|row| row.group[0] == channel).collect();
            let got = ask(&facts, &asked);
            prop_assert_eq!(got.rows.iter().collect::<Vec<_>>(), expected);
        }
    }
}

#[test]
fn a_day_of_25_hours_is_one_day() {
    let zone: Tz = "Europe/Zurich".parse().unwrap();
    let first = Timestamp::start_of("2026-10-25".parse().unwrap(), zone);
    let facts: Vec<Fact> = (0..25)
        .map(|hour| first.plus(hour * 3_600_000_000).date(zone))
        .map(|date| fact(FactKind::Payment, &date.to_string(), 100))
        .collect();
    let answer = ask(&facts, &query("payments", Grain::Day, "2026-10-24", "2026-10-27", &[]));
    let values: Vec<_> = answer.rows.iter().map(|row| row.value_text().unwrap()).collect();
    assert_eq!(values, ["0.00", "25.00", "0.00"]);
    assert_eq!(first.plus(25 * 3_600_000_000).date(zone), date_of_day(day("2026-10-26")));
}

#[test]
fn changes_beside_stored_cells_count_once() {
    let (stored, late) = ([fact(FactKind::Payment, "2026-01-31", 100)], [fact(FactKind::Payment, "2026-01-02", 11)]);
    let delta = |facts: &[Fact]| {
        let mut delta = Delta::new();
        facts.iter().for_each(|fact| delta.add(shipped(), fact));
        delta.blocks()
    };
    let (stored, late) = (delta(&stored), delta(&late));
    let plan = shipped().plan(&query("payments", Grain::Month, "2026-01-01", "2026-02-01", &[])).unwrap();
    // Blocks that the plan did not ask for (days beside months) are there too, and are passed over.
    let answer = plan.answer(stored.iter().chain(&late).map(|(key, block)| (*key, block))).unwrap();
    assert_eq!(answer.rows[0].value_text().as_deref(), Some("1.11"));
}

proptest! {
    #[test]
    fn ends_of_intervals_are_written_as_the_standard_library_does(
        value in prop_oneof![-10.0..1_000.0_f64, (0_u32..200_000).prop_map(|eighths| f64::from(eighths) / 8.0), any::<f64>()],
        decimals in 0_u32..12,
    ) {
        let mut text = String::from("x");
        write_approximate(value, decimals, &mut text);
        prop_assert_eq!(text, format!("x{value:.*}", decimals as usize));
    }
}
