//! The real server as a process of its own, which can be killed at any moment and ends with the process that started it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fairdue::domain::ids::TenantId;
use fairdue::domain::principal::Role;
use fairdue::domain::time::Timestamp;
use fairdue::store::{Store, StoreOptions};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

/// Starts the server, tells its number, waits for its end and tells how it ended. When standard input closes (because
/// whoever started it is gone), the server is killed.
const KEEPER: &str = r#"
"$@" </dev/null >>"$FAIRDUE_LOG_FILE" 2>&1 &
server=$!
echo "$server"
exec 3<&0
(cat <&3 >/dev/null; kill -KILL "$server" 2>/dev/null) >/dev/null 2>&1 &
wait "$server"
echo "$?"
"#;

/// A tenant's configuration with four markets: `it`, `se`, `de` and `us`.
const TENANT: &str = r#"tenant = "t"
[markets.it]
zone = "Europe/Rome"
currency = "EUR"
promise_grace_days = 3
[markets.se]
zone = "Europe/Stockholm"
currency = "SEK"
promise_grace_days = 3
[markets.de]
zone = "Europe/Berlin"
currency = "EUR"
promise_grace_days = 3
[markets.us]
zone = "America/New_York"
currency = "USD"
promise_grace_days = 5

# Registered wherever that is asked for, so that tests see what they are about.
[[facts.licence]]
jurisdiction = "it"
number = "1"
from = 2000-01-01
[[facts.licence]]
jurisdiction = "se"
number = "1"
from = 2020-01-01
[[facts.licence]]
jurisdiction = "de"
number = "1"
from = 2000-01-01
[[facts.licence]]
jurisdiction = "us-ny-nyc"
number = "1"
from = 2000-01-01
[[facts.client_account]]
jurisdiction = "se"
account = "1"
from = 2000-01-01
"#;

/// A service before it runs: its database, configuration directory, key, settings.
#[derive(Debug)]
pub struct Setup {
    /// Configuration directory: the package's own packs and KPIs, and one tenant.
    directory: tempfile::TempDir,
    /// The database.
    pub url: String,
    /// A key of the tenant `t` with every role that a client needs.
    pub key: String,
    settings: Vec<(String, String)>,
}

/// A running server.
#[derive(Debug)]
pub struct Service {
    keeper: Child,
    told: BufReader<ChildStdout>,
    pid: u32,
    /// Address of its gRPC listener.
    pub address: String,
}

/// Copies a directory tree.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("make a directory");
    for entry in std::fs::read_dir(from).expect("read a directory") {
        let path = entry.expect("read an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copy a file");
        }
    }
}

/// A configuration directory like the package's own, with the tenant `t` instead of its tenants.
pub fn configuration() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("make a temporary directory");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config"), directory.path());
    let tenants = directory.path().join("tenants");
    std::fs::remove_dir_all(&tenants).expect("remove the package's tenants");
    std::fs::create_dir_all(&tenants).expect("make a directory");
    std::fs::write(tenants.join("t.toml"), TENANT).expect("write the tenant");
    directory
}

/// The server's binary: the one cargo built for this test, else the one beside this program's directory.
pub fn binary() -> PathBuf {
    if let Some(built) = option_env!("CARGO_BIN_EXE_fairdue") {
        return built.into();
    }
    let own = std::env::current_exe().expect("the path of this program");
    let binary = own.parent().and_then(Path::parent).expect("a directory above").join("fairdue");
    assert!(binary.is_file(), "{} is missing: build it with the same profile first", binary.display());
    binary
}

impl Drop for Setup {
    /// An answer says only that something was logged: a failing test tells what.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
            let errors = log.lines().filter(|line| line.contains("ERROR") || line.contains("WARN"));
            errors.take(20).for_each(|line| eprintln!("the server logged: {line}"));
        }
    }
}

impl Setup {
    /// Makes schema, tenant and key in the database. Settings are named as in `server.toml`: `("ingest.group", "1")`.
    pub async fn new(url: &str, settings: &[(&str, &str)]) -> Self {
        let store = Store::open(url, &StoreOptions::default()).await.expect("open the store");
        let (tenant, now) = (TenantId::trusted("t"), Timestamp(1_700_000_000_000_000));
        store.insert_tenant(&tenant, now).await.expect("make the tenant");
        let roles = vec![Role::Writer, Role::Reader, Role::Checker, Role::Compliance];
        let key = fairdue::ingest::keys::create(&store, &tenant, roles, Vec::new(), now).await.expect("make a key");
        store.close().await;
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { directory: configuration(), url: url.to_owned(), key, settings }
    }

    /// The same service over another database.
    pub fn over(&self, url: &str) -> Self {
        Self { directory: configuration(), url: url.to_owned(), key: self.key.clone(), settings: self.settings.clone() }
    }

    /// Another key of the tenant.
    #[allow(dead_code)] // the load generator, which shares this file, has one key
    pub async fn another_key(&self, roles: Vec<Role>) -> String {
        let store = Store::open(&self.url, &StoreOptions::default()).await.expect("open the store");
        let (tenant, now) = (TenantId::trusted("t"), Timestamp(1_700_000_000_000_000));
        let key = fairdue::ingest::keys::create(&store, &tenant, roles, Vec::new(), now).await.expect("make a key");
        store.close().await;
        key
    }

    /// Sets a setting for the next start, named as in `server.toml`.
    #[allow(dead_code)] // as above
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// The configuration directory, to be changed before a start.
    #[allow(dead_code)] // read by the load generator, which shares this file
    pub fn configuration(&self) -> &Path {
        self.directory.path()
    }

    /// Where the server's log goes.
    pub fn log_file(&self) -> PathBuf {
        self.directory.path().join("server.log")
    }

    /// Starts the server and waits until it serves.
    pub async fn start(&self) -> Service {
        let address = format!("127.0.0.1:{}", super::postgres::free_port());
        let mut command = Command::new("sh");
        command
            .args(["-c", KEEPER, "fairdue-keeper"])
            .arg(binary())
            .args(["serve", "--config"])
            .arg(self.directory.path())
            .env("FAIRDUE_LOG_FILE", self.log_file())
            .env("FAIRDUE_DATABASE__URL", &self.url)
            .env("FAIRDUE_GRPC__LISTEN", &address)
            .env("FAIRDUE_METRICS__LISTEN", "")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        for (name, value) in &self.settings {
            command.env(format!("FAIRDUE_{}", name.to_uppercase().replace('.', "__")), value);
        }
        let mut keeper = command.spawn().expect("run sh");
        let mut told = BufReader::new(keeper.stdout.take().expect("a pipe"));
        let pid = read_number(&mut told).expect("the server's number").cast_unsigned();
        let mut service = Service { keeper, told, pid, address };
        let since = Instant::now();
        while !service.serves().await {
            let gone = !Path::new(&format!("/proc/{}", service.pid)).exists();
            if gone || since.elapsed() > Duration::from_secs(60) {
                let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
                panic!("the server does not serve (gone: {gone}); its log:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        service
    }
}

fn read_number(told: &mut BufReader<ChildStdout>) -> Option<i32> {
    let mut line = String::new();
    told.read_line(&mut line).ok()?;
    line.trim().parse().ok()
}

impl Service {
    async fn serves(&mut self) -> bool {
        use tonic_health::pb::health_check_response::ServingStatus;
        let Ok(channel) = connect(&self.address).await else { return false };
        let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
        let answer = tonic_health::pb::health_client::HealthClient::new(channel).check(request).await;
        answer.is_ok_and(|answer| answer.get_ref().status() == ServingStatus::Serving)
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.pid.to_string()]).status().expect("run kill");
        assert!(sent.success(), "the server was gone before the signal");
    }

    /// Has it read its configuration again.
    #[allow(dead_code)] // as above
    pub fn reload(&self) {
        self.signal("-HUP");
    }

    /// Ends it as a power cut would: no handler runs, no buffer is flushed.
    pub fn kill(mut self) {
        self.signal("-KILL");
        assert_eq!(read_number(&mut self.told), Some(137), "the server did not end by the signal");
    }

    /// Asks it to stop, and returns its exit code.
    pub fn stop(self) -> i32 {
        self.signal("-TERM");
        self.ended()
    }

    /// Waits for its end, and returns its exit code.
    pub fn ended(mut self) -> i32 {
        read_number(&mut self.told).expect("the server's exit code")
    }

    /// Resident memory in bytes.
    #[allow(dead_code)] // read by the load generator, which shares this file
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) * 1_024
    }

    /// Time on processors since its start.
    #[allow(dead_code)] // read by the load generator, which shares this file
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        processor_time(&stat)
    }
}

/// Time on processors that a line of `/proc/PID/stat` tells: fields 14 and 15, in hundredths of a second. The second field
/// is a name in brackets, which may hold spaces.
pub fn processor_time(stat: &str) -> Duration {
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A connection of its own.
pub async fn connect(address: &str) -> Result<Channel, tonic::transport::Error> {
    endpoint(address).connect().await
}

/// The same with room for a long answer on its way, as docs/asking-for-kpis.md advises those who ask for tables.
#[allow(dead_code)] // tests ask for short ones
pub async fn connect_for_tables(address: &str) -> Result<Channel, tonic::transport::Error> {
    const ROOM: u32 = 4 << 20;
    endpoint(address).initial_stream_window_size(ROOM).initial_connection_window_size(ROOM).connect().await
}

fn endpoint(address: &str) -> Endpoint {
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect_timeout(Duration::from_secs(5)).tcp_nodelay(true)
}

/// Puts a key on every call.
#[derive(Debug, Clone)]
pub struct Credential(MetadataValue<Ascii>);

impl Credential {
    /// The credential of a key.
    pub fn of(key: &str) -> Self {
        Self(format!("Bearer {key}").parse().expect("a key of plain characters"))
    }
}

impl Interceptor for Credential {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// What every generated client is made over.
pub type Caller = InterceptedService<Channel, Credential>;

/// A caller over a connection of its own.
pub async fn caller(address: &str, key: &str) -> Caller {
    let channel = connect(address).await.expect("connect to the server");
    InterceptedService::new(channel, Credential::of(key))
}
