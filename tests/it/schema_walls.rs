//! The schema can be spread over the nodes of a distributed PostgreSQL by tenant: every key begins with the tenant, no
//! foreign key leaves it, and nothing counts over all tenants. The check reads the database itself, so that a migration
//! that breaks this fails here.

use std::collections::BTreeSet;

use fairdue::store::{Store, StoreOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

use crate::support::database::{Backend, Database, on_both_databases};

/// The migrations' own table is no data of a tenant.
const OURS: &str = "seaql_migrations";

/// Tables with their keys: primary key and unique indexes, each a list of columns.
const POSTGRES_KEYS: &str = "
    SELECT t.relname AS named, string_agg(a.attname, ',' ORDER BY k.place) AS columns
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
    LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
    WHERE n.nspname = 'public' AND i.indisunique GROUP BY t.relname, i.indexrelid";
const POSTGRES_TABLES: &str = "
    SELECT c.relname AS named, EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS keyed
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')";
const POSTGRES_FOREIGN: &str = "
    SELECT c.conrelid::regclass::text AS named,
           (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[1]) AS here,
           (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.confrelid AND a.attnum = c.confkey[1]) AS there
    FROM pg_constraint c WHERE c.contype = 'f'";
const POSTGRES_SEQUENCES: &str = "SELECT relname AS named FROM pg_class WHERE relkind = 'S'";

/// What of a PostgreSQL schema could not be spread by tenant.
async fn on_postgres(url: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut connection = sqlx::PgConnection::connect(url).await.expect("connect");
    for row in connection.fetch_all(POSTGRES_TABLES).await.expect("tables") {
        let (table, keyed): (String, bool) = (row.get("named"), row.get("keyed"));
        if table != OURS && !keyed {
            found.push(format!("{table} has no primary key"));
        }
    }
    for row in connection.fetch_all(POSTGRES_KEYS).await.expect("keys") {
        let (table, columns): (String, Option<String>) = (row.get("named"), row.get("columns"));
        let columns = columns.unwrap_or_default();
        if table != OURS && columns.split(',').next() != Some("tenant_id") {
            found.push(format!("a key of {table} begins otherwise: {columns}"));
        }
    }
    for row in connection.fetch_all(POSTGRES_FOREIGN).await.expect("foreign keys") {
        let (table, here, there): (String, String, String) = (row.get("named"), row.get("here"), row.get("there"));
        if [here.as_str(), there.as_str()] != ["tenant_id"; 2] {
            found.push(format!("a foreign key of {table} crosses tenants"));
        }
    }
    for row in connection.fetch_all(POSTGRES_SEQUENCES).await.expect("sequences") {
        found.push(format!("{} counts over all tenants", row.get::<String, _>("named")));
    }
    found
}

/// What of an SQLite schema is otherwise than it may be on PostgreSQL.
async fn on_sqlite(url: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut connection = sqlx::SqliteConnection::connect(url).await.expect("connect");
    let tables = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    for row in connection.fetch_all(tables).await.expect("tables") {
        let (table, sql): (String, String) = (row.get("name"), row.get("sql"));
        if table == OURS {
            continue;
        }
        if sql.to_ascii_uppercase().contains("AUTOINCREMENT") {
            found.push(format!("{table} counts over all tenants"));
        }
        let first = format!("SELECT name FROM pragma_table_info('{table}') WHERE pk = 1");
        match connection.fetch_optional(AssertSqlSafe(first)).await.expect("the key") {
            Some(row) if row.get::<String, _>("name") == "tenant_id" => {}
            Some(row) => found.push(format!("a key of {table} begins otherwise: {}", row.get::<String, _>("name"))),
            None => found.push(format!("{table} has no primary key")),
        }
        let unique = format!(
            "SELECT i.name, (SELECT c.name FROM pragma_index_info(i.name) c WHERE c.seqno = 0) AS first
             FROM pragma_index_list('{table}') i WHERE i.\"unique\" = 1"
        );
        for row in connection.fetch_all(AssertSqlSafe(unique)).await.expect("keys") {
            let first: Option<String> = row.get("first");
            if first.as_deref() != Some("tenant_id") {
                found.push(format!("a key of {table} begins otherwise: {first:?}"));
            }
        }
        let foreign = format!("SELECT \"from\" AS here FROM pragma_foreign_key_list('{table}') WHERE seq = 0");
        for row in connection.fetch_all(AssertSqlSafe(foreign)).await.expect("foreign keys") {
            if row.get::<String, _>("here") != "tenant_id" {
                found.push(format!("a foreign key of {table} crosses tenants"));
            }
        }
    }
    found
}

async fn problems(database: &Database) -> Vec<String> {
    match database.backend {
        Backend::Sqlite => on_sqlite(&database.url).await,
        Backend::Postgres => on_postgres(&database.url).await,
    }
}

on_both_databases!(
    async fn the_schema_can_be_spread_by_tenant(database: Database) {
        let store = Store::open(&database.url, &StoreOptions::default()).await.expect("migrate");
        store.close().await;
        assert_eq!(problems(&database).await, Vec::<String>::new());
        // The check sees what it is to see.
        let counter = match database.backend {
            Backend::Sqlite => "CREATE TABLE counted (n INTEGER PRIMARY KEY AUTOINCREMENT)",
            Backend::Postgres => "CREATE TABLE counted (n BIGSERIAL PRIMARY KEY)",
        };
        for (offence, words) in [
            ("CREATE TABLE keyless (tenant_id TEXT)", "keyless has no primary key"),
            (
                "CREATE TABLE turned (tenant_id TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (id, tenant_id))",
                "a key of turned begins otherwise",
            ),
            (
                "CREATE TABLE known (tenant_id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL);
                 CREATE UNIQUE INDEX known_name ON known (name)",
                "a key of known begins otherwise",
            ),
            (
                "CREATE TABLE pointing (tenant_id TEXT NOT NULL PRIMARY KEY, other TEXT REFERENCES tenant (tenant_id))",
                "a foreign key of pointing crosses tenants",
            ),
            (counter, "counts over all tenants"),
        ] {
            database.run(offence).await;
            let found = problems(&database).await;
            assert!(found.iter().any(|problem| problem.contains(words)), "{offence}: {found:?}");
        }
    }
);

/// docs/scaling.md names every table where it tells how to spread them over Citus.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_statement_that_spreads_tables_names_all_of_them() {
    let database = Database::fresh(Backend::Postgres).await;
    Store::open(&database.url, &StoreOptions::default()).await.expect("migrate").close().await;
    let mut connection = sqlx::PgConnection::connect(&database.url).await.expect("connect");
    let rows = connection.fetch_all(POSTGRES_TABLES).await.expect("tables");
    let tables: BTreeSet<String> = rows.iter().map(|row| row.get("named")).filter(|named| named != OURS).collect();
    let text = include_str!("../../docs/scaling.md");
    let statement = text.split("create_distributed_table").nth(2).expect("the statement about all tables");
    let list = statement.split("ARRAY[").nth(1).and_then(|rest| rest.split(']').next()).expect("a list");
    let mut named: BTreeSet<String> = list.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
    // The first one is spread by a statement of its own.
    named.insert("tenant".to_owned());
    assert_eq!(named, tables);
}
