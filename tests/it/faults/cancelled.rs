//! C-04: clients that go away in the middle of a call, thousands of them, over a small pool and a slow database.
//! `FAIRDUE_FAULT_CANCELS` sets how many (default 3000).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fairdue::proto::v1;
use tokio::sync::Semaphore;
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;
use v1::kpi_service_client::KpiServiceClient;

use super::load::{Load, UNASKED};
use super::{FORGOTTEN, Relayed, counted, dice, rounds};
use crate::support::proxy::Act;
use crate::support::service::{Caller, caller};
use crate::support::workload::MARKETS;

/// Calls under way at once.
const CALLERS: usize = 48;

/// Times at which nobody asks for anything: what a call has left behind is seen only until another one ends it.
const LULLS: u32 = 4;

/// A call that is given up after up to twenty milliseconds.
async fn give_up(caller: Caller, number: u32) {
    let region_code = || MARKETS[number as usize % 2].0.to_owned();
    let note = v1::Activity {
        activity_id: format!("{UNASKED}{number}"),
        case_ids: vec![crate::support::workload::case_id(number % 2)],
        occur_time: Some(crate::support::workload::time(0)),
        detail: Some(v1::activity::Detail::Note(v1::Note { code: "a".into() })),
        ..Default::default()
    };
    let call = async {
        match number % 4 {
            0 | 1 => {
                let request = v1::RecordActivityRequest { region_code: region_code(), activity: Some(note) };
                let _ = ActivityServiceClient::new(caller).record_activity(request).await;
            }
            2 => {
                let request = v1::QueryKpisRequest {
                    region_code: region_code(),
                    kpi_ids: vec!["recovery_rate".into()],
                    grain: v1::Grain::Month.into(),
                    start_date: crate::support::wire::date(2025, 1, 1),
                    end_date: crate::support::wire::date(2025, 3, 1),
                    ..Default::default()
                };
                let _ = KpiServiceClient::new(caller).query_kpis(request).await;
            }
            _ => {
                let request = v1::ListCasesRequest { region_code: region_code(), ..Default::default() };
                let _ = CaseServiceClient::new(caller).list_cases(request).await;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_micros(u64::from(dice(20_000))), call).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_leave_nothing_behind() {
    // With PostgreSQL's own wall every read has a transaction of its own, whose beginning can be given up.
    let settings = [("database.max_connections", "4"), ("database.row_security", "true")];
    let Relayed { database, proxy, setup, service, addresses } = Relayed::start(&settings).await;
    let load = Load::new();
    let mut client = load.client(&addresses, &setup.key, 0);
    for market in 0..MARKETS.len() {
        client.chunk(market, 0).await;
    }
    proxy.latency(Duration::from_millis(5));
    let room = Arc::new(Semaphore::new(CALLERS));
    let mut callers = Vec::new();
    for _ in 0..4 {
        callers.push(caller(&service.address, &setup.key).await);
    }
    let mut forgotten = 0;
    let calls = rounds("FAIRDUE_FAULT_CANCELS", 3_000);
    for number in 0..calls {
        let place = Arc::clone(&room).acquire_owned().await.expect("room");
        let caller = callers[number as usize % callers.len()].clone();
        tokio::spawn(async move {
            give_up(caller, number).await;
            drop(place);
        });
        if number % (calls / LULLS).max(1) == 0 {
            // Nobody asks for anything for a while: no transaction is left.
            drop(room.acquire_many(CALLERS as u32).await.expect("all have ended"));
            tokio::time::sleep(Duration::from_millis(3_500)).await;
            forgotten += counted(&database.url, FORGOTTEN).await;
        }
    }
    drop(room.acquire_many(CALLERS as u32).await.expect("all have ended"));
    proxy.latency(Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    forgotten += counted(&database.url, FORGOTTEN).await;
    // Everything that follows works at once, and what is written is there.
    for chunk in 1..8 {
        for market in 0..MARKETS.len() {
            client.chunk(market, chunk).await;
            client.look(market, market as u32).await;
        }
    }
    for number in 0..700 {
        let mut client = CaseServiceClient::new(callers[number % callers.len()].clone());
        let request = v1::ListCasesRequest { region_code: MARKETS[0].0.into(), ..Default::default() };
        client.list_cases(request).await.expect("a call after the storm");
    }
    let followed = load.failures();
    assert!(followed.is_empty(), "{} calls failed afterwards, such as {:?}", followed.len(), followed.first());
    assert_eq!(forgotten, 0, "sessions that sit in a transaction");
    drop(client);
    load.end().await.verify(&database, &service.address, &setup.key).await;
    assert_eq!(service.stop(), 0);
}

/// Sessions that are in a transaction and were told of nothing more for a second.
const LEFT_OPEN: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = 'fairdue' AND state LIKE 'idle in transaction%' AND now() - xact_start > interval '1 s'";

/// The moment itself: a call goes away while its BEGIN is on its way. Nothing else that would end what it began uses the
/// connection: timers wait, and reads of single statements begin nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_given_up_in_its_begin_leaves_no_transaction() {
    let settings = [("database.max_connections", "4"), ("ingest.due_interval_ms", "3600000")];
    let Relayed { database, proxy, setup, service, addresses } = Relayed::start(&settings).await;
    let load = Load::new();
    let mut client = load.client(&addresses, &setup.key, 0);
    client.chunk(0, 0).await;
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    proxy.decide(move |statement| {
        if !statement.starts_with("BEGIN") {
            return Act::Pass;
        }
        count.fetch_add(1, Ordering::SeqCst);
        Act::Hold(Duration::from_millis(400))
    });
    let caller = caller(&service.address, &setup.key).await;
    let mut given_up = 0;
    for month in 1..=8 {
        let before = begun.load(Ordering::SeqCst);
        // Another stretch each time, which no memory holds: it is read in one still view.
        let request = v1::QueryKpisRequest {
            region_code: MARKETS[0].0.to_owned(),
            kpi_ids: vec!["recovery_rate".into()],
            grain: v1::Grain::Month.into(),
            start_date: crate::support::wire::date(2025, month, 1),
            end_date: crate::support::wire::date(2025, month + 1, 1),
            ..Default::default()
        };
        let mut kpis = KpiServiceClient::new(caller.clone());
        let answer = tokio::time::timeout(Duration::from_millis(200), kpis.query_kpis(request)).await;
        let began = begun.load(Ordering::SeqCst) > before;
        given_up += usize::from(answer.is_err() && began);
    }
    assert!(given_up > 0, "no call was given up in its BEGIN");
    println!("{given_up} calls were given up in their BEGIN");
    proxy.pass();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(counted(&database.url, LEFT_OPEN).await, 0, "sessions that sit in a transaction");
    // What is written from now on, a statement at a time or by a commit, is there for everybody at once.
    for chunk in 1..4 {
        client.chunk(0, chunk).await;
        client.look(0, 0).await;
    }
    drop(client);
    load.end().await.verify(&database, &service.address, &setup.key).await;
    assert_eq!(service.stop(), 0);
}
