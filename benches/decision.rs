//! The decision alone: what all rules say of one contact, on a case with a history, in memory. No store, no wire.
//! The allocation columns show what each answer costs the heap.

// What each situation holds is asked for by `peers`.
#[allow(dead_code)]
mod twelve;

use divan::{AllocProfiler, Bencher, black_box};
use fairdue::compliance::{Answered, CaseWatch, Context, PersonLogs};
use fairdue::config::{Config, Snapshot};
use fairdue::domain::activity::Activity;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::ids::{MarketId, TenantId};
use fairdue::domain::market::Market;
use fairdue::domain::time::{DAY, SECOND, Timestamp};
use fairdue::domain::verdict::Verdict;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// 2025-06-03, a Tuesday, 11:00 in New York.
const MORNING: Timestamp = Timestamp(1_748_962_800 * SECOND);

fn main() {
    divan::main();
    // Nothing else is printed where the benches are only listed, tried or chosen from.
    if std::env::args().skip(1).eq(["--bench".to_owned()]) {
        next_lawful();
    }
}

/// How long answers take that name the next lawful instant: every seventh minute of four weeks in New York, on a case that
/// is called every other day and on one whose week is used up. Of three tries of each the fastest counts, for the others
/// tell of the machine.
fn next_lawful() {
    let scene = Scene::new();
    let mut busy = scene.watch();
    for number in 100..107 {
        let at = MORNING.plus((number as i64 - 107) * 3_600 * SECOND);
        busy.apply(&scene.context(), &call(number, at), &mut Vec::new());
    }
    let (mut answer, mut took) = (Answered::default(), Vec::new());
    for watch in [scene.watch(), busy] {
        for minute in (0..4 * 7 * 1_440).step_by(7) {
            let asked = call(99, MORNING.plus(minute * 60 * SECOND));
            let tries = [0; 3].map(|_| {
                let start = std::time::Instant::now();
                watch.check_into(&scene.context(), black_box(&asked), &mut answer);
                start.elapsed()
            });
            if black_box(&answer).next_allowed.is_some() {
                took.extend(tries.into_iter().min());
            }
        }
    }
    took.sort_unstable();
    let at = |per_mille: usize| took[took.len() * per_mille / 1_000].as_nanos() as f64 / 1e3;
    println!(
        "{} answers with the next lawful instant: p50 {:.2} us, p99 {:.2} us, at most {:.2} us (aim: p99 at most 50)",
        took.len(),
        at(500),
        at(990),
        took[took.len() - 1].as_nanos() as f64 / 1e3
    );
}

fn snapshot() -> Snapshot {
    let directory = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config"));
    Config::load_with(directory, std::iter::empty()).unwrap_or_else(|found| panic!("{found:?}"))
}

/// A consumer debt of a resident of New York, placed a while ago, with its validation notice long sent.
fn version() -> CaseVersion {
    serde_json::from_value(serde_json::json!({
        "case": "c", "version": "1", "effective": MORNING.plus(-200 * DAY), "currency": "USD",
        "identity": {"creditor": "bank", "collector_role": "agency"},
        "class": {"debt_class": "consumer", "debt_type": "loan"},
        "claims": [{"id": "1", "principal": 120_000}],
        "parties": [{
            "person": "p", "role": "primary", "kind": "consumer",
            "residences": [{"country": "US", "subdivision": "NY", "confirmed": true}],
            "zones": [{"zone": "America/New_York"}]
        }]
    }))
    .expect("a case version")
}

fn call(id: usize, at: Timestamp) -> Activity {
    serde_json::from_value(serde_json::json!({
        "id": format!("a-{id}"), "cases": ["c"], "person": "p", "occurred": at, "initiated_by": "collector",
        "actor": {"kind": "human", "agent": "agent-1"},
        "detail": {"kind": "contact", "channel": "call", "outcome": "no_answer"}
    }))
    .expect("an activity")
}

/// What a decision is made with: the packs of the package, and a case that has been called every other day.
struct Scene {
    snapshot: Snapshot,
    version: CaseVersion,
    persons: PersonLogs,
}

impl Scene {
    fn new() -> Self {
        Self { snapshot: snapshot(), version: version(), persons: PersonLogs::default() }
    }

    fn market(&self) -> &Market {
        self.snapshot.market(&TenantId::trusted("demo"), &MarketId::trusted("us")).expect("the market")
    }

    fn context(&self) -> Context<'_> {
        let tenant = &self.snapshot.tenants[&TenantId::trusted("demo")];
        Context {
            rules: &tenant.rules,
            market: self.market(),
            version: &self.version,
            lead: true,
            persons: &self.persons,
        }
    }

    fn watch(&self) -> CaseWatch {
        let mut out = Vec::new();
        let mut watch = CaseWatch::open(&self.context(), &mut out);
        for day in 0..20 {
            let before = call(day, MORNING.plus(-(40 - 2 * day as i64) * DAY));
            watch.apply(&self.context(), &before, &mut out);
        }
        watch
    }
}

fn decide(bencher: Bencher, at: Timestamp) {
    let scene = Scene::new();
    let (watch, candidate) = (scene.watch(), call(99, at));
    // Tenant and market are looked up before, once for all decisions of a request.
    let (context, mut answer) = (scene.context(), Answered::default());
    bencher.bench_local(|| {
        watch.check_into(black_box(&context), black_box(&candidate), &mut answer);
        black_box(answer.verdict)
    });
}

/// In the morning of a working day.
#[divan::bench]
fn by_day(bencher: Bencher) {
    decide(bencher, MORNING);
}

/// At three in the morning, where rules speak against it and the next lawful instant is looked for.
#[divan::bench]
fn by_night(bencher: Bencher) {
    decide(bencher, MORNING.plus(-8 * 3_600 * SECOND));
}

/// A fact judged and remembered, as the writer does with each activity.
#[divan::bench]
fn judge_and_remember(bencher: Bencher) {
    let scene = Scene::new();
    let (watch, fact) = (scene.watch(), call(99, MORNING));
    let (context, mut out) = (scene.context(), Vec::new());
    bencher.bench_local(|| {
        let mut watch = watch.clone();
        out.clear();
        watch.apply(black_box(&context), black_box(&fact), &mut out);
        black_box(out.len())
    });
}

/// The same situations as `peers` decides, all of them or those that are allowed, by turns.
#[divan::bench(args = ["allowed", "all"])]
fn twelve_rules(bencher: Bencher, which: &str) {
    let fairdue = twelve::Fairdue::new();
    let mut answer = Answered::default();
    let mut scenes: Vec<_> =
        (0..1_024).map(|number| fairdue.scene(&twelve::situations::Situation::new(number))).collect();
    if which == "allowed" {
        scenes.retain(|scene| {
            fairdue.decide(scene, &mut answer);
            answer.speaking.len() == 12 && answer.verdict == Verdict::Allowed
        });
    }
    let mut turn = scenes.iter().cycle();
    bencher.bench_local(move || {
        let scene = turn.next().expect("there are situations");
        fairdue.decide(black_box(scene), &mut answer);
        black_box(answer.verdict)
    });
}
