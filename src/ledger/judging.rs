//! What became of promises, told when due date plus grace is over; and told anew, of the same day, when money that was paid on
//! one (or on an instalment) is taken back, or comes for it after all.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::books::{Books, NEVER};
use super::debtor::of_debtor;
use super::dims::DimRef;
use super::emit::Sink;
use super::promise::{PromiseState, PromiseView, expected};
use super::released::no_longer_open;
use super::seen::{SeenFor, last_seen, see};
use super::{CaseLedger, midnight};
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, day_number};
use crate::domain::vocabulary::Direction;

/// What an account with a promise that was due is seen for: any, or one of a direction.
const DUE: [(SeenFor, Option<Direction>); 3] = [
    (SeenFor::PromiseDue, None),
    (SeenFor::PromiseDueInbound, Some(Direction::Inbound)),
    (SeenFor::PromiseDueOutbound, Some(Direction::Outbound)),
];

/// What an account that kept a promise is seen for: any, or one of a direction.
const KEPT: [(SeenFor, Option<Direction>); 3] = [
    (SeenFor::PromiseKept, None),
    (SeenFor::PromiseKeptInbound, Some(Direction::Inbound)),
    (SeenFor::PromiseKeptOutbound, Some(Direction::Outbound)),
];

/// A day on which the account kept a promise: the day, the one before it, and the promise by which it is told.
type DayKept = (i32, Option<i32>, usize);

impl PromiseView {
    pub(super) fn is_kept(&self) -> bool {
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
        } else if self.is_doomed() {
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
            if promise.is_released() && !promise.kept_already() {
                promise.state = PromiseState::Released;
                let ended = Fact { day, ..promise.ended(sink) };
                sink.out.push(ended);
                continue;
            }
            promise.state = promise.verdict();
            promise.case = Some(Arc::clone(&sink.dims));
            let promise = promise.clone();
            let judged = self.judged(index, &promise, sink);
            let told = of_debtor(&judged, sink.version, sink.out);
            [Some(judged), told].into_iter().flatten().for_each(|fact| sink.out.push(fact));
            sink.out.push(if promise.is_released() {
                // Paid although nobody asked for it any more: it was expected after all.
                expected(&promise, sink)
            } else {
                Fact { day, ..no_longer_open(&promise, sink) }
            });
            sink.out.push(came(&promise, sink));
            for (seen, _) in DUE.into_iter().filter(|(_, direction)| promise.is_of(*direction)) {
                see(&mut self.kept, seen, day, sink);
            }
            if promise.is_kept() {
                for (seen, direction) in KEPT.into_iter().filter(|(_, direction)| promise.is_of(*direction)) {
                    self.seen_to_keep((index, day), seen, direction, sink);
                }
                self.resolve(None, sink);
            }
        }
    }

    /// Lets `change` alter what was paid by an entry on some promises and on instalments, and tells what is different since of
    /// those that were judged: the former facts are taken back and the new ones told, under the dimensions that the case had
    /// when each was judged.
    pub(super) fn retold<T>(
        &mut self,
        (entry, promises): (Option<u32>, &[usize]),
        sink: &mut Sink,
        change: impl FnOnce(&mut Self, &mut Sink) -> T,
    ) -> T {
        let judged = |at: &usize| self.promises().get(*at).is_some_and(|promise| promise.case.is_some());
        let some = promises.iter().any(judged);
        if !some && !self.books.as_deref().is_some_and(|books| books.has_judged_instalments(entry)) {
            return change(self, sink);
        }
        // The promises of a call differ in which of them is the first that was kept.
        let calls: Vec<u32> = promises.iter().filter_map(|at| Some(self.promises().get(*at)?.call())).collect();
        let concerned: Vec<usize> = if some {
            let all = self.promises().iter().enumerate().filter(|(_, promise)| promise.case.is_some());
            let of_call = |call: u32| call != 0 && calls.contains(&call);
            all.filter(|(at, one)| promises.contains(at) || of_call(one.call())).map(|(at, _)| at).collect()
        } else {
            Vec::new()
        };
        let (before, kept) = (self.told_of_judged(entry, &concerned, sink), self.kept_among(&concerned));
        // Where instalments alone are told anew, no promise is kept or broken by it.
        let days = some.then(|| KEPT.map(|(_, direction)| self.days_kept(direction, sink.market)));
        let done = change(self, sink);
        let books = self.books_mut();
        for at in &concerned {
            if let Some(promise) = books.promises.get_mut(*at) {
                promise.state = promise.verdict();
            }
        }
        let after = self.told_of_judged(entry, &concerned, sink);
        for (before, after) in before.into_iter().zip(after).filter(|(before, after)| before != after) {
            sink.out.extend(before.map(|before| Fact { sign: -1, ..before }));
            sink.out.extend(after);
        }
        if let Some(days) = days.filter(|_| kept != self.kept_among(&concerned)) {
            for ((seen, direction), before) in KEPT.into_iter().zip(days) {
                let after = self.days_kept(direction, sink.market);
                for (sign, these, those) in [(-1, &before, &after), (1, &after, &before)] {
                    for day in these.difference(those) {
                        let fact = self.seen_on(*day, seen, sink);
                        sink.out.push(Fact { sign, ..fact });
                    }
                }
            }
        }
        if some {
            self.resolve(None, sink);
        }
        done
    }

    fn kept_among(&self, promises: &[usize]) -> Vec<bool> {
        promises.iter().map(|at| self.promises().get(*at).is_some_and(PromiseView::is_kept)).collect()
    }

    /// What is told of these promises, and of the instalments that an entry was paid on, that were judged: of each in the same
    /// places, whether or not there is something to tell.
    fn told_of_judged(&self, entry: Option<u32>, promises: &[usize], sink: &Sink) -> Vec<Option<Fact>> {
        let judged = promises.iter().filter_map(|at| Some((*at, self.promises().get(*at)?)));
        let fulfilled = Fulfilled::of(self, sink.market);
        let mut told = Vec::new();
        for (at, promise) in judged {
            let fact = fulfilled.judged(at, promise, sink);
            told.push(of_debtor(&fact, sink.version, sink.out));
            told.extend([Some(fact), Some(came(promise, sink))]);
        }
        if let Some(books) = &self.books {
            told.extend(books.told_of_instalments(entry, sink));
        }
        told
    }

    /// A promise was judged.
    pub(super) fn judged(&self, at: usize, promise: &PromiseView, sink: &Sink) -> Fact {
        Fulfilled::of(self, sink.market).judged(at, promise, sink)
    }

    /// The account was seen to keep a promise that has just been judged, unless another one of that day was. The days of judging
    /// only grow.
    fn seen_to_keep(&self, (index, day): (usize, i32), seen: SeenFor, direction: Option<Direction>, sink: &mut Sink) {
        let kept = self.promises().iter().enumerate().filter(|(at, one)| *at != index && one.is_kept());
        let before = kept.filter(|(_, one)| one.is_of(direction)).map(|(_, one)| one.last_day(sink.market)).max();
        if before != Some(day) {
            let fact = self.seen_on((day, before, index), seen, sink);
            sink.out.push(fact);
        }
    }

    /// The days on which the account kept a promise, each with the one before it and with the first promise of the day.
    fn days_kept(&self, direction: Option<Direction>, market: &Market) -> BTreeSet<DayKept> {
        let kept = self.promises().iter().enumerate().filter(|(_, one)| one.is_kept() && one.is_of(direction));
        let mut days: Vec<(i32, usize)> = kept.map(|(at, promise)| (promise.last_day(market), at)).collect();
        days.sort_unstable();
        days.dedup_by_key(|(day, _)| *day);
        let before = std::iter::once(None).chain(days.iter().map(|(day, _)| Some(*day)));
        before.zip(&days).map(|(before, (day, at))| (*day, before, *at)).collect()
    }

    /// The account was seen to keep a promise, under the dimensions with which that was judged.
    fn seen_on(&self, (day, before, at): DayKept, seen: SeenFor, sink: &Sink) -> Fact {
        let case = self.promises().get(at).map_or(&sink.dims, |promise| case(promise, sink));
        last_seen(seen, &DimRef::of(case), (before, day), sink)
    }
}

/// By which promises of calls, and by which payments, promises were fulfilled: looked up once for all that are told of.
pub(super) struct Fulfilled {
    /// Of the promises of a call that were kept, the first one, by the day of judging.
    first_of_call: HashMap<u32, (i32, usize)>,
    /// The last day on which something was paid on a promise.
    last_paid: HashMap<usize, i32>,
}

impl Fulfilled {
    pub(super) fn of(ledger: &CaseLedger, market: &Market) -> Self {
        let (mut first_of_call, mut last_paid) = (HashMap::new(), HashMap::new());
        let kept = ledger.promises().iter().enumerate().filter(|(_, one)| one.is_kept() && one.call() != 0);
        for (at, promise) in kept {
            let this = (promise.last_day(market), at);
            let first = first_of_call.entry(promise.call()).or_insert(this);
            *first = this.min(*first);
        }
        let books = ledger.books.as_deref();
        let credits = books.into_iter().flat_map(|books| books.credits.iter().map(move |credit| (books, credit)));
        for (books, credit) in credits {
            if let Some(entry) = books.entries.get(credit.entry as usize) {
                let last = last_paid.entry(credit.promise as usize).or_insert(entry.day);
                *last = entry.day.max(*last);
            }
        }
        Self { first_of_call, last_paid }
    }

    /// A promise was judged.
    pub(super) fn judged(&self, at: usize, promise: &PromiseView, sink: &Sink) -> Fact {
        let mut fact = sink.plain(FactKind::PromiseJudged, 1);
        fact.day = promise.last_day(sink.market);
        (fact.amount, fact.amount2) = (promise.amount, promise.came());
        let first = promise.is_kept() && self.first_of_call.get(&promise.call()).is_some_and(|(_, first)| *first == at);
        fact.flags = promise.flags | if first { flag::FIRST_KEPT_OF_CALL } else { 0 };
        // Days from its due date to the payment by which it was full; 0 if that came by then.
        let due = day_number(promise.due);
        let days_after = self.last_paid.get(&at).map_or(0, |last| last.saturating_sub(due).max(0));
        fact.value = matches!(promise.state, PromiseState::Kept | PromiseState::Late).then(|| i64::from(days_after));
        fact.dims = promise.of_case(DimRef::of(case(promise, sink))).state(promise.state.as_str()).shared();
        fact
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
