//! Quartiles of those who share their figures. What was told first stays, whoever shares later, and whichever process is
//! asked: two answers that differ by one tenant would tell that tenant's figure. So does of whom a quarter was told first, for all
//! KPIs: two of them may mean nearly the same.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::wall::EVERYONE;
use super::{Store, StoreError};
use crate::domain::ids::TenantId;

/// The quarter of a country's markets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarterKey {
    /// The markets' country.
    pub region: String,
    /// Day number of the quarter's first day.
    pub quarter: i32,
}

/// What quartiles are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuartileKey {
    /// Of which quarter.
    pub of: QuarterKey,
    /// What the KPI means, see `kpi::Catalogue::meaning`.
    pub meaning: String,
}

/// Quartiles as they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuartileRow {
    /// How many tenants.
    pub tenants: u32,
    /// Lower quartile, median and upper quartile.
    pub texts: [String; 3],
}

/// What stands in place of a KPI's id in the rows of quartiles that are kept by what is meant.
const ANY_NAME: &str = "";

fn read(row: &QueryResult) -> Result<QuartileRow, StoreError> {
    Ok(QuartileRow {
        tenants: u32::try_from(row.try_get::<i64>("", "tenants")?)
            .map_err(|cause| StoreError::corrupt("quartiles", cause))?,
        texts: [row.try_get("", "lower")?, row.try_get("", "middle")?, row.try_get("", "upper")?],
    })
}

impl Store {
    fn of_quarter(&self, sql: &str, of: &QuarterKey, rest: impl IntoIterator<Item = Value>) -> Statement {
        let mut values: Vec<Value> = vec![EVERYONE.into(), of.region.as_str().into(), i64::from(of.quarter).into()];
        values.extend(rest);
        Statement::from_sql_and_values(self.backend.orm(), sql, values)
    }

    /// The quartiles that were told of this before.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn quartiles(&self, key: &QuartileKey) -> Result<Option<QuartileRow>, StoreError> {
        let sql = "SELECT tenants, lower, middle, upper FROM peer_quartile
            WHERE tenant_id = $1 AND region = $2 AND quarter = $3 AND kpi_id = $4 AND digest = $5";
        let rest = [ANY_NAME.into(), key.meaning.as_str().into()];
        let row = self.everyone().query_one_raw(self.of_quarter(sql, &key.of, rest)).await?;
        row.as_ref().map(read).transpose()
    }

    /// The quartiles that earlier versions told of a KPI, by its id and the text of all definitions: those of this text, else those of
    /// any. Of whom they are was not kept, so that none can be told beside them that would not tell who came or went.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn former_quartiles(
        &self,
        of: &QuarterKey,
        kpi: &str,
        digest: &str,
    ) -> Result<Option<QuartileRow>, StoreError> {
        let sql = "SELECT tenants, lower, middle, upper FROM peer_quartile
            WHERE tenant_id = $1 AND region = $2 AND quarter = $3 AND kpi_id = $4
            ORDER BY CASE WHEN digest = $5 THEN 0 ELSE 1 END, digest LIMIT 1";
        let row = self.everyone().query_one_raw(self.of_quarter(sql, of, [kpi.into(), digest.into()])).await?;
        row.as_ref().map(read).transpose()
    }

    /// Stores quartiles unless there are some already; what is to be told.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn fix_quartiles(&self, key: &QuartileKey, row: QuartileRow) -> Result<QuartileRow, StoreError> {
        let sql = "INSERT INTO peer_quartile
                (tenant_id, region, quarter, kpi_id, digest, tenants, lower, middle, upper)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
        let [lower, middle, upper] = row.texts.clone();
        let rest: [Value; 6] = [
            ANY_NAME.into(),
            key.meaning.as_str().into(),
            i64::from(row.tenants).into(),
            lower.into(),
            middle.into(),
            upper.into(),
        ];
        let insert = self.of_quarter(sql, &key.of, rest);
        self.writing(&TenantId::trusted(EVERYONE)).execute_raw(insert).await?;
        Ok(self.quartiles(key).await?.unwrap_or(row))
    }

    /// The tenants of whom a quarter was told first.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn peer_group(&self, of: &QuarterKey) -> Result<Option<BTreeSet<TenantId>>, StoreError> {
        let sql = "SELECT tenants FROM peer_group WHERE tenant_id = $1 AND region = $2 AND quarter = $3";
        let Some(row) = self.everyone().query_one_raw(self.of_quarter(sql, of, [])).await? else { return Ok(None) };
        let names: Vec<String> = serde_json::from_str(&row.try_get::<String>("", "tenants")?)
            .map_err(|cause| StoreError::corrupt("peer group", cause))?;
        Ok(Some(names.iter().map(|name| TenantId::trusted(name)).collect()))
    }

    /// Stores of whom a quarter is told unless it was told before; of whom it is to be told.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn fix_peer_group(
        &self,
        of: &QuarterKey,
        tenants: &BTreeSet<TenantId>,
    ) -> Result<BTreeSet<TenantId>, StoreError> {
        let sql = "INSERT INTO peer_group (tenant_id, region, quarter, tenants) VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING";
        let names: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
        let names = serde_json::to_string(&names).map_err(|cause| StoreError::corrupt("peer group", cause))?;
        self.writing(&TenantId::trusted(EVERYONE)).execute_raw(self.of_quarter(sql, of, [names.into()])).await?;
        Ok(self.peer_group(of).await?.unwrap_or_else(|| tenants.clone()))
    }
}
