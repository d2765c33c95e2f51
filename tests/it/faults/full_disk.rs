//! C-17: the disk is full. `FAIRDUE_FAULT_FILLS` sets how often it is filled in each way (default 2).
//!
//! Each test runs itself again in a mount namespace of its own (`unshare`, as root or in a user namespace), with a tmpfs of a
//! fixed size at a temporary directory: the file system is the process's own, and is gone with it however it ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, Row, SqliteConnection};
use tonic::Code;

use super::load::{Addresses, Done, Load};
use super::{bar, rounds};
use crate::support::database::{Backend, Database};
use crate::support::service::Setup;

/// Where the small file system is, for a test that runs in a namespace of its own.
const INSIDE: &str = "FAIRDUE_SMALL_DISK";
/// Its size. SQLite's write-ahead log alone grows to 80 MiB between checkpoints.
const SIZE_MIB: u64 = 256;
/// What writes to SQLite are to leave.
const RESERVE_MIB: u64 = 24;

fn as_root(command: &mut Command) -> bool {
    command.stdin(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The directory of the small file system, in the namespace. Outside of it: runs the test there and fails as it does.
fn small_disk(test: &str) -> Option<PathBuf> {
    if let Some(directory) = std::env::var_os(INSIDE) {
        let directory = PathBuf::from(directory);
        let size = format!("size={SIZE_MIB}m,mode=1777");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&directory).status();
        assert!(mounted.expect("run mount").success(), "no file system could be mounted in the namespace");
        return Some(directory);
    }
    let own = ["-m", "-Urm"].into_iter().find(|kind| as_root(Command::new("unshare").args([kind, "true"])));
    let own = own.expect("no mount namespace can be made: run as root, or allow user namespaces");
    let directory = tempfile::tempdir().expect("make a temporary directory");
    let ran = Command::new("unshare")
        .arg(own)
        .arg(std::env::current_exe().expect("the path of this program"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, directory.path())
        .output()
        .expect("run unshare");
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    println!("{said}");
    assert!(ran.status.success() && said.contains("1 passed"), "it failed in its namespace");
    None
}

/// Bytes that are free.
fn free(at: &Path) -> u64 {
    let found = rustix::fs::statvfs(at).expect("the file system");
    found.f_bavail * found.f_frsize
}

/// Takes all room but so much; what it took is given back when the file is removed.
fn fill(ballast: &Path, leave: u64) {
    let mut file = std::fs::File::options().create(true).append(true).open(ballast).expect("make a file");
    let block = vec![b'x'; 64 << 10];
    while free(ballast) > leave {
        let length = block.len().min(usize::try_from(free(ballast) - leave).expect("a size")).max(1);
        if file.write_all(&block[..length]).is_err() {
            return;
        }
    }
}

/// Fills the disk under load, looks at what clients are told, makes room, and waits for the next write; again and again.
async fn cycle(load: &Load, ballast: &Path, leave: u64, least: u64) {
    for round in 0..rounds("FAIRDUE_FAULT_FILLS", 2) {
        load.more(6).await;
        load.looked(4).await;
        let before = load.failures().len();
        let since = Instant::now();
        // The load grows into what is left; what another one frees is taken too.
        while load.failures().iter().skip(before).all(|failure| failure.status.code() != Code::ResourceExhausted) {
            fill(ballast, leave);
            if round > 0 && leave == 0 && since.elapsed() > Duration::from_secs(4) {
                // Files that have grown before hold room of their own: then nothing is refused, and all of it is stored.
                break;
            }
            assert!(since.elapsed() < Duration::from_secs(40), "nobody was refused: {:?}", load.failures().last());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What was refused was refused with that much still free: the database itself would have gone on.
        let left = free(ballast);
        assert!(left >= least, "{left} bytes were left when writes were refused");
        tokio::time::sleep(Duration::from_millis(700)).await;
        std::fs::remove_file(ballast).expect("make room");
        let took = load.first_write_after(Instant::now()).await;
        println!("fill {round}: {} calls refused, writes again after {took:?}", load.failures().len() - before);
        assert!(took <= bar(Duration::from_secs(5)), "writes came {took:?} after there was room");
    }
}

fn refusals(done: &Done) {
    for failure in &done.failures {
        let full = failure.status.code() == Code::ResourceExhausted;
        assert!(full || failure.invites_another_try(), "{failure:?}");
        let reads = ["ListActivities", "GetMarketStatus"].contains(&failure.call);
        assert!(!reads || failure.invites_another_try(), "a read was refused: {failure:?}");
    }
}

async fn sqlite(directory: &Path, reserve_mib: u64, leave: u64) {
    let file = directory.join("fairdue.db");
    let database = Database::at(Backend::Sqlite, &format!("sqlite://{}?mode=rwc", file.display()));
    let reserve = reserve_mib.to_string();
    let setup = Setup::new(&database.url, &[("database.min_free_mib", reserve.as_str())]).await;
    let service = setup.start().await;
    let addresses = Addresses::default();
    addresses.lock().expect("no panic").push(service.address.clone());
    let load = Load::start(&addresses, &setup.key, 1);
    cycle(&load, &directory.join("ballast"), leave, (reserve_mib * 3 / 4) << 20).await;
    let done = load.end().await;
    refusals(&done);
    done.verify(&database, &service.address, &setup.key).await;
    assert_eq!(service.stop(), 0);
    let mut connection = SqliteConnection::connect(&database.url).await.expect("open the file");
    let row = connection.fetch_one("PRAGMA integrity_check").await.expect("a check");
    assert_eq!(row.get::<&str, _>(0), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_refused_before_sqlite_fails() {
    let Some(directory) = small_disk("faults::full_disk::writes_are_refused_before_sqlite_fails") else { return };
    sqlite(&directory, RESERVE_MIB, (RESERVE_MIB << 20) - 4_096).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_where_sqlite_has_no_room() {
    let Some(directory) = small_disk("faults::full_disk::nothing_is_lost_where_sqlite_has_no_room") else { return };
    sqlite(&directory, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_where_postgresql_has_no_room() {
    let Some(directory) = small_disk("faults::full_disk::nothing_is_lost_where_postgresql_has_no_room") else { return };
    // PostgreSQL's log of writes lies elsewhere: without room for that it ends itself, which is C-02.
    let elsewhere = crate::support::postgres::fresh_directory();
    let database = Database::with_data_in(&directory, &elsewhere.join("wal")).await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    let addresses = Addresses::default();
    addresses.lock().expect("no panic").push(service.address.clone());
    let load = Load::start(&addresses, &setup.key, 1);
    cycle(&load, &directory.join("ballast"), 0, 0).await;
    let done = load.end().await;
    refusals(&done);
    done.verify(&database, &service.address, &setup.key).await;
    assert_eq!(service.stop(), 0);
    drop(database);
    let _ = std::fs::remove_dir_all(elsewhere);
}
