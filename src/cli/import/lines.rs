//! On which line of a file a record stands, and whether a quotation mark was still open at its end.
//!
//! The CSV reader tells how many bytes it has taken, and neither how many line ends those were where lines end with CR LF or
//! are empty, nor that a file ended inside a quoted field. So line ends are noted on their way to it, and one record more than
//! the file has is put behind it: if that is not read as a record of its own, an open quotation mark has taken it.

use std::collections::VecDeque;
use std::io::{self, Read};

/// What is put behind the file.
const TAIL: &[u8] = b"\nx";

/// Bytes on their way to the CSV reader.
pub(super) struct Lines<R> {
    input: R,
    /// Bytes handed on, without the tail.
    handed: u64,
    /// How much of the tail has been handed on, once the file has ended.
    tail: Option<usize>,
    /// Places of line ends that are not counted yet.
    ends: VecDeque<u64>,
    /// Line ends that are.
    counted: u64,
}

/// A record that an open quotation mark has ended the file with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenQuote {
    /// Line on which the record begins.
    pub line: u64,
    /// Line on which the quotation mark opens.
    pub opens: u64,
    /// Lines from the record's first to the file's last that is not empty.
    pub lines: u64,
}

impl<R> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, handed: 0, tail: None, ends: VecDeque::new(), counted: 0 }
    }

    /// Line of the last character before `byte`, which no later question is before.
    fn line_before(&mut self, byte: u64) -> u64 {
        while self.ends.front().is_some_and(|end| *end < byte) {
            self.ends.pop_front();
            self.counted += 1;
        }
        self.counted + 1
    }

    /// Line on which a record begins that ends with its line end before `byte`.
    pub(super) fn line_of(&mut self, record: &csv::ByteRecord, byte: u64) -> u64 {
        self.line_before(byte.saturating_sub(1)).saturating_sub(line_ends(record.as_slice()))
    }

    /// Whether what the reader has taken up to `byte` reaches into the tail.
    pub(super) fn is_past_end(&self, byte: u64) -> bool {
        self.tail.is_some() && byte > self.handed + 1
    }

    /// The open quotation mark of a record that reaches into the tail; `None` if the record is the tail alone.
    pub(super) fn open_quote(&mut self, record: &csv::ByteRecord) -> Option<OpenQuote> {
        let last = record.get(record.len().checked_sub(1)?)?;
        let text = last.strip_suffix(TAIL)?;
        let opens = self.line_before(u64::MAX).saturating_sub(line_ends(last));
        let before: u64 = record.iter().take(record.len() - 1).map(line_ends).sum();
        let lines = before + line_ends(text.trim_ascii_end()) + 1;
        Some(OpenQuote { line: opens.saturating_sub(before), opens, lines })
    }
}

/// Lines that a record takes.
pub(super) fn taken(record: &csv::ByteRecord) -> u64 {
    line_ends(record.as_slice()) + 1
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let handed_before = self.handed + self.tail.unwrap_or(0) as u64;
        let count = match self.tail {
            None => self.input.read(buffer)?,
            Some(_) => 0,
        };
        let count = if count > 0 {
            self.handed += count as u64;
            count
        } else {
            let from = self.tail.unwrap_or(0);
            let count = TAIL.get(from..).unwrap_or_default().read(buffer)?;
            self.tail = Some(from + count);
            count
        };
        let taken = buffer.get(..count).unwrap_or_default();
        let places = taken.iter().zip(handed_before..).filter(|(byte, _)| **byte == b'\n');
        self.ends.extend(places.map(|(_, place)| place));
        Ok(count)
    }
}
