//! The schema's step for filling: which KPI definitions a market's cells follow, and how far those that are new have come.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct Filling;

impl MigrationName for Filling {
    fn name(&self) -> &str {
        "m0012_filling"
    }
}

#[async_trait]
impl MigrationTrait for Filling {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let bytes = match connection.get_database_backend() {
            DbBackend::Postgres => "BYTEA",
            _ => "BLOB",
        };
        for statement in STATEMENTS {
            connection.execute_unprepared(&statement.replace("{BYTES}", bytes)).await?;
        }
        Ok(())
    }
}

/// `kpi_definition` holds the texts of the definitions, so that a server that has others can keep the cells right. Of the
/// role `kept`, `series` are those whose cells are whole; of the role `filling`, those that are being filled. `cell_filled`
/// holds what was filled and is not yet added to the cells, by the step that filled it.
const STATEMENTS: [&str; 3] = [
    "CREATE TABLE kpi_definition (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, role TEXT NOT NULL, digest TEXT NOT NULL,
        loaded_at BIGINT NOT NULL, series TEXT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (tenant_id, market_id, role))",
    "CREATE TABLE kpi_filling (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, known BIGINT NOT NULL, settled_at BIGINT NOT NULL,
        place TEXT NOT NULL, step BIGINT NOT NULL, done BIGINT NOT NULL, total BIGINT NOT NULL,
        started_at BIGINT NOT NULL, holder TEXT NOT NULL, beat BIGINT NOT NULL, error TEXT NOT NULL, error_at BIGINT,
        PRIMARY KEY (tenant_id, market_id))",
    "CREATE TABLE cell_filled (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, series BIGINT NOT NULL, grain BIGINT NOT NULL,
        period BIGINT NOT NULL, step BIGINT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (tenant_id, market_id, series, grain, period, step))",
];
