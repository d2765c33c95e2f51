//! What a case's rules hold of its money against the ledger's books, over random histories.

mod arena;
mod finding_facts;
mod tiers;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use crate::compliance::owed::Owed;
use crate::compliance::tests::bench::{act, at, euros, fold, market, rules, version};
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::facts::Facts;
use crate::domain::vocabulary::Component;
use crate::ledger::{self, CaseLedger};

const DAYS: i64 = 900;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// What is owed by component follows the ledger's books through payments, allocations and what takes them back; and
    /// a payment breaks an order exactly if something goes to a later component while an earlier one stays open.
    #[test]
    fn payments_against_the_ledger(acts in prop::collection::vec((0..9_u8, 1..600_i64, 0..4_usize, 0..30_usize), 1..40), turn in 0..6_usize) {
        let version = version(json!({ "claims": [{ "id": "c1", "principal": 1_000, "due_original": "2025-12-01" }, { "id": "c2", "principal": 500, "due_original": "2025-11-01" }] }));
        let history = paid(&acts);
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let order: Vec<Component> = orders[turn].iter().map(|at| Component::ALL[*at]).collect();
        let names: Vec<String> = order.iter().map(|one| format!("\"{one}\"")).collect();
        let law = rules("", &format!("[rule.payment_application]\norder = [{}]", names.join(", ")), "", "");
        let (market, mut facts) = (market(), Facts::default());
        let mut books = CaseLedger::open(&market, &version, &mut facts);
        let mut owed = Owed::new(&version);
        let mut wrong = Vec::new();
        for activity in &history {
            let before = books.balance();
            let open = BTreeMap::from([(Component::Cost, before.cost), (Component::Interest, before.interest), (Component::Principal, before.principal)]);
            if let Detail::Payment(payment) = &activity.detail
                && !payment.allocation.is_empty()
            {
                let mut left = i128::from(payment.amount.minor);
                let mut put: BTreeMap<Component, i128> = payment.allocation.iter().map(|(one, part)| (*one, i128::from(*part))).collect();
                left -= put.values().sum::<i128>();
                for component in market.payment_order {
                    let slot = put.entry(component).or_insert(0);
                    let part = (open[&component] - *slot).clamp(0, left);
                    *slot += part;
                    left -= part;
                }
                let bad = order.iter().enumerate().any(|(at, later)| {
                    put[later] > 0 && order[..at].iter().any(|earlier| put[earlier] < open[earlier])
                });
                if bad {
                    wrong.push(activity.id.to_string());
                }
            }
            let context = ledger::Context { market: &market, version: &version, lead: true };
            books.apply(&context, activity, &mut facts);
            owed.remember(activity, market.payment_order);
            let after = books.balance();
            let own = [Component::Cost, Component::Interest, Component::Principal].map(|one| i128::from(owed.open(one)));
            prop_assert_eq!(own, [after.cost, after.interest, after.principal]);
        }
        wrong.sort();
        prop_assert_eq!(fold(&law, &version, &history, &[], DAYS).1, wrong);
    }
}

/// A history of money: what, how much, which component, what it takes back.
fn paid(acts: &[(u8, i64, usize, usize)]) -> Vec<Activity> {
    let mut out: Vec<Activity> = Vec::new();
    for (number, (what, amount, component, target)) in acts.iter().enumerate() {
        let name = Component::ALL.get(*component).map(|one| one.as_str());
        let detail = match what {
            0 => json!({ "kind": "charge", "step": "demand", "amount": euros(*amount) }),
            1 => json!({ "kind": "interest", "amount": euros(*amount) }),
            2 => json!({ "kind": "adjustment", "adjustment": "write_off", "amount": euros(*amount) }),
            3 | 4 if !out.is_empty() => {
                let id = out[target % out.len()].id.to_string();
                json!({ "kind": "reversal", "reverses": id, "amount": euros(*amount), "reason": "reversal" })
            }
            5 => json!({ "kind": "payment", "amount": euros(*amount), "claim": "c1" }),
            _ => match name {
                Some(name) => {
                    json!({ "kind": "payment", "amount": euros(*amount), "allocation": { name: amount / 2 } })
                }
                None => json!({ "kind": "payment", "amount": euros(*amount) }),
            },
        };
        out.push(act(&format!("a{number:02}"), at(i64::try_from(number).unwrap(), 0), detail));
    }
    out
}
