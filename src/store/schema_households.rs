//! The schema's step for households: on which cases somebody of a household is a party.

use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::Backend;
use super::schema_rows::{Walk, make, see_everyone};
use crate::wire::stored;

pub(super) struct Households;

impl MigrationName for Households {
    fn name(&self) -> &str {
        "m0014_households"
    }
}

/// What identifies a version.
const KEY: [&str; 4] = ["tenant_id", "market_id", "case_id", "version_id"];

#[async_trait]
impl MigrationTrait for Households {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = see_everyone(connection).await?;
        make(connection, backend, TABLE).await?;
        fill(connection, backend).await
    }
}

const TABLE: &str = "CREATE TABLE case_household (
    tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, household_id TEXT NOT NULL, case_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, market_id, household_id, case_id)){COMPACT}";

/// Notes the households that stored versions state, version by version in the order of their keys.
async fn fill(connection: &impl ConnectionTrait, backend: Backend) -> Result<(), DbErr> {
    let insert = "INSERT INTO case_household (tenant_id, market_id, household_id, case_id) VALUES ($1, $2, $3, $4)
                  ON CONFLICT DO NOTHING";
    let mut versions = Walk::over("case_version", &KEY, "record", "true");
    loop {
        let rows = versions.next(connection, backend).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            let record: Vec<u8> = row.try_get("", "record")?;
            let version = stored::read_version(&record)
                .map_err(|cause| DbErr::Custom(format!("a row of case_version cannot be read: {cause}")))?;
            for household in version.parties.iter().filter_map(|party| party.household.as_deref()) {
                let tenant: String = row.try_get("", "tenant_id")?;
                let market: String = row.try_get("", "market_id")?;
                let values: [Value; 4] = [tenant.into(), market.into(), household.into(), version.case.as_str().into()];
                connection.execute_raw(Statement::from_sql_and_values(backend.orm(), insert, values)).await?;
            }
        }
    }
}
