//! What a commit does to one case, until the case is derived.

use std::sync::Arc;

use super::items::{Made, Map};
use super::kept::Record;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::ids::ActivityId;
use crate::domain::time::Timestamp;

/// What a group does to one case.
#[derive(Default)]
pub(super) struct CaseWork<'w> {
    pub(super) versions: Vec<&'w CaseVersion>,
    pub(super) activities: Vec<&'w Activity>,
    /// The same as they are stored.
    pub(super) records: Vec<Record>,
    /// Activities of earlier commits that this one voids.
    pub(super) voided: Vec<ActivityId>,
    /// What memory holds of the case lacks something that is on record.
    pub(super) reread: bool,
    /// Something already judged must be judged anew: why, and the earliest instant that it concerns.
    pub(super) refold: Option<(&'static str, Timestamp)>,
}

impl<'w> CaseWork<'w> {
    /// Takes an activity in, with what is stored of it.
    pub(super) fn take(&mut self, activity: &'w Activity, stored_as: &Map<&str, Made>) {
        self.activities.push(activity);
        self.records.extend(stored_as.get(activity.id.as_str()).map(|made| Arc::clone(&made.record)));
    }

    /// Takes a void activity of an earlier commit out.
    pub(super) fn void(&mut self, activity: &Activity) {
        self.refold("void", activity.occurred);
        self.voided.push(activity.id.clone());
    }

    /// Marks the case to be derived anew, for a reason that holds from an instant on.
    pub(super) fn refold(&mut self, reason: &'static str, from: Timestamp) {
        let known = self.refold.get_or_insert((reason, from));
        known.1 = known.1.min(from);
    }
}
