//! Tenants and API keys. Only a hash of a key's secret is stored.

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::{Store, StoreError};
use crate::domain::ids::{KeyId, MarketId, TenantId};
use crate::domain::principal::Role;
use crate::domain::time::Timestamp;

/// A tenant as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Its id.
    pub tenant: TenantId,
    /// When it was made.
    pub created: Timestamp,
}

/// An API key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Whose key.
    pub tenant: TenantId,
    /// Its public part.
    pub key: KeyId,
    /// Keyed hash of its secret part.
    pub hash: Vec<u8>,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Markets it may touch; all if empty.
    pub markets: Vec<MarketId>,
    /// When it was made.
    pub created: Timestamp,
    /// Whose it is, as its maker wrote; keys of before labels have none.
    pub label: Option<String>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl Store {
    fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.backend.orm(), sql, values)
    }

    /// Stores a tenant; false if it exists already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_tenant(&self, tenant: &TenantId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "INSERT INTO tenant (tenant_id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let done =
            self.writing(tenant).execute_raw(self.statement(sql, [tenant.as_str().into(), now.0.into()])).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Every tenant, by id.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn tenants(&self) -> Result<Vec<TenantRow>, StoreError> {
        let sql = "SELECT tenant_id, created_at FROM tenant ORDER BY tenant_id";
        let rows = self.everyone().query_all_raw(self.statement(sql, [])).await?;
        rows.iter()
            .map(|row| {
                Ok(TenantRow {
                    tenant: TenantId::trusted(&row.try_get::<String>("", "tenant_id")?),
                    created: Timestamp(row.try_get("", "created_at")?),
                })
            })
            .collect()
    }

    /// Stores an API key. Its id is made by the program and is new.
    ///
    /// # Errors
    /// The database is away, or the tenant has such a key already.
    pub async fn insert_key(&self, key: &KeyRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO api_key (tenant_id, key_id, hash, roles, markets, created_at, label, revoked_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)";
        let roles: Vec<_> = key.roles.iter().map(|role| role.as_str()).collect();
        let markets: Vec<_> = key.markets.iter().map(MarketId::as_str).collect();
        let values: [Value; 7] = [
            key.tenant.as_str().into(),
            key.key.as_str().into(),
            key.hash.clone().into(),
            roles.join(" ").into(),
            markets.join(" ").into(),
            key.created.0.into(),
            key.label.clone().into(),
        ];
        self.writing(&key.tenant).execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Revokes a key from now on; false if there is no such unrevoked key.
    ///
    /// # Errors
    /// The database is away.
    pub async fn revoke_key(&self, tenant: &TenantId, key: &KeyId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE api_key SET revoked_at = $3 WHERE tenant_id = $1 AND key_id = $2 AND revoked_at IS NULL";
        let values: [Value; 3] = [tenant.as_str().into(), key.as_str().into(), now.0.into()];
        Ok(self.writing(tenant).execute_raw(self.statement(sql, values)).await?.rows_affected() == 1)
    }

    /// The key of a tenant, revoked or not.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn key(&self, tenant: &TenantId, key: &KeyId) -> Result<Option<KeyRow>, StoreError> {
        let sql = "SELECT hash, roles, markets, created_at, label, revoked_at FROM api_key
                   WHERE tenant_id = $1 AND key_id = $2";
        let values: [Value; 2] = [tenant.as_str().into(), key.as_str().into()];
        let row = self.reading(tenant).query_one_raw(self.statement(sql, values)).await?;
        row.map(|row| read_key(tenant, key, &row)).transpose()
    }

    /// Every key of a tenant, revoked ones too, in the order in which they were made.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn keys(&self, tenant: &TenantId) -> Result<Vec<KeyRow>, StoreError> {
        let sql = "SELECT key_id, hash, roles, markets, created_at, label, revoked_at FROM api_key
                   WHERE tenant_id = $1 ORDER BY created_at, key_id";
        let rows = self.reading(tenant).query_all_raw(self.statement(sql, [tenant.as_str().into()])).await?;
        rows.iter().map(|row| read_key(tenant, &KeyId::trusted(&row.try_get::<String>("", "key_id")?), row)).collect()
    }
}

fn read_key(tenant: &TenantId, key: &KeyId, row: &QueryResult) -> Result<KeyRow, StoreError> {
    let roles: String = row.try_get("", "roles")?;
    let roles = roles
        .split_whitespace()
        .map(|role| Role::parse(role).ok_or_else(|| StoreError::corrupt("API key", format!("role \"{role}\""))))
        .collect::<Result<_, _>>()?;
    let markets: String = row.try_get("", "markets")?;
    Ok(KeyRow {
        tenant: tenant.clone(),
        key: key.clone(),
        hash: row.try_get("", "hash")?,
        roles,
        markets: markets.split_whitespace().map(MarketId::trusted).collect(),
        created: Timestamp(row.try_get("", "created_at")?),
        label: row.try_get("", "label")?,
        revoked: row.try_get::<Option<i64>>("", "revoked_at")?.map(Timestamp),
    })
}
