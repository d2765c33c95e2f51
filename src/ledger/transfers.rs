//! Placements, recalls, sales and moves: a case comes with its balance and leaves with it.

use std::sync::Arc;

use super::CaseLedger;
use super::account::Worth;
use super::books::NEVER;
use super::claims::Wide;
use super::emit::{Sink, Stock};
use crate::domain::case::CaseVersion;
use crate::domain::detail::TransferKind;
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::time::Timestamp;

impl CaseLedger {
    pub(super) fn transferred(&mut self, transfer: TransferKind, at: Timestamp, sink: &mut Sink) {
        let before = self.stock();
        let (here, gone) = (!self.away, self.away);
        match transfer {
            TransferKind::CreditCollection => sink.flow(FactKind::SentToCollection, self.owed().total()),
            TransferKind::Recall | TransferKind::Sell if here => {
                let mut fact = sink.plain(FactKind::Recalled, 1);
                fact.dims = sink.case.state(transfer.as_str()).shared();
                let left = self.leave(at, placed_again(sink.version, at));
                sink.amounts(fact, (left.balance, left.principal));
            }
            TransferKind::MoveOut if here => {
                let left = self.leave(at, placed_again(sink.version, at));
                sink.amounts(sink.plain(FactKind::MovedOut, 1), (left.balance, left.principal));
            }
            TransferKind::Place if gone => self.placed(sink),
            TransferKind::MoveIn if gone => {
                let (back, _) = self.come();
                sink.amounts(sink.plain(FactKind::MovedIn, 1), (back.balance, back.principal));
            }
            _ => {}
        }
        sink.stocks(before, self.stock());
        self.on_hand(before.open, sink);
    }

    /// The case comes in with what is owed on it: again, if it had been here and left.
    pub(super) fn placed(&mut self, sink: &mut Sink) {
        let flags = if self.is_gone() { flag::AGAIN } else { 0 };
        let (back, new) = self.come();
        // A claim that was added while the case was away comes in for the first time, whatever comes back with it.
        let fact = sink.plain(FactKind::Placed, 1);
        sink.amounts(Fact { flags, ..fact }, (back.balance - new, back.principal - new));
        if new != 0 {
            sink.placed(new);
        }
    }

    /// The version in force says, or no longer says, that a case that has left was placed again later. Returns whether it comes
    /// in by that at `now`.
    pub(super) fn comes_again(&mut self, version: &CaseVersion, now: Timestamp) -> bool {
        if !self.is_gone() {
            return false;
        }
        let books = self.books_mut();
        books.returns = placed_again(version, books.gone);
        books.returns <= now
    }

    /// The case has left after it had been here, and is away.
    pub(super) fn is_gone(&self) -> bool {
        self.away && self.books.as_ref().is_some_and(|books| books.gone != NEVER)
    }

    /// The flag of what happens to the balance of a case that has left.
    pub(super) fn left_flag(&self) -> u16 {
        if self.is_gone() { flag::AFTER_RECALL } else { 0 }
    }

    /// The case leaves at an instant, and comes back at another one, if that is known. Returns what leaves with it.
    pub(super) fn leave(&mut self, gone: Timestamp, returns: Timestamp) -> Worth {
        self.away = true;
        let books = self.books_mut();
        (books.gone, books.returns) = (gone, returns);
        self.worth()
    }

    /// The case is still to come in, at an instant.
    pub(super) fn wait(&mut self, comes: Timestamp) {
        let coming = self.owed().total();
        self.away = true;
        let books = self.books_mut();
        (books.coming, books.returns) = (Wide::new(coming), comes);
    }

    /// The case comes in. Returns what comes with it, and how much of that is of claims that were added while it was away.
    pub(super) fn come(&mut self) -> (Worth, i128) {
        let again = self.is_gone();
        self.away = false;
        let coming = self.books.as_mut().map(Arc::make_mut).map_or_else(Wide::default, |books| {
            (books.gone, books.returns) = (NEVER, NEVER);
            std::mem::take(&mut books.coming)
        });
        match coming.get() {
            coming if again => (self.worth(), coming),
            coming => (Worth { balance: coming, principal: coming }, 0),
        }
    }

    /// What money that moved before the case came in has changed: paid in advance, it is a credit until then. Of a case that has
    /// left nothing stays.
    pub(super) fn moved_before(&self) -> Stock {
        let Some(books) = self.books.as_ref().filter(|_| !self.is_gone()) else { return Stock::default() };
        let net = self.owed().total() - books.coming.get();
        let (current, undated) = match self.claims.first_due() {
            None => (0, net.max(0)),
            Some(due) if due >= self.day => (net.max(0), 0),
            Some(_) => (0, 0),
        };
        Stock { net, current, undated, ..Stock::default() }
    }
}

/// When a case that left at `gone` is placed again by its master data: they state a placement after that.
fn placed_again(version: &CaseVersion, gone: Timestamp) -> Timestamp {
    version.placement.placed.filter(|placed| *placed > gone).unwrap_or(NEVER)
}

/// What a payment was attributed to may be another agent than the case's: the balance it settles, and the principal of it, moves
/// there first (back again if negative), so that the balance identity holds for each of them.
pub(super) fn moved_to(dims: &Dims, (amount, principal): (i128, i128), sink: &mut Sink) {
    let there = sink.case.acted_by(dims);
    if amount == 0 || there == sink.case {
        return;
    }
    let (there, here) = (there.shared(), Arc::clone(&sink.dims));
    let (from, to) = if amount > 0 { (here, there) } else { (there, here) };
    for (kind, dims) in [(FactKind::MovedOut, from), (FactKind::MovedIn, to)] {
        let mut fact = sink.plain(kind, 0);
        fact.dims = dims;
        sink.amounts(fact, (amount.abs(), principal.abs()));
    }
}
