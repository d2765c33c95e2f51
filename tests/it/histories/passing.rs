//! What servers keep and store of facts stands on an instant as well as on a revision: timers become due between commits, fire
//! late, and fire early where another server's clock is ahead. Two servers that keep facts and one that keeps nothing are asked the
//! same at the same instant, and answer the same. `FAIRDUE_HISTORIES` sets how many histories are tried: an eighth of it on SQLite
//! (default 30), half of these on PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fairdue::clock::Clock;
use fairdue::config::Holder;
use fairdue::domain::activity::Activity;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::detail::{Detail, Promise};
use fairdue::domain::money::Money;
use fairdue::domain::time::{DAY, Timestamp};
use fairdue::ingest::{CaseUpsert, Work};
use fairdue::kpi::{self, Dimension, Grain, Shape};
use fairdue::query::KpiQuestion;

use super::cache::{Replica, configured};
use super::deliver::{Dice, key};
use crate::support::builders;
use crate::support::database::{Backend, Database};

/// 2025-03-03T12:00:00Z.
const START: Timestamp = Timestamp(1_741_003_200_000_000);
const CASES: usize = 12;
/// Steps of a history.
const STEPS: usize = 50;
/// Longest pause between two steps, and farthest that the second server's clock is ahead, in hours.
const PAUSE: usize = 60;
/// KPIs of what timers tell, for which no cells are kept by the dimensions that are asked.
const KPIS: [&str; 2] = ["ptp_broken_rate", "ptp_kept"];

/// A server and the hand of its clock.
struct Server {
    replica: Replica,
    clock: Clock,
    hand: Arc<AtomicI64>,
}

impl Server {
    async fn start(url: &str, holder: &Arc<Holder>) -> Self {
        let (clock, hand) = Clock::manual(START);
        Self { replica: Replica::start(url, holder, clock.clone()).await, clock, hand }
    }

    fn set(&self, now: Timestamp) {
        self.hand.store(now.0, Ordering::SeqCst);
    }

    async fn commit(&self, work: Work) {
        self.replica.markets.submit(&key(), work).await.expect("a commit");
    }
}

fn case(number: usize) -> CaseVersion {
    let mut case = builders::version(&format!("case-{number}"), "v", START);
    case.identity.creditor = format!("creditor-{}", number % 3);
    case.claims.push(serde_json::from_value(serde_json::json!({ "id": "a", "principal": 10_000 })).expect("a claim"));
    case
}

/// A promise that is due some days after it was made, or a call.
fn record(step: usize, now: Timestamp, dice: &mut Dice) -> Activity {
    let (id, case) = (format!("a-{step}"), format!("case-{}", dice.below(CASES)));
    let due = now.plus(dice.below(12) as i64 * DAY).date(chrono_tz::UTC);
    let promise = Promise { amount: Money::new(500, builders::euro()), due, supersedes: None, channel: None };
    let mut record = match dice.below(4) {
        0 => builders::call(&id, &case, now),
        _ => builders::activity(&id, &case, now, Detail::Promise(promise)),
    };
    record.actor.agent = Some(["ana", "ben"][dice.below(2)].into());
    record
}

fn question(dice: &mut Dice) -> KpiQuestion {
    let query = kpi::Query {
        kpis: vec![KPIS[dice.below(KPIS.len())].to_owned()],
        grain: [Grain::Day, Grain::Month][dice.below(2)],
        from: "2025-03-01".parse().expect("a date"),
        to: "2025-12-01".parse().expect("a date"),
        group_by: vec![Dimension::Client, Dimension::Team, Dimension::Product],
        filters: Vec::new(),
    };
    KpiQuestion { query, shape: Shape::default(), as_of: None, as_known_at: None, frozen: false }
}

/// How often an answer was another than the one before of the same question.
async fn as_time_passes(url: &str, holders: &[Arc<Holder>; 3], seed: u64) -> Result<usize, String> {
    let (mut dice, mut now, mut said, mut changed) = (Dice::new(seed), START, Vec::new(), 0);
    let mut servers = Vec::new();
    for holder in holders {
        servers.push(Server::start(url, holder).await);
    }
    let cases = (0..CASES).map(|number| CaseUpsert { version: case(number), etag: None }).collect();
    servers[0].commit(Work::Cases(cases)).await;
    for step in 0..STEPS {
        now = now.plus(dice.below(PAUSE) as i64 * (DAY / 24));
        let ahead = now.plus(dice.below(PAUSE) as i64 * (DAY / 24));
        servers[0].set(now);
        servers[1].set(ahead);
        let at = dice.below(2);
        match dice.below(5) {
            0 => {
                let clock = servers[at].clock.clone();
                servers[at].replica = Replica::start(url, &holders[at], clock).await;
            }
            _ => servers[at].commit(Work::Activities(vec![record(step, now, &mut dice)])).await,
        }
        if dice.below(2) == 0 {
            // Sums are stored meanwhile, with timers that are due and have not fired.
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        if dice.below(2) == 0 {
            continue;
        }
        let question = question(&mut dice);
        let order = if dice.below(2) == 0 { [(0, now), (1, ahead)] } else { [(1, ahead), (0, now)] };
        for (asked, instant) in order {
            servers[2].set(instant);
            let answer = servers[asked].replica.ask(&question).await;
            let expected = servers[2].replica.ask(&question).await;
            if answer != expected {
                let who = format!("seed {seed}, step {step}, server {asked} at {instant}");
                return Err(format!("{who}\n{question:?}\nkept {answer:?}\nread {expected:?}"));
            }
            changed += usize::from(said != answer.rows);
            said = answer.rows;
        }
    }
    Ok(changed)
}

fn time_that_passes_changes_no_answer(backend: Backend, histories: u32) {
    // Nothing fires by itself.
    let configurations = ["64", "64", "0"].map(|kept| configured(kept, "3600000"));
    let holders = configurations.each_ref().map(|(_, holder)| Arc::clone(holder));
    let mut changed = 0;
    for seed in 0..histories.into() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let outcome = runtime.block_on(async {
            let database = Database::fresh(backend).await;
            as_time_passes(&database.url, &holders, seed).await
        });
        changed += outcome.unwrap_or_else(|failure| panic!("{failure}"));
        runtime.shutdown_background();
    }
    assert!(changed >= 10 * histories as usize, "few answers differ from those before: {changed}");
}

#[test]
fn time_that_passes_changes_no_answer_on_sqlite() {
    time_that_passes_changes_no_answer(Backend::Sqlite, super::histories().div_ceil(8));
}

#[test]
fn time_that_passes_changes_no_answer_on_postgres() {
    time_that_passes_changes_no_answer(Backend::Postgres, super::histories().div_ceil(16));
}
