//! The CSV file as rows: plain or gzip, read once from front to back.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use csv::{ByteRecord, StringRecord};
use flate2::bufread::MultiGzDecoder;

use super::engine::Row;
use super::lines::{Lines, OpenQuote, taken};
use super::mapping::Mapping;

/// Longest row that is taken, in bytes: a quotation mark that is closed late swallows many lines into one row.
const MAX_ROW_BYTES: usize = 64 * 1024;

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file is not there, or not readable.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is no header.
    #[error("the file is empty: its first line must name the columns")]
    Empty,
    /// The header is no UTF-8: in UTF-16 the second byte of most letters is zero.
    #[error("the header is not UTF-8, but perhaps {encoding}: write the file as UTF-8 (iconv -f {encoding} -t UTF-8)")]
    NotUtf8 {
        /// What it seems to be.
        encoding: &'static str,
    },
    /// The header is one column that holds another delimiter.
    #[error(
        "the header is one column, in which {0:?} stands between names: fields are told apart by commas, so write the file with commas"
    )]
    Delimiter(char),
    /// The header does not end.
    #[error(
        "the quotation mark that opens on line {opens}, in the header, is not closed by the end of the file, {lines} lines on: \
         close it, or remove it"
    )]
    OpenHeader {
        /// Line on which it opens.
        opens: u64,
        /// Lines from there to the end.
        lines: u64,
    },
    /// The header lacks columns.
    #[error(
        "the header lacks {0}: the mapping reads these columns; add them, or name in the mapping what the file calls them"
    )]
    MissingColumns(String),
    /// A column stands twice.
    #[error("the header has the column {0} twice: rename one")]
    TwiceColumn(String),
    /// The header has a column that the mapping does not know.
    #[error("the mapping says nothing of the column {0}: read it, or list it under [source.unused] with the reason")]
    UnknownColumn(String),
}

/// Why a row cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Lines that it takes: several where a quotation mark holds them together.
    pub lines: u64,
    /// What was seen, with what to do about it.
    pub seen: String,
}

/// Reads rows.
pub struct Source<R> {
    reader: csv::Reader<Lines<R>>,
    header: HashMap<String, usize>,
    width: usize,
    /// The column of the event, and the events that the mapping names.
    event: (usize, HashSet<String>),
}

/// A row, with its columns by name.
pub struct CsvRow<'s> {
    header: &'s HashMap<String, usize>,
    record: &'s StringRecord,
}

impl Row for CsvRow<'_> {
    fn column(&self, name: &str) -> &str {
        self.header.get(name).and_then(|index| self.record.get(*index)).unwrap_or_default().trim()
    }
}

/// Opens a CSV file, unpacking it if it begins as gzip does. `wrap` sees the packed bytes (for a progress bar).
///
/// # Errors
/// The file cannot be opened, or its header does not fit the mapping.
pub fn open<W: Read + Send + 'static>(
    path: &Path,
    mapping: &Mapping,
    wrap: impl FnOnce(File, u64) -> W,
) -> Result<Source<Box<dyn Read + Send>>, SourceError> {
    let io = |error| SourceError::Io { path: path.display().to_string(), error };
    let mut file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut magic = Vec::new();
    file.by_ref().take(2).read_to_end(&mut magic).map_err(io)?;
    file.rewind().map_err(io)?;
    let packed = BufReader::with_capacity(1 << 16, wrap(file, length));
    let reader: Box<dyn Read + Send> =
        if magic == [0x1f, 0x8b] { Box::new(MultiGzDecoder::new(packed)) } else { Box::new(packed) };
    Source::new(reader, mapping).map_err(|error| match error {
        SourceError::Io { error, .. } => io(error),
        other => other,
    })
}

impl<R: Read> Source<R> {
    /// Reads the header and compares it with what the mapping reads.
    ///
    /// # Errors
    /// There is no header, it does not end, or a column is missing, doubled or unknown.
    pub fn new(input: R, mapping: &Mapping) -> Result<Self, SourceError> {
        let io = |error: csv::Error| SourceError::Io { path: String::new(), error: error.into() };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(Lines::new(input));
        let first = reader.byte_headers().map_err(io)?.clone();
        let end = reader.position().byte();
        if reader.get_ref().is_past_end(end) {
            return Err(match reader.get_mut().open_quote(&first) {
                Some(OpenQuote { line, opens, lines }) => {
                    SourceError::OpenHeader { opens, lines: lines.saturating_sub(opens.saturating_sub(line)) }
                }
                None => SourceError::Empty,
            });
        }
        if first.iter().any(|title| std::str::from_utf8(title).is_err() || title.contains(&0)) {
            let marked = |mark: [u8; 2]| first.get(0).is_some_and(|title| title.starts_with(&mark));
            let wide = first.iter().any(|title| title.contains(&0)) || marked([0xff, 0xfe]) || marked([0xfe, 0xff]);
            return Err(SourceError::NotUtf8 { encoding: if wide { "UTF-16" } else { "LATIN1" } });
        }
        let mut header = HashMap::new();
        let titles = reader.headers().map_err(io)?;
        let width = titles.len();
        if let (1, Some(title)) = (width, titles.get(0))
            && let Some(delimiter) = title.chars().find(|c| [';', '\t', '|'].contains(c))
        {
            return Err(SourceError::Delimiter(delimiter));
        }
        for (index, title) in titles.iter().enumerate() {
            let title = title.trim().trim_start_matches('\u{feff}');
            if header.insert(title.to_owned(), index).is_some() {
                return Err(SourceError::TwiceColumn(title.to_owned()));
            }
        }
        let wanted = mapping.columns();
        let missing: Vec<&str> = wanted.iter().filter(|name| !header.contains_key(*name)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(SourceError::MissingColumns(missing.join(", ")));
        }
        let unknown = header.keys().filter(|name| !wanted.contains(*name)).min();
        if let Some(unknown) = unknown {
            return Err(SourceError::UnknownColumn(unknown.clone()));
        }
        let column = header.get(&mapping.event).copied().unwrap_or_default();
        let event = (column, mapping.events.keys().cloned().collect());
        Ok(Self { reader, header, width, event })
    }

    /// Hands every row to `take` with the line on which it begins; a row that cannot be read comes with why instead. Ends early
    /// if `take` answers false.
    ///
    /// # Errors
    /// The file broke off (a truncated gzip, a failing disk): what was read so far has been handed over.
    pub fn each(mut self, mut take: impl FnMut(u64, Result<CsvRow, Unreadable>) -> bool) -> std::io::Result<()> {
        let mut bytes = ByteRecord::new();
        loop {
            match self.reader.read_byte_record(&mut bytes) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            let end = self.reader.position().byte();
            if self.reader.get_ref().is_past_end(end) {
                if let Some(OpenQuote { line, opens, lines }) = self.reader.get_mut().open_quote(&bytes) {
                    let took = lines.saturating_sub(opens.saturating_sub(line));
                    let seen = format!(
                        "the quotation mark that opens on line {opens} is not closed by the end of the file and took {took} lines: \
                         close it, or double it if it belongs to the text"
                    );
                    take(line, Err(Unreadable { lines, seen }));
                }
                return Ok(());
            }
            let line = self.reader.get_mut().line_of(&bytes, end);
            let lines = taken(&bytes);
            let wrong = |what: String| {
                let held = format!("; a quotation mark holds the lines {line} to {} together", line + lines - 1);
                Unreadable { lines, seen: if lines > 1 { what + &held } else { what } }
            };
            let more = match StringRecord::from_byte_record(std::mem::take(&mut bytes)) {
                Ok(record) => {
                    let row = if record.as_slice().len() > MAX_ROW_BYTES {
                        Err(wrong(format!("the row is longer than {MAX_ROW_BYTES} bytes")))
                    } else if record.len() != self.width {
                        Err(wrong(format!("the row has {} columns, the header {}", record.len(), self.width)))
                    } else if lines > 1
                        && let Some(at) = record.iter().position(|cell| holds_row(cell, self.width, &self.event))
                    {
                        let place = at + 1;
                        let column = self.header.iter().find(|(_, index)| **index == at).map_or("", |(name, _)| name);
                        Err(wrong(format!(
                            "column {place} (\"{column}\") holds a line that looks like a row: close the quotation mark before it, or \
                             double it if it belongs to the text"
                        )))
                    } else {
                        Ok(CsvRow { header: &self.header, record: &record })
                    };
                    let more = take(line, row);
                    bytes = record.into_byte_record();
                    more
                }
                Err(error) => take(line, Err(wrong(format!("the row is not UTF-8: {}", error.utf8_error())))),
            };
            if !more {
                return Ok(());
            }
        }
    }
}

/// Whether a line of a cell, behind its first, has as many columns as a row and an event of the mapping in its place: a quotation mark
/// that is not closed takes rows in until the next one.
fn holds_row(cell: &str, width: usize, (column, events): &(usize, HashSet<String>)) -> bool {
    cell.lines().skip(1).any(|line| {
        let mut parts = line.split(',').skip(*column);
        parts.next().is_some_and(|event| events.contains(event.trim().trim_matches('"')))
            && line.split(',').count() >= width
    })
}
