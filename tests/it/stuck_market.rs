//! A market whose lock somebody holds keeps its own checks from the log, and nobody else's.

use std::time::{Duration, Instant};

use fairdue::proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use v1::case_service_client::CaseServiceClient;
use v1::compliance_service_client::ComplianceServiceClient;

use crate::permits::{ask, open, question};
use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database};
use crate::support::service::{Setup, caller};
use crate::support::wire::reason;
use crate::support::workload::{self, MARKETS};

/// Commits of checks of a tenant that are on record.
async fn commits(database: &Database, tenant: &str) -> i64 {
    database.number(&format!("SELECT COUNT(*) FROM check_log WHERE tenant_id = '{tenant}'")).await
}

/// Waits until more of a tenant's checks are on record than before.
async fn more_on_record(database: &Database, tenant: &str, before: i64) {
    let since = Instant::now();
    while commits(database, tenant).await <= before {
        assert!(since.elapsed() < Duration::from_secs(8), "checks of {tenant} are not on record");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn check() -> v1::ContactCheck {
    let v1::CheckContactRequest { case_id, contact, .. } = question("c1");
    v1::ContactCheck { case_id, contact, ..Default::default() }
}

/// Asks once, and tells whether the log had no place for it.
async fn is_refused(clients: &mut Clients) -> bool {
    match ask(clients, question("c1")).await {
        Ok(_) => false,
        Err(status) => {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "OVERLOADED"));
            true
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_that_is_stuck_holds_no_other_up() {
    let database = Database::fresh(Backend::Postgres).await;
    let api = Api::start_with(&database, &[("advice.check_log_queue", "64")]).await;
    let (mut mine, mut theirs) = (api.platform("mine").await, api.platform("theirs").await);
    for clients in [&mut mine, &mut theirs] {
        open(clients, &["c1"]).await;
        ask(clients, question("c1")).await.expect("an answer");
    }
    api.app().advice.flush().await;
    let stuck = database.hold("mine", "it").await;
    let mut answered = 1;
    for _ in 0..100 {
        answered += usize::from(!is_refused(&mut mine).await);
    }
    assert!((10..100).contains(&answered), "{answered} checks of 64 places were answered");

    // The other tenant's checks, one by one and on a stream: none is refused, and all come on record.
    let (send, receive) = mpsc::channel(4);
    let stream = theirs.compliance.stream_contact_checks(ReceiverStream::new(receive)).await;
    let mut stream = stream.expect("a stream").into_inner();
    let mut asked = 1;
    for sequence in 0..4 {
        let before = commits(&database, "theirs").await;
        for _ in 0..3 {
            assert!(!is_refused(&mut theirs).await, "a check of a market that is not stuck");
        }
        let message = v1::StreamContactChecksRequest {
            sequence,
            region_code: "IT".to_owned(),
            checks: vec![check(); 2],
            ..Default::default()
        };
        send.send(message).await.expect("sent");
        let answer: Result<_, Status> =
            tokio::time::timeout(Duration::from_secs(8), stream.message()).await.expect("an answer in time");
        assert_eq!(answer.expect("no failure").expect("an answer").sequence, sequence);
        more_on_record(&database, "theirs", before).await;
        asked += 5;
    }
    assert_eq!(commits(&database, "mine").await, 1, "the lock is held");
    stuck.let_go().await;
    let logged =
        async |tenant: &str| -> usize { api.logged(tenant, "it").await.iter().map(|line| line.checks.len()).sum() };
    assert_eq!((logged("mine").await, logged("theirs").await), (answered, asked), "what was answered is on record");
    // With the lock gone there is room again.
    assert!(!is_refused(&mut mine).await);
    api.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_with_a_market_that_is_stuck_loses_no_check_of_another() {
    const CHECKS: i64 = 20;
    let database = Database::fresh(Backend::Postgres).await;
    let setup = Setup::new(&database.url, &[("stop.grace_seconds", "1")]).await;
    let service = setup.start().await;
    let caller = caller(&service.address, &setup.key).await;
    let mut checks = ComplianceServiceClient::new(caller.clone());
    let request = |market: usize| v1::CheckContactRequest {
        region_code: MARKETS[market].0.into(),
        case_id: workload::case_id(market as u32),
        contact: Some(v1::Contact { channel: v1::Channel::Email.into(), ..Default::default() }),
        ..Default::default()
    };
    for market in [0, 1] {
        let upsert =
            v1::UpsertCaseRequest { region_code: MARKETS[market].0.into(), case: Some(workload::case(market as u32)) };
        CaseServiceClient::new(caller.clone()).upsert_case(upsert).await.expect("stored");
        checks.check_contact(request(market)).await.expect("an answer");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let on_record = async || {
        let other = MARKETS[1].0.to_lowercase();
        let store = fairdue::store::Store::open(&database.url, &fairdue::store::StoreOptions::default()).await;
        let scope = store.expect("open the store").scope(&fairdue::domain::ids::TenantId::trusted("t"));
        let rows = scope.checks(&fairdue::domain::ids::MarketId::trusted(&other), 0, 10_000).await.expect("the log");
        let lines = rows.iter().flat_map(|row| fairdue::ingest::read_checks(&row.body).expect("lines"));
        lines.map(|line| line.checks.len() as i64).sum::<i64>()
    };
    assert_eq!(on_record().await, 1);
    let stuck = database.hold("t", &MARKETS[0].0.to_lowercase()).await;
    checks.check_contact(request(0)).await.expect("an answer");
    // By now the commit of that one waits.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..CHECKS {
        checks.check_contact(request(1)).await.expect("an answer");
    }
    let code = tokio::task::spawn_blocking(move || service.stop()).await.expect("the stop");
    assert_eq!(code, 0, "exit code");
    assert_eq!(on_record().await, 1 + CHECKS, "checks of the other market on record");
    stuck.let_go().await;
}
