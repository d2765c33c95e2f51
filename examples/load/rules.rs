//! What callers see while a market is derived anew because a rule changed: single checks, single writes and figures, each sent at
//! its moment whether or not answers came, with the history derived in one commit and in portions.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fairdue::proto::google::r#type::Date;
use fairdue::proto::v1;
use tonic::Status;
use v1::activity_service_client::ActivityServiceClient;
use v1::compliance_service_client::ComplianceServiceClient;
use v1::kpi_service_client::KpiServiceClient;

use crate::Options;
use crate::history::{derived, filled, until};
use crate::support::service::{Caller, Setup, caller};
use crate::support::workload::{self, MARKETS};

/// From one call of a kind to the next.
const EVERY: Duration = Duration::from_millis(100);
/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// A rule that concerns every case.
const RULE: &str = "\n[[rules.add]]\njurisdiction = \"{country}\"\nid = \"tenant-new-limit\"\n\
    title = \"At most one call in three days\"\ntext = \"At most one call about a case in three days.\"\n\
    citation = \"house rule\"\neffect = \"prohibits\"\n[rules.add.contact_frequency]\nmax = 1\n\
    window = { calendar_days = 3 }\ncount = \"attempts\"\nper = \"case\"\nchannels = [\"call\"]\n";

pub async fn measure(options: &Options) {
    let directory = options.keep.as_ref().expect("name a kept history: --keep DIR");
    let region = MARKETS[0].0;
    for (name, at_once) in [("in portions", "10000"), ("in one commit", "10000000")] {
        let copy = directory.join("rules.db");
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(directory.join(format!("rules.db{end}")));
        }
        std::fs::copy(directory.join("half.db"), &copy).expect("copy the history");
        let url = format!("sqlite://{}?mode=rwc", copy.display());
        let setup = Setup::new(&url, &[("ingest.derive_at_once", at_once)]).await;
        let service = setup.start().await;
        let mut compliance = ComplianceServiceClient::new(caller(&service.address, &setup.key).await);
        let mut kpis = KpiServiceClient::new(caller(&service.address, &setup.key).await);
        // A history that was kept under other rules is derived anew first.
        let since = Instant::now();
        until(async || derived(&mut compliance, region).await).await;
        println!("  the kept history is derived after {:.1?}", since.elapsed());
        until(async || filled(&mut kpis, region).await).await;
        println!(
            "  and its cells are filled after {:.1?}; {} MiB resident",
            since.elapsed(),
            service.resident_bytes() >> 20
        );
        println!("  {name}:");
        let tenant = setup.configuration().join("tenants/t.toml");
        add(&tenant, &RULE.replace("{country}", &region.to_ascii_lowercase()));
        let ending = Arc::new(AtomicBool::new(false));
        let cases = options.cases() / 2 / 4 * 4;
        let kinds = ["check", "write", "figure"].map(|kind| {
            let (address, key, ending) = (service.address.clone(), setup.key.clone(), Arc::clone(&ending));
            tokio::spawn(async move { calls(kind, &address, &key, cases, ending).await })
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        service.reload();
        let since = Instant::now();
        // The rules of the answer are those of the new configuration before anything is derived by them.
        tokio::time::sleep(Duration::from_millis(500)).await;
        until(async || derived(&mut compliance, region).await).await;
        println!("    every finding follows the new rule after {:.1?}", since.elapsed());
        until(async || filled(&mut kpis, region).await).await;
        println!("    every cell does after {:.1?}", since.elapsed());
        ending.store(true, Ordering::SeqCst);
        for kind in kinds {
            let (kind, mut took, failed) = kind.await.expect("calls");
            took.sort_unstable();
            let of = |share: f64| took.get(((took.len() as f64 * share) as usize).min(took.len() - 1));
            let of = |share: f64| of(share).copied().unwrap_or_default();
            println!(
                "    {kind:<8} {:>6} answered, p50 {:.1?}  p99 {:.1?}  longest {:.1?}; {failed} not answered in {PATIENCE:?}",
                took.len(),
                of(0.5),
                of(0.99),
                of(1.0)
            );
        }
        println!("    {} MiB resident", service.resident_bytes() >> 20);
        service.kill();
    }
}

fn add(tenant: &Path, rule: &str) {
    let text = std::fs::read_to_string(tenant).expect("read the tenant");
    std::fs::write(tenant, format!("{text}{rule}")).expect("write the tenant");
}

/// Sends calls of a kind at their moments; how long the answers took from then on, and how many did not come.
async fn calls(
    kind: &'static str,
    address: &str,
    key: &str,
    cases: u32,
    ending: Arc<AtomicBool>,
) -> (&'static str, Vec<Duration>, usize) {
    let clients = Clients {
        compliance: ComplianceServiceClient::new(caller(address, key).await),
        activities: ActivityServiceClient::new(caller(address, key).await),
        kpis: KpiServiceClient::new(caller(address, key).await),
    };
    let mut under_way = tokio::task::JoinSet::new();
    let mut moment = tokio::time::interval(EVERY);
    let mut number: u32 = 0;
    while !ending.load(Ordering::SeqCst) {
        moment.tick().await;
        number += 1;
        // Some case of the first market, each time another.
        let case = workload::case_id(number.wrapping_mul(7_919) % (cases / 4) * 4);
        let clients = clients.clone();
        under_way.spawn(async move {
            let since = Instant::now();
            let outcome = tokio::time::timeout(PATIENCE, clients.call(kind, number, case)).await;
            (since.elapsed(), outcome)
        });
    }
    let (mut took, mut failed) = (Vec::new(), 0);
    while let Some(done) = under_way.join_next().await {
        match done.expect("a call") {
            (time, Ok(Ok(()))) => took.push(time),
            (_, Ok(Err(status))) if failed == 0 => {
                println!("    {kind}: {status:?}");
                failed += 1;
            }
            _ => failed += 1,
        }
    }
    (kind, took, failed)
}

#[derive(Clone)]
struct Clients {
    compliance: ComplianceServiceClient<Caller>,
    activities: ActivityServiceClient<Caller>,
    kpis: KpiServiceClient<Caller>,
}

impl Clients {
    async fn call(mut self, kind: &str, number: u32, case: String) -> Result<(), Status> {
        let region_code = MARKETS[0].0.to_owned();
        match kind {
            "check" => {
                let request = v1::CheckContactRequest {
                    region_code,
                    case_id: case,
                    contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
                    initiator: v1::Initiator::Collector.into(),
                    ..Default::default()
                };
                self.compliance.check_contact(request).await.map(drop)
            }
            "write" => {
                let note = v1::Activity {
                    activity_id: format!("rules-{number}"),
                    case_ids: vec![case],
                    occur_time: Some(workload::time(0)),
                    detail: Some(v1::activity::Detail::Note(v1::Note::default())),
                    ..Default::default()
                };
                let request = v1::RecordActivityRequest { region_code, activity: Some(note) };
                self.activities.record_activity(request).await.map(drop)
            }
            _ => {
                let request = v1::QueryKpisRequest {
                    region_code,
                    kpi_ids: vec!["payments".to_owned()],
                    grain: v1::Grain::Month.into(),
                    start_date: Some(Date { year: 2025, month: 1, day: 1 }),
                    end_date: Some(Date { year: 2026, month: 1, day: 1 }),
                    ..Default::default()
                };
                self.kpis.query_kpis(request).await.map(drop)
            }
        }
    }
}
