//! The beginning of a filling, and its steps, each under the market's lock. Who does them and when: [`super::filling`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::IngestError;
use super::definitions::{Defined, row_of};
use super::fill_look::{Look, Need};
use super::ground::ground;
use super::group::GroupContext;
use super::merge;
use super::writer::Markets;
use crate::domain::error_kind::ErrorKind;
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;
use crate::kpi::{Block, BlockKey, CellGrain, DecodeError};
use crate::store::{CellRow, DefinitionRow, Definitions, FillingRow, MarketTx};

/// The place of a filling whose history is told to its end.
pub(super) const TOLD: &str = "told";
/// Time between two signs of life while nothing else is written.
const BEAT: Duration = Duration::from_secs(1);
/// Cells that are written under one lock.
const CELLS: usize = 500;

/// What is to be filled, decided without the market's lock.
#[derive(Debug)]
pub struct Beginning {
    /// What the market's row said of its definitions then.
    pub marker: String,
    /// The definitions, with the series that are missing.
    pub definition: DefinitionRow,
    /// Timers due up to here fire first, and no timer behind it has fired.
    pub settled: Timestamp,
    /// Records to be told, about.
    pub total: u64,
}

/// Begins a filling at the revision that the market has now. From the next commit on the writers add to its series, so that
/// what is told as known at this revision and what they add make the whole. If anything has changed since it was decided,
/// nothing is done: whoever decided looks again.
pub(super) async fn begin(context: &GroupContext<'_>, beginning: &Beginning) {
    match try_begin(context, beginning).await {
        Ok(true) => {
            metrics::counter!("fairdue_kpi_fillings_total", "outcome" => "begun").increment(1);
            let (market, series) = (&context.key.market, beginning.definition.series.len());
            tracing::info!(%market, series, records = beginning.total, "filling the cells of KPI definitions");
        }
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(market = %context.key.market, %error, "a filling was not begun; it is tried again")
        }
    }
}

async fn try_begin(context: &GroupContext<'_>, beginning: &Beginning) -> Result<bool, IngestError> {
    let GroupContext { markets, key, .. } = *context;
    let tx = markets.store.scope(&key.tenant).begin(&key.market).await?;
    let head = tx.head.clone();
    let snapshot = markets.config.get();
    let tenant = snapshot.tenants.get(&key.tenant);
    let Some((tenant, market)) = tenant.and_then(|tenant| Some((tenant, tenant.markets.get(&key.market)?))) else {
        tx.rollback().await;
        return Ok(false);
    };
    let due = tx.next_due().await?.is_some_and(|due| due <= beginning.settled);
    let beyond = head.fired > beginning.settled;
    let same = head.catalogue_digest == beginning.marker
        && head.rules_digest == ground(market, &tenant.rules)
        && head.revision > 0;
    let kept = markets.keeping.under_lock(key, &tx, &snapshot.catalogue, markets.clock.now()).await?;
    let Some(kept) = kept.filter(|_| same && !due && !beyond) else {
        tx.rollback().await;
        return Ok(false);
    };
    let missing: BTreeSet<u32> = beginning.definition.series.iter().copied().collect();
    let left = tx.stored_series().await?.iter().any(|series| missing.contains(series));
    if left || tx.deriving().await?.is_some() {
        // Cells left by a filling that was given up, or by definitions of long ago; or timers that are not all known yet.
        tx.rollback().await;
        return Ok(false);
    }
    merge::deltas(&tx, &kept).await?;
    let row = FillingRow {
        known: head.revision,
        settled: beginning.settled,
        place: String::new(),
        step: 0,
        done: 0,
        total: beginning.total,
        started: markets.clock.now(),
        holder: String::new(),
        beat: 0,
        error: String::new(),
        error_at: None,
    };
    tx.put_filling(&beginning.definition, &row).await?;
    commit(markets, tx).await?;
    Ok(true)
}

/// Notes which definitions are in force, under the market's lock and only if it is still needed.
pub(super) async fn note(look: &Look<'_>, need: Need) -> Result<(), IngestError> {
    let tx = look.markets.store.scope(&look.key.tenant).begin(&look.key.market).await?;
    let found = tx.definitions().await?;
    let kept = Defined::of(&found, &tx.head.catalogue_digest, look.own())?;
    let Some(kept) = kept.filter(|kept| look.need(&found, kept) == need) else {
        tx.rollback().await;
        return Ok(());
    };
    match (need, found.filling) {
        (Need::TextsOfFilling, Some((_, row))) => {
            let missing: BTreeSet<u32> = look.own().series().difference(&kept.series).copied().collect();
            tx.put_filling(&row_of(look.own(), look.loaded, &missing)?, &row).await?;
        }
        (Need::GiveUp, _) => {
            tracing::info!(market = %look.key.market, "KPI definitions changed again: a filling is given up");
            tx.end_filling().await?;
        }
        _ => tx.put_kept(&row_of(look.own(), look.loaded, &look.own().series())?).await?,
    }
    commit(look.markets, tx).await
}

/// Commits with the mark that follows from what is stored by now of the market's definitions.
pub(super) async fn commit(markets: &Arc<Markets>, tx: MarketTx) -> Result<(), IngestError> {
    let mut head = tx.head.clone();
    let found = tx.definitions().await?;
    if let Some(kept) = Defined::of(&found, &head.catalogue_digest, &markets.config.get().catalogue)? {
        head.catalogue_digest = kept.marker;
    }
    Ok(tx.commit(&head).await?)
}

/// A filling in one server's hands.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) key: MarketKey,
    /// As it was written last.
    pub(super) row: FillingRow,
}

/// Facts that a step has summed.
pub(super) struct Summed {
    pub(super) blocks: Vec<(BlockKey, Block)>,
    /// Where the telling goes on.
    pub(super) place: String,
    pub(super) records: u64,
    /// What the facts were told under.
    pub(super) ground: String,
}

impl Held {
    /// Opens a write, if the filling is still what it was and in this server's hands.
    async fn open(&self, markets: &Arc<Markets>) -> Result<Option<MarketTx>, IngestError> {
        let tx = markets.store.scope(&self.key.tenant).begin(&self.key.market).await?;
        let found = tx.definitions().await?;
        if found.filling.is_some_and(|(_, row)| row == self.row) {
            return Ok(Some(tx));
        }
        tx.rollback().await;
        Ok(None)
    }

    /// Writes the row and commits.
    async fn close(&mut self, tx: MarketTx, row: FillingRow) -> Result<(), IngestError> {
        let row = FillingRow { beat: self.row.beat + 1, ..row };
        tx.move_filling(&row).await?;
        let head = tx.head.clone();
        tx.commit(&head).await?;
        self.row = row;
        Ok(())
    }

    /// Puts what a step has summed aside, a few cells at a time, and moves on behind it with the last of them: a step counts
    /// once or not at all. `false` if the filling is not in this server's hands any more.
    pub(super) async fn put_aside(&mut self, markets: &Arc<Markets>, summed: Summed) -> Result<bool, IngestError> {
        let cells: Vec<CellRow> = summed
            .blocks
            .into_iter()
            .map(|(key, block)| CellRow {
                series: key.series,
                grain: key.grain.code(),
                period: key.period,
                body: block.encode(),
            })
            .collect();
        let step = self.row.step + 1;
        let mut parts = cells.chunks(CELLS).peekable();
        loop {
            let part = parts.next().unwrap_or_default();
            let Some(tx) = self.open(markets).await? else { return Ok(false) };
            if tx.head.rules_digest != summed.ground {
                tx.rollback().await;
                return Ok(false);
            }
            tx.put_filled(step, part).await?;
            if parts.peek().is_some() {
                self.close(tx, self.row.clone()).await?;
                continue;
            }
            let done = (self.row.done + summed.records).min(self.row.total);
            let (place, error) = (summed.place, String::new());
            self.close(tx, FillingRow { step, done, place, error, error_at: None, ..self.row.clone() }).await?;
            return Ok(true);
        }
    }

    /// Gives signs of life until the next step is told. `false` if the filling is not in this server's hands any more.
    pub(super) async fn live_until(
        &mut self,
        markets: &Arc<Markets>,
        told: &CancellationToken,
    ) -> Result<bool, IngestError> {
        while told.run_until_cancelled(tokio::time::sleep(BEAT)).await.is_some() {
            let Some(tx) = self.open(markets).await? else { return Ok(false) };
            self.close(tx, self.row.clone()).await?;
        }
        Ok(true)
    }

    /// Adds some of what was put aside to the market's cells. When nothing is left, the cells follow the new definitions.
    /// `None` if the filling is not in this server's hands any more, else whether it is over.
    pub(super) async fn add_up(&mut self, markets: &Arc<Markets>) -> Result<Option<bool>, IngestError> {
        let Some(tx) = self.open(markets).await? else { return Ok(None) };
        let cells = tx.take_filled(u32::try_from(CELLS).unwrap_or(u32::MAX)).await?;
        if cells.is_empty() {
            switch(markets, tx).await?;
            return Ok(Some(true));
        }
        let mut sums: Vec<(BlockKey, Block)> = Vec::with_capacity(cells.len());
        for cell in cells {
            let grain = CellGrain::from_code(cell.grain).ok_or(DecodeError::Invalid("grain"));
            let grain = grain.map_err(|error| merge::corrupt(&error))?;
            let key = BlockKey { series: cell.series, grain, period: cell.period };
            let block = Block::decode(&cell.body).map_err(|error| merge::corrupt(&error))?;
            // Steps of one key follow each other.
            match sums.last_mut().filter(|(last, _)| *last == key) {
                Some((_, sum)) => sum.merge(&block).map_err(|error| merge::corrupt(&error))?,
                None => sums.push((key, block)),
            }
        }
        merge::blocks(&tx, sums, 0).await?;
        self.close(tx, self.row.clone()).await?;
        Ok(Some(false))
    }

    /// Notes a failure where everybody sees it.
    pub(super) async fn fail(&mut self, markets: &Arc<Markets>, error: &IngestError) -> Result<(), IngestError> {
        let Some(tx) = self.open(markets).await? else { return Ok(()) };
        let (error, error_at) = (error.to_string(), Some(markets.clock.now()));
        self.close(tx, FillingRow { error, error_at, ..self.row.clone() }).await
    }

    /// Gives it out of hand, so that another server goes on at once.
    pub(super) async fn release(&mut self, markets: &Arc<Markets>) -> Result<(), IngestError> {
        let Some(tx) = self.open(markets).await? else { return Ok(()) };
        self.close(tx, FillingRow { holder: String::new(), ..self.row.clone() }).await
    }
}

/// Takes a filling that was seen like this; `None` if it has moved.
pub(super) async fn take(
    markets: &Arc<Markets>,
    key: &MarketKey,
    seen: FillingRow,
    holder: &str,
) -> Result<Option<Held>, IngestError> {
    let mut held = Held { key: key.clone(), row: seen };
    let Some(tx) = held.open(markets).await? else { return Ok(None) };
    tx.drop_filled_after(held.row.step).await?;
    held.close(tx, FillingRow { holder: holder.to_owned(), ..held.row.clone() }).await?;
    Ok(Some(held))
}

/// From here on the cells follow the definitions that were filled.
async fn switch(markets: &Arc<Markets>, tx: MarketTx) -> Result<(), IngestError> {
    let found = tx.definitions().await?;
    let Some((definition, _)) = found.filling else {
        return Err(IngestError::Store {
            kind: ErrorKind::Internal,
            reason: "INTERNAL",
            message: "a filling ended that there is not".to_owned(),
            retryable: true,
        });
    };
    let before: BTreeSet<u32> = found.kept.iter().flat_map(|kept| kept.series.iter().copied()).collect();
    let mut series: BTreeSet<u32> = definition.series.iter().copied().collect();
    // Those that the definitions share with the former ones were whole all the time.
    let both = DefinitionRow { series: before.iter().copied().collect(), ..definition.clone() };
    let both = Definitions { kept: Some(both), filling: None };
    if let Some(kept) = Defined::of(&both, "", &markets.config.get().catalogue)? {
        series.extend(kept.series);
    }
    tx.end_filling().await?;
    tx.put_kept(&DefinitionRow { series: series.into_iter().collect(), ..definition }).await?;
    commit(markets, tx).await
}
