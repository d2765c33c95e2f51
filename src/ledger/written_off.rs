//! What was written off and can still be collected. Money that comes for it does not make a credit: as much of it is written up
//! again, and settled.

use std::sync::Arc;

use super::CaseLedger;
use super::account::{Settling, Worth};
use super::books::{Part, Slot, push_lean};
use super::emit::Sink;
use crate::domain::fact::FactKind;
use crate::domain::vocabulary::Component;

impl CaseLedger {
    /// What was written off and can still be collected: of it, what is in such slots.
    pub(super) fn written_off(&self, wanted: impl Fn(Slot) -> bool) -> i128 {
        let Some(books) = &self.books else { return 0 };
        books.written_off().filter(|part| wanted(part.slot)).map(|part| i128::from(part.amount)).sum()
    }

    /// What is there to collect of the case, wherever it is.
    pub(super) fn worth(&self) -> Worth {
        let principal = self.claims.principal() + self.written_off(Slot::is_principal);
        Worth { balance: self.owed().total(), principal }
    }

    /// Puts up to `most` to what was written off of a component: it is written up by as much, and so settled. Returns what is
    /// left of it.
    pub(super) fn regain(
        &mut self,
        by: u32,
        (component, most): (Component, i64),
        settling: &Settling,
        sink: &mut Sink,
    ) -> i64 {
        let mut left = most;
        while left > 0 {
            let Some(books) = self.books.as_mut().map(Arc::make_mut).filter(|books| !books.is_write_off(by)) else {
                break;
            };
            let claim = |slot: Slot| slot.claim().filter(|_| slot.is_principal());
            let rank = |slot: Slot| claim(slot).map(|claim| settling.claims.iter().position(|one| *one == claim));
            let ofs = |part: &Part| part.slot.component() == Some(component) && books.is_write_off(part.entry);
            let parts = books.parts.iter().enumerate().filter(|(_, part)| ofs(part));
            let next = parts.min_by_key(|(at, part)| (rank(part.slot), *at)).map(|(at, _)| at);
            let Some(part) = next.and_then(|at| books.parts.get_mut(at)) else { break };
            let taken = part.amount.min(left);
            part.amount -= taken;
            left -= taken;
            let (off, slot) = (part.entry, part.slot);
            books.parts.retain(|part| part.amount != 0);
            let part = Part { entry: by, slot, amount: taken, since: self.since(slot), off: Some(off) };
            push_lean(&mut self.books_mut().parts, part);
            self.written_up(i128::from(taken), sink);
        }
        left
    }

    /// Emits that what was written off was written up again because it was settled, or that it was not after all.
    fn written_up(&self, amount: i128, sink: &mut Sink) {
        let mut fact = sink.plain(FactKind::WrittenUp, 0);
        fact.flags = self.left_flag();
        fact.dims = sink.case.state("regained").shared();
        sink.amount(fact, amount);
    }

    /// What had been written off is not settled after all, and so is written off again.
    pub(super) fn lose(&mut self, part: Part, sink: &mut Sink) {
        push_lean(&mut self.books_mut().parts, part);
        self.written_up(-i128::from(part.amount), sink);
    }

    /// A write-off is taken back by so much that had been settled since: what settled it settles what is owed.
    pub(super) fn owe_regained(&mut self, off: u32, amount: i64, sink: &mut Sink) {
        let mut left = amount;
        let books = self.books_mut();
        let mut settled = Vec::new();
        for part in books.parts.iter_mut().rev().filter(|part| part.off == Some(off)) {
            let taken = part.amount.min(left);
            part.amount -= taken;
            left -= taken;
            settled.push(Part { amount: taken, off: None, ..*part });
        }
        books.parts.extend(settled);
        books.parts.retain(|part| part.amount != 0);
        self.written_up(-i128::from(amount - left), sink);
    }
}
