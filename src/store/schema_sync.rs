//! The schema's step for partners: the feed is read by revision, and what makes a change more than new is noted.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct Sync;

impl MigrationName for Sync {
    fn name(&self) -> &str {
        "m0007_sync"
    }
}

#[async_trait]
impl MigrationTrait for Sync {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let (bytes, compact) = match connection.get_database_backend() {
            DbBackend::Postgres => ("BYTEA", ""),
            _ => ("BLOB", " WITHOUT ROWID"),
        };
        for statement in SYNC {
            connection.execute_unprepared(&statement.replace("{BYTES}", bytes).replace("{COMPACT}", compact)).await?;
        }
        Ok(())
    }
}

/// An activity's row is its own entry in the feed; `record_reason` has a row only for those whose reason is not "new".
/// Feeds go on only in the `feed_epoch` in which they began; `feed_secret` is what their tokens are signed with.
/// `push_mark` holds the last number of each partner's writes. `digest` holds tallies by day, `digest_delta` what commits add to them until it is merged; `digest_version` tells how they
/// were counted.
const SYNC: &[&str] = &[
    "ALTER TABLE market ADD COLUMN feed_epoch BIGINT NOT NULL DEFAULT 0",
    "CREATE TABLE feed_secret (
        tenant_id TEXT NOT NULL PRIMARY KEY, secret {BYTES} NOT NULL)",
    "CREATE TABLE record_reason (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, revision BIGINT NOT NULL, activity_id TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, revision, activity_id)){COMPACT}",
    "ALTER TABLE market ADD COLUMN digest_version TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE digest (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, day BIGINT NOT NULL, entity TEXT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (tenant_id, market_id, day, entity))",
    "CREATE TABLE digest_delta (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, revision BIGINT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (tenant_id, market_id, revision))",
    "CREATE TABLE push_mark (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, source_id TEXT NOT NULL, sequence BIGINT NOT NULL,
        revision BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, source_id)){COMPACT}",
    "CREATE INDEX void_revision ON void (tenant_id, market_id, revision)",
    "CREATE INDEX finding_revision ON finding (tenant_id, market_id, revision)",
    "CREATE INDEX finding_past_revision ON finding_past (tenant_id, market_id, revision)",
];
