//! Promises to pay: which payments count towards which, and what became of each at its due date plus grace.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::books::{Books, NEVER, Pending, index, push_lean, tag};
use super::contact::first_resolved;
use super::dims::DimRef;
use super::emit::Sink;
use super::follow::Kept;
use super::remembered::MadeOn;
use super::seen::{SeenFor, see};
use super::{CaseLedger, Context, midnight};
use crate::domain::activity::Activity;
use crate::domain::detail::Promise;
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::ids::ActivityId;
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, add_days, day_number};
use crate::domain::vocabulary::{Direction, vocabulary};

vocabulary!(
    /// What became of a promise.
    PromiseState {
        /// Not judged yet.
        Open = "open",
        /// Paid in full by its due date.
        Kept = "kept",
        /// Paid in part by the end of grace.
        PartlyKept = "partly_kept",
        /// Paid in full after its due date, within grace.
        Late = "late",
        /// Nothing paid by the end of grace, or replaced after its due date.
        Broken = "broken",
        /// Withdrawn before it was judged.
        Withdrawn = "withdrawn",
        /// Replaced by another one, at the latest on its due date.
        Superseded = "superseded",
    }
);

/// One promise of a case and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseView {
    /// The promise's activity.
    pub id: ActivityId,
    /// When it was made.
    pub made: Timestamp,
    /// Last day to pay.
    pub due: NaiveDate,
    /// Amount promised, minor units of the case's currency.
    pub amount: i64,
    /// Paid on it by its due date.
    pub paid_in_time: i64,
    /// Paid on it after its due date, before it was judged.
    pub paid_late: i64,
    /// How it stands.
    pub state: PromiseState,
    /// Replaced after its due date: it will count as broken, and nothing more is paid on it.
    pub(super) doomed: bool,
    /// Flags of its facts: made without an agent, what its call was.
    pub(super) flags: u16,
    /// Day of the contact that it was made on; its own day if on none.
    pub(super) contact_day: i32,
    /// Short form of the contact that it was made on, if that is counted on this case; else zero.
    pub(super) call: u32,
    /// When it will be judged.
    pub(super) judged_at: Timestamp,
    /// Dimensions of the fact that it was made: whose it is.
    #[serde(deserialize_with = "super::dims::read_shared")]
    pub(super) dims: Arc<Dims>,
}

impl PromiseView {
    /// What is still to be paid on it.
    fn missing(&self) -> i64 {
        if self.state == PromiseState::Open && !self.doomed {
            self.amount.saturating_sub(self.paid_in_time).saturating_sub(self.paid_late).max(0)
        } else {
            0
        }
    }

    /// Day on which it was made, in the market's zone.
    fn made_day(&self, sink: &Sink) -> i32 {
        day_number(self.made.date(sink.market.zone))
    }

    fn kept_already(&self) -> bool {
        self.paid_in_time >= self.amount
    }

    fn end(&mut self, state: PromiseState, sink: &mut Sink) {
        if self.state == PromiseState::Open && !self.kept_already() {
            self.state = state;
            self.judged_at = NEVER;
            let mut fact = sink.plain(FactKind::PromiseEnded, 1);
            fact.amount = self.amount;
            fact.flags = self.flags;
            fact.dims = self.told(state, sink);
            sink.out.push(fact);
            sink.out.push(Fact { sign: -1, ..open(self, sink) });
            sink.out.push(Fact { sign: -1, ..expected(self, sink) });
        }
    }

    /// Replaces it: after its due date that does not save it.
    pub(super) fn supersede(&mut self, sink: &mut Sink) {
        if sink.day <= day_number(self.due) {
            self.end(PromiseState::Superseded, sink);
        } else if self.state == PromiseState::Open && !self.kept_already() {
            self.doomed = true;
        }
    }

    fn told(&self, state: PromiseState, sink: &Sink) -> Arc<Dims> {
        self.of_case(sink.case).state(state.as_str()).shared()
    }

    /// The dimensions of what becomes of it: the case's, with whose promise it is and how it was made.
    fn of_case<'a>(&'a self, case: DimRef<'a>) -> DimRef<'a> {
        DimRef { channel: self.dims.channel, direction: self.dims.direction, ..case.acted_by(&self.dims) }
    }

    fn judge(&mut self) {
        self.judged_at = NEVER;
        self.state = if self.kept_already() {
            PromiseState::Kept
        } else if self.doomed {
            PromiseState::Broken
        } else if self.paid_in_time.saturating_add(self.paid_late) >= self.amount {
            PromiseState::Late
        } else if self.paid_in_time > 0 || self.paid_late > 0 {
            PromiseState::PartlyKept
        } else {
            PromiseState::Broken
        };
    }
}

/// A part of a payment that counts towards a promise.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Credit {
    /// Index of the payment's entry.
    pub entry: u32,
    /// Index of the promise.
    pub promise: u32,
    /// How much.
    pub amount: i64,
    /// After the due date.
    pub late: bool,
}

impl Books {
    /// Lets up to `amount` of a payment count towards the promise it names, then towards open ones by (due, made,
    /// id). Returns the first promise that got something.
    pub(super) fn pay_promises(&mut self, entry: u32, amount: i64, day: i32, named: Option<usize>) -> Option<usize> {
        if self.promises.is_empty() {
            return None;
        }
        let mut order: Vec<usize> = (0..self.promises.len()).collect();
        order.retain(|&at| self.promises.get(at).is_some_and(|promise| promise.missing() > 0));
        order.sort_by_key(|&at| (named != Some(at), self.promises.get(at).map(|p| (p.due, p.made, &p.id))));
        let (mut left, mut first) = (amount, None);
        for at in order {
            let Some(promise) = self.promises.get_mut(at) else { continue };
            let part = promise.missing().min(left);
            if part <= 0 {
                continue;
            }
            let late = day > day_number(promise.due);
            *(if late { &mut promise.paid_late } else { &mut promise.paid_in_time }) += part;
            left -= part;
            first = first.or(Some(at));
            push_lean(&mut self.credits, Credit { entry, promise: index(at), amount: part, late });
        }
        first
    }

    /// What of an entry counts towards promises.
    pub(super) fn credited(&self, entry: u32) -> i64 {
        self.credits.iter().filter(|credit| credit.entry == entry).map(|credit| credit.amount).sum()
    }

    /// Takes `amount` of a payment back: first what counted towards no promise, then the promise paid last.
    pub(super) fn unpay_promises(&mut self, entry: u32, left_before: i64, amount: i64) {
        let mut take = amount - (left_before - self.credited(entry)).clamp(0, amount);
        for credit in self.credits.iter_mut().rev().filter(|credit| credit.entry == entry) {
            let part = credit.amount.min(take);
            credit.amount -= part;
            take -= part;
            if let Some(promise) = self.promises.get_mut(credit.promise as usize)
                && promise.state == PromiseState::Open
            {
                *(if credit.late { &mut promise.paid_late } else { &mut promise.paid_in_time }) -= part;
            }
        }
        self.credits.retain(|credit| credit.amount > 0);
    }
}

impl CaseLedger {
    /// Every promise of the case, in the order of facts.
    #[must_use]
    pub fn promises(&self) -> &[PromiseView] {
        self.books.as_ref().map_or(&[], |books| &books.promises)
    }

    pub(super) fn promised(&mut self, ctx: &Context, activity: &Activity, promise: &Promise, sink: &mut Sink) {
        let Some(amount) = super::sound(promise.amount, ctx.version) else { return };
        let call = activity.parent.as_ref().map(tag);
        let parent = call.and_then(|key| self.contacts.find(key, sink.day)).map(MadeOn::of);
        let mut dims = sink.case;
        (dims.agent, dims.team) = super::who(activity, &sink.case);
        dims.channel = promise.channel;
        dims.direction = Some(activity.direction());
        let own = dims;
        let dims = parent.as_ref().map_or(own, |parent| parent.dims(own)).shared();
        let alone = self.without_agent(activity, sink.day);
        let last = add_days(promise.due, i64::from(ctx.market.promise_grace_days));
        let after = day_number(last).max(sink.day).saturating_add(1);
        let view = PromiseView {
            id: activity.id.clone(),
            made: activity.occurred,
            due: promise.due,
            amount,
            paid_in_time: 0,
            paid_late: 0,
            state: PromiseState::Open,
            doomed: false,
            flags: parent.as_ref().map_or(0, |parent| parent.flags) | if alone { flag::SELF_SERVICE } else { 0 },
            contact_day: parent.as_ref().map_or(sink.day, |parent| parent.day),
            call: parent.as_ref().map_or(0, |parent| parent.call),
            judged_at: midnight(ctx.market, after),
            dims: Arc::clone(&dims),
        };
        sink.out.push(made(&view, sink));
        sink.out.push(open(&view, sink));
        sink.out.push(expected(&view, sink));
        if activity.actor.agent.is_some() && super::is_human(activity) {
            let mut fact = sink.plain(FactKind::AgentActive, 1);
            fact.dims = dims;
            sink.out.push(fact);
        }
        let books = Arc::make_mut(self.books.get_or_insert_default());
        let at = books.promises.len();
        push_lean(&mut books.promises, view);
        if let Some(old) = &promise.supersedes {
            match books.promise(old).and_then(|old| books.promises.get_mut(old)) {
                Some(old) => old.supersede(sink),
                None => books.pending.push((tag(old), sink.day, Pending::Superseded)),
            }
        }
        for waiting in books.arrived(tag(&activity.id)) {
            match waiting {
                Pending::Withdrawn | Pending::Superseded => {
                    let how = match waiting {
                        Pending::Withdrawn => PromiseState::Withdrawn,
                        _ => PromiseState::Superseded,
                    };
                    books.promises.iter_mut().skip(at).for_each(|promise| promise.end(how, sink));
                }
                Pending::Paid { entry } => {
                    let paid = books.entries.get(entry as usize).map(|paid| (paid.left, paid.day));
                    if let Some((left, day)) = paid {
                        let free = left - books.credited(entry);
                        books.pay_promises(entry, free, day, Some(at));
                    }
                }
                Pending::Reversal { .. } | Pending::MadeOn { .. } | Pending::Event(..) => {}
            }
        }
        match (call, parent.is_some()) {
            (Some(call), true) => self.contacts.promise_made_on(call, sink),
            (Some(call), false) => {
                let waiting = (call, sink.day, Pending::MadeOn { promise: index(at) });
                self.books_mut().pending.push(waiting);
            }
            (None, _) => {}
        }
    }

    /// The call of a promise came after the promise: what the promise has from its call is put right.
    pub(super) fn made_on_late(&mut self, promise: u32, parent: &MadeOn, sink: &mut Sink) {
        let books = Arc::make_mut(self.books.get_or_insert_default());
        let Some(view) = books.promises.get_mut(promise as usize) else { return };
        let dims = parent.dims(DimRef::of(&view.dims)).shared();
        let mut flags = view.flags | parent.flags;
        if !parent.alone {
            flags &= !flag::SELF_SERVICE;
        }
        (view.contact_day, view.call) = (parent.day, parent.call);
        if dims != view.dims || flags != view.flags {
            let is_open = view.state == PromiseState::Open;
            sink.out.push(Fact { sign: -1, ..made(view, sink) });
            if is_open {
                sink.out.push(Fact { sign: -1, ..open(view, sink) });
                sink.out.push(Fact { sign: -1, ..expected(view, sink) });
            }
            (view.flags, view.dims) = (flags, dims);
            sink.out.push(made(view, sink));
            if is_open {
                sink.out.push(open(view, sink));
                sink.out.push(expected(view, sink));
            }
        }
    }

    /// What is open of promises leaves the dimensions that the case had, or comes to those that it has now.
    pub(super) fn promises_move(&self, (sign, other): (i8, DimRef<'_>), sink: &mut Sink) {
        for promise in self.promises().iter().filter(|promise| promise.state == PromiseState::Open) {
            if promise.of_case(sink.case) != promise.of_case(other) {
                sink.out.push(Fact { sign, ..open(promise, sink) });
            }
        }
    }

    pub(super) fn promise_withdrawn(&mut self, ctx: &Context, id: &ActivityId, sink: &mut Sink) {
        let books = self.books_mut();
        match books.promise(id).and_then(|at| books.promises.get_mut(at)) {
            Some(promise) => promise.end(PromiseState::Withdrawn, sink),
            None if ctx.lead => books.pending.push((tag(id), sink.day, Pending::Withdrawn)),
            None => {}
        }
    }

    /// Judges the promises whose instant is `at`, on the day that due date plus grace ends.
    pub(super) fn judge(&mut self, market: &Market, at: Timestamp, sink: &mut Sink) {
        let Some(books) = self.books.as_mut().map(Arc::make_mut) else { return };
        let known = books.promises.iter().filter(|one| one.state == PromiseState::Kept).map(|one| one.call);
        let mut calls: Vec<u32> = known.collect();
        for promise in books.promises.iter_mut().filter(|promise| promise.judged_at <= at) {
            promise.judge();
            let mut fact = sink.plain(FactKind::PromiseJudged, 1);
            let last = add_days(promise.due, i64::from(market.promise_grace_days));
            fact.day = day_number(last).max(promise.made_day(sink));
            fact.amount = promise.amount;
            fact.amount2 = promise.paid_in_time.min(promise.amount);
            fact.flags = promise.flags;
            if promise.state == PromiseState::Kept && promise.call != 0 && !calls.contains(&promise.call) {
                calls.push(promise.call);
                fact.flags |= flag::FIRST_KEPT_OF_CALL;
            }
            fact.dims = promise.told(promise.state, sink);
            let fact_day = fact.day;
            sink.out.push(fact);
            sink.out.push(Fact { sign: -1, day: fact_day, ..open(promise, sink) });
            let came = promise.paid_in_time.min(promise.amount);
            sink.out.push(Fact { count: 0, amount: 0, amount2: came, ..expected(promise, sink) });
            let kept = promise.state == PromiseState::Kept;
            seen_by(&mut self.kept, promise.dims.direction, (false, fact_day), sink);
            if kept {
                seen_by(&mut self.kept, promise.dims.direction, (true, fact_day), sink);
                first_resolved(&mut self.marks, promise.flags, promise.contact_day, &promise.dims, sink);
            }
        }
    }
}

/// The account was seen for a promise that was due, or kept: of any direction, and of its own.
fn seen_by(seen: &mut Option<Box<Kept>>, by: Option<Direction>, (kept, day): (bool, i32), sink: &mut Sink) {
    let (any, inbound, outbound) = match kept {
        false => (SeenFor::PromiseDue, SeenFor::PromiseDueInbound, SeenFor::PromiseDueOutbound),
        true => (SeenFor::PromiseKept, SeenFor::PromiseKeptInbound, SeenFor::PromiseKeptOutbound),
    };
    see(seen, any, day, sink);
    match by {
        Some(Direction::Inbound) => see(seen, inbound, day, sink),
        Some(Direction::Outbound) => see(seen, outbound, day, sink),
        _ => {}
    }
}

/// What a promise lets expect on its due day.
fn expected(promise: &PromiseView, sink: &Sink) -> Fact {
    let mut fact = sink.plain(FactKind::CashExpected, 1);
    fact.day = day_number(promise.due);
    fact.amount = promise.amount;
    fact.dims = DimRef::of(&promise.dims).state("promise").shared();
    fact
}

/// What is open of it, under the case's dimensions.
fn open(promise: &PromiseView, sink: &Sink) -> Fact {
    let mut fact = sink.plain(FactKind::PromiseOpen, 1);
    fact.amount = promise.amount;
    fact.dims = promise.of_case(sink.case).shared();
    fact
}

fn made(promise: &PromiseView, sink: &Sink) -> Fact {
    let mut fact = sink.plain(FactKind::PromiseMade, 1);
    fact.day = promise.made_day(sink);
    fact.amount = promise.amount;
    fact.flags = promise.flags;
    fact.dims = Arc::clone(&promise.dims);
    fact
}
