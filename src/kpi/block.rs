//! A block: every non-zero cell of one series in one day or month, sorted by tuple, compact in memory and stored.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::dimension::MAX_WIDTH;
use super::strings::Strings;
use super::varint::{DecodeError, Input, VERSION, put, put_len, put_signed};
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// The spans that cells are kept for. Weeks, quarters and years are added up from these.
    CellGrain { Day = "day", Month = "month" }
);

impl CellGrain {
    /// The number that stands for the grain in stored keys.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::Day => 0,
            Self::Month => 1,
        }
    }

    /// The grain of a stored number.
    #[must_use]
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Day),
            1 => Some(Self::Month),
            _ => None,
        }
    }
}

/// Where a block is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockKey {
    /// Measure and dimension set, as [`super::Catalogue`] numbers them: the same number as long as neither changes.
    pub series: u32,
    /// Day or month.
    pub grain: CellGrain,
    /// Day number of the period's first day in the market's zone.
    pub period: i32,
}

/// One cell: a sum and the size of its sample. Both are sums of signed facts, so that a void takes back both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// Count, minor units, or minor units times days. Facts hold 64-bit amounts and 32-bit days, so 2^32 of them fit.
    pub sum: i128,
    /// How many facts, or how many things the facts count: the sample behind an amount.
    pub facts: i64,
}

impl Cell {
    /// Whether nothing is left of any fact.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.sum == 0 && self.facts == 0
    }

    /// Adds another cell. Wraps, which no sum of facts reaches and damage must not turn into a panic.
    pub const fn add(&mut self, other: Self) {
        self.sum = self.sum.wrapping_add(other.sum);
        self.facts = self.facts.wrapping_add(other.facts);
    }
}

/// The cells of one series in one period. Two blocks of equal content are equal and have equal bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    width: usize,
    /// Sorted and distinct; a key names a string by its place here plus one, and 0 means that the fact had none.
    strings: Strings,
    /// `width` keys a row, rows in ascending order.
    keys: Vec<u32>,
    cells: Vec<Cell>,
}

impl Block {
    /// A block without cells for tuples of `width` values.
    #[must_use]
    pub const fn empty(width: usize) -> Self {
        Self { width, strings: Strings::new(), keys: Vec::new(), cells: Vec::new() }
    }

    /// Makes a block of rows whose values are numbers into `names` (0: none; else place plus one). Rows may come in
    /// any order and repeat a tuple; zero sums vanish.
    pub(crate) fn build(
        width: usize,
        names: &[Arc<str>],
        rows: impl Iterator<Item = ([u32; MAX_WIDTH], Cell)>,
    ) -> Self {
        let mut rows: Vec<([u32; MAX_WIDTH], Cell)> = rows.collect();
        let name = |id: u32| id.checked_sub(1).and_then(|place| names.get(place as usize));
        let mut used: Vec<u32> =
            rows.iter().flat_map(|(key, _)| key.iter().take(width).copied()).filter(|id| *id > 0).collect();
        used.sort_unstable();
        used.dedup();
        used.sort_by(|a, b| name(*a).cmp(&name(*b)));
        let mut rank: std::collections::HashMap<u32, u32> = std::collections::HashMap::with_capacity(used.len());
        rank.insert(0, 0);
        for (place, id) in used.iter().enumerate() {
            rank.insert(*id, place as u32 + 1);
        }
        for (key, _) in &mut rows {
            for value in key.iter_mut().take(width) {
                *value = rank.get(value).copied().unwrap_or(0);
            }
        }
        rows.sort_unstable_by_key(|row| row.0);
        let mut block = Self::empty(width);
        for text in used.iter().filter_map(|id| name(*id)) {
            block.strings.push(text);
        }
        for (key, cell) in rows {
            block.push(&key, cell);
        }
        block.tidy();
        block
    }

    /// Appends a row whose key is not below the last one's.
    fn push(&mut self, key: &[u32], cell: Cell) {
        let key = key.get(..self.width).unwrap_or(key);
        let last = self.keys.len().checked_sub(self.width).and_then(|start| self.keys.get(start..));
        match self.cells.last_mut() {
            Some(found) if last == Some(key) => found.add(cell),
            _ => {
                self.keys.extend_from_slice(key);
                self.cells.push(cell);
            }
        }
    }

    /// Drops zero cells, and the strings that no cell names any more.
    fn tidy(&mut self) {
        let width = self.width;
        if self.cells.iter().any(|cell| cell.is_zero()) {
            let mut kept = Self::empty(width);
            for (key, cell) in self.rows().filter(|(_, cell)| !cell.is_zero()) {
                kept.keys.extend_from_slice(key);
                kept.cells.push(cell);
            }
            self.keys = kept.keys;
            self.cells = kept.cells;
        }
        let mut used = vec![false; self.strings.len() + 1];
        for key in &self.keys {
            if let Some(mark) = used.get_mut(*key as usize) {
                *mark = true;
            }
        }
        if used.iter().skip(1).all(|mark| *mark) {
            return;
        }
        let mut renumbered = vec![0_u32; used.len()];
        let mut next = 0_u32;
        for (place, mark) in used.iter().enumerate().skip(1) {
            if *mark {
                next += 1;
                if let Some(number) = renumbered.get_mut(place) {
                    *number = next;
                }
            }
        }
        for key in &mut self.keys {
            *key = renumbered.get(*key as usize).copied().unwrap_or(0);
        }
        let mut kept = Strings::new();
        for (string, _) in self.strings.iter().zip(used.iter().skip(1)).filter(|(_, mark)| **mark) {
            kept.push(string);
        }
        self.strings = kept;
    }

    /// How many values a tuple has.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// How many cells are kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether every cell is zero. Such a block need not be stored.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Bytes in memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(self.keys.as_slice())
            + size_of_val(self.cells.as_slice())
            + self.strings.bytes()
    }

    /// The names that keys point into: key `k` is the string at `k - 1`, and 0 is no value.
    #[must_use]
    pub const fn strings(&self) -> &Strings {
        &self.strings
    }

    /// Every cell with its key, in ascending order of tuples; no value sorts first.
    pub fn rows(&self) -> impl Iterator<Item = (&[u32], Cell)> {
        let width = self.width;
        self.cells
            .iter()
            .enumerate()
            .map(move |(row, cell)| (self.keys.get(row * width..(row + 1) * width).unwrap_or_default(), *cell))
    }

    /// The value that a key stands for.
    #[must_use]
    pub fn value(&self, key: u32) -> Option<&str> {
        key.checked_sub(1).and_then(|place| self.strings.get(place as usize))
    }

    /// Every cell with its tuple in words: for tests and drill-down.
    pub fn tuples(&self) -> impl Iterator<Item = (Vec<Option<&str>>, Cell)> {
        self.rows().map(|(key, cell)| (key.iter().map(|k| self.value(*k)).collect(), cell))
    }

    /// Adds the cells of another block of the same series and period. Cells that become zero vanish.
    ///
    /// # Errors
    /// If the tuples have another length: the blocks are not of one series.
    pub fn merge(&mut self, other: &Self) -> Result<(), DecodeError> {
        if other.is_empty() {
            return Ok(());
        }
        if self.is_empty() {
            *self = other.clone();
            return Ok(());
        }
        if self.width != other.width {
            return Err(DecodeError::Invalid("tuple width"));
        }
        let (strings, mine, theirs) = self.strings.union(&other.strings);
        let map = |map: &[u32], key: &[u32]| -> [u32; MAX_WIDTH] {
            let mut mapped = [0; MAX_WIDTH];
            for (to, from) in mapped.iter_mut().zip(key) {
                *to = map.get(*from as usize).copied().unwrap_or(0);
            }
            mapped
        };
        let mut merged = Self { width: self.width, strings, keys: Vec::new(), cells: Vec::new() };
        merged.keys.reserve(self.keys.len() + other.keys.len());
        let mut left = self.rows().map(|(key, cell)| (map(&mine, key), cell)).peekable();
        let mut right = other.rows().map(|(key, cell)| (map(&theirs, key), cell)).peekable();
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a.0 <= b.0 => left.next(),
                (_, Some(_)) => right.next(),
                (Some(_), None) => left.next(),
                (None, None) => None,
            };
            let Some((key, cell)) = next else { break };
            merged.push(&key, cell);
        }
        drop((left, right));
        merged.tidy();
        *self = merged;
        Ok(())
    }

    /// The stored form: version, width, strings, rows.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.strings.len() * 10 + self.cells.len() * (self.width + 6));
        out.push(VERSION);
        put_len(&mut out, self.width);
        self.strings.encode(&mut out);
        put_len(&mut out, self.cells.len());
        for (key, cell) in self.rows() {
            for value in key {
                put(&mut out, u128::from(*value));
            }
            put_signed(&mut out, cell.sum);
            put_signed(&mut out, i128::from(cell.facts));
        }
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// If the bytes are not what [`Block::encode`] writes: damaged, cut off, out of order or of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes)?;
        let width = input.small()? as usize;
        if width > MAX_WIDTH {
            return Err(DecodeError::Invalid("tuple width"));
        }
        let mut block = Self::empty(width);
        block.strings = Strings::decode(&mut input)?;
        let rows = input.count(width + 2)?;
        block.keys.reserve(rows * width);
        block.cells.reserve(rows);
        for _ in 0..rows {
            let start = block.keys.len();
            for _ in 0..width {
                let key = input.small()?;
                if key as usize > block.strings.len() {
                    return Err(DecodeError::Invalid("tuple value"));
                }
                block.keys.push(key);
            }
            let (before, this) = block.keys.split_at_checked(start).ok_or(DecodeError::Truncated)?;
            let last = before.len().checked_sub(width).and_then(|from| before.get(from..));
            if !block.cells.is_empty() && last.is_none_or(|last| last.cmp(this) != Ordering::Less) {
                return Err(DecodeError::Invalid("order of tuples"));
            }
            block.cells.push(Cell { sum: input.signed()?, facts: input.signed64()? });
        }
        input.end()?;
        Ok(block)
    }
}
