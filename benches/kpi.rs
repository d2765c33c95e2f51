//! The KPI core alone: what one fact costs, what a commit's delta costs, what an answer costs from stored bytes.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use fairdue::domain::diagnostic::SourceFile;
use fairdue::domain::fact::{Dims, Fact, FactKind, flag};
use fairdue::domain::money::Currency;
use fairdue::domain::time::day_number;
use fairdue::domain::vocabulary::{Channel, Direction};
use fairdue::kpi::{Block, BlockKey, Catalogue, Delta, Dimension, Grain, Plan, Query};

const AGENTS: usize = 450;
const FACTS: usize = 20_000;

fn main() {
    divan::main();
}

fn catalogue() -> Catalogue {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/kpis");
    let mut files: Vec<SourceFile> = std::fs::read_dir(folder)
        .expect("config/kpis")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| SourceFile {
            path: path.display().to_string(),
            text: std::fs::read_to_string(&path).expect("a definition file"),
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Catalogue::compile(&files).unwrap_or_else(|found| panic!("{found}"))
}

/// A year of facts as cases make them: dimensions shared between facts, a few kinds far more often than others.
fn facts(count: usize) -> Vec<Fact> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let kinds = [
        FactKind::Contact,
        FactKind::Contact,
        FactKind::AgentActive,
        FactKind::RuleTest,
        FactKind::RuleTest,
        FactKind::Payment,
        FactKind::Allocation,
        FactKind::Receivable,
        FactKind::PromiseJudged,
        FactKind::MessageSent,
    ];
    let names = |prefix: &str, count: usize| -> Vec<Arc<str>> {
        (0..count).map(|number| Arc::from(format!("{prefix}-{number:04}"))).collect()
    };
    let (agents, clients, rules) = (names("agent", AGENTS), names("client", 20), names("rule", 12));
    let states = ["passed", "failed", "kept", "broken"].map(Arc::<str>::from);
    let pool: Vec<Arc<Dims>> = (0..2_000)
        .map(|_| {
            let agent = random(AGENTS as u64) as usize;
            Arc::new(Dims {
                agent: agents.get(agent).cloned(),
                team: Some(Arc::from(format!("team-{}", agent / 15))),
                client: clients.get(random(20) as usize).cloned(),
                rule: rules.get(random(12) as usize).cloned(),
                state: states.get(random(4) as usize).cloned(),
                channel: Channel::ALL.get(random(4) as usize).copied(),
                direction: Direction::ALL.get(random(2) as usize).copied(),
                currency: Currency::parse("EUR"),
                ..Dims::default()
            })
        })
        .collect();
    let first = day_number("2026-01-01".parse().expect("a date"));
    (0..count)
        .map(|_| {
            let kind = kinds[random(kinds.len() as u64) as usize];
            let day = first + random(365) as i32;
            Fact {
                amount: random(100_000) as i64,
                amount2: random(10_000) as i64,
                days_due: Some(random(90) as i32),
                days_invoice: Some(random(90) as i32 + 30),
                value: Some(random(900) as i64),
                flags: (random(16) as u16) | flag::ATTEMPT,
                ..Fact::new(kind, day, Arc::clone(&pool[random(2_000) as usize]))
            }
        })
        .collect()
}

/// What one fact costs, the batch divided by its facts: a commit's facts lie within days, an import's within years.
#[divan::bench(args = [2, 365])]
fn add_facts_of_days(bencher: Bencher, days: i32) {
    let (catalogue, mut facts) = (catalogue(), facts(FACTS));
    let first = facts.first().map_or(0, |fact| fact.day);
    facts.iter_mut().for_each(|fact| fact.day = first + fact.day % days);
    bencher.counter(ItemsCount::new(facts.len())).bench_local(|| {
        let mut delta = Delta::new();
        for fact in &facts {
            delta.add(&catalogue, black_box(fact));
        }
        delta
    });
}

/// The facts of one commit of 1,000 activities on two days, added and packed.
#[divan::bench]
fn pack_a_commit(bencher: Bencher) {
    let catalogue = catalogue();
    let mut facts = facts(5_000);
    let first = facts.first().map_or(0, |fact| fact.day);
    facts.iter_mut().for_each(|fact| fact.day = first + fact.day % 2);
    bencher.counter(ItemsCount::new(facts.len())).bench_local(|| {
        let mut delta = Delta::new();
        for fact in &facts {
            delta.add(&catalogue, black_box(fact));
        }
        delta.encode()
    });
}

fn stored(catalogue: &Catalogue, plan: &Plan, facts: &[Fact]) -> Vec<(BlockKey, Vec<u8>)> {
    let mut delta = Delta::new();
    for fact in facts {
        delta.add(catalogue, fact);
    }
    let ranges = plan.ranges();
    let wanted = |key: &BlockKey| {
        let inside = |period: i32, from: i32, to: i32| from <= period && period < to;
        ranges.iter().any(|r| r.series == key.series && r.grain == key.grain && inside(key.period, r.from, r.to))
    };
    delta.blocks_where(wanted).iter().map(|(key, block)| (*key, block.encode())).collect()
}

/// A question of one KPI by agent for a year, and the stored cells that answer it.
fn year_by_agent(question: &str) -> (Plan, Vec<(BlockKey, Vec<u8>)>) {
    let (kpi, grain) = question.split_once(' ').unwrap_or((question, "month"));
    let catalogue = catalogue();
    let query = Query {
        kpis: vec![kpi.to_owned()],
        grain: Grain::parse(grain).expect("a grain"),
        from: "2026-01-01".parse().expect("a date"),
        to: "2027-01-01".parse().expect("a date"),
        group_by: vec![Dimension::Agent],
        filters: Vec::new(),
    };
    let plan = catalogue.plan(&query).unwrap_or_else(|error| panic!("{error}"));
    let bytes = stored(&catalogue, &plan, &facts(600_000));
    (plan, bytes)
}

fn decoded(bytes: &[(BlockKey, Vec<u8>)]) -> Vec<(BlockKey, Block)> {
    bytes.iter().map(|(key, bytes)| (*key, Block::decode(bytes).expect("a block"))).collect()
}

/// The answer to the text of its last row.
fn answered(plan: &Plan, blocks: &[(BlockKey, Block)]) -> usize {
    let answer = plan.answer(blocks.iter().map(|(key, block)| (*key, block))).expect("an answer");
    answer.rows.iter().filter_map(|row| row.value_text()).map(|text| text.len()).sum::<usize>()
}

/// From stored bytes, as the first question is answered.
#[divan::bench(args = ["rpc_rate month", "collected_per_agent month", "cei month", "dso_due month", "rpc_rate day"])]
fn answer_a_year_by_agent(bencher: Bencher, question: &str) {
    let (plan, bytes) = year_by_agent(question);
    bencher.bench_local(|| answered(&plan, &decoded(&bytes)));
}

/// From cells that an earlier question has decoded.
#[divan::bench(args = ["rpc_rate month", "collected_per_agent month", "cei month", "dso_due month", "rpc_rate day"])]
fn answer_a_year_from_kept_cells(bencher: Bencher, question: &str) {
    let (plan, bytes) = year_by_agent(question);
    let blocks = decoded(&bytes);
    bencher.bench_local(|| answered(&plan, &blocks));
}
