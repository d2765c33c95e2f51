//! The figures that a server answers with, beside a recount from the workload, and what its tables hold, by plain SQL.

use std::collections::{BTreeMap, BTreeSet};

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use sqlx::{Connection, Row};
use tonic::Code;
use v1::compliance_service_client::ComplianceServiceClient;
use v1::kpi_service_client::KpiServiceClient;

use crate::support::database::{Backend, Database};
use crate::support::recount::{self, Contacts, Figures, Month};
use crate::support::service::{Caller, caller};
use crate::support::workload::MARKETS;

/// `MARKET id` of every stored activity, in no order, read by plain SQL.
pub async fn stored_ids(database: &Database) -> Vec<String> {
    let sql = "SELECT market_id || ' ' || activity_id AS id FROM activity WHERE tenant_id = 't'";
    let ids: Vec<String> = match database.backend {
        Backend::Sqlite => {
            let mut connection = sqlx::SqliteConnection::connect(&database.url).await.expect("open the file");
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("read the table");
            rows.iter().map(|row| row.get(0)).collect()
        }
        Backend::Postgres => {
            let mut connection = sqlx::PgConnection::connect(&database.url).await.expect("connect");
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("read the table");
            rows.iter().map(|row| row.get(0)).collect()
        }
    };
    ids.into_iter().map(|id| id[..2].to_uppercase() + &id[2..]).collect()
}

/// Compares what the server answers for the workload's cases in the first markets with the recount, to the last minor unit.
pub async fn compare(address: &str, key: &str, cases: std::ops::Range<u32>, markets: usize) {
    for market in 0..markets {
        compare_market(address, key, market, cases.clone()).await;
    }
}

/// Compares what the server answers for some cases, which are all that the market has.
pub async fn compare_market(address: &str, key: &str, market: usize, cases: impl Iterator<Item = u32>) {
    let region = MARKETS[market].0;
    let expected = recount::count(market, cases);
    let answered = ask(address, key, region).await;
    assert_eq!(answered.collected, expected.collected, "{region}: collected by month, in minor units");
    assert_eq!(answered.contacts, expected.contacts, "{region}: attempts and right-party contacts");
    if region == "US" {
        let found = judged(address, key, region).await;
        let missed: Vec<&String> = expected.night_calls.iter().filter(|id| !found.contains(*id)).collect();
        assert!(missed.is_empty(), "{region}: calls in the night without a finding: {missed:?}");
    }
}

/// `MARKET id` of every activity that a copy made from nothing by the feed holds. The feed joins without a gap, is in order,
/// and brings nothing twice.
pub async fn fed_ids(address: &str, key: &str, region: &str) -> Vec<String> {
    use v1::change::After;
    let mut client = v1::sync_service_client::SyncServiceClient::new(caller(address, key).await);
    let request = v1::PullRequest { region_code: region.into(), once: true, ..Default::default() };
    let mut feed = client.pull(request).await.expect("a feed").into_inner();
    let (mut ids, mut through, mut last) = (Vec::new(), 0, 0);
    while let Some(message) = feed.message().await.expect("a feed that ends well") {
        assert_eq!(message.after_revision, through, "{region}: a message of the feed is missing");
        for change in &message.changes {
            // A commit may be cut in its middle: it is through only with its last change.
            assert!(change.revision > through && change.revision >= last, "{region}: out of order");
            last = change.revision;
            if let Some(After::Activity(activity) | After::Void(activity)) = &change.after {
                ids.push(format!("{region} {}", activity.activity_id));
            }
        }
        through = message.through_revision;
    }
    ids
}

/// The figures as the KPI service tells them.
async fn ask(address: &str, key: &str, region: &str) -> Figures {
    let mut kpis = KpiServiceClient::new(caller(address, key).await);
    let mut figures = Figures::default();
    for row in rows(&mut kpis, region, "recovery_rate", &[]).await {
        let collected = recount::minor(&value(row.numerator.as_ref())).expect("an exact amount");
        if collected != 0 {
            figures.collected.insert(month(row.period_start_date.as_ref()), collected);
        }
    }
    for row in rows(&mut kpis, region, "rpc_rate", &["agent"]).await {
        let agent = row.group.first().map(|group| group.value.clone()).unwrap_or_default();
        let count = |decimal: Option<&_>| value(decimal).parse::<i64>().expect("a whole number");
        let contacts =
            Contacts { attempts: count(row.denominator.as_ref()), right_party: count(row.numerator.as_ref()) };
        if contacts != Contacts::default() {
            figures.contacts.insert((month(row.period_start_date.as_ref()), agent), contacts);
        }
    }
    figures
}

fn value(decimal: Option<&fairdue::proto::google::r#type::Decimal>) -> String {
    decimal.map(|decimal| decimal.value.clone()).filter(|text| !text.is_empty()).unwrap_or_else(|| "0".into())
}

fn month(date: Option<&Date>) -> Month {
    let date = date.expect("a period");
    (date.year, date.month.unsigned_abs())
}

/// Every row of one KPI by month over the workload's time.
async fn rows(client: &mut KpiServiceClient<Caller>, region: &str, kpi: &str, group_by: &[&str]) -> Vec<v1::KpiRow> {
    let request = v1::QueryKpisRequest {
        region_code: region.into(),
        kpi_ids: vec![kpi.into()],
        grain: v1::Grain::Month.into(),
        start_date: Some(Date { year: 2025, month: 1, day: 1 }),
        end_date: Some(Date { year: 2026, month: 1, day: 1 }),
        group_by: group_by.iter().map(|dimension| (*dimension).to_owned()).collect(),
        ..Default::default()
    };
    // As any client does: what the service calls passing, because another replica commits just then, is asked again.
    let mut tries = 0;
    loop {
        match client.query_kpis(request.clone()).await {
            Ok(answer) => return answer.into_inner().rows,
            Err(status) if tries < 50 && matches!(status.code(), Code::Unavailable | Code::Aborted) => {
                tries += 1;
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(status) => panic!("a KPI query is not answered: {status:?}"),
        }
    }
}

/// Ids of activities that a finding names which stands, whatever was decided of it.
async fn judged(address: &str, key: &str, region: &str) -> BTreeSet<String> {
    let mut client = ComplianceServiceClient::new(caller(address, key).await);
    let mut request = v1::ListFindingsRequest { region_code: region.into(), page_size: 1_000, ..Default::default() };
    let mut found: BTreeMap<String, v1::Finding> = BTreeMap::new();
    loop {
        let answer = client.list_findings(request.clone()).await.expect("list findings").into_inner();
        for finding in answer.findings {
            let known = found.insert(finding.finding_id.clone(), finding);
            assert!(known.is_none(), "a finding came on two pages");
        }
        if answer.next_page_token.is_empty() {
            let standing = found.into_values().filter(|one| one.status() != v1::FindingStatus::Withdrawn);
            return standing.map(|finding| finding.activity_id).collect();
        }
        request.page_token = answer.next_page_token;
    }
}
