//! What a case owes by component and claim, as far as a rule on how payments are put asks: payments, charges, interest,
//! adjustments and what takes them back, put in the order that the record or else the market states.

mod regained;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::{AdjustmentKind, Detail, Payment};
use crate::domain::ids::{ActivityId, ClaimId};
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::Component;

/// A claim and what of its principal is open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OpenClaim {
    pub id: ClaimId,
    pub due: Option<chrono::NaiveDate>,
    pub open: i64,
}

/// Where a part of an entry went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Slot {
    Cost,
    Interest,
    Claim(usize),
    /// Nothing was open that it could settle.
    Credit,
}

/// What is owed, and what each payment settled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Owed {
    pub cost: i64,
    pub interest: i64,
    pub claims: Vec<OpenClaim>,
    entries: Vec<(ActivityId, Entry)>,
    /// Parts so far, which numbers them.
    parts: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Entry {
    Settled(Settled),
    Added(Slot, i64),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Settled {
    /// When, or when it counts.
    at: Timestamp,
    /// It states the claim.
    named: bool,
    manner: Manner,
    /// Parts in the order in which they were settled.
    parts: Vec<Part>,
}

/// How something settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Manner {
    /// What it has nothing to settle for is a credit.
    Pays,
    /// What is written off can still be paid.
    WritesOff,
    /// Nobody waives more than is owed.
    Waives,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Part {
    slot: Slot,
    amount: i64,
    /// The entry that had written it off before.
    off: Option<usize>,
    /// In which order parts were settled, over all entries.
    number: u32,
}

/// What settles, and of what.
struct Putting<'a> {
    id: &'a ActivityId,
    at: Timestamp,
    amount: i64,
    stated: &'a BTreeMap<Component, i64>,
    named: Option<&'a ClaimId>,
    manner: Manner,
}

impl Owed {
    /// A case as it comes: its claims and the charges made before.
    pub fn new(version: &CaseVersion) -> Self {
        let prior = version.prior_charges.iter().fold(0_i64, |sum, one| sum.saturating_add(one.amount.minor));
        let mut owed = Self { cost: prior, interest: 0, claims: Vec::new(), entries: Vec::new(), parts: 0 };
        owed.learn(version);
        owed
    }

    /// Claims that a later version adds, and due dates that it moves.
    pub fn learn(&mut self, version: &CaseVersion) {
        for claim in &version.claims {
            match self.claims.iter_mut().find(|known| known.id == claim.id) {
                Some(known) => known.due = claim.due(),
                None => {
                    self.claims.push(OpenClaim {
                        id: claim.id.clone(),
                        due: claim.due(),
                        open: claim.principal.max(0),
                    });
                }
            }
        }
    }

    /// What is open of a component.
    pub fn open(&self, component: Component) -> i64 {
        match component {
            Component::Cost => self.cost,
            Component::Interest => self.interest,
            Component::Principal => self.claims.iter().fold(0_i64, |sum, claim| sum.saturating_add(claim.open)),
        }
    }

    /// What a payment puts to each component: what it states, then the rest in the market's order.
    pub fn put(&self, payment: &Payment, order: [Component; 3]) -> BTreeMap<Component, i64> {
        let mut put = payment.allocation.clone();
        let stated = put.values().fold(0_i64, |sum, part| sum.saturating_add(*part));
        let mut left = payment.amount.minor.saturating_sub(stated);
        for component in order {
            let already = put.get(&component).copied().unwrap_or(0);
            let part = self.open(component).saturating_sub(already).clamp(0, left.max(0));
            if part > 0 {
                put.insert(component, already.saturating_add(part));
                left -= part;
            }
        }
        put
    }

    /// Keeps an activity in mind.
    pub fn remember(&mut self, activity: &Activity, order: [Component; 3]) {
        let (id, at) = (&activity.id, activity.occurred);
        match &activity.detail {
            Detail::Payment(payment) => {
                // A later value date makes a payment count later.
                let counts = payment.value_date.map(|on| Timestamp::start_of(on, chrono_tz::Tz::UTC));
                let at = counts.map_or(at, |counts| counts.max(at));
                let (stated, named) = (&payment.allocation, payment.claim.as_ref());
                let manner = Manner::Pays;
                self.pay(&Putting { id, at, amount: payment.amount.minor, stated, named, manner }, order);
            }
            Detail::Charge(charge) => {
                self.add(id, Component::Cost, charge.amount.minor.saturating_add(charge.vat.unwrap_or(0)));
            }
            Detail::Interest(interest) => self.add(id, Component::Interest, interest.amount.minor),
            Detail::Adjustment { adjustment, amount, component } => {
                let up = match adjustment {
                    AdjustmentKind::WriteUp | AdjustmentKind::Correction => amount.minor,
                    _ => amount.minor.saturating_neg(),
                };
                if up >= 0 {
                    self.add(id, component.unwrap_or(Component::Principal), up);
                    return;
                }
                let down = up.saturating_neg();
                let stated = component.map(|component| (component, down)).into_iter().collect();
                let manner = match adjustment {
                    AdjustmentKind::WriteOff => Manner::WritesOff,
                    AdjustmentKind::SettlementDiscount => Manner::Waives,
                    _ => Manner::Pays,
                };
                self.pay(&Putting { id, at, amount: down, stated: &stated, named: None, manner }, order);
            }
            Detail::Reversal { reverses, amount, .. } => self.take_back(reverses, at, amount.minor, order),
            _ => {}
        }
    }

    /// Indices of the claims, the named one first, then by due date.
    fn oldest_first(&self, named: Option<&ClaimId>) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.claims.len()).collect();
        order.sort_by_key(|at| {
            self.claims.get(*at).map(|claim| (Some(&claim.id) != named, claim.due.is_none(), claim.due))
        });
        order
    }

    fn slot(&mut self, slot: Slot) -> Option<&mut i64> {
        match slot {
            Slot::Cost => Some(&mut self.cost),
            Slot::Interest => Some(&mut self.interest),
            Slot::Claim(at) => self.claims.get_mut(at).map(|claim| &mut claim.open),
            Slot::Credit => None,
        }
    }

    /// Settles at most `amount` of a slot; what it took.
    fn settle(&mut self, slot: Slot, amount: i64) -> i64 {
        let Some(open) = self.slot(slot) else { return 0 };
        let taken = (*open).min(amount).max(0);
        *open -= taken;
        taken
    }

    /// Settles a component, of the principal the named claim first.
    fn settle_component(
        &mut self,
        component: Component,
        amount: i64,
        named: Option<&ClaimId>,
        parts: &mut Vec<Part>,
    ) -> i64 {
        let slots = match component {
            Component::Cost => vec![Slot::Cost],
            Component::Interest => vec![Slot::Interest],
            Component::Principal => self.oldest_first(named).into_iter().map(Slot::Claim).collect(),
        };
        let mut left = amount;
        for slot in slots {
            let taken = self.settle(slot, left);
            if taken > 0 {
                left -= taken;
                parts.push(self.part(slot, taken, None));
            }
        }
        amount - left
    }

    fn part(&mut self, slot: Slot, amount: i64, off: Option<usize>) -> Part {
        self.parts = self.parts.saturating_add(1);
        Part { slot, amount, off, number: self.parts }
    }

    fn pay(&mut self, put: &Putting<'_>, order: [Component; 3]) {
        let mut left = put.amount;
        let mut parts = Vec::new();
        for component in order {
            let want = put.stated.get(&component).copied().unwrap_or(0).clamp(0, left.max(0));
            let settled = self.settle_component(component, want, put.named, &mut parts);
            left -= settled;
            if put.manner != Manner::WritesOff {
                left -= self.regain_component(component, want - settled, put.named, &mut parts);
            }
        }
        for component in order {
            left -= self.settle_component(component, left, put.named, &mut parts);
        }
        for component in order.into_iter().filter(|_| put.manner != Manner::WritesOff) {
            left -= self.regain_component(component, left, put.named, &mut parts);
        }
        if left > 0 && put.manner == Manner::Pays {
            parts.push(self.part(Slot::Credit, left, None));
        }
        let settled = Settled { at: put.at, named: put.named.is_some(), manner: put.manner, parts };
        self.entries.push((put.id.clone(), Entry::Settled(settled)));
    }

    /// What was open of the principal of these claims before an instant: with payments that name no claim put by their order,
    /// and at most, whichever of the claims they were for.
    pub fn principal_before(&self, claims: &[&ClaimId], before: Timestamp) -> (i64, i64) {
        let of = |slot: &Slot, among: &dyn Fn(&ClaimId) -> bool| match slot {
            Slot::Claim(at) => self.claims.get(*at).is_some_and(|claim| among(&claim.id)),
            _ => false,
        };
        let open = |among: &dyn Fn(&ClaimId) -> bool, back: &dyn Fn(&Settled) -> bool| {
            let now = self.claims.iter().filter(|claim| among(&claim.id)).map(|claim| claim.open);
            let settled = self.entries.iter().filter_map(|(_, entry)| match entry {
                Entry::Settled(settled) if back(settled) => Some(&settled.parts),
                _ => None,
            });
            let parts = settled.flatten().filter(|part| of(&part.slot, among)).map(|part| part.amount);
            now.chain(parts).fold(0_i64, i64::saturating_add)
        };
        let (meant, any) = (|id: &ClaimId| claims.contains(&id), |_: &ClaimId| true);
        let later = |settled: &Settled| settled.at >= before;
        let by_order = open(&meant, &later);
        let all = open(&any, &later);
        (by_order, open(&meant, &|settled| later(settled) || !settled.named).min(all))
    }

    /// Adds to what is open. A credit pays it at once, the oldest entry's first.
    fn add(&mut self, id: &ActivityId, component: Component, amount: i64) {
        let slot = match component {
            Component::Cost => Slot::Cost,
            Component::Interest => Slot::Interest,
            Component::Principal => match self.oldest_first(None).first() {
                Some(at) => Slot::Claim(*at),
                None => return,
            },
        };
        self.open_again(slot, amount);
        self.entries.push((id.clone(), Entry::Added(slot, amount)));
    }

    fn open_again(&mut self, slot: Slot, amount: i64) {
        let (mut left, mut number) = (amount, self.parts);
        for (_, entry) in &mut self.entries {
            let Entry::Settled(Settled { parts, .. }) = entry else { continue };
            let Some(credit) = parts.iter_mut().find(|part| part.slot == Slot::Credit && part.amount > 0) else {
                continue;
            };
            let taken = credit.amount.min(left);
            if taken > 0 {
                credit.amount -= taken;
                left -= taken;
                number = number.saturating_add(1);
                parts.push(Part { slot, amount: taken, off: None, number });
            }
        }
        self.parts = number;
        if let Some(open) = self.slot(slot) {
            *open = open.saturating_add(left);
        }
    }

    /// Opens again what an entry settled, its credit first and then the last part first; or settles what it added.
    fn take_back(&mut self, target: &ActivityId, at: Timestamp, amount: i64, order: [Component; 3]) {
        let Some(by) = self.entries.iter().position(|(id, _)| id == target) else { return };
        let Some((_, entry)) = self.entries.get_mut(by) else { return };
        let mut left = amount;
        match entry {
            Entry::Settled(Settled { parts, .. }) => {
                let mut undone = Vec::new();
                let mut back: Vec<usize> = (0..parts.len()).rev().collect();
                back.sort_by_key(|at| parts.get(*at).is_none_or(|part| part.slot != Slot::Credit));
                for at in back {
                    let Some(part) = parts.get_mut(at) else { continue };
                    let taken = part.amount.min(left);
                    part.amount -= taken;
                    left -= taken;
                    undone.push(Part { amount: taken, ..*part });
                }
                let settled = |part: &Part| part.slot != Slot::Credit && part.amount > 0;
                for part in undone.into_iter().filter(settled) {
                    if let Some(off) = part.off {
                        self.lose(off, part);
                    } else {
                        self.open_again(part.slot, part.amount);
                    }
                }
                self.owe_regained(by, left);
            }
            Entry::Added(slot, added) => {
                let taken = (*added).min(left);
                *added -= taken;
                let slot = *slot;
                let component = match slot {
                    Slot::Cost => Component::Cost,
                    Slot::Interest => Component::Interest,
                    Slot::Claim(_) | Slot::Credit => Component::Principal,
                };
                let named = match slot {
                    Slot::Claim(at) => self.claims.get(at).map(|claim| claim.id.clone()),
                    _ => None,
                };
                let (stated, named) = ([(component, taken)].into(), named.as_ref());
                let manner = Manner::Pays;
                self.pay(&Putting { id: target, at, amount: taken, stated: &stated, named, manner }, order);
            }
        }
    }
}
