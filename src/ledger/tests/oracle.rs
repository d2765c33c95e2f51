//! A second count of the same history, made differently: every minor unit is a token that is owed, settled by an
//! entry, or floating as credit; nothing of it shows while the case is away. Slow, plain, and without a line of the fold's code.

use std::collections::BTreeMap;

use super::*;
use crate::domain::detail::{AdjustmentKind, TransferKind};
use crate::domain::vocabulary::Component;
use Component::{Cost, Interest, Principal};

mod led;
mod overdue;
mod pledges;
mod settling;

/// What the case shows at the end of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub receivable: i64,
    pub current: i64,
    pub undated: i64,
    pub credit: i64,
    pub open: i64,
    pub overdue: i64,
    pub dims: (String, String),
}

#[derive(Debug, Clone)]
struct Token {
    component: Component,
    claim: String,
    /// Entry that settled it and when, counted in settlements.
    settled: Option<(String, u64)>,
    /// Entry that had written it off before it was settled.
    off: Option<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// How many entries came before it.
    number: usize,
    left: i64,
    day: i32,
    /// Component and claim of an increase.
    increase: Option<(Component, String)>,
    /// Agent, for a payment.
    payment: Option<String>,
    writes_off: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Pledge {
    pub id: String,
    pub state: &'static str,
    pub in_time: i64,
    pub late: i64,
    amount: i64,
    made: Timestamp,
    last: i32,
    due: i32,
    agent: Option<String>,
    given_up_late: bool,
    /// The case came to be worked no more by its due day.
    released: bool,
}

#[derive(Debug, Default)]
pub(super) struct Oracle {
    order: Vec<Component>,
    claims: Vec<(String, Option<i32>)>,
    tokens: Vec<Token>,
    floating: Vec<String>,
    clock: u64,
    here: bool,
    /// When the case left, and when it comes again by its master data.
    gone: Option<Timestamp>,
    returns: Option<Timestamp>,
    /// Principal that is still to come in.
    coming: Option<i64>,
    closed: bool,
    /// It is closed, or gone.
    resting: bool,
    entries: BTreeMap<String, Entry>,
    reversals: Vec<(String, i64)>,
    /// Units that reversals stated beyond what was left.
    beyond: BTreeMap<&'static str, i64>,
    pub pledges: Vec<Pledge>,
    /// Per unit paid on a promise: entry, promise, late.
    pledged: Vec<(String, usize, bool)>,
    /// What named a promise before it was made, in order: how it ends, or which entry pays it.
    waiting: Vec<(String, Result<&'static str, String>)>,
    spoke: Option<(Timestamp, Option<String>)>,
    /// Promises that ended otherwise: day, state, promised.
    pub ended: Vec<(i32, &'static str, i64)>,
    /// What was agreed, and what became of it.
    pub agreed: super::agreed::Agreed,
    /// What leads to payments, and the payments.
    pub led: led::Led,
    /// At the end of each day: the bucket of days past due, if in one, and the balance.
    pub stood: Vec<(Option<String>, i64)>,
    /// Collected net by agent.
    pub collected: BTreeMap<String, i64>,
    /// Day of the fact at hand.
    today: i32,
    /// Settlement discounts that were granted.
    discounts: Vec<String>,
    /// Where the account was seen to stand.
    sights: Vec<overdue::Sight>,
}

impl Oracle {
    pub fn new(market: &Market) -> Self {
        Self { order: market.payment_order.to_vec(), ..Self::default() }
    }

    fn oldest(&self) -> Vec<String> {
        let mut sorted: Vec<_> = self.claims.iter().enumerate().collect();
        sorted.sort_by_key(|(at, (_, due))| (due.unwrap_or(i32::MAX), *at));
        sorted.into_iter().map(|(_, (id, _))| id.clone()).collect()
    }

    pub fn versioned(&mut self, old: Option<&CaseVersion>, new: &CaseVersion) {
        let due = |claim: &Claim| claim.due_current.or(claim.due_original).map(day_number);
        let known = std::mem::take(&mut self.claims);
        self.claims = new.claims.iter().map(|claim| (claim.id.as_str().to_owned(), due(claim))).collect();
        let gone = known.into_iter().filter(|(id, _)| !new.claims.iter().any(|claim| claim.id.as_str() == id));
        let gone: Vec<_> = gone.collect();
        self.claims.extend(gone);
        if old.is_none_or(|old| old.closed != new.closed) {
            self.closed = new.closed;
        }
        let fresh = |claim: &&Claim| old.is_none_or(|old| !old.claims.iter().any(|old| old.id == claim.id));
        for claim in new.claims.iter().filter(fresh) {
            self.owe(Principal, claim.id.as_str(), claim.principal);
            *self.coming.get_or_insert_default() += claim.principal;
        }
        self.placed_again(new);
        self.pass(new.effective);
    }

    /// The case comes in.
    pub fn came(&mut self) {
        (self.here, self.gone, self.returns, self.coming) = (true, None, None, Some(0));
    }

    /// Comes to an instant at which the case may have come again.
    pub fn pass(&mut self, at: Timestamp) {
        if self.returns.is_some_and(|returns| returns <= at) {
            self.came();
        }
    }

    fn left(&mut self, version: &CaseVersion, at: Timestamp) {
        (self.here, self.gone) = (false, Some(at));
        self.placed_again(version);
    }

    fn placed_again(&mut self, version: &CaseVersion) {
        self.returns = self.gone.and_then(|gone| version.placement.placed.filter(|placed| *placed > gone));
    }

    fn enter(&mut self, activity: &Activity, left: i64, day: i32, increase: Option<(Component, String)>) -> String {
        let id = activity.id.as_str().to_owned();
        let number = self.entries.len();
        let writes_off = matches!(&activity.detail, Detail::Adjustment { adjustment, .. } if *adjustment == AdjustmentKind::WriteOff);
        self.entries.insert(id.clone(), Entry { number, left, day, increase, payment: None, writes_off });
        id
    }

    fn increase(&mut self, activity: &Activity, day: i32, component: Component, units: i64) {
        let claim =
            if component == Principal { self.oldest().first().cloned().unwrap_or_default() } else { String::new() };
        self.enter(activity, units, day, Some((component, claim.clone())));
        self.owe(component, &claim, units);
    }

    pub fn happened(&mut self, version: &CaseVersion, activity: &Activity, day: i32) {
        self.today = day;
        let balance = self.tokens.iter().filter(|token| token.settled.is_none()).count() as i64;
        let balance = (balance - self.floating.len() as i64).max(0);
        self.agreed.happened(activity, (self.entries.len(), balance), day);
        self.led.happened(activity, day);
        match &activity.detail {
            Detail::Payment(payment) => self.paid(version, activity, payment, day),
            Detail::Charge(charge) => self.increase(activity, day, Cost, charge.amount.minor),
            Detail::Interest(interest) => self.increase(activity, day, Interest, interest.amount.minor),
            Detail::Adjustment { adjustment, amount, component } => {
                let raises = matches!(adjustment, AdjustmentKind::WriteUp | AdjustmentKind::Correction);
                if raises && amount.minor >= 0 {
                    self.increase(activity, day, component.unwrap_or(Principal), amount.minor);
                } else if *adjustment != AdjustmentKind::WriteUp {
                    let units = amount.minor.abs();
                    let id = self.enter(activity, units, day, None);
                    let stated = component.map(|component| (component, units)).into_iter().collect();
                    let left = self.settle(&id, units, &stated, None);
                    if matches!(adjustment, AdjustmentKind::WriteOff | AdjustmentKind::SettlementDiscount) {
                        // Nobody gives up more than is owed.
                        self.entries.get_mut(&id).unwrap().left -= left;
                        *self.beyond.entry("more_than_owed").or_default() += left;
                    } else {
                        self.float(&id, left);
                    }
                }
            }
            Detail::Reversal { reverses, amount, .. } => {
                self.reversals.push((reverses.as_str().to_owned(), amount.minor));
            }
            Detail::Transfer { transfer, .. } => match transfer {
                TransferKind::Recall | TransferKind::Sell | TransferKind::MoveOut if self.here => {
                    self.left(version, activity.occurred);
                }
                TransferKind::Place | TransferKind::MoveIn => self.came(),
                _ => {}
            },
            Detail::CaseStatus { closed, .. } => self.closed = *closed,
            Detail::Contact(contact) if contact.outcome_flags().right_party => {
                self.spoke = Some((activity.occurred, activity.actor.agent.clone()));
            }
            Detail::Promise(promise) => self.pledge(activity, promise, day),
            Detail::PromiseWithdrawn { promise } => self.end(promise.as_str(), "withdrawn", day),
            _ => {}
        }
        if let Detail::Payment(_) = &activity.detail {
            self.agreed.moved(&self.payments(), day);
        }
        // Reversals whose target is there take effect, in their order.
        for (target, units) in std::mem::take(&mut self.reversals) {
            if self.entries.contains_key(&target) {
                self.reverse(&target, units);
            } else {
                self.reversals.push((target, units));
            }
        }
    }

    /// What is left of each payment: number, value day, units.
    pub fn payments(&self) -> Vec<(usize, i32, i64)> {
        let payments = self.entries.values().filter(|entry| entry.payment.is_some());
        payments.map(|entry| (entry.number, entry.day, entry.left)).collect()
    }

    /// What reversals stated beyond what there was, by why.
    pub fn beyond(&self) -> BTreeMap<String, i64> {
        let waiting = self.reversals.iter().map(|(_, units)| units).sum();
        let all = self.beyond.iter().map(|(state, units)| (*state, *units)).chain([("not_there", waiting)]);
        all.filter(|(_, units)| *units != 0).map(|(state, units)| (state.to_owned(), units)).collect()
    }

    /// What paid conversions there are, as things stand now.
    pub fn conversions(&self) -> Vec<led::Conversion> {
        self.led.conversions(|payment| self.entries[payment].left > 0)
    }

    fn paid(&mut self, version: &CaseVersion, activity: &Activity, payment: &Payment, day: i32) {
        let units = payment.amount.minor;
        let day = payment.value_date.map_or(day, day_number);
        let id = self.enter(activity, units, day, None);
        let named = payment.promise.as_ref().map(|id| id.as_str().to_owned());
        let at = named.as_ref().and_then(|id| self.pledges.iter().position(|pledge| &pledge.id == id));
        let mut first = at;
        match (&named, at) {
            (Some(named), None) => self.waiting.push((named.clone(), Err(id.clone()))),
            _ => {
                let from = self.pledged.len();
                self.pay_pledges(&id, units, day, at);
                first = at.or(self.pledged.get(from).map(|(_, at, _)| *at));
            }
        }
        let recently = activity.occurred.0 - 30 * 86_400_000_000;
        let spoke = self.spoke.as_ref().filter(|(when, _)| when.0 >= recently).and_then(|(_, agent)| agent.clone());
        let agent = activity.actor.agent.clone();
        let agent = agent.or_else(|| first.and_then(|at| self.pledges[at].agent.clone())).or(spoke);
        let agent = agent.or_else(|| version.steering.agent.clone()).unwrap_or_default();
        *self.collected.entry(agent.clone()).or_default() += units;
        self.entries.get_mut(&id).unwrap().payment = Some(agent);
        let named = payment.claim.as_ref().map(ClaimId::as_str);
        let named = named.filter(|named| version.claims.iter().any(|claim| claim.id.as_str() == *named));
        let left = self.settle(&id, units, &payment.allocation, named);
        self.float(&id, left);
    }

    /// Notes where the account stands at the end of a day.
    pub fn note(&mut self, day: i32) {
        let due = |id: &str| self.claims.iter().find(|(known, _)| known == id).and_then(|(_, due)| *due);
        let first = self.claims.iter().filter_map(|(_, due)| *due).min();
        let open: Vec<&Token> = self.tokens.iter().filter(|token| token.settled.is_none()).collect();
        let net = open.len() as i64 - self.floating.len() as i64;
        let of = |token: &&&Token| if token.component == Principal { due(&token.claim) } else { first };
        let oldest = open.iter().filter_map(|token| of(&token)).min();
        let bucket = match oldest.map(|due| day - due) {
            None => "undated",
            Some(days) if days < 1 => "0",
            Some(1..=7) => "1-7",
            Some(8..=30) => "8-30",
            Some(31..=60) => "31-60",
            Some(61..=90) => "61-90",
            Some(_) => "91-180",
        };
        let there = self.here && !self.closed && net > 0;
        self.stood.push((there.then(|| bucket.to_owned()), net));
    }

    pub fn owed(&self, component: Component) -> i128 {
        let owed = self.tokens.iter().filter(|token| token.settled.is_none() && token.component == component);
        owed.filter(|_| self.here).count() as i128
    }

    pub fn credit(&self) -> i128 {
        self.floating.iter().filter(|_| self.here).count() as i128
    }

    pub fn shown(&self, day: i32, version: &CaseVersion) -> Shown {
        let dues: BTreeMap<&str, Option<i32>> = self.claims.iter().map(|(id, due)| (id.as_str(), *due)).collect();
        let first = self.claims.iter().filter_map(|(_, due)| *due).min();
        let mut shown = Shown::default();
        let mut late = false;
        if !self.here {
            // Money that moved before the case came in.
            let owed = self.tokens.iter().filter(|token| token.settled.is_none()).count() as i64;
            let net = self
                .coming
                .filter(|_| self.gone.is_none())
                .map_or(0, |coming| owed - self.floating.len() as i64 - coming);
            (shown.receivable, shown.credit) = (net.max(0), (-net).max(0));
            match first {
                None => shown.undated = net.max(0),
                Some(due) if due >= day => shown.current = net.max(0),
                Some(_) => {}
            }
            shown.dims = (version.steering.agent.clone().unwrap_or_default(), version.identity.creditor.clone());
            return shown;
        }
        shown.credit = self.floating.len() as i64;
        for token in self.tokens.iter().filter(|token| token.settled.is_none()) {
            shown.receivable += 1;
            let due =
                if token.component == Principal { dues.get(token.claim.as_str()).copied().flatten() } else { first };
            match due {
                None => shown.undated += 1,
                Some(due) if due >= day => shown.current += 1,
                Some(_) => late = true,
            }
        }
        shown.open = i64::from(self.here && !self.closed);
        shown.overdue = i64::from(late) * shown.open;
        shown.dims = (version.steering.agent.clone().unwrap_or_default(), version.identity.creditor.clone());
        shown
    }
}
