//! The states of findings as their changes made them: the status that a change gave, and what was so before it.

use crate::domain::digest::Leaf;
use crate::domain::feed::ChangeReason;
use crate::domain::finding::FindingStatus;
use crate::domain::finding_life::{Cause, Decision, Derived, history, standing, substance};
use crate::domain::time::Timestamp;
use crate::store::{FindingPast, FindingRow};

/// A finding as a revision made it, why, and as it was before. `None` if nothing of the revision is on record.
pub(super) fn at(past: &FindingPast, revision: u64) -> Option<(FindingRow, ChangeReason, Option<FindingRow>)> {
    // Of one finding there are few changes; the end of waivers between them is told by the statuses that follow.
    let changes = history(past.derived.clone(), past.decisions.clone(), Timestamp(i64::MIN));
    let mut derived: Option<&Derived> = None;
    let mut decision: Option<&Decision> = None;
    let mut before: Option<FindingRow> = None;
    for change in &changes {
        let reason = match &change.cause {
            Cause::Derived(state) => {
                derived = Some(state);
                ChangeReason::parse(&state.reason)
            }
            Cause::Decided(made) => {
                decision = Some(made);
                Some(ChangeReason::Decision)
            }
            Cause::Expired => continue,
        };
        let row = FindingRow {
            finding: derived?.finding.clone(),
            status: change.status,
            reason: match &change.cause {
                Cause::Decided(made) => made.action.as_str().to_owned(),
                _ => derived?.reason.clone(),
            },
            revision: change.revision,
            opened: past.row.opened,
            changed: change.at,
            decision: decision.cloned(),
        };
        if change.revision == revision {
            return Some((row, reason?, before));
        }
        before = Some(row);
    }
    None
}

/// The last state that a finding had before a revision, with its reason.
pub(super) fn before(past: &FindingPast, revision: u64) -> Option<(FindingRow, ChangeReason, Option<FindingRow>)> {
    let derived = past.derived.iter().map(|state| state.revision);
    let decided = past.decisions.iter().map(|decision| decision.revision);
    let last = derived.chain(decided).filter(|known| *known < revision).max()?;
    at(past, last)
}

/// The leaf of a state; `None` if it does not stand. The end of a waiver changes nothing in it: no record says it.
pub(super) fn leaf(row: &FindingRow) -> Option<Leaf> {
    let says = substance(&row.finding);
    let status = standing(row.decision.as_ref(), &says);
    (row.status != FindingStatus::Withdrawn).then(|| Leaf::finding(row.finding.id, status, &says))
}
