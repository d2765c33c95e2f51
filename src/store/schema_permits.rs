//! The schema's fourth step: permits, and which activities name them.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct Permits;

impl MigrationName for Permits {
    fn name(&self) -> &str {
        "m0004_permits"
    }
}

#[async_trait]
impl MigrationTrait for Permits {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let compact = match connection.get_database_backend() {
            DbBackend::Postgres => "",
            _ => " WITHOUT ROWID",
        };
        for statement in PERMITS {
            connection.execute_unprepared(&statement.replace("{COMPACT}", compact)).await?;
        }
        Ok(())
    }
}

/// `used` says whether a row of `permit_use` on the permit's case is by a contact that is not void.
const PERMITS: &[&str] = &[
    "CREATE TABLE permit (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, permit_id TEXT NOT NULL, case_id TEXT NOT NULL,
        ends_at BIGINT NOT NULL, released_at BIGINT, used BOOLEAN NOT NULL, revision BIGINT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, permit_id))",
    "CREATE INDEX permit_revision ON permit (tenant_id, market_id, revision)",
    "CREATE INDEX permit_ends ON permit (tenant_id, market_id, ends_at)",
    "CREATE TABLE permit_use (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, permit_id TEXT NOT NULL, case_id TEXT NOT NULL,
        activity_id TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, permit_id, case_id, activity_id)){COMPACT}",
];
