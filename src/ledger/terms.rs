//! Settlements: what was agreed with the debtor to be paid instead of everything.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::{Books, Entry, EntryKind, NEVER, index};
use super::dims::DimRef;
use super::emit::Sink;
use super::{CaseLedger, Context, acted};
use crate::domain::activity::Activity;
use crate::domain::detail::SettlementStep;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;

/// A settlement that was accepted and is not broken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Deal {
    /// Entries before this one came before the acceptance.
    from: u32,
    /// Amount agreed.
    amount: i64,
    /// Balance at the acceptance.
    balance: i64,
    /// Dimensions of the fact that it was accepted.
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
    /// It was paid: what was told of that.
    paid: Option<Settled>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Settled {
    day: i32,
    amount: i64,
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

impl Deal {
    fn told(&self, paid: &Settled, sign: i8, sink: &Sink) -> Fact {
        let mut fact = sink.plain(FactKind::Settlement, 1);
        (fact.day, fact.sign) = (paid.day, sign);
        (fact.amount, fact.amount2) = (paid.amount, self.balance);
        fact.dims = Arc::clone(&paid.dims);
        fact
    }
}

impl Books {
    /// When the next instalment is judged or the next payment session is over.
    pub(super) fn terms_due(&self) -> Timestamp {
        let plan = self.plans.last().map_or(NEVER, |plan| plan.judged_at());
        self.sessions.iter().map(|session| session.over).fold(plan, Timestamp::min)
    }

    /// The payments from one entry to another, or to the last, of which something is left.
    fn payments(&self, from: u32, to: Option<u32>) -> impl Iterator<Item = &Entry> {
        let to = to.map_or(self.entries.len(), |to| to as usize);
        let between = self.entries.get(from as usize..to).unwrap_or_default();
        between.iter().filter(|entry| entry.kind == EntryKind::Payment && entry.left != 0)
    }

    /// What is left of the payments from an entry on.
    fn paid_since(&self, from: u32) -> i128 {
        self.payments(from, None).map(|entry| i128::from(entry.left)).sum()
    }

    /// What is left of the payments from one entry to another, by value date.
    pub(super) fn paid_by_day(&self, from: u32, to: Option<u32>) -> Paid {
        let mut days: Vec<(i32, i128)> = self.payments(from, to).map(|entry| (entry.day, entry.left.into())).collect();
        days.sort_unstable_by_key(|(day, _)| *day);
        let mut sum = 0;
        for (_, paid) in &mut days {
            sum += *paid;
            *paid = sum;
        }
        Paid(days)
    }
}

/// What came by each day on which something did, in order.
pub(super) struct Paid(Vec<(i32, i128)>);

impl Paid {
    /// What came up to and including a day.
    pub fn by(&self, day: i32) -> i128 {
        let until = self.0.partition_point(|(one, _)| *one <= day);
        until.checked_sub(1).and_then(|last| self.0.get(last)).map_or(0, |(_, sum)| *sum)
    }
}

/// An amount as facts carry it. Validation keeps what is owed on a case far below the limit.
pub(super) fn narrow(amount: i128) -> i64 {
    i64::try_from(amount.max(0)).unwrap_or(i64::MAX)
}

impl CaseLedger {
    /// A step of a settlement. An acceptance waits for its payment; a later one takes its place.
    pub(super) fn settlement(
        &mut self,
        ctx: &Context,
        activity: &Activity,
        step: SettlementStep,
        amount: Money,
        sink: &mut Sink,
    ) {
        let Some(amount) = super::sound(amount, ctx.version) else { return };
        let balance = narrow(self.balance().total());
        let mut fact = acted(activity, FactKind::Settlement, Some(step.as_str()), sink);
        fact.amount = amount;
        fact.amount2 = balance;
        let books = self.books_mut();
        match step {
            SettlementStep::Offer => {}
            SettlementStep::Accepted => {
                let dims = DimRef { state: None, ..DimRef::of(&fact.dims) }.shared();
                let from = index(books.entries.len());
                books.deal = Some(Box::new(Deal { from, amount, balance, dims, paid: None }));
            }
            SettlementStep::Broken => {
                if let Some(deal) = books.deal.take_if(|deal| deal.paid.is_none()) {
                    fact.amount2 = deal.balance;
                }
            }
        }
        sink.out.push(fact);
    }

    /// Money came in: the settlement may be paid now.
    pub(super) fn deal_paid(&mut self, sink: &mut Sink) {
        let paid = |deal: &Deal, sum: i64| deal.paid.is_none() && sum >= deal.amount;
        let Some((deal, sum)) = self.deal_if(paid) else { return };
        let dims = sink.case.acted_by(&deal.dims).state("paid").shared();
        let paid = Settled { day: sink.day, amount: sum, dims };
        sink.out.push(deal.told(&paid, 1, sink));
        deal.paid = Some(paid);
    }

    /// Money was taken back: a settlement that was paid with it is paid with less, or is not.
    pub(super) fn deal_unpaid(&mut self, sink: &mut Sink) {
        let less = |deal: &Deal, sum: i64| deal.paid.as_ref().is_some_and(|paid| sum < paid.amount);
        let Some((deal, sum)) = self.deal_if(less) else { return };
        let Some(paid) = deal.paid.take() else { return };
        sink.out.push(deal.told(&paid, -1, sink));
        if sum >= deal.amount {
            let paid = Settled { amount: sum, ..paid };
            sink.out.push(deal.told(&paid, 1, sink));
            deal.paid = Some(paid);
        }
    }

    /// The settlement that was accepted last, with what came in since and is left, if `wanted` says so.
    fn deal_if(&mut self, wanted: impl Fn(&Deal, i64) -> bool) -> Option<(&mut Deal, i64)> {
        let books = self.books.as_ref()?;
        let deal = books.deal.as_ref()?;
        let sum = narrow(books.paid_since(deal.from));
        if !wanted(deal, sum) {
            return None;
        }
        Some((Arc::make_mut(self.books.as_mut()?).deal.as_mut()?, sum))
    }
}
