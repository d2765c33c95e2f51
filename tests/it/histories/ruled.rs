//! Rules and settings that change while a history arrives, in any order, with restarts: in the end every finding and every cell
//! is what it would be had the last ones been there from the beginning, whether the market is derived anew in one commit or a
//! case at a time, between other commits.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config as Trials, RngAlgorithm, TestRng, TestRunner};

use fairdue::config::Holder;

use super::deliver::{self, Act, Dice, Life};
use super::generate::{self, long_after};
use super::snapshot::Snapshot;
use crate::changed_rules::NOTICE;
use crate::support::database::{Backend, Database};

/// What may be in force in turn: the rules of the tests, others by limit and by how far they look back, none of the tenant's own,
/// and the rules of the tests under other settings of the market.
fn variant(text: &str, which: usize) -> String {
    let own = text.find("[[rules.add]]").expect("rules of the tenant's own");
    match which {
        1 => text.replace("max = 2", "max = 1").replace("calendar_days = 7", "calendar_days = 40"),
        2 => text[..own].to_owned(),
        3 => {
            let other = text.replace("promise_grace_days = 5", "promise_grace_days = 1");
            assert_ne!(other, text, "the market's grace");
            other
        }
        _ => text.to_owned(),
    }
}

/// The longest that anything is waited for.
const LONG: Duration = Duration::from_secs(30);

/// Where rules change.
struct Changing<'a> {
    tenant: &'a Path,
    text: &'a str,
    holder: &'a Arc<Holder>,
}

impl Changing<'_> {
    fn put(&self, which: usize) {
        std::fs::write(self.tenant, variant(self.text, which)).expect("write the tenant");
        self.holder.reload().expect("a good configuration");
    }
}

/// Lets it all happen; rules change a few times, and are those of the tests in the end. How what is derived then differs from
/// what is expected; and how often a commit came while the market was being derived anew.
fn run(
    database: &Database,
    changing: &Changing<'_>,
    acts: &[Act],
    seed: u64,
    expected: &Snapshot,
) -> (Option<String>, usize) {
    let mut dice = Dice::new(seed ^ 0x5eed);
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let closing = [Act::Settle(long_after())];
    let all: Vec<&Act> = acts.iter().chain(&closing).collect();
    // Late, so that there is much that other rules have judged; or so late that nothing comes to most cases any more.
    let last = match dice.below(2) {
        0 => all.len() / 2 + dice.below(all.len().div_ceil(2)),
        _ => all.len() - dice.below(3),
    };
    let turn = |which: usize| {
        // What is derived by other rules is whole, or it is not.
        let since = Instant::now();
        while !which.is_multiple_of(3) && waiting.block_on(open(database)) > 0 && since.elapsed() < LONG {
            std::thread::sleep(Duration::from_millis(20));
        }
        changing.put(0);
    };
    // Where settings change, too, all cells are given up: mostly rules change alone.
    let others = if dice.below(4) == 0 { 3 } else { 2 };
    changing.put(1 + dice.below(others));
    let mut life = Life::begin(&database.url, changing.holder);
    let mut between = 0;
    for (place, act) in all.into_iter().enumerate() {
        match dice.below(12) {
            which if place == last => turn(which),
            0 | 1 if place < last => changing.put(1 + dice.below(others)),
            3..6 => std::thread::sleep(Duration::from_millis(40)),
            _ => {}
        }
        let Some(work) = act.work() else {
            life.end();
            life = Life::begin(&database.url, changing.holder);
            continue;
        };
        drop(life.submit(work));
        between += usize::from(waiting.block_on(open(database)) > 0);
    }
    if last == acts.len() + 1 {
        turn(dice.below(12));
    }
    life.rest();
    let since = Instant::now();
    loop {
        let (open, found) = waiting.block_on(async { (open(database).await, Snapshot::read(database).await) });
        let difference = expected.differs_from(&found);
        if (open == 0 && difference.is_none()) || since.elapsed() > LONG {
            life.end();
            return (difference.or((open > 0).then(|| "it does not end".to_owned())), between);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Markets that are being derived anew, or whose cells are being filled.
async fn open(database: &Database) -> i64 {
    database.number("SELECT (SELECT COUNT(*) FROM kpi_filling) + (SELECT COUNT(*) FROM deriving)").await
}

fn changed_rules_judge_everything(backend: Backend, cases: u32) {
    // In portions of a case each, or all at once.
    let portions = [
        ("FAIRDUE_INGEST__DERIVE_AT_ONCE", "0"),
        ("FAIRDUE_INGEST__DERIVE_CASES", "1"),
        ("FAIRDUE_INGEST__FILL_PAUSE_MS", "10"),
    ];
    let ways = [deliver::configuration_with(&portions), deliver::configuration()];
    let tenant = |way: usize| ways[way].0.path().join("tenants/t.toml");
    let text = std::fs::read_to_string(tenant(0)).expect("read the tenant") + &NOTICE.replace("{country}", "us");
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let fresh = || waiting.block_on(Database::fresh(backend));
    let config = Trials { cases, max_shrink_iters: 2, failure_persistence: None, ..Trials::default() };
    let between = std::cell::Cell::new(0);
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&(generate::steps(90), any::<u64>()), |(steps, seed)| {
        let history = generate::materialise(&steps);
        let (plain, other) = (fresh(), fresh());
        let (directory, way) = if seed.is_multiple_of(4) { (tenant(1), 1) } else { (tenant(0), 0) };
        let changing = Changing { tenant: &directory, text: &text, holder: &ways[way].1 };
        changing.put(0);
        deliver::run(&plain.url, changing.holder, &deliver::at_once(&history));
        let acts = deliver::scattered(&history, seed);
        let expected = waiting.block_on(Snapshot::read(&plain));
        let (difference, met) = run(&other, &changing, &acts, seed, &expected);
        between.set(between.get() + met);
        if let Some(difference) = difference {
            let arrived: Vec<String> = acts.iter().map(ToString::to_string).collect();
            return Err(TestCaseError::fail(format!("{difference}\narrived as\n  {}", arrived.join("\n  "))));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    println!("{} commits came between", between.get());
    assert!(between.get() > 2, "hardly a commit came while a market was being derived anew: the test shows nothing");
}

#[test]
fn changed_rules_judge_everything_on_sqlite() {
    changed_rules_judge_everything(Backend::Sqlite, super::histories().div_ceil(3));
}

#[test]
fn changed_rules_judge_everything_on_postgres() {
    changed_rules_judge_everything(Backend::Postgres, super::histories().div_ceil(6));
}
