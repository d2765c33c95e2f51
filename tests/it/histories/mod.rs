//! Idea 1 as a property: order of arrival, repetitions, batches, restarts and the moments at which timers fire change
//! no finding and no cell, and with them no promise's state and no balance, which cells count. `FAIRDUE_HISTORIES` sets
//! how many histories are tried on SQLite (default 30); PostgreSQL gets a quarter of them. The first ones are the same
//! at every run.

mod barred;
mod cache;
mod counted;
pub mod deliver;
mod drill;
mod filled;
pub mod generate;
mod judged;
mod limitation;
mod more;
mod passing;
mod recount;
mod recount_more;
mod ruled;
mod snapshot;
mod survival;
mod told;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::database::{Backend, Database};
use snapshot::Snapshot;

fn histories() -> u32 {
    std::env::var("FAIRDUE_HISTORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(30)
}

/// Runs the same history in the plainest and in some other way and compares everything that was derived.
fn arrival_changes_nothing(backend: Backend, cases: u32) {
    let (_directory, holder) = deliver::configuration();
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let fresh = || waiting.block_on(Database::fresh(backend));
    let config = Config { cases, max_shrink_iters: 400, failure_persistence: None, ..Config::default() };
    let seen = Seen::default();
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&(generate::steps(50), any::<u64>()), |(steps, seed)| {
        let history = generate::materialise(&steps);
        seen.note(&history);
        let (plain, other) = (fresh(), fresh());
        deliver::run(&plain.url, &holder, &deliver::at_once(&history));
        let acts = deliver::scattered(&history, seed);
        deliver::run(&other.url, &holder, &acts);
        let (a, b) = waiting.block_on(async { (Snapshot::read(&plain).await, Snapshot::read(&other).await) });
        if let Some(difference) = a.differs_from(&b) {
            let arrived: Vec<String> = acts.iter().map(ToString::to_string).collect();
            return Err(TestCaseError::fail(format!("{difference}\narrived as\n  {}", arrived.join("\n  "))));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    seen.judge();
}

/// How many histories carried what makes arrival matter.
#[derive(Default)]
struct Seen {
    histories: std::cell::Cell<[u32; 4]>,
}

impl Seen {
    fn note(&self, history: &generate::History) {
        use fairdue::domain::detail::Detail;
        let any = |found: fn(&Detail) -> bool| u32::from(history.activities.iter().any(|a| found(&a.detail)));
        let [all, voids, reversals, versions] = self.histories.get();
        self.histories.set([
            all + 1,
            voids + any(|detail| matches!(detail, Detail::Void { .. })),
            reversals + any(|detail| matches!(detail, Detail::Reversal { .. })),
            versions + u32::from(!history.versions.is_empty()),
        ]);
    }

    /// At least a third must carry each; late facts and ticks follow from the scattering.
    fn judge(&self) {
        let [all, voids, reversals, versions] = self.histories.get();
        if all < 30 {
            return; // too few to speak of shares
        }
        for (what, count) in [("voids", voids), ("reversals", reversals), ("case versions", versions)] {
            assert!(count * 3 >= all, "only {count} of {all} histories carried {what}");
        }
    }
}

#[test]
fn arrival_changes_nothing_on_sqlite() {
    arrival_changes_nothing(Backend::Sqlite, histories());
}

#[test]
fn arrival_changes_nothing_on_postgres() {
    arrival_changes_nothing(Backend::Postgres, histories().div_ceil(4));
}
