//! The schema's step from texts to messages: cases and activities are kept as the bytes in which they are sent.

use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::Backend;
use super::schema_rows::{Walk, key_of, see_everyone};
use crate::wire::stored;

pub(super) struct Wire;

impl MigrationName for Wire {
    fn name(&self) -> &str {
        "m0010_wire"
    }
}

/// A table whose `body` was JSON: its key, and how a body becomes a record.
struct Table {
    name: &'static str,
    key: &'static [&'static str],
    record: fn(&str) -> Result<Vec<u8>, serde_json::Error>,
}

const TABLES: [Table; 2] = [
    Table {
        name: "case_version",
        key: &["tenant_id", "market_id", "case_id", "version_id"],
        record: |body| Ok(stored::version(&serde_json::from_str(body)?)),
    },
    Table {
        name: "activity",
        key: &["tenant_id", "market_id", "activity_id"],
        record: |body| Ok(stored::activity(&serde_json::from_str(body)?)),
    },
];

#[async_trait]
impl MigrationTrait for Wire {
    /// All of it or none, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = see_everyone(connection).await?;
        let (bytes, nothing) = if backend == Backend::Postgres { ("BYTEA", "''") } else { ("BLOB", "x''") };
        for table in &TABLES {
            let name = table.name;
            let add = format!("ALTER TABLE {name} ADD COLUMN record {bytes} NOT NULL DEFAULT {nothing}");
            connection.execute_unprepared(&add).await?;
            rewrite(connection, backend, table).await?;
            let left = format!("SELECT 1 AS found FROM {name} WHERE record = {nothing} LIMIT 1");
            if connection.query_one_raw(Statement::from_string(backend.orm(), left)).await?.is_some() {
                return Err(DbErr::Custom(format!("a row of {name} was not rewritten")));
            }
            connection.execute_unprepared(&format!("ALTER TABLE {name} DROP COLUMN body")).await?;
        }
        Ok(())
    }
}

/// Rewrites every row of a table, by key.
async fn rewrite(connection: &impl ConnectionTrait, backend: Backend, table: &Table) -> Result<(), DbErr> {
    let Table { name, key, record } = table;
    let mut bodies = Walk::over(name, key, "body", "true");
    loop {
        let rows = bodies.next(connection, backend).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut keys: Vec<Vec<Value>> = vec![Vec::with_capacity(rows.len()); key.len()];
        let mut records: Vec<Value> = Vec::with_capacity(rows.len());
        for row in &rows {
            let body: String = row.try_get("", "body")?;
            let of = key_of(row, key)?;
            records.push(record(&body).map_err(|cause| DbErr::Custom(format!("{name} {of:?}: {cause}")))?.into());
            for (column, part) in keys.iter_mut().zip(of) {
                column.push(part.into());
            }
        }
        write(connection, backend, table, keys, records).await?;
    }
}

/// Writes records to their rows.
async fn write(
    connection: &impl ConnectionTrait,
    backend: Backend,
    table: &Table,
    keys: Vec<Vec<Value>>,
    records: Vec<Value>,
) -> Result<(), DbErr> {
    let Table { name, key, .. } = table;
    if backend == Backend::Sqlite {
        let same: Vec<String> = (2..).zip(*key).map(|(place, column)| format!("{column} = ${place}")).collect();
        let sql = format!("UPDATE {name} SET record = $1 WHERE {}", same.join(" AND "));
        let mut keys: Vec<_> = keys.into_iter().map(Vec::into_iter).collect();
        for record in records {
            let values = std::iter::once(record).chain(keys.iter_mut().filter_map(Iterator::next));
            connection.execute_raw(Statement::from_sql_and_values(backend.orm(), &sql, values)).await?;
        }
        return Ok(());
    }
    let arrays: Vec<String> = (1..=key.len()).map(|place| format!("${place}::text[]")).collect();
    let same: Vec<String> = key.iter().map(|column| format!("t.{column} = u.{column}")).collect();
    let sql = format!(
        "UPDATE {name} AS t SET record = u.record FROM UNNEST({}, ${}::bytea[]) AS u({}, record) WHERE {}",
        arrays.join(", "),
        key.len() + 1,
        key.join(", "),
        same.join(" AND ")
    );
    let texts = keys.into_iter().map(|column| Value::Array(ArrayType::String, Some(Box::new(column))));
    let records = Value::Array(ArrayType::Bytes, Some(Box::new(records)));
    let values = texts.chain(std::iter::once(records));
    connection.execute_raw(Statement::from_sql_and_values(backend.orm(), sql, values)).await?;
    Ok(())
}
