//! The schema's step for dead letters: events that a receiver refused for good.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct Letters;

impl MigrationName for Letters {
    fn name(&self) -> &str {
        "m0011_letters"
    }
}

#[async_trait]
impl MigrationTrait for Letters {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(LETTER).await?;
        Ok(())
    }
}

/// Only what finds the change again is kept, never its content: sent again, it tells what its receiver may see by then.
/// `found_at` is the revision at which the feed brings it.
const LETTER: &str = "CREATE TABLE dead_letter (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, sink_id TEXT NOT NULL, change_id TEXT NOT NULL,
    revision BIGINT NOT NULL, found_at BIGINT NOT NULL, entity TEXT NOT NULL, subject TEXT NOT NULL,
    refusals BIGINT NOT NULL, reason TEXT NOT NULL, put_at BIGINT NOT NULL, asked BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, market_id, sink_id, change_id))";
