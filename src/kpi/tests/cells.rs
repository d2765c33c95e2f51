//! Cells are sums: no order, no batching and no round trip changes them, and what is taken back leaves nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{any_fact, day, fact, facts, shipped};
use crate::domain::fact::{Fact, FactKind};
use crate::kpi::since::month_of;
use crate::kpi::{Block, BlockKey, Catalogue, Cell, CellGrain, Delta};

fn delta(catalogue: &Catalogue, facts: &[Fact]) -> Delta {
    let mut delta = Delta::new();
    for fact in facts {
        delta.add(catalogue, fact);
    }
    delta
}

fn total(block: &Block) -> Cell {
    let mut total = Cell::default();
    for (_, cell) in block.rows() {
        total.add(cell);
    }
    total
}

#[test]
fn a_payment_makes_a_day_and_a_month_block_for_each_set() {
    let catalogue = shipped();
    let delta = delta(catalogue, &[fact(FactKind::Payment, "2026-03-31", 1250)]);
    let payments = catalogue.measures.iter().find(|measure| measure.id == "payments").unwrap();
    let blocks = delta.blocks();
    for (_, series) in &payments.sets {
        for (grain, period) in [(CellGrain::Day, day("2026-03-31")), (CellGrain::Month, day("2026-03-01"))] {
            let key = BlockKey { series: *series, grain, period };
            let (_, block) = blocks.iter().find(|(found, _)| *found == key).unwrap();
            assert_eq!(total(block), Cell { sum: 1250, facts: 1 });
        }
    }
}

#[test]
fn a_series_keeps_its_number_until_its_meaning_changes() {
    let text = super::shipped_files(".toml").into_iter().find(|file| file.path == "measures_money.toml").unwrap();
    let series = |text: &crate::domain::diagnostic::SourceFile| {
        let catalogue = Catalogue::compile(std::slice::from_ref(text)).unwrap();
        catalogue.measures.iter().find(|m| m.id == "charges_collector").unwrap().sets.clone()
    };
    let before = series(&text);
    let mut retitled = text.clone();
    retitled.text = retitled.text.replace("Charges for the collector", "Own charges");
    assert_eq!(series(&retitled), before);
    let mut changed = text.clone();
    changed.text = changed.text.replace("state = [\"collector\"]", "state = [\"creditor\"]");
    assert!(series(&changed).iter().zip(&before).all(|(new, old)| new.1 != old.1));
}

#[test]
fn damaged_bytes_are_refused() {
    let catalogue = shipped();
    let delta = delta(catalogue, &[fact(FactKind::Payment, "2026-03-31", 1250)]);
    let bytes = delta.encode();
    for end in 0..bytes.len() {
        assert!(Delta::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Delta::decode(&longer).is_err());
    let mut other = bytes;
    other[0] = 9;
    assert_eq!(Delta::decode(&other).err().map(|error| error.to_string().contains("version 9")), Some(true));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_batches_change_nothing(facts in facts(), cut in 0_usize..60, shuffle in any::<u64>()) {
        let catalogue = shipped();
        let whole = delta(catalogue, &facts);
        let (first, second) = facts.split_at(cut.min(facts.len()));
        let mut ab = delta(catalogue, first);
        ab.merge(&delta(catalogue, second));
        let mut ba = delta(catalogue, second);
        ba.merge(&delta(catalogue, first));
        prop_assert!(ab == whole && ba == whole);
        prop_assert_eq!(ab.encode(), whole.encode());
        let mut turned = facts.clone();
        turned.rotate_left((shuffle % (facts.len() as u64 + 1)) as usize % facts.len().max(1));
        turned.reverse();
        prop_assert_eq!(delta(catalogue, &turned).encode(), whole.encode());
    }

    #[test]
    fn what_is_taken_back_leaves_nothing(facts in facts(), kept in any_fact()) {
        let catalogue = shipped();
        let mut all = delta(catalogue, &facts);
        let negative: Vec<Fact> = facts.iter().map(|fact| Fact { sign: -fact.sign, ..fact.clone() }).collect();
        all.add(catalogue, &kept);
        all.merge(&delta(catalogue, &negative));
        prop_assert!(all == delta(catalogue, std::slice::from_ref(&kept)));
        prop_assert_eq!(all.encode(), delta(catalogue, std::slice::from_ref(&kept)).encode());
        all.merge(&delta(catalogue, std::slice::from_ref(&kept)).negated());
        prop_assert!(all.is_empty());
        prop_assert_eq!(all.encode(), Delta::new().encode());
        prop_assert!(all.blocks().is_empty());
    }

    #[test]
    fn stored_forms_come_back_as_they_were(facts in facts()) {
        let catalogue = shipped();
        let delta = delta(catalogue, &facts);
        let read = Delta::decode(&delta.encode()).unwrap();
        prop_assert!(read == delta);
        prop_assert_eq!(read.encode(), delta.encode());
        for (_, block) in delta.blocks() {
            prop_assert_eq!(&Block::decode(&block.encode()).unwrap(), &block);
        }
    }

    #[test]
    fn blocks_merge_like_deltas(a in facts(), b in facts(), c in facts()) {
        let catalogue = shipped();
        let blocks = |facts: &[Fact]| delta(catalogue, facts).blocks().into_iter().collect::<BTreeMap<_, _>>();
        let add = |mut to: BTreeMap<BlockKey, Block>, from: BTreeMap<BlockKey, Block>| {
            for (key, block) in from {
                to.entry(key).or_insert_with(|| Block::empty(block.width())).merge(&block).unwrap();
            }
            to.retain(|_, block| !block.is_empty());
            to
        };
        let left = add(add(blocks(&a), blocks(&b)), blocks(&c));
        let right = add(blocks(&c), add(blocks(&b), blocks(&a)));
        let whole = blocks(&[a.clone(), b.clone(), c.clone()].concat());
        prop_assert_eq!(&left, &whole);
        prop_assert_eq!(&right, &whole);
    }

    #[test]
    fn a_month_is_the_sum_of_its_days(facts in facts()) {
        let catalogue = shipped();
        let mut months: BTreeMap<(u32, i32), Block> = BTreeMap::new();
        let mut days: BTreeMap<(u32, i32), Block> = BTreeMap::new();
        // Of accounts, months keep less than days do: what they tell is the test of counts of accounts.
        let counted = catalogue.measures.iter().filter(|one| one.counts_accounts());
        let counted: Vec<u32> = counted.flat_map(|one| one.sets.iter().map(|(_, series)| *series)).collect();
        for (key, block) in delta(catalogue, &facts).blocks() {
            if counted.contains(&key.series) {
                continue;
            }
            let to = if key.grain == CellGrain::Month { &mut months } else { &mut days };
            let period = month_of(key.period);
            to.entry((key.series, period)).or_insert_with(|| Block::empty(block.width())).merge(&block).unwrap();
        }
        days.retain(|_, block| !block.is_empty());
        prop_assert_eq!(months, days);
    }

    #[test]
    fn damage_gives_an_error_or_another_delta_but_no_panic(facts in facts(), at in any::<usize>(), bit in 0_u8..8) {
        let catalogue = shipped();
        let delta = delta(catalogue, &facts);
        let mut bytes = delta.encode();
        let place = at % bytes.len();
        bytes[place] ^= 1 << bit;
        if let Ok(other) = Delta::decode(&bytes) {
            let _ = other.blocks();
            let mut merged = delta.clone();
            merged.merge(&other);
        }
        for (_, block) in delta.blocks().iter().take(5) {
            let mut bytes = block.encode();
            let place = at % bytes.len();
            bytes[place] ^= 1 << bit;
            if let Ok(other) = Block::decode(&bytes) {
                let _ = block.clone().merge(&other);
                let _ = other.tuples().count();
            }
        }
    }

    #[test]
    fn random_bytes_do_not_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Delta::decode(&bytes), Block::decode(&bytes));
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        let _ = (Delta::decode(&bytes), Block::decode(&bytes));
    }
}
