//! What was written off and settled after all, as the ledger has it: no credit comes of it.

use super::{Entry, Manner, Owed, Part, Settled, Slot};
use crate::domain::ids::ClaimId;
use crate::domain::vocabulary::Component;

impl Owed {
    /// Settles what was written off of a component, as the ledger does: of the principal the named claim's first.
    pub(super) fn regain_component(
        &mut self,
        component: Component,
        amount: i64,
        named: Option<&ClaimId>,
        parts: &mut Vec<Part>,
    ) -> i64 {
        let order = self.oldest_first(named);
        let rank = |slot: Slot| match (slot, component) {
            (Slot::Cost, Component::Cost) | (Slot::Interest, Component::Interest) => Some(0),
            (Slot::Claim(claim), Component::Principal) => order.iter().position(|one| *one == claim),
            _ => None,
        };
        let mut left = amount;
        while left > 0 {
            let entries = self.entries.iter_mut().enumerate().filter_map(|(at, (_, entry))| match entry {
                Entry::Settled(one) if one.manner == Manner::WritesOff => Some((at, &mut one.parts)),
                _ => None,
            });
            let off = entries.flat_map(|(at, parts)| parts.iter_mut().map(move |part| (at, part)));
            let off = off.filter_map(|(at, part)| (part.amount > 0).then_some((rank(part.slot)?, at, part)));
            let Some((_, off, part)) = off.min_by_key(|(rank, _, part)| (*rank, part.number)) else { break };
            let (slot, taken) = (part.slot, part.amount.min(left));
            part.amount -= taken;
            left -= taken;
            parts.push(self.part(slot, taken, Some(off)));
        }
        amount - left
    }

    /// What an entry had written off is not settled after all, and so is written off again.
    pub(super) fn lose(&mut self, off: usize, part: Part) {
        let part = self.part(part.slot, part.amount, None);
        if let Some((_, Entry::Settled(settled))) = self.entries.get_mut(off) {
            settled.parts.push(part);
        }
    }

    /// A write-off is taken back by so much that had been settled since: what settled it settles what is owed, the latest first.
    pub(super) fn owe_regained(&mut self, off: usize, amount: i64) {
        let mut left = amount;
        while left > 0 {
            let settled = self.entries.iter_mut().filter_map(|(_, entry)| match entry {
                Entry::Settled(settled) => Some(settled),
                Entry::Added(..) => None,
            });
            let regained = |part: &Part| part.off == Some(off) && part.amount > 0;
            let latest = |settled: &Settled| settled.parts.iter().rposition(regained);
            let found = settled.filter_map(|one| Some((latest(one)?, one)));
            let Some((at, settled)) = found.max_by_key(|(at, one)| one.parts.get(*at).map(|part| part.number)) else {
                break;
            };
            let Some(part) = settled.parts.get_mut(at) else { break };
            let taken = part.amount.min(left);
            part.amount -= taken;
            left -= taken;
            self.parts = self.parts.saturating_add(1);
            let part = Part { amount: taken, off: None, number: self.parts, ..*part };
            settled.parts.push(part);
        }
    }
}
