//! What was written off and settled after all, as the ledger has it: no credit comes of it.

use serde::{Deserialize, Serialize};

use super::{Entry, Manner, Owed, Part, Slot};
use crate::domain::ids::ClaimId;
use crate::domain::vocabulary::Component;

/// What had been written off by an entry and was settled by another one after all.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Regained {
    off: usize,
    by: usize,
    slot: Slot,
    amount: i64,
}

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
        let (by, mut left) = (self.entries.len(), amount);
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
            self.regained.push(Regained { off, by, slot, amount: taken });
            parts.push(self.part(slot, taken, true));
        }
        amount - left
    }

    /// So much is not settled after all: what had been written off is so again.
    pub(super) fn lose(&mut self, by: usize, part: Part) {
        let (mut left, mut lost) = (part.amount, Vec::new());
        for one in self.regained.iter_mut().rev().filter(|one| one.by == by && one.slot == part.slot) {
            let taken = one.amount.min(left);
            one.amount -= taken;
            left -= taken;
            lost.push((one.off, taken));
        }
        self.regained.retain(|one| one.amount != 0);
        for (off, amount) in lost.into_iter().filter(|(_, amount)| *amount > 0) {
            let part = self.part(part.slot, amount, false);
            if let Some((_, Entry::Settled(settled))) = self.entries.get_mut(off) {
                settled.parts.push(part);
            }
        }
    }

    /// A write-off is taken back by so much that had been settled since: what settled it settles what is owed.
    pub(super) fn owe_regained(&mut self, off: usize, amount: i64) {
        let (mut left, mut owed) = (amount, Vec::new());
        for one in self.regained.iter_mut().rev().filter(|one| one.off == off) {
            let taken = one.amount.min(left);
            one.amount -= taken;
            left -= taken;
            owed.push(Regained { amount: taken, ..*one });
        }
        self.regained.retain(|one| one.amount != 0);
        for one in owed.into_iter().filter(|one| one.amount > 0) {
            let part = self.part(one.slot, one.amount, false);
            let Some((_, Entry::Settled(settled))) = self.entries.get_mut(one.by) else { continue };
            let mut left = one.amount;
            for part in settled.parts.iter_mut().rev().filter(|part| part.regained && part.slot == one.slot) {
                let taken = part.amount.min(left);
                part.amount -= taken;
                left -= taken;
            }
            settled.parts.push(part);
        }
    }
}
