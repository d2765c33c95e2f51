//! How a case comes in, and what a new version of its master data changes: dimensions, due dates, claims.

use std::sync::Arc;

use super::CaseLedger;
use super::books::{EntryKind, Slot};
use super::claims::{Claim, Wide};
use super::emit::{Sink, Stock, reached_by};
use crate::domain::case::CaseVersion;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::facts::Facts;
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, day_number};
use crate::domain::vocabulary::Component;

impl CaseLedger {
    /// Emits that the case came in at `at`, with its claims as `first` has them.
    pub(super) fn open_at(&mut self, market: &Market, first: &CaseVersion, at: Timestamp, out: &mut Facts) {
        self.day = day_number(at.date(market.zone));
        self.placed_on = self.day;
        let mut sink = Sink::new(out, (self.day, self.placed_on), market, first);
        self.claims = first.claims.iter().map(Claim::of).collect::<Vec<_>>().into();
        self.away = false;
        let placed: i128 = first.claims.iter().map(|claim| i128::from(claim.principal)).sum();
        self.offset_negative(0, &mut sink);
        self.arrived(placed, &mut sink);
        self.follow_from(&mut sink);
        self.set_timer(market);
    }

    /// Emits that the case is here, with so much placed, and what it was bought for.
    fn arrived(&self, placed: i128, sink: &mut Sink) {
        sink.placed(placed);
        let bought = price(sink.version);
        if bought != (0, 0) {
            sink.purchased(1, bought);
        }
        sink.stocks(Stock::default(), self.stock());
        self.first_on_hand(sink);
    }

    /// Lets claims below zero (credit notes) settle the others.
    fn offset_negative(&mut self, key: u64, sink: &mut Sink) {
        let negative: i128 = self.claims.all().iter().map(Claim::open).filter(|open| *open < 0).sum();
        let Ok(amount) = i64::try_from(-negative) else { return };
        if amount == 0 {
            return;
        }
        for claim in self.claims.all_mut() {
            claim.set_open(claim.open().max(0));
        }
        let dims = Arc::clone(&sink.dims);
        let entry = self.enter(key, amount, EntryKind::Placement, Slot::CREDIT, &dims, sink.day);
        let settling = self.settling(sink, None);
        self.settle(entry, amount, &settling, sink);
    }

    /// Comes to a fact at `at`. One before the opening moves the opening facts: to the fact if nothing says when the
    /// case was placed, else to that instant by a timer, since money moved before the case came in.
    pub(super) fn reach(
        &mut self,
        market: &Market,
        version: &CaseVersion,
        at: Timestamp,
        money: bool,
        out: &mut Facts,
    ) {
        self.settled = self.settled.max(at);
        let placed = version.placement.placed;
        if at >= self.opened || (placed.is_some() && !money) {
            return;
        }
        let from = out.len();
        let mut sink = Sink::new(out, (day_number(self.opened.date(market.zone)), self.placed_on), market, version);
        let total = self.balance().total();
        self.arrived(total, &mut sink);
        self.began(&mut sink);
        self.past_due_so_far(&mut sink);
        for fact in out.iter_mut().skip(from) {
            fact.sign = -fact.sign;
        }
        let opened = std::mem::replace(&mut self.opened, Timestamp(i64::MIN));
        self.day = day_number(at.date(market.zone));
        if placed.is_some() {
            self.wait(opened);
            self.unfollow();
            self.set_timer(market);
        } else {
            self.placed_on = self.day;
            let mut sink = Sink::new(out, (self.day, self.placed_on), market, version);
            self.arrived(total, &mut sink);
            self.follow_from(&mut sink);
            self.set_timer(market);
        }
    }

    /// Takes over a new version of the master data, in force from its effective instant.
    pub fn version(&mut self, market: &Market, old: &CaseVersion, new: &CaseVersion, out: &mut Facts) {
        self.reach(market, old, new.effective, true, out);
        let (day, placed) = (self.day_of(market, new.effective), self.placed_on);
        let [left, came] = [old, new].map(|version| super::dims::DimRef::of_case(market, version));
        let goes = left != came;
        let (before, principal) = (self.stock(), if goes { self.worth().principal } else { 0 });
        let rest = self.is_at_rest();
        let net = self.month_begins(&Sink::new(&mut *out, (day, placed), market, old));
        let added = self.take_claims(old, new);
        if old.closed != new.closed {
            self.close(new.closed, &mut Sink::new(&mut *out, (day, placed), market, new));
        }
        let mut leaving = Sink::new(&mut *out, (day, placed), market, old);
        let mut moved = Stock::default();
        if goes {
            self.promises_move((-1, came), &mut leaving);
        }
        if goes && (before.net != 0 || before.open != 0 || before.items != (0, 0) || before.written_off != 0) {
            moved = before;
            let fact = leaving.plain(FactKind::MovedOut, before.open);
            leaving.amounts(fact, (before.net, principal));
            leaving.stocks(before, Stock::default());
        }
        let mut sink = Sink::new(out, (day, placed), market, new);
        self.debtor_changes(&mut sink, old);
        if goes {
            self.promises_move((1, left), &mut sink);
        }
        if moved != Stock::default() {
            let fact = sink.plain(FactKind::MovedIn, before.open);
            sink.amounts(fact, (before.net, principal));
        }
        if moved == Stock::default() && before.open != 0 && reached_by(old) != reached_by(new) {
            Sink::new(&mut *sink.out, (day, placed), market, old).open_accounts(-before.open);
            sink.open_accounts(before.open);
        }
        let here = if moved == Stock::default() { before } else { Stock::default() };
        if !added.is_empty() {
            let new = added.iter().map(|(_, amount)| amount).sum::<i128>();
            if self.away {
                // They come in with the rest of the case.
                let books = self.books_mut();
                books.coming = Wide::new(books.coming.get() + new);
            } else {
                sink.placed(new);
            }
            for (claim, amount) in added {
                self.place_claim(claim, amount, &mut sink);
            }
        }
        if self.comes_again(new, self.settled.max(new.effective)) {
            self.placed(&mut sink);
        }
        self.rested(rest, &mut sink);
        let (was, now) = (price(old), price(new));
        if was != now {
            // Told beside the first price, so that the sum is what the newest version says.
            sink.purchased(0, (now.0.saturating_sub(was.0), now.1.saturating_sub(was.1)));
            let dims = Arc::clone(&sink.dims);
            self.recovers(new, 0, &dims, &mut sink);
        }
        sink.stocks(here, self.stock());
        self.on_hand(before.open, &mut sink);
        self.follow(super::follow::Exit::Closed, net, new, &mut sink);
        self.set_timer(market);
    }

    fn place_claim(&mut self, claim: usize, amount: i128, sink: &mut Sink) {
        let slot = Slot::new(Component::Principal, Some(claim));
        if amount >= 0 {
            self.add(slot, amount, sink);
        } else if let Some(claim) = self.claims.all_mut().get_mut(claim) {
            claim.set_open(amount);
            self.offset_negative(0, sink);
        }
    }

    /// Puts the claims in the order of the new version, with its dates. Claims that it does not name stay behind the
    /// others; those that the old one did not name are returned, with nothing open yet.
    fn take_claims(&mut self, old: &CaseVersion, new: &CaseVersion) -> Vec<(usize, i128)> {
        let same = old.claims.len() == new.claims.len()
            && old.claims.iter().zip(&new.claims).all(|(old, new)| old.id == new.id);
        if same {
            for (claim, dates) in self.claims.all_mut().iter_mut().zip(&new.claims) {
                claim.dates(dates);
            }
            return Vec::new();
        }
        let held = self.claims.all().to_vec();
        let mut to = vec![usize::MAX; held.len()];
        let (mut claims, mut added) = (Vec::with_capacity(new.claims.len()), Vec::new());
        for (at, claim) in new.claims.iter().enumerate() {
            let was = old.claims.iter().position(|old| old.id == claim.id);
            let mut kept = was.and_then(|was| held.get(was)).copied();
            if let (Some(was), Some(kept)) = (was, &mut kept) {
                kept.dates(claim);
                if let Some(to) = to.get_mut(was) {
                    *to = at;
                }
            } else {
                added.push((at, i128::from(claim.principal)));
            }
            claims.push(kept.unwrap_or_else(|| {
                let mut fresh = Claim::undated();
                fresh.dates(claim);
                fresh
            }));
        }
        for (claim, to) in held.iter().zip(&mut to).filter(|(_, to)| **to == usize::MAX) {
            *to = claims.len();
            claims.push(*claim);
        }
        self.claims = claims.into();
        if let Some(books) = self.books.as_mut().map(Arc::make_mut) {
            books.parts.iter_mut().for_each(|part| part.slot = part.slot.moved(&to));
            books.entries.iter_mut().for_each(|entry| entry.slot = entry.slot.moved(&to));
        }
        added
    }
}

impl CaseLedger {
    /// So much more was paid on a case that may have been bought: payments recover its price first.
    pub(super) fn recovers(&mut self, version: &CaseVersion, paid: i128, dims: &Arc<Dims>, sink: &mut Sink) {
        let Some(books) = self.books.as_mut().map(Arc::make_mut) else { return };
        if super::purchased(version) != 0 {
            books.on_own = Wide::new(books.on_own.get() + paid);
        }
        let price = price(version).0.max(0);
        // The clamp makes the conversion certain.
        let recovered = books.on_own.get().clamp(0, i128::from(price)) as i64;
        let change = i128::from(recovered) - i128::from(std::mem::replace(&mut books.recovered, recovered));
        if change != 0 {
            let fact = sink.plain(FactKind::Amortised, 0);
            sink.amount(Fact { dims: Arc::clone(dims), ..fact }, change);
        }
    }
}

/// Price and face value of a claim that was bought; nothing of others.
fn price(version: &CaseVersion) -> (i64, i64) {
    let placement = &version.placement;
    match super::purchased(version) {
        0 => (0, 0),
        _ => (placement.purchase_price.unwrap_or(0), placement.face_value.unwrap_or(0)),
    }
}
