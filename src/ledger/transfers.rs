//! Placements, recalls, sales and moves: a case comes with its balance and leaves with it.

use std::sync::Arc;

use super::CaseLedger;
use super::emit::Sink;
use crate::domain::detail::TransferKind;
use crate::domain::fact::{Dims, Fact, FactKind, flag};

impl CaseLedger {
    pub(super) fn transferred(&mut self, transfer: TransferKind, sink: &mut Sink) {
        let before = self.stock();
        let (here, gone) = (!self.away, self.away);
        match transfer {
            TransferKind::CreditCollection => sink.flow(FactKind::SentToCollection, self.balance().total()),
            TransferKind::Recall | TransferKind::Sell if here => {
                let mut fact = sink.plain(FactKind::Recalled, 1);
                fact.dims = sink.case.state(transfer.as_str()).shared();
                let left = self.park();
                sink.amounts(fact, left);
            }
            TransferKind::MoveOut if here => {
                let left = self.park();
                sink.amounts(sink.plain(FactKind::MovedOut, 1), left);
            }
            TransferKind::Place if gone => self.placed(flag::AGAIN, sink),
            TransferKind::MoveIn if gone => {
                let back = self.unpark(sink);
                sink.amounts(sink.plain(FactKind::MovedIn, 1), (back.all, back.principal));
            }
            _ => {}
        }
        sink.stocks(before, self.stock());
        self.on_hand(before.open, sink);
    }

    /// The case comes in, with what was set aside for it.
    pub(super) fn placed(&mut self, flags: u16, sink: &mut Sink) {
        let back = self.unpark(sink);
        // A claim that was added while the case was away comes in for the first time, whatever comes back with it.
        let new = if flags == 0 { 0 } else { back.new };
        let fact = sink.plain(FactKind::Placed, 1);
        sink.amounts(Fact { flags, ..fact }, (back.all - new, back.principal - new));
        if new != 0 {
            sink.placed(new);
        }
    }
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
