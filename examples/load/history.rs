//! The two histories that KPI questions are measured over, one twice as long as the other: loaded through the public
//! API once, and kept where a directory is named for it.
//!
//! Every case has a debtor of its own here: what rules count over the cases of one person is no part of a KPI question,
//! and the workload's few debtors with thousands of cases would make ten million activities take hours. Ids begin with
//! the time, as those of platforms that number what happens do; random ones would write another page for each row.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use v1::compliance_service_client::ComplianceServiceClient;
use v1::kpi_service_client::KpiServiceClient;

use crate::duckdb::{self, Figures};
use crate::support::database::Backend;
use crate::support::recount;
use crate::support::service::{Caller, Service, Setup, caller};
use crate::support::workload::{self, MARKETS, PER_CASE, Record};
use crate::{Options, stream};

/// Longest wait for timers and cells after a load.
const SETTLING: Duration = Duration::from_secs(3_600);

/// The half and the whole history, ready to be served.
#[derive(Debug)]
pub struct Histories {
    pub half: Setup,
    pub whole: Setup,
    /// Where both are, and what is derived from them may be kept.
    pub directory: PathBuf,
    /// Removes the directory at the end, if it was not named.
    _temporary: Option<tempfile::TempDir>,
}

impl Histories {
    /// The histories of the directory, loaded if they are not there.
    pub async fn open(options: &Options) -> Self {
        assert_eq!(options.backend(), Backend::Sqlite, "histories are kept as files: ask with --database sqlite");
        let (directory, temporary) = match &options.keep {
            Some(directory) => (directory.clone(), None),
            None => {
                let made = tempfile::tempdir().expect("make a temporary directory");
                (made.path().to_owned(), Some(made))
            }
        };
        std::fs::create_dir_all(&directory).expect("make the directory");
        let note = directory.join("history.txt");
        let wanted = format!("{} cases in {} markets\n", options.cases(), options.markets);
        match std::fs::read_to_string(&note) {
            Ok(kept) => assert_eq!(kept, wanted, "{} keeps another history", directory.display()),
            Err(_) => {
                load(options, &directory).await;
                std::fs::write(&note, wanted).expect("write the note");
            }
        }
        let half = Setup::new(&url(&directory.join("half.db")), &[]).await;
        let whole = Setup::new(&url(&directory.join("whole.db")), &[]).await;
        Self { half, whole, directory, _temporary: temporary }
    }
}

/// One of the two histories that a directory keeps.
pub async fn kept(directory: &Path, name: &str) -> Setup {
    assert!(directory.join("history.txt").exists(), "{} keeps no history", directory.display());
    Setup::new(&url(&directory.join(format!("{name}.db"))), &[]).await
}

fn url(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// Loads half of the cases, keeps a copy, and loads the rest on top. Of a load that ended after the copy only the rest is sent:
/// what of it was stored already is stored once.
async fn load(options: &Options, directory: &Path) {
    let (whole, copy) = (directory.join("whole.db"), directory.join("half.db"));
    let half = options.cases() / 2;
    let mut parts = vec![0..half, half..options.cases()];
    if copy.exists() {
        parts.remove(0);
    } else {
        for name in ["whole.db", "whole.db-wal", "whole.db-shm"] {
            let _ = std::fs::remove_file(directory.join(name));
        }
    }
    // A stream of ten million activities is longer than a connection should live.
    let setup = Setup::new(&url(&whole), &[("grpc.connection_age_seconds", "86400")]).await;
    for part in parts {
        let service = setup.start().await;
        let since = Instant::now();
        stream::cases_as(&service, &setup.key, part.clone(), options.markets, case).await;
        let cases = since.elapsed();
        let run = stream::activities_as(&service, &setup.key, part.clone(), options.markets, activity).await;
        println!("  {part:?}: cases in {cases:.0?}, {} activities at {:.0}/s", run.items, run.rate());
        service.kill();
        // Started again, so that what follows is of the build that was killed.
        let service = setup.start().await;
        settle(&service, &setup.key, options.markets).await;
        recounted(&service, &setup.key, 0..part.end, options.markets).await;
        println!("  {part:?}: figures equal the recount after {:.0?}", since.elapsed());
        assert_eq!(service.stop(), 0, "the server stopped in order");
        if part.start == 0 {
            let unfinished = directory.join("half.unfinished");
            std::fs::copy(&whole, &unfinished).expect("copy the half history");
            std::fs::rename(&unfinished, &copy).expect("name the half history");
        }
    }
}

/// Waits until all timers have fired and a question is answered at once. Where rules or KPI definitions are others than
/// those that the kept history was derived with, the server first derives it anew, which takes minutes.
pub async fn settle(service: &Service, key: &str, markets: usize) {
    let since = Instant::now();
    let mut client = KpiServiceClient::new(caller(&service.address, key).await);
    let mut compliance = ComplianceServiceClient::new(caller(&service.address, key).await);
    for (region, _, _) in MARKETS.iter().take(markets) {
        // A history that was kept under other rules, or by an earlier program, is derived anew first.
        until(async || derived(&mut compliance, region).await).await;
        until(async || filled(&mut client, region).await).await;
        while let Err(status) = client.query_kpis(question(region)).await {
            assert!(since.elapsed() < SETTLING, "the history does not settle: {status:?}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    // Cells are merged when the writer has been idle for two seconds.
    tokio::time::sleep(Duration::from_secs(5)).await;
}

/// Waits until something is done.
pub async fn until(mut done: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !done().await {
        assert!(since.elapsed() < SETTLING, "it is not done in {SETTLING:?}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Whether every finding of a market follows the rules in force.
pub async fn derived(client: &mut ComplianceServiceClient<Caller>, region: &str) -> bool {
    let request = v1::ListRulesRequest { region_code: region.to_owned(), page_size: 1, ..Default::default() };
    client.list_rules(request).await.expect("rules").into_inner().derivation.is_none()
}

/// Whether every cell of a market does.
pub async fn filled(client: &mut KpiServiceClient<Caller>, region: &str) -> bool {
    let request = v1::ListKpisRequest { region_code: region.to_owned(), page_size: 1_000, ..Default::default() };
    let answer = client.list_kpis(request).await.expect("KPIs").into_inner();
    answer.kpis.iter().all(|kpi| kpi.filling.is_none())
}

/// Compares every market's figures with a recount from the workload.
async fn recounted(service: &Service, key: &str, cases: Range<u32>, markets: usize) {
    let mut client = KpiServiceClient::new(caller(&service.address, key).await);
    for (market, (region, _, _)) in MARKETS.iter().enumerate().take(markets) {
        let answer = client.query_kpis(question(region)).await.expect("answer").into_inner();
        let counted = recount::count(market, cases.clone()).contacts.into_iter();
        let expected: Figures = counted
            .map(|(((year, month), agent), contacts)| {
                ((format!("{year}-{month:02}-01"), agent), (contacts.right_party, contacts.attempts))
            })
            .collect();
        assert_eq!(duckdb::figures(&answer), expected, "{region}: contacts by month and agent");
    }
}

/// The question that is measured: right-party contacts by month and agent for a year.
pub fn question(region: &str) -> v1::QueryKpisRequest {
    v1::QueryKpisRequest {
        region_code: region.into(),
        kpi_ids: vec!["rpc_rate".into()],
        grain: v1::Grain::Month.into(),
        start_date: Some(Date { year: 2025, month: 1, day: 1 }),
        end_date: Some(Date { year: 2026, month: 1, day: 1 }),
        group_by: vec!["agent".into()],
        ..Default::default()
    }
}

fn own_person(case: u32) -> String {
    format!("person-{case:08}")
}

/// The workload's case, with a debtor of its own.
pub fn case(number: u32) -> v1::Case {
    let mut case = workload::case(number);
    for party in &mut case.parties {
        party.person_id = own_person(number);
    }
    case
}

/// The id of a record in these histories.
pub fn activity_id(case: u32, number: u32) -> String {
    format!("{:09}-{case:08}-{number:04}", workload::occurred(case, number % PER_CASE))
}

/// The workload's record on such a case.
pub fn activity(record: Record) -> v1::Activity {
    let mut activity = workload::activity(record);
    activity.activity_id = activity_id(record.case, record.number);
    activity.person_id = own_person(record.case);
    if let Some(v1::activity::Detail::Void(void)) = &mut activity.detail {
        void.target_activity_id = activity_id(record.case, record.number % PER_CASE);
    }
    activity
}
