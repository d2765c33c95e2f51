//! Questions that no cells are kept for: the first of a server that has just started, and later ones, beside DuckDB's count.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fairdue::kpi::Exact;
use fairdue::proto::v1;

use crate::Options;
use crate::catalogue::{GRAINS, Served, micros, opened};
use crate::duckdb::DuckDb;
use crate::history::{Histories, question};
use crate::stats::{median, ratio_at_most};
use crate::support::database::{Backend, Database};
use crate::support::service::Setup;
use crate::support::workload::MARKETS;

/// After this a first question is given up once and asked again.
const GIVEN_UP: Duration = Duration::from_secs(3);

/// Asks the questions, each of a server of its own. Sums of facts are stored before, unless they are not wanted.
pub async fn outside(options: &Options) {
    assert!(!options.outside.is_empty(), "no question: name some with --outside KPI:DIMENSION,DIMENSION[:GRAIN]");
    let mut histories = Histories::open(options).await;
    let setup = &mut histories.whole;
    // A history of millions is told for longer than a call without a deadline may take.
    setup.set("grpc.default_deadline_ms", "600000");
    let database = Database::at(Backend::Sqlite, &setup.url);
    if options.without_sums {
        database.run("UPDATE fact_sums SET ground = '', beat = beat + 1").await;
    } else {
        stored(setup, &database, options.markets).await;
    }
    setup.set("query.sums_after_ms", "0");
    let mut peer = options.duckdb.as_ref().map(|python| opened(python, &histories.directory, options));
    for asked in &options.outside {
        one(&histories.whole, options, asked, &mut peer).await;
    }
}

/// Has the sums of every market brought up to date.
async fn stored(setup: &mut Setup, database: &Database, markets: usize) {
    setup.set("query.sums_after_ms", "500");
    let since = Instant::now();
    let whole = Served::start(setup, markets).await;
    let settled = since.elapsed();
    let behind = "SELECT COUNT(*) FROM market m LEFT JOIN fact_sums s ON s.tenant_id = m.tenant_id
        AND s.market_id = m.market_id WHERE m.revision > 0 AND (s.known IS NULL OR s.known < m.revision OR s.holder <> ''
        OR s.ground NOT LIKE m.rules_digest || ' %')";
    while database.number(behind).await > 0 {
        assert!(since.elapsed() < Duration::from_secs(1_800), "the sums are not brought up to date");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let bytes = database.number("SELECT COALESCE(SUM(LENGTH(body)), 0) FROM fact_sum").await;
    let peak = whole.service.resident_bytes() >> 20;
    println!(
        "  sums of facts are stored after {:.1} s (settled after {:.1} s), {bytes} bytes; {peak} MiB resident",
        since.elapsed().as_secs_f64(),
        settled.as_secs_f64()
    );
    whole.service.kill();
}

async fn one(setup: &Setup, options: &Options, asked: &str, peer: &mut Option<DuckDb>) {
    let whole = Served::start(setup, options.markets).await;
    let mut words = asked.split(':');
    let mut question = question(MARKETS[0].0);
    question.kpi_ids = words.next().map(str::to_owned).into_iter().collect();
    question.group_by = words.next().unwrap_or_default().split(',').map(str::to_owned).collect();
    let grain = words.next().unwrap_or("month");
    question.grain = GRAINS.iter().find(|one| one.1 == grain).expect("a grain").0.into();
    let since = Instant::now();
    // Given up once in the middle: what was told until then is not told again.
    let given_up = tokio::time::timeout(GIVEN_UP, whole.ask(&question)).await.is_err();
    let first = if given_up { None } else { Some(micros(since.elapsed())) };
    let answer = whole.ask(&question).await.expect("an answer").answer;
    let first = first.unwrap_or_else(|| micros(since.elapsed()));
    assert_eq!(answer.source, i32::from(v1::FigureSource::Facts), "{asked}: no cells are kept for it");
    let rows = answer.rows;
    let mut by_one = question.clone();
    by_one.group_by.truncate(1);
    let cells = whole.ask(&by_one).await.expect("an answer").answer;
    assert_eq!(cells.source, i32::from(v1::FigureSource::Cells), "{asked}: its first dimension has cells");
    assert_eq!(added_up(&rows), added_up(&cells.rows), "{asked}: facts add up to something else than cells");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let came = whole.ask(&question).await.expect("an answer");
        assert_eq!(came.answer.rows, rows, "{asked}: the same history has other figures");
        ours.push(came.decoded);
        if let Some(peer) = peer {
            theirs.push(micros(peer.ask_of("outside", grain, "agent", 0).0));
        }
    }
    let again = median(&ours);
    let begun = if given_up { "given up once, first answer after" } else { "first" };
    let resident = whole.service.resident_bytes() >> 20;
    println!(
        "  {asked} by {grain}, {} rows: {begun} {:.1} ms, then {:.1} ms; {resident} MiB resident",
        rows.len(),
        first / 1e3,
        again / 1e3
    );
    if !theirs.is_empty() {
        let over = format!("over DuckDB's count by {grain}, agent, client and kind");
        ratio_at_most(&format!("first answer {over}"), first, median(&theirs), 2.0);
        ratio_at_most(&format!("later answers {over}"), again, median(&theirs), 2.0);
    }
    whole.service.kill();
}

/// Sums of numerators and denominators by month and first group.
fn added_up(rows: &[v1::KpiRow]) -> BTreeMap<String, [Exact; 2]> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let key = format!("{:?} {:?} {}", row.period_start_date, row.group.first(), row.currency_code);
        let sum: &mut [Exact; 2] = sums.entry(key).or_insert([Exact::ZERO; 2]);
        for (sum, text) in sum.iter_mut().zip([&row.numerator, &row.denominator]) {
            let number = text.as_ref().map_or(Some(Exact::ZERO), |number| Exact::parse(&number.value));
            *sum = number.and_then(|number| sum.add(number)).expect("a number");
        }
    }
    sums.retain(|_, sums| sums.iter().any(|sum| !sum.is_zero()));
    sums
}
