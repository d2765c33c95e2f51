//! The stored form of a delta: one string table, then each table's rows with keys once and only the cells that changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::block::Cell;
use super::delta::{Delta, Key, RowKey};
use super::delta_rows::{Filled, bits};
use super::dimension::MAX_WIDTH;
use super::layout::MAX_COLUMNS;
use super::strings::Strings;
use super::varint::{DecodeError, Input, VERSION, put, put_len, put_signed};
use crate::domain::time::CALENDAR;

/// A row to be written: day, tuple, cells.
type Packed<'a> = (i32, Key, Filled<'a>);

impl Delta {
    /// The packed form that a commit stores. Deltas of equal content under one catalogue have equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut used = vec![false; self.names.strings.len() + 1];
        let mut tables: BTreeMap<(&[u32], usize), Vec<Packed<'_>>> = BTreeMap::new();
        for (row, cells) in self.filled_rows() {
            let Some(table) = self.tables.get(row.table as usize) else { continue };
            for number in &row.key {
                if let Some(mark) = used.get_mut(*number as usize) {
                    *mark = true;
                }
            }
            tables.entry((&table.series, table.width)).or_default().push((row.day, row.key, cells));
        }
        let mut sorted: Vec<u32> = (1..used.len() as u32).filter(|n| used.get(*n as usize) == Some(&true)).collect();
        sorted.sort_unstable_by_key(|number| self.names.text(*number));
        let mut place = vec![0_u32; used.len()];
        let mut out = vec![VERSION];
        let mut strings = Strings::new();
        for (index, number) in sorted.iter().enumerate() {
            if let Some(slot) = place.get_mut(*number as usize) {
                *slot = index as u32 + 1;
            }
            strings.push(self.names.text(*number).map_or("", AsRef::as_ref));
        }
        strings.encode(&mut out);
        put_len(&mut out, tables.len());
        for ((series, width), mut rows) in tables {
            for (_, key, _) in &mut rows {
                for number in key.iter_mut() {
                    *number = place.get(*number as usize).copied().unwrap_or(0);
                }
            }
            rows.sort_unstable_by_key(|(day, key, _)| (*day, *key));
            put_len(&mut out, width);
            put_len(&mut out, series.len());
            for number in series {
                out.extend_from_slice(&number.to_le_bytes());
            }
            put_len(&mut out, rows.len());
            let mut last = 0;
            for (day, key, cells) in rows {
                put_signed(&mut out, i128::from(day) - i128::from(last));
                last = day;
                for number in key.iter().take(width) {
                    put(&mut out, u128::from(*number));
                }
                put_cells(&mut out, cells);
            }
        }
        out
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// If the bytes are not what [`Delta::encode`] writes: damaged, cut off, or of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes)?;
        let mut delta = Self::new();
        for text in Strings::decode(&mut input)?.iter() {
            delta.names.number(text);
        }
        let strings = delta.names.strings.len();
        let tables = input.count(3)?;
        for _ in 0..tables {
            let width = input.small()? as usize;
            let columns = input.count(4)?;
            if width > MAX_WIDTH || columns == 0 || columns > MAX_COLUMNS {
                return Err(DecodeError::Invalid("table shape"));
            }
            let mut series = Vec::with_capacity(columns);
            for _ in 0..columns {
                series.push(u32::from_le_bytes([input.byte()?, input.byte()?, input.byte()?, input.byte()?]));
            }
            let table = delta.table(width, &Arc::from(series));
            let mut day = 0_i64;
            for _ in 0..input.count(width + 2)? {
                day = day.wrapping_add(input.signed64()?);
                let day = i32::try_from(day).map_err(|_| DecodeError::Invalid("day"))?;
                let mut key = [0; MAX_WIDTH];
                for number in key.iter_mut().take(width) {
                    *number = input.small()?;
                    if *number as usize > strings {
                        return Err(DecodeError::Invalid("tuple value"));
                    }
                }
                let cells = read_cells(&mut input, columns)?;
                // Earlier programs stored days behind the calendar's end, of which nothing is told.
                if CALENDAR.contains(&day) {
                    delta.add_to(RowKey { table, day, key }, cells);
                }
            }
        }
        input.end()?;
        Ok(delta)
    }
}

fn put_cells(out: &mut Vec<u8>, cells: Filled<'_>) {
    put(out, u128::from(cells.mask));
    for (_, cell) in cells.iter() {
        put_signed(out, cell.sum);
        put_signed(out, i128::from(cell.facts));
    }
}

fn read_cells(input: &mut Input<'_>, columns: usize) -> Result<Vec<(usize, Cell)>, DecodeError> {
    let mask = u64::try_from(input.number()?).ok().filter(|mask| u128::from(*mask) >> columns == 0);
    let mask = mask.ok_or(DecodeError::Invalid("column mask"))?;
    bits(mask).map(|column| Ok((column, Cell { sum: input.signed()?, facts: input.signed64()? }))).collect()
}
