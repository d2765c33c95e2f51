//! What became of promises, told when due date plus grace is over; and told anew, of the same day, when money that was paid on
//! one (or on an instalment) is taken back, or comes for it after all.

use std::sync::Arc;

use super::books::{Books, NEVER};
use super::dims::DimRef;
use super::emit::Sink;
use super::promise::{PromiseState, PromiseView, expected, open};
use super::seen::{SeenFor, last_seen, see};
use super::{CaseLedger, midnight};
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::market::Market;
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::Direction;

/// What an account that kept a promise is seen for: any, or one of a direction.
const KEPT: [(SeenFor, Option<Direction>); 3] = [
    (SeenFor::PromiseKept, None),
    (SeenFor::PromiseKeptInbound, Some(Direction::Inbound)),
    (SeenFor::PromiseKeptOutbound, Some(Direction::Outbound)),
];

impl PromiseView {
    fn is_kept(&self) -> bool {
        self.state == PromiseState::Kept
    }

    /// Of that direction, or of any.
    fn is_of(&self, direction: Option<Direction>) -> bool {
        direction.is_none() || self.dims.direction == direction
    }

    /// What is to be said of it now that its last day is over.
    fn verdict(&self) -> PromiseState {
        if self.kept_already() {
            PromiseState::Kept
        } else if self.doomed {
            PromiseState::Broken
        } else if self.paid_in_time.saturating_add(self.paid_late) >= self.amount {
            PromiseState::Late
        } else if self.paid_in_time > 0 {
            PromiseState::PartlyKept
        } else {
            PromiseState::Broken
        }
    }

    /// What came of it in time, at most what was promised.
    fn came(&self) -> i64 {
        self.paid_in_time.min(self.amount)
    }
}

impl Books {
    /// When the next promise is judged.
    pub(super) fn promise_due(&self, market: &Market) -> Timestamp {
        let open = self.promises.iter().filter(|promise| promise.state == PromiseState::Open);
        let last = open.map(|promise| promise.last_day(market)).min();
        last.map_or(NEVER, |last| midnight(market, last.saturating_add(1)))
    }
}

impl CaseLedger {
    /// Judges the promises whose last day is over, as of that day.
    pub(super) fn judge(&mut self, sink: &mut Sink) {
        for index in 0..self.promises().len() {
            let waiting = self.promises().get(index).filter(|promise| promise.state == PromiseState::Open);
            let Some(day) = waiting.map(|promise| promise.last_day(sink.market)).filter(|day| *day < sink.day) else {
                continue;
            };
            let Some(promise) = self.books_mut().promises.get_mut(index) else { return };
            promise.state = promise.verdict();
            promise.case = Some(Arc::clone(&sink.dims));
            let promise = promise.clone();
            sink.out.push(self.judged(index, &promise, sink));
            sink.out.push(Fact { sign: -1, day, ..open(&promise, sink) });
            sink.out.push(came(&promise, sink));
            see(&mut self.kept, SeenFor::PromiseDue, day, sink);
            match promise.dims.direction {
                Some(Direction::Inbound) => see(&mut self.kept, SeenFor::PromiseDueInbound, day, sink),
                Some(Direction::Outbound) => see(&mut self.kept, SeenFor::PromiseDueOutbound, day, sink),
                _ => {}
            }
            if promise.is_kept() {
                // The days of judging only grow: if it is the first of its day, it stands at the end.
                let last = KEPT.map(|kept| self.days_kept(kept, sink).pop().filter(|(of, _)| *of == index));
                sink.out.extend(last.into_iter().flatten().map(|(_, fact)| fact));
                self.resolve(None, sink);
            }
        }
    }

    /// Lets `change` alter what was paid on promises and instalments that may be judged, and tells what is different of them
    /// since: the former facts are taken back and the new ones told, under the dimensions that the case had when each was
    /// judged.
    pub(super) fn retold<T>(&mut self, sink: &mut Sink, change: impl FnOnce(&mut Self, &mut Sink) -> T) -> T {
        let judged = |books: &Books| {
            books.promises.iter().any(|promise| promise.case.is_some()) || books.has_judged_instalments()
        };
        if !self.books.as_deref().is_some_and(judged) {
            return change(self, sink);
        }
        let mut before = self.told_of_judged(sink);
        let done = change(self, sink);
        for promise in self.books_mut().promises.iter_mut().filter(|promise| promise.case.is_some()) {
            promise.state = promise.verdict();
        }
        let mut after = self.told_of_judged(sink);
        after.retain(|fact| match before.iter().position(|known| known == fact) {
            Some(same) => {
                before.swap_remove(same);
                false
            }
            None => true,
        });
        if !(before.is_empty() && after.is_empty()) {
            sink.out.extend(before.into_iter().map(|fact| Fact { sign: -1, ..fact }));
            sink.out.extend(after);
            self.resolve(None, sink);
        }
        done
    }

    /// Everything that is told of the promises and instalments that were judged, but for what ended with the judging.
    fn told_of_judged(&self, sink: &Sink) -> Vec<Fact> {
        let judged = self.promises().iter().enumerate().filter(|(_, promise)| promise.case.is_some());
        let mut told: Vec<Fact> =
            judged.flat_map(|(at, promise)| [self.judged(at, promise, sink), came(promise, sink)]).collect();
        for kept in KEPT {
            told.extend(self.days_kept(kept, sink).into_iter().map(|(_, fact)| fact));
        }
        if let Some(books) = &self.books {
            told.extend(books.told_of_instalments(sink));
        }
        told
    }

    /// A promise was judged.
    fn judged(&self, at: usize, promise: &PromiseView, sink: &Sink) -> Fact {
        let mut fact = sink.plain(FactKind::PromiseJudged, 1);
        fact.day = promise.last_day(sink.market);
        (fact.amount, fact.amount2) = (promise.amount, promise.came());
        fact.flags =
            promise.flags | if self.is_first_of_call(at, promise, sink) { flag::FIRST_KEPT_OF_CALL } else { 0 };
        fact.value =
            matches!(promise.state, PromiseState::Kept | PromiseState::Late).then(|| self.days_after(at, promise));
        fact.dims = promise.of_case(DimRef::of(case(promise, sink))).state(promise.state.as_str()).shared();
        fact
    }

    /// Days from its due date to the payment by which it was full; 0 if that came by then.
    fn days_after(&self, at: usize, promise: &PromiseView) -> i64 {
        let Some(books) = &self.books else { return 0 };
        let paid = books.credits.iter().filter(|credit| credit.promise as usize == at);
        let days = paid.filter_map(|credit| books.entries.get(credit.entry as usize)).map(|entry| entry.day);
        let due = crate::domain::time::day_number(promise.due);
        days.max().map_or(0, |last| i64::from(last).saturating_sub(due.into()).max(0))
    }

    /// Of the promises of its call that were kept, it is the first one, by the day of judging.
    fn is_first_of_call(&self, at: usize, promise: &PromiseView, sink: &Sink) -> bool {
        let day = promise.last_day(sink.market);
        let mut others =
            self.promises().iter().enumerate().filter(|(_, one)| one.is_kept() && one.call == promise.call);
        promise.is_kept()
            && promise.call != 0
            && others.all(|(other, one)| (day, at) <= (one.last_day(sink.market), other))
    }

    /// The days on which the account kept a promise, as facts that say how long the one before is ago, each with the promise
    /// that it is told by: the first one of its day.
    fn days_kept(&self, (seen, direction): (SeenFor, Option<Direction>), sink: &Sink) -> Vec<(usize, Fact)> {
        let kept = self.promises().iter().enumerate().filter(|(_, one)| one.is_kept() && one.is_of(direction));
        let mut days: Vec<_> = kept.map(|(at, promise)| (promise.last_day(sink.market), at, promise)).collect();
        days.sort_unstable_by_key(|(day, at, _)| (*day, *at));
        days.dedup_by_key(|(day, ..)| *day);
        let before = std::iter::once(None).chain(days.iter().map(|(day, ..)| Some(*day)));
        let told = before.zip(&days).map(|(before, (day, at, promise))| {
            (*at, last_seen(seen, &DimRef::of(case(promise, sink)), (before, *day), sink))
        });
        told.collect()
    }

    /// Whether a first contact led to a payment on it, of which something is left, or to a promise on it that is kept.
    pub(super) fn keeps(&self, first: u16) -> Option<(i32, Arc<Dims>)> {
        let mut kept = self.promises().iter().filter(|promise| promise.is_kept() && promise.flags & first != 0);
        kept.next().map(|promise| (promise.contact_day, Arc::clone(&promise.dims)))
    }
}

/// The case's dimensions when a promise was judged.
fn case<'a>(promise: &'a PromiseView, sink: &'a Sink) -> &'a Arc<Dims> {
    promise.case.as_ref().unwrap_or(&sink.dims)
}

/// What came of what a promise let expect.
fn came(promise: &PromiseView, sink: &Sink) -> Fact {
    Fact { count: 0, amount: 0, amount2: promise.came(), ..expected(promise, sink) }
}
