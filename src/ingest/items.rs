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
    for ((job, _), activity) in activities(work) {
        if let Some(bodies) = bodies.get_mut(job) {
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
        let cases = if let Work::Cases(cases) = work { cases.as_slice() } else { &[] };
        cases.iter().enumerate().map(move |(index, upsert)| ((job, index), upsert))
    })
}

/// Every activity, with its place.
pub(super) fn activities(work: &[Work]) -> impl Iterator<Item = (Place, &Activity)> {
    work.iter().enumerate().flat_map(|(job, work)| {
        let activities = match work {
            Work::Activities(activities) => activities.as_slice(),
            Work::Correction(both) => both.as_slice(),
            _ => &[],
        };
        activities.iter().enumerate().map(move |(index, activity)| ((job, index), activity))
    })
}
