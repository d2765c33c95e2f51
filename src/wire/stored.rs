//! Cases and activities as they are kept: the bytes of their messages, with nothing in them that only the store knows (record
//! time, revision, etag, whether they are void). The same record always has the same bytes, here and on every server: copies
//! are compared by them.

use prost::Message as _;

use super::decode::{self, DecodeError};
use super::encode;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::proto::v1;

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
    let wire = v1::Activity::decode(bytes)?;
    Ok(decode::trusting("activity", |at| decode::activity::activity(at, wire))?)
}

/// The case version of stored bytes, as [`read_activity`].
///
/// # Errors
/// The bytes are no stored case version.
pub fn read_version(bytes: &[u8]) -> Result<CaseVersion, UnreadableError> {
    let wire = v1::Case::decode(bytes)?;
    Ok(decode::trusting("case", |at| decode::case::case(at, wire))?)
}
