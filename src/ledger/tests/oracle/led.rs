//! What led to payments, counted from the list of all that happened: nothing is kept up to date, all is asked at the end.

use super::super::*;
use crate::domain::detail::PageStep;
use crate::domain::vocabulary::MessageEventKind;

/// Kind of fact, day, seconds.
pub(in crate::ledger::tests) type Conversion = (&'static str, i32, i64);

const THIRTY_DAYS: i64 = 30 * 86_400;

/// In the order of facts: what happened, with its instant and day.
#[derive(Debug, Default)]
pub(in crate::ledger::tests) struct Led(Vec<(Activity, i32)>);

impl Led {
    pub(super) fn happened(&mut self, activity: &Activity, day: i32) {
        self.0.push((activity.clone(), day));
    }

    /// The first payment behind a place, not later than that after an instant and day, of which something is left.
    fn paid(&self, (from, at): (usize, Timestamp), last: i32, stands: impl Fn(&str) -> bool) -> Option<i64> {
        let after = self.0.iter().skip(from + 1).filter(|(one, day)| {
            let paid = matches!(&one.detail, Detail::Payment(payment) if payment.amount.minor > 0);
            paid && *day <= last && stands(one.id.as_str())
        });
        after.map(|(one, _)| seconds(at, one.occurred)).next().filter(|seconds| *seconds <= THIRTY_DAYS)
    }

    /// Seconds from a message to its first opening by a person.
    fn opened(&self, message: &Activity) -> Option<i64> {
        let opening = |one: &&(Activity, i32)| {
            let opens =
                matches!(one.0.detail, Detail::MessageEvent { event: MessageEventKind::Opened, machine: false, .. });
            opens && one.0.parent.as_ref() == Some(&message.id)
        };
        self.0.iter().filter(opening).map(|(one, _)| seconds(message.occurred, one.occurred).max(0)).min()
    }

    fn starts_a_visitor(&self, place: usize) -> bool {
        let mut visits = self.0.iter().take(place).filter(|(one, _)| is_page(one, PageStep::Visit));
        visits.next_back().is_none_or(|(last, _)| seconds(last.occurred, self.0[place].0.occurred) > THIRTY_DAYS)
    }

    /// Whether it is the second failure of those between which no payment came and no thirty days passed.
    fn is_second_failure(&self, place: usize) -> bool {
        let (mut count, mut last) = (0, None);
        for (one, _) in self.0.iter().take(place + 1) {
            if matches!(&one.detail, Detail::Payment(payment) if payment.amount.minor > 0) {
                (count, last) = (0, None);
            } else if is_page(one, PageStep::PaymentFailed) {
                let goes_on = last.is_some_and(|last| seconds(last, one.occurred) <= THIRTY_DAYS);
                count = if goes_on { count + 1 } else { 1 };
                last = Some(one.occurred);
            }
        }
        count == 2
    }

    pub(super) fn conversions(&self, stands: impl Fn(&str) -> bool) -> Vec<Conversion> {
        let mut found = Vec::new();
        for (place, (one, day)) in self.0.iter().enumerate() {
            let from = (place, one.occurred);
            let kind = match &one.detail {
                Detail::Contact(_) => FactKind::ContactPaid,
                Detail::Page { step: PageStep::Visit, .. } if self.starts_a_visitor(place) => FactKind::VisitorPaid,
                Detail::Page { step: PageStep::PaymentFailed, .. } if self.is_second_failure(place) => {
                    FactKind::PayerRecovered
                }
                _ => continue,
            };
            let by = |channel| matches!(&one.detail, Detail::Contact(contact) if contact.channel == channel);
            let (is_call, is_message) = (by(Channel::Call), by(Channel::Email));
            let Some(seconds) = self.paid(from, if is_call { day + 30 } else { i32::MAX }, &stands) else { continue };
            found.push((kind.as_str(), *day, seconds));
            let opened = self.opened(one).filter(|opened| is_message && *opened <= seconds);
            found.extend(opened.map(|opened| (FactKind::OpenedPaid.as_str(), *day, seconds - opened)));
        }
        found.sort_unstable();
        found
    }
}

fn is_page(one: &Activity, wanted: PageStep) -> bool {
    matches!(&one.detail, Detail::Page { step, .. } if *step == wanted)
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    (to.0 - from.0) / 1_000_000
}
