//! Quartiles of those who share their figures. What was told first stays, whoever shares later, and whichever process is
//! asked: two answers that differ by one tenant would tell that tenant's figure.

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::wall::EVERYONE;
use super::{Store, StoreError};
use crate::domain::ids::TenantId;

/// What quartiles are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuartileKey {
    /// The market's country.
    pub region: String,
    /// The KPI.
    pub kpi: String,
    /// Day number of the quarter's first day.
    pub quarter: i32,
    /// Digest of the definitions.
    pub digest: String,
}

/// Quartiles as they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuartileRow {
    /// How many tenants.
    pub tenants: u32,
    /// Lower quartile, median and upper quartile.
    pub texts: [String; 3],
}

fn read(row: &QueryResult) -> Result<QuartileRow, StoreError> {
    Ok(QuartileRow {
        tenants: u32::try_from(row.try_get::<i64>("", "tenants")?)
            .map_err(|cause| StoreError::corrupt("quartiles", cause))?,
        texts: [row.try_get("", "lower")?, row.try_get("", "middle")?, row.try_get("", "upper")?],
    })
}

impl Store {
    fn of_all(&self, sql: &str, key: &QuartileKey, rest: impl IntoIterator<Item = Value>) -> Statement {
        let mut values: Vec<Value> = vec![
            EVERYONE.into(),
            key.region.as_str().into(),
            key.kpi.as_str().into(),
            i64::from(key.quarter).into(),
            key.digest.as_str().into(),
        ];
        values.extend(rest);
        Statement::from_sql_and_values(self.backend.orm(), sql, values)
    }

    /// The quartiles that were told of this before.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn quartiles(&self, key: &QuartileKey) -> Result<Option<QuartileRow>, StoreError> {
        let sql = "SELECT tenants, lower, middle, upper FROM peer_quartile
            WHERE tenant_id = $1 AND region = $2 AND kpi_id = $3 AND quarter = $4 AND digest = $5";
        let row = self.everyone().query_one_raw(self.of_all(sql, key, [])).await?;
        row.as_ref().map(read).transpose()
    }

    /// Stores quartiles unless there are some already; what is to be told.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn fix_quartiles(&self, key: &QuartileKey, row: QuartileRow) -> Result<QuartileRow, StoreError> {
        let sql = "INSERT INTO peer_quartile
                (tenant_id, region, kpi_id, quarter, digest, tenants, lower, middle, upper)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
        let [lower, middle, upper] = row.texts.clone();
        let rest: [Value; 4] = [i64::from(row.tenants).into(), lower.into(), middle.into(), upper.into()];
        self.writing(&TenantId::trusted(EVERYONE)).execute_raw(self.of_all(sql, key, rest)).await?;
        Ok(self.quartiles(key).await?.unwrap_or(row))
    }
}
