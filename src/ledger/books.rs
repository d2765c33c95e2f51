//! What a case keeps once money moves on it: interest and costs, every entry that can be taken back, and what each
//! payment settled. A case without money activities has none of this.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::claims::{Since, Wide};
use super::matters::OpenMatter;
use super::pages::{Failing, Session, Visit};
use super::plans::Plan;
use super::promise::{Credit, PromiseView};
use super::terms::Deal;
use crate::domain::detail::ReversalKind;
use crate::domain::fact::{Dims, flag};
use crate::domain::ids::{ActivityId, short_form};
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Component, MessageEventKind};

/// Never.
pub(super) const NEVER: Timestamp = Timestamp(i64::MAX);

/// The short form of an activity's id, by which one case finds it again.
pub(super) fn tag(id: &ActivityId) -> u64 {
    short_form(id.as_str())
}

/// Adds without the doubling of a plain push: most lists here stay at one or two.
pub(super) fn push_lean<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(1 + list.len() / 2);
    }
    list.push(item);
}

/// An index as entries and promises are numbered. A case cannot hold four billion of them in memory.
pub(super) fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Where an amount lies: a component, and the claim that it belongs to or was paid with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot(u32);

const CLAIM: u32 = (1 << 30) - 1;

impl Slot {
    /// Paid, but nothing was open that it could settle.
    pub const CREDIT: Self = Self(3 << 30 | CLAIM);

    /// The slot of a component; a claim beyond the largest index counts as none.
    pub fn new(component: Component, claim: Option<usize>) -> Self {
        let claim = claim.and_then(|at| u32::try_from(at).ok()).map_or(CLAIM, |at| at.min(CLAIM));
        let kind: u32 = match component {
            Component::Principal => 0,
            Component::Interest => 1,
            Component::Cost => 2,
        };
        Self(kind << 30 | claim)
    }

    /// The component; none for a credit.
    pub const fn component(self) -> Option<Component> {
        match self.0 >> 30 {
            0 => Some(Component::Principal),
            1 => Some(Component::Interest),
            2 => Some(Component::Cost),
            _ => None,
        }
    }

    /// Whether it is principal. Interest and costs that are put to a claim for its days are none.
    pub const fn is_principal(self) -> bool {
        matches!(self.component(), Some(Component::Principal))
    }

    /// The claim.
    pub const fn claim(self) -> Option<usize> {
        let claim = self.0 & CLAIM;
        if claim == CLAIM { None } else { Some(claim as usize) }
    }

    /// The same slot after the claims were put in another order.
    pub fn moved(self, to: &[usize]) -> Self {
        match (self.component(), self.claim().and_then(|at| to.get(at))) {
            (Some(component), Some(&at)) => Self::new(component, Some(at)),
            _ => self,
        }
    }
}

/// What an entry was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum EntryKind {
    Payment,
    Charge,
    Interest,
    WriteOff,
    Discount,
    Cancellation,
    /// A write-up or a positive correction.
    WriteUp,
    /// A negative correction.
    WriteDown,
    /// Claims that are credits by themselves.
    Placement,
}

/// An activity that changed the balance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its id, see [`tag`].
    pub key: u64,
    /// What of it has not been taken back.
    pub left: i64,
    /// Dimensions of its fact: who it was attributed to.
    #[serde(deserialize_with = "super::dims::read_shared")]
    pub dims: Arc<Dims>,
    /// Day it counts on towards due dates: the value date of a payment.
    pub day: i32,
    /// Day on which it was told.
    pub told: i32,
    /// Where an increase went.
    pub slot: Slot,
    /// What it was.
    pub kind: EntryKind,
    /// The case had left when it came, see [`flag::AFTER_RECALL`].
    pub after_recall: bool,
}

/// A piece of an entry that settled something, or waits as credit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Part {
    pub entry: u32,
    pub slot: Slot,
    pub amount: i64,
    /// The claim's days when it was put to it: a later version of the case does not change what was told.
    pub since: Since,
    /// The entry that had written off what it settled: that was written up by as much.
    pub off: Option<u32>,
}

impl Part {
    /// What an entry has as credit.
    pub const fn credit(entry: u32, amount: i64) -> Self {
        Self { entry, slot: Slot::CREDIT, amount, since: Since::UNDATED, off: None }
    }
}

/// Something that named an activity which had not come yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Pending {
    /// A reversal of that entry, on a day and in a placement, and under which dimensions it was told that there is none.
    Reversal {
        amount: i64,
        reason: ReversalKind,
        day: i32,
        placed: Option<i32>,
        #[serde(deserialize_with = "super::dims::read_shared")]
        dims: Arc<Dims>,
    },
    /// That promise was withdrawn.
    Withdrawn,
    /// That promise was replaced.
    Superseded,
    /// A payment (its entry) of that promise.
    Paid { entry: u32 },
    /// A promise (its index) made on that contact.
    MadeOn { promise: u32 },
    /// A promise on another case of that call.
    MadeElsewhere,
    /// An event of that message, and when it was.
    Event(MessageEventKind, Timestamp),
}

/// Everything a case holds beside its claims.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Books {
    /// Interest open.
    pub interest: Wide,
    /// Costs open.
    pub cost: Wide,
    /// Paid beyond what was open: the sum of all parts in [`Slot::CREDIT`].
    pub credit: Wide,
    /// Entries in the order of facts.
    pub entries: Vec<Entry>,
    /// What they settled.
    pub parts: Vec<Part>,
    /// Promises in the order of facts.
    pub promises: Vec<PromiseView>,
    /// What was paid on them.
    pub credits: Vec<Credit>,
    /// Value-added tax in what is left of charges: their entries, and how much.
    pub vat: Vec<(u32, i64)>,
    /// What waits for its target: key, day, matter.
    pub pending: Vec<(u64, i32, Pending)>,
    /// What comes in for the first time when the case comes: of one that has left the claims that were added since.
    pub coming: Wide,
    /// When the case left, while it is away after it had been here.
    pub gone: Timestamp,
    /// When the case comes in, if that is still to come.
    pub returns: Timestamp,
    /// Instalment plans in the order of facts: the last one may be running.
    pub plans: Vec<Plan>,
    /// The settlement that was accepted last, unless it was broken.
    pub deal: Option<Box<Deal>>,
    /// Payment sessions at landing pages that are not over.
    pub sessions: Vec<Session>,
    /// The account's latest visitor.
    pub visitor: Option<Box<Visit>>,
    /// Payments that failed, until one comes through.
    pub failing: Option<Box<Failing>>,
    /// What was paid on the case while it was the collector's own.
    pub on_own: Wide,
    /// What of its price was told as recovered.
    pub recovered: i64,
    /// Complaints and disputes that are open, and those with a reference that were.
    pub matters: Vec<OpenMatter>,
}

impl Default for Books {
    fn default() -> Self {
        Self {
            interest: Wide::default(),
            cost: Wide::default(),
            credit: Wide::default(),
            entries: Vec::new(),
            parts: Vec::new(),
            promises: Vec::new(),
            credits: Vec::new(),
            vat: Vec::new(),
            pending: Vec::new(),
            coming: Wide::default(),
            gone: NEVER,
            returns: NEVER,
            plans: Vec::new(),
            deal: None,
            sessions: Vec::new(),
            visitor: None,
            failing: None,
            on_own: Wide::default(),
            recovered: 0,
            matters: Vec::new(),
        }
    }
}

impl Books {
    /// Takes out what waited for the activity of that key.
    pub fn arrived(&mut self, key: u64) -> Vec<Pending> {
        if !self.pending.iter().any(|(waiting, ..)| *waiting == key) {
            return Vec::new();
        }
        let (here, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending).into_iter().partition(|p| p.0 == key);
        self.pending = rest;
        here.into_iter().map(|(_, _, matter)| matter).collect()
    }

    /// Flags of what was paid by an entry.
    pub fn paid_flags(&self, entry: u32) -> u16 {
        let paid = self.entries.get(entry as usize);
        if paid.is_some_and(|entry| entry.after_recall) { flag::AFTER_RECALL } else { 0 }
    }

    /// Takes the tax back that is in `amount` of the `left` of a charge. Returns how much that is.
    pub fn untax(&mut self, entry: u32, amount: i64, left: i64) -> i64 {
        let Some(at) = self.vat.iter().position(|(of, _)| *of == entry) else { return 0 };
        let Some((_, vat)) = self.vat.get_mut(at) else { return 0 };
        let taken = i128::from(*vat) * i128::from(amount) / i128::from(left.max(1));
        // It is at most the tax: `amount` is at most what is left.
        let taken = i64::try_from(taken).unwrap_or(*vat);
        *vat -= taken;
        if *vat == 0 {
            self.vat.remove(at);
        }
        taken
    }

    /// Whether an entry is a write-off.
    pub fn is_write_off(&self, entry: u32) -> bool {
        self.entries.get(entry as usize).is_some_and(|entry| entry.kind == EntryKind::WriteOff)
    }

    /// The parts of the latest entry, once it has settled what it can.
    pub fn latest_parts(&self, entry: u32) -> Vec<Part> {
        let mut parts: Vec<Part> = self.parts.iter().rev().take_while(|part| part.entry == entry).copied().collect();
        parts.reverse();
        parts
    }

    /// The parts of what is written off.
    pub fn written_off(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.slot != Slot::CREDIT && self.is_write_off(part.entry))
    }

    /// The index of an entry.
    pub fn entry(&self, key: u64) -> Option<u32> {
        self.entries.iter().position(|entry| entry.key == key).map(index)
    }

    /// The index of a promise.
    pub fn promise(&self, id: &ActivityId) -> Option<usize> {
        self.promises.iter().position(|promise| &promise.id == id)
    }
}
