//! Changes of a feed.

use prost::{DecodeError, Message as _};

use super::finding;
use super::out::Out;
use super::shared::shared;
use crate::domain::digest::Tally;
use crate::domain::feed::{Mark, SyncEntity};
use crate::domain::sharing::Sharing;
use crate::proto::v1;
use crate::proto::v1::change::{After, Before};
use crate::sync::{Change, FeedRecord, FeedVersion, What};
use crate::wire::encode::scalar::{revision, sum, time};
use crate::wire::words::Word;

/// Bytes, about, that record time and revision take in a record.
const STAMPS: usize = 20;
/// Bytes, about, that a change takes beside its record.
const BESIDE: usize = 64;
/// Bytes that a finding is likely to fit into.
const FINDING: usize = 1_024;

fn case(version: &FeedVersion, known: Option<u64>) -> Result<v1::Case, DecodeError> {
    Ok(v1::Case { revision: known.map_or(0, revision), ..v1::Case::decode(&*version.record)? })
}

fn activity(row: &FeedRecord) -> Result<v1::Activity, DecodeError> {
    let record_time = Some(time(row.recorded));
    Ok(v1::Activity { record_time, revision: revision(row.revision), ..v1::Activity::decode(&*row.record)? })
}

/// A change in its generated form.
fn change(change: &Change) -> Result<v1::Change, DecodeError> {
    let (after, before) = match &change.what {
        What::Case { version, previous } => (
            After::Case(case(version, Some(change.revision))?),
            previous.as_ref().map(|of| case(of, None)).transpose()?.map(Before::PreviousCase),
        ),
        What::Activity(row) => (After::Activity(activity(row)?), None),
        What::Void { void, target } => (
            After::Void(activity(void)?),
            target.as_ref().map(|of| activity(of)).transpose()?.map(Before::VoidedActivity),
        ),
        What::Finding { row, previous } => (
            After::Finding(finding::finding(row)),
            previous.as_ref().map(|previous| Before::PreviousFinding(finding::finding(previous))),
        ),
    };
    Ok(v1::Change {
        revision: revision(change.revision),
        record_time: Some(time(change.recorded)),
        reason: change.reason.number(),
        backfilled: change.belated.is_some(),
        backfill_revision: change.belated.map_or(0, revision),
        digest: change.leaf.map(|leaf| leaf.bytes().to_vec()).unwrap_or_default(),
        after: Some(after),
        before,
    })
}

/// A change as one is told of it with whom this is shared; everything if with none.
///
/// # Errors
/// A stored record is no message.
pub fn telling(told: &Change, sharing: Option<&Sharing>) -> Result<v1::Change, DecodeError> {
    let wire = change(told)?;
    Ok(match sharing {
        Some(sharing) => shared(wire, told.what.entity(), sharing, &told.outside),
        None => wire,
    })
}

/// Writes a change as [`change`] has it: records go from their rows to the wire as they are.
fn write(out: &mut Out, told: &Change, with_before: bool) {
    let record = |out: &mut Out, tag, row: &FeedRecord| {
        out.nearly(tag, row.record.len() + STAMPS, |out| {
            out.0.extend_from_slice(&row.record);
            out.time(100, row.recorded);
            out.int(101, revision(row.revision));
        });
    };
    out.int(1, revision(told.revision));
    out.time(2, told.recorded);
    out.int(3, told.reason.number().into());
    out.int(4, told.belated.is_some().into());
    if let Some(leaf) = told.leaf {
        out.bytes(5, &leaf.bytes());
    }
    out.int(6, told.belated.map_or(0, revision));
    match &told.what {
        What::Case { version, previous } => {
            out.nearly(10, version.record.len(), |out| {
                out.0.extend_from_slice(&version.record);
                out.int(31, revision(told.revision));
            });
            if let Some(previous) = previous.as_ref().filter(|_| with_before) {
                out.bytes(20, &previous.record);
            }
        }
        What::Activity(row) => record(out, 11, row),
        What::Void { void, target } => {
            record(out, 12, void);
            if let Some(target) = target.as_ref().filter(|_| with_before) {
                record(out, 21, target);
            }
        }
        What::Finding { row, previous } => {
            out.generated(13, &finding::finding(row));
            if let Some(previous) = previous.as_ref().filter(|_| with_before) {
                out.generated(22, &finding::finding(previous));
            }
        }
    }
}

/// Bytes that a change takes, about.
pub(super) fn about(told: &Change) -> usize {
    BESIDE
        + match &told.what {
            What::Case { version, previous } => {
                version.record.len() + previous.as_ref().map_or(0, |previous| previous.record.len())
            }
            What::Activity(row) => row.record.len() + STAMPS,
            What::Void { void, target } => {
                void.record.len() + STAMPS + target.as_ref().map_or(0, |target| target.record.len() + STAMPS)
            }
            What::Finding { previous, .. } => FINDING * (1 + usize::from(previous.is_some())),
        }
}

/// What the change at a mark is about, for people.
#[must_use]
pub fn named(mark: Option<Mark>) -> String {
    mark.map_or_else(String::new, |mark| format!("{} \"{}\"", mark.1, mark.2))
}

/// The tally of an entity.
#[must_use]
pub fn tally(entity: SyncEntity, tally: &Tally) -> v1::EntityTally {
    v1::EntityTally {
        entity: entity.number(),
        count: tally.count,
        sums: tally.sums.iter().filter_map(|(currency, minor)| sum(*minor, *currency)).collect(),
        digest: tally.digest.bytes().to_vec(),
    }
}

/// Writes a change into a message; how many bytes it takes there.
pub(super) fn put(
    out: &mut Out,
    told: &Change,
    sharing: Option<&Sharing>,
    with_before: bool,
) -> Result<usize, DecodeError> {
    let start = out.0.len();
    if sharing.is_none() {
        out.nearly(1, about(told), |out| write(out, told, with_before));
    } else {
        let mut wire = telling(told, sharing)?;
        wire.before = wire.before.filter(|_| with_before);
        out.generated(1, &wire);
    }
    Ok(out.0.len() - start)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::digest::Leaf;
    use crate::domain::feed::ChangeReason;
    use crate::domain::ids::{CaseId, VersionId};
    use crate::domain::sharing::{always_told, fields_of};
    use crate::domain::time::Timestamp;
    use crate::transport::mask::Masked;

    #[test]
    fn records_go_out_as_their_generated_messages_would() {
        let at = Timestamp(1_710_763_200_123_456);
        let row = |detail| {
            let occur_time = Some(time(at));
            let detail = Some(detail);
            let wire = v1::Activity { activity_id: "a".to_owned(), occur_time, detail, ..v1::Activity::default() };
            FeedRecord::new(7, at, wire.encode_to_vec().into(), false).unwrap()
        };
        let note = || row(v1::activity::Detail::Note(v1::Note { code: "x".repeat(200) }));
        let void = || {
            let target_activity_id = "b".to_owned();
            row(v1::activity::Detail::Void(v1::VoidRecord { target_activity_id, ..Default::default() }))
        };
        let version = |id: &str| FeedVersion {
            revision: 7,
            recorded: at,
            case: CaseId::trusted("c"),
            version: VersionId::trusted(id),
            effective: at,
            record: v1::Case { case_id: "c".to_owned(), version_id: id.to_owned(), ..v1::Case::default() }
                .encode_to_vec()
                .into(),
        };
        let whats = [
            What::Activity(Box::new(note())),
            What::Void { void: Box::new(void()), target: None },
            What::Void { void: Box::new(void()), target: Some(Box::new(note())) },
            What::Case { version: Box::new(version("1")), previous: None },
            What::Case { version: Box::new(version("2")), previous: Some(Box::new(version("1"))) },
        ];
        for (number, what) in whats.into_iter().enumerate() {
            let belated = (number % 2 != 0).then_some(9);
            let (reason, leaf) = (ChangeReason::LateFact, Some(Leaf([1, 2, 3, 4])));
            let told = Change { revision: 7, recorded: at, reason, belated, leaf, what, outside: Vec::new() };
            let mut out = Out(Vec::new());
            write(&mut out, &told, true);
            let wire = change(&told).unwrap();
            assert_eq!(out.0, wire.encode_to_vec(), "{told:?}");
            let mut out = Out(Vec::new());
            write(&mut out, &told, false);
            assert_eq!(out.0, v1::Change { before: None, ..wire }.encode_to_vec(), "{told:?}");
        }
    }

    #[test]
    fn every_field_can_be_shared_or_always_is_or_is_never_told() {
        let known = |entity, never: &[&'static str]| -> BTreeSet<&'static str> {
            let all = fields_of(entity).iter().chain(always_told(entity)).chain(never).copied().collect::<Vec<_>>();
            let set: BTreeSet<_> = all.iter().copied().collect();
            assert_eq!(set.len(), all.len(), "{entity}: a field stands in two lists");
            set
        };
        let fields = |fields: &[&'static str]| fields.iter().copied().collect::<BTreeSet<_>>();
        let case = known(SyncEntity::Case, &["etag", "version_count"]);
        assert_eq!(case, fields(<v1::Case as Masked>::FIELDS));
        for entity in [SyncEntity::Activity, SyncEntity::Void] {
            assert_eq!(known(entity, &["voided"]), fields(<v1::Activity as Masked>::FIELDS));
        }
        assert_eq!(known(SyncEntity::Finding, &["etag"]), fields(<v1::Finding as Masked>::FIELDS));
    }
}
