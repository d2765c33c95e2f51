//! The schema's step for labels of API keys: whose key it is, for who reads the trail of a decision or revokes one.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(super) struct KeyLabels;

impl MigrationName for KeyLabels {
    fn name(&self) -> &str {
        "m0019_key_labels"
    }
}

#[async_trait]
impl MigrationTrait for KeyLabels {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("ALTER TABLE api_key ADD COLUMN label TEXT").await?;
        Ok(())
    }
}
