//! The messages of a feed.

use std::sync::Arc;

use prost::DecodeError;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::direct::Direct;
use super::out::Out;
use super::sync::{about, named, put};
use crate::domain::sharing::Sharing;
use crate::domain::time::{SECOND, Timestamp};
use crate::sync::{Batch, Change, Cursor, Piece, Plain, Teller};
use crate::wire::encode::scalar::revision;
use crate::wire::words::Word as _;

/// Bytes after which a message is closed: it stays in a processor's own memory from its rows until it is sent.
const MESSAGE_BYTES: usize = 64 * 1024;

/// A message of a feed, encoded: a `PullResponse`.
pub struct Pulled(pub Vec<u8>);

impl Direct for Pulled {
    fn write(&self, out: &mut Out) {
        out.0.extend_from_slice(&self.0);
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Why a batch cannot be told.
#[derive(Debug)]
pub enum Untold {
    /// A change fits into no message even without what was so before: its mark and its size.
    TooLarge(String, usize),
    /// A stored record is no message.
    Corrupt(DecodeError),
}

/// A change of a batch: its piece, and its place in that.
type Spot = (usize, usize);

/// The messages of a batch, each made when it is its turn: what is written is sent on while it is at hand.
pub struct Messages {
    batch: Batch,
    most: usize,
    sharing: Option<Arc<Sharing>>,
    /// The place before what comes next.
    from: Cursor,
    /// What comes next; `None` behind the last message.
    next: Option<Spot>,
    /// Bytes, about, that are still to come.
    left: usize,
}

impl Messages {
    /// None of them is longer than it must be; `sharing` says what a partner gets. A change that fits into no message of
    /// `most` bytes comes without what was so before.
    #[must_use]
    pub fn new(batch: Batch, most: usize, sharing: Option<Arc<Sharing>>) -> Self {
        let about = |piece: &Piece| match piece {
            Piece::Change(told) => about(told),
            Piece::Run(run) => run.bytes(),
        };
        let left = batch.pieces().iter().map(|(piece, _)| about(piece)).sum();
        Self { from: batch.from.clone(), batch, most, sharing, next: Some((0, 0)), left }
    }

    /// Whether the last one was made.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.next.is_none()
    }

    /// The next one; `seal` makes the token of a place.
    pub fn next(&mut self, seal: impl Fn(&Cursor) -> String) -> Option<Result<Pulled, Untold>> {
        let next = self.next?;
        Some(self.write(next).map(|(mut out, reached, next)| {
            self.next = next;
            self.left = self.left.saturating_sub(out.0.len());
            self.close(&mut out, &reached, &seal(&reached));
            self.from = reached;
            Pulled(out.0)
        }))
    }

    /// The changes of a message that begins with this one, the place behind them, and what comes next.
    fn write(&self, (mut index, mut inside): Spot) -> Result<(Out, Cursor, Option<Spot>), Untold> {
        let enough = MESSAGE_BYTES.min(self.most);
        let mut out = Out(Vec::with_capacity(self.left.min(enough) + enough / 16));
        // The change that was written last.
        let mut last: Option<Spot> = None;
        while let Some((piece, _)) = self.batch.pieces().get(index) {
            match piece {
                Piece::Change(told) => {
                    let start = out.0.len();
                    self.put(&mut out, told)?;
                    if let Some(last) = last.filter(|_| out.0.len() > enough) {
                        out.0.truncate(start);
                        return Ok((out, self.batch.place_at(last.0, last.1), Some((index, 0))));
                    }
                    last = Some((index, 0));
                }
                Piece::Run(run) => {
                    for bytes in run.told_from(inside) {
                        if let Some(last) = last.filter(|_| out.0.len() + bytes.len() > enough) {
                            return Ok((out, self.batch.place_at(last.0, last.1), Some((index, inside))));
                        }
                        if bytes.len() > self.most {
                            return Err(Untold::TooLarge(named(run.mark(inside)), bytes.len()));
                        }
                        out.0.extend_from_slice(bytes);
                        last = Some((index, inside));
                        inside += 1;
                    }
                }
            }
            (index, inside) = (index + 1, 0);
        }
        Ok((out, self.batch.reached.clone(), None))
    }

    /// Writes a change, without what was so before if it does not fit with it.
    fn put(&self, out: &mut Out, told: &Change) -> Result<(), Untold> {
        let (start, sharing) = (out.0.len(), self.sharing.as_deref());
        let mut size = put(out, told, sharing, true).map_err(Untold::Corrupt)?;
        if size > self.most {
            out.0.truncate(start);
            size = put(out, told, sharing, false).map_err(Untold::Corrupt)?;
        }
        if size > self.most { Err(Untold::TooLarge(named(told.mark()), size)) } else { Ok(()) }
    }

    /// Ends a message: where it begins and ends, and how far that is from the newest commit.
    fn close(&self, out: &mut Out, reached: &Cursor, token: &str) {
        let batch = &self.batch;
        out.int(2, revision(reached.place.through));
        out.int(3, revision(self.from.place.through));
        out.text(4, token);
        out.int(5, revision(batch.head.revision));
        out.time(6, batch.confirmed);
        out.time(7, batch.watermark);
        out.message(8, |out| {
            out.int(1, batch.lag / SECOND);
            out.int(2, batch.lag % SECOND * 1000);
        });
    }
}

/// Writes activities as [`put`] does, as fields of a `PullResponse`.
#[derive(Default)]
struct Plainly {
    /// The commit whose stamps these are.
    of: Option<(i64, Timestamp)>,
    /// What the changes of the commit begin with.
    head: Vec<u8>,
    /// What the records of the commit end with.
    tail: Vec<u8>,
}

/// What writes activities for feeds that tell everything as it is.
#[must_use]
pub fn plainly() -> Box<dyn Teller> {
    Box::<Plainly>::default()
}

impl Teller for Plainly {
    fn tell(&mut self, out: &mut Vec<u8>, activity: &Plain<'_>) -> usize {
        let commit = (revision(activity.revision), activity.recorded);
        if self.of != Some(commit) {
            let (mut head, mut tail) = (Out(Vec::new()), Out(Vec::new()));
            head.int(1, commit.0);
            head.time(2, commit.1);
            tail.time(100, commit.1);
            tail.int(101, commit.0);
            (self.of, self.head, self.tail) = (Some(commit), head.0, tail.0);
        }
        let (reason, leaf) = (u64::from(activity.reason.number().unsigned_abs()), activity.leaf.bytes());
        let inside = activity.record.len() + self.tail.len();
        let sized = |bytes: usize| 1 + encoded_len_varint(bytes as u64) + bytes;
        let bytes = self.head.len() + 1 + encoded_len_varint(reason) + sized(leaf.len()) + sized(inside);
        out.reserve(sized(bytes));
        let bytes_key = |tag: u8| tag << 3 | 2;
        out.push(bytes_key(1));
        encode_varint(bytes as u64, out);
        out.extend_from_slice(&self.head);
        out.push(3 << 3);
        encode_varint(reason, out);
        out.push(bytes_key(5));
        encode_varint(leaf.len() as u64, out);
        out.extend_from_slice(&leaf);
        out.push(bytes_key(11));
        encode_varint(inside as u64, out);
        let begins = out.len();
        out.extend_from_slice(activity.record);
        out.extend_from_slice(&self.tail);
        begins
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::domain::feed::ChangeReason;
    use crate::proto::v1;
    use crate::sync::{FeedRecord, What};

    #[test]
    fn activities_are_told_as_they_are_in_the_bytes_of_their_changes() {
        let (at, later) = (Timestamp(1_710_763_200_123_456), Timestamp(1_710_763_201_000_000));
        let mut teller = plainly();
        let (mut told, mut expected) = (Vec::new(), Out(Vec::new()));
        for (revision, recorded, length) in [(7, at, 3), (7, at, 200), (7, later, 40_000), (300, later, 0)] {
            for reason in [ChangeReason::New, ChangeReason::Erasure] {
                let detail = Some(v1::activity::Detail::Note(v1::Note { code: "x".repeat(length) }));
                let wire = v1::Activity { activity_id: "a".to_owned(), detail, ..v1::Activity::default() };
                let row = FeedRecord::new(revision, recorded, wire.encode_to_vec().into(), false).unwrap();
                let (leaf, record) = (row.leaf(), row.record.clone());
                let begins = teller.tell(&mut told, &Plain { revision, recorded, reason, leaf, record: &record });
                assert_eq!(told[begins..begins + record.len()], record);
                let (leaf, what) = (Some(leaf), What::Activity(Box::new(row)));
                let change = Change { revision, recorded, reason, belated: None, leaf, what, outside: Vec::new() };
                put(&mut expected, &change, None, true).unwrap();
            }
        }
        assert_eq!(told, expected.0);
    }
}
