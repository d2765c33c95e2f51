//! C-08: every statement that the service sends to PostgreSQL fails once, in each way in which one can, and then one in twenty at
//! random. `FAIRDUE_FAULT_WAYS` sets in how many ways each fails (default 1: they take turns; 4 are all),
//! `FAIRDUE_FAULT_WRITES` how many writes the random part lasts (default 60).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fairdue::proto::v1;
use v1::compliance_service_client::ComplianceServiceClient;

use super::load::{Client, DEADLINE, Load};
use super::{Relayed, counted, dice, rounds};
use crate::support::proxy::Act;
use crate::support::workload::{self, MARKETS};

/// The ways in which a statement fails: the connection before it, the connection after it, a deadlock, its time.
const WAYS: [Act; 4] = [Act::CutBefore, Act::CutAfter, Act::Refuse("40P01"), Act::Refuse("57014")];

/// Time in which a market that nobody writes to is merged.
const IDLE: Duration = Duration::from_millis(2_500);

/// What looks after connections, and not after data.
const KEEPING: [&str; 2] = ["", "SELECT now() = statement_timestamp()"];

/// The statement that is to fail next.
type Armed = Arc<Mutex<Option<(String, Act)>>>;

/// One turn of everything that a platform does: cases, records, reads, a place held and given up, decisions.
async fn everything(client: &mut Client, turn: u32) {
    let market = turn as usize % MARKETS.len();
    client.chunk(market, turn).await;
    let case = Client::first_case(turn, market);
    client.look(market, case).await;
    let region = || MARKETS[market].0.to_owned();
    let reserve = v1::Reservation {
        permit_id: format!("permit-{turn}"),
        ttl: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
    };
    let request = v1::CheckContactRequest {
        region_code: region(),
        case_id: workload::case_id(case),
        contact: Some(v1::Contact { channel: v1::Channel::Letter.into(), ..Default::default() }),
        reserve: Some(reserve),
        ..Default::default()
    };
    client
        .insist("CheckContact with a place", |caller| {
            let request = request.clone();
            async move { ComplianceServiceClient::new(caller).check_contact(request).await }
        })
        .await;
    let status = v1::FindingStatus::Open.into();
    let request = v1::ListFindingsRequest { region_code: region(), status, page_size: 5, ..Default::default() };
    let found = client
        .insist("ListFindings", |caller| {
            let request = request.clone();
            async move { ComplianceServiceClient::new(caller).list_findings(request).await }
        })
        .await;
    if let Some(finding) = found.findings.first() {
        let request = v1::UpdateFindingRequest {
            region_code: region(),
            finding_id: finding.finding_id.clone(),
            update_id: format!("update-{turn}"),
            action: v1::FindingAction::Acknowledge.into(),
            ..Default::default()
        };
        // Decided already is an answer too.
        client
            .insist_unless(tonic::Code::FailedPrecondition, "UpdateFinding", |caller| {
                let request = request.clone();
                async move { ComplianceServiceClient::new(caller).update_finding(request).await }
            })
            .await;
    }
}

/// A statement in one line. What differs from one use to the next is bound: a text of its own for each would not be met again.
fn kind_of(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_may_fail() {
    let Relayed { database, proxy, setup, service, addresses } =
        Relayed::start(&[("database.max_connections", "6")]).await;
    let load = Load::new();
    let mut client = load.client(&addresses, &setup.key, 0);

    // What is only sent where something is used first comes before; then which statements there are.
    let mut turn = 0;
    for _ in 0..MARKETS.len() {
        everything(&mut client, turn).await;
        turn += 1;
    }
    let seen: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    let noting = Arc::clone(&seen);
    proxy.decide(move |sql| {
        *noting.lock().expect("no panic").entry(kind_of(sql)).or_default() += 1;
        Act::Pass
    });
    for _ in 0..2 * MARKETS.len() {
        everything(&mut client, turn).await;
        turn += 1;
    }
    let kinds: Vec<String> =
        seen.lock().expect("no panic").keys().filter(|kind| !KEEPING.contains(&kind.as_str())).cloned().collect();
    assert!(kinds.len() > 25, "only {} statements were seen: {kinds:?}", kinds.len());

    // Each fails once in one way or in all of them.
    let armed: Armed = Arc::default();
    let looking = Arc::clone(&armed);
    proxy.decide(move |sql| {
        let mut armed = looking.lock().expect("no panic");
        if armed.as_ref().is_some_and(|(kind, _)| *kind == kind_of(sql)) {
            return armed.take().map_or(Act::Pass, |(_, act)| act);
        }
        Act::Pass
    });
    let (ways, mut failed, mut idle) = (rounds("FAIRDUE_FAULT_WAYS", 1) as usize, 0, Vec::new());
    for (number, kind) in kinds.iter().enumerate() {
        for way in 0..ways.min(WAYS.len()) {
            let mut act = WAYS[(number + way) % WAYS.len()];
            if kind == "COMMIT" && way == 0 {
                act = Act::CutAfter; // whatever the turn: the commit of which nobody knows
            }
            *armed.lock().expect("no panic") = Some((kind.clone(), act));
            // Each market once: what a market has decides what is sent there.
            for _ in 0..MARKETS.len() {
                if armed.lock().expect("no panic").is_some() {
                    everything(&mut client, turn).await;
                    turn += 1;
                }
            }
            let since = Instant::now();
            // What is merged and looked at where nobody writes comes when nobody does.
            while armed.lock().expect("no panic").is_some() && since.elapsed() < IDLE {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            match armed.lock().expect("no panic").take() {
                None => failed += 1,
                // A table is looked at again when it has doubled.
                Some(_) if kind.starts_with("ANALYZE") => {}
                Some(_) => idle.push(kind.clone()),
            }
        }
    }
    proxy.pass();
    println!("{} statements, {failed} failures brought about, {} not met again: {idle:#?}", kinds.len(), idle.len());
    assert!(idle.len() * 5 <= failed, "too many statements were not met again: {idle:#?}");
    drop(client);
    let done = load.end().await;
    assert!(!done.failures.is_empty(), "nobody noticed anything");
    done.failures_were_passing();
    done.verify(&database, &service.address, &setup.key).await;
    assert_eq!(service.stop(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_statement_in_twenty_may_fail() {
    let Relayed { database, proxy, setup, service, addresses } =
        Relayed::start(&[("database.max_connections", "6")]).await;
    let load = Load::start(&addresses, &setup.key, 1);
    load.more(8).await;
    let broken = Arc::new(Mutex::new(0_u32));
    let counting = Arc::clone(&broken);
    proxy.decide(move |sql| {
        if dice(20) > 0 || KEEPING.contains(&sql) {
            return Act::Pass;
        }
        *counting.lock().expect("no panic") += 1;
        match dice(7) {
            0 => Act::CutBefore,
            1 => Act::CutAfter,
            2 => Act::Hold(Duration::from_millis(200)),
            3 => Act::Refuse("40001"),
            4 => Act::Refuse("53300"),
            5 if sql == "COMMIT" => Act::RollBack,
            _ => Act::Refuse("57014"),
        }
    });
    load.more(rounds("FAIRDUE_FAULT_WRITES", 60) as usize).await;
    proxy.pass();
    let done = load.end().await;
    let broken = *broken.lock().expect("no panic");
    println!("{} records, {broken} statements broken, {} calls failed", done.records(), done.failures.len());
    assert!(broken > 50, "only {broken} statements were broken");
    done.failures_were_passing();
    assert!(done.longest < DEADLINE);
    done.verify(&database, &service.address, &setup.key).await;
    let idle =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
                AND now() - state_change > interval '2 s'";
    assert_eq!(counted(&database.url, idle).await, 0, "sessions that sit in a transaction");
    assert_eq!(service.stop(), 0);
}
