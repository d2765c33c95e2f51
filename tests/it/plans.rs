//! What SQLite does for the statements of a busy market: no statement that names its rows may look through the market for them.
//!
//! SQLite keeps no statistics here, takes tenant and market to single out a few rows, and may prefer an index of theirs to the keys
//! that a statement names: a commit then takes as long as the market is large.

use std::collections::BTreeSet;

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use sqlx::{Connection as _, Row as _};
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;
use v1::compliance_service_client::ComplianceServiceClient;
use v1::kpi_service_client::KpiServiceClient;

use crate::support::database::{Backend, Database};
use crate::support::service::{Service, Setup, caller};
use crate::support::workload::{self, MARKETS};

const MARKET: usize = 0;
const REGION: &str = "IT";
const CASES: u32 = 400;

/// Cases, records that come twice, late and void, checks, and questions from cells and from facts.
async fn work(service: &Service, setup: &Setup) {
    let channel = caller(&service.address, &setup.key).await;
    let own: Vec<u32> = (0..CASES).filter(|case| *case as usize % MARKETS.len() == MARKET).collect();
    let mut cases = CaseServiceClient::new(channel.clone());
    let all = own.iter().map(|case| workload::case(*case)).collect();
    let request = v1::BatchUpsertCasesRequest { region_code: REGION.into(), cases: all };
    cases.batch_upsert_cases(request).await.expect("store cases");
    let mut activities = ActivityServiceClient::new(channel.clone());
    for some in workload::plan(MARKET, CASES).chunks(200) {
        let all = some.iter().map(|record| workload::activity(*record)).collect();
        let request = v1::BatchRecordActivitiesRequest { region_code: REGION.into(), activities: all };
        activities.batch_record_activities(request).await.expect("store records");
    }
    let mut compliance = ComplianceServiceClient::new(channel.clone());
    let check = |case: &u32| v1::ContactCheck {
        case_id: workload::case_id(*case),
        contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
        ..Default::default()
    };
    let checks = own.iter().map(check).collect();
    let request = v1::BatchCheckContactsRequest { region_code: REGION.into(), checks, view: 0 };
    compliance.batch_check_contacts(request).await.expect("answers");
    for case in own.iter().take(3) {
        let request = v1::GetCaseFileRequest {
            region_code: REGION.into(),
            case_id: workload::case_id(*case),
            ..Default::default()
        };
        cases.get_case_file(request).await.expect("a case file");
    }
    let mut kpis = KpiServiceClient::new(channel).max_decoding_message_size(64 << 20);
    for (kpi, by) in
        [("rpc_rate", "agent"), ("compliance_rate", "agent,client"), ("findings_open", "agent,client,team")]
    {
        for grain in [v1::Grain::Day, v1::Grain::Month] {
            let request = v1::QueryKpisRequest {
                region_code: REGION.into(),
                kpi_ids: vec![kpi.into()],
                grain: grain.into(),
                start_date: Some(Date { year: 2025, month: 1, day: 1 }),
                end_date: Some(Date { year: 2026, month: 1, day: 1 }),
                group_by: by.split(',').map(str::to_owned).collect(),
                ..Default::default()
            };
            kpis.query_kpis(request).await.expect("an answer");
        }
    }
}

/// The statements that a log tells of.
fn statements(log: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for line in log.lines() {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if event["target"] != "sqlx::query" {
            continue;
        }
        let text = |field: &str| event[field].as_str().unwrap_or_default().trim().to_owned();
        let whole = text("db.statement");
        all.insert(if whole.is_empty() { text("summary") } else { whole });
    }
    all
}

/// What is wrong with what SQLite does for a statement that names its rows.
fn walks(plan: &str) -> bool {
    // Of some tables a market has one row.
    let one = ["_market_1", "_fact_sums_1", "_kpi_filling_1"].iter().any(|index| plan.contains(index));
    let looks_through = |by: &str| plan.starts_with("SEARCH") && plan.ends_with(by) && !one;
    let scans = plan.starts_with("SCAN") && !plan.contains("VIRTUAL TABLE") && !plan.contains("CONSTANT ROW");
    scans
        || looks_through("(tenant_id=? AND market_id=?)")
        || looks_through("(tenant_id=? AND market_id=? AND revision<?)")
        || looks_through("(tenant_id=? AND market_id=? AND status=?)")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_looks_up_what_statements_name() {
    let database = Database::fresh(Backend::Sqlite).await;
    let settings = [("log.filter", "info,sqlx::query=trace"), ("log.format", "json"), ("query.sums_after_ms", "100")];
    let setup = Setup::new(&database.url, &settings).await;
    let service = setup.start().await;
    work(&service, &setup).await;
    assert_eq!(service.stop(), 0);
    // Again from nothing in memory.
    let service = setup.start().await;
    work(&service, &setup).await;
    assert_eq!(service.stop(), 0);

    let log = std::fs::read_to_string(setup.log_file()).expect("the log");
    let named: Vec<String> = statements(&log).into_iter().filter(|sql| sql.contains("json_each")).collect();
    assert!(named.len() > 8, "the log tells of few statements: {named:?}");
    let mut connection = sqlx::SqliteConnection::connect(&database.url).await.expect("open the file");
    let mut wrong = Vec::new();
    for sql in &named {
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(explain)).fetch_all(&mut connection).await.expect("a plan");
        let plans = rows.iter().map(|row| row.get::<String, _>("detail"));
        wrong.extend(plans.filter(|plan| walks(plan)).map(|plan| format!("{plan}: {sql}")));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), named.len(), wrong.join("\n"));
}
