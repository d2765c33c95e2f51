//! Many rows in one statement: `UNNEST` of arrays on PostgreSQL, multi-row `VALUES` on SQLite.

use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use super::Backend;

/// The values of one column, one a row.
pub(super) enum Column {
    Text(Vec<String>),
    /// Absent and empty are the same: both are stored as NULL.
    OptText(Vec<Option<String>>),
    Int(Vec<i64>),
    /// The same in every row, so many rows.
    SameInt(i64, usize),
    Bool(Vec<bool>),
    Bytes(Vec<Vec<u8>>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::OptText(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::SameInt(_, rows) => *rows,
            Self::Bool(values) => values.len(),
            Self::Bytes(values) => values.len(),
        }
    }

    fn postgres_type(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::OptText(_) => "text[]",
            Self::Int(_) => "bigint[]",
            Self::SameInt(..) => "bigint",
            Self::Bool(_) => "boolean[]",
            Self::Bytes(_) => "bytea[]",
        }
    }

    /// The column in the list that PostgreSQL selects. An array value of sea-query cannot hold NULL (it panics), so
    /// absent texts travel as empty ones.
    fn postgres_selected(&self, name: &str, place: usize) -> String {
        match self {
            Self::SameInt(..) => format!("${place}::bigint"),
            Self::OptText(_) => format!("NULLIF(u.{name}, '')"),
            _ => format!("u.{name}"),
        }
    }

    /// The same column with absent texts as empty ones, see [`Column::postgres_selected`].
    fn without_nulls(self) -> Self {
        match self {
            Self::OptText(values) => Self::Text(values.into_iter().map(Option::unwrap_or_default).collect()),
            other => other,
        }
    }

    fn into_values(self) -> (ArrayType, Vec<Value>) {
        match self {
            Self::Text(values) => (ArrayType::String, values.into_iter().map(Into::into).collect()),
            Self::OptText(values) => {
                let some = |text: Option<String>| text.filter(|text| !text.is_empty());
                (ArrayType::String, values.into_iter().map(|value| some(value).into()).collect())
            }
            Self::Int(values) => (ArrayType::BigInt, values.into_iter().map(Into::into).collect()),
            Self::SameInt(value, rows) => (ArrayType::BigInt, vec![value.into(); rows]),
            Self::Bool(values) => (ArrayType::Bool, values.into_iter().map(Into::into).collect()),
            Self::Bytes(values) => (ArrayType::Bytes, values.into_iter().map(Into::into).collect()),
        }
    }
}

/// A multi-row write. Every row begins with the same tenant and market.
pub(super) struct Bulk<'a> {
    pub table: &'a str,
    pub tenant: &'a str,
    pub market: &'a str,
    pub columns: Vec<(&'a str, Column)>,
    /// What follows the rows: `ON CONFLICT ...`.
    pub tail: &'a str,
}

/// Binds that one SQLite statement may carry, kept under the limit of 32,766.
const SQLITE_BINDS: usize = 16_000;

impl Bulk<'_> {
    /// Runs the write; how many rows were written.
    pub(super) async fn run(self, connection: &impl ConnectionTrait, backend: Backend) -> Result<u64, DbErr> {
        let mut written = 0;
        for (statement, _) in self.statements(backend) {
            written += connection.execute_raw(statement).await?.rows_affected();
        }
        Ok(written)
    }

    /// The statements of the write, each with the number of its rows.
    pub(super) fn statements(self, backend: Backend) -> Vec<(Statement, u64)> {
        let rows = self.columns.first().map_or(0, |(_, column)| column.len());
        match backend {
            _ if rows == 0 => Vec::new(),
            Backend::Postgres => vec![(self.postgres(), rows as u64)],
            Backend::Sqlite => self.sqlite(rows),
        }
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    fn postgres(self) -> Statement {
        let names = self.names();
        let (mut arrays, mut array_names, mut selected) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (name, column)) in (3..).zip(&self.columns) {
            selected.push(column.postgres_selected(name, place));
            if !matches!(column, Column::SameInt(..)) {
                arrays.push(format!("${place}::{}", column.postgres_type()));
                array_names.push(*name);
            }
        }
        let sql = format!(
            "INSERT INTO {} (tenant_id, market_id, {names}) SELECT $1, $2, {} FROM UNNEST({}) AS u({}) {}",
            self.table,
            selected.join(", "),
            arrays.join(", "),
            array_names.join(", "),
            self.tail
        );
        let mut values: Vec<Value> = vec![self.tenant.into(), self.market.into()];
        for (_, column) in self.columns {
            if let Column::SameInt(value, _) = column {
                values.push(value.into());
                continue;
            }
            let (kind, items) = column.without_nulls().into_values();
            values.push(Value::Array(kind, Some(Box::new(items))));
        }
        Statement::from_sql_and_values(Backend::Postgres.orm(), sql, values)
    }

    fn sqlite(self, mut left: usize) -> Vec<(Statement, u64)> {
        let names = self.names();
        let width = self.columns.len() + 2;
        let mut columns: Vec<_> =
            self.columns.into_iter().map(|(_, column)| column.into_values().1.into_iter()).collect();
        let mut statements = Vec::new();
        while left > 0 {
            // Few distinct sizes, so that the prepared statements stay in the connection's cache.
            let largest = SQLITE_BINDS / width;
            let chunk = [largest, 256, 64, 16, 4, 1].into_iter().find(|size| *size <= left.min(largest)).unwrap_or(1);
            let one = format!("({})", vec!["?"; width].join(", "));
            let sql = format!(
                "INSERT INTO {} (tenant_id, market_id, {names}) VALUES {} {}",
                self.table,
                vec![one.as_str(); chunk].join(", "),
                self.tail
            );
            let mut values: Vec<Value> = Vec::with_capacity(chunk * width);
            for _ in 0..chunk {
                values.push(self.tenant.into());
                values.push(self.market.into());
                values.extend(columns.iter_mut().filter_map(Iterator::next));
            }
            statements.push((Statement::from_sql_and_values(Backend::Sqlite.orm(), sql, values), chunk as u64));
            left -= chunk;
        }
        statements
    }
}

/// Rows of the market whose key is among many texts: the SQL that says so, and the bind. SQLite has no statistics here and takes
/// tenant and market to single out a few rows; where the statement says more of them, it would rather look through the market by
/// an index of that. As one key it looks each up.
pub(super) fn key_set(backend: Backend, column: &str, place: usize, items: Vec<String>) -> (String, Value) {
    let (set, bind) = text_set(backend, place, items);
    let sql = match backend {
        Backend::Postgres => format!("tenant_id = $1 AND market_id = $2 AND {column} {set}"),
        Backend::Sqlite => {
            format!("(tenant_id, market_id, {column}) IN (SELECT $1, $2, value FROM json_each(${place}))")
        }
    };
    (sql, bind)
}

/// A `column IN (...)` over many texts with one bind: the SQL that selects them, and the bind.
pub(super) fn text_set(backend: Backend, place: usize, items: Vec<String>) -> (String, Value) {
    match backend {
        Backend::Postgres => {
            let values = items.into_iter().map(Value::from).collect();
            (format!("= ANY(${place}::text[])"), Value::Array(ArrayType::String, Some(Box::new(values))))
        }
        Backend::Sqlite => {
            let json = serde_json::Value::from(items).to_string();
            (format!("IN (SELECT value FROM json_each(${place}))"), json.into())
        }
    }
}
