//! Instalment plans, judged due date by due date. Payments since a plan was agreed go to its instalments in their order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::{Books, NEVER, index, push_lean, tag};
use super::dims::DimRef;
use super::emit::Sink;
use super::terms::{Paid, narrow};
use super::{CaseLedger, Context, acted, midnight};
use crate::domain::activity::Activity;
use crate::domain::detail::Instalment;
use crate::domain::fact::{Dims, Fact, FactKind, flag};
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, day_number};

/// An instalment plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    key: u64,
    /// Entries from this one on were paid on the plan,
    from: u32,
    /// up to this one, once it ended before its last instalment or another plan took its place.
    to: Option<u32>,
    /// Day on which it was agreed.
    made: i32,
    /// Instalments by due day, with their amounts.
    instalments: Vec<(i32, i64)>,
    /// The first of them were judged: the case's dimensions then.
    judged: Vec<Judged>,
    /// From this one on nothing is expected of them: see [`super::released`].
    released: Option<u32>,
    /// When the next one will be judged.
    judged_at: Timestamp,
    flags: u16,
    /// Dimensions of the fact that it was made: whose it is.
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Judged {
    #[serde(deserialize_with = "super::dims::read_shared")]
    case: Arc<Dims>,
    /// Nothing was expected of it then.
    released: bool,
}

impl Plan {
    /// When its next instalment is judged.
    pub(super) const fn judged_at(&self) -> Timestamp {
        self.judged_at
    }

    /// Last day on which an instalment may be paid, grace included.
    fn last_day(&self, at: usize, market: &Market) -> Option<i32> {
        let (due, _) = self.instalments.get(at)?;
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

    /// The instalments from one on of which something is expected.
    fn expecting(&self, from: usize) -> &[(i32, i64)] {
        let until = self.released.map_or(self.instalments.len(), |until| until as usize);
        self.instalments.get(from..until).unwrap_or_default()
    }

    /// The case is worked no more, or again.
    pub(super) fn rest(&mut self, at_rest: bool, sink: &mut Sink) {
        if self.to.is_some() || self.judged_at == NEVER {
            return;
        }
        let open = self.judged.len();
        if at_rest {
            let due = self.instalments.partition_point(|(due, _)| *due < sink.day).max(open);
            for one in self.expecting(due) {
                sink.out.push(Fact { sign: -1, ..self.expected(*one, sink) });
            }
            self.released = Some(index(due));
        } else if let Some(from) = self.released.take() {
            for one in self.expecting(open.max(from as usize)) {
                sink.out.push(self.expected(*one, sink));
            }
        }
    }

    fn set_timer(&mut self, market: &Market) {
        let last = self.last_day(self.judged.len(), market);
        self.judged_at = last.map_or(NEVER, |last| midnight(market, last.saturating_add(1)));
    }

    /// What is told of an instalment that was judged: what became of it, and of what was expected. `paid` is what came of the
    /// whole plan by a day, or in all. Nothing of one that was released and not paid.
    fn told(&self, at: usize, before: i128, paid: &Paid, sink: &Sink) -> Option<[Fact; 2]> {
        let (judged, (due, amount)) = (self.judged.get(at)?, self.instalments.get(at).copied()?);
        let last = self.last_day(at, sink.market)?;
        let part = |sum: i128| narrow(sum - before).min(amount);
        let in_time = part(paid.by(last));
        if judged.released && in_time < amount {
            return None;
        }
        let state = match (in_time == amount, part(paid.by(i32::MAX)) == amount) {
            (true, _) => "kept",
            (_, true) => "late",
            _ => "missed",
        };
        let mut fact = sink.plain(FactKind::InstalmentJudged, 1);
        fact.day = last;
        (fact.amount, fact.amount2) = (amount, in_time);
        fact.flags = self.flags;
        fact.dims = DimRef::of(&judged.case).acted_by(&self.dims).state(state).shared();
        let expected = Fact { amount2: in_time, ..self.expected((due, amount), sink) };
        Some([fact, if judged.released { expected } else { Fact { count: 0, amount: 0, ..expected } }])
    }

    /// What is told of the instalments that were judged, from one on.
    fn told_from(&self, from: usize, books: &Books, sink: &Sink) -> Vec<Option<Fact>> {
        let paid = books.paid_by_day(self.from, self.to);
        let mut before: i128 = self.instalments.iter().take(from).map(|(_, amount)| i128::from(*amount)).sum();
        let mut told = Vec::new();
        for at in from..self.judged.len() {
            told.extend(self.told(at, before, &paid, sink).map_or([None, None], |facts| facts.map(Some)));
            before += self.instalments.get(at).map_or(0, |(_, amount)| i128::from(*amount));
        }
        told
    }

    /// Whether that entry may be paid on it.
    fn takes(&self, entry: Option<u32>) -> bool {
        entry.is_some_and(|entry| self.from <= entry && self.to.is_none_or(|to| entry < to))
    }
}

impl Books {
    /// An instalment was judged of the plan that an entry was paid on.
    pub(super) fn has_judged_instalments(&self, entry: Option<u32>) -> bool {
        self.plans.iter().any(|plan| plan.takes(entry) && !plan.judged.is_empty())
    }

    /// What is told of every instalment that was judged of the plan that an entry was paid on.
    pub(super) fn told_of_instalments(&self, entry: Option<u32>, sink: &Sink) -> Vec<Option<Fact>> {
        self.plans.iter().filter(|plan| plan.takes(entry)).flat_map(|plan| plan.told_from(0, self, sink)).collect()
    }
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
            to: None,
            made: sink.day,
            instalments,
            judged: Vec::new(),
            released: None,
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
            push_lean(&mut books.plans, plan);
        }
    }

    /// The plan that is running ended, if it is that one.
    pub(super) fn plan_ended(&mut self, key: u64, broken: bool, sink: &mut Sink) {
        let last = self.books.as_ref().and_then(|books| books.plans.last());
        if last.is_some_and(|plan| plan.key == key && plan.judged_at != NEVER) {
            self.plan_over(if broken { "broken" } else { "ended" }, sink);
        }
    }

    /// Nothing more is paid on the last plan. If it is running, it ends before its last instalment: those that are due by now are
    /// judged all the same, those that are not are expected no more.
    fn plan_over(&mut self, state: &str, sink: &mut Sink) {
        let Some(books) = self.books.as_mut().map(Arc::make_mut) else { return };
        let entries = index(books.entries.len());
        let Some(plan) = books.plans.last_mut().filter(|plan| plan.to.is_none()) else { return };
        plan.to = Some(entries);
        if plan.judged_at != NEVER {
            let mut fact = sink.plain(FactKind::PlanEnded, 1);
            fact.dims = sink.case.acted_by(&plan.dims).state(state).shared();
            sink.out.push(fact);
            let due = plan.instalments.partition_point(|(due, _)| *due < sink.day).max(plan.judged.len());
            for one in plan.expecting(due) {
                sink.out.push(Fact { sign: -1, ..plan.expected(*one, sink) });
            }
            plan.instalments.truncate(due);
            plan.set_timer(sink.market);
        }
    }

    /// Judges the instalments whose instant is `at`.
    pub(super) fn judge_instalments(&mut self, at: Timestamp, sink: &mut Sink) {
        let due = |books: &Books| books.plans.iter().position(|plan| plan.judged_at <= at);
        while let Some(index) = self.books.as_deref().and_then(due) {
            let books = self.books_mut();
            let Some(plan) = books.plans.get_mut(index) else { return };
            let released = plan.released.is_some_and(|from| from as usize <= plan.judged.len());
            push_lean(&mut plan.judged, Judged { case: Arc::clone(&sink.dims), released });
            plan.set_timer(sink.market);
            let told = books.plans.get(index).map(|plan| plan.told_from(plan.judged.len() - 1, books, sink));
            sink.out.extend(told.into_iter().flatten().flatten());
        }
    }
}
