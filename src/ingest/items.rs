//! The records of a group, each with its place in the jobs that brought it.

use std::collections::{HashMap, HashSet};

use super::kept::Record;
use super::work::Work;
use super::writer::CaseUpsert;
use crate::domain::activity::Activity;
use crate::domain::digest::{Leaf, entity_of};
use crate::store::activity_record;

/// What a commit looks up for every record. Clients choose the keys: the hash has a secret of this process.
pub(super) type Map<K, V> = HashMap<K, V, foldhash::quality::RandomState>;
/// The same for what is merely there or not.
pub(super) type Set<K> = HashSet<K, foldhash::quality::RandomState>;

/// A record's place: job and index in the job.
pub(super) type Place = (usize, usize);

/// The bytes of every activity and its leaf, by job and index.
pub(super) fn records(work: &[Work]) -> Vec<Vec<(Vec<u8>, Leaf)>> {
    let mut records: Vec<Vec<(Vec<u8>, Leaf)>> = work.iter().map(|_| Vec::new()).collect();
    for ((job, index), activity) in activities(work) {
        if let Some(records) = records.get_mut(job) {
            records.resize(index, Default::default());
            records.push(written(activity));
        }
    }
    records
}

/// What is made of an activity for storing it.
pub(super) struct Made {
    pub(super) leaf: Leaf,
    pub(super) record: Record,
}

/// The bytes of an activity and its leaf.
pub(super) fn written(activity: &Activity) -> (Vec<u8>, Leaf) {
    let record = activity_record(activity);
    let leaf = Leaf::record(entity_of(activity), &record);
    (record, leaf)
}

/// Every case version, with its place.
pub(super) fn upserts(work: &[Work]) -> impl Iterator<Item = (Place, &CaseUpsert)> {
    work.iter().enumerate().flat_map(|(job, work)| {
        let cases = match work {
            Work::Cases(cases) => cases.as_slice(),
            Work::Push(push) => push.cases.as_slice(),
            _ => &[],
        };
        cases.iter().enumerate().map(move |(index, upsert)| ((job, index), upsert))
    })
}

/// Every activity, with its place.
pub(super) fn activities(work: &[Work]) -> impl Iterator<Item = (Place, &Activity)> {
    work.iter().enumerate().flat_map(|(job, work)| {
        // Where cases come with them, their places come first.
        let (first, activities) = match work {
            Work::Activities(activities) => (0, activities.as_slice()),
            Work::Correction(both) => (0, both.as_slice()),
            Work::Push(push) => (push.cases.len(), push.activities.as_slice()),
            _ => (0, &[][..]),
        };
        activities.iter().enumerate().map(move |(index, activity)| ((job, first + index), activity))
    })
}
