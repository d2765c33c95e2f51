//! Each test gets an empty database of its own, on both backends, and the private cluster ends with its process.

use sqlx::{Connection, Executor, Row};

use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::postgres::{Cluster, Durability};

on_both_databases!(
    async fn a_fresh_database_is_empty_and_takes_a_table(database: Database) {
        let rows = match database.backend {
            Backend::Sqlite => {
                assert!(database.directory().is_some_and(std::path::Path::is_dir));
                let mut connection = sqlx::SqliteConnection::connect(&database.url).await.expect("connect");
                connection.execute("CREATE TABLE only_here (x BIGINT)").await.expect("create");
                let count = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'";
                connection.fetch_one(count).await.expect("count").get::<i64, _>(0)
            }
            Backend::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&database.url).await.expect("connect");
                connection.execute("CREATE TABLE only_here (x BIGINT)").await.expect("create");
                let count = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
                connection.fetch_one(count).await.expect("count").get::<i64, _>(0)
            }
        };
        assert_eq!(rows, 1, "the database was not empty");
    }
);

#[tokio::test]
async fn a_cluster_stops_and_leaves_nothing_behind() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(Durability::Full)).await.expect("start");
    let url = cluster.fresh_database().await;
    let mut connection = sqlx::PgConnection::connect(&url).await.expect("connect");
    let row = connection.fetch_one("SELECT current_setting('fsync'), current_setting('data_directory')").await;
    let row = row.expect("read the settings");
    assert_eq!(row.get::<String, _>(0), "on", "a durable cluster must sync");
    let directory = std::path::PathBuf::from(row.get::<String, _>(1));
    assert!(directory.parent().is_some_and(std::path::Path::is_dir));
    drop(connection);
    tokio::task::spawn_blocking(move || drop(cluster)).await.expect("stop");
    assert!(sqlx::PgConnection::connect(&url).await.is_err(), "the server still runs");
    assert!(!directory.parent().is_some_and(std::path::Path::exists), "the directory is still there");
}

/// Whoever starts the service against a database that does not open is told what to mend.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_a_database_does_not_open_is_told() {
    let directory = crate::support::service::configuration();
    let postgres = Database::fresh(Backend::Postgres).await;
    let (server, _) = postgres.url.rsplit_once('/').expect("an address with a name");
    let files = tempfile::tempdir().expect("make a directory");
    let other = files.path().join("other.db");
    std::fs::write(&other, "no database, but long enough to be looked at as one: ".repeat(40)).expect("write a file");
    let foreign = files.path().join("foreign.db");
    let made = format!("sqlite://{}?mode=rwc", foreign.display());
    let mut connection = sqlx::SqliteConnection::connect(&made).await.expect("make a file");
    connection.execute("CREATE TABLE orders (id BIGINT)").await.expect("create");
    connection.close().await.expect("close");
    let held = std::fs::read(&foreign).expect("read the file");
    let port = crate::support::postgres::free_port();
    for (url, parts) in [
        (
            "sqlite:///no/such/directory/f.db".to_owned(),
            ["/no/such/directory/f.db", "unable to open database file", "make the directory /no/such/directory"],
        ),
        (format!("sqlite://{}", other.display()), ["other.db", "file is not a database", "database.url"]),
        (
            format!("sqlite://{}", foreign.display()),
            ["foreign.db", "tables of another program (one is \"orders\")", "left as it is"],
        ),
        (format!("{server}/nowhere"), ["/nowhere", "database \"nowhere\" does not exist", "createdb"]),
        (
            format!("postgres://u:secret@127.0.0.1:{port}/x"),
            ["postgres://u@127.0.0.1:", "Connection refused", "start PostgreSQL"],
        ),
        ("mysql://u:secret@127.0.0.1/x".to_owned(), ["127.0.0.1/x", "is no database address", "use sqlite://PATH"]),
        // As of a variable that is not set.
        ("sqlite://".to_owned(), ["sqlite://", "is no database address", "with the path of a file"]),
        ("sqlite::memory:".to_owned(), ["sqlite::memory:", "is no database address", "with the path of a file"]),
    ] {
        let mut command = std::process::Command::new(crate::support::service::binary());
        command.args(["tenant", "create", "t", "--database", &url, "--config"]).arg(directory.path());
        let output = tokio::task::spawn_blocking(move || command.output().expect("run fairdue")).await.expect("it ran");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{url}: {told}");
        for part in parts {
            assert!(told.contains(part), "{url}: {part}: {told}");
        }
        assert!(!told.contains("secret"), "{url}: {told}");
    }
    assert!(std::fs::read(&foreign).expect("read the file") == held, "another program's file was changed");
    let mut connection = sqlx::SqliteConnection::connect(&made).await.expect("open it again");
    let count = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'";
    let tables = connection.fetch_one(count).await.expect("count").get::<i64, _>(0);
    assert_eq!(tables, 1, "another program's file was changed");
}

/// A command that looks for what is there makes no file of a mistyped path.
#[test]
fn a_mistyped_path_makes_no_file() {
    let directory = crate::support::service::configuration();
    let file = directory.path().join("fairdeu.db");
    let url = format!("sqlite://{}", file.display());
    for words in [
        &["key", "list", "--tenant", "t"][..],
        &["key", "create", "--tenant", "t", "--role", "reader"],
        &["key", "revoke", "--tenant", "t", "k"],
        &["sync", "reset", "--tenant", "t", "--market", "SE"],
    ] {
        let mut command = std::process::Command::new(crate::support::service::binary());
        command.args(words).args(["--database", &url, "--config"]).arg(directory.path());
        let output = command.output().expect("run fairdue");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {told}");
        assert!(told.contains("there is no database") && told.contains("fairdeu.db"), "{words:?}: {told}");
        assert!(told.contains("fairdue tenant create"), "{words:?}: {told}");
        assert!(!file.exists(), "{words:?} made a file");
    }
}
