//! What the store promises, on both databases: one lock a market, dense revisions, nothing twice, nothing lost.

use std::collections::BTreeSet;

use fairdue::domain::activity::Activity;
use fairdue::domain::circle::Circle;
use fairdue::domain::detail::Detail;
use fairdue::domain::ids::{ActivityId, CaseId, KeyId, MarketId, PersonId, TenantId};
use fairdue::domain::party::Party;
use fairdue::domain::principal::Role;
use fairdue::domain::time::Timestamp;
use fairdue::domain::vocabulary::PartyRole;
use fairdue::store::{
    ActivityFilter, ActivityRow, CaseFilter, CaseUpsertRow, CellRow, CheckRow, DueRow, KeyRow, MarketTx, Page,
    ReadCell, Store, StoreOptions, TenantScope, activity_record, version_record,
};

use crate::support::builders::{activity, call, payment, version};
use crate::support::database::{Backend, on_both_databases};

async fn open(url: &str) -> Store {
    Store::open(url, &StoreOptions::default()).await.expect("open the store")
}

fn tenant(name: &str) -> TenantId {
    TenantId::trusted(name)
}

fn market() -> MarketId {
    MarketId::trusted("it")
}

fn at(day: i64) -> Timestamp {
    Timestamp(1_700_000_000_000_000).plus(day * fairdue::domain::time::DAY)
}

async fn begin(scope: &TenantScope) -> MarketTx {
    scope.begin(&market()).await.expect("begin a write")
}

/// Stores activities in a commit of their own and returns the ids that were new.
async fn record(scope: &TenantScope, activities: &[Activity]) -> BTreeSet<String> {
    let write = begin(scope).await;
    let mut head = write.head.clone();
    head.revision += 1;
    let outcome = write.insert_activities(head.revision, at(900), rows(activities, |_| false)).await.expect("insert");
    write.commit(&head).await.expect("commit");
    let ids = activities.iter().map(|activity| activity.id.as_str().to_owned());
    ids.filter(|id| !outcome.existing.contains(id)).collect()
}

/// Rows of activities, those of some ids doubted.
fn rows(activities: &[Activity], doubts: fn(&str) -> bool) -> Vec<ActivityRow<'_>> {
    let row = |activity| ActivityRow { activity, record: activity_record(activity), doubtful: false };
    activities.iter().map(row).map(|row| ActivityRow { doubtful: doubts(row.activity.id.as_str()), ..row }).collect()
}

fn ids(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

on_both_databases!(
    async fn the_database_is_set_to_keep_what_it_acknowledges(database: Database) {
        let store = open(&database.url).await;
        let settings = store.durability().await.expect("read the settings");
        let expected: &[(&str, &str)] = match database.backend {
            Backend::Sqlite => &[("journal_mode", "wal"), ("synchronous", "2")],
            // The cluster of the tests runs without fsync; what counts is that the store asks the server, not a constant.
            Backend::Postgres => &[("fsync", "off"), ("synchronous_commit", "off")],
        };
        let expected: Vec<(String, String)> = expected.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert_eq!(settings, expected);
    }
);

on_both_databases!(
    async fn an_id_is_stored_once_whatever_batches_it_comes_in(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let batch = [call("one", "c", at(0)), call("two", "c", at(1))];
        assert_eq!(record(&scope, &batch).await, ids(&["one", "two"]));
        let again = [call("two", "c", at(1)), call("three", "c", at(2)), call("one", "c", at(0))];
        assert_eq!(record(&scope, &again).await, ids(&["three"]));
        let stored = scope.list_activities(&market(), &ActivityFilter::default(), None, 10).await.expect("list");
        let revisions: Vec<(String, u64)> =
            stored.iter().map(|row| (row.activity.id.as_str().to_owned(), row.revision)).collect();
        assert_eq!(revisions, [("one".into(), 1), ("two".into(), 1), ("three".into(), 2)]);
    }
);

on_both_databases!(
    async fn what_is_read_back_is_what_was_stored(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let mut paid = activity("p", "c", at(3), Detail::Payment(payment(9_007_199_254_740_993)));
        paid.cases.push(CaseId::trusted("second"));
        paid.received = Some(at(4));
        record(&scope, std::slice::from_ref(&paid)).await;
        for id in ["c", "second"] {
            let filter = ActivityFilter { case: Some(CaseId::trusted(id)), ..ActivityFilter::default() };
            let rows = scope.list_activities(&market(), &filter, None, 10).await.expect("list");
            assert_eq!(rows.len(), 1, "under case {id}");
            assert_eq!(rows[0].activity, paid);
        }
        store.close().await;
        let again = open(&database.url).await.scope(&tenant("a"));
        let found = again.activity(&market(), &ActivityId::trusted("p")).await.expect("read").expect("stored");
        assert_eq!(found.activity, paid, "after closing and opening");
    }
);

on_both_databases!(
    async fn writers_of_one_market_queue_at_its_row(database: Database) {
        let store = open(&database.url).await;
        let writers = (0..8).map(|writer| {
            let scope = store.scope(&tenant("a"));
            tokio::spawn(async move {
                for round in 0..12 {
                    let name = format!("{writer}-{round}");
                    record(&scope, &[call(&name, "c", at(writer))]).await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("a writer failed");
        }
        let scope = store.scope(&tenant("a"));
        let head = scope.head(&market()).await.expect("read").expect("a market");
        assert_eq!(head.revision, 96, "each commit takes the next revision");
        let rows = scope.list_activities(&market(), &ActivityFilter::default(), None, 1_000).await.expect("list");
        let revisions: BTreeSet<u64> = rows.iter().map(|row| row.revision).collect();
        assert_eq!(revisions, (1..=96).collect::<BTreeSet<u64>>(), "revisions are dense and never shared");
    }
);

on_both_databases!(
    async fn a_write_that_is_given_up_leaves_nothing(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let lost = call("lost", "c", at(0));
        let write = begin(&scope).await;
        let lost = [lost];
        write.insert_activities(1, at(900), rows(&lost, |_| false)).await.expect("insert");
        write.rollback().await;
        let write = begin(&scope).await;
        assert_eq!(write.head.revision, 0);
        assert!(write.activities(vec!["lost".into()]).await.expect("read").is_empty());
        drop(write); // dropped without an end: as good as rolled back, and the lock is free again
        assert_eq!(record(&scope, &[call("kept", "c", at(0))]).await, ids(&["kept"]));
    }
);

on_both_databases!(
    async fn what_an_id_is_taken_for_changes_nothing_but_the_time_it_takes(database: Database) {
        let store = open(&database.url).await;
        let kept = [call("one", "c", at(0)), call("two", "c", at(1)), call("four", "d", at(5))];
        let mut other = call("one", "c", at(0));
        other.cases.clear();
        let again = [call("two", "c", at(1)), call("three", "c", at(2)), other];
        for (tenant_id, doubts) in [("a", (|_| false) as fn(&str) -> bool), ("b", |_| true), ("c", |id| id == "two")] {
            let scope = store.scope(&tenant(tenant_id));
            assert_eq!(record(&scope, &kept).await.len(), 3);
            let write = begin(&scope).await;
            let mut head = write.head.clone();
            head.revision += 1;
            let outcome = write.insert_activities(head.revision, at(901), rows(&again, doubts)).await.expect("insert");
            write.commit(&head).await.expect("commit");
            assert_eq!(BTreeSet::from_iter(outcome.existing), ids(&["one", "two"]), "{tenant_id}");
            let undoubted = database.backend == Backend::Postgres && tenant_id != "b";
            assert_eq!(outcome.surprising, undoubted, "{tenant_id}: nobody doubted \"one\"");
            let stored = scope.list_activities(&market(), &ActivityFilter::default(), None, 10).await.expect("list");
            let stored: BTreeSet<_> = stored
                .iter()
                .map(|row| (row.activity.id.to_string(), row.revision, row.activity.cases.len()))
                .collect();
            let expected = [("one", 1, 1), ("two", 1, 1), ("four", 1, 1), ("three", 2, 1)];
            let expected = expected.map(|(id, revision, cases)| (id.to_owned(), revision, cases));
            assert_eq!(stored, BTreeSet::from(expected), "{tenant_id}");
        }
    }
);

on_both_databases!(
    async fn activities_of_no_case_are_stored_beside_others(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let amount = fairdue::domain::money::Money::new(5, crate::support::builders::euro());
        let mut cost = activity("cost", "", at(1), Detail::OperatingCost { amount, category: None });
        cost.cases.clear();
        assert_eq!(record(&scope, &[call("call", "c", at(0)), cost.clone()]).await, ids(&["call", "cost"]));
        let found = scope.activity(&market(), &ActivityId::trusted("cost")).await.expect("read").expect("stored");
        assert_eq!(found.activity, cost);
    }
);

on_both_databases!(
    async fn tenants_with_the_same_ids_do_not_meet(database: Database) {
        let store = open(&database.url).await;
        let (a, b) = (store.scope(&tenant("a")), store.scope(&tenant("b")));
        assert_eq!(record(&a, &[call("same", "c", at(0))]).await, ids(&["same"]));
        assert_eq!(record(&b, &[call("same", "c", at(5))]).await, ids(&["same"]));
        let of_a = a.activity(&market(), &ActivityId::trusted("same")).await.expect("read").expect("stored");
        assert_eq!(of_a.activity.occurred, at(0));
        let none = store.scope(&tenant("c"));
        assert!(none.activity(&market(), &ActivityId::trusted("same")).await.expect("read").is_none());
        assert!(none.head(&market()).await.expect("read").is_none());
    }
);

on_both_databases!(
    async fn pages_of_any_size_give_each_row_once_in_order(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let many: Vec<_> = (0..57).map(|n| call(&format!("id-{:02}", (n * 31) % 57), "c", at(n % 5))).collect();
        record(&scope, &many).await;
        for size in [1, 7, 57, 100] {
            let filter = ActivityFilter { case: Some(CaseId::trusted("c")), ..ActivityFilter::default() };
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let rows = scope.list_activities(&market(), &filter, after.as_ref(), size).await.expect("list");
                let Some(last) = rows.last() else { break };
                after = Some(Page { key: last.activity.occurred.0, id: last.activity.id.as_str().to_owned() });
                seen.extend(rows.into_iter().map(|row| (row.activity.occurred, row.activity.id)));
            }
            let mut sorted = seen.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(seen.len(), 57, "pages of {size}");
            assert_eq!(seen, sorted, "pages of {size}");
        }
    }
);

on_both_databases!(
    async fn a_batch_beyond_every_bind_limit_goes_through(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let many: Vec<_> =
            (0..7_001).map(|n| call(&format!("{n:05}"), &format!("case-{}", n % 900), at(n % 30))).collect();
        assert_eq!(record(&scope, &many).await.len(), 7_001);
        let write = begin(&scope).await;
        let known = write.activities((0..7_001).map(|n| format!("{n:05}")).collect()).await.expect("read");
        assert_eq!(known.len(), 7_001);
    }
);

on_both_databases!(
    async fn cases_are_found_by_their_persons(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let party = r#"{"person": "p", "role": "primary", "household": "h"}"#;
        let party: Party = serde_json::from_str(party).expect("a party");
        assert_eq!(party.role, PartyRole::Primary);
        let mut first = version("x", "1", at(0));
        first.parties.push(party);
        let second = version("y", "1", at(0));
        let write = begin(&scope).await;
        let rows = [&first, &second].map(|version| CaseUpsertRow { version, record: version_record(version) });
        write.insert_versions(1, at(900), rows.into()).await.expect("insert");
        let wanted = [
            Circle::Person(PersonId::trusted("p")),
            Circle::Person(PersonId::trusted("h")),
            Circle::household("h"),
            Circle::household("p"),
        ];
        let found = write.cases_of(wanted.iter()).await.expect("read");
        let [person, _, household, _] = wanted.clone();
        assert_eq!(found, [(person, CaseId::trusted("x")), (household, CaseId::trusted("x"))]);
        let head = fairdue::store::MarketHead { revision: 1, ..write.head.clone() };
        write.commit(&head).await.expect("commit");
        let found = scope.cases_of(&market(), wanted.iter()).await.expect("read");
        assert_eq!(found, [CaseId::trusted("x")]);
        let all = scope.list_cases(&market(), &CaseFilter::default(), "", 10).await.expect("list");
        assert_eq!(all, [CaseId::trusted("x"), CaseId::trusted("y")]);
        let histories = scope.case_histories(&market(), &all).await.expect("read");
        assert_eq!(histories[&CaseId::trusted("x")].versions, [(1, first)]);
    }
);

on_both_databases!(
    async fn voids_wait_for_their_targets(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let write = begin(&scope).await;
        let pending = [(ActivityId::trusted("later"), ActivityId::trusted("void-1"), true)];
        write.insert_voids(1, &pending).await.expect("insert");
        let head = fairdue::store::MarketHead { revision: 1, ..write.head.clone() };
        write.commit(&head).await.expect("commit");
        record(&scope, &[call("later", "c", at(0)), call("other", "c", at(0))]).await;
        let write = begin(&scope).await;
        assert_eq!(write.pending_voids().await.expect("read").into_iter().collect::<BTreeSet<_>>(), ids(&["later"]));
        let voided = write.voided(vec!["later".into(), "other".into()]).await.expect("read");
        assert_eq!(voided.into_iter().collect::<BTreeSet<_>>(), ids(&["later"]));
        write.resolve_voids(vec!["later".into()]).await.expect("resolve");
        assert!(write.pending_voids().await.expect("read").is_empty());
        let rows = write.activities(vec!["later".into(), "other".into()]).await.expect("read");
        let mut voided: Vec<_> = rows.iter().map(|row| (row.activity.id.as_str(), row.voided.is_some())).collect();
        voided.sort_unstable();
        assert_eq!(voided, [("later", true), ("other", false)]);
    }
);

on_both_databases!(
    async fn cells_take_the_deltas_they_were_merged_from(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let cell = |period, body: &[u8]| CellRow { series: u32::MAX, grain: 0, period, body: body.to_vec() };
        for revision in 1..=3 {
            let write = begin(&scope).await;
            write.insert_delta(revision, vec![0, 255, revision as u8]).await.expect("insert");
            let head = fairdue::store::MarketHead { revision, ..write.head.clone() };
            write.commit(&head).await.expect("commit");
        }
        let write = begin(&scope).await;
        write.merge_cells(vec![cell(-4, b"old"), cell(7, b"\0x")], 2).await.expect("merge");
        let head = write.head.clone();
        write.commit(&head).await.expect("commit");
        let write = begin(&scope).await;
        write.merge_cells(vec![cell(7, b"new")], 2).await.expect("merge");
        write.commit(&head).await.expect("commit");
        let view = scope.cell_view(&market()).await.expect("open");
        let left = view.deltas(None).await.expect("read");
        assert_eq!(
            left.iter().map(|delta| (delta.revision, delta.body.clone())).collect::<Vec<_>>(),
            [(3, vec![0, 255, 3])]
        );
        assert!(view.deltas(Some(3)).await.expect("read").is_empty());
        let read = |period, body: Option<&[u8]>| ReadCell { period, body: body.map(<[u8]>::to_vec) };
        let cells = view.cells((u32::MAX, 0), (-10, 8), None).await.expect("read");
        assert_eq!(cells, [read(-4, Some(b"old")), read(7, Some(b"new"))]);
        let mark = view.head().await.expect("read").expect("a market").cells_mark;
        let since_first = view.cells((u32::MAX, 0), (-10, 8), Some(mark - 1)).await.expect("read");
        assert_eq!(since_first, [read(-4, None), read(7, Some(b"new"))]);
        let unchanged = view.cells((u32::MAX, 0), (-10, 8), Some(mark)).await.expect("read");
        assert_eq!(unchanged, [read(-4, None), read(7, None)]);
        assert!(view.cells((u32::MAX, 1), (-10, 8), None).await.expect("read").is_empty());
        view.close().await;
        let write = begin(&scope).await;
        assert_eq!(write.cells_at(&[(u32::MAX, 0, 7), (1, 0, 7)]).await.expect("read"), [cell(7, b"new")]);
        write.clear_cells().await.expect("clear");
        write.commit(&head).await.expect("commit");
        let (cleared, due) = scope.pulse(&market()).await.expect("read").expect("a market");
        assert_eq!((cleared.revision, cleared.cells_mark, due), (head.revision, mark + 1, None));
    }
);

on_both_databases!(
    async fn what_is_due_comes_earliest_first(database: Database) {
        let store = open(&database.url).await;
        let scope = store.scope(&tenant("a"));
        let due = |case: &str, day| DueRow { case: CaseId::trusted(case), due_at: at(day), advanced_to: at(0) };
        let write = begin(&scope).await;
        write.upsert_dues(1, vec![due("b", 5), due("a", 9), due("c", 2)]).await.expect("insert");
        write.upsert_dues(1, vec![due("c", 7)]).await.expect("change");
        let found = write.due_cases(at(7), 10).await.expect("read");
        assert_eq!(found, [CaseId::trusted("b"), CaseId::trusted("c")]);
        let head = write.head.clone();
        write.commit(&head).await.expect("commit");
        assert_eq!(scope.next_due(&market()).await.expect("read"), Some(at(5)));
    }
);

on_both_databases!(
    async fn keys_and_checks_are_kept(database: Database) {
        let store = open(&database.url).await;
        assert!(store.insert_tenant(&tenant("a"), at(0)).await.expect("insert"));
        assert!(!store.insert_tenant(&tenant("a"), at(1)).await.expect("insert again"));
        let key = KeyRow {
            tenant: tenant("a"),
            key: KeyId::trusted("k"),
            hash: vec![1, 2, 255],
            roles: vec![Role::Writer, Role::Checker],
            markets: vec![market()],
            created: at(0),
            label: Some("desk 3, O'Neil".to_owned()),
            revoked: None,
        };
        store.insert_key(&key).await.expect("insert");
        assert_eq!(store.keys(&tenant("a")).await.expect("list"), std::slice::from_ref(&key));
        assert_eq!(store.keys(&tenant("b")).await.expect("list"), []);
        assert_eq!(store.key(&tenant("a"), &KeyId::trusted("k")).await.expect("read"), Some(key));
        assert_eq!(store.key(&tenant("b"), &KeyId::trusted("k")).await.expect("read"), None);
        assert!(store.revoke_key(&tenant("a"), &KeyId::trusted("k"), at(3)).await.expect("revoke"));
        assert!(!store.revoke_key(&tenant("a"), &KeyId::trusted("k"), at(4)).await.expect("revoke again"));
        let scope = store.scope(&tenant("a"));
        let write = begin(&scope).await;
        write.insert_checks(1, at(2), vec![0, 9, 255]).await.expect("insert");
        let kept = CheckRow { revision: 1, recorded: at(2), body: vec![0, 9, 255] };
        assert_eq!(write.checks(0, 10).await.expect("read"), std::slice::from_ref(&kept));
        let head = write.head.clone();
        write.commit(&head).await.expect("commit");
        assert_eq!(scope.checks(&market(), 0, 10).await.expect("read"), [kept]);
    }
);
