//! What whoever operates the service is told: the database that it serves, variables that do nothing, why a start fails, markets
//! that were lost from the configuration, a disk that is full, and which keys there are.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use fairdue::proto::v1::case_service_client::CaseServiceClient;
use fairdue::proto::v1::kpi_service_client::KpiServiceClient;
use fairdue::proto::v1::{self, activity_service_client::ActivityServiceClient};
use fairdue::store::{Store, StoreOptions};
use sqlx::{Connection, Executor};
use tonic::{Code, Status};

use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::service::{Service, Setup, binary, caller, configuration};
use crate::support::wire::{case, march, payment, reason};

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().expect("run fairdue")).await.expect("it ran")
}

/// The same of what might serve instead: it is ended then.
async fn bounded(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run fairdue");
    let since = Instant::now();
    while child.try_wait().expect("a child").is_none() && since.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _ = child.kill();
    child.wait_with_output().expect("what it said")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Lines of the server's log that hold the word, once there are some.
async fn logged(setup: &Setup, word: &str) -> Vec<String> {
    let since = Instant::now();
    loop {
        let log = std::fs::read_to_string(setup.log_file()).unwrap_or_default();
        let found: Vec<String> = log.lines().filter(|line| line.contains(word)).map(str::to_owned).collect();
        if !found.is_empty() {
            return found;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "nothing about {word} in the log:\n{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn open_case(service: &Service, key: &str, region: &str) -> Result<(), Status> {
    let request = v1::UpsertCaseRequest { region_code: region.to_owned(), case: Some(case("c1", "creditor")) };
    CaseServiceClient::new(caller(&service.address, key).await).upsert_case(request).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_that_is_nearly_a_setting_stops_the_start() {
    let directory = configuration();
    for (variable, setting) in [
        ("FAIRDUE_DATABASE_URL", "FAIRDUE_DATABASE__URL"),
        ("FAIRDUE_DATABASE", "FAIRDUE_DATABASE__URL"),
        ("FAIRDUE_GRPC_LISTEN", "FAIRDUE_GRPC__LISTEN"),
    ] {
        let mut command = Command::new(binary());
        command.args(["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--database", "sqlite::memory:"]);
        command.arg("--config").arg(directory.path()).env(variable, "postgres://u:secret@db/x");
        let output = bounded(command).await;
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{variable}: {told}");
        assert!(told.contains(&format!("{variable} is no setting")) && told.contains(setting), "{variable}: {told}");
        assert!(!told.contains("secret"), "{variable}: {told}");
    }
}

on_both_databases!(
    async fn the_log_names_the_database_and_variables_that_do_nothing(database: Database) {
        // Kubernetes sets the latter for a service called fairdue.
        let setup =
            Setup::new(&database.url, &[("region", "x"), ("service_host", "10.0.0.1"), ("port", "tcp://x")]).await;
        let service = setup.start().await;
        let serving = logged(&setup, "serving").await.pop().expect("a line");
        let place = match database.backend {
            Backend::Sqlite => {
                database.url.trim_start_matches("sqlite://").split('?').next().unwrap_or_default().to_owned()
            }
            Backend::Postgres => database.url.rsplit('/').next().unwrap_or_default().to_owned(),
        };
        assert!(serving.contains(&place) && serving.contains("database="), "{serving}");
        let warned = logged(&setup, "FAIRDUE_REGION").await;
        assert!(warned.iter().any(|line| line.contains("WARN")), "{warned:?}");
        let log = std::fs::read_to_string(setup.log_file()).expect("a log");
        assert!(!log.contains("FAIRDUE_SERVICE_HOST") && !log.contains("FAIRDUE_PORT"), "{log}");
        assert_eq!(service.stop(), 0);
    }
);

on_both_databases!(
    async fn a_database_of_a_newer_version_is_told(database: Database) {
        let directory = configuration();
        Store::open(&database.url, &StoreOptions::default()).await.expect("open").close().await;
        let future = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 1)";
        match database.backend {
            Backend::Sqlite => {
                sqlx::SqliteConnection::connect(&database.url).await.expect("connect").execute(future).await.map(|_| ())
            }
            Backend::Postgres => {
                sqlx::PgConnection::connect(&database.url).await.expect("connect").execute(future).await.map(|_| ())
            }
        }
        .expect("as a newer version would leave it");
        let mut command = Command::new(binary());
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--database", &database.url, "--config"])
            .arg(directory.path());
        let output = run(command).await;
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        let expected =
            "was migrated by a newer version of fairdue (migration m9999_future): start that version or a later one";
        assert!(told.contains(expected), "{told}");
    }
);

on_both_databases!(
    async fn a_market_that_a_reload_loses_is_told(database: Database) {
        let setup = Setup::new(&database.url, &[]).await;
        let service = setup.start().await;
        open_case(&service, &setup.key, "IT").await.expect("stored");
        let log = std::fs::read_to_string(setup.log_file()).expect("a log");
        assert!(!log.contains("not configured"), "{log}");
        let own = setup.configuration().join("tenants/t.toml");
        let text = std::fs::read_to_string(&own).expect("the tenant's file");
        std::fs::remove_file(&own).expect("lose the file");
        service.reload();
        // Without any tenant it was no reload that somebody meant.
        logged(&setup, "no tenant is left").await;
        open_case(&service, &setup.key, "IT").await.expect("the former configuration is in force");
        let other = text.replace("tenant = \"t\"", "tenant = \"other\"");
        assert_ne!(text, other);
        std::fs::write(setup.configuration().join("tenants/other.toml"), other).expect("another tenant");
        service.reload();
        let lost = logged(&setup, "the market holds records and is not configured").await;
        assert_eq!(lost.len(), 1, "one market has records: {lost:?}");
        assert!(lost[0].contains("WARN") && lost[0].contains("tenant=t") && lost[0].contains("market=it"), "{lost:?}");
        let refused = open_case(&service, &setup.key, "IT").await.expect_err("off the air");
        assert_eq!(reason(&refused), "MARKET_UNKNOWN");
        assert_eq!(service.stop(), 0);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_break_their_examples_are_refused_at_a_reload() {
    let database = Database::fresh(Backend::Sqlite).await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    let pack = setup.configuration().join("jurisdictions/se/rules.toml");
    let rules = std::fs::read_to_string(&pack).expect("a pack");
    let sooner = rules.replace("from = \"08:00\", to = \"21:00\"", "from = \"08:00\", to = \"20:00\"");
    assert_ne!(rules, sooner);
    std::fs::write(&pack, sooner).expect("change the pack");
    service.reload();
    let refused = logged(&setup, "configuration refused").await;
    assert_eq!(refused.len(), 1, "{refused:?}");
    let log = std::fs::read_to_string(setup.log_file()).expect("a log");
    let example = |log: &str| log.contains("jurisdictions/se/cases.toml") && log.contains("rule se-contact-hours");
    assert!(example(&log) && !log.contains("configuration reloaded"), "{log}");
    std::fs::write(&pack, format!("{rules}\n# The same as before.\n")).expect("change the pack");
    service.reload();
    logged(&setup, "configuration reloaded").await;
    assert_eq!(service.stop(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lack_of_room_is_told_to_the_operator_alone() {
    let database = Database::fresh(Backend::Sqlite).await;
    let setup = Setup::new(&database.url, &[("database.min_free_mib", "1048576")]).await;
    let service = setup.start().await;
    for _ in 0..3 {
        let refused = open_case(&service, &setup.key, "IT").await.expect_err("no room");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "STORAGE_FULL"));
        assert!(refused.message().contains("database.min_free_mib"), "{refused:?}");
        let directory = database.directory().expect("a directory").display().to_string();
        assert!(!refused.message().contains(&directory), "{refused:?}");
    }
    let told = logged(&setup, "needed_mib").await;
    assert_eq!(told.len(), 1, "once a minute: {told:?}");
    for word in ["WARN", "free_mib=", "needed_mib=1048576", "database.min_free_mib", "path="] {
        assert!(told[0].contains(word), "{word}: {told:?}");
    }
    assert_eq!(service.stop(), 0);
}

on_both_databases!(
    async fn keys_are_listed_with_their_labels_and_without_secrets(database: Database) {
        let directory = configuration();
        let fairdue = async |arguments: &[&str]| {
            let mut command = Command::new(binary());
            command.args(arguments).args(["--database", &database.url, "--config"]).arg(directory.path());
            run(command).await
        };
        assert!(fairdue(&["tenant", "create", "t"]).await.status.success());
        let make = ["key", "create", "--tenant", "t", "--role", "compliance", "--market", "it", "--label", "Anna Berg"];
        let made = fairdue(&make).await;
        let text = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        let parts: Vec<&str> = text.rsplitn(3, '.').collect();
        let [secret, id, _] = parts[..] else { panic!("{}", said(&made)) };
        assert!(
            fairdue(&["key", "create", "--tenant", "t", "--role", "writer", "--role", "reader"]).await.status.success()
        );
        assert!(fairdue(&["key", "revoke", "--tenant", "t", id]).await.status.success());
        let listed = fairdue(&["key", "list", "--tenant", "t"]).await;
        let told = said(&listed);
        let rows: Vec<Vec<&str>> = told.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(rows[0], ["key", "label", "roles", "markets", "created", "revoked"]);
        assert_eq!(rows.len(), 3, "{told}");
        let anna = rows.iter().find(|row| row[0] == id).expect("the key");
        assert_eq!(anna[1..4], ["Anna Berg", "compliance", "it"]);
        assert_ne!(anna[5], "-", "it was revoked");
        let other = rows.iter().skip(1).find(|row| row[0] != id).expect("the other key");
        assert_eq!((other[1], other[2], other[3], other[5]), ("-", "writer reader", "all", "-"));
        assert!(!told.contains(secret), "{told}");
        assert!(!fairdue(&["key", "list", "--tenant", "nobody"]).await.status.success());
        let long = "x".repeat(65);
        let refused = fairdue(&["key", "create", "--tenant", "t", "--role", "reader", "--label", &long]).await;
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    }
);

/// What is paid a working day.
const PACE: &str = r#"
version = 1
[[kpi]]
id = "own_per_working_day"
title = "Payments a working day"
description = "Payments received in the period by its working days."
formula = "payments / working days"
source = "a test"
kind = "derived"
expression = { divide = ["payments", { parameter = "n" }] }
parameters = { n = "working_days" }
unit = "money"
rounding = "half_even"
unit_counted = "minor unit of money"
base = "payments of the period"
clock = "occurred"
currency_policy = "per_currency"
additivity = "none"
attribution = "payment_chain"
dimension_as_of = "fact"
variants = []
"#;

/// Singapore's calendar leaves out the holidays of the moon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn working_days_of_a_calendar_that_is_not_complete_have_no_figure() {
    let database = Database::fresh(Backend::Sqlite).await;
    let setup = Setup::new(&database.url, &[]).await;
    std::fs::write(setup.configuration().join("kpis/own.toml"), PACE).expect("write the KPI");
    let market =
        |id: &str| format!("[markets.{id}]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\npromise_grace_days = 3\n");
    let markets = format!("tenant = \"t\"\n{}", ["it", "sg"].map(market).concat());
    std::fs::write(setup.configuration().join("tenants/t.toml"), markets).expect("write the tenant");
    let service = setup.start().await;
    let mut told = Vec::new();
    for region in ["IT", "SG"] {
        open_case(&service, &setup.key, region).await.expect("stored");
        let activity = payment("p1", "c1", 3, 100);
        let request = v1::RecordActivityRequest { region_code: region.to_owned(), activity: Some(activity) };
        let mut activities = ActivityServiceClient::new(caller(&service.address, &setup.key).await);
        activities.record_activity(request).await.expect("stored");
        let question = v1::QueryKpisRequest { region_code: region.to_owned(), ..march("own_per_working_day") };
        let mut kpis = KpiServiceClient::new(caller(&service.address, &setup.key).await);
        let rows = kpis.query_kpis(question).await.expect("an answer").into_inner().rows;
        told.push((rows[0].value.is_some(), rows[0].no_value_reason()));
    }
    assert_eq!(told, [(true, v1::NoValueReason::Unspecified), (false, v1::NoValueReason::NoCalendar)]);
    assert_eq!(service.stop(), 0);
}
