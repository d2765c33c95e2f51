//! Debtors counted once in a period, against sets of debtors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::figures::query;
use super::{day, shipped};
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::money::Currency;
use crate::domain::time::day_number;
use crate::kpi::{Block, BlockKey, Delta, Dimension, Exact, Frame, Grain, Row, RowKind, Shape};

const CLIENTS: [&str; 3] = ["bank", "shop", "telco"];

/// A promise of a debtor: day, debtor, client, kept, taken back; and in which of two changes it came.
type Told = (i32, u64, usize, bool, bool, bool);

fn told() -> impl Strategy<Value = Vec<Told>> {
    // Ids are spread over all numbers, above and below zero.
    let debtor = (0..6_u64).prop_map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let one = (day("2025-12-20")..day("2026-04-10"), debtor, 0..CLIENTS.len(), any::<bool>());
    prop::collection::vec(
        (one, prop::bool::weighted(0.3), any::<bool>()).prop_map(|((a, b, c, d), e, f)| (a, b, c, d, e, f)),
        0..40,
    )
}

fn fact((day, debtor, client, kept, ..): &Told) -> Fact {
    let dims = Dims {
        client: Some(Arc::from(CLIENTS[*client])),
        state: Some(Arc::from(if *kept { "kept" } else { "broken" })),
        currency: Currency::parse(if debtor % 2 == 0 { "EUR" } else { "USD" }),
        ..Dims::default()
    };
    Fact { value: Some(debtor.cast_signed()), ..Fact::new(FactKind::DebtorPromiseJudged, *day, Arc::new(dims)) }
}

/// Two changes of cells, each as blocks; what is taken back is so by the second.
fn blocks(told: &[Told]) -> Vec<(BlockKey, Block)> {
    let (mut one, mut two) = (Delta::new(), Delta::new());
    for of in told {
        let fact = fact(of);
        if of.5 { &mut one } else { &mut two }.add(shipped(), &fact);
        if of.4 {
            two.add(shipped(), &Fact { sign: -1, ..fact });
        }
    }
    one.blocks().into_iter().chain(two.blocks()).collect()
}

/// Debtors with a promise, or with a kept one, in some days at some clients.
fn counted(told: &[Told], days: &std::ops::Range<i32>, clients: &[&str], kept: bool) -> usize {
    let of = |one: &&Told| days.contains(&one.0) && clients.contains(&CLIENTS[one.2]) && !one.4 && (one.3 || !kept);
    told.iter().filter(of).map(|one| one.1).collect::<BTreeSet<_>>().len()
}

fn expected(told: &[Told], days: &std::ops::Range<i32>, clients: &[&str]) -> (Option<Exact>, Option<Exact>) {
    let [due, kept] = [false, true].map(|kept| counted(told, days, clients, kept) as i128);
    (Some(Exact::whole(kept)), Some(Exact::whole(due)))
}

const GRAINS: [Grain; 6] = [Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year, Grain::Total];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn debtors_are_a_set_in_every_period_and_group(
        told in told(), grain in 0..GRAINS.len(), start in 0_u64..40, by in any::<bool>(), filtered in any::<bool>(),
        top in prop::option::of(1_usize..3), frame in 0_usize..3,
    ) {
        let from = chrono::NaiveDate::from_ymd_opt(2025, 12, 25).unwrap() + chrono::Days::new(start);
        let group_by: &[Dimension] = if by { &[Dimension::Client] } else { &[] };
        let mut asked = query("ptp_kept_debtors", GRAINS[grain], &from.to_string(), "2026-04-03", group_by);
        let allowed: &[&str] = if filtered { &CLIENTS[..2] } else { &CLIENTS };
        if filtered {
            asked.filters = vec![(Dimension::Client, allowed.iter().map(|client| (*client).to_owned()).collect())];
        }
        let frame = [Frame::Period, Frame::Rolling(2, Grain::Week), Frame::ToDate(Grain::Month)][frame];
        let shape = Shape { frame, totals: by, top: top.filter(|_| by), ..Shape::default() };
        let plan = shipped().plan_shaped(&asked, &shape).unwrap();
        let blocks = blocks(&told);
        let rows = plan.answer(blocks.iter().map(|(key, block)| (*key, block))).unwrap().rows;
        let mut named: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        let group = |row: &Row| row.group.first().and_then(|client| client.as_deref().map(str::to_owned));
        for row in &rows {
            if let Some(client) = CLIENTS.iter().find(|client| row.kind != RowKind::Total && group(row).as_deref() == Some(**client)) {
                named.entry(row.start).or_default().push(client);
            }
        }
        let kept: BTreeSet<&str> = named.values().flatten().copied().collect();
        for row in &rows {
            let days = day_number(row.start)..day_number(row.end);
            let clients: Vec<&str> = match group(row) {
                Some(client) => CLIENTS.iter().copied().filter(|one| *one == client).collect(),
                // The rest is whoever is in no row of its own.
                None if by && row.kind != RowKind::Total => allowed.iter().copied().filter(|one| !kept.contains(one)).collect(),
                None => allowed.to_vec(),
            };
            let (numerator, denominator) = expected(&told, &days, &clients);
            prop_assert_eq!((row.numerator, row.denominator), (numerator, denominator), "{:?} of {:?}", row, told);
        }
        // What has no row has no debtor.
        if by && top.is_none() && grain == 5 && frame == Frame::Period {
            let days = day_number(from)..day("2026-04-03");
            for client in allowed.iter().filter(|client| !kept.contains(*client)) {
                prop_assert_eq!(counted(&told, &days, &[*client], false), 0);
            }
        }
    }
}
