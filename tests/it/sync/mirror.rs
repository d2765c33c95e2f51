//! `fairdue sync mirror` and `verify` as people run them: copies in a file and on another server, killed in the middle, and
//! what differs told by name.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use sqlx::{Connection, Row};
use v1::activity_service_client::ActivityServiceClient;
use v1::case_service_client::CaseServiceClient;

use crate::support::database::{Backend, Database};
use crate::support::service::{Service, Setup, binary, caller};
use crate::support::workload::{self, MARKETS};

const CASES: u32 = 120;

async fn fill(service: &Service, key: &str) {
    let region_code = MARKETS[0].0.to_owned();
    let cases = (0..CASES).filter(|case| (*case as usize).is_multiple_of(MARKETS.len())).map(workload::case).collect();
    let request = v1::BatchUpsertCasesRequest { region_code: region_code.clone(), cases };
    CaseServiceClient::new(caller(&service.address, key).await).batch_upsert_cases(request).await.expect("cases");
    let mut client = ActivityServiceClient::new(caller(&service.address, key).await);
    for records in workload::plan(0, CASES).chunks(7) {
        let activities = records.iter().map(|record| workload::activity(*record)).collect();
        let request = v1::BatchRecordActivitiesRequest { region_code: region_code.clone(), activities };
        client.batch_record_activities(request).await.expect("activities");
    }
}

async fn record(service: &Service, key: &str, activity: v1::Activity) {
    let request = v1::RecordActivityRequest { region_code: MARKETS[0].0.to_owned(), activity: Some(activity) };
    ActivityServiceClient::new(caller(&service.address, key).await).record_activity(request).await.expect("stored");
}

fn fairdue(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(["sync"]).args(arguments).args(["--market", MARKETS[0].0]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn run(arguments: &[&str]) -> Output {
    let mut command = fairdue(arguments);
    tokio::task::spawn_blocking(move || command.output().expect("run fairdue")).await.expect("it ran")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn rows(file: &std::path::Path) -> i64 {
    let url = format!("sqlite://{}", file.display());
    let Ok(mut connection) = sqlx::SqliteConnection::connect(&url).await else { return 0 };
    let row = sqlx::query("SELECT COUNT(*) AS n FROM record").fetch_one(&mut connection).await;
    row.map_or(0, |row| row.get("n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_and_another_server_are_kept_in_step() {
    let database = Database::fresh(Backend::Sqlite).await;
    // Small pages, so that a kill finds the copy half done.
    let setup = Setup::new(&database.url, &[("sync.page_rows", "5")]).await;
    let service = setup.start().await;
    fill(&service, &setup.key).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("copy.db");
    let (copy, url) = (file.to_str().expect("a path"), format!("http://{}", service.address));
    let mirror = ["mirror", "--from", &url, "--key", &setup.key, "--to", copy];
    let verify = ["verify", "--a", &url, "--a-key", &setup.key, "--b", copy];

    // Killed again and again while it copies, it still ends with the whole.
    let mut seen = Vec::new();
    for _ in 0..4 {
        let mut child = fairdue(&mirror).spawn().expect("run fairdue");
        let had = rows(&file).await;
        while rows(&file).await < had + 40 && child.try_wait().expect("a child").is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        seen.push(rows(&file).await);
    }
    let done = run(&[&mirror[..], &["--once"]].concat()).await;
    assert!(done.status.success(), "{}", told(&done));
    let all = rows(&file).await;
    assert!(seen.iter().any(|rows| *rows > 0 && *rows < all), "no kill came in the middle: {seen:?} of {all}");
    let same = run(&verify).await;
    assert!(same.status.success(), "{}", told(&same));

    // What differs is named.
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{copy}")).await.expect("open the copy");
    let one = workload::activity_id(0, 0);
    let lose = format!("DELETE FROM record WHERE id = '{one}'");
    sqlx::query(sqlx::AssertSqlSafe(lose)).execute(&mut connection).await.expect("lose a record");
    connection.close().await.expect("close");
    let differs = run(&verify).await;
    assert_eq!(differs.status.code(), Some(1), "{}", told(&differs));
    assert!(told(&differs).contains(&format!("{one}: only in the first")), "{}", told(&differs));

    // Another server, written to by the public API alone.
    let other = Database::fresh(Backend::Sqlite).await;
    let there = Setup::new(&other.url, &[]).await;
    let twin = there.start().await;
    let (twin_url, token) = (format!("http://{}", twin.address), directory.path().join("token"));
    let token = token.to_str().expect("a path");
    let mirror = [
        "mirror",
        "--from",
        &url,
        "--key",
        &setup.key,
        "--to",
        &twin_url,
        "--to-key",
        &there.key,
        "--token-file",
        token,
        "--once",
    ];
    let verify = ["verify", "--a", &url, "--a-key", &setup.key, "--b", &twin_url, "--b-key", &there.key, "--findings"];
    let done = run(&mirror).await;
    assert!(done.status.success(), "{}", told(&done));
    let same = run(&verify).await;
    assert!(same.status.success(), "{}", told(&same));
    let void = v1::Activity {
        activity_id: "a void".to_owned(),
        occur_time: Some(workload::time(0)),
        detail: Some(v1::activity::Detail::Void(v1::VoidRecord {
            target_activity_id: one.clone(),
            ..Default::default()
        })),
        ..Default::default()
    };
    record(&service, &setup.key, void).await;
    let differs = run(&verify).await;
    assert_eq!(differs.status.code(), Some(1), "{}", told(&differs));
    for line in [format!("{one}: only in the second"), "a void: only in the first".to_owned()] {
        assert!(told(&differs).contains(&line), "{line} in\n{}", told(&differs));
    }
    for _ in 0..2 {
        let done = run(&mirror).await;
        assert!(done.status.success(), "{}", told(&done));
        let same = run(&verify).await;
        assert!(same.status.success(), "{}", told(&same));
    }
    // Nobody there is no difference, and neither is a wrong key.
    let nobody = run(&["verify", "--a", "http://127.0.0.1:1", "--a-key", "k", "--b", copy]).await;
    assert_eq!(nobody.status.code(), Some(2), "{}", told(&nobody));
    assert_eq!(twin.stop(), 0);
    assert_eq!(service.stop(), 0);
}

/// A copy of a part is verified by the part: each record that is missing or other is named, and what is not shared is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partners_copy_is_verified_by_what_is_shared() {
    let database = Database::fresh(Backend::Sqlite).await;
    let setup = Setup::new(&database.url, &[("sync.page_rows", "5")]).await;
    let key = setup.another_key(vec![Role::Partner]).await;
    let id = key.rsplit('.').nth(1).expect("a key of three parts");
    let market = MARKETS[0].0.to_lowercase();
    let file = setup.configuration().join("tenants/t.toml");
    let share = "case = [\"effect_time\", \"claims\"]\nactivity = [\"case_ids\", \"detail\"]\nvoid = [\"occur_time\", \"detail\"]";
    let mut text = std::fs::read_to_string(&file).expect("the tenant");
    text.push_str(&format!("\n[[partner]]\nid = \"hub\"\nkeys = [\"{id}\"]\nmarkets = [\"{market}\"]\n"));
    text.push_str(&format!("[partner.share]\n{share}\nfinding = [\"rule_id\", \"breach_time\"]\n"));
    std::fs::write(&file, text).expect("write the tenant");
    let service = setup.start().await;
    fill(&service, &setup.key).await;
    let directory = tempfile::tempdir().expect("a directory");
    let copy = directory.path().join("copy.db");
    let (copy, url) = (copy.to_str().expect("a path"), format!("http://{}", service.address));
    let mirror = ["mirror", "--from", &url, "--key", &key, "--to", copy, "--once"];
    let verify = ["verify", "--a", &url, "--a-key", &key, "--b", copy];
    let same_after_a_copy = || async {
        let done = run(&mirror).await;
        assert!(done.status.success(), "{}", told(&done));
        let same = run(&verify).await;
        assert!(same.status.success(), "{}", told(&same));
    };
    same_after_a_copy().await;
    let all = run(&["verify", "--a", &url, "--a-key", &setup.key, "--b", copy]).await;
    assert_eq!(all.status.code(), Some(1), "a part is not the whole: {}", told(&all));
    let (lost, other) = (workload::activity_id(0, 0), workload::case_id(0));
    for (plant, line) in [
        (format!("DELETE FROM record WHERE id = '{lost}'"), format!("{lost}: only in the first")),
        (
            format!("UPDATE record SET leaf = zeroblob(32) WHERE entity = 'case' AND id = '{other}'"),
            format!("case {other} version"),
        ),
    ] {
        let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{copy}")).await.expect("open the copy");
        sqlx::query(sqlx::AssertSqlSafe(plant)).execute(&mut connection).await.expect("plant a difference");
        connection.close().await.expect("close");
        let differs = run(&verify).await;
        assert_eq!(differs.status.code(), Some(1), "{}", told(&differs));
        assert!(told(&differs).contains(&line), "{line} in\n{}", told(&differs));
    }
    for part in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{copy}{part}"));
    }
    same_after_a_copy().await;
    assert_eq!(service.stop(), 0);
}

/// What is missing, no copy, or that of another market is said so, and left as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_copy_is_named_and_left_alone() {
    let database = Database::fresh(Backend::Sqlite).await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    fill(&service, &setup.key).await;
    let directory = tempfile::tempdir().expect("a directory");
    let (url, key) = (format!("http://{}", service.address), &setup.key);
    let path = |name: &str| directory.path().join(name).to_str().expect("a path").to_owned();
    let (missing, text, other, foreign) = (path("missing.db"), path("text.db"), path("other.db"), path("foreign.db"));
    std::fs::write(&text, "this is no database, and long enough to be looked at as one".repeat(9)).expect("a file");
    let mut connection =
        sqlx::SqliteConnection::connect(&format!("sqlite://{other}?mode=rwc")).await.expect("a database");
    sqlx::query("CREATE TABLE things (id TEXT)").execute(&mut connection).await.expect("a table");
    connection.close().await.expect("close");
    let made = Command::new(binary())
        .args(["sync", "mirror", "--from", &url, "--key", key, "--to", &foreign, "--market", MARKETS[1].0, "--once"])
        .output()
        .expect("run fairdue");
    assert!(made.status.success(), "{}", told(&made));
    for (file, why) in [
        (&missing, "is missing"),
        (&text, "cannot be opened as a copy of a market: "),
        (&other, "is no copy of a market"),
        (&foreign, &*format!("is the copy of the market {}, not of {}", MARKETS[1].0, MARKETS[0].0)),
    ] {
        let verified = run(&["verify", "--a", &url, "--a-key", key, "--b", file]).await;
        assert_eq!(verified.status.code(), Some(2), "{file} is not compared: {}", told(&verified));
        assert!(told(&verified).contains(&format!("{file} {why}")), "{}", told(&verified));
        if file != &missing {
            let copied = run(&["mirror", "--from", &url, "--key", key, "--to", file, "--once"]).await;
            assert_eq!(copied.status.code(), Some(1), "{file} is not written to: {}", told(&copied));
            assert!(told(&copied).contains(&format!("{file} {why}")), "{}", told(&copied));
        }
    }
    assert!(!std::path::Path::new(&missing).exists(), "a comparison makes no file");
    assert_eq!(service.stop(), 0);
}

/// Records that were taken out behind the service's back are still in its tallies. That is told, and a reset heals it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_counts_what_is_there() {
    let database = Database::fresh(Backend::Sqlite).await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    fill(&service, &setup.key).await;
    let directory = tempfile::tempdir().expect("a directory");
    let copy = directory.path().join("copy.db");
    let (copy, url) = (copy.to_str().expect("a path"), format!("http://{}", service.address));
    let mirror = ["mirror", "--from", &url, "--key", &setup.key, "--to", copy, "--once"];
    let verify = ["verify", "--a", &url, "--a-key", &setup.key, "--b", copy];
    let mut connection = sqlx::SqliteConnection::connect(&database.url).await.expect("open the database");
    let lose = format!("DELETE FROM activity WHERE activity_id = '{}'", workload::activity_id(0, 0));
    let lost = sqlx::query(sqlx::AssertSqlSafe(lose)).execute(&mut connection).await.expect("lose a record");
    assert_eq!(lost.rows_affected(), 1);
    connection.close().await.expect("close");
    let done = run(&mirror).await;
    assert!(done.status.success(), "{}", told(&done));
    let differs = run(&verify).await;
    assert_eq!(differs.status.code(), Some(1), "{}", told(&differs));
    assert!(told(&differs).contains("activity: the records are the same, the tallies are not"), "{}", told(&differs));
    let configuration = setup.configuration();
    let reset = ["reset", "--tenant", "t", "--config", configuration.to_str().expect("a path")];
    let reset = run(&[&reset[..], &["--database", &database.url]].concat()).await;
    assert!(reset.status.success(), "{}", told(&reset));
    let done = run(&mirror).await;
    assert!(done.status.success() && told(&done).contains("were reset"), "{}", told(&done));
    let same = run(&verify).await;
    assert!(same.status.success(), "{}", told(&same));
    // Of a copy that lost everything no more is told than somebody reads.
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{copy}")).await.expect("open the copy");
    sqlx::query("DELETE FROM record").execute(&mut connection).await.expect("lose everything");
    connection.close().await.expect("close");
    let differs = run(&verify).await;
    assert_eq!(differs.status.code(), Some(1), "{}", told(&differs));
    let (only, days) =
        (told(&differs).matches("only in the first").count(), told(&differs).matches("not looked at").count());
    assert!((180..=220).contains(&only) && days > 0, "{only} records and {days} days in\n{}", told(&differs));
    assert_eq!(service.stop(), 0);
}
