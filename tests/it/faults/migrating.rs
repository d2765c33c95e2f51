//! C-20: a database of the first schema, full of rows, is brought up to date while processes are killed in the middle of it and
//! others start at once. `FAIRDUE_FAULT_MIGRATIONS` sets how many are killed on each database (default 5),
//! `FAIRDUE_FAULT_COPIES` how often the rows are there (default 20).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fairdue::store::{Store, StoreError, StoreOptions};
use fairdue::wire::stored;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use super::load::{Addresses, Done, Load};
use super::{counted, dice, rounds};
use crate::migrations::first_statements;
use crate::support::database::{Backend, Database};
use crate::support::service::{Setup, binary, configuration};

/// Tables of the first schema and their columns, which every later one has too; but for the bodies of [`RECORDS`].
const TABLES: [(&str, &str); 11] = [
    ("tenant", "tenant_id, created_at"),
    ("api_key", "tenant_id, key_id, hash, roles, markets, created_at, revoked_at"),
    ("market", "tenant_id, market_id, revision, recorded_at, rules_digest, catalogue_digest"),
    ("case_version", "tenant_id, market_id, case_id, version_id, effective_at, revision, recorded_at, body"),
    ("case_person", "tenant_id, market_id, person_id, case_id"),
    ("activity", "tenant_id, market_id, activity_id, revision, recorded_at, occurred_at, case_id, kind, body"),
    ("activity_link", "tenant_id, market_id, case_id, activity_id"),
    ("void", "tenant_id, market_id, target_id, void_id, revision, pending"),
    (
        "finding",
        "tenant_id, market_id, finding_id, revision, opened_at, changed_at, status, reason, rule_id, severity, case_id, \
         agent, client, at, body",
    ),
    ("cell", "tenant_id, market_id, series, grain, period, body"),
    ("cell_delta", "tenant_id, market_id, revision, body"),
];

/// From stored bytes to the JSON that was stored before.
type AsJson = fn(&[u8]) -> String;

/// Tables whose `body` was JSON in the first schema and is the bytes of a message, `record`, from its tenth step on: what of
/// the JSON is read from the bytes.
const RECORDS: [(&str, AsJson); 2] = [
    ("case_version", |bytes| json(&stored::read_version(bytes).expect("a stored version"))),
    ("activity", |bytes| json(&stored::read_activity(bytes).expect("a stored activity"))),
];

fn json(record: &impl serde::Serialize) -> String {
    serde_json::to_string(record).expect("plain values")
}

fn as_json(table: &str) -> Option<AsJson> {
    RECORDS.iter().find(|(name, _)| *name == table).map(|(_, json)| *json)
}

/// Any of the two.
enum Open {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Open {
    async fn at(url: &str) -> Self {
        if url.starts_with("sqlite") {
            Self::Sqlite(SqliteConnection::connect(url).await.expect("open the file"))
        } else {
            Self::Postgres(PgConnection::connect(url).await.expect("connect"))
        }
    }

    async fn run(&mut self, sql: String) {
        match self {
            Self::Sqlite(connection) => connection.execute(AssertSqlSafe(sql.clone())).await.map(drop),
            Self::Postgres(connection) => connection.execute(AssertSqlSafe(sql.clone())).await.map(drop),
        }
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// A checksum of what a table held in the first schema.
    async fn sum(&mut self, table: &str, columns: &str) -> (i64, String) {
        match self {
            Self::Sqlite(connection) => {
                let quoted: Vec<String> = columns.split(", ").map(|column| format!("quote({column})")).collect();
                let sql = format!("SELECT {} AS line FROM {table} ORDER BY 1", quoted.join(" || ',' || "));
                let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("read a table");
                let mut hash = blake3::Hasher::new();
                for row in &rows {
                    hash.update(row.get::<&str, _>(0).as_bytes());
                }
                (rows.len() as i64, hash.finalize().to_hex().to_string())
            }
            Self::Postgres(connection) => {
                let sql = format!(
                    "SELECT COUNT(*), COALESCE(md5(string_agg(md5(line), '' ORDER BY md5(line))), '')
                     FROM (SELECT row({columns})::text AS line FROM {table}) AS lines"
                );
                let row = connection.fetch_one(AssertSqlSafe(sql)).await.expect("read a table");
                (row.get(0), row.get(1))
            }
        }
    }

    /// Rows by a line of their other columns, with what one column holds.
    async fn kept(&mut self, table: &str, line: &str, column: &str) -> BTreeMap<String, Vec<u8>> {
        let text = match self {
            Self::Sqlite(_) => {
                line.split(", ").map(|of| format!("quote({of})")).collect::<Vec<_>>().join(" || ',' || ")
            }
            Self::Postgres(_) => format!("row({line})::text"),
        };
        let sql = format!("SELECT {text} AS line, {column} FROM {table}");
        macro_rules! rows {
            ($connection:expr) => {{
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all($connection).await.expect("read a table");
                rows.iter().map(|row| (row.get(0), row.try_get_unchecked(1).expect("bytes"))).collect()
            }};
        }
        match self {
            Self::Sqlite(connection) => rows!(connection),
            Self::Postgres(connection) => rows!(connection),
        }
    }

    /// Checksums of what the tables held in the first schema, which of some is in another form in a later one.
    async fn sums(&mut self, first: bool) -> Vec<(&'static str, i64, String)> {
        let mut sums = Vec::new();
        for (table, columns) in TABLES {
            let (rows, sum) = match as_json(table) {
                None => self.sum(table, columns).await,
                Some(json) => {
                    let line = columns.strip_suffix(", body").expect("the body is last");
                    let kept = self.kept(table, line, if first { "body" } else { "record" }).await;
                    let mut hash = blake3::Hasher::new();
                    for (line, held) in &kept {
                        hash.update(line.as_bytes());
                        hash.update(if first { held.clone() } else { json(held).into_bytes() }.as_slice());
                    }
                    (kept.len() as i64, hash.finalize().to_hex().to_string())
                }
            };
            sums.push((table, rows, sum));
        }
        sums
    }

    async fn close(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        }
        .expect("close");
    }
}

/// Puts the rows of a database into the first schema, beside copies of them as other tenants'. The address of the result,
/// to which nobody is connected.
async fn first_of(filled: &Database, copies: u32) -> String {
    let statements = first_statements(filled.backend);
    let (url, of, numbers) = match filled.backend {
        Backend::Sqlite => {
            let file = filled.directory().expect("a directory").join("first.db");
            let numbers = format!(
                "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {copies}) SELECT i FROM n) AS n"
            );
            (format!("sqlite://{}?mode=rwc", file.display()), "filled", numbers)
        }
        Backend::Postgres => (filled.url.clone(), "filled", format!("generate_series(1, {copies}) AS n(i)")),
    };
    let mut open = Open::at(&url).await;
    match filled.backend {
        Backend::Sqlite => {
            let file = filled.directory().expect("a directory").join("fairdue.db");
            open.run(format!("ATTACH '{}' AS filled", file.display())).await;
        }
        Backend::Postgres => open.run("ALTER SCHEMA public RENAME TO filled; CREATE SCHEMA public".to_owned()).await,
    }
    open.run(statements).await;
    for (table, columns) in TABLES {
        let held = columns.replace("body", if as_json(table).is_some() { "''" } else { "body" });
        open.run(format!("INSERT INTO {table} ({columns}) SELECT {held} FROM {of}.{table}")).await;
        if let Some(json) = as_json(table) {
            let id = if table == "activity" { "activity_id" } else { "case_id || ' ' || version_id" };
            let records = open.kept(&format!("{of}.{table}"), id, "record").await;
            let set = |(of, record): (&String, &Vec<u8>)| {
                let of = of.trim_matches(|c| matches!(c, '(' | ')' | '\'' | '"'));
                format!("UPDATE {table} SET body = '{}' WHERE {id} = '{of}';", json(record).replace('\'', "''"))
            };
            let updates: String = records.iter().map(set).collect();
            open.run(format!("BEGIN; {updates} COMMIT")).await;
        }
        let others = columns.replacen("tenant_id", "'x' || i", 1);
        if copies > 0 && table != "api_key" {
            let own = format!("SELECT {others} FROM {table}, {numbers} WHERE tenant_id = 't'");
            open.run(format!("INSERT INTO {table} ({columns}) {own}")).await;
        }
    }
    if filled.backend == Backend::Postgres {
        open.run("DROP SCHEMA filled CASCADE".to_owned()).await;
    }
    open.close().await;
    url
}

/// Another copy of the database of the first schema.
async fn copy(first: &str, number: u32) -> String {
    if let Some(file) = first.strip_prefix("sqlite://").and_then(|rest| rest.strip_suffix("?mode=rwc")) {
        let to = format!("{file}.{number}");
        std::fs::copy(file, &to).expect("copy a file");
        return format!("sqlite://{to}?mode=rwc");
    }
    let (server, name) = first.rsplit_once('/').expect("a name");
    let mut admin = PgConnection::connect(&format!("{server}/postgres")).await.expect("connect");
    let make = format!("CREATE DATABASE {name}_{number} TEMPLATE {name}");
    admin.execute(AssertSqlSafe(make)).await.expect("copy a database");
    admin.close().await.expect("leave");
    format!("{server}/{name}_{number}")
}

/// A process that brings the schema up to date and does one thing more.
fn process(url: &str, configuration: &Path) -> Child {
    let mut command = Command::new(binary());
    command.args(["tenant", "create", "t", "--database", url, "--config"]).arg(configuration);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run fairdue")
}

fn ended_well(child: Child) {
    let output = child.wait_with_output().expect("it ran");
    assert!(output.status.success(), "a start failed: {}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until a process is at the schema: on PostgreSQL its session for that is there, whether or not it takes a lock; on
/// SQLite it has opened the file.
async fn at_work(url: &str, child: &mut Child) {
    let session = "SELECT COUNT(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'fairdue migrations'";
    let file = url.strip_prefix("sqlite://").map(|rest| rest.trim_end_matches("?mode=rwc"));
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(30) && child.try_wait().expect("a process").is_none() {
        let begun = match file {
            Some(file) => Path::new(&format!("{file}-wal")).exists(),
            None => counted(url, session).await > 0,
        };
        if begun {
            return;
        }
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
}

/// A database of today, filled by its clients.
async fn filled(backend: Backend) -> (Database, Setup, Done) {
    let database = Database::fresh(backend).await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    let addresses = Addresses::default();
    addresses.lock().expect("no panic").push(service.address.clone());
    let load = Load::start(&addresses, &setup.key, 1);
    load.more(40).await;
    let done = load.end().await;
    assert_eq!(service.stop(), 0);
    (database, setup, done)
}

async fn the_schema_is_brought_up_to_date(backend: Backend) {
    let (database, setup, done) = filled(backend).await;
    let first = first_of(&database, rounds("FAIRDUE_FAULT_COPIES", 20)).await;
    let mut open = Open::at(&first).await;
    let before = open.sums(true).await;
    open.close().await;
    let rows: i64 = before.iter().map(|(_, rows, _)| rows).sum();
    let configuration = configuration();
    let (kills, mut halfway) = (rounds("FAIRDUE_FAULT_MIGRATIONS", 5), 0);
    let mut last = String::new();
    for round in 0..kills {
        let url = copy(&first, round).await;
        let mut child = process(&url, configuration.path());
        at_work(&url, &mut child).await;
        tokio::time::sleep(Duration::from_micros(u64::from(dice(40_000)))).await;
        halfway += u32::from(child.try_wait().expect("a process").is_none());
        let _ = child.kill();
        let _ = child.wait();
        // Whatever it left behind, three that start at once make it whole.
        let starting: Vec<Child> = (0..3).map(|_| process(&url, configuration.path())).collect();
        starting.into_iter().for_each(ended_well);
        let mut open = Open::at(&url).await;
        assert_eq!(open.sums(false).await, before, "round {round}: what was there is there");
        open.close().await;
        last = url;
    }
    println!("{rows} rows; {halfway} of {kills} were killed before their end");
    assert!(halfway > 0, "every process had ended before it was killed: nothing is shown");
    // Starting once more changes nothing; the figures are what they were.
    let applied = |url: String| async move {
        let mut open = Open::at(&url).await;
        let sum = open.sum("seaql_migrations", "version, applied_at").await;
        open.close().await;
        sum
    };
    let steps = applied(last.clone()).await;
    ended_well(process(&last, configuration.path()));
    assert_eq!(applied(last.clone()).await, steps);
    let upgraded = Database::at(backend, &last);
    let service = setup.over(&last).start().await;
    done.verify(&upgraded, &service.address, &setup.key).await;
    assert_eq!(service.stop(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_brought_up_to_date_on_sqlite() {
    the_schema_is_brought_up_to_date(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_brought_up_to_date_on_postgres() {
    the_schema_is_brought_up_to_date(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_database_survives_kills_while_it_is_made() {
    let configuration = configuration();
    let mut halfway = 0;
    for _ in 0..rounds("FAIRDUE_FAULT_MIGRATIONS", 5) {
        let database = Database::fresh(Backend::Sqlite).await;
        let mut child = process(&database.url, configuration.path());
        at_work(&database.url, &mut child).await;
        tokio::time::sleep(Duration::from_micros(u64::from(dice(20_000)))).await;
        halfway += u32::from(child.try_wait().expect("a process").is_none());
        let _ = child.kill();
        let _ = child.wait();
        let starting: Vec<Child> = (0..2).map(|_| process(&database.url, configuration.path())).collect();
        starting.into_iter().for_each(ended_well);
    }
    assert!(halfway > 0, "every process had ended before it was killed: nothing is shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_does_not_wait_for_ever_for_the_schema() {
    let database = Database::fresh(Backend::Postgres).await;
    let mut foreign = PgConnection::connect(&database.url).await.expect("connect");
    // The key of the lock, "fairdue" in ASCII.
    foreign.execute("BEGIN; SELECT pg_advisory_xact_lock(28817553143133541)").await.expect("the lock");
    let options = StoreOptions { schema_wait: Duration::from_millis(700), ..StoreOptions::default() };
    let since = Instant::now();
    let refused = Store::open(&database.url, &options).await.expect_err("the lock is held");
    assert!(matches!(refused, StoreError::SchemaBusy(_)), "{refused:?}");
    assert!((Duration::from_millis(600)..Duration::from_secs(10)).contains(&since.elapsed()));
    foreign.execute("ROLLBACK").await.expect("unlock");
    Store::open(&database.url, &options).await.expect("the lock is free").close().await;
}
