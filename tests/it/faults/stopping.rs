//! C-21: the server is asked to stop under load, with a hundred open streams, with clients who watch its health, and with
//! connections that never say a word. `FAIRDUE_FAULT_STOPS` sets how often on each database (default 2).

use std::pin::Pin;
use std::time::{Duration, Instant};

use fairdue::domain::ids::{MarketId, TenantId};
use fairdue::ingest::read_checks;
use fairdue::proto::v1;
use fairdue::store::{Store, StoreOptions};
use futures::{Stream, StreamExt as _};
use sqlx::{Connection, Executor, PgConnection};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;
use v1::activity_service_client::ActivityServiceClient;
use v1::compliance_service_client::ComplianceServiceClient;
use v1::kpi_service_client::KpiServiceClient;
use v1::sync_service_client::SyncServiceClient;

use super::load::{Addresses, Load, UNASKED};
use super::{Relayed, bar, dice, rounds};
use crate::figures;
use crate::support::database::{Backend, Database};
use crate::support::proxy::Act;
use crate::support::service::{Caller, Setup, caller, connect};
use crate::support::workload::{self, MARKETS};

/// Streams that are open at the stop.
const STREAMS: usize = 100;
/// Connections that never speak.
const MUTE: usize = 20;
/// A stop ends within this, whatever happens: the grace period, the closing, and a second.
const ALWAYS: Duration = Duration::from_secs(15);
/// A stop where everything can end ends within this.
const UNHINDERED: Duration = Duration::from_secs(4);

/// A stream that stays open until the server ends it: what it ended with.
type Open = Pin<Box<dyn Stream<Item = Result<(), Status>> + Send>>;

/// Opens a stream of one of the four kinds and waits for its first answer. What it holds open on the client's side is kept by
/// the sender.
async fn open(caller: Caller, number: usize) -> (Open, Box<dyn std::any::Any + Send>) {
    let region = MARKETS[number % MARKETS.len()].0.to_owned();
    let case = workload::case_id((number % MARKETS.len()) as u32);
    let (mut stream, kept): (Open, Box<dyn std::any::Any + Send>) = match number % 4 {
        0 => {
            let (send, receive) = mpsc::channel(4);
            let note = v1::Activity {
                activity_id: format!("{UNASKED}{}-{}", number, dice(u32::MAX)),
                case_ids: vec![case],
                occur_time: Some(workload::time(0)),
                detail: Some(v1::activity::Detail::Note(v1::Note { code: "a".into() })),
                ..Default::default()
            };
            let first = v1::StreamActivitiesRequest { sequence: 1, region_code: region, activities: vec![note] };
            send.send(first).await.expect("room");
            let answers = ActivityServiceClient::new(caller).stream_activities(ReceiverStream::new(receive)).await;
            (Box::pin(answers.expect("a stream").into_inner().map(|one| one.map(drop))), Box::new(send))
        }
        1 => {
            let request = v1::PullRequest { region_code: region, ..Default::default() };
            let feed = SyncServiceClient::new(caller).pull(request).await.expect("a feed").into_inner();
            let feed = feed.map(|one| one.map(|message| assert!(!message.token.is_empty(), "resumable anywhere")));
            (Box::pin(feed), Box::new(()))
        }
        2 => {
            let question = v1::QueryKpisRequest {
                region_code: region,
                kpi_ids: vec!["recovery_rate".into()],
                grain: v1::Grain::Month.into(),
                start_date: crate::support::wire::date(2025, 1, 1),
                end_date: crate::support::wire::date(2025, 3, 1),
                ..Default::default()
            };
            let request = v1::WatchKpisRequest { question: Some(question) };
            let figures = KpiServiceClient::new(caller).watch_kpis(request).await.expect("a watch").into_inner();
            (Box::pin(figures.map(|one| one.map(drop))), Box::new(()))
        }
        _ => {
            let (send, receive) = mpsc::channel(4);
            let check = v1::ContactCheck {
                case_id: case,
                contact: Some(v1::Contact { channel: v1::Channel::Email.into(), ..Default::default() }),
                ..Default::default()
            };
            let first = v1::StreamContactChecksRequest {
                sequence: 1,
                region_code: region,
                checks: vec![check],
                ..Default::default()
            };
            send.send(first).await.expect("room");
            let answers =
                ComplianceServiceClient::new(caller).stream_contact_checks(ReceiverStream::new(receive)).await;
            (Box::pin(answers.expect("a stream").into_inner().map(|one| one.map(drop))), Box::new(send))
        }
    };
    stream.next().await.expect("an answer").expect("a good one");
    (stream, kept)
}

/// Connections that never speak, and some that begin to and fall silent.
async fn mute(address: &str) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for number in 0..MUTE {
        let mut connection = TcpStream::connect(address).await.expect("connect");
        if number % 4 == 3 {
            connection.write_all(b"PRI * HT").await.expect("a beginning");
        }
        all.push(connection);
    }
    all
}

/// Checks that are on record, over all markets.
async fn checks_on_record(database: &Database) -> usize {
    let store = Store::open(&database.url, &StoreOptions::default()).await.expect("open the store");
    let scope = store.scope(&TenantId::trusted("t"));
    let mut found = 0;
    for (region, _, _) in MARKETS {
        let market = MarketId::trusted(&region.to_lowercase());
        let rows = scope.checks(&market, 0, 1_000_000).await.expect("the log");
        let lines = rows.iter().flat_map(|row| read_checks(&row.body).expect("lines of the log"));
        found += lines.map(|line| line.checks.len()).sum::<usize>();
    }
    store.close().await;
    found
}

async fn a_stop_cuts_nothing_off(backend: Backend) {
    let database = Database::fresh(backend).await;
    // What is held up takes all of the grace period, which no bar here allows.
    let setup = Setup::new(&database.url, &[("stop.grace_seconds", "40")]).await;
    let mut service = setup.start().await;
    let addresses = Addresses::default();
    addresses.lock().expect("no panic").push(service.address.clone());
    let load = Load::start(&addresses, &setup.key, 1);
    let mut asked = Vec::new();
    let mut streamed = 0;
    for round in 0..rounds("FAIRDUE_FAULT_STOPS", 2) {
        load.more(8).await;
        let mut watch = HealthClient::new(connect(&service.address).await.expect("connect"));
        let mut health = watch.watch(HealthCheckRequest::default()).await.expect("a watch").into_inner();
        assert_eq!(health.message().await.expect("good").expect("a status").status(), ServingStatus::Serving);
        let mute = mute(&service.address).await;
        let mut callers = Vec::new();
        for _ in 0..4 {
            callers.push(caller(&service.address, &setup.key).await);
        }
        let mut streams = Vec::new();
        for number in 0..STREAMS {
            streams.push(open(callers[number / 4 % callers.len()].clone(), number).await);
        }
        streamed += STREAMS / 4;
        tokio::time::sleep(Duration::from_millis(u64::from(dice(200)))).await;
        let stop = Instant::now();
        asked.push(stop);
        let stopping = tokio::task::spawn_blocking(move || service.stop());
        let watching = tokio::spawn(async move {
            let told = health.message().await.expect("no failure before the news").expect("the news");
            (told.status(), health.message().await)
        });
        let mut ends = Vec::new();
        for (mut stream, kept) in streams {
            ends.push(tokio::spawn(async move {
                let _kept = kept;
                loop {
                    match stream.next().await {
                        Some(Ok(())) => {}
                        Some(Err(status)) => return status,
                        None => return Status::ok("ended"),
                    }
                }
            }));
        }
        for end in ends {
            let status = end.await.expect("a stream");
            let reason = status.get_details_error_info().map(|info| info.reason);
            assert_eq!((status.code(), reason.as_deref()), (Code::Unavailable, Some("STOPPING")), "{status:?}");
        }
        let (told, _) = watching.await.expect("a watch");
        assert_eq!(told, ServingStatus::NotServing, "health says so first");
        assert_eq!(stopping.await.expect("the stop"), 0, "exit code");
        let took = stop.elapsed();
        println!("stop {round}: {took:?}");
        assert!(took <= bar(UNHINDERED), "a stop that nothing hindered took {took:?}");
        drop(mute);
        service = setup.start().await;
        *addresses.lock().expect("no panic") = vec![service.address.clone()];
    }
    let done = load.end().await;
    println!("{} records, {} calls turned away", done.records(), done.failures.len());
    for failure in &done.failures {
        // A call that was in work at the stop was answered; one that came later was turned away, or found nobody.
        let began = failure.at - failure.took;
        let in_work = asked.iter().any(|stop| began + Duration::from_millis(50) < *stop && failure.at > *stop);
        assert!(!in_work || failure.invites_another_try(), "a call was cut off: {failure:?}");
    }
    done.verify(&database, &service.address, &setup.key).await;
    let notes = figures::stored_ids(&database).await.iter().filter(|id| id.contains(UNASKED)).count();
    assert_eq!(notes, streamed, "what streams were told is stored");
    assert_eq!(service.stop(), 0);
    let answered = done.answered.get("CheckContact").copied().unwrap_or(0) + streamed;
    let recorded = checks_on_record(&database).await;
    assert!(recorded >= answered, "{answered} checks were answered, {recorded} are on record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_cuts_nothing_off_on_sqlite() {
    a_stop_cuts_nothing_off(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_cuts_nothing_off_on_postgres() {
    a_stop_cuts_nothing_off(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_in_time_whatever_holds_it_up() {
    let database = Database::fresh(Backend::Postgres).await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    // A read that waits for a lock which nobody gives up, and a write that waits for another.
    let mut foreign = PgConnection::connect(&database.url).await.expect("connect");
    foreign.execute("BEGIN; LOCK TABLE activity, case_version IN ACCESS EXCLUSIVE MODE").await.expect("the lock");
    let mut reader = ActivityServiceClient::new(caller(&service.address, &setup.key).await);
    let request = v1::ListActivitiesRequest { region_code: MARKETS[0].0.into(), ..Default::default() };
    let reading = tokio::spawn(async move { reader.list_activities(request).await.is_ok() });
    let mut writer = v1::case_service_client::CaseServiceClient::new(caller(&service.address, &setup.key).await);
    let request = v1::UpsertCaseRequest { region_code: MARKETS[0].0.into(), case: Some(workload::case(0)) };
    let writing = tokio::spawn(async move { writer.upsert_case(request).await.is_ok() });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let stop = Instant::now();
    let code = tokio::task::spawn_blocking(move || service.stop()).await.expect("the stop");
    let took = stop.elapsed();
    println!("held up: {took:?}");
    assert_eq!(code, 0, "exit code");
    assert!(took <= ALWAYS, "a stop took {took:?}");
    assert!(took >= Duration::from_secs(9), "the calls in work had their time: {took:?}");
    foreign.execute("ROLLBACK").await.expect("unlock");
    assert!(!reading.await.expect("a reader") && !writing.await.expect("a writer"));
}

/// What was answered is on record although the database takes longer for it than the store has for its closing: calls have
/// left of their time, and nothing else waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_database_has_the_time_that_calls_have_left() {
    let settings = [("stop.grace_seconds", "30")];
    let Relayed { database, proxy, setup, service, .. } = Relayed::start(&settings).await;
    let mut cases = v1::case_service_client::CaseServiceClient::new(caller(&service.address, &setup.key).await);
    let request = v1::UpsertCaseRequest { region_code: MARKETS[0].0.into(), case: Some(workload::case(0)) };
    cases.upsert_case(request).await.expect("stored");
    proxy.decide(|statement| {
        let logs = statement.contains("INSERT INTO check_log");
        if logs { Act::Hold(Duration::from_secs(6)) } else { Act::Pass }
    });
    let mut checks = ComplianceServiceClient::new(caller(&service.address, &setup.key).await);
    let mut answered = 0;
    for _ in 0..20 {
        let request = v1::CheckContactRequest {
            region_code: MARKETS[0].0.into(),
            case_id: workload::case_id(0),
            contact: Some(v1::Contact { channel: v1::Channel::Email.into(), ..Default::default() }),
            ..Default::default()
        };
        checks.check_contact(request).await.expect("an answer");
        answered += 1;
    }
    let stop = Instant::now();
    assert_eq!(tokio::task::spawn_blocking(move || service.stop()).await.expect("the stop"), 0, "exit code");
    println!("held up: {:?}", stop.elapsed());
    let recorded = checks_on_record(&database).await;
    assert_eq!(recorded, answered, "checks on record, and answered ones");
}

/// A call that came before the stop is answered although the server was so busy that it had not accepted the connection yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_waits_to_be_accepted_is_served() {
    let database = Database::fresh(Backend::Sqlite).await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    // It hears nothing while it stands still: the system takes connections in its place.
    service.signal("-STOP");
    let mut calls = Vec::new();
    for number in 0..12 {
        let mut cases = v1::case_service_client::CaseServiceClient::new(caller(&service.address, &setup.key).await);
        let request =
            v1::UpsertCaseRequest { region_code: MARKETS[0].0.into(), case: Some(workload::case(number * 4)) };
        calls.push(tokio::spawn(async move { cases.upsert_case(request).await }));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    service.signal("-TERM");
    service.signal("-CONT");
    for call in calls {
        call.await.expect("a call").expect("an answer");
    }
    assert_eq!(service.ended(), 0, "exit code");
}
