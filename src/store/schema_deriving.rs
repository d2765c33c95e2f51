//! The schema's step for deriving a market anew in portions: how far it has come.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct Deriving;

impl MigrationName for Deriving {
    fn name(&self) -> &str {
        "m0017_deriving"
    }
}

#[async_trait]
impl MigrationTrait for Deriving {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(TABLE).await?;
        Ok(())
    }
}

/// One row for each market that is being derived anew; none for the others.
const TABLE: &str = "CREATE TABLE deriving (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, ground TEXT NOT NULL, place TEXT NOT NULL,
        done BIGINT NOT NULL, total BIGINT NOT NULL, started_at BIGINT NOT NULL, error TEXT NOT NULL, error_at BIGINT,
        PRIMARY KEY (tenant_id, market_id))";
