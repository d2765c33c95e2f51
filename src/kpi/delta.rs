//! The change of cells that a batch of facts makes: what one commit stores, and what is added into blocks later.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::block::{Block, BlockKey, Cell, CellGrain};
use super::catalogue::Catalogue;
use super::delta_rows::{Filled, Rows, bits};
use super::dimension::{DIMENSIONS, DimSet, Dimension, MAX_WIDTH};
use super::hash::QuickState;
use super::layout::{Layout, MAX_COLUMNS, TableLayout, bit};
use super::since;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::time::CALENDAR;

/// Dimensions whose numbers a delta keeps at hand: at first, and when it turns out that there are many. Powers of two.
const SEEN: usize = 256;
const SEEN_AT_MOST: usize = 8_192;

/// Tables of a kind whose rows are remembered with dimensions.
const REMEMBERED_ROWS: usize = 16;

/// A tuple as numbers into [`Names`].
pub(super) type Key = [u32; MAX_WIDTH];

/// Strings by number, from 1; 0 is no value.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, u32, QuickState>,
    pub(super) strings: Vec<Arc<str>>,
}

impl Names {
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = Arc::from(text);
        self.strings.push(Arc::clone(&text));
        let number = self.strings.len() as u32;
        self.numbers.insert(text, number);
        number
    }

    pub(super) fn text(&self, number: u32) -> Option<&Arc<str>> {
        number.checked_sub(1).and_then(|place| self.strings.get(place as usize))
    }
}

/// Changes that were summed beside each other, as one.
impl FromIterator<Self> for Delta {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        parts.for_each(|part| all.merge(&part));
        all
    }
}

/// Columns with one tuple width, each of one series.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) width: usize,
    pub(super) series: Arc<[u32]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowKey {
    pub(super) table: u32,
    pub(super) day: i32,
    pub(super) key: Key,
}

impl Hash for RowKey {
    /// Two numbers at a time: a record asks for dozens of rows.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let two = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        state.write_u64(two(self.table, self.day.cast_unsigned()));
        let (pairs, rest) = self.key.as_chunks::<2>();
        pairs.iter().for_each(|[high, low]| state.write_u64(two(*high, *low)));
        rest.iter().for_each(|last| state.write_u32(*last));
    }
}

/// Sums of signed facts by series, day and tuple. Adding is commutative and associative; what cancels leaves nothing.
#[derive(Debug, Clone, Default)]
pub struct Delta {
    pub(super) names: Names,
    pub(super) tables: Vec<Table>,
    rows: Rows,
    /// The layout that `bound` is about, and this delta's table of each of its tables.
    layout: Option<Arc<Layout>>,
    bound: Vec<Option<Bound>>,
    /// Dimensions seen lately, by address: facts share them.
    seen: Vec<Option<Seen>>,
    /// Dimensions that were not at hand since `seen` was last made larger.
    missed: usize,
    /// What each source takes of the fact that is being added, where it takes any.
    taken: Vec<i128>,
}

/// This delta's table of one of the layout's, and the row in it that was met last: the tests of one contact differ in their
/// rule, and most tables do not look at that.
#[derive(Debug, Clone)]
struct Bound {
    table: u32,
    last: Option<(RowKey, u32)>,
}

/// Dimensions seen lately. Holding them keeps their address their own.
#[derive(Debug, Clone)]
struct Seen {
    dims: Arc<Dims>,
    /// The number of each value.
    numbers: [u32; DIMENSIONS],
    /// The kind and the day of the fact seen last with them, and its row in each table, if known: facts of an agent's day come
    /// one after another.
    last: Option<(FactKind, i32)>,
    rows: [u32; REMEMBERED_ROWS],
}

impl Delta {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets every change, and keeps the room.
    pub fn clear(&mut self) {
        self.names.numbers.clear();
        self.names.strings.clear();
        self.tables.clear();
        self.rows.clear();
        self.layout = None;
        self.bound.clear();
        self.seen.fill_with(|| None);
        self.missed = 0;
    }

    /// Adds one signed fact to every cell that counts it.
    pub fn add(&mut self, catalogue: &Catalogue, fact: &Fact) {
        let layout = catalogue.layout();
        if !self.layout.as_ref().is_some_and(|bound| Arc::ptr_eq(bound, layout)) {
            self.bound = vec![None; layout.tables()];
            self.layout = Some(Arc::clone(layout));
        }
        // No question reaches a day that no date names.
        let Some(kind) = layout.kind(fact.kind).filter(|_| CALENDAR.contains(&fact.day)) else { return };
        self.taken.resize(MAX_COLUMNS, 0);
        let mut taken = 0_u64;
        for place in bits(kind.of_state(fact.dims.state.as_deref())) {
            if let (Some(slot), Some(source)) = (self.taken.get_mut(place), kind.sources.get(place))
                && let Some(sum) = source.take(fact)
            {
                *slot = sum;
                taken |= bit(place);
            }
        }
        if taken == 0 {
            return;
        }
        let slot = self.slot(&fact.dims);
        if let Some(Some(seen)) = self.seen.get_mut(slot)
            && seen.last != Some((fact.kind, fact.day))
        {
            seen.last = Some((fact.kind, fact.day));
            seen.rows = [Rows::NONE; REMEMBERED_ROWS];
        }
        // What is computed of a fact's own numbers is another with each fact.
        let computed = kind.by_itself.then(|| self.computed(slot, kind.computed, fact));
        let facts = i64::from(fact.sign).wrapping_mul(fact.count);
        for (place, table) in kind.tables.iter().enumerate() {
            let sources = table.sources & taken;
            if sources == 0 {
                continue;
            }
            let Some(day) = table.on.of(fact) else { continue };
            let row = match &computed {
                Some(numbers) if table.by_itself => self.row_by(numbers, table, day),
                _ => self.row_of(slot, place, table, day),
            };
            for source in bits(sources) {
                if let (Some(sum), Some(column)) = (self.taken.get(source), table.columns.get(source)) {
                    self.rows.add(row, usize::from(*column), Cell { sum: *sum, facts });
                }
            }
        }
    }

    /// The row for the dimensions of a slot.
    fn row_of(&mut self, slot: usize, place: usize, table: &TableLayout, day: i32) -> u32 {
        let Some(Some(seen)) = self.seen.get(slot) else { return Rows::NONE };
        if let Some(row) = seen.rows.get(place).filter(|row| **row != Rows::NONE) {
            return *row;
        }
        let numbers = seen.numbers;
        let row = self.row_by(&numbers, table, day);
        if let Some(Some(seen)) = self.seen.get_mut(slot)
            && let Some(known) = seen.rows.get_mut(place)
        {
            *known = row;
        }
        row
    }

    /// The row of these values.
    fn row_by(&mut self, numbers: &[u32; DIMENSIONS], table: &TableLayout, day: i32) -> u32 {
        let mut key = [0; MAX_WIDTH];
        for (number, dimension) in key.iter_mut().zip(&table.dims) {
            *number = numbers.get(dimension.index()).copied().unwrap_or(0);
        }
        let number = match self.bound.get(table.id) {
            Some(Some(Bound { last: Some((last, row)), .. })) if last.key == key && last.day == day => return *row,
            Some(Some(Bound { table, .. })) => *table,
            _ => self.table(table.dims.len(), &table.series),
        };
        let key = RowKey { table: number, day, key };
        let row = self.rows.of(key);
        if let Some(bound) = self.bound.get_mut(table.id) {
            *bound = Some(Bound { table: number, last: Some((key, row)) });
        }
        row
    }

    /// The numbers of a slot's values, and of those that are computed of the fact.
    fn computed(&mut self, slot: usize, wanted: DimSet, fact: &Fact) -> [u32; DIMENSIONS] {
        let exact = self.layout.as_ref().is_some_and(|layout| layout.exact);
        let known = self.seen.get(slot).and_then(Option::as_ref);
        let mut numbers = known.map_or([0; DIMENSIONS], |seen| seen.numbers);
        for dimension in wanted.iter() {
            let text = if exact { dimension.computed_exactly(fact) } else { dimension.computed(fact) };
            if let (Some(text), Some(number)) = (text, numbers.get_mut(dimension.index())) {
                *number = self.names.number(&text);
            }
        }
        numbers
    }

    /// The place in `seen` of dimensions, with the numbers of all their values.
    fn slot(&mut self, dims: &Arc<Dims>) -> usize {
        if self.seen.is_empty() || (self.missed > self.seen.len() && self.seen.len() < SEEN_AT_MOST) {
            let more = (self.seen.len() * 4).clamp(SEEN, SEEN_AT_MOST);
            let before = std::mem::replace(&mut self.seen, vec![None; more]);
            for seen in before.into_iter().flatten() {
                let slot = self.slot_of(&seen.dims);
                if let Some(place) = self.seen.get_mut(slot) {
                    *place = Some(seen);
                }
            }
            self.missed = 0;
        }
        let slot = self.slot_of(dims);
        if let Some(Some(seen)) = self.seen.get(slot)
            && Arc::ptr_eq(&seen.dims, dims)
        {
            return slot;
        }
        self.missed += 1;
        let mut numbers = [0; DIMENSIONS];
        for (number, dimension) in numbers.iter_mut().zip(Dimension::ALL) {
            if let Some(text) = dimension.of(dims) {
                *number = self.names.number(text);
            }
        }
        if let Some(place) = self.seen.get_mut(slot) {
            let dims = Arc::clone(dims);
            *place = Some(Seen { dims, numbers, last: None, rows: [Rows::NONE; REMEMBERED_ROWS] });
        }
        slot
    }

    fn slot_of(&self, dims: &Arc<Dims>) -> usize {
        let address = Arc::as_ptr(dims) as usize;
        (address >> 4).wrapping_mul(0x9E37_79B9) >> 7 & (self.seen.len() - 1)
    }

    /// This delta's table of the given columns.
    pub(super) fn table(&mut self, width: usize, series: &Arc<[u32]>) -> u32 {
        let found = self.tables.iter().position(|table| table.width == width && table.series == *series);
        let place = found.unwrap_or_else(|| {
            self.tables.push(Table { width, series: Arc::clone(series) });
            self.tables.len() - 1
        });
        place as u32
    }

    /// Adds to cells of a row, by their columns.
    pub(super) fn add_to(&mut self, key: RowKey, changes: impl IntoIterator<Item = (usize, Cell)>) {
        let row = self.rows.of(key);
        changes.into_iter().for_each(|(column, add)| self.rows.add(row, column, add));
    }

    /// Bytes in memory, about: what the tables hold, and the room that their form takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // A name is held in its own piece, in the list and in the table of numbers.
        let name = |text: &Arc<str>| text.len() + 64;
        let names: usize = self.names.strings.iter().map(name).sum();
        size_of::<Self>() + names + self.rows.bytes() + self.seen.len() * size_of::<Option<Seen>>()
    }

    /// Whether nothing is left of any fact.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.filled().next().is_none()
    }

    /// Adds another delta.
    pub fn merge(&mut self, other: &Self) {
        let mut numbers = vec![0_u32];
        numbers.extend(other.names.strings.iter().map(|text| self.names.number(text)));
        let tables: Vec<u32> = other.tables.iter().map(|table| self.table(table.width, &table.series)).collect();
        for (row, cells) in other.filled_rows() {
            let mut key = [0; MAX_WIDTH];
            for (to, from) in key.iter_mut().zip(&row.key) {
                *to = numbers.get(*from as usize).copied().unwrap_or(0);
            }
            let Some(table) = tables.get(row.table as usize) else { continue };
            let changes = cells.iter().map(|(column, cell)| (column, *cell));
            self.add_to(RowKey { table: *table, day: row.day, key }, changes);
        }
    }

    /// The delta that takes this one back.
    #[must_use]
    pub fn negated(&self) -> Self {
        let mut negative = self.clone();
        negative.rows.negate();
        negative
    }

    /// Rows that have any cell left.
    pub(super) fn filled_rows(&self) -> impl Iterator<Item = (&RowKey, Filled<'_>)> {
        self.rows.filled()
    }

    /// The change as blocks by day and by month, in the order of their keys. Add each into the stored block of its key.
    #[must_use]
    pub fn blocks(&self) -> Vec<(BlockKey, Block)> {
        self.blocks_where(|_| true)
    }

    /// The blocks whose key is wanted: what a query needs of changes that are not yet in the stored blocks.
    #[must_use]
    pub fn blocks_where(&self, wanted: impl Fn(&BlockKey) -> bool) -> Vec<(BlockKey, Block)> {
        let mut found: BTreeMap<BlockKey, (usize, Vec<(Key, Cell)>)> = BTreeMap::new();
        let mut names = Cow::Borrowed(&self.names);
        let coarse = self.names.strings.iter().any(|text| since::read(text).is_some());
        let coarse = coarse.then(|| since::by_month(names.to_mut()));
        let in_month = |key: Key| match &coarse {
            Some(numbers) => key.map(|number| numbers.get(number as usize).copied().unwrap_or(number)),
            None => key,
        };
        let mut months: HashMap<i32, i32> = HashMap::new();
        for (row, cells) in self.filled_rows() {
            let Some(table) = self.tables.get(row.table as usize) else { continue };
            let month = *months.entry(row.day).or_insert_with(|| since::month_of(row.day));
            let of_series = |(column, cell)| Some((table.series.get(column)?, cell));
            for (series, cell) in cells.iter().filter_map(of_series) {
                for (grain, period) in [(CellGrain::Day, row.day), (CellGrain::Month, month)] {
                    let key = BlockKey { series: *series, grain, period };
                    if wanted(&key) {
                        let tuple = if grain == CellGrain::Month { in_month(row.key) } else { row.key };
                        found.entry(key).or_insert_with(|| (table.width, Vec::new())).1.push((tuple, *cell));
                    }
                }
            }
        }
        let names = &names.strings;
        let blocks = found.into_iter().map(|(key, (width, rows))| (key, Block::build(width, names, rows.into_iter())));
        blocks.filter(|(_, block)| !block.is_empty()).collect()
    }
}

/// Two deltas are equal if they change the same cells by the same sums.
impl PartialEq for Delta {
    fn eq(&self, other: &Self) -> bool {
        self.blocks() == other.blocks()
    }
}
