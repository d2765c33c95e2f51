//! Decoded KPI cells and told facts that a server keeps change no answer: two replicas that keep them and one that keeps
//! nothing share a database, commit by turns and merge cells at any moment, and answer the same after every step.
//! `FAIRDUE_HISTORIES` sets how many histories are tried on SQLite (default 30); PostgreSQL gets a quarter of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config as Trials, RngAlgorithm, TestRng, TestRunner};

use fairdue::clock::Clock;
use fairdue::config::Holder;
use fairdue::domain::finding::FindingStatus;
use fairdue::domain::finding_life::FindingAction;
use fairdue::domain::ids::{KeyId, UpdateId};
use fairdue::domain::principal::{Principal, Role};
use fairdue::domain::time::SECOND;
use fairdue::ingest::{FindingUpdate, ItemResult, Markets, Work};
use fairdue::kpi::{self, Comparison, Dimension, Frame, Grain, Shape};
use fairdue::query::{KpiQuestion, Query};
use fairdue::store::{FindingFilter, Store, StoreOptions};

use super::deliver::{Act, Dice, key, scattered};
use super::generate::{self, History, long_after};
use crate::support::config;
use crate::support::database::{Backend, Database};

/// KPIs of every form: flows, stocks, means, distinct counts; with what they may be grouped by.
const KPIS: [(&str, Option<Dimension>); 9] = [
    ("rpc_rate", Some(Dimension::Agent)),
    ("recovery_rate", None),
    ("balance_closing", None),
    ("balance_mean", None),
    ("active_agents", None),
    ("collected_per_agent_active", None),
    ("ptp_broken_rate", None),
    ("dso_due", None),
    ("compliance_rate", None),
];

/// KPIs of which facts are kept, those that follow from rules among them: few, so that each is asked often enough.
const TOLD: [&str; 4] = ["recovery_rate", "compliance_rate", "unknown_rate", "findings_open"];

/// Dimensions that no cells are kept by: such questions are answered from facts, which are kept as well.
const OUTSIDE: [&[Dimension]; 2] =
    [&[Dimension::Client, Dimension::Team, Dimension::Product], &[Dimension::Agent, Dimension::Client]];

/// One server over the shared database, without its transport.
pub(super) struct Replica {
    pub(super) markets: Arc<Markets>,
    pub(super) query: Query,
}

/// Who asks.
pub(super) fn reader() -> Principal {
    let tenant = key().tenant;
    Principal { tenant, key: KeyId::trusted("k"), roles: vec![Role::Reader], markets: Vec::new() }
}

impl Replica {
    pub(super) async fn start(url: &str, holder: &Arc<Holder>, clock: Clock) -> Self {
        let options = StoreOptions { max_connections: 3, ..StoreOptions::default() };
        let store = Store::open(url, &options).await.expect("open the store");
        let markets = Markets::new(store, Arc::clone(holder), clock);
        Self { query: Query::new(Arc::clone(&markets)), markets }
    }

    pub(super) async fn ask(&self, question: &KpiQuestion) -> kpi::Answer {
        self.query.query_kpis(&reader(), &key().market, question.clone()).await.expect("an answer").answer
    }
}

/// A configuration whose servers keep so much, and look for what is due and what is to be merged all the time.
pub(super) fn configuration(cache_mib: &str) -> (tempfile::TempDir, Arc<Holder>) {
    configured(cache_mib, "10")
}

/// The same, looking for what is due after so many milliseconds.
pub(super) fn configured(cache_mib: &str, due_interval: &str) -> (tempfile::TempDir, Arc<Holder>) {
    let directory = crate::support::service::configuration();
    let settings = [
        ("FAIRDUE_QUERY__KPI_CACHE_MIB", cache_mib),
        ("FAIRDUE_QUERY__TOLD_FACTS_MIB", cache_mib),
        // Sums are stored all the time, and read by the servers that start anew.
        ("FAIRDUE_QUERY__SUMS_AFTER_MS", "1"),
        ("FAIRDUE_INGEST__DUE_INTERVAL_MS", due_interval),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let snapshot = config::load(directory.path(), settings);
    let holder = Arc::new(Holder::of(directory.path(), snapshot));
    (directory, holder)
}

/// Some question about the time of the histories.
fn question(dice: &mut Dice) -> KpiQuestion {
    let (kpi, group) = KPIS[dice.below(KPIS.len())];
    let date = |text: &str| text.parse().expect("a date");
    let (from, to) =
        [("2025-01-01", "2026-01-01"), ("2025-02-11", "2025-04-03"), ("2025-03-01", "2025-04-01")][dice.below(3)];
    let mut group_by: Vec<Dimension> = group.filter(|_| dice.below(2) == 0).into_iter().collect();
    if dice.below(3) == 0 {
        group_by = OUTSIDE[dice.below(OUTSIDE.len())].to_vec();
    }
    let frame = [Frame::Period, Frame::Period, Frame::Rolling(10, Grain::Day), Frame::ToDate(Grain::Month)];
    let compared = [None, None, Some(Comparison::PreviousPeriod), Some(Comparison::YearEarlier)];
    let shape = Shape {
        frame: frame[dice.below(4)],
        comparison: compared[dice.below(4)],
        totals: dice.below(3) == 0,
        top: (!group_by.is_empty() && dice.below(3) == 0).then_some(1),
        ..Shape::default()
    };
    let query = kpi::Query {
        kpis: vec![kpi.to_owned()],
        grain: [Grain::Day, Grain::Week, Grain::Month, Grain::Quarter][dice.below(4)],
        from: date(from),
        to: date(to),
        group_by,
        filters: Vec::new(),
    };
    KpiQuestion { query, shape, as_of: None, as_known_at: None, frozen: false }
}

/// Some question about the whole time that is answered from facts.
pub(super) fn outside(dice: &mut Dice) -> KpiQuestion {
    let KpiQuestion { mut query, .. } = question(dice);
    query.kpis = vec![TOLD[dice.below(TOLD.len())].to_owned()];
    query.group_by = OUTSIDE[dice.below(OUTSIDE.len())].to_vec();
    (query.from, query.to) = ("2025-01-01".parse().expect("a date"), "2026-01-01".parse().expect("a date"));
    KpiQuestion { query, shape: Shape::default(), as_of: None, as_known_at: None, frozen: false }
}

/// Lets the servers find themselves idle, so that they merge what waits into cells.
async fn merge(hand: &AtomicI64) {
    hand.fetch_add(3 * SECOND, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(40)).await;
}

/// Somebody puts a finding that stands right, or opens it anew.
async fn decide(writer: &Replica, dice: &mut Dice, step: usize) {
    let (key, filter) = (key(), FindingFilter::default());
    let found = writer.query.list_findings(&reader(), &key.market, &filter, None, 20).await.expect("findings");
    let stand: Vec<_> = found.0.iter().filter(|row| row.status != FindingStatus::Withdrawn).collect();
    let Some(row) = stand.get(dice.below(stand.len().max(1))) else { return };
    let settled = matches!(row.status, FindingStatus::Remediated | FindingStatus::Waived);
    let update = FindingUpdate {
        id: UpdateId::trusted(&format!("u-{step}")),
        finding: row.finding.id,
        action: if settled { FindingAction::Reopen } else { FindingAction::Remediate },
        reason: Some("as agreed".into()),
        until: None,
        key: KeyId::trusted("k"),
        actor: None,
        etag: None,
    };
    let decided = writer.markets.submit(&key, Work::Decide(Box::new(update))).await.expect("a commit");
    assert!(matches!(decided.results[..], [ItemResult::Created]), "{decided:?}");
}

async fn shared_by_replicas(url: &str, holders: &[Arc<Holder>; 3], acts: &[Act], seed: u64) -> Result<(), String> {
    let (clock, hand) = Clock::manual(long_after());
    let mut replicas = Vec::new();
    for holder in holders {
        replicas.push(Replica::start(url, holder, clock.clone()).await);
    }
    let mut dice = Dice::new(seed);
    for (step, act) in acts.iter().enumerate() {
        let Some(work) = act.work() else {
            let at = dice.below(replicas.len());
            replicas[at] = Replica::start(url, &holders[at], clock.clone()).await;
            continue;
        };
        // Asked before and after, so that what is kept for it is of right before the commits.
        let told = outside(&mut dice);
        for replica in &replicas[..2] {
            replica.ask(&told).await;
        }
        let writer = &replicas[dice.below(2)];
        let key = key();
        let all = work.into_iter().map(|one| writer.markets.submit(&key, one));
        futures::future::join_all(all).await.into_iter().for_each(|done| drop(done.expect("a commit")));
        if dice.below(3) == 0 {
            decide(writer, &mut dice, step).await;
        }
        if dice.below(3) == 0 {
            merge(&hand).await;
        }
        for question in [told, question(&mut dice), question(&mut dice)] {
            let expected = replicas[2].ask(&question).await;
            for replica in &replicas[..2] {
                let answer = replica.ask(&question).await;
                if answer != expected {
                    return Err(format!("step {step}, {act}\n{question:?}\nkept {answer:?}\nread {expected:?}"));
                }
            }
        }
    }
    Ok(())
}

/// Tries random histories, each scattered anew, on a database and a runtime of its own, so that the writers of a history end
/// with it. `trial` takes the database's address, what happens, and the seed.
pub(super) fn try_histories<T>(backend: Backend, cases: u32, trial: impl Fn(String, Vec<Act>, u64) -> T)
where
    T: Future<Output = Result<(), String>>,
{
    try_prepared(backend, cases, |history| history, |url, _, acts, seed| trial(url, acts, seed));
}

/// The same for histories that are made into others first; `trial` takes the history, too.
pub(super) fn try_prepared<T>(
    backend: Backend,
    cases: u32,
    prepare: impl Fn(History) -> History,
    trial: impl Fn(String, History, Vec<Act>, u64) -> T,
) where
    T: Future<Output = Result<(), String>>,
{
    let config = Trials { cases, max_shrink_iters: 40, failure_persistence: None, ..Trials::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&(generate::steps(40), any::<u64>()), |(steps, seed)| {
        let history = prepare(generate::materialise(&steps));
        let acts = scattered(&history, seed);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let outcome = runtime.block_on(async {
            let database = Database::fresh(backend).await;
            trial(database.url.clone(), history, acts, seed).await.map_err(TestCaseError::fail)
        });
        runtime.shutdown_background();
        outcome
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

fn kept_cells_change_no_answer(backend: Backend, cases: u32) {
    let configurations = ["64", "1", "0"].map(configuration);
    let holders = configurations.each_ref().map(|(_, holder)| Arc::clone(holder));
    let holders = &holders;
    try_histories(
        backend,
        cases,
        |url, acts, seed| async move { shared_by_replicas(&url, holders, &acts, seed).await },
    );
}

/// Every history is played to three servers: two thirds of the usual number take as long as the longest other test.
#[test]
fn kept_cells_change_no_answer_on_sqlite() {
    kept_cells_change_no_answer(Backend::Sqlite, (super::histories() * 2).div_ceil(3));
}

#[test]
fn kept_cells_change_no_answer_on_postgres() {
    kept_cells_change_no_answer(Backend::Postgres, super::histories().div_ceil(4));
}
