//! From changes of a feed to rows of a copy: what is counted where, taken from the record itself.

use prost::Message as _;

use super::super::error::CliError;
use crate::domain::digest::{Leaf, principal};
use crate::domain::feed::SyncEntity;
use crate::domain::money::Money;
use crate::domain::time::{SECOND, Timestamp};
use crate::proto::v1;
use crate::proto::v1::activity::Detail;
use crate::proto::v1::change::After;
use crate::store::MirrorRow;
use crate::wire::decode;

/// The rows that a message brings, in order.
///
/// # Errors
/// A change says nothing, or holds a digest that is none.
pub(super) fn rows(changes: &[v1::Change]) -> Result<Vec<MirrorRow>, CliError> {
    changes.iter().map(row).collect()
}

fn instant(time: Option<prost_types::Timestamp>) -> Timestamp {
    // Where the instant is not shared, no day can be told: such copies are compared as a whole.
    let time = time.unwrap_or_default();
    Timestamp(time.seconds.saturating_mul(SECOND).saturating_add(i64::from(time.nanos) / 1000))
}

fn row(change: &v1::Change) -> Result<MirrorRow, CliError> {
    let leaf = match change.digest.as_slice() {
        [] => None,
        bytes => {
            Some(Leaf::from_bytes(bytes).ok_or_else(|| CliError::new("the server sent a digest of another length"))?)
        }
    };
    let after = change.after.clone().ok_or_else(|| CliError::new("the server sent a change that changes nothing"))?;
    let revision = u64::try_from(change.revision).map_err(|_| CliError::new("the server sent a negative revision"))?;
    let row = |entity, id: String, version, at, amount, body, voids| MirrorRow {
        entity,
        id,
        version,
        revision,
        at,
        leaf,
        amount,
        body,
        voids,
    };
    Ok(match after {
        After::Case(case) => {
            let body = case.encode_to_vec();
            let (id, version, at) = (case.case_id.clone(), case.version_id.clone(), instant(case.effect_time));
            row(SyncEntity::Case, id, version, at, principal_of(case), body, None)
        }
        After::Activity(activity) => {
            let (id, at, body) = (activity.activity_id.clone(), instant(activity.occur_time), activity.encode_to_vec());
            row(SyncEntity::Activity, id, String::new(), at, amount_of(activity), body, None)
        }
        After::Void(void) => {
            let (id, at, body) = (void.activity_id.clone(), instant(void.occur_time), void.encode_to_vec());
            let target = match void.detail {
                Some(Detail::Void(record)) => Some(record.target_activity_id),
                // The detail may not be shared: then nobody can tell what is void.
                _ => None,
            };
            row(SyncEntity::Void, id, String::new(), at, None, body, target)
        }
        After::Finding(finding) => {
            let (id, at, body) = (finding.finding_id.clone(), instant(finding.breach_time), finding.encode_to_vec());
            row(SyncEntity::Finding, id, String::new(), at, None, body, None)
        }
    })
}

/// The principal of a case, where what is shared of it tells one.
fn principal_of(case: v1::Case) -> Option<Money> {
    let version = decode::collect("case", |at| decode::case::case(at, case)).ok()?;
    principal(&version)
}

/// The amount of an activity, where what is shared of it tells one.
fn amount_of(activity: v1::Activity) -> Option<Money> {
    let activity = decode::collect("activity", |at| decode::activity::activity(at, activity)).ok()?;
    activity.detail.money()
}
