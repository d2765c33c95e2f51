//! Days to collect against an estimator of its own: accounts that are paid, written off or still open, of which some are
//! watched for less time than others, with payments that are void and come late. The estimator here follows each account
//! from day to day; it knows no cell, no step and no count of the service.

use std::sync::atomic::Ordering;

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::test_runner::{Config as Trials, RngAlgorithm, TestRng, TestRunner};

use fairdue::clock::Clock;
use fairdue::domain::case::Placement;
use fairdue::domain::detail::{AdjustmentKind, Detail};
use fairdue::domain::ids::{ActivityId, CaseId};
use fairdue::domain::money::Money;
use fairdue::domain::time::{DAY, Timestamp};
use fairdue::ingest::{CaseUpsert, ItemResult, Work};
use fairdue::kpi::{self, Grain, NoValue, Shape};
use fairdue::query::KpiQuestion;

use super::cache::{Replica, configuration};
use super::deliver::{Dice, key};
use super::generate::{at_minute, currency, version};
use crate::support::builders;
use crate::support::database::{Backend, Database};

/// What each account owes.
const OWED: i64 = 5_000;
/// The day, counted from the first one of the histories, on which it is asked.
const TODAY: i64 = 200;
/// Days on which the accounts come in: some are watched for much less time than others.
const PLACED: i64 = 150;

/// An account: the day on which it came in, and how it went on.
#[derive(Debug, Clone, Copy)]
struct Account {
    placed: i64,
    /// So many days later, if at all.
    ends: Option<(i64, End)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Paid,
    /// The payment that would have ended it is void.
    PaidAndVoid,
    WrittenOff,
}

fn accounts() -> impl Strategy<Value = Vec<Account>> {
    let end = prop_oneof![4 => Just(End::Paid), 1 => Just(End::PaidAndVoid), 2 => Just(End::WrittenOff)];
    let account = (0..PLACED, proptest::option::weighted(0.8, (0_i64..120, end))).prop_map(|(placed, ends)| {
        // What has not happened by today is not known.
        let ends = ends.filter(|(after, _)| placed + after < TODAY);
        Account { placed, ends }
    });
    proptest::collection::vec(account, 1..40)
}

/// The day by which so many of a hundred are paid; `None` if fewer are. Among those that are watched on a day, each payment
/// takes its share off what is left.
fn expected(accounts: &[Account], percent: u32) -> Option<i64> {
    let mut left = 1.0_f64;
    for day in 0..=TODAY {
        let lasted = |account: &Account| match account.ends {
            Some((after, End::Paid | End::WrittenOff)) => after,
            Some((_, End::PaidAndVoid)) | None => TODAY - account.placed,
        };
        let watched = accounts.iter().filter(|account| lasted(account) >= day).count();
        let paid = accounts.iter().filter(|account| matches!(account.ends, Some((after, End::Paid)) if after == day));
        if watched > 0 {
            left *= 1.0 - paid.count() as f64 / watched as f64;
        }
        if left <= 1.0 - f64::from(percent) / 100.0 + 1e-9 && left < 1.0 {
            return Some(day);
        }
    }
    None
}

fn at(day: i64, minute: u16) -> Timestamp {
    at_minute(0, minute).plus(day * DAY)
}

/// The requests that tell of the accounts, in an order of their own.
fn told(accounts: &[Account], dice: &mut Dice) -> Vec<Work> {
    let mut records = Vec::new();
    let mut cases = Vec::new();
    for (number, account) in accounts.iter().enumerate() {
        let case = format!("account-{number}");
        let mut opened = version(0, 0, at(account.placed, 600), 0);
        opened.case = CaseId::trusted(&case);
        opened.placement = Placement { placed: Some(at(account.placed, 600)), ..Placement::default() };
        opened.claims.truncate(1);
        opened.claims.iter_mut().for_each(|claim| claim.principal = OWED);
        opened.parties.clear();
        cases.push(CaseUpsert { version: opened, etag: None });
        let Some((after, end)) = account.ends else { continue };
        let amount = Money::new(OWED, currency());
        let mut record = |id: String, minute: u16, detail: Detail| {
            records.push(builders::activity(&id, &case, at(account.placed + after, minute), detail));
        };
        match end {
            End::WrittenOff => {
                let adjustment = AdjustmentKind::WriteOff;
                record(format!("off-{number}"), 700, Detail::Adjustment { adjustment, amount, component: None });
            }
            End::Paid | End::PaidAndVoid => {
                let paid = |minor| {
                    Detail::Payment(fairdue::domain::detail::Payment {
                        amount: Money::new(minor, currency()),
                        ..builders::payment(minor)
                    })
                };
                record(format!("half-{number}"), 700, paid(OWED / 2));
                record(format!("rest-{number}"), 710, paid(OWED - OWED / 2));
                if end == End::PaidAndVoid {
                    let target = ActivityId::trusted(&format!("rest-{number}"));
                    record(format!("void-{number}"), 720, Detail::Void { target, reason: None });
                }
            }
        }
    }
    for last in (1..records.len()).rev() {
        records.swap(last, dice.below(last + 1));
    }
    let mut work = vec![Work::Cases(cases)];
    while !records.is_empty() {
        let some = (1 + dice.below(9)).min(records.len());
        work.push(Work::Activities(records.drain(..some).collect()));
    }
    work
}

async fn is_what_the_estimator_says(
    url: &str,
    holder: &std::sync::Arc<fairdue::config::Holder>,
    accounts: &[Account],
    seed: u64,
) -> Result<u32, String> {
    let (clock, hand) = Clock::manual(at(0, 0));
    hand.store(at(TODAY, 1_000).0, Ordering::SeqCst);
    let replica = Replica::start(url, holder, clock).await;
    for work in told(accounts, &mut Dice::new(seed)) {
        let done = replica.markets.submit(&key(), work).await.expect("a commit");
        let refused = done.results.iter().find(|result| matches!(result, ItemResult::Refused(_)));
        if let Some(refused) = refused {
            return Err(format!("a record was refused: {refused:?}"));
        }
    }
    let first: NaiveDate = "2025-01-07".parse().expect("a date");
    let mut told = 0;
    for (kpi, percent) in [("days_to_collect_p50", 50), ("days_to_collect_p90", 90)] {
        let query = kpi::Query {
            kpis: vec![kpi.to_owned()],
            grain: Grain::Total,
            from: first,
            to: first + chrono::Days::new(PLACED.unsigned_abs()),
            group_by: Vec::new(),
            filters: Vec::new(),
        };
        let question = KpiQuestion { query, shape: Shape::default(), as_of: None, as_known_at: None, frozen: false };
        let rows = replica.ask(&question).await.rows;
        let row = rows.first().ok_or("no row")?;
        let value = row.value_text().and_then(|text| text.parse::<i64>().ok());
        let right = match (expected(accounts, percent), value) {
            // Days from 64 on are told by steps of a doubling's thirty-second part.
            (Some(day), Some(said)) => said == day || (day >= 64 && (said - day).abs() * 64 <= day),
            (None, None) => row.no_value == Some(NoValue::NotReached),
            _ => false,
        };
        if !right || row.sample_size != Some(accounts.len() as i128) {
            let wanted = expected(accounts, percent);
            return Err(format!("{kpi} of {} accounts: {wanted:?} expected, told {row:?}", accounts.len()));
        }
        told += u32::from(value.is_some());
    }
    Ok(told)
}

fn days_to_collect_are_those_of_another_estimator(backend: Backend, cases: u32) {
    let (_directory, holder) = configuration("64");
    let config = Trials { cases, max_shrink_iters: 40, failure_persistence: None, ..Trials::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let reached = std::cell::Cell::new(0);
    let outcome = runner.run(&(accounts(), any::<u64>()), |(accounts, seed)| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let outcome = runtime.block_on(async {
            let database = Database::fresh(backend).await;
            is_what_the_estimator_says(&database.url, &holder, &accounts, seed).await.map_err(TestCaseError::fail)
        });
        runtime.shutdown_background();
        reached.set(reached.get() + outcome?);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(reached.get() > 0, "no percentile was ever reached");
}

#[test]
fn days_to_collect_are_those_of_another_estimator_on_sqlite() {
    days_to_collect_are_those_of_another_estimator(Backend::Sqlite, super::histories());
}

#[test]
fn days_to_collect_are_those_of_another_estimator_on_postgres() {
    days_to_collect_are_those_of_another_estimator(Backend::Postgres, super::histories().div_ceil(4));
}
