//! The life of findings as a property: in whatever order, batches and repetitions facts arrive between two decisions,
//! whatever is repeated, restarted or timed in between, the same decisions are taken and refused, and statuses and
//! histories end alike. `FAIRDUE_LIVES` sets how many are tried on SQLite (default 12); PostgreSQL gets a quarter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fairdue::clock::Clock;
use fairdue::config::Holder;
use fairdue::domain::activity::Activity;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::detail::Detail;
use fairdue::domain::finding::FindingStatus;
use fairdue::domain::finding_life::{FindingAction, history, standing, substance};
use fairdue::domain::ids::{ActivityId, FindingId, KeyId, MarketId, TenantId, UpdateId};
use fairdue::domain::market::MarketKey;
use fairdue::domain::principal::{Principal, Role};
use fairdue::domain::time::{DAY, SECOND, Timestamp};
use fairdue::domain::vocabulary::DebtClass;
use fairdue::ingest::{CaseUpsert, FindingUpdate, ItemResult, Markets, Work};
use fairdue::kpi;
use fairdue::query::{KpiQuestion, Query};
use fairdue::store::{FindingFilter, FindingRow, Store, StoreOptions};

use crate::histories::deliver::Dice;
use crate::support::api::HOUSE_RULE;
use crate::support::builders::{activity, call, version};
use crate::support::config;
use crate::support::database::{Backend, Database};
use crate::support::wire::debtor;

/// Segments of facts, each followed by decisions.
const SEGMENTS: usize = 6;

/// What arrives before one round of decisions.
#[derive(Default)]
struct Segment {
    versions: Vec<CaseVersion>,
    activities: Vec<Activity>,
}

fn at(day: i64, second: i64) -> Timestamp {
    Timestamp(1_710_763_200_000_000).plus(day * DAY + second * SECOND)
}

/// Calls of any day, voids of calls that came or will come, and versions that take the rule's ground away or give it.
fn segments(dice: &mut Dice) -> Vec<Segment> {
    let mut opening = version("c", "v0", at(-1, 0));
    opening.class.debt_class = Some(DebtClass::Consumer);
    opening.parties = vec![debtor("c")];
    let mut all: Vec<Segment> = Vec::new();
    for segment in 0..SEGMENTS {
        let mut now = Segment::default();
        for n in 0..2 + dice.below(4) {
            let id = format!("call {segment} {n}");
            now.activities.push(call(&id, "c", at(dice.below(12) as i64, dice.below(36_000) as i64)));
        }
        if dice.below(3) == 0 {
            let target = format!("call {} {}", dice.below(SEGMENTS), dice.below(3));
            let detail = Detail::Void { target: ActivityId::trusted(&target), reason: None };
            let mut void = activity(&format!("void {segment}"), "c", at(20, segment as i64), detail);
            void.cases.clear();
            now.activities.push(void);
        }
        if dice.below(3) == 0 {
            let mut later = opening.clone();
            later.version = fairdue::domain::ids::VersionId::trusted(&format!("v{}", segment + 1));
            later.effective = at(dice.below(12) as i64, segment as i64);
            later.class.debt_class = Some(if dice.below(2) == 0 { DebtClass::Business } else { DebtClass::Consumer });
            now.versions.push(later);
        }
        all.push(now);
    }
    if let Some(first) = all.first_mut() {
        first.versions.insert(0, opening);
    }
    all
}

struct Life {
    runtime: tokio::runtime::Runtime,
    markets: Arc<Markets>,
    hand: Arc<AtomicI64>,
}

fn key() -> MarketKey {
    MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") }
}

impl Life {
    fn begin(url: &str, holder: &Arc<Holder>, now: Timestamp) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (clock, hand) = Clock::manual(now);
        let options = StoreOptions {
            max_connections: 3,
            acquire_timeout: std::time::Duration::from_secs(60),
            ..StoreOptions::default()
        };
        let markets = runtime.block_on(async {
            let store = Store::open(url, &options).await.expect("open the store");
            Markets::new(store, Arc::clone(holder), clock)
        });
        Self { runtime, markets, hand }
    }

    fn submit(&self, work: Work) -> Vec<ItemResult> {
        self.runtime.block_on(self.markets.submit(&key(), work)).expect("a commit").results
    }

    /// Facts are never refused: one run of two without some of them would be another history.
    fn tell(&self, work: Work) {
        let results = self.submit(work);
        assert!(results.iter().all(|result| !matches!(result, ItemResult::Refused(_))), "{results:?}");
    }

    fn restart(self, url: &str, holder: &Arc<Holder>) -> Self {
        let now = Timestamp(self.hand.load(Ordering::SeqCst));
        self.runtime.shutdown_background();
        Self::begin(url, holder, now)
    }

    fn findings(&self) -> Vec<FindingRow> {
        let scope = self.markets.store().scope(&key().tenant);
        let (now, filter) = (self.markets.clock().now(), FindingFilter::default());
        let list = async { scope.list_findings(&key().market, &filter, now, None, 1_000).await };
        self.runtime.block_on(list).expect("a list")
    }
}

/// The whole life of one finding, without what may differ: revisions, and what was derived in between.
type Told = (FindingStatus, String, Vec<(UpdateId, FindingAction, FindingStatus, KeyId)>);

/// What the decisions were answered, and what became of every finding.
#[derive(Debug, PartialEq)]
struct Outcome {
    answers: Vec<String>,
    lives: BTreeMap<FindingId, Told>,
}

fn said(result: &ItemResult) -> String {
    match result {
        ItemResult::Refused(refusal) => refusal.reason.to_owned(),
        other => format!("{other:?}"),
    }
}

/// Lets segments and decisions happen. `decide` rolls what is decided, alike in every run; `arrive` how facts arrive.
fn run(url: &str, holder: &Arc<Holder>, segments: &[Segment], decide: u64, mut arrive: Option<Dice>) -> Outcome {
    let mut dice = Dice::new(decide);
    let mut life = Life::begin(url, holder, at(30, 0));
    let mut answers = Vec::new();
    let mut sent: Vec<FindingUpdate> = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let mut versions = segment.versions.clone();
        let mut activities = segment.activities.clone();
        if let Some(arrive) = &mut arrive {
            for n in (1..activities.len()).rev() {
                activities.swap(n, arrive.below(n + 1));
            }
            activities.extend(activities.first().cloned()); // twice
        }
        let upserts = |versions: Vec<CaseVersion>| {
            Work::Cases(versions.into_iter().map(|version| CaseUpsert { version, etag: None }).collect())
        };
        // A case is opened before its facts come; later versions come before or after them.
        if arrive.as_mut().is_none_or(|arrive| arrive.below(2) == 0) || at == 0 {
            life.tell(upserts(std::mem::take(&mut versions)));
        }
        let most = arrive.as_mut().map_or(activities.len(), |arrive| 1 + arrive.below(4));
        for batch in activities.chunks(most) {
            life.tell(Work::Activities(batch.to_vec()));
            if let Some(arrive) = &mut arrive {
                match arrive.below(6) {
                    0 => life = life.restart(url, holder),
                    1 => drop(life.submit(Work::Settle(life.markets.clock().now()))),
                    2 if !sent.is_empty() => {
                        // What was decided long ago is sent again: it is a repetition, or refused as it was.
                        let again = sent[arrive.below(sent.len())].clone();
                        let answer = said(&life.submit(Work::Decide(Box::new(again)))[0]);
                        assert_eq!(answer, "Duplicate", "a repetition");
                    }
                    _ => {}
                }
            }
        }
        life.tell(upserts(versions));
        life.hand.fetch_add(DAY, Ordering::SeqCst);
        for n in 0..3 {
            // What came and went on the way differs from run to run, unless somebody has decided about it.
            let known = |row: &FindingRow| row.status != FindingStatus::Withdrawn || row.decision.is_some();
            let findings: Vec<FindingRow> = life.findings().into_iter().filter(known).collect();
            if findings.is_empty() {
                continue;
            }
            let row = &findings[dice.below(findings.len())];
            let action = FindingAction::ALL[dice.below(FindingAction::ALL.len())];
            let ends = life.markets.clock().now().plus(DAY * (1 + dice.below(4) as i64) - SECOND);
            let update = FindingUpdate {
                id: UpdateId::trusted(&format!("u {} {n}", answers.len())),
                finding: row.finding.id,
                action,
                reason: Some(format!("reason {n}")),
                until: (action == FindingAction::Waive).then_some(ends),
                key: KeyId::trusted(["k0", "k1"][dice.below(2)]),
                actor: None,
                etag: (dice.below(2) == 0).then(|| row.etag()),
            };
            let answer = said(&life.submit(Work::Decide(Box::new(update.clone())))[0]);
            if answer == "Created" {
                sent.push(update);
            }
            answers.push(answer);
        }
        figures(&life);
    }
    let mut lives: BTreeMap<FindingId, Told> =
        life.findings().into_iter().map(|row| (row.finding.id, told(&life, &row))).collect();
    lives.retain(|_, (status, _, decisions)| *status != FindingStatus::Withdrawn || !decisions.is_empty());
    life.runtime.shutdown_background();
    Outcome { answers, lives }
}

/// Holds what cells say of findings against the history told again, and against the list of findings.
fn figures(life: &Life) {
    let now = life.markets.clock().now();
    let roles = vec![Role::Reader];
    let reader = Principal { tenant: key().tenant, key: KeyId::trusted("r"), roles, markets: Vec::new() };
    let question = |grain, as_of| KpiQuestion {
        query: kpi::Query {
            kpis: ["findings_open", "findings_remediated", "mean_time_to_remediate", "findings_open_mean"]
                .map(str::to_owned)
                .to_vec(),
            grain,
            from: at(-2, 0).date(chrono_tz::Europe::Rome),
            to: now.plus(DAY).date(chrono_tz::Europe::Rome),
            group_by: vec![kpi::Dimension::Rule],
            filters: Vec::new(),
        },
        shape: kpi::Shape::default(),
        as_of,
        as_known_at: None,
        frozen: false,
    };
    let inside = life.runtime.enter();
    let query = Query::new(Arc::clone(&life.markets));
    drop(inside);
    let ask = |grain, as_of| {
        let answer = life.runtime.block_on(query.query_kpis(&reader, &key().market, question(grain, as_of)));
        let rows = answer.expect("an answer").answer.rows.into_iter();
        // A group that no fact is left of may be told as nothing, or not at all.
        let rows = rows.filter(|row| row.numerator.is_some_and(|above| above != kpi::Exact::whole(0)));
        let told = |row: kpi::Row| ((row.kpi.to_string(), row.start, row.group), (row.numerator, row.denominator));
        rows.map(told).collect::<BTreeMap<_, _>>()
    };
    for grain in [kpi::Grain::Day, kpi::Grain::Week, kpi::Grain::Total] {
        assert_eq!(ask(grain, None), ask(grain, Some(now)), "cells, and the history told again");
    }
    use FindingStatus::{Acknowledged, Open, Reopened, WaiveProposed};
    let listed = life.findings();
    let open = listed.iter().filter(|row| matches!(row.status, Open | Acknowledged | Reopened | WaiveProposed)).count();
    let closing = |rows: &BTreeMap<(String, _, _), (Option<kpi::Exact>, Option<kpi::Exact>)>| {
        let of = rows.iter().filter(|((kpi, ..), _)| kpi == "findings_open").filter_map(|(_, (above, _))| *above);
        of.fold(kpi::Exact::whole(0), |sum, one| sum.add(one).expect("a small number"))
    };
    assert_eq!(closing(&ask(kpi::Grain::Total, None)), kpi::Exact::whole(open as i128), "cells, and the list");
}

/// A finding's life, after checking that the row, the history and the plain definition of a status say the same.
fn told(life: &Life, row: &FindingRow) -> Told {
    let scope = life.markets.store().scope(&key().tenant);
    let past = life.runtime.block_on(scope.finding_past(&key().market, row.finding.id)).expect("read").expect("known");
    let now = life.markets.clock().now();
    if past.row.status != FindingStatus::Withdrawn {
        let plain = standing(past.decisions.last(), &substance(&past.row.finding));
        assert_eq!(past.row.status, plain, "what SQL says is what the definition says: {past:?}");
    }
    let decisions =
        past.decisions.iter().map(|one| (one.id.clone(), one.action, one.status, one.key.clone())).collect();
    let changes = history(past.derived, past.decisions, now);
    assert_eq!(changes.last().map(|last| last.status), Some(row.status), "a history ends in the status: {changes:?}");
    // A withdrawn finding says what it said last, and when that was depends on the way.
    let says = if row.status == FindingStatus::Withdrawn { String::new() } else { substance(&row.finding) };
    (row.status, says, decisions)
}

fn configuration() -> (tempfile::TempDir, Arc<Holder>) {
    let directory = crate::support::service::configuration();
    let tenant = format!(
        "tenant = \"t\"\n[markets.it]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\npromise_grace_days = 3\n\
         [findings]\nfour_eyes = [\"waived\"]\n{HOUSE_RULE}"
    );
    std::fs::write(directory.path().join("tenants/t.toml"), tenant).expect("write the tenant");
    let snapshot = config::load(directory.path(), []);
    let holder = Arc::new(Holder::of(directory.path(), snapshot));
    (directory, holder)
}

fn arrival_changes_no_life(backend: Backend, lives: u64) {
    let (_directory, holder) = configuration();
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let fresh = || waiting.block_on(Database::fresh(backend));
    let (mut created, mut reopened) = (0, 0);
    for seed in 0..lives {
        let segments = segments(&mut Dice::new(seed));
        let (plain, other) = (fresh(), fresh());
        let a = run(&plain.url, &holder, &segments, seed + 1_000, None);
        let b = run(&other.url, &holder, &segments, seed + 1_000, Some(Dice::new(seed + 2_000)));
        assert_eq!(a, b, "seed {seed}");
        created += a.answers.iter().filter(|answer| *answer == "Created").count();
        reopened += a.lives.values().filter(|(status, ..)| *status == FindingStatus::Reopened).count();
    }
    assert!(created > 0 && (lives < 10 || reopened > 0), "the lives are too quiet: {created}, {reopened}");
}

fn lives() -> u64 {
    std::env::var("FAIRDUE_LIVES").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

#[test]
fn arrival_changes_no_life_on_sqlite() {
    arrival_changes_no_life(Backend::Sqlite, lives());
}

#[test]
fn arrival_changes_no_life_on_postgres() {
    arrival_changes_no_life(Backend::Postgres, lives().div_ceil(4));
}
