//! The schema's step for partners who see a part: what their copies are compared by.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct Partners;

impl MigrationName for Partners {
    fn name(&self) -> &str {
        "m0013_partners"
    }
}

#[async_trait]
impl MigrationTrait for Partners {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let bytes = if connection.get_database_backend() == DbBackend::Postgres { "BYTEA" } else { "BLOB" };
        for statement in PARTNERS {
            connection.execute_unprepared(&statement.replace("{BYTES}", bytes)).await?;
        }
        Ok(())
    }
}

/// Both by the hash of what is shared: `partner_mark` says up to which revision the rows of `partner_digest` count what is told
/// under it, and how they were counted. `recorded_at` is zero where that revision was only passed on the way.
const PARTNERS: &[&str] = &[
    "CREATE TABLE partner_mark (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, policy TEXT NOT NULL, version TEXT NOT NULL,
        through BIGINT NOT NULL, recorded_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, policy))",
    "CREATE TABLE partner_digest (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, policy TEXT NOT NULL, day BIGINT NOT NULL,
        entity TEXT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (tenant_id, market_id, policy, day, entity))",
];
