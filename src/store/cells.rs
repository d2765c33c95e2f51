//! KPI cells and the deltas that wait to be merged into them. Bodies are packed by `kpi`; here they are bytes.

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::bulk::Column;
use super::{MarketTx, StoreError, TenantScope};
use crate::domain::ids::MarketId;

/// One packed block of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellRow {
    /// Measure and dimension set.
    pub series: u32,
    /// `day` or `month`.
    pub grain: String,
    /// Day number of the period's first day.
    pub period: i32,
    /// Packed tuples and values.
    pub body: Vec<u8>,
}

/// What one commit adds to cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaRow {
    /// The commit.
    pub revision: u64,
    /// Packed deltas.
    pub body: Vec<u8>,
}

fn read_cell(row: &QueryResult) -> Result<CellRow, StoreError> {
    let series: i64 = row.try_get("", "series")?;
    Ok(CellRow {
        series: u32::try_from(series).map_err(|cause| StoreError::corrupt("cell", cause))?,
        grain: row.try_get("", "grain")?,
        period: row.try_get("", "period")?,
        body: row.try_get("", "body")?,
    })
}

fn read_delta(row: &QueryResult) -> Result<DeltaRow, StoreError> {
    Ok(DeltaRow { revision: row.try_get::<i64>("", "revision")?.cast_unsigned(), body: row.try_get("", "body")? })
}

const DELTAS: &str = "SELECT revision, body FROM cell_delta
    WHERE tenant_id = $1 AND market_id = $2 AND revision > $3 ORDER BY revision";
const CELLS: &str = "SELECT series, grain, period, body FROM cell
    WHERE tenant_id = $1 AND market_id = $2 AND series = $3 AND grain = $4 AND period >= $5 AND period < $6
    ORDER BY period";

impl MarketTx {
    /// Stores what this commit adds to cells.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert_delta(&self, revision: u64, body: Vec<u8>) -> Result<(), StoreError> {
        let sql = "INSERT INTO cell_delta (tenant_id, market_id, revision, body) VALUES ($1, $2, $3, $4)";
        let values: [Value; 2] = [revision.cast_signed().into(), body.into()];
        self.transaction.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Every delta that waits, oldest first.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn deltas(&self) -> Result<Vec<DeltaRow>, StoreError> {
        let rows = self.transaction.query_all_raw(self.statement(DELTAS, [Value::from(-1_i64)])).await?;
        rows.iter().map(read_delta).collect()
    }

    /// Cells of one series and grain whose period is in `[from, to)`.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn cells(&self, series: u32, grain: &str, from: i32, to: i32) -> Result<Vec<CellRow>, StoreError> {
        let values: [Value; 4] = [i64::from(series).into(), grain.into(), from.into(), to.into()];
        let rows = self.transaction.query_all_raw(self.statement(CELLS, values)).await?;
        rows.iter().map(read_cell).collect()
    }

    /// Writes merged cells (an empty body removes the cell) and forgets the deltas up to `revision`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn merge_cells(&self, cells: Vec<CellRow>, revision: u64) -> Result<(), StoreError> {
        let columns = vec![
            ("series", Column::Int(cells.iter().map(|cell| i64::from(cell.series)).collect())),
            ("grain", Column::Text(cells.iter().map(|cell| cell.grain.clone()).collect())),
            ("period", Column::Int(cells.iter().map(|cell| i64::from(cell.period)).collect())),
            ("body", Column::Bytes(cells.into_iter().map(|cell| cell.body).collect())),
        ];
        let tail = "ON CONFLICT (tenant_id, market_id, series, grain, period) DO UPDATE SET body = excluded.body";
        self.bulk("cell", columns, tail).await?;
        let sql = "DELETE FROM cell_delta WHERE tenant_id = $1 AND market_id = $2 AND revision <= $3";
        self.transaction.execute_raw(self.statement(sql, [revision.cast_signed().into()])).await?;
        Ok(())
    }

    /// Forgets every cell and delta of the market: the definitions changed and a recount follows in this transaction.
    ///
    /// # Errors
    /// The database is away.
    pub async fn clear_cells(&self) -> Result<(), StoreError> {
        for table in ["cell", "cell_delta"] {
            let sql = format!("DELETE FROM {table} WHERE tenant_id = $1 AND market_id = $2");
            self.transaction.execute_raw(self.statement(&sql, [])).await?;
        }
        Ok(())
    }
}

impl TenantScope {
    /// Cells of one series and grain whose period is in `[from, to)`, as committed.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn cells(
        &self,
        market: &MarketId,
        series: u32,
        grain: &str,
        from: i32,
        to: i32,
    ) -> Result<Vec<CellRow>, StoreError> {
        let values: [Value; 4] = [i64::from(series).into(), grain.into(), from.into(), to.into()];
        let rows = self.store.reader.query_all_raw(self.statement(market, CELLS, values)).await?;
        rows.iter().map(read_cell).collect()
    }

    /// Deltas of commits after `revision`, as committed, oldest first.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn deltas(&self, market: &MarketId, revision: u64) -> Result<Vec<DeltaRow>, StoreError> {
        let after = Value::from(revision.cast_signed());
        let rows = self.store.reader.query_all_raw(self.statement(market, DELTAS, [after])).await?;
        rows.iter().map(read_delta).collect()
    }
}
