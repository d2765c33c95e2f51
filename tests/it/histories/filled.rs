//! KPI definitions that change while a history arrives, in any order, with restarts: in the end every cell is what it would
//! be had the last definitions been there from the beginning, and no cell of others is left.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config as Trials, RngAlgorithm, TestRng, TestRunner};

use fairdue::config::Holder;

use super::deliver::{self, Act, Dice, Life};
use super::generate::{self, long_after};
use super::snapshot::Snapshot;
use crate::filling::NEW;
use crate::support::database::{Backend, Database};

/// Files of definitions: what a configuration directory may hold in turn.
struct Variants {
    shipped: Vec<(String, String)>,
}

impl Variants {
    fn of(kpis: &Path) -> Self {
        let files = std::fs::read_dir(kpis).expect("a directory").map(|entry| entry.expect("an entry").path());
        let read = |path: &Path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("a text"))
        };
        let shipped = files.filter(|path| path.is_file()).map(|path| read(&path)).collect();
        Self { shipped }
    }

    /// Puts a variant in place: little, the package's own with every measure of money and contacts changed and none of what is
    /// expected, as it ships, or without those of limitation. So what is filled last is all, what follows from records alone,
    /// or what follows from the law alone.
    fn put(&self, kpis: &Path, which: usize) {
        std::fs::remove_dir_all(kpis).expect("remove the definitions");
        std::fs::create_dir_all(kpis).expect("make a directory");
        if which == 0 {
            std::fs::write(kpis.join("little.toml"), NEW).expect("write definitions");
            return;
        }
        for (name, text) in &self.shipped {
            if (which == 1 && name.contains("forecast")) || (which == 3 && name.contains("limitation")) {
                continue;
            }
            let changes = which == 1 && ["measures_money.toml", "measures_contact.toml"].contains(&name.as_str());
            let changed = text.replace("dimension_sets = [", "dimension_sets = [[\"rule\", \"hour\"], ");
            std::fs::write(kpis.join(name), if changes { &changed } else { text }).expect("write definitions");
        }
    }
}

/// The variants that are not the package's own.
const OTHERS: [usize; 3] = [0, 1, 3];

/// Where definitions change, and which there are.
struct Changing<'a> {
    directory: &'a Path,
    holder: &'a Arc<Holder>,
    variants: &'a Variants,
}

/// Lets it all happen; definitions change a few times, and are those of the package in the end. How what is derived then
/// differs from what is expected.
fn run(database: &Database, changing: &Changing<'_>, acts: &[Act], seed: u64, expected: &Snapshot) -> Option<String> {
    let Changing { directory, holder, variants } = changing;
    let mut dice = Dice::new(seed ^ 0x5eed);
    let kpis = directory.join("kpis");
    let change = |which: usize| {
        variants.put(&kpis, which);
        holder.reload().expect("a good configuration");
    };
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let closing = [Act::Settle(long_after())];
    let all: Vec<&Act> = acts.iter().chain(&closing).collect();
    // From here on they are those of the package.
    let last = all.len() / 4 + dice.below(all.len() / 2 + 1);
    change(OTHERS[dice.below(3)]);
    let mut life = Life::begin(&database.url, holder);
    for (place, act) in all.into_iter().enumerate() {
        if place == last {
            change(2);
            // What is told and what comes in are to meet.
            let since = Instant::now();
            while since.elapsed() < Duration::from_secs(1) && waiting.block_on(fillings(database)) == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        match dice.below(13) {
            which @ 0..3 if place < last => change(OTHERS[which]),
            3 if place < last => change(2),
            4 | 5 => std::thread::sleep(Duration::from_millis(40)),
            6 => {
                // Rules that say the same in other words: the market is derived anew, whatever is being filled. Of a country
                // where nobody lives, for findings name the text that they were found by.
                let rules = directory.join("jurisdictions/jp/rules.toml");
                let text = std::fs::read_to_string(&rules).expect("read a pack");
                std::fs::write(&rules, format!("# {place}\n{text}")).expect("write a pack");
                holder.reload().expect("a good configuration");
            }
            _ => {}
        }
        let Some(work) = act.work() else {
            life.end();
            life = Life::begin(&database.url, holder);
            continue;
        };
        drop(life.submit(work));
    }
    life.rest();
    // Whoever held a filling may have ended without a word; cells of former definitions are dropped behind it.
    let since = Instant::now();
    loop {
        let (open, found) = waiting.block_on(async { (fillings(database).await, Snapshot::read(database).await) });
        let difference = expected.differs_from(&found);
        if (open == 0 && difference.is_none()) || since.elapsed() > Duration::from_secs(30) {
            life.end();
            return difference.or((open > 0).then(|| "a filling does not end".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Fillings under way.
async fn fillings(database: &Database) -> i64 {
    database.number("SELECT COUNT(*) FROM kpi_filling").await
}

fn changed_definitions_are_filled(backend: Backend, cases: u32) {
    let (directory, holder) = deliver::configuration();
    std::fs::remove_dir_all(directory.path().join("benchmarks"))
        .expect("remove figures of KPIs that are not always there");
    let variants = Variants::of(&directory.path().join("kpis"));
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let fresh = || waiting.block_on(Database::fresh(backend));
    let config = Trials { cases, max_shrink_iters: 12, failure_persistence: None, ..Trials::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&(generate::steps(50), any::<u64>()), |(steps, seed)| {
        let history = generate::materialise(&steps);
        let (plain, other) = (fresh(), fresh());
        variants.put(&directory.path().join("kpis"), 2);
        holder.reload().expect("a good configuration");
        deliver::run(&plain.url, &holder, &deliver::at_once(&history));
        let acts = deliver::scattered(&history, seed);
        let expected = waiting.block_on(Snapshot::read(&plain));
        let changing = Changing { directory: directory.path(), holder: &holder, variants: &variants };
        if let Some(difference) = run(&other, &changing, &acts, seed, &expected) {
            let arrived: Vec<String> = acts.iter().map(ToString::to_string).collect();
            return Err(TestCaseError::fail(format!("{difference}\narrived as\n  {}", arrived.join("\n  "))));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn changed_definitions_are_filled_on_sqlite() {
    changed_definitions_are_filled(Backend::Sqlite, super::histories().div_ceil(3));
}

#[test]
fn changed_definitions_are_filled_on_postgres() {
    changed_definitions_are_filled(Backend::Postgres, super::histories().div_ceil(6));
}
