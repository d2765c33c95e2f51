//! What promises on other cases say of the calls that are counted here.

use super::CaseLedger;
use super::books::{Pending, tag};
use super::emit::Sink;
use super::remembered::{LEAD, low};
use crate::domain::activity::Activity;
use crate::domain::ids::ActivityId;
use crate::domain::time::Timestamp;

impl CaseLedger {
    /// A promise on another case names a contact: if that is a call that is counted here, it is one with a promise, whichever of
    /// the two comes first.
    pub(super) fn made_elsewhere(&mut self, activity: &Activity, sink: &mut Sink) {
        let Some(call) = activity.parent.as_ref().map(tag) else { return };
        if self.contacts.find(call, sink.day).is_some() {
            self.contacts.promise_made_on(call, sink);
        } else {
            self.books_mut().pending.push((call, sink.day, Pending::MadeElsewhere));
        }
    }

    /// Whether a contact is remembered as one that is counted here.
    #[must_use]
    pub fn leads(&self, contact: &ActivityId) -> bool {
        let key = tag(contact);
        self.contacts.recent.iter().any(|one| one.key == key && one.has(LEAD))
    }

    /// When the earliest promise of the case was made that names a contact.
    #[must_use]
    pub fn promised_on(&self, contact: &ActivityId) -> Option<Timestamp> {
        let key = low(tag(contact));
        self.promises().iter().filter(|promise| promise.named == key).map(|promise| promise.made).min()
    }
}
