//! Deltas merged into KPI cells and tallies, many commits at a time: a hot one is then written once, not once a commit.

use std::collections::HashMap;

use super::IngestError;
use super::definitions::Defined;
use super::group::{GroupContext, Writing};
use crate::kpi::{Block, BlockKey, DecodeError, Delta};
use crate::store::{CellRow, MarketTx};

/// Commits after which a merge is due.
pub(super) const EVERY: u32 = 64;

/// Merges every waiting delta of the market into its cells and tallies. Takes the market's lock and no revision: what a reader
/// adds up is the same before and after.
pub(super) async fn run(context: &GroupContext<'_>) -> Result<(), IngestError> {
    let writing = Writing::begin_ahead(context).await?;
    let tallied = writing.tx.merge_tallies().await?;
    if deltas(&writing.tx, &writing.defined).await? || tallied {
        return writing.commit_in_place().await;
    }
    writing.commit().await?;
    Ok(())
}

/// Merges every waiting delta into cells, but for series that commits no longer add to; whether any waited.
pub(super) async fn deltas(tx: &MarketTx, kept: &Defined) -> Result<bool, IngestError> {
    let deltas = tx.deltas().await?;
    let Some(last) = deltas.last().map(|delta| delta.revision) else { return Ok(false) };
    let mut sum = Delta::new();
    for row in &deltas {
        sum.merge(&Delta::decode(&row.body).map_err(|error| corrupt(&error))?);
    }
    blocks(tx, sum.blocks_where(|key| kept.adds_to(key.series)), last).await?;
    Ok(true)
}

/// Adds blocks to the stored ones, each key once, and forgets the deltas up to a revision.
pub(super) async fn blocks(tx: &MarketTx, blocks: Vec<(BlockKey, Block)>, revision: u64) -> Result<(), IngestError> {
    let keys: Vec<(u32, i16, i32)> = blocks.iter().map(|(key, _)| (key.series, key.grain.code(), key.period)).collect();
    let stored: HashMap<(u32, i16, i32), Vec<u8>> =
        tx.cells_at(&keys).await?.into_iter().map(|row| ((row.series, row.grain, row.period), row.body)).collect();
    let mut cells = Vec::with_capacity(blocks.len());
    for (key, block) in blocks {
        cells.push(merged(key, block, stored.get(&(key.series, key.grain.code(), key.period)))?);
    }
    Ok(tx.merge_cells(cells, revision).await?)
}

fn merged(key: BlockKey, new: Block, stored: Option<&Vec<u8>>) -> Result<CellRow, IngestError> {
    let body = match stored {
        Some(bytes) => {
            let mut block = Block::decode(bytes).map_err(|error| corrupt(&error))?;
            block.merge(&new).map_err(|error| corrupt(&error))?;
            block.encode()
        }
        None => new.encode(),
    };
    Ok(CellRow { series: key.series, grain: key.grain.code(), period: key.period, body })
}

/// The error for stored KPI bytes that do not read. What is wrong with them goes to the log.
#[must_use]
pub fn corrupt(error: &DecodeError) -> IngestError {
    tracing::error!(error = %error, "a stored KPI cell is corrupt");
    IngestError::corrupt("a stored KPI cell is corrupt")
}
