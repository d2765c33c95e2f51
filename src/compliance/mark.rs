//! What may begin a limitation period anew or hold it, as a case remembers it.

use std::num::NonZeroU64;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::memory::{Past, What};
use crate::domain::activity::Activity;
use crate::domain::case::LimitationEventKind;
use crate::domain::detail::{Contact, Detail, LegalStepKind, Payment};
use crate::domain::ids::short_form;
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Channel, Form};

/// It, in few bytes: a case that is paid off in instalments has one for each.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub kind: LimitationEventKind,
    /// Of a demand, that it reached the debtor. `None`: that is not recorded.
    pub reached: Option<bool>,
    /// Of a demand or an acknowledgement, that it is in writing. `None`: that is not recorded.
    pub written: Option<bool>,
    /// Of a payment, its value date, where that is stated.
    pub valued: Option<NaiveDate>,
    pub at: Timestamp,
    /// Of a payment, the short form of its id.
    payment: Option<NonZeroU64>,
    /// Of a payment, what is left of it.
    left: i64,
    /// Of a payment, the short form of the claim that it names.
    pub claim: Option<NonZeroU64>,
}

/// The short form of an id, in the bytes of which its absence has room.
pub(crate) fn short(id: &str) -> NonZeroU64 {
    NonZeroU64::new(short_form(id)).unwrap_or(NonZeroU64::MIN)
}

impl Mark {
    const fn of(kind: LimitationEventKind, at: Timestamp) -> Self {
        Self { kind, reached: None, written: None, valued: None, at, payment: None, left: 0, claim: None }
    }

    pub const fn acknowledgement(at: Timestamp, written: Option<bool>) -> Self {
        Self { written, ..Self::of(LimitationEventKind::Acknowledgement, at) }
    }

    /// Enforcement is apart: some laws let it begin a period anew which an action only holds. A threat or a service brings
    /// nothing before a court.
    pub fn legal_step(at: Timestamp, step: LegalStepKind) -> Option<Self> {
        let kind = match step {
            LegalStepKind::Threat | LegalStepKind::Service => return None,
            LegalStepKind::Enforcement => LimitationEventKind::Enforcement,
            _ => LimitationEventKind::CourtAction,
        };
        Some(Self::of(kind, at))
    }

    /// Nothing is acknowledged by a payment of nothing.
    pub fn payment(activity: &Activity, payment: &Payment) -> Option<Self> {
        let mark = Self::of(LimitationEventKind::Payment, activity.occurred);
        (payment.amount.minor > 0).then(|| Self {
            valued: payment.value_date,
            payment: Some(short(activity.id.as_str())),
            left: payment.amount.minor,
            claim: payment.claim.as_ref().map(|claim| short(claim.as_str())),
            ..mark
        })
    }

    /// Takes back a part of the payment of that short form; whether the mark stays.
    pub fn stays_without(&mut self, payment: NonZeroU64, amount: i64) -> bool {
        if self.payment == Some(payment) {
            self.left = self.left.saturating_sub(amount);
            return self.left > 0;
        }
        true
    }

    /// A demand or a reminder. `None`: nobody was reached by it.
    pub fn demand(activity: &Activity, past: &Past) -> Option<Self> {
        let What::Contact { channel, .. } = &past.what else { return None };
        let spoken = matches!(channel, Channel::Call | Channel::Visit);
        let reached = match (past.received, &activity.detail) {
            (Some(_), _) => Some(true),
            (None, Detail::Contact(contact)) if spoken => heard(contact),
            _ => None,
        };
        let written = match past.form {
            Some(form) => Some(form != Form::Oral),
            None if spoken => Some(false),
            None => matches!(channel, Channel::Letter | Channel::Fax).then_some(true),
        };
        let at = past.received.unwrap_or(past.at);
        let mark = Self::of(LimitationEventKind::DemandReceived, at);
        (reached != Some(false)).then_some(Self { reached, written, ..mark })
    }
}

/// Whether the debtor heard what was said. A message on a voicemail may have been listened to.
fn heard(contact: &Contact) -> Option<bool> {
    if contact.outcome.is_none() && contact.flags.is_none() {
        return None;
    }
    let flags = contact.outcome_flags();
    if flags.right_party { Some(true) } else { (!flags.communication).then_some(false) }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    /// Millions of cases keep theirs in memory.
    #[test]
    fn a_mark_stays_small() {
        assert!(size_of::<Mark>() <= 40, "{} bytes", size_of::<Mark>());
    }
}
