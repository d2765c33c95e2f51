//! Placements, recalls, sales and moves: a case comes with its balance and leaves with it.

use super::CaseLedger;
use super::emit::Sink;
use crate::domain::detail::TransferKind;
use crate::domain::fact::{Fact, FactKind, flag};

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
