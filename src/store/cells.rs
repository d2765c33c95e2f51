//! KPI cells and the deltas that wait to be merged into them. Bodies are packed by `kpi`; here they are bytes.

use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::bounded::Bounded;
use super::bulk::Column;
use super::market_tx::{HEAD, read_head};
use super::{Backend, MarketHead, MarketTx, StoreError, TenantScope};
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;

/// One packed block of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellRow {
    /// Measure and dimension set.
    pub series: u32,
    /// Number of the grain.
    pub grain: i16,
    /// Day number of the period's first day.
    pub period: i32,
    /// Packed tuples and values.
    pub body: Vec<u8>,
}

/// A cell as a reader finds it who may have a copy of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadCell {
    /// Day number of the period's first day.
    pub period: i32,
    /// Packed tuples and values; `None` if they are what they were at the reader's mark.
    pub body: Option<Vec<u8>>,
}

/// What one commit adds to cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaRow {
    /// The commit.
    pub revision: u64,
    /// Packed deltas.
    pub body: Vec<u8>,
}

pub(super) fn read_cell(row: &QueryResult) -> Result<CellRow, StoreError> {
    let series: i64 = row.try_get("", "series")?;
    Ok(CellRow {
        series: u32::try_from(series).map_err(|cause| StoreError::corrupt("cell", cause))?,
        grain: i16::try_from(row.try_get::<i64>("", "grain")?).map_err(|cause| StoreError::corrupt("cell", cause))?,
        period: i32::try_from(row.try_get::<i64>("", "period")?).map_err(|cause| StoreError::corrupt("cell", cause))?,
        body: row.try_get("", "body")?,
    })
}

fn read_delta(row: &QueryResult) -> Result<DeltaRow, StoreError> {
    Ok(DeltaRow { revision: row.try_get::<i64>("", "revision")?.cast_unsigned(), body: row.try_get("", "body")? })
}

const DELTAS: &str = "SELECT revision, body FROM cell_delta
    WHERE tenant_id = $1 AND market_id = $2 AND revision > $3 ORDER BY revision";
const CELLS: &str = "SELECT period, CASE WHEN mark > $7 THEN body END AS body FROM cell
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
        self.write_later(sql, values).await
    }

    /// Every delta that waits, oldest first.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn deltas(&self) -> Result<Vec<DeltaRow>, StoreError> {
        let rows = self.transaction.query_all_raw(self.statement(DELTAS, [Value::from(-1_i64)])).await?;
        rows.iter().map(read_delta).collect()
    }

    /// The stored cells of these keys (series, grain, period).
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn cells_at(&self, keys: &[(u32, i16, i32)]) -> Result<Vec<CellRow>, StoreError> {
        let numbers = |pick: fn(&(u32, i16, i32)) -> i64| -> Value {
            let values = keys.iter().map(|key| Value::from(pick(key))).collect();
            Value::Array(ArrayType::BigInt, Some(Box::new(values)))
        };
        let (sql, values): (&str, Vec<Value>) = match self.backend() {
            Backend::Postgres => (
                "SELECT series, grain, period, body FROM cell WHERE tenant_id = $1 AND market_id = $2
                 AND (series, grain, period) IN (SELECT * FROM UNNEST($3::bigint[], $4::bigint[], $5::bigint[]))",
                vec![numbers(|key| i64::from(key.0)), numbers(|key| i64::from(key.1)), numbers(|key| i64::from(key.2))],
            ),
            Backend::Sqlite => (
                "SELECT c.series, c.grain, c.period, c.body FROM json_each($3) AS j
                 CROSS JOIN cell AS c ON c.tenant_id = $1 AND c.market_id = $2
                 AND c.series = json_extract(j.value, '$[0]') AND c.grain = json_extract(j.value, '$[1]')
                 AND c.period = json_extract(j.value, '$[2]')",
                vec![serde_json::json!(keys).to_string().into()],
            ),
        };
        let rows = self.transaction.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(read_cell).collect()
    }

    /// Writes merged cells (an empty body removes the cell) and forgets the deltas up to `revision`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn merge_cells(&self, cells: Vec<CellRow>, revision: u64) -> Result<(), StoreError> {
        let mark = self.mark_cells().await?;
        let columns = vec![
            ("mark", Column::SameInt(mark, cells.len())),
            ("series", Column::Int(cells.iter().map(|cell| i64::from(cell.series)).collect())),
            ("grain", Column::Int(cells.iter().map(|cell| i64::from(cell.grain)).collect())),
            ("period", Column::Int(cells.iter().map(|cell| i64::from(cell.period)).collect())),
            ("body", Column::Bytes(cells.into_iter().map(|cell| cell.body).collect())),
        ];
        let tail = "ON CONFLICT (tenant_id, market_id, series, grain, period) 
            DO UPDATE SET body = excluded.body, mark = excluded.mark";
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
        self.mark_cells().await?;
        for table in ["cell", "cell_delta"] {
            let sql = format!("DELETE FROM {table} WHERE tenant_id = $1 AND market_id = $2");
            self.transaction.execute_raw(self.statement(&sql, [])).await?;
        }
        Ok(())
    }
}

impl MarketTx {
    /// Gives the market's cells the mark of this transaction, whichever of its statements writes them first.
    pub(super) async fn mark_cells(&self) -> Result<i64, StoreError> {
        let mark = self.head.cells_mark.cast_signed() + 1;
        let sql = "UPDATE market SET cells_mark = $3 WHERE tenant_id = $1 AND market_id = $2";
        self.transaction.execute_raw(self.statement(sql, [mark.into()])).await?;
        Ok(mark)
    }
}

/// A view of a market's cells in which nothing moves while it is read.
pub struct CellView {
    transaction: Bounded,
    scope: TenantScope,
    market: MarketId,
}

impl TenantScope {
    /// The market's row and the earliest instant at which a timer may be due, both of one instant and in one statement;
    /// `None` if nothing was ever written.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn pulse(&self, market: &MarketId) -> Result<Option<(MarketHead, Option<Timestamp>)>, StoreError> {
        let sql = format!(
            "SELECT {HEAD}, (SELECT due_at FROM due WHERE tenant_id = $1 AND market_id = $2
              ORDER BY due_at LIMIT 1) AS due_at
             FROM market WHERE tenant_id = $1 AND market_id = $2"
        );
        let row = self.reader().query_one_raw(self.statement(market, &sql, [])).await?;
        let read = |row: &QueryResult| -> Result<_, StoreError> {
            Ok((read_head(row)?, row.try_get::<Option<i64>>("", "due_at")?.map(Timestamp)))
        };
        row.as_ref().map(read).transpose()
    }

    /// Opens a still view of a market's cells: cells and waiting deltas of one instant.
    ///
    /// # Errors
    /// The database is away.
    pub async fn cell_view(&self, market: &MarketId) -> Result<CellView, StoreError> {
        let transaction = self.store.pools.begin_still(&self.tenant).await?;
        Ok(CellView { transaction, scope: self.clone(), market: market.clone() })
    }
}

impl CellView {
    /// The market's row; `None` if nothing was ever written.
    ///
    /// # Errors
    /// The database is away.
    pub async fn head(&self) -> Result<Option<MarketHead>, StoreError> {
        let sql = format!("SELECT {HEAD} FROM market WHERE tenant_id = $1 AND market_id = $2");
        let row = self.transaction.query_one_raw(self.scope.statement(&self.market, &sql, [])).await?;
        row.as_ref().map(read_head).transpose()
    }

    /// Cells of one series and grain whose period is in `[from, to)`, by period, with the bodies of those that were
    /// written after `mark`; `None`: with all bodies.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn cells(
        &self,
        (series, grain): (u32, i16),
        (from, to): (i32, i32),
        mark: Option<u64>,
    ) -> Result<Vec<ReadCell>, StoreError> {
        let values: [Value; 5] = [
            i64::from(series).into(),
            i64::from(grain).into(),
            i64::from(from).into(),
            i64::from(to).into(),
            mark.map_or(-1, u64::cast_signed).into(),
        ];
        let rows = self.transaction.query_all_raw(self.scope.statement(&self.market, CELLS, values)).await?;
        rows.iter()
            .map(|row| {
                let period = i32::try_from(row.try_get::<i64>("", "period")?);
                let period = period.map_err(|cause| StoreError::corrupt("cell", cause))?;
                Ok(ReadCell { period, body: row.try_get("", "body")? })
            })
            .collect()
    }

    /// Deltas of commits after `revision` that wait to be merged, oldest first; `None`: all of them.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn deltas(&self, revision: Option<u64>) -> Result<Vec<DeltaRow>, StoreError> {
        let after = Value::from(revision.map_or(-1, u64::cast_signed));
        let rows = self.transaction.query_all_raw(self.scope.statement(&self.market, DELTAS, [after])).await?;
        rows.iter().map(read_delta).collect()
    }

    /// Ends the view.
    pub async fn close(self) {
        if let Err(error) = self.transaction.rollback().await {
            tracing::warn!(error = %error, "a read transaction did not end well");
        }
    }
}
