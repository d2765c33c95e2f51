//! The server's settings, typed and checked. config/server.toml documents each; its text is compiled in as the defaults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::settings::Settings;
use crate::domain::diagnostic::Diagnostic;
use crate::outbound::Network;

/// The compiled-in defaults: every key with its documentation.
pub const DEFAULTS: &str = include_str!("../../config/server.toml");

/// All settings of the server.
#[derive(Debug, Clone)]
pub struct Server {
    /// The gRPC listener and its limits.
    pub grpc: Grpc,
    /// The database.
    pub database: Database,
    /// The writer.
    pub ingest: IngestSettings,
    /// Contact checks.
    pub advice: AdviceSettings,
    /// Reads.
    pub query: QuerySettings,
    /// Change feeds.
    pub sync: SyncSettings,
    /// Receivers of changes.
    pub sinks: SinkSettings,
    /// Logging.
    pub log: Log,
    /// Address of the metrics listener; `None` for none.
    pub metrics_listen: Option<SocketAddr>,
    /// How long calls in work may take to end at a stop.
    pub stop_grace: Duration,
}

/// The gRPC listener and its limits.
#[derive(Debug, Clone)]
pub struct Grpc {
    /// Address of the listener.
    pub listen: SocketAddr,
    /// Largest message received, in bytes.
    pub max_receive_bytes: u32,
    /// Largest message sent, in bytes.
    pub max_send_bytes: u32,
    /// Most items in one batch or stream message.
    pub max_batch_items: u32,
    /// Connections open at once.
    pub max_connections: u32,
    /// Concurrent HTTP/2 streams of one connection.
    pub max_streams_per_connection: u32,
    /// Requests in work at once over all connections.
    pub max_concurrent_requests: u32,
    /// Mebibytes of requests in work at once, of which one tenant has at most half.
    pub max_received_mib: u32,
    /// Largest header list, in bytes.
    pub max_header_bytes: u32,
    /// Deadline of a unary call that brings none.
    pub default_deadline: Duration,
    /// How long a stream of checks may be without a message.
    pub stream_idle: Duration,
    /// Age at which a connection is asked to move on, so that clients spread over new servers.
    pub connection_age: Duration,
    /// Silence before an HTTP/2 ping.
    pub keepalive_interval: Duration,
    /// Wait for its answer.
    pub keepalive_timeout: Duration,
}

/// The database and its pool.
#[derive(Clone)]
pub struct Database {
    /// `sqlite://...` or `postgres://...`. May hold a password: never logged.
    pub url: String,
    /// Connections of the PostgreSQL pool.
    pub max_connections: u32,
    /// Longest wait for a connection.
    pub acquire_timeout: Duration,
    /// Longest run of one statement.
    pub statement_timeout: Duration,
    /// A pooler in transaction mode stands before PostgreSQL.
    pub pooled: bool,
    /// PostgreSQL itself keeps tenants apart.
    pub row_security: bool,
    /// Mebibytes that writes leave free on the file system of an SQLite file.
    pub min_free_mib: u32,
    /// Where migrations run; `None` for where everything does. May hold a password: never logged.
    pub migration_url: Option<String>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

/// The writer.
#[derive(Debug, Clone)]
pub struct IngestSettings {
    /// Most items that share one commit.
    pub max_commit_items: u32,
    /// Items that may wait for a market's writer.
    pub queue_items: u32,
    /// How often a market looks for what time has made due.
    pub due_interval: Duration,
    /// Mebibytes of packed case states that the process may remember.
    pub memory_mib: u32,
    /// Mebibytes of unpacked case states that the process may remember; less than 0: by the memory that it may use, see
    /// [`IngestSettings::unpacked`].
    pub unpacked_mib: i32,
    /// Case states of each market that are kept unpacked in any case, in each of two generations.
    pub recent_cases: u32,
    /// A market of at most so many activities is derived anew in one commit when its rules or settings change, a larger one in the
    /// background.
    pub derive_at_once: u32,
    /// Cases of each commit that derives a larger one.
    pub derive_cases: u32,
    /// Most records that are told between two writes while the cells of new KPI definitions are filled.
    pub fill_records: u32,
    /// Mebibytes that the sums of what is told may take before they are written.
    pub fill_mib: u32,
    /// Pause behind each of these writes.
    pub fill_pause: Duration,
    /// Parts of a history that a filling, or a question that no cells answer, tells at a time: processors that it keeps busy, at most.
    pub fill_tasks: u32,
}

/// Mebibytes of unpacked states where nothing is set and nothing known of the memory.
const UNPACKED_MIB: u64 = 512;

impl IngestSettings {
    /// Bytes of unpacked case states that the process may remember, where `memory` is what it may use in all: a quarter of
    /// that if nothing is set.
    #[must_use]
    pub fn unpacked(&self, memory: Option<u64>) -> usize {
        let set = u64::try_from(self.unpacked_mib).ok().map(|mebibytes| mebibytes << 20);
        let bytes = set.unwrap_or_else(|| memory.map_or(UNPACKED_MIB << 20, |memory| memory / 4));
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

/// Contact checks.
#[derive(Debug, Clone)]
pub struct AdviceSettings {
    /// Records of checks that may wait for their commit.
    pub check_log_queue: u32,
    /// How long a permit holds, in seconds, where none is asked for.
    pub permit_seconds: u32,
    /// The longest that may be asked for.
    pub max_permit_seconds: u32,
    /// Permits that a market may hold at once.
    pub max_permits: u32,
}

/// Reads.
#[derive(Debug, Clone)]
pub struct QuerySettings {
    /// Items of a page where the request names no size.
    pub default_page_size: u32,
    /// Most items of a page.
    pub max_page_size: u32,
    /// Most rows of one KPI answer.
    pub max_answer_rows: u32,
    /// Different questions that keys of one tenant may watch in one process.
    pub max_watches: u32,
    /// Rows that the answers of those may have together.
    pub max_watched_rows: u32,
    /// Most memory for decoded KPI cells, in mebibytes.
    pub kpi_cache_mib: u32,
    /// Most memory for facts that were told from histories, in mebibytes; as much again for their sums by day, and by month.
    pub told_facts_mib: u32,
    /// How long a market is left alone before its sums are brought up to date in the database; zero: never.
    pub sums_after: Duration,
}

/// Change feeds.
#[derive(Debug, Clone)]
pub struct SyncSettings {
    /// Feeds that a tenant may have open at once.
    pub max_feeds: u32,
    /// Rows of each of its lists that a feed reads at a time.
    pub page_rows: u32,
}

/// Receivers of changes.
#[derive(Debug, Clone)]
pub struct SinkSettings {
    /// Networks that may be called although they are not public.
    pub allowed: Vec<Network>,
    /// A file with certificates of further authorities.
    pub authorities: Option<PathBuf>,
    /// How long a server that says nothing is still the one that sends.
    pub lease: Duration,
    /// Longest wait for an answer.
    pub request_timeout: Duration,
    /// Bytes of an answer that are read.
    pub max_answer_bytes: u32,
    /// Largest event, in bytes.
    pub max_event_bytes: u32,
    /// Wait after a first failure.
    pub retry_min: Duration,
    /// Longest wait between tries.
    pub retry_max: Duration,
    /// How long a receiver is tried that takes nothing.
    pub give_up: Duration,
    /// Refusals of one event after which its sink is paused.
    pub max_refusals: u32,
    /// Events of a sink in a market that are put aside at most; with none, a refused event pauses its sink.
    pub max_dead_letters: u32,
}

/// Logging.
#[derive(Debug, Clone)]
pub struct Log {
    /// JSON lines instead of text.
    pub json: bool,
    /// Directives of what is logged.
    pub filter: String,
}

impl Server {
    /// The settings that the defaults, the file (path and text) and the environment give; what is wrong goes to `found`.
    pub fn build(
        file: Option<(&str, &str)>,
        environment: impl Iterator<Item = (String, String)>,
        found: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut settings = Settings::defaults(DEFAULTS);
        if let Some((path, text)) = file {
            settings.file(path, text);
        }
        settings.environment(environment);
        let server = Self::typed(&mut settings);
        found.extend(settings.into_found());
        server
    }

    fn typed(s: &mut Settings) -> Self {
        let server = Self {
            grpc: Grpc {
                listen: address(s, "grpc.listen").unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 50_051))),
                max_receive_bytes: s.number("grpc.max_receive_bytes", 1_024..=67_108_864),
                max_send_bytes: s.number("grpc.max_send_bytes", 1_024..=67_108_864),
                max_batch_items: s.number("grpc.max_batch_items", 1..=50_000),
                max_connections: s.number("grpc.max_connections", 1..=100_000),
                max_streams_per_connection: s.number("grpc.max_streams_per_connection", 1..=10_000),
                max_concurrent_requests: s.number("grpc.max_concurrent_requests", 1..=100_000),
                max_received_mib: s.number("grpc.max_received_mib", 1..=1_048_576),
                max_header_bytes: s.number("grpc.max_header_bytes", 1_024..=1_048_576),
                default_deadline: millis(s, "grpc.default_deadline_ms", 100, 600_000),
                stream_idle: seconds(s, "grpc.stream_idle_seconds", 1, 86_400),
                connection_age: seconds(s, "grpc.connection_age_seconds", 1, 86_400),
                keepalive_interval: seconds(s, "grpc.keepalive_interval_seconds", 1, 3_600),
                keepalive_timeout: seconds(s, "grpc.keepalive_timeout_seconds", 1, 3_600),
            },
            database: Database {
                url: database_url(s),
                max_connections: s.number("database.max_connections", 2..=1_000),
                acquire_timeout: millis(s, "database.acquire_timeout_ms", 10, 60_000),
                statement_timeout: millis(s, "database.statement_timeout_ms", 100, 600_000),
                pooled: s.flag("database.pooled"),
                row_security: s.flag("database.row_security"),
                min_free_mib: s.number("database.min_free_mib", 0..=1_048_576),
                migration_url: Some(s.text("database.migration_url")).filter(|url| !url.is_empty()),
            },
            ingest: IngestSettings {
                max_commit_items: s.number("ingest.max_commit_items", 1..=100_000),
                queue_items: s.number("ingest.queue_items", 1..=1_000_000),
                due_interval: millis(s, "ingest.due_interval_ms", 10, 3_600_000),
                memory_mib: s.number("ingest.memory_mib", 1..=1_048_576),
                unpacked_mib: s.number("ingest.unpacked_mib", -1..=1_048_576),
                recent_cases: s.number("ingest.recent_cases", 1..=10_000_000),
                derive_at_once: s.number("ingest.derive_at_once", 0..=10_000_000),
                derive_cases: s.number("ingest.derive_cases", 1..=10_000),
                fill_records: s.number("ingest.fill_records", 1..=10_000_000),
                fill_mib: s.number("ingest.fill_mib", 1..=65_536),
                fill_pause: millis(s, "ingest.fill_pause_ms", 0, 60_000),
                fill_tasks: s.number("ingest.fill_tasks", 1..=64),
            },
            advice: AdviceSettings {
                check_log_queue: s.number("advice.check_log_queue", 1..=1_000_000),
                permit_seconds: s.number("advice.permit_seconds", 1..=604_800),
                max_permit_seconds: s.number("advice.max_permit_seconds", 1..=604_800),
                max_permits: s.number("advice.max_permits", 0..=10_000_000),
            },
            query: QuerySettings {
                default_page_size: s.number("query.default_page_size", 1..=1_000),
                max_page_size: s.number("query.max_page_size", 1..=10_000),
                max_answer_rows: s.number("query.max_answer_rows", 1..=1_000_000),
                max_watches: s.number("query.max_watches", 1..=10_000),
                max_watched_rows: s.number("query.max_watched_rows", 1..=10_000_000),
                kpi_cache_mib: s.number("query.kpi_cache_mib", 0..=65_536),
                told_facts_mib: s.number("query.told_facts_mib", 0..=65_536),
                sums_after: millis(s, "query.sums_after_ms", 0, 86_400_000),
            },
            sync: SyncSettings {
                max_feeds: s.number("sync.max_feeds", 1..=100_000),
                page_rows: s.number("sync.page_rows", 1..=10_000),
            },
            sinks: sinks(s),
            log: Log { json: json_format(s), filter: s.text("log.filter") },
            metrics_listen: if s.text("metrics.listen").is_empty() { None } else { address(s, "metrics.listen") },
            stop_grace: seconds(s, "stop.grace_seconds", 0, 300),
        };
        let half = u64::from(server.grpc.max_received_mib) << 19;
        if half < u64::from(server.grpc.max_receive_bytes) {
            let message =
                "half of grpc.max_received_mib, which one tenant may have, is less than grpc.max_receive_bytes";
            s.refuse("grpc.max_received_mib", message, "raise it, or lower grpc.max_receive_bytes");
        }
        if server.query.default_page_size > server.query.max_page_size {
            let message = "query.default_page_size is larger than query.max_page_size";
            s.refuse("query.default_page_size", message, "lower it, or raise query.max_page_size");
        }
        if server.advice.permit_seconds > server.advice.max_permit_seconds {
            let message = "advice.permit_seconds is larger than advice.max_permit_seconds";
            s.refuse("advice.permit_seconds", message, "lower it, or raise advice.max_permit_seconds");
        }
        server
    }
}

fn sinks(s: &mut Settings) -> SinkSettings {
    let text = s.text("sinks.allow_networks");
    let mut allowed = Vec::new();
    for named in text.split(',').map(str::trim).filter(|named| !named.is_empty()) {
        match Network::parse(named) {
            Some(network) => allowed.push(network),
            None => {
                let message = format!("sinks.allow_networks names \"{}\", which is no network", named.escape_debug());
                s.refuse(
                    "sinks.allow_networks",
                    message,
                    "write networks such as 10.20.0.0/16, with commas between them",
                );
            }
        }
    }
    let settings = SinkSettings {
        allowed,
        authorities: Some(s.text("sinks.authorities")).filter(|path| !path.is_empty()).map(PathBuf::from),
        lease: seconds(s, "sinks.lease_seconds", 2, 600),
        request_timeout: millis(s, "sinks.request_timeout_ms", 100, 120_000),
        max_answer_bytes: s.number("sinks.max_answer_bytes", 256..=1_048_576),
        max_event_bytes: s.number("sinks.max_event_bytes", 1_024..=16_777_216),
        retry_min: millis(s, "sinks.retry_min_ms", 10, 600_000),
        retry_max: seconds(s, "sinks.retry_max_seconds", 1, 86_400),
        give_up: seconds(s, "sinks.give_up_hours", 1, 8_760).saturating_mul(3_600),
        max_refusals: s.number("sinks.max_refusals", 1..=1_000),
        max_dead_letters: s.number("sinks.max_dead_letters", 0..=10_000),
    };
    if settings.request_timeout > settings.lease / 3 {
        let message = "sinks.request_timeout_ms is more than a third of sinks.lease_seconds";
        let remedy = "lower it, or raise sinks.lease_seconds: no request may outlive the lease that it was sent under";
        s.refuse("sinks.request_timeout_ms", message, remedy);
    }
    settings
}

fn millis(s: &mut Settings, path: &str, low: u32, high: u32) -> Duration {
    Duration::from_millis(u64::from(s.number(path, low..=high)))
}

fn seconds(s: &mut Settings, path: &str, low: u32, high: u32) -> Duration {
    Duration::from_secs(u64::from(s.number(path, low..=high)))
}

fn address(s: &mut Settings, path: &str) -> Option<SocketAddr> {
    let text = s.text(path);
    let parsed = text.parse().ok();
    if parsed.is_none() {
        s.refuse(
            path,
            format!("{path} is \"{text}\", not an address"),
            "write IP:PORT, as in 127.0.0.1:50051 or [::]:50051",
        );
    }
    parsed
}

fn database_url(s: &mut Settings) -> String {
    let url = s.text("database.url");
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if !known.iter().any(|scheme| url.starts_with(scheme)) {
        // The value may hold a password, so the message leaves it out.
        let message = "database.url names no database that is supported";
        s.refuse("database.url", message, "write sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME");
    }
    url
}

fn json_format(s: &mut Settings) -> bool {
    let format = s.text("log.format");
    if format != "text" && format != "json" {
        s.refuse("log.format", format!("log.format is \"{format}\""), "write \"text\" or \"json\"");
    }
    format == "json"
}
