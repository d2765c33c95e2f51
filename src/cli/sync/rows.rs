//! From changes of a feed to rows of a copy: what is counted where, taken from the record itself.

use prost::Message as _;

use super::super::error::CliError;
use crate::domain::digest::Leaf;
use crate::domain::feed::SyncEntity;
use crate::proto::v1;
use crate::proto::v1::activity::Detail;
use crate::proto::v1::change::After;
use crate::store::MirrorRow;
use crate::wire::counted::{instant, of_activity, of_case};

/// The rows that a message brings, in order.
///
/// # Errors
/// A change says nothing, or holds a digest that is none.
pub(super) fn rows(changes: &[v1::Change]) -> Result<Vec<MirrorRow>, CliError> {
    changes.iter().map(row).collect()
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
            let (id, version, at) = (case.case_id.clone(), case.version_id.clone(), instant(case.effect_time.as_ref()));
            row(SyncEntity::Case, id, version, at, of_case(&case), body, None)
        }
        After::Activity(activity) => {
            let (id, at, body) =
                (activity.activity_id.clone(), instant(activity.occur_time.as_ref()), activity.encode_to_vec());
            row(SyncEntity::Activity, id, String::new(), at, of_activity(&activity), body, None)
        }
        After::Void(void) => {
            let (id, at, body) = (void.activity_id.clone(), instant(void.occur_time.as_ref()), void.encode_to_vec());
            let target = match void.detail {
                Some(Detail::Void(record)) => Some(record.target_activity_id),
                // The detail may not be shared: then nobody can tell what is void.
                _ => None,
            };
            row(SyncEntity::Void, id, String::new(), at, None, body, target)
        }
        After::Finding(finding) => {
            let (id, at, body) =
                (finding.finding_id.clone(), instant(finding.breach_time.as_ref()), finding.encode_to_vec());
            row(SyncEntity::Finding, id, String::new(), at, None, body, None)
        }
    })
}
