//! Which KPI definitions a market's cells follow, and the filling of those that are new. What definitions say is for others
//! to read; here they are bytes, and series are numbers.

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::bulk::Column;
use super::cells::{CellRow, read_cell};
use super::{MarketTx, StoreError, TenantScope};
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;

/// Definitions as they are stored for a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionRow {
    /// Digest of their texts.
    pub digest: String,
    /// When the configuration was loaded that has them: of two, the later one holds.
    pub loaded: Timestamp,
    /// Series whose cells are whole, or that are being filled.
    pub series: Vec<u32>,
    /// Their texts, packed.
    pub body: Vec<u8>,
}

/// A filling under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillingRow {
    /// What was stored up to this revision is told; what later commits store is added by themselves.
    pub known: u64,
    /// Timers due up to here had fired by then, and no others.
    pub settled: Timestamp,
    /// Where the telling goes on; the words are the teller's.
    pub place: String,
    /// Steps made.
    pub step: u64,
    /// Records told.
    pub done: u64,
    /// Records to be told.
    pub total: u64,
    /// When it began.
    pub started: Timestamp,
    /// The server that fills; empty for none.
    pub holder: String,
    /// Signs of life of the holder.
    pub beat: u64,
    /// What the last failure was; empty if none since the last step.
    pub error: String,
    /// When.
    pub error_at: Option<Timestamp>,
}

/// The definitions of a market.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definitions {
    /// Those that its cells follow; `None` for a market that was written before this was kept.
    pub kept: Option<DefinitionRow>,
    /// Those that are being filled.
    pub filling: Option<(DefinitionRow, FillingRow)>,
}

const DEFINITIONS: &str = "SELECT role, digest, loaded_at, series, body FROM kpi_definition
    WHERE tenant_id = $1 AND market_id = $2";
const FILLING: &str = "SELECT known, settled_at, place, step, done, total, started_at, holder, beat, error, error_at
    FROM kpi_filling WHERE tenant_id = $1 AND market_id = $2";
/// From each series to the next by the key: one look for each instead of one at every cell.
const SERIES: &str = "WITH RECURSIVE found(series) AS (
        SELECT MIN(series) FROM cell WHERE tenant_id = $1 AND market_id = $2
        UNION ALL SELECT (SELECT MIN(c.series) FROM cell AS c
            WHERE c.tenant_id = $1 AND c.market_id = $2 AND c.series > found.series)
        FROM found WHERE found.series IS NOT NULL)
    SELECT series FROM found WHERE series IS NOT NULL";
/// Follows a table.
const OF_MARKET: &str = "WHERE tenant_id = $1 AND market_id = $2";
const KEPT: &str = "kept";
const NEXT: &str = "filling";

fn read_definition(row: &QueryResult) -> Result<DefinitionRow, StoreError> {
    let series: String = row.try_get("", "series")?;
    Ok(DefinitionRow {
        digest: row.try_get("", "digest")?,
        loaded: Timestamp(row.try_get("", "loaded_at")?),
        series: serde_json::from_str(&series).map_err(|cause| StoreError::corrupt("KPI definition", cause))?,
        body: row.try_get("", "body")?,
    })
}

fn read_filling(row: &QueryResult) -> Result<FillingRow, StoreError> {
    let number = |column: &str| row.try_get::<i64>("", column).map(i64::cast_unsigned);
    Ok(FillingRow {
        known: number("known")?,
        settled: Timestamp(row.try_get("", "settled_at")?),
        place: row.try_get("", "place")?,
        step: number("step")?,
        done: number("done")?,
        total: number("total")?,
        started: Timestamp(row.try_get("", "started_at")?),
        holder: row.try_get("", "holder")?,
        beat: number("beat")?,
        error: row.try_get("", "error")?,
        error_at: row.try_get::<Option<i64>>("", "error_at")?.map(Timestamp),
    })
}

async fn definitions(
    connection: &impl ConnectionTrait,
    scope: &TenantScope,
    market: &MarketId,
) -> Result<Definitions, StoreError> {
    let mut found = Definitions::default();
    let mut next = None;
    for row in connection.query_all_raw(scope.statement(market, DEFINITIONS, [])).await? {
        match row.try_get::<String>("", "role")?.as_str() {
            KEPT => found.kept = Some(read_definition(&row)?),
            _ => next = Some(read_definition(&row)?),
        }
    }
    if let Some(next) = next {
        let row = connection.query_one_raw(scope.statement(market, FILLING, [])).await?;
        found.filling = row.as_ref().map(read_filling).transpose()?.map(|row| (next, row));
    }
    Ok(found)
}

impl TenantScope {
    /// The definitions of a market. Read without its lock, rows of two instants may meet: what is made of them is compared
    /// with the market's row.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn definitions(&self, market: &MarketId) -> Result<Definitions, StoreError> {
        definitions(&self.reader(), self, market).await
    }

    /// How many records a market has: versions of cases, activities, and commits of the log of checks.
    ///
    /// # Errors
    /// The database is away.
    pub async fn count_records(&self, market: &MarketId) -> Result<u64, StoreError> {
        let mut count: u64 = 0;
        for table in ["case_version", "activity", "check_log"] {
            let sql = format!("SELECT COUNT(*) AS n FROM {table} {OF_MARKET}");
            let row = self.reader().query_one_raw(self.statement(market, &sql, [])).await?;
            count += row.map_or(Ok(0), |row| row.try_get::<i64>("", "n"))?.cast_unsigned();
        }
        Ok(count)
    }

    /// The series that have cells.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn stored_series(&self, market: &MarketId) -> Result<Vec<u32>, StoreError> {
        stored_series(&self.reader(), self, market).await
    }
}

async fn stored_series(
    connection: &impl ConnectionTrait,
    scope: &TenantScope,
    market: &MarketId,
) -> Result<Vec<u32>, StoreError> {
    let rows = connection.query_all_raw(scope.statement(market, SERIES, [])).await?;
    let read = |row: &QueryResult| {
        let series: i64 = row.try_get("", "series")?;
        u32::try_from(series).map_err(|cause| StoreError::corrupt("cell", cause))
    };
    rows.iter().map(read).collect()
}

impl MarketTx {
    /// The definitions of the market, under its lock.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn definitions(&self) -> Result<Definitions, StoreError> {
        definitions(&self.transaction, &self.scope, &self.market).await
    }

    /// States which definitions the cells follow.
    ///
    /// # Errors
    /// The database is away.
    pub async fn put_kept(&self, row: &DefinitionRow) -> Result<(), StoreError> {
        self.put_definition(KEPT, row).await
    }

    /// Begins a filling, or changes the texts of one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn put_filling(&self, definition: &DefinitionRow, row: &FillingRow) -> Result<(), StoreError> {
        self.put_definition(NEXT, definition).await?;
        let sql =
            "INSERT INTO kpi_filling (tenant_id, market_id, known, settled_at, place, step, done, total, started_at,
                       holder, beat, error, error_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
                   ON CONFLICT (tenant_id, market_id) DO UPDATE SET known = excluded.known,
                       settled_at = excluded.settled_at, place = excluded.place, step = excluded.step,
                       done = excluded.done, total = excluded.total, started_at = excluded.started_at,
                       holder = excluded.holder, beat = excluded.beat, error = excluded.error,
                       error_at = excluded.error_at";
        self.transaction.execute_raw(self.statement(sql, filling_values(row))).await?;
        Ok(())
    }

    /// Writes how far a filling has come.
    ///
    /// # Errors
    /// The database is away.
    pub async fn move_filling(&self, row: &FillingRow) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE kpi_filling SET known = $3, settled_at = $4, place = $5, step = $6, done = $7, total = $8,
                 started_at = $9, holder = $10, beat = $11, error = $12, error_at = $13 {OF_MARKET}"
        );
        self.transaction.execute_raw(self.statement(&sql, filling_values(row))).await?;
        Ok(())
    }

    /// Forgets the filling and what it has filled.
    ///
    /// # Errors
    /// The database is away.
    pub async fn end_filling(&self) -> Result<(), StoreError> {
        for table in ["kpi_filling", "cell_filled"] {
            let sql = format!("DELETE FROM {table} {OF_MARKET}");
            self.transaction.execute_raw(self.statement(&sql, [])).await?;
        }
        let sql = format!("DELETE FROM kpi_definition {OF_MARKET} AND role = $3");
        self.transaction.execute_raw(self.statement(&sql, [NEXT.into()])).await?;
        Ok(())
    }

    /// Puts cells of a step of the filling aside, to be added to the market's cells later.
    ///
    /// # Errors
    /// The database is away.
    pub async fn put_filled(&self, step: u64, cells: &[CellRow]) -> Result<(), StoreError> {
        let columns = vec![
            ("series", Column::Int(cells.iter().map(|cell| i64::from(cell.series)).collect())),
            ("grain", Column::Int(cells.iter().map(|cell| i64::from(cell.grain)).collect())),
            ("period", Column::Int(cells.iter().map(|cell| i64::from(cell.period)).collect())),
            ("step", Column::SameInt(step.cast_signed(), cells.len())),
            ("body", Column::Bytes(cells.iter().map(|cell| cell.body.clone()).collect())),
        ];
        let tail = "ON CONFLICT (tenant_id, market_id, series, grain, period, step) DO UPDATE SET body = excluded.body";
        self.bulk("cell_filled", columns, tail).await?;
        Ok(())
    }

    /// Forgets what steps after this one have put aside: half of a step that another server did not end.
    ///
    /// # Errors
    /// The database is away.
    pub async fn drop_filled_after(&self, step: u64) -> Result<(), StoreError> {
        let sql = format!("DELETE FROM cell_filled {OF_MARKET} AND step > $3");
        self.transaction.execute_raw(self.statement(&sql, [step.cast_signed().into()])).await?;
        Ok(())
    }

    /// Takes the first cells that were put aside, in the order of their keys; a key may come once for each step.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn take_filled(&self, most: u32) -> Result<Vec<CellRow>, StoreError> {
        let sql = format!(
            "SELECT series, grain, period, step, body FROM cell_filled {OF_MARKET}
             ORDER BY series, grain, period, step LIMIT {most}"
        );
        let rows = self.transaction.query_all_raw(self.statement(&sql, [])).await?;
        if let Some(last) = rows.last() {
            let key = |column: &str| Ok::<Value, StoreError>(last.try_get::<i64>("", column)?.into());
            let values = [key("series")?, key("grain")?, key("period")?, key("step")?];
            let sql =
                format!("DELETE FROM cell_filled {OF_MARKET} AND (series, grain, period, step) <= ($3, $4, $5, $6)");
            self.transaction.execute_raw(self.statement(&sql, values)).await?;
        }
        rows.iter().map(read_cell).collect()
    }

    /// The series that have cells, under the market's lock.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn stored_series(&self) -> Result<Vec<u32>, StoreError> {
        stored_series(&self.transaction, &self.scope, &self.market).await
    }

    /// Forgets the first cells of a series; how many.
    ///
    /// # Errors
    /// The database is away.
    pub async fn drop_cells(&self, series: u32, most: u32) -> Result<u64, StoreError> {
        self.mark_cells().await?;
        let sql = format!(
            "DELETE FROM cell {OF_MARKET} AND series = $3 AND (grain, period) IN
                 (SELECT grain, period FROM cell {OF_MARKET} AND series = $3 ORDER BY grain, period LIMIT {most})"
        );
        let done = self.transaction.execute_raw(self.statement(&sql, [i64::from(series).into()])).await?;
        Ok(done.rows_affected())
    }

    async fn put_definition(&self, role: &str, row: &DefinitionRow) -> Result<(), StoreError> {
        let series =
            serde_json::to_string(&row.series).map_err(|cause| StoreError::corrupt("KPI definition", cause))?;
        let sql = "INSERT INTO kpi_definition (tenant_id, market_id, role, digest, loaded_at, series, body)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (tenant_id, market_id, role) DO UPDATE SET digest = excluded.digest,
                       loaded_at = excluded.loaded_at, series = excluded.series, body = excluded.body";
        let values: [Value; 5] =
            [role.into(), row.digest.as_str().into(), row.loaded.0.into(), series.into(), row.body.clone().into()];
        self.transaction.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }
}

fn filling_values(row: &FillingRow) -> [Value; 11] {
    [
        row.known.cast_signed().into(),
        row.settled.0.into(),
        row.place.as_str().into(),
        row.step.cast_signed().into(),
        row.done.cast_signed().into(),
        row.total.cast_signed().into(),
        row.started.0.into(),
        row.holder.as_str().into(),
        row.beat.cast_signed().into(),
        row.error.as_str().into(),
        row.error_at.map(|at| at.0).into(),
    ]
}
