//! A private PostgreSQL cluster in a temporary directory, which ends when the process that started it ends.
//!
//! The server hangs on a watchdog: a small shell whose standard input is a pipe from this process. However this
//! process ends (return, panic, abort, SIGKILL), the pipe closes, and the watchdog stops the server and removes its
//! directory. Nothing needs to run at exit, so nothing can be forgotten.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
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

/// Starts the server, and again with each line of standard input; at the end of standard input stops it and removes its
/// directory. Arguments: the directory, then the command line of the server. Prints the number of each process.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
dir=$1; shift
"$@" </dev/null >>"$dir/server.log" 2>&1 &
server=$!
echo "$server"
while read -r again; do
    wait "$server" 2>/dev/null
    "$@" </dev/null >>"$dir/server.log" 2>&1 &
    server=$!
    echo "$server"
done
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
    dir: PathBuf,
    watchdog: Child,
    server: Mutex<Running>,
}

/// The process of a cluster, as its watchdog tells.
#[derive(Debug)]
struct Running {
    told: BufReader<ChildStdout>,
    pid: u32,
}

impl Running {
    fn read(&mut self) -> Result<(), String> {
        let mut line = String::new();
        self.told.read_line(&mut line).map_err(|error| format!("watchdog: {error}"))?;
        self.pid = line.trim().parse().map_err(|error| format!("watchdog said \"{line}\": {error}"))?;
        Ok(())
    }

    /// Whether the process has ended; its parent may not have looked yet.
    fn ended(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
    }
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
            match Self::try_start(&bin, durability, fresh_directory(), None) {
                Ok(cluster) => return cluster,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("PostgreSQL from {} did not start:\n{log}", bin.display()),
            }
        }
        panic!("no free port was found for PostgreSQL in four attempts");
    }

    /// Starts a durable cluster with its data in a directory that there is, and its log of writes in one that it makes.
    ///
    /// # Panics
    /// With the remedy, when PostgreSQL is missing or does not start.
    pub fn start_in(directory: &Path, log_of_writes: &Path) -> Self {
        let bin = binaries().or_else(install).unwrap_or_else(|| panic!("{REMEDY}"));
        let dir = owned(directory.join("postgres"));
        Self::try_start(&bin, Durability::Full, dir, Some(log_of_writes)).unwrap_or_else(|log| panic!("{log}"))
    }

    fn try_start(bin: &Path, durability: Durability, dir: PathBuf, log: Option<&Path>) -> Result<Self, String> {
        let data = dir.join("data");
        let init = unprivileged(&bin.join("initdb"))
            .args(log.map(|log| format!("--waldir={}", log.display())))
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
        let stdout = watchdog.stdout.take().ok_or("watchdog: no pipe")?;
        let mut running = Running { told: BufReader::new(stdout), pid: 0 };
        running.read()?;
        let cluster = Self { port, databases: AtomicU32::new(0), dir, watchdog, server: Mutex::new(running) };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// Sends a signal to the server: `-KILL` ends it as a power cut would, but for what the system has in memory.
    pub fn signal(&self, name: &str) {
        let pid = self.server.lock().expect("no panic").pid;
        let sent = Command::new("kill").args([name, &pid.to_string()]).status().expect("run kill");
        assert!(sent.success(), "PostgreSQL was gone before the signal");
    }

    /// Time on processors of all of its processes since their start, those that have ended included.
    #[allow(dead_code)] // read by the load generator, which shares this file
    pub fn processor_time(&self) -> std::time::Duration {
        let pid = self.server.lock().expect("no panic").pid.to_string();
        let mut ticks = 0;
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
            // Behind the name in brackets: the state, the parent, and as fields 14 to 17 own time and that of children waited for.
            let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
            let counted = if process.file_name().to_str() == Some(&pid) { 4 } else { 2 };
            if counted == 4 || fields.get(1) == Some(&pid.as_str()) {
                ticks +=
                    fields.iter().skip(11).take(counted).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
            }
        }
        std::time::Duration::from_millis(ticks * 10)
    }

    /// Waits for the end of the server, and starts it again as often as it takes: what it left behind may need a moment.
    ///
    /// # Panics
    /// It does not start within a minute.
    pub fn restart(&mut self) {
        let since = std::time::Instant::now();
        loop {
            let mut server = self.server.lock().expect("no panic");
            if server.ended() {
                let commands = self.watchdog.stdin.as_mut().expect("a pipe");
                commands.write_all(b"again\n").expect("tell the watchdog");
                server.read().expect("another process");
            }
            drop(server);
            if self.ready() {
                return;
            }
            assert!(since.elapsed().as_secs() < 60, "PostgreSQL does not start again:\n{}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Whether the server accepts connections, which `pg_ctl`'s status file tells without a client library.
    fn ready(&self) -> bool {
        let status = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap_or_default();
        let server = self.server.lock().expect("no panic");
        let own = status.lines().next().is_some_and(|line| line.trim() == server.pid.to_string());
        own && status.lines().nth(7).is_some_and(|line| line.trim() == "ready") && !server.ended()
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        let mut text = format!("{}\n", self.dir.display());
        if let Ok(mut file) = std::fs::File::open(self.dir.join("server.log")) {
            let _ = file.read_to_string(&mut text);
        }
        text
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        for _ in 0..600 {
            if self.ready() {
                return Ok(());
            }
            if self.log().contains("FATAL") {
                return Err(self.log());
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Err(self.log())
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
    owned(std::env::temp_dir().join(format!("fairdue-postgres-{}-{number}", std::process::id())))
}

/// Makes that directory anew, for the user who runs the server.
fn owned(dir: PathBuf) -> PathBuf {
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
