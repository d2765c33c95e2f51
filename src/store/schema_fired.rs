//! The schema's step for how far timers have fired, which is known of a market with its revision, and for when its rules changed
//! last.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::schema_rows::see_everyone;

pub(super) struct Fired;

impl MigrationName for Fired {
    fn name(&self) -> &str {
        "m0016_fired"
    }
}

#[async_trait]
impl MigrationTrait for Fired {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        see_everyone(connection).await?;
        for statement in STATEMENTS {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

/// Where no timer has fired it is the beginning of 1970, which is before every question's instant.
const STATEMENTS: [&str; 3] = [
    "ALTER TABLE market ADD COLUMN rules_since BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE market ADD COLUMN fired_to BIGINT NOT NULL DEFAULT 0",
    "UPDATE market SET fired_to = COALESCE(
        (SELECT MAX(d.advanced_to) FROM due d
         WHERE d.tenant_id = market.tenant_id AND d.market_id = market.market_id AND d.advanced_to > 0), 0)",
];
