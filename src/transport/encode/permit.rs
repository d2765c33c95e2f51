//! Permits.

use crate::advice::CheckId;
use crate::advice::permits::PermitRow;
use crate::domain::time::Timestamp;
use crate::proto::v1;
use crate::wire::encode::scalar::{id, revision, time};
use crate::wire::words::Word;

/// A permit, read as of an instant.
#[must_use]
pub fn permit(row: &PermitRow, now: Timestamp) -> v1::Permit {
    let permit = &row.permit;
    let (run, number) = &permit.check;
    v1::Permit {
        permit_id: permit.id.to_string(),
        state: row.state(now).number(),
        case_id: permit.case().to_string(),
        person_id: id(permit.person()),
        contact_time: Some(time(permit.at())),
        grant_time: Some(time(permit.granted)),
        expire_time: Some(time(permit.ends)),
        release_time: row.released.map(time),
        check_id: CheckId::new(run, *number).as_str().to_owned(),
        revision: revision(row.revision),
    }
}
