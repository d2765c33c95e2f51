//! The CSV file as rows: plain or gzip, read once from front to back.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;

use super::engine::Row;
use super::mapping::Mapping;

/// Longest row that is taken, in bytes: an unclosed quote swallows the rest of a file into one row.
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
    /// The header lacks columns.
    #[error("the header lacks {0}: the mapping reads these columns")]
    MissingColumns(String),
    /// A column stands twice.
    #[error("the header has the column {0} twice: rename one")]
    TwiceColumn(String),
    /// The header has a column that the mapping does not know.
    #[error("the mapping says nothing of the column {0}: read it, or list it under [source.unused] with the reason")]
    UnknownColumn(String),
}

/// Reads rows.
pub struct Source<R> {
    reader: csv::Reader<R>,
    header: HashMap<String, usize>,
    width: usize,
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
    /// A column is missing, doubled or unknown.
    pub fn new(input: R, mapping: &Mapping) -> Result<Self, SourceError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
        let mut header = HashMap::new();
        let titles = reader.headers().map_err(|error| SourceError::Io { path: String::new(), error: error.into() })?;
        let width = titles.len();
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
        Ok(Self { reader, header, width })
    }

    /// Hands every row to `take` with its line; a row that cannot be read comes with why instead. Ends early if `take`
    /// answers false.
    ///
    /// # Errors
    /// The file broke off (a truncated gzip, a failing disk): what was read so far has been handed over.
    pub fn each(mut self, mut take: impl FnMut(u64, Result<CsvRow, String>) -> bool) -> std::io::Result<()> {
        let mut record = StringRecord::new();
        loop {
            let line = self.reader.position().line();
            let more = match self.reader.read_record(&mut record) {
                Ok(false) => return Ok(()),
                Ok(true) if record.as_slice().len() > MAX_ROW_BYTES => {
                    take(line, Err(format!("the row is longer than {MAX_ROW_BYTES} bytes")))
                }
                Ok(true) if record.len() != self.width => {
                    take(line, Err(format!("the row has {} columns, the header {}", record.len(), self.width)))
                }
                Ok(true) => take(line, Ok(CsvRow { header: &self.header, record: &record })),
                Err(error) => match error.into_kind() {
                    csv::ErrorKind::Io(error) => return Err(error),
                    csv::ErrorKind::Utf8 { err, .. } => take(line, Err(format!("the row is not UTF-8: {err}"))),
                    _ => take(line, Err("the row is no CSV".to_owned())),
                },
            };
            if !more {
                return Ok(());
            }
        }
    }
}
