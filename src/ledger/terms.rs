//! What was agreed with the debtor: instalment plans, judged due date by due date, and settlements.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::{Books, EntryKind, NEVER, index, tag};
use super::dims::DimRef;
use super::emit::Sink;
use super::{CaseLedger, Context, acted, midnight};
use crate::domain::activity::Activity;
use crate::domain::detail::{Instalment, SettlementStep};
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::market::Market;
use crate::domain::money::Money;
use crate::domain::time::{Timestamp, day_number};

/// An instalment plan that is running.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    key: u64,
    /// Entries before this one came before the plan.
    from: u32,
    /// Day on which it was agreed.
    made: i32,
    /// Instalments by due day, with their amounts; those before `next` are judged.
    instalments: Vec<(i32, i64)>,
    next: usize,
    /// When the next one will be judged.
    judged_at: Timestamp,
    flags: u16,
    /// Dimensions of the fact that it was made: whose it is.
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

impl Plan {
    /// Last day on which the next instalment may be paid, grace included.
    fn last_day(&self, market: &Market) -> Option<i32> {
        let (due, _) = self.instalments.get(self.next)?;
        Some(due.saturating_add(i32::from(market.promise_grace_days)).max(self.made))
    }

    /// What an instalment lets expect on its due day.
    fn expected(&self, (due, amount): (i32, i64), sink: &Sink) -> Fact {
        let mut fact = sink.plain(FactKind::CashExpected, 1);
        fact.day = due;
        fact.amount = amount;
        fact.dims = DimRef::of(&self.dims).state("instalment").shared();
        fact
    }

    fn set_timer(&mut self, market: &Market) {
        self.judged_at = self.last_day(market).map_or(NEVER, |last| midnight(market, last.saturating_add(1)));
    }
}

/// A settlement that was accepted and is neither paid nor broken.
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
}

impl Books {
    /// When the next instalment is judged or the next payment session is over.
    pub(super) fn terms_due(&self) -> Timestamp {
        let plan = self.plan.as_ref().map_or(NEVER, |plan| plan.judged_at);
        self.sessions.iter().map(|session| session.over).fold(plan, Timestamp::min)
    }

    /// What is left of the payments since an entry whose value date is at the latest that day.
    fn paid_since(&self, from: u32, until: i32) -> i128 {
        let since = self.entries.get(from as usize..).unwrap_or_default();
        let paid = since.iter().filter(|entry| entry.kind == EntryKind::Payment && entry.day <= until);
        paid.map(|entry| i128::from(entry.left)).sum()
    }
}

/// An amount as facts carry it. Validation keeps what is owed on a case far below the limit.
fn narrow(amount: i128) -> i64 {
    i64::try_from(amount.max(0)).unwrap_or(i64::MAX)
}

impl CaseLedger {
    /// A plan was agreed: it takes the place of the one that is running.
    pub(super) fn planned(&mut self, ctx: &Context, activity: &Activity, agreed: &[Instalment], sink: &mut Sink) {
        self.plan_over("replaced", sink);
        let mut instalments: Vec<(i32, i64)> =
            agreed.iter().filter(|one| one.amount > 0).map(|one| (day_number(one.due), one.amount)).collect();
        instalments.sort_by_key(|(due, _)| *due);
        let mut fact = acted(activity, FactKind::PlanMade, None, sink);
        fact.amount = narrow(instalments.iter().map(|(_, amount)| i128::from(*amount)).sum());
        fact.flags = if self.without_agent(activity, sink.day) { flag::SELF_SERVICE } else { 0 };
        let books = self.books_mut();
        let mut plan = Plan {
            key: tag(&activity.id),
            from: index(books.entries.len()),
            made: sink.day,
            instalments,
            next: 0,
            judged_at: NEVER,
            flags: fact.flags,
            dims: Arc::clone(&fact.dims),
        };
        sink.out.push(fact);
        for (due, amount) in &plan.instalments {
            sink.out.push(plan.expected((*due, *amount), sink));
        }
        plan.set_timer(ctx.market);
        if plan.judged_at != NEVER {
            books.plan = Some(Box::new(plan));
        }
    }

    /// The plan that is running ended, if it is that one.
    pub(super) fn plan_ended(&mut self, key: u64, broken: bool, sink: &mut Sink) {
        if self.books.as_ref().and_then(|books| books.plan.as_ref()).is_some_and(|plan| plan.key == key) {
            self.plan_over(if broken { "broken" } else { "ended" }, sink);
        }
    }

    fn plan_over(&mut self, state: &str, sink: &mut Sink) {
        let Some(plan) = self.books.as_mut().map(Arc::make_mut).and_then(|books| books.plan.take()) else { return };
        let mut fact = sink.plain(FactKind::PlanEnded, 1);
        fact.dims = sink.case.acted_by(&plan.dims).state(state).shared();
        sink.out.push(fact);
        for one in plan.instalments.get(plan.next..).unwrap_or_default() {
            sink.out.push(Fact { sign: -1, ..plan.expected(*one, sink) });
        }
    }

    /// Judges the instalments whose instant is `at`: payments since the plan was agreed go to them in their order.
    pub(super) fn judge_instalments(&mut self, market: &Market, at: Timestamp, sink: &mut Sink) {
        let Some(books) = self.books.as_mut().map(Arc::make_mut) else { return };
        let Some(mut plan) = books.plan.take() else { return };
        while plan.judged_at <= at {
            let (Some((due, amount)), Some(last)) = (plan.instalments.get(plan.next).copied(), plan.last_day(market))
            else {
                break;
            };
            let judged = plan.instalments.get(..plan.next).unwrap_or_default();
            let before: i128 = judged.iter().map(|(_, amount)| i128::from(*amount)).sum();
            let paid = |until: i32| narrow(books.paid_since(plan.from, until) - before).min(amount);
            let in_time = paid(due);
            let state = match (in_time == amount, paid(last) == amount) {
                (true, _) => "kept",
                (_, true) => "late",
                _ => "missed",
            };
            let mut fact = sink.plain(FactKind::InstalmentJudged, 1);
            fact.day = last;
            fact.amount = amount;
            fact.amount2 = in_time;
            fact.flags = plan.flags;
            fact.dims = sink.case.acted_by(&plan.dims).state(state).shared();
            sink.out.push(fact);
            sink.out.push(Fact { count: 0, amount: 0, amount2: in_time, ..plan.expected((due, amount), sink) });
            plan.next += 1;
            plan.set_timer(market);
        }
        if plan.judged_at != NEVER {
            books.plan = Some(plan);
        }
    }

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
                books.deal = Some(Box::new(Deal { from: index(books.entries.len()), amount, balance, dims }));
            }
            SettlementStep::Broken => {
                if let Some(deal) = books.deal.take() {
                    fact.amount2 = deal.balance;
                }
            }
        }
        sink.out.push(fact);
    }

    /// Money came in: the settlement may be paid now.
    pub(super) fn deal_paid(&mut self, sink: &mut Sink) {
        let Some(books) = self.books.as_mut().map(Arc::make_mut) else { return };
        let Some(deal) = &books.deal else { return };
        let paid = narrow(books.paid_since(deal.from, i32::MAX));
        if paid < deal.amount {
            return;
        }
        let mut fact = sink.plain(FactKind::Settlement, 1);
        fact.amount = paid;
        fact.amount2 = deal.balance;
        fact.dims = sink.case.acted_by(&deal.dims).state("paid").shared();
        sink.out.push(fact);
        books.deal = None;
    }
}
