//! A private PostgreSQL cluster in a temporary directory, which ends when the process that started it ends.
//!
//! The server hangs on a watchdog: a small shell whose standard input is a pipe from this process. However this
//! process ends (return, panic, abort, SIGKILL), the pipe closes, and the watchdog stops the server and removes its
//! directory. Nothing needs to run at exit, so nothing can be forgotten.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What to tell who has no PostgreSQL.
const REMEDY: &str = "PostgreSQL's server binaries (initdb, postgres) were not found in $FAIRDUE_TEST_PG_BIN, in \
    /usr/lib/postgresql/*/bin, nor in $PATH. These tests do not skip a database. Remedy: apt-get install postgresql, \
    or set FAIRDUE_TEST_PG_BIN to the directory that holds them.";

/// Installs the server binaries from the system's packages, where that is possible: as root, by apt-get. Without a
/// cluster of the package's own, for the tests start a private one.
fn install() -> Option<PathBuf> {
    let script = "set -e; [ \"$(id -u)\" = 0 ]; mkdir -p /etc/postgresql-common; \
        [ -e /etc/postgresql-common/createcluster.conf ] || \
        echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
        export DEBIAN_FRONTEND=noninteractive; apt-get update -q; \
        apt-get install -q -y --no-install-recommends postgresql";
    let done = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).status().ok()?;
    if done.success() { binaries() } else { None }
}

/// Starts the server, waits for the end of standard input, stops the server, removes its directory.
/// Arguments: the directory, then the command line of the server. Prints `up` once the process runs.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
dir=$1; shift
"$@" </dev/null >"$dir/server.log" 2>&1 &
server=$!
echo up
cat >/dev/null
kill -QUIT "$server" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$server" 2>/dev/null || break; sleep 0.2; done
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$dir"
"#;

/// How durable the cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// No fsync: for tests of what is computed.
    Relaxed,
    /// fsync and synchronous commit, as in production: for fault tests and measurements.
    Full,
}

/// A running cluster. Dropping it (or ending the process) stops the server.
#[derive(Debug)]
pub struct Cluster {
    port: u16,
    databases: AtomicU32,
    watchdog: Child,
}

impl Cluster {
    /// Starts a cluster on a free port of the loopback interface.
    ///
    /// # Panics
    /// With the remedy, when PostgreSQL is missing or does not start.
    pub fn start(durability: Durability) -> Self {
        let bin = binaries().or_else(install).unwrap_or_else(|| panic!("{REMEDY}"));
        // Another process may take the free port before the server does: then take another.
        for _ in 0..4 {
            match Self::try_start(&bin, durability) {
                Ok(cluster) => return cluster,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("PostgreSQL from {} did not start:\n{log}", bin.display()),
            }
        }
        panic!("no free port was found for PostgreSQL in four attempts");
    }

    fn try_start(bin: &Path, durability: Durability) -> Result<Self, String> {
        let dir = fresh_directory();
        let data = dir.join("data");
        let init = unprivileged(&bin.join("initdb"))
            .args(["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data)
            .current_dir(&dir)
            .output()
            .map_err(|error| format!("initdb: {error}"))?;
        if !init.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&init.stderr)));
        }
        let port = free_port();
        let mut server = unprivileged(&bin.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in settings(durability) {
            server.args(["-c", &setting]);
        }
        // `name=value` by spaces: for looking into the database while something is measured.
        for setting in std::env::var("FAIRDUE_TEST_PG_SETTINGS").unwrap_or_default().split_whitespace() {
            server.args(["-c", setting]);
        }
        server.arg("-c").arg(format!("unix_socket_directories={}", dir.display()));
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "fairdue-postgres-watchdog"])
            .arg(&dir)
            .arg(server.get_program())
            .args(server.get_args())
            .current_dir(&dir)
            .process_group(0) // a signal to the test run's group must not end the watchdog before its work is done
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        let mut up = String::new();
        if let Some(stdout) = watchdog.stdout.take() {
            BufReader::new(stdout).read_line(&mut up).map_err(|error| format!("watchdog: {error}"))?;
        }
        let cluster = Self { port, databases: AtomicU32::new(0), watchdog };
        cluster.wait_until_ready(bin, &dir)?;
        Ok(cluster)
    }

    /// Waits until the server accepts connections, which `pg_ctl`'s status file tells without a client library.
    fn wait_until_ready(&self, bin: &Path, dir: &Path) -> Result<(), String> {
        let log = || {
            let mut text = format!("{} in {}\n", bin.display(), dir.display());
            if let Ok(mut file) = std::fs::File::open(dir.join("server.log")) {
                let _ = file.read_to_string(&mut text);
            }
            text
        };
        for _ in 0..600 {
            let status = std::fs::read_to_string(dir.join("data/postmaster.pid")).unwrap_or_default();
            if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            if log().contains("FATAL") {
                return Err(log());
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Err(log())
    }

    /// The URL of a database of this cluster.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database that no other test sees, and returns its URL.
    pub async fn fresh_database(&self) -> String {
        use sqlx::{Connection, Executor};
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut admin =
            sqlx::PgConnection::connect(&self.url("postgres")).await.expect("connect to the private cluster");
        let statement = format!("CREATE DATABASE {name}");
        admin.execute(sqlx::AssertSqlSafe(statement)).await.expect("create a database for the test");
        admin.close().await.expect("leave the private cluster");
        self.url(&name)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

fn settings(durability: Durability) -> Vec<String> {
    let durable = if durability == Durability::Full { "on" } else { "off" };
    vec![
        format!("fsync={durable}"),
        format!("synchronous_commit={durable}"),
        format!("full_page_writes={durable}"),
        "listen_addresses=127.0.0.1".into(),
        "max_connections=200".into(),
        "shared_buffers=256MB".into(),
        "max_wal_size=4GB".into(),
        "log_min_messages=warning".into(),
    ]
}

/// The directory with `initdb` and `postgres`: the one named, else the newest packaged one, else one of `$PATH`.
fn binaries() -> Option<PathBuf> {
    let complete = |dir: &PathBuf| dir.join("initdb").is_file() && dir.join("postgres").is_file();
    if let Some(named) = std::env::var_os("FAIRDUE_TEST_PG_BIN") {
        return Some(PathBuf::from(named)).filter(complete);
    }
    let version = |dir: &PathBuf| dir.file_name()?.to_str()?.parse::<u32>().ok();
    let mut packaged: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    packaged.sort_by_key(version);
    let packaged = packaged.into_iter().rev().map(|dir| dir.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    packaged.chain(std::env::split_paths(&path)).find(complete)
}

/// The name of the user that runs the server when this process is root, for which PostgreSQL refuses to run.
fn unprivileged_user() -> Option<&'static str> {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = |user: &str| users.lines().any(|line| line.split(':').next() == Some(user));
    if root { ["postgres", "nobody"].into_iter().find(|user| known(user)) } else { None }
}

pub fn unprivileged(program: &Path) -> Command {
    match unprivileged_user() {
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", &group_of(user), "--clear-groups", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// The number of the user's group in `/etc/passwd`: `nobody` has no group of its own name everywhere.
fn group_of(user: &str) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = users.lines().find(|line| line.split(':').next() == Some(user)).unwrap_or_default();
    line.split(':').nth(3).unwrap_or("65534").to_owned()
}

/// A new directory that belongs to the user who runs the server.
pub fn fresh_directory() -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("fairdue-postgres-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("make a temporary directory");
    if let Some(user) = unprivileged_user() {
        let owner = format!("{user}:{}", group_of(user));
        let changed = Command::new("chown").arg(owner).arg(&dir).status().expect("run chown");
        assert!(changed.success(), "chown of {} failed", dir.display());
    }
    dir
}

/// A port of the loopback interface that is free at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a free port");
    listener.local_addr().expect("read the bound port").port()
}
