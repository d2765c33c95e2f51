//! Decoded cells, kept from one question to the next.
//!
//! A copy is never believed for its age. The market's row says, with every question, at which revision the market is and
//! which mark its stored cells bear; a copy answers only if it is of both. Whatever another replica commits or merges
//! changes one of the two in the transaction that changes the cells.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use crate::domain::market::MarketKey;
use crate::ingest::{IngestError, corrupt_cell};
use crate::kpi::{Block, BlockKey, BlockRange, Delta};
use crate::store::{CellView, MarketHead, TenantScope};

/// One stretch of cells as of one instant.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Mark of the market's cells that `stored` is of.
    mark: u64,
    /// Revision of the market that `waiting` is of.
    revision: u64,
    stored: Arc<Vec<(BlockKey, Arc<Block>)>>,
    /// What waits to be merged into them.
    waiting: BTreeMap<BlockKey, Block>,
}

impl Stretch {
    fn is_of(&self, head: &MarketHead) -> bool {
        self.mark == head.cells_mark && self.revision == head.revision
    }

    /// The blocks that the stretch adds up to; a key may come twice.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (BlockKey, &Block)> {
        let stored = self.stored.iter().map(|(key, block)| (*key, block.as_ref()));
        stored.chain(self.waiting.iter().map(|(key, block)| (*key, block)))
    }

    fn bytes(&self) -> usize {
        let stored: usize = self.stored.iter().map(|(_, block)| block.bytes()).sum();
        let waiting: usize = self.waiting.values().map(Block::bytes).sum();
        size_of::<Self>() + stored + waiting
    }
}

/// The deltas of a market that wait to be merged, oldest first.
#[derive(Debug)]
struct Waiting {
    mark: u64,
    revision: u64,
    deltas: Vec<(u64, Arc<Delta>)>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.deltas.iter().map(|(_, delta)| delta.bytes()).sum::<usize>()
    }
}

/// What is kept, by market: a stretch of cells, or (without one) the deltas that wait.
type Key = (MarketKey, Option<BlockRange>);

#[derive(Debug, Clone)]
enum Kept {
    Stretch(Arc<Stretch>),
    Waiting(Arc<Waiting>),
}

/// Copies in two generations: what was not used while the young ones grew to half of the limit is forgotten.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Key, (Kept, usize)>,
    old: HashMap<Key, (Kept, usize)>,
    /// Bytes of the young ones.
    bytes: usize,
}

/// The copies of this process.
#[derive(Debug)]
pub(super) struct Cells {
    /// Most bytes of a generation; 0 keeps nothing.
    generation: usize,
    kept: Mutex<Generations>,
}

impl Cells {
    /// Nothing kept, and never more than about `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { generation: limit / 2, kept: Mutex::default() }
    }

    /// The stretches of a market as of the head, if all of them are kept.
    pub(super) fn kept(
        &self,
        market: &MarketKey,
        ranges: &[BlockRange],
        head: &MarketHead,
    ) -> Option<Vec<Arc<Stretch>>> {
        ranges.iter().map(|range| self.stretch(market, *range).filter(|stretch| stretch.is_of(head))).collect()
    }

    /// The stretches of a market as the database has them now, and the market's row of the same instant. Only what
    /// changed since the copies were made is read and decoded.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub(super) async fn read(
        &self,
        scope: &TenantScope,
        market: &MarketKey,
        ranges: &[BlockRange],
    ) -> Result<(Option<MarketHead>, Vec<Arc<Stretch>>), IngestError> {
        let view = scope.cell_view(&market.market).await?;
        let read = self.read_view(&view, market, ranges).await;
        view.close().await;
        read
    }

    async fn read_view(
        &self,
        view: &CellView,
        market: &MarketKey,
        ranges: &[BlockRange],
    ) -> Result<(Option<MarketHead>, Vec<Arc<Stretch>>), IngestError> {
        let Some(head) = view.head().await? else { return Ok((None, Vec::new())) };
        let waiting = self.waiting(view, market, &head).await?;
        let mut stretches = Vec::with_capacity(ranges.len());
        for range in ranges {
            let before = self.stretch(market, *range);
            if let Some(same) = before.as_ref().filter(|stretch| stretch.is_of(&head)) {
                stretches.push(Arc::clone(same));
                continue;
            }
            let stored = match &before {
                Some(before) if before.mark == head.cells_mark => Arc::clone(&before.stored),
                before => Arc::new(stored(view, *range, before.as_deref()).await?),
            };
            let same_cells = before.filter(|before| before.mark == head.cells_mark && before.revision < head.revision);
            let (mut sum, since) =
                same_cells.map_or((BTreeMap::new(), None), |before| (before.waiting.clone(), Some(before.revision)));
            for (_, delta) in waiting.deltas.iter().filter(|(revision, _)| since.is_none_or(|since| *revision > since))
            {
                add(&mut sum, delta, *range)?;
            }
            let stretch = Arc::new(Stretch { mark: head.cells_mark, revision: head.revision, stored, waiting: sum });
            self.put((market.clone(), Some(*range)), Kept::Stretch(Arc::clone(&stretch)), stretch.bytes());
            stretches.push(stretch);
        }
        Ok((Some(head), stretches))
    }

    /// The deltas that wait in the view. Of one mark nothing was merged, so that those known before still wait.
    async fn waiting(
        &self,
        view: &CellView,
        market: &MarketKey,
        head: &MarketHead,
    ) -> Result<Arc<Waiting>, IngestError> {
        let key = (market.clone(), None);
        let known = match self.get(&key) {
            Some(Kept::Waiting(known)) if known.mark == head.cells_mark && known.revision <= head.revision => {
                Some(known)
            }
            _ => None,
        };
        if let Some(known) = known.as_ref().filter(|known| known.revision == head.revision) {
            return Ok(Arc::clone(known));
        }
        let mut deltas = known.as_ref().map(|known| known.deltas.clone()).unwrap_or_default();
        for row in view.deltas(known.map(|known| known.revision)).await? {
            let delta = Delta::decode(&row.body).map_err(|error| corrupt_cell(&error))?;
            deltas.push((row.revision, Arc::new(delta)));
        }
        let waiting = Arc::new(Waiting { mark: head.cells_mark, revision: head.revision, deltas });
        self.put(key, Kept::Waiting(Arc::clone(&waiting)), waiting.bytes());
        Ok(waiting)
    }

    fn stretch(&self, market: &MarketKey, range: BlockRange) -> Option<Arc<Stretch>> {
        match self.get(&(market.clone(), Some(range))) {
            Some(Kept::Stretch(stretch)) => Some(stretch),
            _ => None,
        }
    }

    fn get(&self, key: &Key) -> Option<Kept> {
        let mut kept = self.lock();
        if let Some((found, _)) = kept.young.get(key) {
            return Some(found.clone());
        }
        let (found, bytes) = kept.old.remove(key)?;
        self.place(&mut kept, key.clone(), found.clone(), bytes);
        Some(found)
    }

    fn put(&self, key: Key, new: Kept, bytes: usize) {
        let mut kept = self.lock();
        kept.old.remove(&key);
        if let Some((_, bytes)) = kept.young.remove(&key) {
            kept.bytes = kept.bytes.saturating_sub(bytes);
        }
        // What would fill a generation alone is read anew each time.
        if bytes <= self.generation {
            self.place(&mut kept, key, new, bytes);
        }
    }

    fn place(&self, kept: &mut Generations, key: Key, new: Kept, bytes: usize) {
        if kept.bytes.saturating_add(bytes) > self.generation {
            kept.old = std::mem::take(&mut kept.young);
            kept.bytes = 0;
        }
        kept.bytes += bytes;
        kept.young.insert(key, (new, bytes));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        // Whatever a panic left behind is checked against the market's row before it is used.
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Bytes of all copies.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        let kept = self.lock();
        kept.young.values().chain(kept.old.values()).map(|(_, bytes)| bytes).sum()
    }
}

/// The stored cells of a range: those that were written since the copy are read, the others are the copy's.
async fn stored(
    view: &CellView,
    range: BlockRange,
    before: Option<&Stretch>,
) -> Result<Vec<(BlockKey, Arc<Block>)>, IngestError> {
    let known: HashMap<i32, &Arc<Block>> =
        before.iter().flat_map(|before| before.stored.iter()).map(|(key, block)| (key.period, block)).collect();
    let (cells, periods) = ((range.series, range.grain.code()), (range.from, range.to));
    let rows = view.cells(cells, periods, before.map(|before| before.mark)).await?;
    let mut blocks = Vec::with_capacity(rows.len());
    for row in rows {
        let key = BlockKey { series: range.series, grain: range.grain, period: row.period };
        let block = match (row.body, known.get(&row.period)) {
            (Some(body), _) => Arc::new(Block::decode(&body).map_err(|error| corrupt_cell(&error))?),
            (None, Some(block)) => Arc::clone(block),
            // A row that is older than the copy and not in it: no writer makes one.
            (None, None) => return Err(corrupt_cell(&crate::kpi::DecodeError::Invalid("mark"))),
        };
        blocks.push((key, block));
    }
    Ok(blocks)
}

/// Adds what a delta changes in the range.
fn add(sum: &mut BTreeMap<BlockKey, Block>, delta: &Delta, range: BlockRange) -> Result<(), IngestError> {
    for (key, block) in delta.blocks_where(|key| range.holds(key)) {
        match sum.get_mut(&key) {
            Some(found) => found.merge(&block).map_err(|error| corrupt_cell(&error))?,
            None => {
                sum.insert(key, block);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{MarketId, TenantId};
    use crate::kpi::CellGrain;

    fn key(period: i32) -> Key {
        let market = MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") };
        (market, Some(BlockRange { series: 1, grain: CellGrain::Day, from: period, to: period + 1 }))
    }

    fn stretch(mark: u64) -> Kept {
        let stretch = Stretch { mark, revision: 1, stored: Arc::default(), waiting: BTreeMap::new() };
        Kept::Stretch(Arc::new(stretch))
    }

    #[test]
    fn copies_stay_within_their_bytes_and_the_used_ones_stay_longest() {
        let cells = Cells::new(1_000);
        for period in 0..500 {
            cells.put(key(period), stretch(1), 60);
            assert!(cells.bytes() <= 1_000, "{} bytes after {period}", cells.bytes());
            assert!(cells.get(&key(0)).is_some(), "used at every step, and forgotten after {period}");
        }
        assert!(cells.get(&key(1)).is_none(), "never used again, and still kept");
    }

    #[test]
    fn a_copy_replaces_the_one_before_and_what_is_too_large_is_not_kept() {
        let cells = Cells::new(1_000);
        for bytes in [100, 400, 300] {
            cells.put(key(1), stretch(1), bytes);
            assert_eq!(cells.bytes(), bytes);
        }
        cells.put(key(1), stretch(2), 501);
        assert_eq!((cells.bytes(), cells.get(&key(1)).is_some()), (0, false));
        let nothing = Cells::new(0);
        nothing.put(key(1), stretch(1), 1);
        assert_eq!(nothing.bytes(), 0);
    }
}
