//! PostgreSQL as the second wall between tenants, and PgBouncer in transaction mode before it: the whole service works behind
//! both, and a query that goes around the service's own handle finds nothing that is another tenant's.

use std::process::{Child, Stdio};
use std::time::Duration;

use fairdue::domain::ids::{MarketId, TenantId};
use fairdue::proto::v1;
use fairdue::store::{FeedRecord, Store, StoreOptions, order_by_id};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;

use crate::database_tls;
use crate::figures;
use crate::support::database::{Backend, Database};
use crate::support::packages::program;
use crate::support::postgres::{free_port, fresh_directory, unprivileged};
use crate::support::service::{Service, Setup, caller};
use crate::support::workload::{self, MARKETS};

const CASES: u32 = 16;

/// The address of a database as a user who is neither superuser nor excepted from row-level security, and owns it.
async fn owned(url: &str) -> String {
    let name = url.rsplit('/').next().expect("a name");
    let user = format!("owner_{name}");
    let mut admin = PgConnection::connect(url).await.expect("connect");
    for sql in
        [format!("CREATE ROLE {user} LOGIN NOSUPERUSER NOBYPASSRLS"), format!("ALTER DATABASE {name} OWNER TO {user}")]
    {
        admin.execute(AssertSqlSafe(sql)).await.expect("make an owner");
    }
    url.replace("postgres://postgres@", &format!("postgres://{user}@"))
}

async fn fill(service: &Service, key: &str) {
    for (market, (region, _, _)) in MARKETS.iter().enumerate() {
        let region_code = || (*region).to_owned();
        let cases = (0..CASES).filter(|case| *case as usize % MARKETS.len() == market).map(workload::case).collect();
        let request = v1::BatchUpsertCasesRequest { region_code: region_code(), cases };
        CaseServiceClient::new(caller(&service.address, key).await).batch_upsert_cases(request).await.expect("cases");
        let activities = workload::plan(market, CASES).into_iter().map(workload::activity).collect();
        let request = v1::BatchRecordActivitiesRequest { region_code: region_code(), activities };
        let mut client = ActivityServiceClient::new(caller(&service.address, key).await);
        client.batch_record_activities(request).await.expect("activities");
    }
}

/// The first market's outgoing attempts of a year, as they are or as they were known until now.
async fn attempts(service: &Service, key: &str, known: bool) -> Vec<String> {
    let date = |year| Some(fairdue::proto::google::r#type::Date { year, month: 1, day: 1 });
    let request = v1::QueryKpisRequest {
        region_code: MARKETS[0].0.to_owned(),
        kpi_ids: vec!["rpc_rate".to_owned()],
        grain: v1::Grain::Year.into(),
        start_date: date(2025),
        end_date: date(2026),
        as_known_time: known.then(|| std::time::SystemTime::now().into()),
        ..Default::default()
    };
    let mut client = v1::kpi_service_client::KpiServiceClient::new(caller(&service.address, key).await);
    let rows = client.query_kpis(request).await.expect("a KPI").into_inner().rows;
    rows.into_iter().map(|row| row.denominator.map(|value| value.value).unwrap_or_default()).collect()
}

async fn count(connection: &mut PgConnection, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    connection.fetch_one(AssertSqlSafe(sql)).await.expect("a count").get("n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_goes_around_the_handle_finds_nothing() {
    let database = Database::fresh(Backend::Postgres).await;
    let url = owned(&database.url).await;
    let setup = Setup::new(&url, &[("database.row_security", "true")]).await;
    let service = setup.start().await;
    fill(&service, &setup.key).await;
    figures::compare(&service.address, &setup.key, 0..CASES, MARKETS.len()).await;
    let (now, known) = (attempts(&service, &setup.key, false).await, attempts(&service, &setup.key, true).await);
    assert_eq!(now, known, "what was known until now, whose revision is looked for, is what is so now");
    assert_ne!(now, [""], "there were calls");
    what_is_copied_out_is_what_is_selected(&url).await;

    let mut around = PgConnection::connect(&url).await.expect("connect");
    let tables = "SELECT relname::text AS named FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'tenant_id'";
    let tables: Vec<String> =
        around.fetch_all(tables).await.expect("tables").iter().map(|row| row.get("named")).collect();
    assert!(tables.len() > 15, "{tables:?}");
    for table in &tables {
        assert_eq!(count(&mut around, table).await, 0, "{table} without a tenant");
    }
    for (tenant, sees) in [("t", true), ("other", false)] {
        let mut transaction = around.begin().await.expect("begin");
        let set = format!("SELECT set_config('fairdue.tenant', '{tenant}', true)");
        transaction.execute(AssertSqlSafe(set)).await.expect("set");
        assert_eq!(count(&mut transaction, "activity").await > 0, sees, "{tenant}");
        let forged = "INSERT INTO case_person (tenant_id, market_id, person_id, case_id) VALUES ('t', 'it', 'x', 'x')";
        assert_eq!(transaction.execute(forged).await.is_ok(), sees, "{tenant} writes as t");
        transaction.rollback().await.expect("roll back");
    }
    assert_eq!(count(&mut around, "activity").await, 0, "the name ended with its transaction");
    assert_eq!(service.stop(), 0);
}

/// A feed's rows that are copied out of PostgreSQL are those that are selected, and the tenant's alone.
async fn what_is_copied_out_is_what_is_selected(url: &str) {
    let options = StoreOptions { row_security: true, ..StoreOptions::default() };
    let store = Store::open(url, &options).await.expect("open");
    let market = MarketId::trusted("it");
    for (tenant, sees) in [("t", true), ("other", false)] {
        let scope = store.scope(&TenantId::trusted(tenant));
        let [mut selected, mut copied] = [Vec::new(), Vec::new()];
        for (many, rows) in [(false, &mut selected), (true, &mut copied)] {
            let most = (10_000, many);
            let make = |row| FeedRecord::from_row(row, true);
            let records = scope.stretch_of_records(&market, (0, 1_000), None, most, make).await.expect("records");
            let versions = scope.stretch_of_versions(&market, (0, 1_000), most).await.expect("versions");
            assert_eq!((records.rows.is_empty(), versions.rows.is_empty()), (!sees, !sees), "{tenant}");
            let order = order_by_id(&records.rows, FeedRecord::id_bytes);
            let records: Vec<_> = order.into_iter().map(|place| records.rows[place].clone()).collect();
            rows.push((records, versions.rows));
        }
        assert_eq!(copied, selected, "{tenant}");
    }
    store.close().await;
}

/// A pooler that ends with this test.
struct Pooler(Child);

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts PgBouncer before a database, with few connections, so that each serves many clients in turn, and with further settings.
async fn pooler(url: &str, more: &str) -> (Pooler, String) {
    let program = program("pgbouncer");
    let (before, name) = url.rsplit_once('/').expect("a name");
    let (user, address) = before.trim_start_matches("postgres://").split_once('@').expect("a user");
    let (host, port) = address.split_once(':').expect("a port");
    let (directory, own) = (fresh_directory(), free_port());
    let users = directory.join("users.txt");
    std::fs::write(&users, format!("\"{user}\" \"\"\n")).expect("write the users");
    // The settings of deploy/, but for addresses, passwords and the number of connections.
    let mut text = include_str!("../../deploy/pgbouncer.ini").to_owned();
    for (from, to) in [
        (
            "fairdue = host=postgres port=5432 dbname=fairdue",
            format!("{name} = host={host} port={port} dbname={name} user={user}"),
        ),
        ("listen_addr = 0.0.0.0", "listen_addr = 127.0.0.1\nunix_socket_dir =".to_owned()),
        ("listen_port = 6432", format!("listen_port = {own}")),
        ("auth_type = scram-sha-256", "auth_type = any".to_owned()),
        ("/etc/pgbouncer/users.txt", users.display().to_string()),
        ("default_pool_size = 40", "default_pool_size = 3".to_owned()),
    ] {
        assert!(text.contains(from), "{from} stands in deploy/pgbouncer.ini no more");
        text = text.replace(from, &to);
    }
    text.push_str(&format!("\n{more}"));
    let file = directory.join("pgbouncer.ini");
    std::fs::write(&file, text).expect("write the settings");
    let mut command = unprivileged(&program);
    let child = command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let pooler = Pooler(child.expect("run pgbouncer"));
    let url = format!("postgres://{user}@127.0.0.1:{own}/{name}");
    for _ in 0..100 {
        if let Ok(mut connection) = PgConnection::connect(&url).await
            && connection.ping().await.is_ok()
        {
            return (pooler, url);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("pgbouncer does not answer; its settings are in {}", file.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_work_behind_a_pooler_in_transaction_mode() {
    let database = Database::fresh(Backend::Postgres).await;
    let direct = owned(&database.url).await;
    let (_pooler, pooled) = pooler(&direct, "").await;
    let settings =
        [("database.pooled", "true"), ("database.row_security", "true"), ("database.migration_url", direct.as_str())];
    let mut setup = Setup::new(&direct, &settings).await;
    setup.url = pooled;
    let (one, other) = (setup.start().await, setup.start().await);
    tokio::join!(fill(&one, &setup.key), fill(&other, &setup.key));
    for service in [&one, &other] {
        figures::compare(&service.address, &setup.key, 0..CASES, MARKETS.len()).await;
    }
    let mut feed =
        fairdue::proto::v1::sync_service_client::SyncServiceClient::new(caller(&other.address, &setup.key).await);
    let request = v1::PullRequest { region_code: MARKETS[0].0.to_owned(), once: true, ..Default::default() };
    let mut feed = feed.pull(request).await.expect("a feed").into_inner();
    let mut changes = 0;
    while let Some(message) = feed.message().await.expect("no failure") {
        changes += message.changes.len();
    }
    assert!(changes > 40, "{changes}");
    assert_eq!(one.stop(), 0);
    assert_eq!(other.stop(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_to_a_pooler_is_encrypted_and_its_certificate_verified() {
    let database = Database::fresh(Backend::Postgres).await;
    let direct = owned(&database.url).await;
    let (authority, other, directory) = (database_tls::authority(), database_tls::authority(), fresh_directory());
    let (certificate, key) = database_tls::certificate(&directory, &authority, "127.0.0.1");
    let more = format!(
        "client_tls_sslmode = require\nclient_tls_cert_file = {}\nclient_tls_key_file = {}\n",
        certificate.display(),
        key.display()
    );
    let (_pooler, pooled) = pooler(&direct, &more).await;
    PgConnection::connect(&format!("{pooled}?sslmode=disable")).await.expect_err("without TLS nobody is let in");
    let (own_pem, other_pem) = (directory.join("own.pem"), directory.join("other.pem"));
    std::fs::write(&own_pem, authority.pem()).expect("write a certificate");
    std::fs::write(&other_pem, other.pem()).expect("write a certificate");
    let verified = |file: &std::path::Path| format!("{pooled}?sslmode=verify-full&sslrootcert={}", file.display());
    let quick = StoreOptions {
        pooled: true,
        migration_url: Some(direct.clone()),
        acquire_timeout: Duration::from_secs(2),
        ..StoreOptions::default()
    };
    Store::open(&verified(&other_pem), &quick).await.expect_err("another authority");

    let settings =
        [("database.pooled", "true"), ("database.row_security", "true"), ("database.migration_url", direct.as_str())];
    let mut setup = Setup::new(&direct, &settings).await;
    setup.url = verified(&own_pem);
    let (one, two) = (setup.start().await, setup.start().await);
    tokio::join!(fill(&one, &setup.key), fill(&two, &setup.key));
    for service in [one, two] {
        figures::compare(&service.address, &setup.key, 0..CASES, MARKETS.len()).await;
        assert_eq!(service.stop(), 0);
    }
    let _ = std::fs::remove_dir_all(directory);
}
