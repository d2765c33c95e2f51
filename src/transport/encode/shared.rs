//! What a partner gets of a record: the fields that are shared, and what is counted of it, which follows from these fields
//! alone.

use prost::{DecodeError, Message as _};

use super::finding;
use crate::domain::digest::Leaf;
use crate::domain::feed::SyncEntity;
use crate::domain::ids::CaseId;
use crate::domain::sharing::{Sharing, always_told, fields_of};
use crate::proto::v1;
use crate::proto::v1::change::{After, Before};
use crate::sync::{Counted, Record};
use crate::transport::mask::Masked as _;
use crate::wire::counted::{instant, of_activity, of_case};

/// Whether a partner gets a field.
fn gets(entity: SyncEntity, sharing: &Sharing, field: &str) -> bool {
    always_told(entity).contains(&field) || sharing.shares(entity, field)
}

fn case(case: &mut v1::Case, sharing: &Sharing) {
    case.keep(&|field| gets(SyncEntity::Case, sharing, field));
}

fn activity(activity: &mut v1::Activity, entity: SyncEntity, sharing: &Sharing) {
    activity.keep(&|field| gets(entity, sharing, field));
}

fn finding(finding: &mut v1::Finding, sharing: &Sharing) {
    finding.keep(&|field| gets(SyncEntity::Finding, sharing, field));
}

/// Whether every field of an entity is shared: its records are then counted as they are stored, as for everybody else.
fn whole(entity: SyncEntity, sharing: &Sharing) -> bool {
    fields_of(entity).iter().all(|field| sharing.shares(entity, field))
}

/// The leaf of a record of which something is not shared, from what is left of it. The stamps of this server are left out,
/// so that copies on other servers are compared too.
fn leaf_of_case(case: &mut v1::Case) -> Leaf {
    let revision = std::mem::take(&mut case.revision);
    let leaf = Leaf::version(&case.encode_to_vec());
    case.revision = revision;
    leaf
}

fn leaf_of_activity(activity: &mut v1::Activity, entity: SyncEntity) -> Leaf {
    let (time, revision) = (activity.record_time.take(), std::mem::take(&mut activity.revision));
    let leaf = Leaf::record(entity, &activity.encode_to_vec());
    (activity.record_time, activity.revision) = (time, revision);
    leaf
}

/// Takes the ids of cases out that are not shared, and says whether there were any. What the partner sees counts in the leaf: it is
/// another one when more of the cases have entered its portfolios.
fn hide(activity: &mut v1::Activity, sharing: &Sharing, outside: &[CaseId]) -> bool {
    let before = activity.case_ids.len();
    if sharing.chooses_cases() {
        activity.case_ids.retain(|id| outside.iter().all(|case| case.as_str() != id));
    }
    activity.case_ids.len() < before
}

fn leaf_of_finding(finding: &mut v1::Finding) -> Leaf {
    let revision = std::mem::take(&mut finding.revision);
    let leaf = Leaf::record(SyncEntity::Finding, &finding.encode_to_vec());
    finding.revision = revision;
    leaf
}

/// A change as it is told to a partner: without the fields that are not shared, nor the ids of the cases `outside`, and with the
/// leaf of what is.
#[must_use]
pub fn shared(mut wire: v1::Change, entity: SyncEntity, sharing: &Sharing, outside: &[CaseId]) -> v1::Change {
    // What does not count has no leaf; where nothing is left out, it stays that of the whole record.
    let part = !wire.digest.is_empty() && !whole(entity, sharing);
    let leaf = match &mut wire.after {
        Some(After::Case(one)) => {
            case(one, sharing);
            part.then(|| leaf_of_case(one))
        }
        Some(After::Activity(one) | After::Void(one)) => {
            activity(one, entity, sharing);
            let hidden = hide(one, sharing, outside);
            (part || hidden && !wire.digest.is_empty()).then(|| leaf_of_activity(one, entity))
        }
        Some(After::Finding(one)) => {
            finding(one, sharing);
            part.then(|| leaf_of_finding(one))
        }
        None => None,
    };
    if let Some(leaf) = leaf {
        wire.digest = leaf.bytes().to_vec();
    }
    match &mut wire.before {
        Some(Before::PreviousCase(one)) => case(one, sharing),
        // An activity, told with a void: it is shared as activities are, or not at all.
        Some(Before::VoidedActivity(one)) if sharing.fields.contains_key(&SyncEntity::Activity) => {
            activity(one, SyncEntity::Activity, sharing);
            hide(one, sharing, outside);
        }
        Some(Before::VoidedActivity(one)) => one.keep(&|_| false),
        Some(Before::PreviousFinding(one)) => finding(one, sharing),
        None => {}
    }
    wire
}

/// What a partner counts of a record; `None` of a finding that does not stand.
///
/// # Errors
/// A stored record is no message.
pub fn counted(record: Record<'_>, sharing: &Sharing) -> Result<Option<Counted>, DecodeError> {
    Ok(match record {
        Record::Version(row) => {
            let mut one = v1::Case::decode(&*row.record)?;
            case(&mut one, sharing);
            let leaf = if whole(SyncEntity::Case, sharing) { row.leaf() } else { leaf_of_case(&mut one) };
            Some(Counted { at: instant(one.effect_time.as_ref()), leaf, amount: of_case(&one) })
        }
        Record::Activity(row, outside) => {
            let mut one = v1::Activity::decode(&*row.record)?;
            activity(&mut one, row.entity, sharing);
            let stored = !hide(&mut one, sharing, outside) && whole(row.entity, sharing);
            let leaf = if stored { row.leaf() } else { leaf_of_activity(&mut one, row.entity) };
            Some(Counted { at: instant(one.occur_time.as_ref()), leaf, amount: of_activity(&one) })
        }
        Record::Finding(row, stands) => {
            let Some(stands) = stands else { return Ok(None) };
            let mut one = finding::finding(row);
            finding(&mut one, sharing);
            let leaf = if whole(SyncEntity::Finding, sharing) { stands } else { leaf_of_finding(&mut one) };
            Some(Counted { at: instant(one.breach_time.as_ref()), leaf, amount: None })
        }
    })
}
