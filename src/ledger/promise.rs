//! Promises to pay: which payments count towards which. What became of each is told in [`super::judging`].

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::books::{Books, Pending, index, push_lean, tag};
use super::dims::DimRef;
use super::emit::Sink;
use super::released::no_longer_open;
use super::remembered::{MadeOn, low};
use super::{CaseLedger, Context};
use crate::domain::activity::Activity;
use crate::domain::detail::Promise;
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::ids::ActivityId;
use crate::domain::market::Market;
use crate::domain::time::{DAY, Timestamp, add_days, day_number};
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// What became of a promise.
    PromiseState {
        /// Not judged yet.
        Open = "open",
        /// Paid in full by the end of grace.
        Kept = "kept",
        /// Paid in part by the end of grace, and not in full since.
        PartlyKept = "partly_kept",
        /// Paid in full after grace, by payments that name it.
        Late = "late",
        /// Nothing paid by the end of grace and not in full since, or replaced or withdrawn after its due date.
        Broken = "broken",
        /// Withdrawn, at the latest on its due date.
        Withdrawn = "withdrawn",
        /// Replaced by another one, at the latest on its due date.
        Superseded = "superseded",
        /// Not paid, of a case that was closed or left at the latest on its due date.
        Released = "released",
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
    /// Paid on it by its due date plus grace.
    pub paid_in_time: i64,
    /// Paid on it after that, by payments that name it.
    pub paid_late: i64,
    /// How it stands.
    pub state: PromiseState,
    /// [`DOOMED`], [`ON_CONTACT`] and [`super::released::RELEASED`].
    pub(super) marks: u8,
    /// Flags of its facts: made without an agent, what its call was.
    pub(super) flags: u16,
    /// Day of the contact that it was made on; its own day if on none.
    pub(super) contact_day: i32,
    /// Short form of the contact that it names; zero if it names none. The low half tells the contacts of one case apart, and
    /// keeps promises small.
    pub(super) named: u32,
    /// Dimensions of the fact that it was made: whose it is.
    #[serde(deserialize_with = "super::dims::read_shared")]
    pub(super) dims: Arc<Dims>,
    /// Dimensions of the case when it was judged, once it was.
    #[serde(deserialize_with = "super::dims::read_shared_if_any")]
    pub(super) case: Option<Arc<Dims>>,
}

/// A mark: replaced or withdrawn after its due date. It will count as broken, and nothing more is paid on it.
const DOOMED: u8 = 1;
/// A mark: the contact that it names is there, and counted on this case.
const ON_CONTACT: u8 = 2;

/// The mark that a promise has from the contact that it names.
const fn on_contact(parent: &MadeOn) -> u8 {
    if parent.call == 0 { 0 } else { ON_CONTACT }
}

impl PromiseView {
    /// Short form of the contact that it was made on, if that is counted on this case; else zero.
    pub(super) const fn call(&self) -> u32 {
        if self.marks & ON_CONTACT != 0 { self.named } else { 0 }
    }

    pub(super) const fn is_doomed(&self) -> bool {
        self.marks & DOOMED != 0
    }

    /// What is still to be paid on it, if that may still count.
    fn missing(&self) -> i64 {
        use PromiseState::{Released, Superseded, Withdrawn};
        if matches!(self.state, Withdrawn | Superseded | Released) || self.is_doomed() {
            0
        } else {
            self.amount.saturating_sub(self.paid_in_time).saturating_sub(self.paid_late).max(0)
        }
    }

    /// Day on which it was made, in the market's zone.
    fn made_day(&self, market: &Market) -> i32 {
        day_number(self.made.date(market.zone))
    }

    /// The last day on which a payment keeps it: due date plus grace, and not before the day on which it was made.
    pub(super) fn last_day(&self, market: &Market) -> i32 {
        let last = day_number(add_days(self.due, i64::from(market.promise_grace_days)));
        // No zone's date is more than one ahead of UTC's: the day on which it was made is looked up where it may matter.
        if i64::from(last) > self.made.0.div_euclid(DAY) { last } else { last.max(self.made_day(market)) }
    }

    pub(super) fn kept_already(&self) -> bool {
        self.paid_in_time >= self.amount
    }

    fn end(&mut self, state: PromiseState, sink: &mut Sink) {
        if self.state == PromiseState::Open && !self.kept_already() {
            self.state = state;
            sink.out.push(self.ended(sink));
            if !self.is_released() {
                sink.out.push(no_longer_open(self, sink));
                sink.out.push(Fact { sign: -1, ..expected(self, sink) });
            }
        }
    }

    /// Replaces or withdraws it: after its due date that does not save it.
    pub(super) fn give_up(&mut self, how: PromiseState, sink: &mut Sink) {
        if sink.day <= day_number(self.due) {
            self.end(how, sink);
        } else if self.state == PromiseState::Open && !self.kept_already() {
            self.marks |= DOOMED;
        }
    }

    /// It ended without being judged.
    pub(super) fn ended(&self, sink: &Sink) -> Fact {
        let mut fact = sink.plain(FactKind::PromiseEnded, 1);
        (fact.amount, fact.flags) = (self.amount, self.flags);
        fact.dims = self.of_case(sink.case).state(self.state.as_str()).shared();
        fact
    }

    /// The dimensions of what becomes of it: the case's, with whose promise it is and how it was made.
    pub(super) fn of_case<'a>(&'a self, case: DimRef<'a>) -> DimRef<'a> {
        DimRef { channel: self.dims.channel, direction: self.dims.direction, ..case.acted_by(&self.dims) }
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
    /// After due date plus grace.
    pub late: bool,
}

impl Books {
    /// The promises that a payment of an amount and day counts towards, in that order: the one it names, then those that were
    /// open on its day, by (due, made, id), until the amount is used up.
    pub(super) fn payable(&self, (amount, day): (i64, i32), named: Option<usize>, market: &Market) -> Vec<usize> {
        let open = |promise: &PromiseView| promise.case.is_none() || day <= promise.last_day(market);
        let payable =
            self.promises.iter().enumerate().filter(|(at, one)| one.missing() > 0 && (named == Some(*at) || open(one)));
        let mut order: Vec<(usize, &PromiseView)> = payable.collect();
        order.sort_by_key(|(at, promise)| (named != Some(*at), promise.due, promise.made, &promise.id));
        let mut left = amount;
        let paid = order.into_iter().take_while(|(_, promise)| {
            let some = left > 0;
            left = left.saturating_sub(promise.missing());
            some
        });
        paid.map(|(at, _)| at).collect()
    }

    /// Lets an amount of a payment count towards promises. Returns the first one that got something.
    pub(super) fn pay(
        &mut self,
        order: &[usize],
        (entry, amount): (u32, i64),
        day: i32,
        market: &Market,
    ) -> Option<usize> {
        let (mut left, mut first) = (amount, None);
        for &at in order {
            let Some(promise) = self.promises.get_mut(at) else { continue };
            let part = promise.missing().min(left);
            if part <= 0 {
                continue;
            }
            let late = day > promise.last_day(market);
            *(if late { &mut promise.paid_late } else { &mut promise.paid_in_time }) += part;
            left -= part;
            first = first.or(Some(at));
            push_lean(&mut self.credits, Credit { entry, promise: index(at), amount: part, late });
        }
        first
    }

    /// The promises that an entry counts towards.
    pub(super) fn credited_to(&self, entry: u32) -> Vec<usize> {
        self.credits.iter().filter(|credit| credit.entry == entry).map(|credit| credit.promise as usize).collect()
    }

    /// The promises made on a call.
    pub(super) fn made_on(&self, call: u32) -> impl Iterator<Item = usize> {
        let of_call = self.promises.iter().enumerate().filter(move |(_, promise)| call != 0 && promise.call() == call);
        of_call.map(|(at, _)| at)
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
            if let Some(promise) = self.promises.get_mut(credit.promise as usize) {
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
        let view = PromiseView {
            id: activity.id.clone(),
            made: activity.occurred,
            due: promise.due,
            amount,
            paid_in_time: 0,
            paid_late: 0,
            state: PromiseState::Open,
            marks: parent.as_ref().map_or(0, on_contact),
            flags: parent.as_ref().map_or(0, |parent| parent.flags) | if alone { flag::SELF_SERVICE } else { 0 },
            contact_day: parent.as_ref().map_or(sink.day, |parent| parent.day),
            named: call.map_or(0, low),
            dims: Arc::clone(&dims),
            case: None,
        };
        sink.out.push(made(&view, sink));
        sink.out.push(open(&view, sink));
        sink.out.push(expected(&view, sink));
        if activity.actor.agent.is_some() && super::contact::is_human(activity) {
            let mut fact = sink.plain(FactKind::AgentActive, 1);
            fact.dims = dims;
            sink.out.push(fact);
        }
        let books = Arc::make_mut(self.books.get_or_insert_default());
        let at = books.promises.len();
        push_lean(&mut books.promises, view);
        if let Some(old) = promise.supersedes.as_ref().filter(|old| **old != activity.id) {
            match books.promise(old).and_then(|old| books.promises.get_mut(old)) {
                Some(old) => old.give_up(PromiseState::Superseded, sink),
                None => books.pending.push((tag(old), sink.day, Pending::Superseded)),
            }
        }
        for waiting in books.arrived(tag(&activity.id)) {
            let books = self.books_mut();
            match waiting {
                // Of promises that name each other the first is the one that was replaced.
                Pending::Superseded if promise.supersedes.is_some() => {}
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
                        let order = books.payable((free, day), Some(at), sink.market);
                        self.retold((Some(entry), &order), sink, |ledger, sink| {
                            ledger.books_mut().pay(&order, (entry, free), day, sink.market)
                        });
                    }
                }
                Pending::Reversal { .. } | Pending::MadeOn { .. } | Pending::MadeElsewhere | Pending::Event(..) => {}
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
        view.contact_day = parent.day;
        view.marks |= on_contact(parent);
        if dims == view.dims && flags == view.flags {
            return;
        }
        let is_open = view.is_open();
        let tell = |view: &PromiseView, sign: i8, sink: &mut Sink| {
            sink.out.push(Fact { sign, ..made(view, sink) });
            if is_open {
                sink.out.push(Fact { sign, ..open(view, sink) });
                sink.out.push(Fact { sign, ..expected(view, sink) });
            }
        };
        tell(view, -1, sink);
        (view.flags, view.dims) = (flags, dims);
        tell(view, 1, sink);
    }

    /// What is open of promises leaves the dimensions that the case had, or comes to those that it has now.
    pub(super) fn promises_move(&self, (sign, other): (i8, DimRef<'_>), sink: &mut Sink) {
        for promise in self.promises().iter().filter(|promise| promise.is_open()) {
            if promise.of_case(sink.case) != promise.of_case(other) {
                sink.out.push(Fact { sign, ..open(promise, sink) });
            }
        }
    }

    pub(super) fn promise_withdrawn(&mut self, ctx: &Context, id: &ActivityId, sink: &mut Sink) {
        let books = self.books_mut();
        match books.promise(id).and_then(|at| books.promises.get_mut(at)) {
            Some(promise) => promise.give_up(PromiseState::Withdrawn, sink),
            None if ctx.lead => books.pending.push((tag(id), sink.day, Pending::Withdrawn)),
            None => {}
        }
    }
}

/// What a promise lets expect on its due day.
pub(super) fn expected(promise: &PromiseView, sink: &Sink) -> Fact {
    let mut fact = sink.plain(FactKind::CashExpected, 1);
    fact.day = day_number(promise.due);
    fact.amount = promise.amount;
    fact.dims = DimRef::of(&promise.dims).state("promise").shared();
    fact
}

/// What is open of it, under the case's dimensions.
pub(super) fn open(promise: &PromiseView, sink: &Sink) -> Fact {
    let mut fact = sink.plain(FactKind::PromiseOpen, 1);
    fact.amount = promise.amount;
    fact.dims = promise.of_case(sink.case).shared();
    fact
}

fn made(promise: &PromiseView, sink: &Sink) -> Fact {
    let mut fact = sink.plain(FactKind::PromiseMade, 1);
    fact.day = promise.made_day(sink.market);
    fact.amount = promise.amount;
    fact.flags = promise.flags;
    fact.dims = Arc::clone(&promise.dims);
    fact
}
