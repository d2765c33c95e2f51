//! Histories read as stretches of cases, as simulations and fillings read them: the same as case by case.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairdue::domain::activity::Activity;
use fairdue::domain::detail::Detail;
use fairdue::domain::ids::{ActivityId, CaseId, MarketId, TenantId};
use fairdue::domain::time::{DAY, Timestamp};
use fairdue::store::{
    ActivityRow, CaseFilter, CaseHistory, CaseUpsertRow, Store, StoreOptions, TenantScope, activity_record,
    version_record,
};

use crate::support::builders::{activity, call, payment, version};
use crate::support::database::{Backend, on_both_databases};

/// Enough that PostgreSQL is told to read by page.
const CASES: usize = 1_100;

fn market() -> MarketId {
    MarketId::trusted("it")
}

fn at(day: i64) -> Timestamp {
    Timestamp(1_700_000_000_000_000).plus(day * DAY)
}

/// Names as clients make them: some hold what a text of SQL would end at, or sort in another way than their bytes.
fn name(number: usize) -> String {
    match number % 11 {
        3 => format!("o'neil-{number:05}"),
        5 => format!("back\\slash-{number:05}"),
        7 => format!("ümlaut {number:05}"),
        _ => format!("case-{number:05}"),
    }
}

/// Stores cases of one and two versions, in two commits, and activities in an order that is not the cases': some late, some of
/// two cases, some voided, some of kinds that are read in the long way.
async fn fill(scope: &TenantScope) {
    let cases: Vec<String> = (0..CASES).map(name).collect();
    let first: Vec<_> = cases.iter().map(|case| version(case, "1", at(0))).collect();
    let second: Vec<_> = cases.iter().step_by(3).map(|case| version(case, "2", at(9))).collect();
    let activities = |from: usize| -> Vec<Activity> {
        let of = |(place, case): (usize, &String)| {
            let mut call = call(&format!("call-{from}-{place}"), case, at(20 - (place as i64 + from as i64) % 20));
            if place % 13 == 0 {
                call.cases.extend(cases.get(place + 700).map(|other| CaseId::trusted(other)));
            }
            let paid = activity(&format!("paid-{from}-{place}"), case, at(30), Detail::Payment(payment(100)));
            if place % 4 == from { vec![call, paid] } else { vec![call] }
        };
        cases.iter().enumerate().skip(from).step_by(2).flat_map(of).collect()
    };
    for (revision, versions, activities) in [(1, first, activities(0)), (2, second, activities(1))] {
        let write = scope.begin(&market()).await.expect("begin a write");
        let mut head = write.head.clone();
        head.revision = revision;
        let rows = versions.iter().map(|version| CaseUpsertRow { version, record: version_record(version) });
        write.insert_versions(revision, at(900), rows.collect()).await.expect("insert versions");
        let rows = activities.iter().map(|activity| ActivityRow {
            activity,
            record: activity_record(activity),
            doubtful: false,
        });
        write.insert_activities(revision, at(900), rows.collect()).await.expect("insert activities");
        let voids: Vec<_> = (0..CASES)
            .step_by(17)
            .map(|place| (ActivityId::trusted(&format!("call-0-{place}")), ActivityId::trusted("v"), false))
            .collect();
        if revision == 2 {
            write.insert_voids(revision, &voids).await.expect("insert voids");
        }
        write.commit(&head).await.expect("commit");
    }
}

/// All that a history tells, in an order of its own.
fn told(history: CaseHistory) -> (Vec<String>, Vec<String>) {
    let mut versions: Vec<_> = history.versions.iter().map(|version| format!("{version:?}")).collect();
    let mut activities: Vec<_> = history.activities.iter().map(|one| format!("{one:?}")).collect();
    versions.sort();
    activities.sort();
    (versions, activities)
}

on_both_databases!(
    async fn stretches_hold_the_histories_of_their_cases(database: Database) {
        let scope = Store::open(&database.url, &StoreOptions::default()).await.expect("open");
        let scope = scope.scope(&TenantId::trusted("o'brien"));
        fill(&scope).await;
        let all = scope.list_cases(&market(), &CaseFilter::default(), "", 5_000).await.expect("list");
        assert_eq!(all.len(), CASES);
        let found = scope.case_histories(&market(), &all).await.expect("read");
        let expected: BTreeMap<_, _> = found.into_iter().map(|(case, history)| (case, told(history))).collect();
        let activities: usize = expected.values().map(|(_, activities)| activities.len()).sum();
        assert!(activities > CASES && expected.values().any(|(_, all)| all.iter().any(|one| one.contains("Some(2)"))));
        let voids = Arc::new(scope.voids(&market(), 1_000).await.expect("read").expect("not too many"));
        // The whole, a stretch of plain names, stretches that end with others, and one that lacks a case in its midst.
        let plain = all.iter().position(|case| case.as_str() == "case-00100").expect("a case");
        let quoted = all.iter().position(|case| case.as_str().starts_with("o'neil")).expect("a case");
        let mut lacking: Vec<CaseId> = all[plain..plain + 60].to_vec();
        lacking.remove(30);
        let others = [all[plain..plain + 200].to_vec(), all[quoted - 50..=quoted].to_vec(), lacking, Vec::new()];
        for cases in std::iter::once(all.clone()).chain(others) {
            let stored = scope.stored_histories(&market(), cases.clone(), Arc::clone(&voids)).await.expect("read");
            assert_eq!(stored.cases(), cases);
            let mut read = BTreeMap::new();
            for part in (0..cases.len()).step_by(70) {
                let histories = stored.read(part..cases.len().min(part + 70)).expect("rows that can be read");
                read.extend(histories.into_iter().map(|(case, history)| (case, told(history))));
            }
            let wanted = expected.iter().filter(|(case, _)| cases.contains(case));
            let wanted: BTreeMap<_, _> = wanted.map(|(case, told)| (case.clone(), told.clone())).collect();
            assert!(read == wanted, "stretches of {} cases differ", cases.len());
        }
        // Where a tenant's and a case's names hold nothing that matters, PostgreSQL copies the rows out.
        if database.backend == Backend::Postgres {
            let store = Store::open(&database.url, &StoreOptions::default()).await.expect("open");
            let scope = store.scope(&TenantId::trusted("plain"));
            fill(&scope).await;
            let voids = Arc::new(scope.voids(&market(), 1_000).await.expect("read").expect("not too many"));
            let cases = all.iter().filter(|case| case.as_str().starts_with("case-")).cloned().collect::<Vec<_>>();
            let stored = scope.stored_histories(&market(), cases.clone(), voids).await.expect("read");
            let histories = stored.read(0..cases.len()).expect("rows that can be read");
            assert_eq!(histories.len(), cases.len());
            assert!(histories.into_iter().all(|(case, history)| expected.get(&case) == Some(&told(history))));
        }
    }
);
