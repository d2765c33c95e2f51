//! Changes of a feed, and the messages that bring them.

use prost::Message as _;

use super::{finding, stored};
use crate::domain::case::CaseVersion;
use crate::domain::digest::Tally;
use crate::domain::feed::SyncEntity;
use crate::domain::money::Currency;
use crate::domain::sharing::Sharing;
use crate::domain::time::SECOND;
use crate::proto::v1;
use crate::proto::v1::change::{After, Before};
use crate::sync::{Batch, Change, Cursor, What};
use crate::transport::mask::Masked as _;
use crate::wire::encode::case;
use crate::wire::encode::scalar::{minor, revision, time};
use crate::wire::words::Word;

/// Bytes after which a message is closed: a reader that stops holds up no more than about this.
pub const MESSAGE_BYTES: usize = 256 * 1024;

/// Fields of a case that every partner gets.
const OF_CASE: &[&str] = &["case_id", "version_id", "revision"];
/// Fields of an activity or void that every partner gets.
const OF_ACTIVITY: &[&str] = &["activity_id", "record_time", "revision"];
/// Fields of a finding that every partner gets.
const OF_FINDING: &[&str] = &["finding_id", "status", "change_reason", "change_time", "revision"];

/// A change as it is told to a partner: without the fields that are not shared, and without what could be guessed back.
fn shared(mut wire: v1::Change, entity: SyncEntity, sharing: &Sharing, compares: bool) -> v1::Change {
    let keeps = |always: &[&str], field: &str| always.contains(&field) || sharing.shares(entity, field);
    let case = |case: &mut v1::Case| case.keep(&|field| keeps(OF_CASE, field));
    let activity = |activity: &mut v1::Activity| activity.keep(&|field| keeps(OF_ACTIVITY, field));
    let finding = |finding: &mut v1::Finding| finding.keep(&|field| keeps(OF_FINDING, field));
    match &mut wire.after {
        Some(After::Case(one)) => case(one),
        Some(After::Activity(one) | After::Void(one)) => activity(one),
        Some(After::Finding(one)) => finding(one),
        None => {}
    }
    match &mut wire.before {
        Some(Before::PreviousCase(one)) => case(one),
        // An activity, told with a void: it is shared as activities are, or not at all.
        Some(Before::VoidedActivity(one)) => {
            let of = SyncEntity::Activity;
            let shared = sharing.fields.contains_key(&of);
            one.keep(&|field| shared && (OF_ACTIVITY.contains(&field) || sharing.shares(of, field)));
        }
        Some(Before::PreviousFinding(one)) => finding(one),
        None => {}
    }
    if !compares {
        wire.digest.clear();
    }
    wire
}

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

/// A change as one is told of it with whom this is shared, and these entities are compared; everything if with none.
#[must_use]
pub fn telling(told: &Change, sharing: Option<(&Sharing, &[SyncEntity])>) -> v1::Change {
    let wire = change(told);
    let Some((sharing, compares)) = sharing else { return wire };
    let entity = told.what.entity();
    shared(wire, entity, sharing, compares.contains(&entity))
}

/// What a change is about, for people.
#[must_use]
pub fn named(told: &Change) -> String {
    told.mark.as_ref().map_or_else(String::new, |mark| format!("{} \"{}\"", mark.1, mark.2))
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

/// The messages of a batch, none of them longer than it must be; `seal` makes the token of a place, `sharing` says what a
/// partner gets, and of which entities digests. A change that fits into
/// no message of `most` bytes comes without what was so before; one that does not fit even then is the error, by its place.
///
/// # Errors
/// The mark of the change that is too large, and its size.
pub fn messages(
    batch: &Batch,
    most: usize,
    sharing: Option<(&Sharing, &[SyncEntity])>,
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
        let mut wire = telling(told, sharing);
        let mut size = wire.encoded_len();
        if size > most {
            wire.before = None;
            size = wire.encoded_len();
        }
        if size > most {
            return Err((named(told), size));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::sharing::fields_of;
    use crate::transport::mask::Masked;

    #[test]
    fn every_field_can_be_shared_or_always_is_or_is_never_told() {
        let known = |entity, always: &[&'static str], never: &[&'static str]| -> BTreeSet<&'static str> {
            let all = fields_of(entity).iter().chain(always).chain(never).copied().collect::<Vec<_>>();
            let set: BTreeSet<_> = all.iter().copied().collect();
            assert_eq!(set.len(), all.len(), "{entity}: a field stands in two lists");
            set
        };
        let fields = |fields: &[&'static str]| fields.iter().copied().collect::<BTreeSet<_>>();
        let case = known(SyncEntity::Case, OF_CASE, &["etag", "version_count"]);
        assert_eq!(case, fields(<v1::Case as Masked>::FIELDS));
        for entity in [SyncEntity::Activity, SyncEntity::Void] {
            assert_eq!(known(entity, OF_ACTIVITY, &["voided"]), fields(<v1::Activity as Masked>::FIELDS));
        }
        assert_eq!(known(SyncEntity::Finding, OF_FINDING, &["etag"]), fields(<v1::Finding as Masked>::FIELDS));
    }
}
