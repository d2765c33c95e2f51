//! How long accounts are past due from the first day on, and whether they are paid in full meanwhile.
//!
//! An account is told once it is one day past due, and once it is seven, and then what ended that. Both facts are of the day
//! on which it became so and have the dimensions of the first of these days, so that what was paid of the accounts of a
//! period is a part of them. A payment that is taken back takes back the end; one that pays what is due but not all that is
//! owed ends it without being in full.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::CaseLedger;
use super::emit::Sink;
use super::follow::{Exit, Place};
use crate::domain::fact::{Dims, Fact, FactKind};

/// Days past due at which accounts are told.
const FIRST: i32 = 1;
const SEVENTH: i32 = 7;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum End {
    Paid,
    /// Paid less than was owed, by agreement.
    Settled,
    Gone,
}

/// An account's time past due.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PastDue {
    /// Day on which it was one day past due.
    since: i32,
    /// It was told at one day past due, and at seven.
    told: [bool; 2],
    /// When and how it ended.
    ended: Option<(i32, End)>,
    /// Dimensions on the first day.
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

impl PastDue {
    /// Emits that the account was so many days past due, if that was told.
    fn reached(&self, sink: &mut Sink) {
        for (told, days, state) in [(self.told[0], FIRST, "at_1"), (self.told[1], SEVENTH, "at_7")] {
            if told {
                self.fact(FactKind::PastDue, (days, state), sink);
            }
        }
    }

    /// Emits how it ended, or takes that back.
    fn over(&self, sign: i8, sink: &mut Sink) {
        let Some((day, end)) = self.ended else { return };
        let states = match end {
            End::Paid => ["paid_from_1", "paid_from_7"],
            End::Gone => ["gone_from_1", "gone_from_7"],
            End::Settled => return,
        };
        for ((told, days), state) in self.told.into_iter().zip([FIRST, SEVENTH]).zip(states) {
            if told {
                let from = self.since.saturating_add(days - FIRST);
                let mut fact = self.fact_of(FactKind::PastDueEnded, (days, state), sink);
                fact.value = Some(i64::from(day) - i64::from(from));
                sink.out.push(Fact { sign, ..fact });
            }
        }
    }

    fn fact(&self, kind: FactKind, of: (i32, &str), sink: &mut Sink) {
        let fact = self.fact_of(kind, of, sink);
        sink.out.push(fact);
    }

    fn fact_of(&self, kind: FactKind, (days, state): (i32, &str), sink: &Sink) -> Fact {
        let mut fact = sink.plain(kind, 1);
        fact.day = self.since.saturating_add(days - FIRST);
        fact.dims = super::DimRef::of(&self.dims).state(state).shared();
        fact
    }
}

impl CaseLedger {
    /// Something happened, or days passed: tells what that says of the account's time past due. `now` is where it stands.
    pub(super) fn past_due(&mut self, now: Place, sink: &mut Sink) {
        let stock = self.stock();
        let days = stock.past_due.filter(|days| *days > 0 && stock.open > 0 && stock.net > 0);
        let known = self.kept.as_mut().and_then(|kept| kept.past_due.as_mut());
        if known.is_none() && days.is_none() {
            return;
        }
        if let Some(known) = known {
            // Up to what happens now it stood as it was.
            let seventh = known.since.saturating_add(SEVENTH - FIRST);
            if known.ended.is_none() && !known.told[1] && sink.day >= seventh {
                known.told[1] = true;
                known.fact(FactKind::PastDue, (SEVENTH, "at_7"), sink);
            }
            match (known.ended, days) {
                (None, None) => {
                    let end = match now {
                        Place::Gone(Exit::Paid) => End::Paid,
                        Place::Gone(Exit::Settled) => End::Settled,
                        _ => End::Gone,
                    };
                    known.ended = Some((sink.day, end));
                    known.over(1, sink);
                    return;
                }
                (None, Some(_)) | (Some(_), None) => return,
                (Some((_, end)), Some(days)) if known.since == first_day(sink.day, days) => {
                    // What ended it was taken back. An account that left and came back is not told again.
                    if end != End::Gone {
                        known.over(-1, sink);
                        known.ended = None;
                    }
                    return;
                }
                (Some(_), Some(_)) => {}
            }
        }
        let Some(days) = days else { return };
        let began = (days <= SEVENTH).then(|| PastDue {
            since: first_day(sink.day, days),
            told: [days == FIRST, days == SEVENTH],
            ended: None,
            dims: Arc::clone(&sink.dims),
        });
        if let Some(began) = &began {
            began.reached(sink);
        }
        if began.is_some() || self.kept.is_some() {
            self.kept.get_or_insert_default().past_due = began;
        }
    }

    /// Emits what the account's opening told of its time past due, so that `reach` can take it back.
    pub(super) fn past_due_so_far(&self, sink: &mut Sink) {
        if let Some(known) = self.kept.as_ref().and_then(|kept| kept.past_due.as_ref()) {
            known.reached(sink);
        }
    }
}

/// The day on which an account was one day past due that is so many days past due on `day`.
const fn first_day(day: i32, days: i32) -> i32 {
    day.saturating_sub(days - FIRST)
}
