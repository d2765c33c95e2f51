//! A fresh database for one test, on either backend.

use std::sync::OnceLock;

use sqlx::{Connection as _, Executor as _, Row as _};

use super::postgres::{Cluster, Durability};

/// Which backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// An SQLite file.
    Sqlite,
    /// A database of the run's private cluster.
    Postgres,
}

/// An empty database that belongs to one test alone.
#[derive(Debug)]
pub struct Database {
    /// Which backend it is on.
    pub backend: Backend,
    /// Its URL, as the configuration takes it.
    pub url: String,
    /// Holds the SQLite file for as long as the test runs.
    directory: Option<tempfile::TempDir>,
    /// A cluster of its own, for as long as the test runs.
    pub cluster: Option<Cluster>,
}

/// The cluster that all tests of this run share, each in a database of its own.
fn shared_cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(Durability::Relaxed))
}

impl Database {
    /// An empty database on the backend.
    pub async fn fresh(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let directory = tempfile::tempdir().expect("make a temporary directory");
                let url = format!("sqlite://{}?mode=rwc", directory.path().join("fairdue.db").display());
                Self { backend, url, directory: Some(directory), cluster: None }
            }
            Backend::Postgres => {
                let cluster = tokio::task::spawn_blocking(shared_cluster).await.expect("start the private cluster");
                Self { backend, url: cluster.fresh_database().await, directory: None, cluster: None }
            }
        }
    }

    /// A database that keeps what it acknowledges: on PostgreSQL a cluster of its own that syncs every commit.
    pub async fn durable(backend: Backend) -> Self {
        if backend == Backend::Sqlite {
            return Self::fresh(backend).await;
        }
        let cluster = tokio::task::spawn_blocking(|| Cluster::start(Durability::Full)).await.expect("start a cluster");
        Self { backend, url: cluster.fresh_database().await, directory: None, cluster: Some(cluster) }
    }

    /// A durable database of a cluster of its own, whose data and log of writes lie where they are told to.
    pub async fn with_data_in(directory: &std::path::Path, log_of_writes: &std::path::Path) -> Self {
        let cluster = tokio::task::block_in_place(|| Cluster::start_in(directory, log_of_writes));
        Self {
            backend: Backend::Postgres,
            url: cluster.fresh_database().await,
            directory: None,
            cluster: Some(cluster),
        }
    }

    /// A database that is somewhere already, and stays there.
    pub fn at(backend: Backend, url: &str) -> Self {
        Self { backend, url: url.to_owned(), directory: None, cluster: None }
    }

    /// The number that a statement tells.
    #[allow(dead_code)] // the load generator, which shares this file, has its own connections
    pub async fn number(&self, sql: &str) -> i64 {
        match self.backend {
            Backend::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url).await.expect("open the file");
                sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("a number").get(0)
            }
            Backend::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&self.url).await.expect("connect");
                sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("a number").get(0)
            }
        }
    }

    /// Runs a statement past the service.
    #[allow(dead_code)] // as above
    pub async fn run(&self, sql: &'static str) {
        match self.backend {
            Backend::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url).await.expect("open the file");
                connection.execute(sql).await.expect("run");
            }
            Backend::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&self.url).await.expect("connect");
                connection.execute(sql).await.expect("run");
            }
        }
    }

    /// Takes a market's lock past the service, as somebody does who has not ended a transaction.
    #[allow(dead_code)] // as above
    pub async fn hold(&self, tenant: &str, market: &str) -> Held {
        match self.backend {
            Backend::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url).await.expect("open the file");
                connection.execute("BEGIN IMMEDIATE").await.expect("the lock");
                Held::Sqlite(connection)
            }
            Backend::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&self.url).await.expect("connect");
                let row = format!(
                    "BEGIN; SELECT 1 FROM market WHERE tenant_id = '{tenant}' AND market_id = '{market}' FOR UPDATE"
                );
                connection.execute(sqlx::AssertSqlSafe(row)).await.expect("the lock");
                Held::Postgres(connection)
            }
        }
    }

    /// The directory of an SQLite database.
    pub fn directory(&self) -> Option<&std::path::Path> {
        self.directory.as_ref().map(tempfile::TempDir::path)
    }
}

/// The lock of a market in a transaction of the test's own; on SQLite that of all markets.
#[derive(Debug)]
#[allow(dead_code)] // as above
pub enum Held {
    /// In an SQLite file.
    Sqlite(sqlx::SqliteConnection),
    /// In PostgreSQL.
    Postgres(sqlx::PgConnection),
}

impl Held {
    /// Ends the transaction.
    #[allow(dead_code)] // as above
    pub async fn let_go(self) {
        match self {
            Self::Sqlite(mut connection) => drop(connection.execute("ROLLBACK").await.expect("unlock")),
            Self::Postgres(mut connection) => drop(connection.execute("ROLLBACK").await.expect("unlock")),
        }
    }
}

/// Runs one async test body on SQLite and on PostgreSQL, as two tests named `NAME::sqlite` and `NAME::postgres`.
macro_rules! on_both_databases {
    ($(#[$meta:meta])* async fn $name:ident($database:ident: Database) $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn body($database: $crate::support::database::Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                use $crate::support::database::{Backend, Database};
                body(Database::fresh(Backend::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                use $crate::support::database::{Backend, Database};
                body(Database::fresh(Backend::Postgres).await).await;
            }
        }
    };
}
pub(crate) use on_both_databases;
