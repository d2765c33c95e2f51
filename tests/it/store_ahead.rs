//! Writes to SQLite that are prepared before their lock: they see what they wrote, keep nobody waiting, and happen only if the
//! market stands where it stood.

use std::collections::BTreeSet;

use fairdue::domain::activity::Activity;
use fairdue::domain::circle::Circle;
use fairdue::domain::ids::{CaseId, MarketId, PersonId, TenantId};
use fairdue::domain::time::Timestamp;
use fairdue::store::{ActivityRow, MarketTx, Store, StoreError, StoreOptions, TenantScope, activity_record};

use crate::support::builders::call;
use crate::support::database::{Backend, Database};

fn market() -> MarketId {
    MarketId::trusted("it")
}

fn at(day: i64) -> Timestamp {
    Timestamp(1_700_000_000_000_000).plus(day * fairdue::domain::time::DAY)
}

async fn ahead(scope: &TenantScope) -> MarketTx {
    scope.begin_ahead(&market()).await.expect("begin")
}

/// Stores activities in a commit that nothing waits for.
async fn insert(write: &MarketTx, activities: &[Activity], doubtful: bool) -> BTreeSet<String> {
    let rows = activities.iter().map(|activity| ActivityRow { activity, record: activity_record(activity), doubtful });
    let outcome = write.insert_activities(write.head.revision + 1, at(900), rows.collect()).await.expect("insert");
    outcome.existing.into_iter().collect()
}

async fn commit(write: MarketTx) -> Result<(), StoreError> {
    let mut head = write.head.clone();
    head.revision += 1;
    write.commit(&head).await
}

async fn stored(scope: &TenantScope, ids: &[&str]) -> Vec<String> {
    let write = ahead(scope).await;
    let found = write.activities(ids.iter().map(|id| (*id).to_owned()).collect()).await.expect("read");
    write.rollback().await;
    found.into_iter().map(|row| row.activity.id.to_string()).collect()
}

/// A store with a market in which "one" is stored.
async fn with_one() -> (Database, TenantScope) {
    let database = Database::fresh(Backend::Sqlite).await;
    let store = Store::open(&database.url, &StoreOptions::default()).await.expect("open the store");
    let scope = store.scope(&TenantId::trusted("a"));
    let write = ahead(&scope).await;
    insert(&write, &[call("one", "c", at(0))], false).await;
    commit(write).await.expect("commit");
    (database, scope)
}

#[tokio::test]
async fn a_write_sees_what_it_wrote_and_others_do_not() {
    let (_database, scope) = with_one().await;
    let write = ahead(&scope).await;
    insert(&write, &[call("two", "c", at(1))], false).await;
    write.insert_persons(vec![("anna".into(), "c".into())]).await.expect("insert");
    let anna = Circle::Person(PersonId::trusted("anna"));
    let found = write.cases_of(std::iter::once(&anna)).await.expect("read");
    assert_eq!(found, [(anna.clone(), CaseId::trusted("c"))], "while it waits for the lock");
    assert_eq!(stored(&scope, &["one", "two"]).await, ["one"], "nothing is written yet");
    // What cannot be told from before takes the lock, with all that waited.
    let touched = write.cases_touched_since(write.head.revision).await.expect("read");
    assert_eq!(touched.len(), 1);
    assert_eq!(write.cases_of(std::iter::once(&anna)).await.expect("read").len(), 1, "under the lock");
    assert_eq!(stored(&scope, &["one", "two"]).await, ["one"], "nothing is committed yet");
    commit(write).await.expect("commit");
    assert_eq!(stored(&scope, &["one", "two"]).await.len(), 2);
}

#[tokio::test]
async fn of_two_writes_prepared_at_once_the_second_happens_not_at_all() {
    let (_database, scope) = with_one().await;
    let (first, second) = (ahead(&scope).await, ahead(&scope).await);
    insert(&second, &[call("three", "c", at(2))], false).await;
    insert(&first, &[call("two", "c", at(1))], false).await;
    commit(first).await.expect("commit");
    // Whether it asks for something or commits, and however often.
    let error = second.cases_touched_since(0).await.expect_err("the market moved on");
    assert!(matches!(error, StoreError::Moved(_)), "{error:?}");
    assert!(error.is_retryable());
    let error = second.cases_touched_since(0).await.expect_err("what waited is gone");
    assert!(matches!(error, StoreError::Moved(_)), "{error:?}");
    let error = commit(second).await.expect_err("what waited is gone");
    assert!(matches!(error, StoreError::Moved(_)), "{error:?}");
    assert_eq!(stored(&scope, &["one", "two", "three"]).await.len(), 2);
}

#[tokio::test]
async fn an_id_that_nobody_doubted_and_that_is_there_ends_the_write() {
    let (_database, scope) = with_one().await;
    let again = [call("one", "c", at(0)), call("two", "c", at(1))];
    let write = ahead(&scope).await;
    assert!(insert(&write, &again, false).await.is_empty(), "nothing is known of it before the lock");
    let error = commit(write).await.expect_err("\"one\" is there");
    assert!(matches!(error, StoreError::Moved(_)), "{error:?}");
    assert!(stored(&scope, &["two"]).await.is_empty());
    let write = ahead(&scope).await;
    assert_eq!(insert(&write, &again, true).await, BTreeSet::from(["one".to_owned()]));
    commit(write).await.expect("what is doubted is looked up");
    assert_eq!(stored(&scope, &["one", "two"]).await.len(), 2);
}

#[tokio::test]
async fn a_write_that_waits_for_its_lock_keeps_nobody_waiting() {
    let (_database, scope) = with_one().await;
    let write = ahead(&scope).await;
    insert(&write, &[call("two", "c", at(1))], false).await;
    let other = MarketId::trusted("de");
    let theirs = scope.begin(&other).await.expect("the lock is free");
    let head = theirs.head.clone();
    theirs.commit(&head).await.expect("commit");
    commit(write).await.expect("another market does not matter");
    let given_up = ahead(&scope).await;
    insert(&given_up, &[call("three", "c", at(2))], false).await;
    given_up.rollback().await;
    assert_eq!(stored(&scope, &["one", "two", "three"]).await.len(), 2);
}
