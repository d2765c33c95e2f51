//! Payments, charges, interest and adjustments: what changes the balance, and how it is told.

use std::sync::Arc;

use super::account::Settling;
use super::books::{Entry, EntryKind, Pending, Slot, index, push_lean, tag};
use super::emit::Sink;
use super::reversals::beyond;
use super::transfers::moved_to;
use super::{CaseLedger, Context, who};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::{AdjustmentKind, Charge, Payment};
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::ids::ClaimId;
use crate::domain::money::Money;
use crate::domain::time::{DAY, day_number};
use crate::domain::vocabulary::Component;

impl CaseLedger {
    pub(super) fn settling(&self, sink: &Sink, first: Option<usize>) -> Settling<'static> {
        let order = sink.market.payment_order_of(&sink.version.class);
        Settling { order, stated: None, claims: self.claims.oldest_first(first) }
    }

    /// Records an entry that is told on `told`; its index.
    pub(super) fn enter(
        &mut self,
        key: u64,
        amount: i64,
        kind: EntryKind,
        slot: Slot,
        dims: &Arc<Dims>,
        told: i32,
    ) -> u32 {
        let (after_recall, day) = (self.is_gone(), told);
        let books = self.books_mut();
        let at = index(books.entries.len());
        let entry = Entry { key, left: amount, dims: Arc::clone(dims), day, told, slot, kind, after_recall };
        push_lean(&mut books.entries, entry);
        at
    }

    pub(super) fn paid(&mut self, ctx: &Context, activity: &Activity, payment: &Payment, sink: &mut Sink) {
        let Some(amount) = super::sound(payment.amount, ctx.version) else { return };
        let before = self.stock();
        let key = tag(&activity.id);
        let day = payment.value_date.map_or(sink.day, day_number);
        let dims = Arc::clone(&sink.dims);
        let books = self.books_mut();
        let named = payment.promise.as_ref().and_then(|id| books.promise(id));
        let waits = payment.promise.as_ref().filter(|_| named.is_none());
        let order = if waits.is_some() { Vec::new() } else { books.payable((amount, day), named, ctx.market) };
        let coming = index(books.entries.len());
        let (entry, first) = self.retold((Some(coming), &order), sink, |ledger, sink| {
            let entry = ledger.enter(key, amount, EntryKind::Payment, Slot::CREDIT, &dims, sink.day);
            let books = ledger.books_mut();
            if let Some(entry) = books.entries.get_mut(entry as usize) {
                entry.day = day;
            }
            if let Some(id) = waits {
                books.pending.push((tag(id), sink.day, Pending::Paid { entry }));
            }
            (entry, books.pay(&order, (entry, amount), day, sink.market))
        });
        let promise = named.or(first);
        let (dims, alone) = self.attributed(activity, payment, promise, sink);
        if let Some(entry) = self.books_mut().entries.get_mut(entry as usize) {
            entry.dims = Arc::clone(&dims);
        }
        let mut fact = sink.plain(FactKind::Payment, 1);
        let alone = if alone { flag::SELF_SERVICE } else { 0 };
        fact.flags = alone | super::purchased(ctx.version) | self.books_mut().paid_flags(entry);
        fact.dims = dims;
        let dims = Arc::clone(&fact.dims);
        sink.amount(fact, i128::from(amount));
        self.recovers(ctx.version, i128::from(amount), &dims, sink);
        let first = payment.claim.as_ref().and_then(|id| claim_index(ctx.version, id));
        let stated = Some(&payment.allocation).filter(|stated| !stated.is_empty());
        let settling = Settling { stated, ..self.settling(sink, first) };
        self.settle(entry, amount, &settling, sink);
        let parts = self.books_mut().latest_parts(entry);
        let principal = parts.iter().filter(|part| part.slot.is_principal()).map(|part| i128::from(part.amount)).sum();
        if !self.is_gone() {
            moved_to(&dims, (i128::from(amount), principal), sink);
        }
        for part in parts {
            self.allocated(part, i128::from(part.amount), 1, sink);
        }
        sink.stocks(before, self.stock());
        self.deal_follows(sink);
        if amount > 0 {
            self.converted((entry, activity.occurred), sink);
        }
        if let Some(call) = activity.parent.as_ref() {
            self.paid_on(tag(call), entry, sink);
        }
        self.take_back_awaited(ctx, key, sink);
    }

    /// Whose payment it is, and whether it came without an agent: its own agent and channel, else its promise's,
    /// else the last right-party contact's, else the case's.
    fn attributed(
        &self,
        activity: &Activity,
        payment: &Payment,
        promise: Option<usize>,
        sink: &Sink,
    ) -> (Arc<Dims>, bool) {
        let promise = promise.and_then(|at| self.promises().get(at));
        let days = i64::from(sink.market.attribution_days);
        let since = activity.occurred.plus(-days * DAY);
        let spoke = self.contacts.spoke_since(since).filter(|_| days > 0);
        let mut dims = sink.case;
        dims.channel = payment
            .channel
            .or(promise.and_then(|promise| promise.dims.channel))
            .or(spoke.and_then(|spoke| spoke.channel));
        let promised = promise.is_none_or(|promise| promise.flags & flag::SELF_SERVICE != 0);
        let alone = promised && self.without_agent(activity, sink.day);
        if activity.actor.agent.is_some() {
            (dims.agent, dims.team) = who(activity, &sink.case);
            return (dims.shared(), alone);
        }
        let promise = promise.map(|promise| promise.dims.as_ref());
        let agent = |from: Option<&'_ Dims>| from.is_some_and(|from| from.agent.is_some());
        let dims = match (promise, spoke) {
            (Some(promise), _) if agent(Some(promise)) => dims.acted_by(promise).shared(),
            (_, Some(spoke)) if agent(Some(spoke)) => dims.acted_by(spoke).shared(),
            _ => dims.shared(),
        };
        (dims, alone)
    }

    pub(super) fn charged(&mut self, ctx: &Context, activity: &Activity, charge: &Charge, sink: &mut Sink) {
        let vat = charge.vat.unwrap_or(0);
        let gross = super::sound(charge.amount, ctx.version).and_then(|net| net.checked_add(vat));
        let (Some(gross), true) = (gross, vat >= 0) else { return };
        let before = self.stock();
        let dims = match charge.beneficiary {
            Some(beneficiary) => sink.case.state(beneficiary.as_str()).shared(),
            None => Arc::clone(&sink.dims),
        };
        let mut fact = sink.plain(FactKind::Charge, 1);
        fact.dims = Arc::clone(&dims);
        fact.flags = super::purchased(ctx.version) | self.left_flag();
        fact.amount2 = vat;
        sink.amount(fact, i128::from(gross));
        let slot = Slot::new(Component::Cost, None);
        let entry = self.enter(tag(&activity.id), gross, EntryKind::Charge, slot, &dims, sink.day);
        if vat > 0 {
            push_lean(&mut self.books_mut().vat, (entry, vat));
        }
        self.add(slot, i128::from(gross), sink);
        sink.stocks(before, self.stock());
        self.take_back_awaited(ctx, tag(&activity.id), sink);
    }

    pub(super) fn accrued(&mut self, ctx: &Context, activity: &Activity, amount: Money, sink: &mut Sink) {
        let Some(amount) = super::sound(amount, ctx.version) else { return };
        self.increased(ctx, activity, amount, EntryKind::Interest, Component::Interest, sink);
    }

    fn increased(
        &mut self,
        ctx: &Context,
        activity: &Activity,
        amount: i64,
        kind: EntryKind,
        component: Component,
        sink: &mut Sink,
    ) {
        let before = self.stock();
        let fact = sink.plain(fact_kind(kind), 1);
        sink.amount(Fact { flags: self.left_flag(), ..fact }, i128::from(amount));
        let slot = match component {
            Component::Principal => Slot::new(component, Some(self.oldest_claim())),
            Component::Interest | Component::Cost => Slot::new(component, None),
        };
        let dims = Arc::clone(&sink.dims);
        self.enter(tag(&activity.id), amount, kind, slot, &dims, sink.day);
        self.add(slot, i128::from(amount), sink);
        sink.stocks(before, self.stock());
        self.take_back_awaited(ctx, tag(&activity.id), sink);
    }

    pub(super) fn adjusted(
        &mut self,
        ctx: &Context,
        activity: &Activity,
        (adjustment, amount, component): (AdjustmentKind, Money, Option<Component>),
        sink: &mut Sink,
    ) {
        let correction = adjustment == AdjustmentKind::Correction;
        if correction && amount.currency == ctx.version.currency && amount.minor < 0 && amount.minor > i64::MIN {
            self.decreased(ctx, activity, -amount.minor, EntryKind::WriteDown, component, sink);
            return;
        }
        let Some(amount) = super::sound(amount, ctx.version) else { return };
        let kind = match adjustment {
            AdjustmentKind::WriteOff => EntryKind::WriteOff,
            AdjustmentKind::SettlementDiscount => EntryKind::Discount,
            AdjustmentKind::Cancellation => EntryKind::Cancellation,
            AdjustmentKind::Correction | AdjustmentKind::WriteUp => {
                let component = component.unwrap_or(Component::Principal);
                self.increased(ctx, activity, amount, EntryKind::WriteUp, component, sink);
                return;
            }
        };
        self.decreased(ctx, activity, amount, kind, component, sink);
    }

    fn decreased(
        &mut self,
        ctx: &Context,
        activity: &Activity,
        amount: i64,
        kind: EntryKind,
        component: Option<Component>,
        sink: &mut Sink,
    ) {
        let before = self.stock();
        let dims = Arc::clone(&sink.dims);
        let entry = self.enter(tag(&activity.id), amount, kind, Slot::CREDIT, &dims, sink.day);
        let stated = component.map(|component| [(component, amount)].into());
        let settling = Settling { stated: stated.as_ref(), ..self.settling(sink, None) };
        let left = self.settle(entry, amount, &settling, sink);
        self.beyond_owed(entry, left, sink);
        let amount = amount - left;
        let told = if kind == EntryKind::WriteDown { -i128::from(amount) } else { i128::from(amount) };
        let fact = Fact { flags: self.left_flag(), ..sink.plain(fact_kind(kind), 1) };
        if kind == EntryKind::Cancellation {
            let parts = self.books_mut().latest_parts(entry);
            let principal = parts.iter().filter(|part| part.slot.is_principal());
            sink.amounts(fact, (told, principal.map(|part| i128::from(part.amount)).sum()));
        } else {
            sink.amount(fact, told);
        }
        sink.stocks(before, self.stock());
        self.take_back_awaited(ctx, tag(&activity.id), sink);
    }
}

impl CaseLedger {
    /// Nobody gives up more than is owed: what a write-off or a discount states beyond that makes no credit, and is told.
    fn beyond_owed(&mut self, entry: u32, left: i64, sink: &mut Sink) {
        if left > 0 {
            if let Some(entry) = self.books_mut().entries.get_mut(entry as usize) {
                entry.left -= left;
            }
            let told = beyond(left, "more_than_owed", sink);
            sink.out.push(told);
        }
    }
}

/// The kind of fact that tells of an entry.
pub(super) const fn fact_kind(kind: EntryKind) -> FactKind {
    match kind {
        EntryKind::Payment => FactKind::Payment,
        EntryKind::Charge => FactKind::Charge,
        EntryKind::Interest => FactKind::Interest,
        EntryKind::WriteOff => FactKind::WrittenOff,
        EntryKind::Discount => FactKind::Discount,
        EntryKind::Cancellation => FactKind::Cancelled,
        EntryKind::WriteUp | EntryKind::WriteDown => FactKind::WrittenUp,
        EntryKind::Placement => FactKind::Placed,
    }
}

fn claim_index(version: &CaseVersion, id: &ClaimId) -> Option<usize> {
    version.claims.iter().position(|claim| &claim.id == id)
}
