//! What steps of the schema share that look at the stored rows of all tenants.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

use super::Backend;
use super::wall::EVERYONE;

/// Rows that are read at a time.
const CHUNK: usize = 2_000;

/// Lets a step see the rows of all tenants: behind the wall between them it would see none. Which database it is.
pub(super) async fn see_everyone(connection: &impl ConnectionTrait) -> Result<Backend, DbErr> {
    if connection.get_database_backend() != DbBackend::Postgres {
        return Ok(Backend::Sqlite);
    }
    let sql = format!("SELECT set_config('fairdue.tenant', '{EVERYONE}', true)");
    connection.execute_unprepared(&sql).await?;
    Ok(Backend::Postgres)
}

/// Makes a table, of which `{COMPACT}` stands for how SQLite keeps small rows that are found by their key.
pub(super) async fn make(connection: &impl ConnectionTrait, backend: Backend, table: &str) -> Result<(), DbErr> {
    let compact = if backend == Backend::Sqlite { " WITHOUT ROWID" } else { "" };
    connection.execute_unprepared(&table.replace("{COMPACT}", compact)).await?;
    Ok(())
}

/// The rows of a table in the order of their keys.
pub(super) struct Walk {
    read: String,
    key: &'static [&'static str],
    /// The key of the last row that was read.
    after: Vec<String>,
}

impl Walk {
    /// Reads a column of the rows for which the condition `only` holds, with their keys, which are texts.
    pub fn over(table: &str, key: &'static [&'static str], column: &str, only: &str) -> Self {
        let columns = key.join(", ");
        let places: Vec<String> = (1..=key.len()).map(|place| format!("${place}")).collect();
        let read = format!(
            "SELECT {columns}, {column} FROM {table} WHERE {only} AND ({columns}) > ({})
             ORDER BY {columns} LIMIT {CHUNK}",
            places.join(", ")
        );
        Self { read, key, after: vec![String::new(); key.len()] }
    }

    /// The next rows; none when all were read.
    pub async fn next(
        &mut self,
        connection: &impl ConnectionTrait,
        backend: Backend,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let values: Vec<Value> = self.after.iter().map(|text| text.as_str().into()).collect();
        let read = Statement::from_sql_and_values(backend.orm(), &self.read, values);
        let rows = connection.query_all_raw(read).await?;
        if let Some(last) = rows.last() {
            self.after = key_of(last, self.key)?;
        }
        Ok(rows)
    }
}

/// The key of a row.
pub(super) fn key_of(row: &QueryResult, key: &[&str]) -> Result<Vec<String>, DbErr> {
    key.iter().map(|column| row.try_get::<String>("", column)).collect()
}
