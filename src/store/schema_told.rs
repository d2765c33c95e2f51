//! The schema's step for what is told of persons: which activities tell of whom, and on which of a person's other cases they bind.

use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::Backend;
use super::schema_rows::{Walk, make, see_everyone};
use crate::domain::of_person::{KINDS, told_of};
use crate::wire::stored;

pub(super) struct Told;

impl MigrationName for Told {
    fn name(&self) -> &str {
        "m0018_told"
    }
}

/// What identifies an activity.
const KEY: [&str; 3] = ["tenant_id", "market_id", "activity_id"];

#[async_trait]
impl MigrationTrait for Told {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = see_everyone(connection).await?;
        for table in TABLES {
            make(connection, backend, table).await?;
        }
        fill(connection, backend).await
    }
}

/// What is told of contact points came to bind on all of a person's cases later than the rest.
pub(super) struct ToldPoints;

impl MigrationName for ToldPoints {
    fn name(&self) -> &str {
        "m0020_told_points"
    }
}

#[async_trait]
impl MigrationTrait for ToldPoints {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = see_everyone(connection).await?;
        fill(connection, backend).await
    }
}

const TABLES: [&str; 2] = [
    "CREATE TABLE told_person (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, person_id TEXT NOT NULL, activity_id TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, person_id, activity_id)){COMPACT}",
    "CREATE TABLE told_case (
        tenant_id TEXT NOT NULL, market_id TEXT NOT NULL, case_id TEXT NOT NULL, activity_id TEXT NOT NULL,
        PRIMARY KEY (tenant_id, market_id, case_id, activity_id)){COMPACT}",
];

/// Notes what stored activities tell of persons on their other cases, in the order of their keys.
async fn fill(connection: &impl ConnectionTrait, backend: Backend) -> Result<(), DbErr> {
    let cases = "SELECT case_id FROM case_person WHERE tenant_id = $1 AND market_id = $2 AND person_id = $3";
    let [of_person, on_case] = [("told_person", "person_id"), ("told_case", "case_id")].map(|(table, column)| {
        format!(
            "INSERT INTO {table} (tenant_id, market_id, {column}, activity_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING"
        )
    });
    let kinds = KINDS.map(|kind| format!("'{kind}'")).join(", ");
    let mut activities = Walk::over("activity", &KEY, "record", &format!("kind IN ({kinds})"));
    loop {
        let rows = activities.next(connection, backend).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            let record: Vec<u8> = row.try_get("", "record")?;
            let activity = stored::read_activity(&record)
                .map_err(|cause| DbErr::Custom(format!("a row of activity cannot be read: {cause}")))?;
            let Some(person) = told_of(&activity) else { continue };
            let [tenant, market]: [String; 2] = [row.try_get("", "tenant_id")?, row.try_get("", "market_id")?];
            let id = activity.id.as_str();
            let note = |sql: &str, of: &str| {
                let values: [Value; 4] = [tenant.as_str().into(), market.as_str().into(), of.into(), id.into()];
                Statement::from_sql_and_values(backend.orm(), sql, values)
            };
            connection.execute_raw(note(&of_person, person.as_str())).await?;
            let values: [Value; 3] = [tenant.as_str().into(), market.as_str().into(), person.as_str().into()];
            for row in connection.query_all_raw(Statement::from_sql_and_values(backend.orm(), cases, values)).await? {
                let case: String = row.try_get("", "case_id")?;
                if activity.cases.iter().any(|named| named.as_str() == case) {
                    continue;
                }
                connection.execute_raw(note(&on_case, &case)).await?;
            }
        }
    }
}
