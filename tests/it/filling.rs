//! Definitions that change while the service runs: old answers until the new cells are there, progress that everybody sees and
//! no kill undoes, and figures of a recount in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;
use v1::kpi_service_client::KpiServiceClient;

use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::service::{Caller, Service, Setup, caller};
use crate::support::workload::{self, Kind, MARKETS, PER_CASE, Record};

/// The market of these tests: its place among those of the workload.
const MARKET: usize = 0;
const REGION: &str = "IT";
/// Cases over all markets; a quarter of them is this market's, enough for three portions of a telling.
const CASES: u32 = 2_400;
/// A KPI whose measure the package does not have.
pub const NEW: &str = r#"version = 1
[[measure]]
id = "everything_contacted"
title = "Contacts"
description = "Contacts of any kind."
fact = "contact"
agg = "count"
dimension_sets = [[], ["agent"]]

[[kpi]]
id = "contacts_of_any_kind"
title = "Contacts of any kind"
description = "Contacts of any kind."
formula = "contacts"
source = "the test"
kind = "simple"
measure = "everything_contacted"
unit = "count"
decimals = 0
rounding = "half_even"
unit_counted = "contact"
base = "none"
clock = "occurred"
currency_policy = "none"
additivity = "time_and_groups"
attribution = "actor"
dimension_as_of = "fact"
variants = []
"#;

/// What attempts are by the package, and what they are made here: those by call alone.
const FORMER: &str = "where = { flags = [\"attempt\"] }";
const CHANGED: &str = "where = { flags = [\"attempt\"], channel = [\"call\"] }";

fn rewrite(configuration: &Path, file: &str, from: &str, to: &str) {
    let path = configuration.join("kpis").join(file);
    let text = std::fs::read_to_string(&path).expect("definitions");
    assert!(text.contains(from), "{file} does not say {from}");
    std::fs::write(path, text.replacen(from, to, 1)).expect("write definitions");
}

/// Changes what attempts are, and adds a KPI.
fn change(configuration: &Path) {
    rewrite(configuration, "measures_contact.toml", FORMER, CHANGED);
    std::fs::write(configuration.join("kpis/new.toml"), NEW).expect("write definitions");
}

type Month = (i32, u32);

/// Contacts by month of some records that are sent, voids among them: those of any kind, or calls alone.
fn recount(sent: &[Record], calls_alone: bool) -> BTreeMap<Month, i64> {
    let zone: chrono_tz::Tz = MARKETS[MARKET].2.parse().expect("a zone");
    let mut counts = BTreeMap::new();
    let mut known: Vec<(u32, u32)> = sent.iter().map(|record| (record.case, record.number)).collect();
    known.sort_unstable();
    known.dedup();
    for (case, number) in known.iter().filter(|(_, number)| *number < PER_CASE) {
        let kind = workload::kind(*case, *number);
        let call = matches!(kind, Kind::Call | Kind::NightCall);
        let counts_here = call || (!calls_alone && matches!(kind, Kind::Email | Kind::Letter));
        if !counts_here || known.binary_search(&(*case, number + PER_CASE)).is_ok() {
            continue;
        }
        use chrono::Datelike;
        let at = chrono::DateTime::from_timestamp(workload::START + workload::occurred(*case, *number), 0);
        let local = at.expect("an instant").with_timezone(&zone);
        *counts.entry((local.year(), local.month())).or_default() += 1;
    }
    counts
}

struct Client {
    kpis: KpiServiceClient<Caller>,
    activities: ActivityServiceClient<Caller>,
}

impl Client {
    async fn of(service: &Service, setup: &Setup) -> Self {
        let caller = caller(&service.address, &setup.key).await;
        let limit = 64 << 20;
        Self {
            kpis: KpiServiceClient::new(caller.clone()).max_decoding_message_size(limit),
            activities: ActivityServiceClient::new(caller),
        }
    }

    async fn send(&mut self, records: &[Record]) {
        for some in records.chunks(500) {
            let activities = some.iter().map(|record| workload::activity(*record)).collect();
            let request = v1::BatchRecordActivitiesRequest { region_code: REGION.into(), activities };
            let answer = self.activities.batch_record_activities(request).await.expect("store records").into_inner();
            for result in answer.results {
                assert!(result.refusal.is_none(), "a record was refused: {:?}", result.refusal);
            }
        }
    }

    /// A question by month, with the answer's own words and the counts: of a quotient those below the line.
    async fn counts(&mut self, kpi: &str, by_facts: bool) -> (v1::QueryKpisResponse, BTreeMap<Month, i64>) {
        let known = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
        let known = prost_types::Timestamp { seconds: known.as_secs() as i64, nanos: 0 };
        let request = v1::QueryKpisRequest {
            region_code: REGION.into(),
            kpi_ids: vec![kpi.into()],
            grain: v1::Grain::Month.into(),
            start_date: Some(Date { year: 2025, month: 1, day: 1 }),
            end_date: Some(Date { year: 2026, month: 1, day: 1 }),
            as_known_time: by_facts.then_some(known),
            ..Default::default()
        };
        let answer = self.kpis.query_kpis(request).await.expect("an answer").into_inner();
        let mut counts = BTreeMap::new();
        for row in &answer.rows {
            let told = row.denominator.as_ref().or(row.value.as_ref()).map_or("0", |decimal| decimal.value.as_str());
            let count: i64 = told.parse().expect("a count");
            let month = row.period_start_date.as_ref().map(|date| (date.year, date.month.unsigned_abs()));
            if count != 0 {
                counts.insert(month.expect("a period"), count);
            }
        }
        (answer, counts)
    }

    /// What the scorecard says of KPIs that are not ready.
    async fn judged_by(&mut self) -> Vec<(String, v1::AnsweringDefinition)> {
        let request = v1::GetScorecardRequest { region_code: REGION.into() };
        let card = self.kpis.get_scorecard(request).await.expect("a scorecard").into_inner();
        assert_eq!(card.targets.len(), 1);
        answering(&card.filling)
    }

    /// The KPIs that are not ready.
    async fn filling(&mut self) -> BTreeMap<String, v1::KpiFilling> {
        let request = v1::ListKpisRequest { region_code: REGION.into(), page_size: 1_000, ..Default::default() };
        let list = self.kpis.list_kpis(request).await.expect("a list").into_inner().kpis;
        list.into_iter().filter_map(|kpi| Some((kpi.kpi_id, kpi.filling?))).collect()
    }

    /// Waits until the list of what is not ready is as wanted.
    async fn wait(&mut self, what: &str, wanted: impl Fn(&BTreeMap<String, v1::KpiFilling>) -> bool) {
        let since = Instant::now();
        loop {
            let filling = self.filling().await;
            if wanted(&filling) {
                return;
            }
            assert!(since.elapsed() < Duration::from_secs(120), "{what}: still {filling:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A target of a KPI that does not change, guarded by the one that does.
const TARGET: &str = r#"
[[target]]
id = "recovered"
kpi = "recovery_rate"
grain = "month"
from = "2025-01-01"
currency = "EUR"
goal = "10"
side = "at_least"
[target.guard]
kpi = "rpc_rate"
side = "at_least"
bound = "1"
"#;

async fn prepared(database: &Database, pause_ms: &str) -> (Setup, Service, Vec<Record>) {
    let settings = [("ingest.fill_records", "1"), ("ingest.fill_pause_ms", pause_ms)];
    let setup = Setup::new(&database.url, &settings).await;
    let tenant = setup.configuration().join("tenants/t.toml");
    let text = std::fs::read_to_string(&tenant).expect("the tenant");
    std::fs::write(&tenant, format!("{text}{TARGET}")).expect("write the tenant");
    let service = setup.start().await;
    let mut cases = CaseServiceClient::new(caller(&service.address, &setup.key).await);
    let all: Vec<v1::Case> =
        (0..CASES).filter(|case| *case as usize % MARKETS.len() == MARKET).map(workload::case).collect();
    for some in all.chunks(500) {
        let request = v1::BatchUpsertCasesRequest { region_code: REGION.into(), cases: some.to_vec() };
        cases.batch_upsert_cases(request).await.expect("store cases");
    }
    (setup, service, workload::plan(MARKET, CASES))
}

fn answering(filling: &[v1::KpiFilling]) -> Vec<(String, v1::AnsweringDefinition)> {
    filling.iter().map(|one| (one.kpi_id.clone(), one.answering())).collect()
}

on_both_databases! {
    async fn old_answers_stay_and_a_kill_in_the_middle_undoes_nothing(database: Database) {
        let (mut setup, service, plan) = prepared(&database, "4000").await;
        let (first, second) = plan.split_at(plan.len() / 2);
        let mut client = Client::of(&service, &setup).await;
        client.send(first).await;
        let (answer, counts) = client.counts("rpc_rate", false).await;
        assert_eq!((counts, answer.filling.len()), (recount(first, false), 0));

        change(setup.configuration());
        service.reload();
        client.wait("a step is made", |filling| filling.get("rpc_rate").is_some_and(|one| one.records_done > 0)).await;
        let filling = client.filling().await;
        assert_eq!(filling["rpc_rate"].answering(), v1::AnsweringDefinition::Former);
        assert_eq!(filling["contacts_of_any_kind"].answering(), v1::AnsweringDefinition::Current);
        assert!(!filling.contains_key("recovery_rate"), "what did not change is filled, too");
        // The changed one by its former definition, the new one from the facts, and never zero.
        let (answer, counts) = client.counts("rpc_rate", false).await;
        let former = vec![("rpc_rate".to_owned(), v1::AnsweringDefinition::Former)];
        assert_eq!((answering(&answer.filling), answer.source()), (former.clone(), v1::FigureSource::Cells));
        assert_ne!(answer.filling[0].former_definitions_digest, answer.definitions_digest);
        assert_eq!(counts, recount(first, false));
        assert_eq!(client.judged_by().await, former);
        let (answer, counts) = client.counts("contacts_of_any_kind", false).await;
        let current = vec![("contacts_of_any_kind".to_owned(), v1::AnsweringDefinition::Current)];
        assert_eq!((answering(&answer.filling), answer.source()), (current, v1::FigureSource::Facts));
        assert_eq!(counts, recount(first, false));

        client.send(second).await;
        let before = client.filling().await;
        service.kill();
        let service = setup.start().await;
        let mut client = Client::of(&service, &setup).await;
        let after = client.filling().await;
        let place = |filling: &BTreeMap<String, v1::KpiFilling>| {
            let one = filling.get("rpc_rate").expect("is filled still");
            (one.start_time.expect("begun").seconds, one.records_total, one.records_done)
        };
        let ((start, total, done), (same, all, further)) = (place(&before), place(&after));
        assert_eq!((start, total), (same, all), "it began anew");
        assert!(done > 0 && further >= done, "{further} of {all} are done, {done} were before the kill");
        let (answer, counts) = client.counts("rpc_rate", false).await;
        assert_eq!((answering(&answer.filling), counts), (former, recount(&plan, false)));

        // A stop gives it out of hand, and the last server need not be slow.
        assert_eq!(service.stop(), 0);
        setup.set("ingest.fill_pause_ms", "0");
        let service = setup.start().await;
        let mut client = Client::of(&service, &setup).await;
        client.wait("all is filled", BTreeMap::is_empty).await;
        assert_eq!(client.judged_by().await, []);
        for (kpi, calls_alone) in [("rpc_rate", true), ("contacts_of_any_kind", false)] {
            let (answer, counts) = client.counts(kpi, false).await;
            assert_eq!((answer.source(), answer.filling.len()), (v1::FigureSource::Cells, 0));
            assert_eq!(counts, recount(&plan, calls_alone), "{kpi}");
            let (told, facts) = client.counts(kpi, true).await;
            assert_eq!((told.source(), facts), (v1::FigureSource::Facts, counts), "{kpi}");
        }
        // What both definitions share was whole all the time, and is filled by nobody.
        for kpi in ["pending_rate", "compliance_rate"] {
            let ((answer, counts), (_, facts)) = (client.counts(kpi, false).await, client.counts(kpi, true).await);
            assert_eq!((answer.source(), &counts), (v1::FigureSource::Cells, &facts), "{kpi}");
            assert!(counts.values().sum::<i64>() > 1_000, "{kpi} counts something: {counts:?}");
        }
        former_cells_are_dropped(&database).await;
    }
}

/// Waits until no cell is of a series that no definition keeps.
async fn former_cells_are_dropped(database: &Database) {
    let left = match database.backend {
        Backend::Sqlite => {
            "SELECT COUNT(*) FROM cell WHERE market_id = 'it' AND series NOT IN (SELECT j.value FROM kpi_definition AS d,
                 json_each(d.series) AS j WHERE d.market_id = 'it')"
        }
        Backend::Postgres => {
            "SELECT COUNT(*) FROM cell WHERE market_id = 'it' AND series NOT IN (SELECT j::text::bigint
                 FROM kpi_definition AS d, json_array_elements(d.series::json) AS j WHERE d.market_id = 'it')"
        }
    };
    let since = Instant::now();
    while database.number(left).await > 0 {
        assert!(since.elapsed() < Duration::from_secs(30), "cells of former definitions are left");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

on_both_databases! {
    async fn a_title_fills_nothing(database: Database) {
        let (setup, service, plan) = prepared(&database, "0").await;
        let mut client = Client::of(&service, &setup).await;
        client.send(&plan[..500]).await;
        let (answer, counts) = client.counts("rpc_rate", false).await;
        // Until all that waits is merged, cells are written by themselves.
        let waiting = "SELECT COUNT(*) FROM cell_delta";
        while database.number(waiting).await > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mark = "SELECT cells_mark FROM market WHERE market_id = 'it'";
        let before = database.number(mark).await;
        rewrite(setup.configuration(), "measures_contact.toml", "title = \"Attempts\"", "title = \"Tries\"");
        rewrite(setup.configuration(), "contact.toml", "title = \"Right-party contact rate\"", "title = \"Reached\"");
        service.reload();
        let since = Instant::now();
        let (again, titled) = loop {
            let (again, same) = client.counts("rpc_rate", false).await;
            assert_eq!((&same, again.source(), again.filling.len()), (&counts, v1::FigureSource::Cells, 0));
            let noted = format!("SELECT COUNT(*) FROM kpi_definition WHERE market_id = 'it' AND digest = '{}'", again.definitions_digest);
            if again.definitions_digest != answer.definitions_digest && database.number(&noted).await == 1 {
                break (again, client.filling().await);
            }
            assert!(since.elapsed() < Duration::from_secs(30), "the new texts are not noted");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(titled.is_empty() && again.revision == answer.revision, "{titled:?}");
        assert_eq!(database.number("SELECT COUNT(*) FROM kpi_filling").await, 0);
        assert_eq!(database.number(mark).await, before, "cells were written");
        let log = std::fs::read_to_string(setup.log_file()).expect("the log");
        assert!(!log.contains("filling the cells"), "a filling began");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_one_fills_while_both_write() {
    let database = Database::fresh(Backend::Postgres).await;
    let (setup, one, plan) = prepared(&database, "50").await;
    let other = setup.start().await;
    let mut clients = [Client::of(&one, &setup).await, Client::of(&other, &setup).await];
    let third = plan.len() / 3;
    clients[0].send(&plan[..third]).await;
    change(setup.configuration());
    one.reload();
    // The other one keeps the former definitions for a while, and must keep the new cells right all the same.
    clients[0]
        .wait("it has begun", |filling| filling.get("rpc_rate").is_some_and(|one| one.start_time.is_some()))
        .await;
    clients[1].send(&plan[third..2 * third]).await;
    other.reload();
    clients[1].send(&plan[2 * third..]).await;
    for client in &mut clients {
        client.wait("all is filled", BTreeMap::is_empty).await;
        for (kpi, calls_alone) in [("rpc_rate", true), ("contacts_of_any_kind", false)] {
            let (answer, counts) = client.counts(kpi, false).await;
            assert_eq!((answer.source(), counts), (v1::FigureSource::Cells, recount(&plan, calls_alone)), "{kpi}");
        }
    }
    let log = std::fs::read_to_string(setup.log_file()).expect("the log");
    let begun = log.lines().filter(|line| line.contains("filling the cells") && line.contains("market=it")).count();
    assert_eq!(begun, 1, "the market was filled more than once");
}

/// A step that takes longer than a sign of life may stand still, or a pause that does, is no reason to take a filling over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_works_slowly_keeps_a_filling() {
    let database = Database::fresh(Backend::Postgres).await;
    let (setup, one, plan) = prepared(&database, "7000").await;
    let other = setup.start().await;
    let mut client = Client::of(&one, &setup).await;
    client.send(&plan[..1_000]).await;
    change(setup.configuration());
    one.reload();
    other.reload();
    let holder = "SELECT COALESCE(MAX(('x' || md5(holder))::bit(32)::bigint), 0) FROM kpi_filling WHERE holder <> ''";
    let step = "SELECT COALESCE(MAX(step), 0) FROM kpi_filling";
    let (mut holders, since) = (BTreeSet::new(), Instant::now());
    // Two pauses and what is between them.
    while database.number(step).await < 2 {
        holders.insert(database.number(holder).await);
        assert!(since.elapsed() < Duration::from_secs(60), "no second step is made");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    holders.remove(&0);
    assert_eq!(holders.len(), 1, "it went from hand to hand");
}
