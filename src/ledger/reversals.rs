//! Reversals: what is taken back of an entry, and what is told of one that states more than there was.

use std::sync::Arc;

use super::account::Settling;
use super::books::{Entry, EntryKind, Part, Pending, Slot};
use super::dims::DimRef;
use super::emit::Sink;
use super::money::fact_kind;
use super::transfers::moved_to;
use super::{CaseLedger, Context};
use crate::domain::detail::ReversalKind;
use crate::domain::fact::{Fact, FactKind, flag};
use crate::domain::money::Money;

impl CaseLedger {
    /// Takes back a part of another activity of the case: at once, or when that comes.
    pub(super) fn reversed(
        &mut self,
        ctx: &Context,
        target: u64,
        amount: Money,
        reason: ReversalKind,
        sink: &mut Sink,
    ) {
        let Some(amount) = super::sound(amount, ctx.version) else { return };
        match self.books_mut().entry(target) {
            Some(entry) => self.take_back(ctx, entry, amount, reason, sink),
            None => {
                let beyond = beyond(amount, "not_there", sink);
                let (day, placed, dims) = (sink.day, beyond.placed, Arc::clone(&beyond.dims));
                self.books_mut().pending.push((target, day, Pending::Reversal { amount, reason, day, placed, dims }));
                sink.out.push(beyond);
            }
        }
    }

    /// Takes back what was to be taken back of an activity before it came.
    pub(super) fn take_back_awaited(&mut self, ctx: &Context, key: u64, sink: &mut Sink) {
        let books = self.books_mut();
        for waiting in books.arrived(key) {
            if let (Pending::Reversal { amount, reason, day, placed, dims }, Some(entry)) =
                (waiting, self.books_mut().entry(key))
            {
                let told = Fact { sign: -1, day, placed, dims, ..beyond(amount, "not_there", sink) };
                sink.out.push(told);
                self.take_back(ctx, entry, amount, reason, sink);
            }
        }
    }

    /// Takes back `amount` of an entry, at most what of it is left: what it settled last is open again first. What was stated
    /// beyond that is told. Taking back counts no fact away: a period in which all was taken back has come to nothing, and is
    /// not one without facts.
    fn take_back(&mut self, ctx: &Context, at: u32, amount: i64, reason: ReversalKind, sink: &mut Sink) {
        let before = self.stock();
        let Some(entry) = self.books_mut().entries.get(at as usize).cloned() else { return };
        if amount > entry.left {
            let payment = entry.kind == EntryKind::Payment;
            let state = if payment { "more_than_payment" } else { "more_than_other" };
            let told = beyond(amount - entry.left, state, sink);
            sink.out.push(told);
        }
        let amount = amount.min(entry.left);
        let wide = i128::from(amount);
        let take = |ledger: &mut Self| {
            let books = ledger.books_mut();
            if entry.kind == EntryKind::Payment {
                books.unpay_promises(at, entry.left, amount);
            }
            if let Some(entry) = books.entries.get_mut(at as usize) {
                entry.left -= amount;
            }
        };
        if entry.kind == EntryKind::Payment {
            let promises = self.books_mut().credited_to(at);
            self.retold((Some(at), &promises), sink, |ledger, _| take(ledger));
            self.deal_follows(sink);
            if entry.left == amount {
                self.unconverted(at, sink);
            }
            self.resolve(None, sink);
        } else {
            take(self);
        }
        let flags = self.left_flag();
        match entry.kind {
            EntryKind::Payment => {
                let dims = DimRef { channel: entry.dims.channel, ..sink.case.acted_by(&entry.dims) };
                let mut fact = sink.plain(FactKind::PaymentReversed, 1);
                fact.dims = dims.state(reason.as_str()).shared();
                fact.flags = super::purchased(ctx.version) | self.books_mut().paid_flags(at);
                sink.amount(fact, wide);
                self.recovers(ctx.version, -wide, &dims.shared(), sink);
            }
            EntryKind::Charge => {
                let mut fact = sink.plain(FactKind::Charge, 0);
                fact.dims = DimRef { state: entry.dims.state.as_deref(), ..sink.case }.shared();
                fact.amount2 = -self.books_mut().untax(at, amount, entry.left);
                fact.flags = super::purchased(ctx.version) | flags;
                sink.amount(fact, -wide);
            }
            EntryKind::WriteDown => sink.amount(Fact { flags, ..sink.plain(FactKind::WrittenUp, 0) }, wide),
            // Told below, with what of it is principal.
            EntryKind::Cancellation => {}
            kind => sink.amount(Fact { flags, ..sink.plain(fact_kind(kind), 0) }, -wide),
        }
        match entry.kind {
            EntryKind::Charge | EntryKind::Interest | EntryKind::WriteUp => {
                let stated = entry.slot.component().map(|component| [(component, amount)].into());
                let settling = self.settling(sink, entry.slot.claim());
                self.settle(at, amount, &Settling { stated: stated.as_ref(), ..settling }, sink);
            }
            EntryKind::Cancellation => {
                let principal = self.reopen(at, amount, sink);
                let fact = Fact { flags, ..sink.plain(FactKind::Cancelled, 0) };
                sink.amounts(fact, (-wide, -principal));
            }
            EntryKind::Payment => {
                let principal = self.reopen(at, amount, sink);
                self.owed_elsewhere(&entry, (wide, principal), sink);
            }
            _ => {
                self.reopen(at, amount, sink);
            }
        }
        sink.stocks(before, self.stock());
    }

    /// Opens again what an entry settled: its credit first, then its parts from the last to the first. Returns how much of it is
    /// principal.
    fn reopen(&mut self, at: u32, amount: i64, sink: &mut Sink) -> i128 {
        let books = self.books_mut();
        let mut order: Vec<usize> = (0..books.parts.len()).rev().collect();
        order.sort_by_key(|&part| books.parts.get(part).is_none_or(|part| part.slot != Slot::CREDIT));
        let (mut left, mut undone, mut credit, mut principal) = (amount, Vec::new(), 0, 0);
        for index in order {
            let Some(part) = books.parts.get_mut(index).filter(|part| part.entry == at) else { continue };
            let taken = part.amount.min(left);
            if taken == 0 {
                continue;
            }
            part.amount -= taken;
            left -= taken;
            if part.slot == Slot::CREDIT {
                credit += i128::from(taken);
            } else if part.slot.is_principal() {
                principal += i128::from(taken);
            }
            undone.push((*part, taken));
        }
        books.credit = super::claims::Wide::new(books.credit.get() - credit);
        books.parts.retain(|part| part.amount != 0);
        for (part, taken) in undone {
            self.allocated(part, -i128::from(taken), if part.amount == 0 { -1 } else { 0 }, sink);
            if let Some(off) = part.off {
                self.lose(Part { entry: off, amount: taken, off: None, ..part }, sink);
            } else if part.slot != Slot::CREDIT {
                self.add(part.slot, i128::from(taken), sink);
            }
        }
        if left > 0 {
            self.owe_regained(at, left, sink);
        }
        principal
    }

    /// What a payment had settled is owed again. It moves back from where the payment counts; and it is owed where the case is
    /// now, which for one that came before or after the case was there has told otherwise.
    fn owed_elsewhere(&self, entry: &Entry, (amount, principal): (i128, i128), sink: &mut Sink) {
        if !entry.after_recall {
            moved_to(&entry.dims, (-amount, -principal), sink);
        }
        match (entry.after_recall, self.is_gone()) {
            (false, true) => sink.amounts(sink.plain(FactKind::Recalled, 0), (amount, principal)),
            (true, false) => {
                let fact = sink.plain(FactKind::Placed, 0);
                sink.amounts(Fact { flags: flag::AGAIN, ..fact }, (amount, principal));
            }
            _ => {}
        }
    }
}

/// A reversal stated so much more than could be taken back, or a write-off or discount so much more than was owed.
pub(super) fn beyond(amount: i64, state: &str, sink: &Sink) -> Fact {
    let fact = sink.plain(FactKind::ReversedBeyond, 1);
    Fact { amount, dims: sink.case.state(state).shared(), ..fact }
}
