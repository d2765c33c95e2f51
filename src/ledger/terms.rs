//! Settlements: what was agreed with the debtor to be paid instead of everything.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::books::{Books, Entry, EntryKind, NEVER, index};
use super::dims::DimRef;
use super::emit::Sink;
use super::plans::Plan;
use super::{CaseLedger, Context, acted};
use crate::domain::activity::Activity;
use crate::domain::detail::SettlementStep;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::money::Money;
use crate::domain::time::{Timestamp, add_days, day_number};

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
    /// The last day on which payment keeps it, grace included, if it was agreed until when to pay.
    last: Option<i32>,
    /// When that day will be over.
    judged_at: Timestamp,
    /// It was paid: what was told of that.
    paid: Option<Settled>,
    /// It was not paid by that day: the dimensions under which that is told, once the day is over and for as long as it is so.
    #[serde(deserialize_with = "super::dims::read_shared_if_any")]
    overdue: Option<Arc<Dims>>,
    /// When the case was closed or left, if it was not worked again before that day was over: see [`super::released`].
    rested: Option<i32>,
    /// Dimensions of the case when the day was over.
    #[serde(deserialize_with = "super::dims::read_shared_if_any")]
    judged: Option<Arc<Dims>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

    /// It is not paid, nothing was told of that yet, and its last day is before `day`.
    fn is_overdue(&self, day: i32) -> bool {
        self.amount > 0 && self.paid.is_none() && self.overdue.is_none() && self.last.is_some_and(|last| last < day)
    }

    /// The case is worked no more, or again.
    pub(super) fn rest(&mut self, at_rest: bool, day: i32) {
        match self.rested {
            None if at_rest => self.rested = Some(day),
            Some(_) if !at_rest && self.judged.is_none() => self.rested = None,
            _ => {}
        }
    }

    /// The case was closed or left at the latest on the day by which it was to be paid.
    fn is_released(&self, grace: i32) -> bool {
        self.rested.zip(self.last).is_some_and(|(day, last)| day <= last.saturating_sub(grace))
    }

    /// It was not paid by its due date and nothing is paid on it any more.
    fn told_lost(&self, sink: &Sink) -> Fact {
        let dims = sink.case.acted_by(&self.dims).state("overdue").shared();
        self.told(&Settled { day: sink.day, amount: self.amount, dims }, 1, sink)
    }

    /// It was not paid by its last day.
    fn told_overdue(&self, dims: &Arc<Dims>, sign: i8, sink: &Sink) -> Option<Fact> {
        let overdue = Settled { day: self.last?, amount: self.amount, dims: Arc::clone(dims) };
        Some(self.told(&overdue, sign, sink))
    }
}

impl Books {
    /// When the next instalment or the settlement is judged, or the next payment session is over.
    pub(super) fn terms_due(&self) -> Timestamp {
        let plan = self.plans.iter().map(Plan::judged_at).min().unwrap_or(NEVER);
        let plan = self.deal.as_ref().map_or(plan, |deal| plan.min(deal.judged_at));
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
    /// A step of a settlement. An acceptance waits for its payment; a later one takes its place. One that was not paid by its day
    /// has failed: that it is called broken then says nothing new.
    pub(super) fn settlement(
        &mut self,
        ctx: &Context,
        activity: &Activity,
        (step, amount, due): (SettlementStep, Money, Option<NaiveDate>),
        sink: &mut Sink,
    ) {
        let Some(amount) = super::sound(amount, ctx.version) else { return };
        let balance = narrow(self.owed().total());
        let mut fact = acted(activity, FactKind::Settlement, Some(step.as_str()), sink);
        fact.amount = amount;
        fact.amount2 = balance;
        let books = self.books_mut();
        match step {
            SettlementStep::Offer => {}
            SettlementStep::Accepted => {
                let dims = DimRef { state: None, ..DimRef::of(&fact.dims) }.shared();
                let from = index(books.entries.len());
                let grace = i32::from(ctx.market.promise_grace_days);
                let last = due.map(|due| day_number(add_days(due, i64::from(grace))).max(sink.day));
                let judged_at = last.map_or(NEVER, |last| super::midnight(ctx.market, last.saturating_add(1)));
                let (paid, overdue, rested, judged) = (None, None, None, None);
                let deal = Deal { from, amount, balance, dims, last, judged_at, paid, overdue, rested, judged };
                // After its due date another one does not save the settlement that it replaces.
                if let Some(lost) = books.deal.replace(Box::new(deal))
                    && lost.is_overdue(sink.day.saturating_add(grace))
                    && !lost.is_released(grace)
                {
                    sink.out.push(lost.told_lost(sink));
                }
            }
            SettlementStep::Broken => {
                if books.deal.as_deref().is_some_and(|deal| deal.overdue.is_some()) {
                    // Told already. What was paid late is taken back with its payment, so that the settlement stays for that.
                    books.deal.take_if(|deal| deal.paid.is_none());
                    return;
                }
                if let Some(deal) = books.deal.take_if(|deal| deal.paid.is_none()) {
                    fact.amount2 = deal.balance;
                }
            }
        }
        sink.out.push(fact);
    }

    /// Judges the instalments and the settlement whose instant is `at`.
    pub(super) fn judge_terms(&mut self, at: Timestamp, sink: &mut Sink) {
        self.judge_instalments(at, sink);
        self.judge_deal(at, sink);
    }

    /// Judges the settlement whose last day is over at `at`.
    fn judge_deal(&mut self, at: Timestamp, sink: &mut Sink) {
        let due = |deal: &Deal| deal.judged_at <= at;
        if !self.books.as_ref().and_then(|books| books.deal.as_deref()).is_some_and(due) {
            return;
        }
        if let Some(deal) = &mut self.books_mut().deal {
            deal.judged_at = NEVER;
            deal.judged = Some(Arc::clone(&sink.dims));
        }
        self.deal_follows(sink);
    }

    /// Money came in or was taken back, or the last day is over: tells what has become of the settlement that was accepted last.
    /// It is paid on the day of the payment that completed it; late, if by value date that was after its last day.
    pub(super) fn deal_follows(&mut self, sink: &mut Sink) {
        let Some(books) = self.books.as_ref() else { return };
        let Some(deal) = books.deal.as_ref() else { return };
        let sum = narrow(books.paid_since(deal.from));
        let in_time = |last: i32| narrow(books.paid_by_day(deal.from, None).by(last));
        let released = deal.is_released(i32::from(sink.market.promise_grace_days));
        let late = !released && deal.last.is_some_and(|last| in_time(last) < deal.amount);
        let missed = deal.judged.as_ref().filter(|_| late);
        let overdue = missed.map(|case| DimRef::of(case).acted_by(&deal.dims).state("overdue").shared());
        let paid = (sum >= deal.amount).then(|| {
            let state = if overdue.is_some() { "paid_late" } else { "paid" };
            match &deal.paid {
                // What comes beyond it is not paid on it.
                Some(known) => Settled {
                    amount: sum.min(known.amount),
                    dims: DimRef::of(&known.dims).state(state).shared(),
                    ..known.clone()
                },
                None => {
                    let dims = sink.case.acted_by(&deal.dims).state(state).shared();
                    Settled { day: sink.day, amount: sum, dims }
                }
            }
        });
        if paid == deal.paid && overdue == deal.overdue {
            return;
        }
        let Some(deal) = self.books.as_mut().and_then(|books| Arc::make_mut(books).deal.as_mut()) else { return };
        let (was_paid, was_overdue) = (deal.paid.take(), deal.overdue.take());
        if was_overdue != overdue {
            let before = was_overdue.and_then(|dims| deal.told_overdue(&dims, -1, sink));
            let after = overdue.as_ref().and_then(|dims| deal.told_overdue(dims, 1, sink));
            sink.out.extend(before.into_iter().chain(after));
        }
        if was_paid != paid {
            let before = was_paid.map(|paid| deal.told(&paid, -1, sink));
            let after = paid.as_ref().map(|paid| deal.told(paid, 1, sink));
            sink.out.extend(before.into_iter().chain(after));
        }
        (deal.paid, deal.overdue) = (paid, overdue);
    }
}
