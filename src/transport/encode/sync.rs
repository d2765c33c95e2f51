//! Changes of a feed, and the messages that bring them.

use prost::Message as _;

use super::scalar::{minor, revision, time};
use super::{case, finding, stored};
use crate::domain::case::CaseVersion;
use crate::domain::digest::Tally;
use crate::domain::feed::SyncEntity;
use crate::domain::money::Currency;
use crate::domain::time::SECOND;
use crate::proto::v1;
use crate::proto::v1::change::{After, Before};
use crate::sync::{Batch, Change, Cursor, What};
use crate::transport::words::Word;

/// Bytes after which a message is closed: a reader that stops holds up no more than about this.
pub const MESSAGE_BYTES: usize = 256 * 1024;

/// A change.
#[must_use]
pub fn change(change: &Change) -> v1::Change {
    let boxed = |version: &CaseVersion, known: u64| v1::Case { revision: revision(known), ..case::case(version) };
    let (after, before) = match &change.what {
        What::Case { version, previous } => (
            After::Case(boxed(version, change.revision)),
            previous.as_ref().map(|previous| Before::PreviousCase(case::case(previous))),
        ),
        What::Activity(row) => (After::Activity(stored::activity(row)), None),
        What::Void { void, target } => (
            After::Void(stored::activity(void)),
            target.as_ref().map(|target| Before::VoidedActivity(stored::activity(target))),
        ),
        What::Finding { row, previous } => (
            After::Finding(finding::finding(row)),
            previous.as_ref().map(|previous| Before::PreviousFinding(finding::finding(previous))),
        ),
    };
    v1::Change {
        revision: revision(change.revision),
        record_time: Some(time(change.recorded)),
        reason: change.reason.number(),
        backfilled: change.mark.is_none(),
        digest: change.leaf.map(|leaf| leaf.bytes().to_vec()).unwrap_or_default(),
        after: Some(after),
        before,
    }
}

/// The tally of an entity; `None` if a sum is over what an amount can hold.
#[must_use]
pub fn tally(entity: SyncEntity, tally: &Tally) -> Option<v1::EntityTally> {
    let sum = |(currency, sum): (&Currency, &i128)| Some(minor(i64::try_from(*sum).ok()?, *currency));
    Some(v1::EntityTally {
        entity: entity.number(),
        count: tally.count,
        sums: tally.sums.iter().map(sum).collect::<Option<_>>()?,
        digest: tally.digest.bytes().to_vec(),
    })
}

/// The messages of a batch, none of them longer than it must be; `seal` makes the token of a place. A change that fits into
/// no message of `most` bytes comes without what was so before; one that does not fit even then is the error, by its place.
///
/// # Errors
/// The mark of the change that is too large, and its size.
pub fn messages(
    batch: &Batch,
    most: usize,
    seal: impl Fn(&Cursor) -> String,
) -> Result<Vec<v1::PullResponse>, (String, usize)> {
    let mut messages = Vec::new();
    let mut changes: Vec<v1::Change> = Vec::new();
    let (mut bytes, mut from, mut reached) = (0, &batch.from, &batch.from);
    let message = |changes: Vec<v1::Change>, from: &Cursor, reached: &Cursor| v1::PullResponse {
        changes,
        through_revision: revision(reached.place.through),
        after_revision: revision(from.place.through),
        token: seal(reached),
        head_revision: revision(batch.head.revision),
        head_confirm_time: Some(time(batch.confirmed)),
        watermark_time: Some(time(batch.watermark)),
        lag: Some(prost_types::Duration {
            seconds: batch.lag / SECOND,
            nanos: i32::try_from(batch.lag % SECOND).unwrap_or(0) * 1000,
        }),
    };
    for (told, cursor) in &batch.changes {
        let mut wire = change(told);
        let mut size = wire.encoded_len();
        if size > most {
            wire.before = None;
            size = wire.encoded_len();
        }
        if size > most {
            let place = told.mark.as_ref().map_or_else(String::new, |mark| format!("{} \"{}\"", mark.1, mark.2));
            return Err((place, size));
        }
        if bytes + size > MESSAGE_BYTES.min(most) && !changes.is_empty() {
            messages.push(message(std::mem::take(&mut changes), from, reached));
            (from, bytes) = (reached, 0);
        }
        bytes += size + 8;
        changes.push(wire);
        reached = cursor;
    }
    messages.push(message(changes, from, &batch.reached));
    Ok(messages)
}
