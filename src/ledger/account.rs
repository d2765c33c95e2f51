//! The balance of a case: what is open where, what adds to it, what settles it, and what that makes of the stocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::CaseLedger;
use super::books::{Books, EntryKind, Part, Slot, push_lean};
use super::claims::{Claim, Since, Wide};
use super::emit::{Sink, Stock};
use crate::domain::fact::{Fact, FactKind, flag};
use crate::domain::vocabulary::Component;

/// What a case owes, by component, in minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Principal open.
    pub principal: i128,
    /// Interest open.
    pub interest: i128,
    /// Costs open.
    pub cost: i128,
    /// Paid beyond what was open.
    pub credit: i128,
}

impl Balance {
    /// The balance; below zero if the case is in credit.
    #[must_use]
    pub const fn total(&self) -> i128 {
        self.principal + self.interest + self.cost - self.credit
    }
}

/// What is there to collect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Worth {
    /// The balance.
    pub balance: i128,
    /// Principal that is open or was written off. What was waived is given up.
    pub principal: i128,
}

/// In which order an amount settles what is open.
pub(super) struct Settling<'a> {
    /// Components.
    pub order: [Component; 3],
    /// Parts that the record itself puts to components, before the order.
    pub stated: Option<&'a BTreeMap<Component, i64>>,
    /// Claims.
    pub claims: Vec<usize>,
}

impl CaseLedger {
    pub(super) fn books_mut(&mut self) -> &mut Books {
        Arc::make_mut(self.books.get_or_insert_default())
    }

    /// What the case owes here: nothing while it is away.
    #[must_use]
    pub fn balance(&self) -> Balance {
        if self.away { Balance::default() } else { self.owed() }
    }

    /// What the case owes, wherever it is.
    pub(super) fn owed(&self) -> Balance {
        let mut balance = Balance { principal: self.claims.principal(), ..Balance::default() };
        if let Some(books) = &self.books {
            balance.interest = books.interest.get();
            balance.cost = books.cost.get();
            balance.credit = books.credit.get();
        }
        balance
    }

    /// What the case adds to the stocks now, as of the day it has come to.
    pub(super) fn stock(&self) -> Stock {
        if self.away {
            return self.moved_before();
        }
        let balance = self.owed();
        let (mut current, mut undated, mut late) = (0, 0, 0);
        let mut oldest = None;
        let mut class = |due: Option<i32>, amount: i128| {
            if let Some(due) = due.filter(|_| amount > 0) {
                oldest = Some(oldest.map_or(due, |oldest: i32| oldest.min(due)));
            }
            match due {
                None => undated += amount,
                Some(due) if due >= self.day => current += amount,
                Some(_) => late += amount,
            }
        };
        for claim in self.claims.all() {
            class(claim.due(), claim.open());
        }
        // Interest and costs come with the claim that fell due first.
        if balance.interest != 0 || balance.cost != 0 {
            class(self.claims.first_due(), balance.interest + balance.cost);
        }
        let open = !self.closed;
        let items = self.claims.all().iter().filter_map(|claim| Some((claim.open(), claim.due_first()?)));
        let items = items.fold((0, 0), |sum, (open, due)| (sum.0 + open, sum.1 + open * i128::from(due)));
        Stock {
            items,
            written_off: self.written_off(|_| true),
            here: true,
            net: balance.total(),
            current,
            undated,
            open: i64::from(open),
            overdue: i64::from(open && late > 0),
            past_due: oldest.map(|due| self.day.saturating_sub(due)),
        }
    }

    /// Index of the claim that takes what concerns none: the oldest. A case without claims gets one.
    pub(super) fn oldest_claim(&mut self) -> usize {
        if let Some(&oldest) = self.claims.oldest_first(None).first() {
            return oldest;
        }
        self.claims = vec![Claim::undated()].into();
        0
    }

    /// Adds to what is open. A credit pays it at once, the oldest entry's first.
    pub(super) fn add(&mut self, slot: Slot, amount: i128, sink: &mut Sink) {
        let slot = match (slot.component(), slot.claim()) {
            (Some(Component::Principal) | None, None) => Slot::new(Component::Principal, Some(self.oldest_claim())),
            _ => slot,
        };
        let mut left = amount;
        while left > 0 {
            let Some(books) = self.books.as_mut().map(Arc::make_mut) else { break };
            let Some(part) = books.parts.iter_mut().find(|part| part.slot == Slot::CREDIT && part.amount > 0) else {
                break;
            };
            let taken = i64::try_from(left).unwrap_or(i64::MAX).min(part.amount);
            part.amount -= taken;
            left -= i128::from(taken);
            let (entry, rest) = (part.entry, part.amount);
            books.credit = Wide::new(books.credit.get() - i128::from(taken));
            books.parts.retain(|part| part.amount != 0);
            let since = self.since(slot);
            let paid = Part { entry, slot, amount: taken, since, off: None };
            push_lean(&mut self.books_mut().parts, paid);
            let credit = Part::credit(entry, taken);
            self.allocated(credit, -i128::from(taken), if rest == 0 { -1 } else { 0 }, sink);
            self.allocated(paid, i128::from(taken), 1, sink);
        }
        self.change(slot, left);
    }

    /// The days of the claim that a slot is of.
    pub(super) fn since(&self, slot: Slot) -> Since {
        slot.claim().and_then(|at| self.claims.all().get(at)).map_or(Since::UNDATED, Claim::since)
    }

    /// Emits that a part of a payment was put to a claim, or taken back of it: today as an allocation, which is cash, and on the
    /// payment's own day as a part of it, so that means over the parts of a period's payments have no weights of other periods.
    /// Other entries have neither.
    pub(super) fn allocated(&self, part: Part, amount: i128, count: i64, sink: &mut Sink) {
        let entry = self.books.as_ref().and_then(|books| books.entries.get(part.entry as usize));
        let Some(entry) = entry.filter(|entry| entry.kind == EntryKind::Payment) else { return };
        let state = part.slot.component().map_or("credit", Component::as_str);
        let mut fact = sink.plain(FactKind::Allocation, count);
        fact.flags = if entry.after_recall { flag::AFTER_RECALL } else { 0 };
        fact.days_due = part.since.days_due(entry.day);
        fact.days_invoice = part.since.days_invoice(entry.day);
        fact.dims =
            super::DimRef { channel: entry.dims.channel, ..sink.case.acted_by(&entry.dims) }.state(state).shared();
        if sink.out.takes(FactKind::PaymentPart) {
            let dims = super::DimRef::of(&entry.dims).state(state).shared();
            let of_payment = Fact { kind: FactKind::PaymentPart, day: entry.told, dims, ..fact.clone() };
            sink.amount(of_payment, amount);
        }
        sink.amount(fact, amount);
    }

    /// What is open in a slot.
    fn open_in(&self, slot: Slot) -> i128 {
        let books = self.books.as_ref();
        match slot.component() {
            Some(Component::Principal) => slot.claim().and_then(|at| self.claims.all().get(at)).map_or(0, Claim::open),
            Some(Component::Interest) => books.map_or(0, |books| books.interest.get()),
            Some(Component::Cost) => books.map_or(0, |books| books.cost.get()),
            None => 0,
        }
    }

    /// Changes what is open in a slot.
    fn change(&mut self, slot: Slot, by: i128) {
        if by == 0 {
            return;
        }
        match slot.component() {
            Some(Component::Principal) => {
                if let Some(claim) = slot.claim().and_then(|at| self.claims.all_mut().get_mut(at)) {
                    claim.set_open(claim.open() + by);
                }
            }
            Some(Component::Interest) => {
                let books = self.books_mut();
                books.interest = Wide::new(books.interest.get() + by);
            }
            Some(Component::Cost) => {
                let books = self.books_mut();
                books.cost = Wide::new(books.cost.get() + by);
            }
            None => {}
        }
    }

    /// Lets an entry settle what is open, then what was written off (which a write-off cannot). What there is nothing for becomes a
    /// credit; of what gives up what is owed that is returned, for nobody gives up more.
    pub(super) fn settle(&mut self, entry: u32, amount: i64, settling: &Settling, sink: &mut Sink) -> i64 {
        let mut left = amount;
        if let Some(stated) = settling.stated {
            for component in settling.order {
                let want = stated.get(&component).copied().unwrap_or(0).clamp(0, left);
                let rest = self.spend(entry, component, want, settling);
                left -= want - self.regain(entry, (component, rest), settling, sink);
            }
        }
        for component in settling.order {
            left = self.spend(entry, component, left, settling);
        }
        for component in settling.order {
            left = self.regain(entry, (component, left), settling, sink);
        }
        let books = self.books_mut();
        let kind = books.entries.get(entry as usize).map(|entry| entry.kind);
        if left == 0 || matches!(kind, Some(EntryKind::WriteOff | EntryKind::Discount)) {
            return left;
        }
        books.credit = Wide::new(books.credit.get() + i128::from(left));
        push_lean(&mut books.parts, Part::credit(entry, left));
        0
    }

    /// Puts up to `most` to one component; returns what is left of it.
    fn spend(&mut self, entry: u32, component: Component, most: i64, settling: &Settling) -> i64 {
        let pooled = component != Component::Principal;
        // Interest and costs are one sum for the case: the first claim of the order stands for their days.
        let claims = if pooled { settling.claims.get(..1).unwrap_or_default() } else { &settling.claims };
        let mut left = most;
        let none = [Slot::new(component, None)];
        let slots = claims.iter().map(|&claim| Slot::new(component, Some(claim)));
        for slot in slots.chain(none.into_iter().filter(|_| pooled && claims.is_empty())) {
            let open = i64::try_from(self.open_in(slot)).unwrap_or(i64::MAX);
            let taken = open.min(left);
            if taken > 0 {
                self.change(slot, -i128::from(taken));
                let since = self.since(slot);
                push_lean(&mut self.books_mut().parts, Part { entry, slot, amount: taken, since, off: None });
                left -= taken;
            }
        }
        left
    }
}
