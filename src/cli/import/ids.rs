//! The ids of what a row becomes. They follow from the row itself, so that a file that was completed or cut makes the same ids
//! again; only [`Ids::Place`] counts rows.

use std::collections::HashMap;

use super::engine::{Refused, Row};
use super::events::Event;
use super::mapping::Mapping;
use crate::domain::activity::Activity;
use crate::domain::ids::{ActivityId, CaseId, MAX_ID_BYTES, VersionId};
use crate::domain::time::Timestamp;

/// What the ids of a row's records are made of, besides the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ids {
    /// The row's place among the rows of its case: a row that is put before others gives each of them the id of another.
    Place,
    /// What the row holds in the columns that its event reads; rows that are equal there are counted.
    Content,
    /// The record's own id: the event and what these columns hold.
    Record(Vec<String>),
}

/// Longest of what stands around the key in an id: `v000001/` before it, or `/` before and `.99` behind.
const AROUND: usize = 8;

/// The names of what one row becomes.
#[derive(Debug, Clone)]
pub struct Names<'r> {
    /// The row's event.
    pub event: &'r str,
    /// Tells the row from the others of its case.
    key: String,
    /// Place before other rows of the same instant.
    order: u32,
    /// The version of the case that the row makes.
    version: String,
}

impl Names<'_> {
    /// The id of the case's version that the row makes.
    #[must_use]
    pub fn version(&self) -> VersionId {
        VersionId::trusted(&self.version)
    }

    /// The id of the row's activity number `index`.
    #[must_use]
    pub fn activity(&self, case: &CaseId, index: usize) -> ActivityId {
        ActivityId::trusted(&format!("{case}/{}.{index}", self.key))
    }

    /// Orders the row's activity number `index` among those of the same instant.
    #[must_use]
    pub fn sequence(&self, index: usize) -> i64 {
        i64::from(self.order) * 100 + i64::try_from(index).unwrap_or(99).min(99)
    }
}

/// The names of what the row that opens a case becomes. There is one such row, so the case's id is enough to know it by.
#[must_use]
pub fn opening<'r>(ids: &Ids, event: &'r str) -> Names<'r> {
    let (key, order) = if *ids == Ids::Place { ("1", 1) } else { ("open", 0) };
    Names { event, key: key.to_owned(), order, version: "v000001".to_owned() }
}

/// The rows of a case that were named so far.
#[derive(Debug)]
pub struct Seen {
    /// Number of the case's last row in the file, from 1.
    place: u32,
    /// How often each key came.
    keys: HashMap<Box<str>, u32>,
    /// How many versions each instant has, by rows in the order of the file.
    versions: HashMap<Timestamp, u32>,
    /// What records became, by the text of the one column that identifies them; kept only where the mapping names records.
    records: HashMap<Box<str>, Vec<(&'static str, ActivityId)>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { place: 1, keys: HashMap::new(), versions: HashMap::new(), records: HashMap::new() }
    }
}

impl Seen {
    /// Counts a row, also one that is refused: when it is mended it must not change the ids of those behind it.
    pub fn count(&mut self) {
        self.place = self.place.saturating_add(1);
    }

    /// The names of what the counted row becomes.
    ///
    /// # Errors
    /// The row has no record id, or one that stood in the case before.
    pub fn name<'r>(
        &mut self,
        mapping: &Mapping,
        event: &Event,
        name: &'r str,
        case: &CaseId,
        row: &impl Row,
        at: Timestamp,
    ) -> Result<Names<'r>, Refused> {
        let key = match &mapping.ids {
            Ids::Place => {
                // Padded, so that versions of the same instant are ordered as the file orders them.
                let version = format!("v{:06}", self.place);
                return Ok(Names { event: name, key: self.place.to_string(), order: self.place, version });
            }
            Ids::Content => {
                let cells = event.columns.iter().flat_map(|column| [column.as_str(), row.column(column)]);
                let key = hash([name, row.column(&mapping.time)].into_iter().chain(cells), 16);
                match self.again(&key) {
                    1 => key,
                    count => format!("{key}-{count}"),
                }
            }
            Ids::Record(columns) => {
                let cells: Vec<&str> = columns.iter().map(|column| row.column(column)).collect();
                if cells.iter().all(|cell| cell.is_empty()) {
                    return Err(Refused::new("the row has no record id", columns.join(", ")));
                }
                let key = record(name, &cells, MAX_ID_BYTES.saturating_sub(case.as_str().len() + AROUND));
                if self.keys.contains_key(key.as_str()) {
                    return Err(Refused::new("the record stands twice in its case", key));
                }
                key
            }
        };
        // Of versions of one instant the greatest id holds: each must be what the file says last, for it has what those before say.
        let version = format!("v{:06}/{key}", self.versions.get(&at).map_or(1, |count| count.saturating_add(1)));
        Ok(Names { event: name, key, order: event.place, version })
    }

    /// Notes that a row became what its names say: a row that was refused leaves its record to one that is right.
    pub fn took(&mut self, mapping: &Mapping, event: &Event, names: &Names, at: Timestamp) {
        if event.version.is_some() {
            let count = self.versions.entry(at).or_default();
            *count = count.saturating_add(1);
        }
        if matches!(mapping.ids, Ids::Record(_)) {
            self.again(&names.key);
        }
    }

    fn again(&mut self, key: &str) -> u32 {
        let count = match self.keys.get_mut(key) {
            Some(count) => count,
            None => self.keys.entry(key.into()).or_default(),
        };
        *count = count.saturating_add(1);
        *count
    }

    /// Keeps what a row became, for rows behind it that name its record.
    pub fn keep(&mut self, mapping: &Mapping, row: &impl Row, activities: &[Activity]) {
        let Some(column) = &mapping.record_column else { return };
        let made = activities.iter().map(|activity| (activity.detail.kind(), activity.id.clone()));
        self.records.entry(row.column(column).into()).or_default().extend(made);
    }

    /// The one activity of one of these kinds that the record became.
    ///
    /// # Errors
    /// The record became none so far, or several.
    pub fn activity_of(&self, record: &str, kinds: &[&str], column: &str) -> Result<&ActivityId, Refused> {
        let made = self.records.get(record).map(Vec::as_slice).unwrap_or_default();
        let mut fit = made.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, id)| id);
        let seen = || format!("{column} is \"{record}\", wanted is a {}", kinds.join(" or "));
        match (fit.next(), fit.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => {
                Err(Refused::new("no row before in the case made the activity of the record that is named", seen()))
            }
            (Some(_), Some(_)) => {
                Err(Refused::new("rows before in the case made several activities of the record that is named", seen()))
            }
        }
    }
}

/// A record's key: as it stands where people may read it, else a hash. The two never coincide: only the first has a slash.
fn record(event: &str, cells: &[&str], longest: usize) -> String {
    let parts = || std::iter::once(event).chain(cells.iter().copied());
    let plain = parts().all(|part| !part.contains(|c: char| c == '/' || c.is_control()));
    let key = parts().collect::<Vec<_>>().join("/");
    if plain && key.len() <= longest { key } else { hash(parts(), 32) }
}

/// Hexadecimal digits that tell lists of texts apart.
fn hash<'p>(parts: impl Iterator<Item = &'p str>, digits: usize) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut text = hasher.finalize().to_hex().to_string();
    text.truncate(digits);
    text
}
