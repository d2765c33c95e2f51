//! Calls about several cases. Such a call is counted once, on the first of its cases; a promise made on it may stand on another
//! of them, and counts for the call all the same.

use super::activity::Activity;
use super::detail::Detail;
use super::ids::{ActivityId, CaseId};
use super::vocabulary::Channel;

/// Whether it is a call about several cases.
#[must_use]
pub fn is_shared_call(activity: &Activity) -> bool {
    activity.cases.len() > 1 && matches!(&activity.detail, Detail::Contact(contact) if contact.channel == Channel::Call)
}

/// The contact that a promise names.
#[must_use]
pub fn named(promise: &Activity) -> Option<&ActivityId> {
    promise.parent.as_ref().filter(|_| matches!(promise.detail, Detail::Promise(_)))
}

/// The case on which a call is counted that a promise on another of its cases names. None if the promise concerns that case
/// itself, or if it stands on a case that the call was not about.
#[must_use]
pub fn counted_elsewhere<'c>(call: &'c Activity, promise: &Activity) -> Option<&'c CaseId> {
    let (lead, others) = call.cases.split_first()?;
    let own = promise.cases.first()?;
    let names = named(promise) == Some(&call.id);
    (names && is_shared_call(call) && others.contains(own) && !promise.cases.contains(lead)).then_some(lead)
}
