//! Sums of a market's facts by day and month, as they were at a revision. What they say is for others to read; here they are bytes, and
//! kinds are words.

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::bulk::{Bulk, Column, text_set};
use super::{StoreError, TenantScope, backend};
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;

/// What a market's sums are of, and who brings them up to date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SumsRow {
    /// What the facts rest on besides the records, and in which form the sums are; empty while there are none.
    pub ground: String,
    /// What later commits stored is not in them.
    pub known: u64,
    /// Timers due up to here had fired.
    pub settled: Timestamp,
    /// What there are no sums of, although there may be facts; the words are the teller's.
    pub left_out: Vec<String>,
    /// The server that brings them up to date; empty for none.
    pub holder: String,
    /// Grows with every change of the row.
    pub beat: u64,
}

/// Some sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumRow {
    /// Number of the grain.
    pub grain: i16,
    /// The kind of the facts.
    pub kind: String,
    /// The sums, packed.
    pub body: Vec<u8>,
}

const HEAD: &str = "s.ground, s.known, s.settled_at, s.left_out, s.holder, s.beat";

fn read_head(row: &QueryResult) -> Result<SumsRow, StoreError> {
    let left_out: String = row.try_get("", "left_out")?;
    Ok(SumsRow {
        ground: row.try_get("", "ground")?,
        known: row.try_get::<i64>("", "known")?.cast_unsigned(),
        settled: Timestamp(row.try_get("", "settled_at")?),
        left_out: left_out.split_whitespace().map(str::to_owned).collect(),
        holder: row.try_get("", "holder")?,
        beat: row.try_get::<i64>("", "beat")?.cast_unsigned(),
    })
}

impl TenantScope {
    /// What the market's sums are of; `None` if nobody has ever made some.
    ///
    /// # Errors
    /// The database is away or the row is corrupt.
    pub async fn fact_sums_head(&self, market: &MarketId) -> Result<Option<SumsRow>, StoreError> {
        let sql = format!("SELECT {HEAD} FROM fact_sums s WHERE s.tenant_id = $1 AND s.market_id = $2");
        let row = self.reader().query_one_raw(self.statement(market, &sql, [])).await?;
        row.as_ref().map(read_head).transpose()
    }

    /// The market's sums of a grain of these kinds with what they are of, all of one instant.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn fact_sums(
        &self,
        market: &MarketId,
        grain: i16,
        kinds: Vec<String>,
    ) -> Result<Option<(SumsRow, Vec<SumRow>)>, StoreError> {
        let (set, bind) = text_set(self.store.backend, 3, kinds);
        let sql = format!(
            "SELECT {HEAD}, f.kind, f.body FROM fact_sums s
             LEFT JOIN fact_sum f ON f.tenant_id = s.tenant_id AND f.market_id = s.market_id AND f.kind {set}
                 AND f.grain = {grain}
             WHERE s.tenant_id = $1 AND s.market_id = $2 ORDER BY f.kind, f.part"
        );
        let rows = self.reader().query_all_raw(self.statement(market, &sql, [bind])).await?;
        let Some(head) = rows.first().map(read_head).transpose()? else { return Ok(None) };
        let mut sums = Vec::new();
        for row in &rows {
            if let Some(kind) = row.try_get::<Option<String>>("", "kind")? {
                sums.push(SumRow { grain, kind, body: row.try_get("", "body")? });
            }
        }
        Ok(Some((head, sums)))
    }

    /// Takes the sums into a server's hands that were seen like this, shows that it is alive, or lets go of them; `None` if they
    /// have moved.
    ///
    /// # Errors
    /// The database is away.
    pub async fn hold_fact_sums(
        &self,
        market: &MarketId,
        seen: Option<&SumsRow>,
        holder: &str,
    ) -> Result<Option<SumsRow>, StoreError> {
        let next = SumsRow {
            holder: holder.to_owned(),
            beat: seen.map_or(0, |seen| seen.beat) + 1,
            ..seen.cloned().unwrap_or_default()
        };
        let done = match seen {
            None => {
                let sql = "INSERT INTO fact_sums
                    (tenant_id, market_id, ground, known, settled_at, left_out, holder, beat)
                    VALUES ($1, $2, '', 0, 0, '', $3, $4) ON CONFLICT DO NOTHING";
                let values: [Value; 2] = [holder.into(), next.beat.cast_signed().into()];
                self.writer().execute_raw(self.statement(market, sql, values)).await?
            }
            Some(seen) => {
                let sql = "UPDATE fact_sums SET holder = $3, beat = $4
                    WHERE tenant_id = $1 AND market_id = $2 AND beat = $5";
                let values: [Value; 3] =
                    [holder.into(), next.beat.cast_signed().into(), seen.beat.cast_signed().into()];
                self.writer().execute_raw(self.statement(market, sql, values)).await?
            }
        };
        Ok((done.rows_affected() == 1).then_some(next))
    }

    /// States that sums which were seen like this rest on nothing: nobody answers from them any more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn disown_fact_sums(&self, market: &MarketId, seen: &SumsRow) -> Result<(), StoreError> {
        let sql = "UPDATE fact_sums SET ground = '' WHERE tenant_id = $1 AND market_id = $2 AND beat = $3";
        self.writer().execute_raw(self.statement(market, sql, [seen.beat.cast_signed().into()])).await?;
        Ok(())
    }

    /// Puts sums in the place of those that were seen like this, or leaves those where there are none, and lets go of them; `false`
    /// if they have moved.
    ///
    /// # Errors
    /// The database is away.
    pub async fn put_fact_sums(
        &self,
        market: &MarketId,
        seen: &SumsRow,
        next: &SumsRow,
        sums: Option<Vec<SumRow>>,
    ) -> Result<bool, StoreError> {
        self.store.space.as_ref().map_or(Ok(()), |space| space.check())?;
        let transaction = backend::begin(&self.store, &self.tenant).await?;
        let sql = "UPDATE fact_sums SET ground = $3, known = $4, settled_at = $5, left_out = $6, holder = '', beat = $7
            WHERE tenant_id = $1 AND market_id = $2 AND beat = $8";
        let values: [Value; 6] = [
            next.ground.as_str().into(),
            next.known.cast_signed().into(),
            next.settled.0.into(),
            next.left_out.join(" ").into(),
            (seen.beat + 1).cast_signed().into(),
            seen.beat.cast_signed().into(),
        ];
        if transaction.execute_raw(self.statement(market, sql, values)).await?.rows_affected() != 1 {
            transaction.rollback().await?;
            return Ok(false);
        }
        let Some(sums) = sums else {
            transaction.commit().await?;
            return Ok(true);
        };
        let sql = "DELETE FROM fact_sum WHERE tenant_id = $1 AND market_id = $2";
        transaction.execute_raw(self.statement(market, sql, [])).await?;
        let grains = sums.iter().map(|row| row.grain.into()).collect();
        let (kinds, bodies): (Vec<String>, Vec<Vec<u8>>) = sums.into_iter().map(|row| (row.kind, row.body)).unzip();
        let columns = vec![
            ("grain", Column::Int(grains)),
            ("part", Column::Int((0..).take(kinds.len()).collect())),
            ("kind", Column::Text(kinds)),
            ("body", Column::Bytes(bodies)),
        ];
        let bulk = Bulk { table: "fact_sum", tenant: self.tenant.as_str(), market: market.as_str(), columns, tail: "" };
        bulk.run(&transaction, self.store.backend).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
