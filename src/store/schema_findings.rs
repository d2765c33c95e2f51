//! The schema's third step: findings have a life. Decisions and former states are records of their own; the finding's
//! row holds what a list is filtered by.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct FindingLife;

impl MigrationName for FindingLife {
    fn name(&self) -> &str {
        "m0003_finding_life"
    }
}

#[async_trait]
impl MigrationTrait for FindingLife {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let jurisdiction = match connection.get_database_backend() {
            DbBackend::Postgres => "body::jsonb ->> 'jurisdiction'",
            _ => "json_extract(body, '$.jurisdiction')",
        };
        for statement in LIFE {
            connection.execute_unprepared(&statement.replace("{JURISDICTION}", jurisdiction)).await?;
        }
        Ok(())
    }
}

/// `status` of a finding is from here on that of its life, but for the end of waivers, which a query compares with the
/// instant that it asks about. `substance`, `decision` and what belongs to it are what the writer needs to tell it.
const LIFE: &[&str] = &[
    "ALTER TABLE finding ADD COLUMN jurisdiction_id TEXT",
    "ALTER TABLE finding ADD COLUMN substance TEXT",
    "ALTER TABLE finding ADD COLUMN decision TEXT",
    "ALTER TABLE finding ADD COLUMN decision_until BIGINT",
    "ALTER TABLE finding ADD COLUMN decision_substance TEXT",
    "ALTER TABLE finding ADD COLUMN decision_body TEXT",
    "UPDATE finding SET jurisdiction_id = {JURISDICTION}",
    "CREATE INDEX finding_status ON finding (tenant_id, market_id, status, at, finding_id)",
    "CREATE INDEX finding_rule ON finding (tenant_id, market_id, rule_id, at, finding_id)",
    "CREATE INDEX finding_agent ON finding (tenant_id, market_id, agent, at, finding_id) WHERE agent IS NOT NULL",
    "CREATE INDEX finding_client ON finding (tenant_id, market_id, client, at, finding_id) WHERE client IS NOT NULL",
    "CREATE TABLE finding_update (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, update_id TEXT NOT NULL, finding_id TEXT NOT NULL,
        revision BIGINT NOT NULL, recorded_at BIGINT NOT NULL, body TEXT NOT NULL, result TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, update_id))",
    "CREATE INDEX finding_update_finding ON finding_update (tenant_id, market_id, finding_id, revision)",
    "CREATE INDEX finding_update_revision ON finding_update (tenant_id, market_id, revision)",
    "CREATE TABLE finding_past (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, finding_id TEXT NOT NULL, revision BIGINT NOT NULL,
        changed_at BIGINT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, finding_id, revision))",
];
