//! The schema's step for sums of facts by day and month, which answer questions that no cells answer.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct FactSums;

impl MigrationName for FactSums {
    fn name(&self) -> &str {
        "m0015_fact_sums"
    }
}

#[async_trait]
impl MigrationTrait for FactSums {
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
        if connection.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared(WHOLE).await?;
        }
        Ok(())
    }
}

const STATEMENTS: [&str; 2] = [
    "CREATE TABLE fact_sums (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, ground TEXT NOT NULL, known BIGINT NOT NULL,
        settled_at BIGINT NOT NULL, left_out TEXT NOT NULL, holder TEXT NOT NULL, beat BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, market_id))",
    "CREATE TABLE fact_sum (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, grain BIGINT NOT NULL, kind TEXT NOT NULL,
        part BIGINT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (tenant_id, market_id, grain, kind, part))",
];

/// They come compressed: PostgreSQL need not try again.
const WHOLE: &str = "ALTER TABLE fact_sum ALTER COLUMN body SET STORAGE EXTERNAL";
