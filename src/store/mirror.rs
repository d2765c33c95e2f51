//! A partner's copy in a file of its own: records as they came over the wire, and the token, changed in one transaction.

use std::collections::BTreeMap;
use std::path::Path;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, Statement, Value};

use super::{Backend, StoreError, StoreOptions, backend};
use crate::domain::digest::Leaf;
use crate::domain::feed::SyncEntity;
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;

/// Tables of the file. `voided` is apart from `record`: a void may come before its target.
const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS mirror (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1), region TEXT NOT NULL, token TEXT NOT NULL, through BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS record (
        entity TEXT NOT NULL, id TEXT NOT NULL, version TEXT NOT NULL, revision BIGINT NOT NULL, at BIGINT NOT NULL,
        leaf BLOB, minor BIGINT, currency TEXT, body BLOB NOT NULL, PRIMARY KEY (entity, id, version))",
    "CREATE TABLE IF NOT EXISTS voided (target_id TEXT NOT NULL PRIMARY KEY, void_id TEXT NOT NULL)",
];

/// A record of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorRow {
    /// What it is.
    pub entity: SyncEntity,
    /// Its id.
    pub id: String,
    /// Of a case version, the version's id; else empty.
    pub version: String,
    /// Revision that it came with.
    pub revision: u64,
    /// The instant on whose day it is counted.
    pub at: Timestamp,
    /// Its leaf; `None` of what is not counted: a finding that does not stand.
    pub leaf: Option<Leaf>,
    /// The amount that it states.
    pub amount: Option<Money>,
    /// The record as it came over the wire.
    pub body: Vec<u8>,
    /// Of a void: the activity that it takes out.
    pub voids: Option<String>,
}

/// An open copy.
pub struct Mirror {
    connection: DatabaseConnection,
}

fn statement(sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(Backend::Sqlite.orm(), sql, values)
}

/// Why a file does not open, with its name.
fn unopened(path: &Path, error: &StoreError) -> StoreError {
    let cause = error.cause().unwrap_or_else(|| error.to_string());
    StoreError::Copy(format!("{} cannot be opened as a copy of a market: {cause}", path.display()))
}

impl Mirror {
    /// Opens the copy of a market in a file, which is made if it is missing.
    ///
    /// # Errors
    /// The file cannot be opened, is no such copy, or that of another market.
    pub async fn open(path: &Path, region: &str) -> Result<Self, StoreError> {
        Self::at(path, region, true).await
    }

    /// Opens the copy of a market that a file is said to hold already.
    ///
    /// # Errors
    /// As above, and a file that is missing.
    pub async fn existing(path: &Path, region: &str) -> Result<Self, StoreError> {
        Self::at(path, region, false).await
    }

    async fn at(path: &Path, region: &str, make: bool) -> Result<Self, StoreError> {
        let name = path.display();
        if !make && !path.exists() {
            return Err(StoreError::Copy(format!("{name} is missing: name the file that fairdue sync mirror keeps")));
        }
        let url = format!("sqlite://{name}?mode={}", if make { "rwc" } else { "rw" });
        let connection = backend::file(&url, &StoreOptions::default()).await;
        let connection = connection.map_err(|error| unopened(path, &error))?;
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
        let tables = connection.query_all_raw(statement(tables, Vec::new())).await;
        let tables = tables.map_err(|error| unopened(path, &error.into()))?;
        let names = tables.iter().map(|row| row.try_get("", "name")).collect::<Result<Vec<String>, _>>()?;
        // The tables of somebody else's database are not mixed with those of a copy.
        if !(names.iter().any(|name| name == "mirror") || names.is_empty() && make) {
            let text =
                format!("{name} is no copy of a market: name the file that fairdue sync mirror keeps, or a new one");
            return Err(StoreError::Copy(text));
        }
        for table in TABLES {
            connection.execute_unprepared(table).await?;
        }
        let make = "INSERT INTO mirror (one, region, token, through) VALUES (1, $1, '', 0) ON CONFLICT DO NOTHING";
        connection.execute_raw(statement(make, vec![region.into()])).await?;
        let mirror = Self { connection };
        let row = mirror.connection.query_one_raw(statement("SELECT region FROM mirror", Vec::new())).await?;
        let of: Option<String> = row.map(|row| row.try_get("", "region")).transpose()?;
        match of {
            Some(of) if of == region => Ok(mirror),
            of => {
                let of = of.unwrap_or_default();
                let text = format!("{name} is the copy of the market {of}, not of {region}: name another file");
                Err(StoreError::Copy(text))
            }
        }
    }

    /// The token behind which the copy goes on, empty at the beginning, and the revision that it holds.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn position(&self) -> Result<(String, u64), StoreError> {
        let row = self.connection.query_one_raw(statement("SELECT token, through FROM mirror", Vec::new())).await?;
        let row = row.ok_or_else(|| StoreError::corrupt("mirror", "the file has no position"))?;
        Ok((row.try_get("", "token")?, row.try_get::<i64>("", "through")?.cast_unsigned()))
    }

    /// Applies changes and moves the position, both or neither. What is there already is replaced by what is newer.
    ///
    /// # Errors
    /// The file cannot be written; nothing was changed.
    pub async fn apply(&self, rows: &[MirrorRow], token: &str, through: u64) -> Result<(), StoreError> {
        let transaction = backend::begin_file(&self.connection).await?;
        for row in rows {
            put(&transaction, row).await?;
        }
        let sql = "UPDATE mirror SET token = $1, through = $2";
        transaction.execute_raw(statement(sql, vec![token.into(), through.cast_signed().into()])).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets everything: the copy starts again.
    ///
    /// # Errors
    /// The file cannot be written; nothing was changed.
    pub async fn clear(&self) -> Result<(), StoreError> {
        let transaction = backend::begin_file(&self.connection).await?;
        for sql in ["DELETE FROM record", "DELETE FROM voided", "UPDATE mirror SET token = '', through = 0"] {
            transaction.execute_unprepared(sql).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Records that count, by entity, id and version, after the given ones: without those that are void or do not stand.
    ///
    /// # Errors
    /// The file cannot be read, or a row is corrupt.
    pub async fn counted(&self, after: &(String, String, String), limit: u32) -> Result<Vec<MirrorRow>, StoreError> {
        let sql = format!(
            "SELECT r.entity, r.id, r.version, r.revision, r.at, r.leaf, r.minor, r.currency, r.body FROM record r
             WHERE (r.entity, r.id, r.version) > ($1, $2, $3) AND r.leaf IS NOT NULL
               AND (r.entity <> 'activity' OR NOT EXISTS (SELECT 1 FROM voided v WHERE v.target_id = r.id))
             ORDER BY r.entity, r.id, r.version LIMIT {limit}"
        );
        let values = vec![after.0.as_str().into(), after.1.as_str().into(), after.2.as_str().into()];
        let rows = self.connection.query_all_raw(statement(&sql, values)).await?;
        rows.iter()
            .map(|row| {
                let entity: String = row.try_get("", "entity")?;
                let leaf: Vec<u8> = row.try_get("", "leaf")?;
                let currency: Option<String> = row.try_get("", "currency")?;
                let minor: Option<i64> = row.try_get("", "minor")?;
                let corrupt = || StoreError::corrupt("mirror", format!("a row of \"{entity}\" does not read"));
                let amount = match (minor, currency) {
                    (Some(minor), Some(code)) => Some(Money::new(minor, Currency::parse(&code).ok_or_else(corrupt)?)),
                    _ => None,
                };
                Ok(MirrorRow {
                    entity: SyncEntity::parse(&entity).ok_or_else(corrupt)?,
                    id: row.try_get("", "id")?,
                    version: row.try_get("", "version")?,
                    revision: row.try_get::<i64>("", "revision")?.cast_unsigned(),
                    at: Timestamp(row.try_get("", "at")?),
                    leaf: Some(Leaf::from_bytes(&leaf).ok_or_else(corrupt)?),
                    amount,
                    body: row.try_get("", "body")?,
                    voids: None,
                })
            })
            .collect()
    }

    /// How many rows of each entity there are, void ones included.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn sizes(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let sql = "SELECT entity, COUNT(*) AS rows FROM record GROUP BY entity";
        let rows = self.connection.query_all_raw(statement(sql, Vec::new())).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "entity")?, row.try_get::<i64>("", "rows")?.cast_unsigned())))
            .collect()
    }

    /// Closes the file.
    pub async fn close(self) {
        let _ = self.connection.close().await;
    }
}

async fn put(transaction: &DatabaseTransaction, row: &MirrorRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO record (entity, id, version, revision, at, leaf, minor, currency, body)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
               ON CONFLICT (entity, id, version) DO UPDATE SET revision = excluded.revision, at = excluded.at,
                   leaf = excluded.leaf, minor = excluded.minor, currency = excluded.currency, body = excluded.body
               WHERE excluded.revision >= record.revision";
    let values: Vec<Value> = vec![
        row.entity.as_str().into(),
        row.id.as_str().into(),
        row.version.as_str().into(),
        row.revision.cast_signed().into(),
        row.at.0.into(),
        row.leaf.map(|leaf| leaf.bytes().to_vec()).into(),
        row.amount.map(|amount| amount.minor).into(),
        row.amount.map(|amount| amount.currency.code().to_owned()).into(),
        row.body.clone().into(),
    ];
    transaction.execute_raw(statement(sql, values)).await?;
    if let Some(target) = &row.voids {
        let sql = "INSERT INTO voided (target_id, void_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        transaction.execute_raw(statement(sql, vec![target.as_str().into(), row.id.as_str().into()])).await?;
    }
    Ok(())
}
