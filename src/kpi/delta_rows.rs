//! The rows of a change while facts are added. A row has dozens of columns and facts touch a few of them: only these take room, so
//! that a commit's thousands of rows stay near the processor.

use indexmap::IndexSet;

use super::block::Cell;
use super::delta::RowKey;
use super::hash::QuickState;
use super::layout::bit;

/// Cells that a row has room for at first.
const ROOM: u32 = 4;

/// Rows by key, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    keys: IndexSet<RowKey, QuickState>,
    places: Vec<Place>,
    /// Cells of rows, and what rows have left behind that have grown.
    cells: Vec<Cell>,
}

/// Where a row's cells are.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Columns that were touched, as bits: their cells stand one after the other.
    touched: u64,
    /// The first.
    start: u32,
    /// Cells that there is room for.
    room: u32,
}

impl Rows {
    /// No row.
    pub(super) const NONE: u32 = u32::MAX;

    /// The number of a key's row.
    pub(super) fn of(&mut self, key: RowKey) -> u32 {
        let (number, new) = self.keys.insert_full(key);
        if new {
            self.places.push(Place::default());
        }
        u32::try_from(number).unwrap_or(Self::NONE)
    }

    /// Adds to the cell of a row in a column.
    #[inline]
    pub(super) fn add(&mut self, row: u32, column: usize, add: Cell) {
        let Some(place) = self.places.get_mut(row as usize) else { return };
        let bit = bit(column);
        let before = (place.touched & bit.wrapping_sub(1)).count_ones();
        if place.touched & bit == 0 && !place.insert(before, bit, &mut self.cells) {
            return;
        }
        if let Some(cell) = self.cells.get_mut((place.start + before) as usize) {
            cell.add(add);
        }
    }

    /// Forgets all of them, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
        self.cells.clear();
    }

    /// Makes every cell its negative.
    pub(super) fn negate(&mut self) {
        for cell in &mut self.cells {
            *cell = Cell { sum: cell.sum.wrapping_neg(), facts: cell.facts.wrapping_neg() };
        }
    }

    /// Bytes in memory, about: tables keep an eighth free or more.
    pub(super) fn bytes(&self) -> usize {
        let row = size_of::<RowKey>() + size_of::<Place>() + 2 * size_of::<usize>();
        self.keys.len() * row * 3 / 2 + size_of_val(self.cells.as_slice())
    }

    /// Rows that have any cell left.
    pub(super) fn filled(&self) -> impl Iterator<Item = (&RowKey, Filled<'_>)> {
        self.keys.iter().zip(&self.places).filter_map(|(key, place)| {
            let cells = self.cells.get(place.start as usize..)?;
            let left = |(column, cell): (usize, &Cell)| if cell.is_zero() { 0 } else { bit(column) };
            let mask = bits(place.touched).zip(cells).map(left).fold(0, |mask, bit| mask | bit);
            (mask != 0).then_some((key, Filled { cells, touched: place.touched, mask }))
        })
    }
}

impl Place {
    /// Makes room for the cell of a column behind the first `before`; false if there is none.
    #[inline(never)]
    fn insert(&mut self, before: u32, bit: u64, cells: &mut Vec<Cell>) -> bool {
        let (start, count) = (self.start as usize, self.touched.count_ones());
        if count == self.room {
            // More cells than numbers for them would take a hundred gigabytes.
            let Ok(moved) = u32::try_from(cells.len()) else { return false };
            self.room = (count * 2).max(ROOM);
            cells.resize(cells.len() + self.room as usize, Cell::default());
            cells.copy_within(start..start + count as usize, moved as usize);
            self.start = moved;
        }
        let (from, to) = ((self.start + before) as usize, (self.start + count) as usize);
        cells.copy_within(from..to, from + 1);
        if let Some(cell) = cells.get_mut(from) {
            *cell = Cell::default();
        }
        self.touched |= bit;
        true
    }
}

/// What is left in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filled<'r> {
    /// From the row's first cell on.
    cells: &'r [Cell],
    touched: u64,
    /// Columns that are not zero, as bits.
    pub(super) mask: u64,
}

impl<'r> Filled<'r> {
    /// Cells that are not zero, with their columns.
    pub(super) fn iter(self) -> impl Iterator<Item = (usize, &'r Cell)> {
        bits(self.touched).zip(self.cells).filter(move |(column, _)| self.mask & bit(*column) != 0)
    }
}

/// The places of a mask's bits, lowest first.
#[inline]
pub(super) fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (mask != 0).then_some(mask.trailing_zeros() as usize);
        mask &= mask.wrapping_sub(1);
        place
    })
}
