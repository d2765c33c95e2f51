//! Why the feed says that a record came: one that was expected needs no word, the others get a row each.

use std::sync::Arc;

use super::derive::{CaseEntry, Event};
use super::items::Map;
use super::work::Work;
use super::writing::is_void;
use crate::domain::activity::Activity;
use crate::domain::feed::ChangeReason;
use crate::domain::ids::{ActivityId, CaseId};

/// The activities of a group that are no plain news, with their reasons. `entries` are the states before the group.
pub(super) fn of(
    new: &[&Activity],
    work: &[Work],
    entries: &Map<CaseId, Arc<CaseEntry>>,
) -> Vec<(ActivityId, ChangeReason)> {
    let mut halves: Vec<&ActivityId> = Vec::new();
    for work in work {
        if let Work::Correction(both) = work {
            halves.extend(both.iter().map(|half| &half.id));
        }
    }
    let late = |activity: &Activity| {
        let position = Event::Activity(activity).position();
        activity.cases.iter().filter_map(|case| entries.get(case)).any(|entry| position < entry.last)
    };
    let reason = |activity: &Activity| {
        if halves.contains(&&activity.id) {
            Some(ChangeReason::Correction)
        } else if is_void(activity) {
            // A void is told as such by what it is.
            None
        } else {
            late(activity).then_some(ChangeReason::LateFact)
        }
    };
    new.iter().filter_map(|activity| Some((activity.id.clone(), reason(activity)?))).collect()
}
