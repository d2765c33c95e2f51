//! What a case that is closed, or has left, lets expect no more: promises, instalments and settlements that were not past due by
//! then. Nobody collects on them, so that who does not pay has broken nothing; who pays all the same has kept them. When the case
//! is worked again, what is not judged yet is expected again.

use std::sync::Arc;

use super::emit::Sink;
use super::promise::{PromiseState, PromiseView, expected, open};
use super::{CaseLedger, LOST};
use crate::domain::fact::{Fact, FactKind};
use crate::domain::time::day_number;

/// A mark of a promise: nothing is expected of it.
pub(super) const RELEASED: u8 = 4;

impl PromiseView {
    /// Neither judged nor ended, and something is expected of it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, PromiseState::Open) && !self.is_released()
    }

    /// How it stands: what is not expected any more is told as released before it is judged, too.
    #[must_use]
    pub fn stands(&self) -> PromiseState {
        if self.state == PromiseState::Open && self.is_released() { PromiseState::Released } else { self.state }
    }

    /// The case was closed or left before its due date was over, and is not worked again.
    pub(super) const fn is_released(&self) -> bool {
        self.marks & RELEASED != 0
    }

    /// The case is worked no more, or again.
    fn rest(&mut self, at_rest: bool, sink: &mut Sink) {
        if self.state != PromiseState::Open {
            return;
        }
        if at_rest && sink.day <= day_number(self.due) && !self.kept_already() {
            self.marks |= RELEASED;
            sink.out.push(no_longer_open(self, sink));
            sink.out.push(Fact { sign: -1, ..expected(self, sink) });
        } else if !at_rest && self.is_released() {
            self.marks &= !RELEASED;
            sink.out.push(open(self, sink));
            sink.out.push(expected(self, sink));
        }
    }
}

impl CaseLedger {
    /// Closes or reopens the case.
    pub(super) fn close(&mut self, closed: bool, sink: &mut Sink) {
        if closed && !self.closed {
            self.closed_on = sink.day;
            self.marks &= !LOST;
            sink.out.push(sink.plain(FactKind::AccountClosed, 1));
        }
        self.closed = closed;
    }

    /// Days for which the case has been closed, if it is.
    pub(super) fn closed_for(&self, day: i32) -> Option<i64> {
        (self.closed && self.closed_on != i32::MIN).then(|| i64::from(day) - i64::from(self.closed_on))
    }

    /// The case is closed, or away after it was here: nobody works it.
    pub(super) fn is_at_rest(&self) -> bool {
        self.closed || self.is_gone()
    }

    /// The case has come to be worked no more, or again, if it was not so before.
    pub(super) fn rested(&mut self, before: bool, sink: &mut Sink) {
        let now = self.is_at_rest();
        let Some(books) = self.books.as_mut().filter(|_| now != before).map(Arc::make_mut) else { return };
        for promise in &mut books.promises {
            promise.rest(now, sink);
        }
        if let Some(plan) = books.plans.last_mut() {
            plan.rest(now, sink);
        }
        if let Some(deal) = &mut books.deal {
            deal.rest(now, sink.day);
        }
    }
}

/// It is open no more: a stock that has come to nothing differs from one that there never was.
pub(super) fn no_longer_open(promise: &PromiseView, sink: &Sink) -> Fact {
    Fact { count: 0, amount: promise.amount.saturating_neg(), ..open(promise, sink) }
}
