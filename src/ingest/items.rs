//! The records of a group, each with its place in the jobs that brought it.

use super::IngestError;
use super::work::Work;
use super::writer::CaseUpsert;
use crate::domain::activity::Activity;
use crate::domain::digest::{Leaf, entity_of};
use crate::store::activity_body;

/// A record's place: job and index in the job.
pub(super) type Place = (usize, usize);

/// The canonical JSON of every activity and its leaf, by job and index.
pub(super) fn bodies(work: &[Work]) -> Result<Vec<Vec<(String, Leaf)>>, IngestError> {
    let mut bodies: Vec<Vec<(String, Leaf)>> = work.iter().map(|_| Vec::new()).collect();
    for ((job, index), activity) in activities(work) {
        if let Some(bodies) = bodies.get_mut(job) {
            bodies.resize(index, Default::default());
            bodies.push(written(activity)?);
        }
    }
    Ok(bodies)
}

/// The canonical JSON of an activity and its leaf.
pub(super) fn written(activity: &Activity) -> Result<(String, Leaf), IngestError> {
    let body = activity_body(activity)?;
    let leaf = Leaf::record(entity_of(activity), &body);
    Ok((body, leaf))
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
