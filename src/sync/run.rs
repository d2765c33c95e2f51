//! Activities of a feed that tells everything as it is: they are written as its messages have them when they come from the
//! database, while their bytes are at hand, and are not looked at again.

use std::ops::Range;
use std::sync::Arc;

use crate::domain::digest::Leaf;
use crate::domain::feed::{ChangeReason, FeedKind, Mark, SyncEntity};
use crate::domain::ids::MarketId;
use crate::domain::time::Timestamp;
use crate::store::{Committed, FeedRecord, Reasons, RecordRow, StoreError, Stretch, TenantScope, order_by_id};

/// What is told of an activity as it is.
#[derive(Debug)]
pub struct Plain<'a> {
    /// Revision of its commit.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Why.
    pub reason: ChangeReason,
    /// Its leaf.
    pub leaf: Leaf,
    /// Its bytes.
    pub record: &'a [u8],
}

/// Writes activities as the messages of a feed have them.
pub trait Teller: Send {
    /// Appends one; at which byte of `out` its record begins.
    fn tell(&mut self, out: &mut Vec<u8>, activity: &Plain<'_>) -> usize;
}

/// Makes what writes one part of a feed.
pub type Tellers = fn() -> Box<dyn Teller>;

/// Activities that follow each other in a feed, written already.
#[derive(Debug)]
pub struct Run {
    of: Arc<Told>,
    rows: Range<usize>,
}

/// A stretch of activities: what is told of them, and of each where that stands.
#[derive(Debug)]
struct Told {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    revision: u64,
    recorded: Timestamp,
    /// Where what is told of it begins and ends; nothing of a void, which has a place among the voids of its stretch.
    told: (usize, usize),
    id: (usize, usize),
    void: Option<usize>,
}

impl Committed for Row {
    fn revision(&self) -> u64 {
        self.revision
    }
}

fn part(bytes: &[u8], (from, to): (usize, usize)) -> &[u8] {
    bytes.get(from..to).unwrap_or_default()
}

impl Run {
    fn rows(&self) -> &[Row] {
        self.of.rows.get(self.rows.clone()).unwrap_or_default()
    }

    /// How many there are; of what is told, never none.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The bytes of each from an index on: a field of a message.
    pub fn told_from(&self, index: usize) -> impl Iterator<Item = &[u8]> {
        self.rows().iter().skip(index).map(|row| part(&self.of.bytes, row.told))
    }

    /// Bytes that all of them take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows().iter().map(|row| row.told.1 - row.told.0).sum()
    }

    /// Where the one at an index stands.
    #[must_use]
    pub fn mark(&self, index: usize) -> Option<Mark> {
        let row = self.rows().get(index)?;
        let id = String::from_utf8_lossy(part(&self.of.bytes, row.id)).into_owned();
        Some(Mark(row.revision, FeedKind::Record, id, String::new()))
    }

    /// Where the last one stands.
    pub(super) fn last(&self) -> Option<Mark> {
        self.mark(self.count().checked_sub(1)?)
    }

    /// The revision of the one at an index.
    pub(super) fn revision(&self, index: usize) -> Option<u64> {
        self.rows().get(index).map(|row| row.revision)
    }

    /// When the last one was recorded.
    pub(super) fn recorded(&self) -> Option<Timestamp> {
        self.rows().last().map(|row| row.recorded)
    }

    /// Takes out those at its beginning that come before a change of that order: at least one, so many at most.
    pub(super) fn split(&mut self, before: Option<(u64, FeedKind)>, most: usize) -> Self {
        let earlier = |row: &Row| before.is_none_or(|before| (row.revision, FeedKind::Record) < before);
        let count = self.rows().partition_point(earlier).min(most).max(1);
        let until = self.rows.end.min(self.rows.start + count);
        let first = Self { of: Arc::clone(&self.of), rows: self.rows.start..until };
        self.rows.start = until;
        first
    }
}

/// A part of a stretch, in its order.
pub(super) enum Part {
    /// Activities.
    Run(Run),
    /// A void, which is told with what it takes out, and why it was recorded where that is noted.
    Void(Box<FeedRecord>, Option<ChangeReason>),
}

/// A stretch of activities on its way from the database.
pub(super) struct Telling {
    teller: Box<dyn Teller>,
    reasons: Reasons,
    bytes: Vec<u8>,
    voids: Vec<(Box<FeedRecord>, Option<ChangeReason>)>,
}

impl Telling {
    /// `bytes` are likely to be told.
    pub(super) fn new(tellers: Tellers, reasons: Reasons, bytes: usize) -> Self {
        Self { teller: tellers(), reasons, bytes: Vec::with_capacity(bytes), voids: Vec::new() }
    }

    /// Tells of an activity, or keeps a void.
    fn take(&mut self, row: RecordRow) -> Result<Row, StoreError> {
        let id = row.record.get(row.id.clone()).unwrap_or_default();
        let reason = if self.reasons.is_empty() { None } else { self.reasons.get(id).copied() };
        let begin = self.bytes.len();
        let (revision, recorded) = (row.revision, row.recorded);
        if row.void {
            self.bytes.extend_from_slice(id);
            let id = (begin, self.bytes.len());
            self.voids.push((Box::new(FeedRecord::from_row(row, true)?), reason));
            return Ok(Row { revision, recorded, told: (begin, begin), id, void: self.voids.len().checked_sub(1) });
        }
        let leaf = Leaf::record(row.entity(), &row.record);
        let reason = reason.unwrap_or(ChangeReason::New);
        let plain = Plain { revision, recorded, reason, leaf, record: &row.record };
        let record = self.teller.tell(&mut self.bytes, &plain);
        let id = (record + row.id.start, record + row.id.end);
        Ok(Row { revision, recorded, told: (begin, self.bytes.len()), id, void: None })
    }

    /// The whole commits behind a revision up to another, in order; how many rows they have, and through which revision.
    pub(super) async fn stretch(
        mut self,
        (scope, market): (&TenantScope, &MarketId),
        between: (u64, u64),
        only: Option<SyncEntity>,
        most: (u32, bool),
    ) -> Result<(Vec<Part>, usize, u64), StoreError> {
        let stretch = scope.stretch_of_records(market, between, only, most, |row| self.take(row)).await?;
        let Stretch { rows, through } = stretch;
        let order = order_by_id(&rows, |row| part(&self.bytes, row.id));
        let rows: Vec<Row> = order.into_iter().filter_map(|place| rows.get(place).copied()).collect();
        let told = Arc::new(Told { bytes: self.bytes, rows });
        let mut voids: Vec<Option<_>> = self.voids.into_iter().map(Some).collect();
        let (mut parts, mut begin) = (Vec::new(), 0);
        let run = |from, to| (from < to).then(|| Part::Run(Run { of: Arc::clone(&told), rows: from..to }));
        for (place, row) in told.rows.iter().enumerate() {
            let Some(void) = row.void else { continue };
            parts.extend(run(begin, place));
            let void = voids.get_mut(void).and_then(Option::take);
            parts.extend(void.map(|(row, reason)| Part::Void(row, reason)));
            begin = place + 1;
        }
        let count = told.rows.len();
        parts.extend(run(begin, count));
        Ok((parts, count, through))
    }
}
