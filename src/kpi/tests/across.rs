//! Figures over several markets: percentiles of all values together, and groups ranked over all markets.

use proptest::prelude::*;

use super::figures::query;
use super::{facts, shipped};
use crate::domain::fact::{Fact, FactKind, flag};
use crate::domain::vocabulary::{Channel, Direction};
use crate::kpi::across::{Part, across};
use crate::kpi::{Block, BlockKey, Delta, Dimension, Grain, Query, RowOrder, Shape};

fn blocks(facts: &[Fact]) -> Vec<(BlockKey, Block)> {
    let mut delta = Delta::new();
    facts.iter().for_each(|fact| delta.add(shipped(), fact));
    delta.blocks()
}

/// The facts as lengths of calls.
fn calls(facts: Vec<Fact>) -> Vec<Fact> {
    let call = |fact: Fact| {
        let (channel, direction) = (Some(Channel::Call), Some(Direction::Inbound));
        let dims = crate::domain::fact::Dims { channel, direction, ..crate::domain::fact::Dims::clone(&fact.dims) };
        Fact { kind: FactKind::Contact, count: 1, sign: 1, flags: flag::ATTEMPT, dims: dims.into(), ..fact }
    };
    facts.into_iter().map(call).collect()
}

/// Two markets answer together what one would that has the facts of both.
fn answers_as_one(asked: &Query, shape: &Shape, one: Vec<Fact>, other: Vec<Fact>) -> Result<(), TestCaseError> {
    let plan = shipped().plan_shaped(asked, shape).unwrap();
    let (here, there, all) = (blocks(&one), blocks(&other), blocks(&[one, other].concat()));
    let parts = [&here, &there]
        .map(|blocks| Part { plan: &plan, blocks: blocks.iter().map(|(key, block)| (*key, block)).collect() });
    let together = plan.answer(all.iter().map(|(key, block)| (*key, block))).unwrap();
    prop_assert_eq!(across(&parts, None).unwrap(), together);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn percentiles_are_those_of_all_markets_together(one in facts(), other in facts(), by in any::<bool>()) {
        let group_by: &[Dimension] = if by { &[Dimension::Team] } else { &[] };
        let asked = query("handle_time_p90", Grain::Month, "2026-01-01", "2026-04-01", group_by);
        let shape = Shape { totals: by, ..Shape::default() };
        answers_as_one(&asked, &shape, calls(one), calls(other))?;
    }

    #[test]
    fn groups_are_ranked_over_all_markets(
        one in facts(), other in facts(), top in prop::option::of(1..4_usize), order in 0..3_usize, totals in any::<bool>(),
        kpi in 0..3_usize
    ) {
        let kpi = ["calls_inbound", "handle_time_p90", "avg_handle_time"][kpi];
        let asked = query(kpi, Grain::Month, "2026-01-01", "2026-04-01", &[Dimension::Team]);
        let order = Some(RowOrder::ALL[order]);
        let shape = Shape { totals, top, order, ..Shape::default() };
        answers_as_one(&asked, &shape, calls(one), calls(other))?;
    }
}
