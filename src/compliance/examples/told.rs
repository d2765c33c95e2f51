//! Whatever change an example must notice, the comparison of two sets of packs tells too.

use super::{mutate, mutate_conduct};
use crate::rules::diff::compare;
use crate::rules::tests::shipped;

#[test]
fn every_change_that_an_example_notices_is_told() {
    let packs = shipped();
    let (mut changes, mut silent) = (0, Vec::new());
    let mut told = |id: &str, name: &str, changed: &crate::rules::Packs| {
        changes += 1;
        let found = compare(&packs, changed);
        if !found.iter().any(|change| change.id == id && change.sentence.contains(id)) {
            silent.push(format!("{id}: {name}"));
        }
    };
    for pack in packs.iter() {
        for rule in &pack.rules {
            for (name, changed) in mutate::changes(rule).into_iter().chain(mutate_conduct::changes(rule)) {
                told(rule.id.as_str(), &name, &packs.with_rule(rule.id.as_str(), |_| changed.clone()));
            }
        }
        for (clause, name, scope) in mutate_conduct::scopes(pack) {
            told(&clause.id, &name, &packs.with_scope(pack.id.as_str(), scope));
        }
    }
    for table in packs.rates().values() {
        for (name, _, changed) in mutate::values(table) {
            told(&table.id, &name, &packs.with_rates(&changed));
        }
    }
    assert!(changes > 3_000, "only {changes} changes were tried");
    assert!(silent.is_empty(), "not told: {silent:#?}");
    assert!(compare(&packs, &packs.clone()).is_empty());
}
