//! Time past due as it is seen from outside: where the account stands at the beginning of each day and after each record.

use super::super::*;
use super::Oracle;
use crate::domain::detail::AdjustmentKind;
use crate::domain::vocabulary::Component::Principal;

/// What was seen: the day, the day since which the account is past due, and what would have ended that.
pub(in crate::ledger::tests) type Sight = (i32, Option<i32>, &'static str);

/// Day, state and days of what is told of an account past due.
pub(in crate::ledger::tests) type Overdue = (i32, String, Option<i64>);

/// An account's time past due: since when, whether it was told at one day and at seven, and how it ended.
struct Time {
    since: i32,
    told: [bool; 2],
    ended: Option<(i32, &'static str)>,
}

impl Time {
    fn begin(day: i32, since: i32) -> Option<Self> {
        let days = day - since + 1;
        (days <= 7).then_some(Self { since, told: [days == 1, days == 7], ended: None })
    }

    fn tell(self, told: &mut Vec<Overdue>) {
        for (days, was) in [1, 7].into_iter().zip(self.told) {
            let on = self.since + days - 1;
            if was {
                told.push((on, format!("at_{days}"), None));
            }
            if let (true, Some((day, how @ ("paid" | "gone")))) = (was, self.ended) {
                told.push((on, format!("{how}_from_{days}"), Some(i64::from(day - on))));
            }
        }
    }
}

impl Oracle {
    /// Notes where the account stands; `by` is what has just happened, if anything did.
    pub(in crate::ledger::tests) fn look(&mut self, day: i32, by: Option<&Activity>) {
        let dated = |claim: &str| self.claims.iter().find(|(id, _)| id == claim).and_then(|(_, due)| *due);
        let first = self.claims.iter().filter_map(|(_, due)| *due).min();
        let open = self.tokens.iter().filter(|token| token.settled.is_none());
        let dues =
            open.clone().filter_map(|token| if token.component == Principal { dated(&token.claim) } else { first });
        let owes = self.here && !self.closed && open.clone().count() > self.floating.len();
        let since = dues.min().filter(|due| owes && *due < day).map(|due| due + 1);
        if let Some(Detail::Adjustment { adjustment: AdjustmentKind::SettlementDiscount, .. }) =
            by.map(|one| &one.detail)
        {
            self.discounts.extend(by.map(|one| one.id.as_str().to_owned()));
        }
        let settled = self.discounts.iter().any(|id| self.entries.get(id).is_some_and(|entry| entry.left > 0));
        let how = match by.map(|one| &one.detail) {
            _ if owes => "gone",
            Some(Detail::Payment(_)) if settled => "settled",
            Some(Detail::Payment(_)) => "paid",
            Some(Detail::Adjustment { adjustment: AdjustmentKind::SettlementDiscount, .. }) => "settled",
            _ => "gone",
        };
        self.sights.push((day, since, how));
    }

    /// What is told of its time past due.
    pub(in crate::ledger::tests) fn overdue(&self) -> Vec<Overdue> {
        let (mut told, mut time): (Vec<Overdue>, Option<Time>) = (Vec::new(), None);
        for (day, since, how) in self.sights.iter().copied() {
            // Up to what was seen now it stood as it was.
            if let Some(now) = time.as_mut().filter(|now| now.ended.is_none() && day >= now.since + 6) {
                now.told[1] = true;
            }
            match (time.as_mut().map(|now| (now.since, &mut now.ended)), since) {
                (Some((_, ended @ None)), None) => *ended = Some((day, how)),
                (Some((_, None)), Some(_)) | (_, None) => {}
                (Some((since, ended)), Some(again)) if since == again => {
                    ended.take_if(|(_, how)| *how != "gone");
                }
                (_, Some(since)) => {
                    if let Some(over) = std::mem::replace(&mut time, Time::begin(day, since)) {
                        over.tell(&mut told);
                    }
                }
            }
        }
        if let Some(last) = time {
            last.tell(&mut told);
        }
        told.sort();
        told
    }
}
