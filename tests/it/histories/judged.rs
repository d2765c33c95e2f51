//! What simulations rest on: judging alone finds what the whole fold finds, and a set of some rules finds what the whole
//! set finds of them.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};

use fairdue::compliance::PersonLogs;
use fairdue::domain::activity::Activity;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::detail::Detail;
use fairdue::domain::facts::Kinds;
use fairdue::domain::finding::Finding;
use fairdue::domain::ids::RuleId;
use fairdue::domain::time::Timestamp;
use fairdue::ingest::derive::{Effects, Env};
use fairdue::ingest::fold::fold;
use fairdue::ingest::judge::judge;
use fairdue::rules::RuleSet;
use proptest::prelude::*;

use super::{deliver, generate, histories};

/// Findings that stand and tests that lack something, of the rules that are asked for.
fn said(effects: Effects, of: &dyn Fn(&RuleId) -> bool) -> (Vec<Finding>, BTreeMap<String, usize>) {
    let findings = effects.findings.into_values().filter(|finding| of(&finding.rule)).collect();
    let mut unknown = BTreeMap::new();
    for (rule, attribute, at) in effects.unknown.into_iter().filter(|(rule, ..)| of(rule)) {
        *unknown.entry(format!("{rule} {} {at}", attribute.as_str())).or_default() += 1;
    }
    (findings, unknown)
}

/// The version in force at an instant; the first holds from ever.
fn in_force<'v>(versions: impl Iterator<Item = &'v CaseVersion> + Clone, at: Timestamp) -> Option<&'v CaseVersion> {
    let begun = versions.clone().filter(|version| version.effective <= at).max_by_key(|version| version.order());
    begun.or_else(|| versions.min_by_key(|version| version.order()))
}

#[test]
fn judging_alone_says_what_the_whole_fold_says() {
    let (_directory, holder) = deliver::configuration();
    let snapshot = holder.get();
    let key = deliver::key();
    let market = snapshot.market(&key.tenant, &key.market).expect("the market");
    let rules = &snapshot.tenants[&key.tenant].rules;
    let ids: Vec<RuleId> = rules.ids().cloned().collect();
    let config = ProptestConfig { cases: histories(), failure_persistence: None, ..ProptestConfig::default() };
    let (found, of_some) = (Cell::new(0), Cell::new(0));
    proptest!(config, |(steps in generate::steps(60), seed in any::<u64>())| {
        let history = generate::materialise(&steps);
        let voided: HashSet<&str> = history.activities.iter().filter_map(|one| match &one.detail {
            Detail::Void { target, .. } => Some(target.as_str()),
            _ => None,
        }).collect();
        let counts = |one: &&Activity| !matches!(one.detail, Detail::Void { .. }) && !voided.contains(one.id.as_str());
        let activities: Vec<&Activity> = history.activities.iter().filter(counts).collect();
        let mut persons = PersonLogs::default();
        for activity in &activities {
            let lead = activity.cases.first();
            let versions = history.opening.iter().chain(&history.versions).filter(|one| Some(&one.case) == lead);
            if let Some(version) = in_force(versions, activity.occurred) {
                persons.note(activity, version);
            }
        }
        // A third of the rules, others with each history.
        let some: HashSet<RuleId> =
            ids.iter().enumerate().filter(|(place, _)| (seed >> (place % 59)) % 3 == 0).map(|(_, id)| id.clone()).collect();
        let fewer: RuleSet = rules.only(&some);
        let env = Env { market, rules, persons: &persons, kinds: Kinds::ALL };
        let small = Env { rules: &fewer, ..env };
        for case in 0..generate::CASES {
            let case = generate::case_id(case);
            let versions = || history.opening.iter().chain(&history.versions).filter(|one| one.case == case);
            let own = || activities.iter().copied().filter(|one| one.cases.contains(&case));
            let until = generate::long_after();
            let (_, whole) = fold(&env, versions(), own(), until).expect("a version");
            let versions: Vec<&CaseVersion> = versions().collect();
            let [alone, in_small] = judge([&env, &small], versions.iter().copied(), own(), until).expect("a version");
            let of_whole = Effects { findings: alone.findings.clone(), unknown: alone.unknown.clone(), ..Effects::default() };
            let all = |_: &RuleId| true;
            let told = said(alone, &all);
            found.set(found.get() + told.0.len());
            prop_assert_eq!(&told, &said(whole, &all));
            let told = said(in_small, &|rule| some.contains(rule));
            of_some.set(of_some.get() + told.0.len());
            prop_assert_eq!(told, said(of_whole, &|rule| some.contains(rule)));
        }
    });
    let (found, of_some) = (found.get(), of_some.get());
    assert!(found > of_some && of_some > 0, "{found} findings, {of_some} of some rules");
}
