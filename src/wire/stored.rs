//! Cases and activities as they are kept: the bytes of their messages, with nothing in them that only the store knows (record
//! time, revision, etag, whether they are void). The same record always has the same bytes, here and on every server: copies
//! are compared by them.

use std::ops::Range;

use prost::Message as _;

use super::decode::{self, DecodeError};
use super::encode;
use super::fields::{Fields, Value};
use super::quick;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::proto::v1;

/// Bytes that several hold at once: records as they came from the database.
pub use prost::bytes::{Buf, Bytes};

/// Why stored bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableError {
    /// They are no such message.
    #[error("{0}")]
    Bytes(#[from] prost::DecodeError),
    /// A field that every record has is missing, or holds what no version of Fairdue has written.
    #[error("{0}")]
    Field(#[from] DecodeError),
}

/// The bytes of an activity.
#[must_use]
pub fn activity(activity: &Activity) -> Vec<u8> {
    encode::activity::activity(activity).encode_to_vec()
}

/// The bytes of a case version.
#[must_use]
pub fn version(version: &CaseVersion) -> Vec<u8> {
    encode::case::case(version).encode_to_vec()
}

/// The activity of stored bytes. Limits are not looked at: what was taken once stays readable when they get tighter.
///
/// # Errors
/// The bytes are no stored activity.
pub fn read_activity(bytes: &[u8]) -> Result<Activity, UnreadableError> {
    if let Some(activity) = quick::activity(bytes) {
        return Ok(activity);
    }
    let wire = v1::Activity::decode(bytes)?;
    Ok(decode::trusting("activity", |at| decode::activity::activity(at, wire))?)
}

/// Fields of a stored activity that are looked for without reading it, by their numbers.
const ACTIVITY_ID: u64 = 1;
const CASE_ID: u64 = 2;
const VOID: u64 = 56;

/// Where in its bytes the id of a stored activity stands, and whether it is a void, without a look at what else it says;
/// `None` if the bytes are no message or have no id.
#[must_use]
pub fn skim(bytes: &[u8]) -> Option<(Range<usize>, bool)> {
    let (mut id, mut void, mut fields) = (None, false, Fields::of(bytes));
    while let Some(field) = fields.field() {
        match field? {
            (ACTIVITY_ID, Value::Bytes(text)) => id = Some(fields.walked() - text.len()..fields.walked()),
            (VOID, Value::Bytes(_)) => void = true,
            _ => {}
        }
    }
    let id = id?;
    std::str::from_utf8(bytes.get(id.clone())?).ok()?;
    Some((id, void))
}

/// Whether a stored activity names more than one case, without a look at what else it says.
#[must_use]
pub fn names_several_cases(bytes: &[u8]) -> bool {
    let (mut cases, mut fields) = (0, Fields::of(bytes));
    while let Some(Some((field, _))) = fields.field() {
        cases += usize::from(field == CASE_ID);
    }
    cases > 1
}

/// The case version of stored bytes, as [`read_activity`].
///
/// # Errors
/// The bytes are no stored case version.
pub fn read_version(bytes: &[u8]) -> Result<CaseVersion, UnreadableError> {
    let wire = v1::Case::decode(bytes)?;
    Ok(decode::trusting("case", |at| decode::case::case(at, wire))?)
}
