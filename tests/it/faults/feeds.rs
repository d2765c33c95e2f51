//! C-09: eight writers on two servers, commits that are slow or rolled back, a foreign transaction that stays open, servers and
//! consumers that are killed: the feed has no gap. `FAIRDUE_FAULT_FEED_KILLS` sets how many servers are killed (default 4).

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use fairdue::proto::v1;
use sqlx::{Connection, Executor, PgConnection};
use v1::sync_service_client::SyncServiceClient;

use super::load::{Addresses, Load};
use super::{dice, rounds};
use crate::support::database::{Backend, Database};
use crate::support::proxy::{Act, Proxy};
use crate::support::service::{Setup, binary, caller};
use crate::support::workload::MARKETS;
use crate::sync::copy::Copy;

/// Longest that a commit is held up, in milliseconds.
const HELD_MS: u32 = 100;

/// Keeps a copy of a market by the feed of whichever server is there, until it holds the revision `until` (0: not known yet).
/// Now and then it is killed, before it has kept what it received, or after.
async fn consume(
    addresses: Addresses,
    key: String,
    market: usize,
    until: Arc<AtomicI64>,
    ends: Arc<AtomicU32>,
) -> Copy {
    let mut copy = Copy::default();
    loop {
        let address = {
            let addresses = addresses.lock().expect("no panic");
            addresses[dice(addresses.len() as u32) as usize].clone()
        };
        let wish = v1::PullRequest {
            region_code: MARKETS[market].0.to_owned(),
            token: copy.token.clone(),
            ..Default::default()
        };
        let feed = match crate::support::service::connect(&address).await {
            Ok(_) => SyncServiceClient::new(caller(&address, &key).await).pull(wish).await,
            Err(_) => continue,
        };
        let Ok(feed) = feed else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let mut feed = feed.into_inner();
        for _ in 0..5 + dice(40) {
            let end = until.load(Ordering::SeqCst);
            if end > 0 && copy.through >= end {
                return copy;
            }
            // A server that is killed, or whose database refuses, ends its feeds: the next one goes on.
            let Ok(Some(message)) = feed.message().await else { break };
            if dice(20) == 0 {
                break;
            }
            copy.apply(message);
        }
        ends.fetch_add(1, Ordering::SeqCst);
    }
}

/// A mirror as partners run it, killed every now and then until the end is known, and then left to finish.
async fn mirror(addresses: Addresses, key: String, file: std::path::PathBuf, until: Arc<AtomicI64>) -> u32 {
    let mut kills = 0;
    loop {
        let last = until.load(Ordering::SeqCst) > 0;
        let address = addresses.lock().expect("no panic")[0].clone();
        let mut command = Command::new(binary());
        command.args(["sync", "mirror", "--from", &format!("http://{address}"), "--key", &key, "--to"]).arg(&file);
        command.args(["--market", MARKETS[0].0]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if last {
            command.arg("--once");
            let ended =
                tokio::task::spawn_blocking(move || command.status().expect("run fairdue")).await.expect("it ran");
            assert!(ended.success(), "the mirror did not finish");
            return kills;
        }
        let mut child = command.spawn().expect("run fairdue");
        tokio::time::sleep(Duration::from_millis(1_500 + u64::from(dice(1_500)))).await;
        let _ = child.kill();
        let _ = child.wait();
        kills += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_has_no_gap_whatever_is_slow_rolled_back_or_killed() {
    let database = Database::fresh(Backend::Postgres).await;
    let proxy = Proxy::before(&database.url).await;
    let mut setup = Setup::new(&database.url, &[("sync.page_rows", "20")]).await;
    setup.url = proxy.url(&database.url);
    // A start is not what is tried here: C-20 is.
    let disturb = |proxy: &Proxy| {
        proxy.decide(|sql| match dice(10) {
            _ if sql != "COMMIT" => Act::Pass,
            0 => Act::RollBack,
            1..4 => Act::Hold(Duration::from_millis(u64::from(dice(HELD_MS)))),
            _ => Act::Pass,
        });
    };
    let mut servers = vec![setup.start().await, setup.start().await];
    let addresses = Addresses::default();
    *addresses.lock().expect("no panic") = servers.iter().map(|server| server.address.clone()).collect();
    disturb(&proxy);
    // What a backup or a forgotten session does: a transaction that has written and does not end.
    let mut foreign = PgConnection::connect(&database.url).await.expect("connect");
    foreign.execute("BEGIN; INSERT INTO tenant (tenant_id, created_at) VALUES ('foreign', 0)").await.expect("a write");
    let untils: Vec<Arc<AtomicI64>> = MARKETS.iter().map(|_| Arc::default()).collect();
    let ends = Arc::new(AtomicU32::new(0));
    let consumers: Vec<_> = untils
        .iter()
        .enumerate()
        .map(|(market, until)| {
            let (until, ends) = (Arc::clone(until), Arc::clone(&ends));
            tokio::spawn(consume(Arc::clone(&addresses), setup.key.clone(), market, until, ends))
        })
        .collect();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("copy.db");
    let mirroring =
        tokio::spawn(mirror(Arc::clone(&addresses), setup.key.clone(), file.clone(), Arc::clone(&untils[0])));
    let load = Load::start(&addresses, &setup.key, 2);
    for round in 0..rounds("FAIRDUE_FAULT_FEED_KILLS", 4) {
        load.more(20).await;
        let place = round as usize % servers.len();
        proxy.pass();
        let fresh = setup.start().await;
        disturb(&proxy);
        addresses.lock().expect("no panic")[place].clone_from(&fresh.address);
        std::mem::replace(&mut servers[place], fresh).kill();
    }
    load.more(20).await;
    let done = load.end().await;
    proxy.pass();
    foreign.execute("ROLLBACK").await.expect("the end of the foreign transaction");
    for (market, until) in untils.iter().enumerate() {
        let request = v1::GetMarketStatusRequest { region_code: MARKETS[market].0.to_owned() };
        let mut client = SyncServiceClient::new(caller(&servers[0].address, &setup.key).await);
        let status = client.get_market_status(request).await.expect("a status").into_inner();
        until.store(status.revision, Ordering::SeqCst);
    }
    let mut copied = BTreeSet::new();
    for (market, consumer) in consumers.into_iter().enumerate() {
        let consumed = tokio::time::timeout(Duration::from_secs(60), consumer).await;
        let copy = consumed.expect("a consumer comes to the end").expect("a consumer");
        let region = MARKETS[market].0;
        let voids = copy.voids.values().map(|void| &void.activity_id);
        copied.extend(copy.activities.keys().chain(voids).map(|id| format!("{region} {id}")));
    }
    println!(
        "{} records, {} calls failed, {} feeds ended",
        done.records(),
        done.failures.len(),
        ends.load(Ordering::SeqCst)
    );
    done.verify(&database, &servers[0].address, &setup.key).await;
    let stored: BTreeSet<String> = crate::figures::stored_ids(&database).await.into_iter().collect();
    let missing: Vec<&String> = stored.difference(&copied).take(3).collect();
    assert!(missing.is_empty() && copied.len() == stored.len(), "the copies lack {missing:?}");
    let kills = mirroring.await.expect("the mirror");
    let told = Command::new(binary())
        .args(["sync", "verify", "--a", &format!("http://{}", servers[0].address), "--a-key", &setup.key])
        .arg("--b")
        .arg(&file)
        .args(["--market", MARKETS[0].0])
        .output()
        .expect("run fairdue");
    assert!(told.status.success(), "{kills} kills; the mirror differs: {}", String::from_utf8_lossy(&told.stdout));
    for server in servers {
        assert_eq!(server.stop(), 0);
    }
}
