//! The schema, one migration a step. Every key begins with the tenant, no key crosses tenants, nothing is a sequence:
//! the schema can be hashed by tenant over many PostgreSQL nodes.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{IntoSchemaManagerConnection, MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

use super::StoreError;

pub(super) struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(First),
            Box::new(CellMarks),
            Box::new(super::schema_findings::FindingLife),
            Box::new(super::schema_permits::Permits),
            Box::new(super::schema_sync::Sync),
            Box::new(super::schema_peers::Peers),
            Box::new(super::schema_sinks::Sinks),
            Box::new(super::schema_wire::Wire),
            Box::new(super::schema_letters::Letters),
            Box::new(super::schema_filling::Filling),
            Box::new(super::schema_partners::Partners),
            Box::new(super::schema_households::Households),
            Box::new(super::schema_fact_sums::FactSums),
            Box::new(super::schema_fired::Fired),
            Box::new(super::schema_deriving::Deriving),
            Box::new(super::schema_told::Told),
            Box::new(super::schema_keys::KeyLabels),
            Box::new(super::schema_told::ToldPoints),
            Box::new(super::schema_peers::PeerGroups),
        ]
    }
}

/// Runs the migrations that are missing.
///
/// # Errors
/// One fails, or the database has one that this version of the program does not know: it may mean by its rows what this
/// version would not.
pub(super) async fn up<'c, C: ConnectionTrait>(connection: &'c C) -> Result<(), StoreError>
where
    &'c C: IntoSchemaManagerConnection<'c>,
{
    let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let done = Migrator::get_migration_models(connection).await?;
    if let Some(newer) = done.into_iter().map(|row| row.version).find(|version| !known.contains(version)) {
        return Err(StoreError::Newer(newer));
    }
    Ok(Migrator::up(connection, None).await?)
}

struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "m0001_first"
    }
}

#[async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let (bytes, suffix) = match connection.get_database_backend() {
            DbBackend::Postgres => ("BYTEA", ""),
            _ => ("BLOB", " WITHOUT ROWID"),
        };
        for statement in FIRST {
            connection.execute_unprepared(&statement.replace("{BYTES}", bytes).replace("{COMPACT}", suffix)).await?;
        }
        if connection.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared(WHOLE_LOG).await?;
        }
        Ok(())
    }
}

/// Rows of the decision log come compressed: PostgreSQL need not try again.
const WHOLE_LOG: &str = "ALTER TABLE check_log ALTER COLUMN body SET STORAGE EXTERNAL";

struct CellMarks;

impl MigrationName for CellMarks {
    fn name(&self) -> &str {
        "m0002_cell_marks"
    }
}

/// The mark of the market's last write to its cells, and of each cell's own: what tells whether a copy is the newest.
#[async_trait]
impl MigrationTrait for CellMarks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [("market", "cells_mark"), ("cell", "mark")] {
            let sql = format!("ALTER TABLE {table} ADD COLUMN {column} BIGINT NOT NULL DEFAULT 0");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}

/// `{COMPACT}` tables are stored by their key on SQLite: small rows, found by key.
const FIRST: &[&str] = &[
    "CREATE TABLE tenant (
        tenant_id TEXT NOT NULL PRIMARY KEY, created_at BIGINT NOT NULL)",
    "CREATE TABLE api_key (
        tenant_id TEXT NOT NULL, key_id TEXT NOT NULL, hash {BYTES} NOT NULL, roles TEXT NOT NULL,
        markets TEXT NOT NULL, created_at BIGINT NOT NULL, revoked_at BIGINT,
        PRIMARY KEY (tenant_id, key_id))",
    "CREATE TABLE market (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, revision BIGINT NOT NULL, recorded_at BIGINT NOT NULL,
        rules_digest TEXT NOT NULL, catalogue_digest TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id))",
    "CREATE TABLE case_version (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, case_id TEXT NOT NULL, version_id TEXT NOT NULL,
        effective_at BIGINT NOT NULL, revision BIGINT NOT NULL, recorded_at BIGINT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, case_id, version_id))",
    "CREATE INDEX case_version_revision ON case_version (tenant_id, market_id, revision)",
    "CREATE TABLE case_person (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, person_id TEXT NOT NULL, case_id TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, person_id, case_id)){COMPACT}",
    "CREATE TABLE activity (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, activity_id TEXT NOT NULL, revision BIGINT NOT NULL,
        recorded_at BIGINT NOT NULL, occurred_at BIGINT NOT NULL, case_id TEXT, kind TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, activity_id))",
    "CREATE INDEX activity_case ON activity (tenant_id, market_id, case_id)",
    "CREATE INDEX activity_revision ON activity (tenant_id, market_id, revision)",
    "CREATE TABLE activity_link (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, case_id TEXT NOT NULL, activity_id TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, case_id, activity_id)){COMPACT}",
    "CREATE TABLE void (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, target_id TEXT NOT NULL, void_id TEXT NOT NULL,
        revision BIGINT NOT NULL, pending BOOLEAN NOT NULL,
        PRIMARY KEY (tenant_id, market_id, target_id)){COMPACT}",
    "CREATE TABLE finding (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, finding_id TEXT NOT NULL, revision BIGINT NOT NULL,
        opened_at BIGINT NOT NULL, changed_at BIGINT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
        rule_id TEXT NOT NULL, severity TEXT NOT NULL, case_id TEXT, agent TEXT, client TEXT, at BIGINT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, finding_id))",
    "CREATE INDEX finding_case ON finding (tenant_id, market_id, case_id)",
    "CREATE INDEX finding_at ON finding (tenant_id, market_id, at, finding_id)",
    "CREATE TABLE cell (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, series BIGINT NOT NULL, grain BIGINT NOT NULL,
        period BIGINT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (tenant_id, market_id, series, grain, period))",
    "CREATE TABLE cell_delta (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, revision BIGINT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (tenant_id, market_id, revision))",
    "CREATE TABLE due (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, case_id TEXT NOT NULL, due_at BIGINT NOT NULL,
        advanced_to BIGINT NOT NULL, revision BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, case_id)){COMPACT}",
    "CREATE INDEX due_revision ON due (tenant_id, market_id, revision)",
    "CREATE INDEX due_at ON due (tenant_id, market_id, due_at)",
    "CREATE TABLE check_log (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, revision BIGINT NOT NULL, recorded_at BIGINT NOT NULL,
        body {BYTES} NOT NULL,
        PRIMARY KEY (tenant_id, market_id, revision))",
];
