//! Accounts counted once in a period, against sets of accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::figures::{ask, query};
use super::{day, shipped};
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::money::Currency;
use crate::domain::time::day_number;
use crate::kpi::{Delta, Dimension, Exact, Frame, Grain, Shape};

const CLIENTS: [&str; 2] = ["bank", "shop"];

/// What is told of an account that was attempted on these days, with the client that it had then.
fn told(days: &BTreeMap<i32, usize>) -> Vec<Fact> {
    let mut last = None;
    let one = |(day, client): (&i32, &usize)| {
        let dims = Dims {
            client: Some(Arc::from(CLIENTS[*client])),
            state: Some(Arc::from("attempted")),
            currency: Currency::parse("EUR"),
            ..Dims::default()
        };
        let value = last.replace(*day).map(|last| i64::from(day - last));
        Fact { value, ..Fact::new(FactKind::AccountSeen, *day, Arc::new(dims)) }
    };
    days.iter().map(one).collect()
}

/// Accounts with the days on which they are attempted, and whether the first day is void.
fn accounts() -> impl Strategy<Value = Vec<(BTreeMap<i32, usize>, bool)>> {
    let days = prop::collection::btree_map(day("2025-12-20")..day("2026-04-10"), 0..CLIENTS.len(), 1..9);
    prop::collection::vec((days, any::<bool>()), 1..12)
}

/// The facts as they come: what is void is taken back with all that it made of later days, and those are told anew.
fn arrived(accounts: &[(BTreeMap<i32, usize>, bool)]) -> (Vec<Fact>, Vec<BTreeMap<i32, usize>>) {
    let (mut facts, mut left) = (Vec::new(), Vec::new());
    for (days, void) in accounts {
        let mut days = days.clone();
        facts.extend(told(&days));
        if *void {
            facts.extend(told(&days).into_iter().map(|fact| Fact { sign: -1, ..fact }));
            days.pop_first();
            facts.extend(told(&days));
        }
        left.push(days);
    }
    (facts, left)
}

/// By client, or in all: the accounts whose first attempt of the days was with it.
fn counted(accounts: &[BTreeMap<i32, usize>], days: std::ops::Range<i32>, client: Option<&str>) -> usize {
    let first = |account: &&BTreeMap<i32, usize>| {
        let first = account.range(days.clone()).next();
        first.is_some_and(|(_, of)| client.is_none_or(|client| CLIENTS[*of] == client))
    };
    accounts.iter().filter(first).count()
}

const GRAINS: [Grain; 6] = [Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year, Grain::Total];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accounts_are_a_set_in_every_period(accounts in accounts(), grain in 0..GRAINS.len(), start in 0_u64..40, by in any::<bool>()) {
        let (facts, accounts) = arrived(&accounts);
        let from = chrono::NaiveDate::from_ymd_opt(2025, 12, 25).unwrap() + chrono::Days::new(start);
        let group_by: &[Dimension] = if by { &[Dimension::Client] } else { &[] };
        let mut seen = BTreeSet::new();
        let asked = query("accounts_attempted", GRAINS[grain], &from.to_string(), "2026-04-03", group_by);
        for row in ask(&facts, &asked).rows {
            let days = day_number(row.start)..day_number(row.end);
            let client = row.group.first().and_then(|client| client.as_deref());
            let expected = counted(&accounts, days.clone(), client);
            prop_assert_eq!(row.value, Some(Exact::whole(expected as i128)), "{:?}", row);
            seen.insert((row.start, client.map(str::to_owned)));
        }
        // What has no row has no account.
        let whole = day_number(from)..day("2026-04-03");
        if by && GRAINS[grain] == Grain::Total {
            for client in CLIENTS {
                prop_assert!(seen.contains(&(from, Some(client.to_owned()))) || counted(&accounts, whole.clone(), Some(client)) == 0);
            }
        }
    }

    #[test]
    fn rolling_windows_count_each_account_once(accounts in accounts(), count in 1_u32..50) {
        let (facts, accounts) = arrived(&accounts);
        let mut delta = Delta::new();
        facts.iter().for_each(|fact| delta.add(shipped(), fact));
        let shape = Shape { frame: Frame::Rolling(count, Grain::Day), ..Shape::default() };
        let asked = query("accounts_attempted", Grain::Week, "2026-02-02", "2026-03-30", &[]);
        let plan = shipped().plan_shaped(&asked, &shape).unwrap();
        let blocks = delta.blocks();
        for row in plan.answer(blocks.iter().map(|(key, block)| (*key, block))).unwrap().rows {
            let expected = counted(&accounts, day_number(row.start)..day_number(row.end), None);
            prop_assert_eq!(row.value, Some(Exact::whole(expected as i128)), "{:?}", row);
        }
    }
}
