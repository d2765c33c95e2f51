//! Sums of facts in the database: a server that has just started answers from them what no cells answer, without the history; what
//! was committed since is told and added; and what rests on other settings is not used.

use std::time::{Duration, Instant};

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;
use v1::kpi_service_client::KpiServiceClient;

use crate::support::database::{Database, on_both_databases};
use crate::support::service::{Service, Setup, caller};
use crate::support::workload::{self, MARKETS, Record};

const MARKET: usize = 0;
const REGION: &str = "IT";
const CASES: u32 = 400;
/// Facts of contacts, of payments, and of what rules say.
const KPIS: [&str; 3] = ["rpc_rate", "payments", "compliance_rate"];

/// A server that stores sums all the time, and its cases.
async fn with_cases(database: &Database) -> (Setup, Service) {
    let setup = Setup::new(&database.url, &[("query.sums_after_ms", "100")]).await;
    let service = setup.start().await;
    let mut cases = CaseServiceClient::new(caller(&service.address, &setup.key).await);
    let all = (0..CASES).filter(|case| *case as usize % MARKETS.len() == MARKET).map(workload::case).collect();
    let request = v1::BatchUpsertCasesRequest { region_code: REGION.into(), cases: all };
    cases.batch_upsert_cases(request).await.expect("store cases");
    (setup, service)
}

async fn send(service: &Service, setup: &Setup, records: &[Record]) {
    let mut activities = ActivityServiceClient::new(caller(&service.address, &setup.key).await);
    for some in records.chunks(500) {
        let all = some.iter().map(|record| workload::activity(*record)).collect();
        let request = v1::BatchRecordActivitiesRequest { region_code: REGION.into(), activities: all };
        let answer = activities.batch_record_activities(request).await.expect("store records").into_inner();
        assert!(answer.results.iter().all(|result| result.refusal.is_none()));
    }
}

/// Figures by month, agent, client and team, for which no cells are kept; `retold`: as known now, which is always told from the
/// history.
async fn ask(service: &Service, setup: &Setup, retold: bool) -> Vec<Vec<v1::KpiRow>> {
    let mut kpis =
        KpiServiceClient::new(caller(&service.address, &setup.key).await).max_decoding_message_size(64 << 20);
    let known = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let known = prost_types::Timestamp { seconds: known.as_secs() as i64, nanos: known.subsec_nanos() as i32 };
    let mut all = Vec::new();
    for kpi in KPIS {
        let request = v1::QueryKpisRequest {
            region_code: REGION.into(),
            kpi_ids: vec![kpi.into()],
            grain: v1::Grain::Month.into(),
            start_date: Some(Date { year: 2025, month: 1, day: 1 }),
            end_date: Some(Date { year: 2026, month: 1, day: 1 }),
            group_by: vec!["agent".into(), "client".into(), "team".into()],
            as_known_time: retold.then_some(known),
            ..Default::default()
        };
        let answer = kpis.query_kpis(request).await.expect("an answer").into_inner();
        assert_eq!(answer.source(), v1::FigureSource::Facts);
        all.push(answer.rows);
    }
    all
}

/// Waits until the sums are of the market's newest revision.
async fn up_to_date(database: &Database) {
    let sql =
        "SELECT COUNT(*) FROM market m JOIN fact_sums s ON s.tenant_id = m.tenant_id AND s.market_id = m.market_id
        WHERE m.market_id = 'it' AND s.known = m.revision AND s.holder = ''";
    let since = Instant::now();
    while database.number(sql).await != 1 {
        assert!(since.elapsed() < Duration::from_secs(60), "the sums are not brought up to date");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

on_both_databases! {
    async fn first_answers_outside_the_cells_do_without_the_history(database: Database) {
        let (mut setup, service) = with_cases(&database).await;
        let plan = workload::plan(MARKET, CASES);
        let (first, second) = plan.split_at(plan.len() - 80);
        send(&service, &setup, first).await;
        up_to_date(&database).await;
        let expected = ask(&service, &setup, true).await;
        let figures = |rows: &[Vec<v1::KpiRow>]| rows.iter().map(Vec::len).min();
        assert!(figures(&expected) > Some(20), "too few groups: {:?}", figures(&expected));
        service.kill();

        // The history is away: what is told from it has nothing, what was added up has all.
        setup.set("query.sums_after_ms", "0");
        database.run("UPDATE activity SET market_id = 'away' WHERE market_id = 'it'").await;
        let service = setup.start().await;
        assert_eq!(ask(&service, &setup, false).await, expected);
        assert_ne!(ask(&service, &setup, true).await, expected);
        service.kill();
        database.run("UPDATE activity SET market_id = 'it' WHERE market_id = 'away'").await;

        // What came since is told of the cases that it touched, in the same server and in one that starts anew.
        let service = setup.start().await;
        send(&service, &setup, second).await;
        let newer = ask(&service, &setup, true).await;
        assert_ne!(newer, expected);
        assert_eq!(ask(&service, &setup, false).await, newer);
        service.kill();
        let service = setup.start().await;
        assert_eq!(ask(&service, &setup, false).await, newer);
        assert_eq!(service.stop(), 0);

        // They are brought up to date from what was stored, and not told anew.
        setup.set("query.sums_after_ms", "100");
        let service = setup.start().await;
        up_to_date(&database).await;
        service.kill();
        setup.set("query.sums_after_ms", "0");
        database.run("UPDATE activity SET market_id = 'away' WHERE market_id = 'it'").await;
        let service = setup.start().await;
        assert_eq!(ask(&service, &setup, false).await, newer);
        service.kill();
        database.run("UPDATE activity SET market_id = 'it' WHERE market_id = 'away'").await;

        // Damage is not answered from.
        database.run("UPDATE fact_sum SET body = 'x'").await;
        let service = setup.start().await;
        assert_eq!(ask(&service, &setup, false).await, newer);
        assert_eq!(service.stop(), 0);
    }
}

on_both_databases! {
    async fn sums_of_other_settings_are_not_answered_from(database: Database) {
        let (mut setup, service) = with_cases(&database).await;
        send(&service, &setup, &workload::plan(MARKET, CASES)).await;
        up_to_date(&database).await;
        let before = ask(&service, &setup, false).await;
        assert_eq!(service.stop(), 0);

        setup.set("query.sums_after_ms", "0");
        let tenant = setup.configuration().join("tenants/t.toml");
        let text = std::fs::read_to_string(&tenant).expect("the tenant");
        std::fs::write(&tenant, text.replace("Europe/Rome", "Pacific/Kiritimati")).expect("write the tenant");
        let service = setup.start().await;
        let after = ask(&service, &setup, false).await;
        assert_eq!(after, ask(&service, &setup, true).await);
        assert_ne!(after, before, "the market's days are others");
        assert_eq!(service.stop(), 0);

        // So that it shows when they are written anew.
        database.run("UPDATE fact_sums SET known = 0").await;
        setup.set("query.sums_after_ms", "100");
        let service = setup.start().await;
        up_to_date(&database).await;
        assert_eq!(service.stop(), 0);
        setup.set("query.sums_after_ms", "0");
        database.run("UPDATE activity SET market_id = 'away' WHERE market_id = 'it'").await;
        let service = setup.start().await;
        assert_eq!(ask(&service, &setup, false).await, after);
        assert_eq!(service.stop(), 0);
    }
}
