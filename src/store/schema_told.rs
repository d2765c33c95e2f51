//! The schema's step for what is told of persons: which activities tell of whom, and on which of a person's other cases they bind.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::Backend;
use crate::domain::of_person::{KINDS, told_of};
use crate::wire::stored;

pub(super) struct Told;

impl MigrationName for Told {
    fn name(&self) -> &str {
        "m0018_told"
    }
}

/// Activities that are read at a time.
const CHUNK: usize = 2_000;
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
        let (backend, compact) = match connection.get_database_backend() {
            DbBackend::Postgres => (Backend::Postgres, ""),
            _ => (Backend::Sqlite, " WITHOUT ROWID"),
        };
        if backend == Backend::Postgres {
            // Behind the wall between tenants this step would see no row: it looks at all of them.
            connection.execute_unprepared("SELECT set_config('fairdue.tenant', '*', true)").await?;
        }
        for table in TABLES {
            connection.execute_unprepared(&table.replace("{COMPACT}", compact)).await?;
        }
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
    let (columns, kinds) = (KEY.join(", "), KINDS.map(|kind| format!("'{kind}'")).join(", "));
    let read = format!(
        "SELECT {columns}, record FROM activity WHERE kind IN ({kinds}) AND ({columns}) > ($1, $2, $3)
         ORDER BY {columns} LIMIT {CHUNK}"
    );
    let cases = "SELECT case_id FROM case_person WHERE tenant_id = $1 AND market_id = $2 AND person_id = $3";
    let [of_person, on_case] = [("told_person", "person_id"), ("told_case", "case_id")].map(|(table, column)| {
        format!(
            "INSERT INTO {table} (tenant_id, market_id, {column}, activity_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING"
        )
    });
    let mut after = vec![String::new(); KEY.len()];
    loop {
        let values: Vec<Value> = after.iter().map(|text| text.as_str().into()).collect();
        let rows = connection.query_all_raw(Statement::from_sql_and_values(backend.orm(), &read, values)).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = KEY.iter().map(|column| last.try_get::<String>("", column)).collect::<Result<_, _>>()?;
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
