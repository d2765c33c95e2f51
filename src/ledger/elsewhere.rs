//! What promises on other cases say of the calls that are counted here.

use super::CaseLedger;
use super::books::{Pending, tag};
use super::emit::Sink;
use super::remembered::{LEAD, low};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::facts::Facts;
use crate::domain::ids::ActivityId;
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, day_number};

impl CaseLedger {
    /// Folds a promise that does not concern the case, but names a call about several cases that is counted here. The caller
    /// has done as for [`Self::apply`]. It is no activity of the case, and begins none.
    pub fn promised_elsewhere(
        &mut self,
        (market, version): (&Market, &CaseVersion),
        activity: &Activity,
        out: &mut Facts,
    ) {
        self.settled = self.settled.max(activity.occurred);
        let day = day_number(activity.occurred.date(market.zone));
        self.made_elsewhere(activity, &mut Sink::new(out, (day, self.placed_on), market, version));
    }

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
