//! The schema's step for receivers of changes: how far each has come, who sends, and what went wrong.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct Sinks;

impl MigrationName for Sinks {
    fn name(&self) -> &str {
        "m0009_sinks"
    }
}

#[async_trait]
impl MigrationTrait for Sinks {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(SINK).await?;
        Ok(())
    }
}

/// `fence` grows with every server that takes the sink over and with every order of an operator: whoever has an older one
/// writes nothing any more. `beat` grows with every sign of life of the one that sends.
const SINK: &str = "CREATE TABLE sink (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, sink_id TEXT NOT NULL,
    place TEXT NOT NULL, through BIGINT NOT NULL, seen_at BIGINT NOT NULL, delivered_at BIGINT,
    holder TEXT NOT NULL, fence BIGINT NOT NULL, beat BIGINT NOT NULL,
    paused BOOLEAN NOT NULL, reason TEXT NOT NULL,
    failures BIGINT NOT NULL, failing_since BIGINT, next_try_at BIGINT, error TEXT NOT NULL, error_at BIGINT,
    PRIMARY KEY (tenant_id, market_id, sink_id))";
