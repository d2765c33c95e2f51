//! Plans and settlements counted differently: every unit paid goes to the next unit of an instalment, by value day.

use super::*;
use crate::domain::detail::SettlementStep;

/// A payment: number of its entry, value day, units left.
type Paid = (usize, i32, i64);

#[derive(Debug)]
struct Schedule {
    id: String,
    /// Entries from this one on, up to that one once something took its place or ended it.
    from: usize,
    to: Option<usize>,
    made: i32,
    /// Due days of the units to pay, instalment by instalment, and how many instalments are judged.
    instalments: Vec<(i32, i64)>,
    judged: usize,
    /// From this one on nothing is expected while the case is not worked; those that were judged meanwhile.
    resting: Option<usize>,
    released: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Deal {
    /// Number of entries before it.
    from: usize,
    amount: i64,
    balance: i64,
    /// Last day with grace, and whether it is over.
    last: Option<i32>,
    over: bool,
    /// Day on which it was paid, and how much.
    paid: Option<(i32, i64)>,
    late: bool,
    /// When the case came to be worked no more.
    rested: Option<i32>,
    /// Nothing changes it any more.
    gone: bool,
}

impl Deal {
    /// Counts anew what came: in all, and unit by unit in time.
    fn count(&mut self, payments: &[Paid], day: i32) {
        if self.gone {
            return;
        }
        let sum = came(payments, self.from);
        let in_time = payments.iter().filter(|paid| paid.0 >= self.from && self.last.is_none_or(|last| paid.1 <= last));
        self.late = self.over && !self.released() && in_time.map(|paid| paid.2).sum::<i64>() < self.amount;
        let (day, most) = self.paid.unwrap_or((day, sum));
        self.paid = (sum >= self.amount).then_some((day, most.min(sum)));
    }

    fn released(&self) -> bool {
        self.rested.zip(self.last).is_some_and(|(day, last)| day <= last - 3)
    }

    fn told(&self) -> Vec<(i32, &'static str, i64, i64)> {
        let late = self.last.filter(|_| self.late).map(|last| (last, "overdue", self.amount, self.balance));
        let state = if self.late { "paid_late" } else { "paid" };
        let paid = self.paid.map(|(day, paid)| (day, state, paid, self.balance));
        late.into_iter().chain(paid).collect()
    }
}

#[derive(Debug, Default)]
pub(super) struct Agreed {
    schedules: Vec<Schedule>,
    /// Settlements that were accepted; the last one may still change.
    deals: Vec<Deal>,
    /// Day and state.
    pub plans: Vec<(i32, &'static str)>,
    /// Steps of settlements: day, state, amount, balance.
    steps: Vec<(i32, &'static str, i64, i64)>,
}

impl Agreed {
    fn over(&mut self, how: &'static str, entries: usize, day: i32) {
        let Some(plan) = self.schedules.last_mut().filter(|plan| plan.to.is_none()) else { return };
        plan.to = Some(entries);
        if plan.judged < plan.instalments.len() {
            self.plans.push((day, how));
        }
        // What is not due yet is never judged.
        let due = plan.instalments.iter().filter(|(due, _)| *due < day).count();
        plan.instalments.truncate(due.max(plan.judged));
    }

    fn running(&self) -> Option<&Schedule> {
        self.schedules.last().filter(|plan| plan.to.is_none() && plan.judged < plan.instalments.len())
    }

    pub fn happened(&mut self, activity: &Activity, (entries, balance): (usize, i64), day: i32) {
        match &activity.detail {
            Detail::Plan { instalments, .. } => {
                self.over("replaced", entries, day);
                self.plans.push((day, "made"));
                let mut due: Vec<_> = instalments.iter().map(|one| (day_number(one.due), one.amount)).collect();
                due.retain(|(_, units)| *units > 0);
                due.sort_by_key(|(day, _)| *day);
                let id = activity.id.as_str().to_owned();
                let plan = Schedule {
                    id,
                    from: entries,
                    to: None,
                    made: day,
                    instalments: due,
                    judged: 0,
                    resting: None,
                    released: vec![],
                };
                self.schedules.extend(Some(plan).filter(|plan| !plan.instalments.is_empty()));
            }
            Detail::PlanEnded { plan, broken } if self.running().is_some_and(|known| known.id == plan.as_str()) => {
                self.over(if *broken { "broken" } else { "ended" }, entries, day);
            }
            Detail::Settlement { step, amount, due } => {
                let known = self.deals.last_mut().filter(|deal| !deal.gone);
                let (state, of) = match step {
                    SettlementStep::Offer => ("offer", balance),
                    SettlementStep::Accepted => {
                        let lost =
                            |deal: &&mut Deal| deal.amount > 0 && deal.paid.is_none() && !deal.late && !deal.released();
                        let lost = known.into_iter().filter(lost);
                        for deal in lost.filter(|deal| deal.last.is_some_and(|last| last - 3 < day)) {
                            self.steps.push((day, "overdue", deal.amount, deal.balance));
                        }
                        self.deals.iter_mut().for_each(|deal| deal.gone = true);
                        let last = due.map(|due| (day_number(due) + 3).max(day));
                        let (from, amount) = (entries, amount.minor);
                        let (over, paid, late, rested, gone) = (false, None, false, None, false);
                        self.deals.push(Deal { from, amount, balance, last, over, paid, late, rested, gone });
                        ("accepted", balance)
                    }
                    SettlementStep::Broken => match known {
                        // It has failed already. One that was paid late stays, for that its payment may be taken back.
                        Some(deal) if deal.late => {
                            deal.gone = deal.paid.is_none();
                            return;
                        }
                        Some(deal) if deal.paid.is_none() => {
                            deal.gone = true;
                            ("broken", deal.balance)
                        }
                        _ => ("broken", balance),
                    },
                };
                self.steps.push((day, state, amount.minor, of));
            }
            _ => {}
        }
    }

    /// Money came in, or was taken back.
    pub fn moved(&mut self, payments: &[Paid], day: i32) {
        self.deals.last_mut().into_iter().for_each(|deal| deal.count(payments, day));
    }

    /// Day, state, amount, balance.
    pub fn settlements(&self) -> Vec<(i32, &'static str, i64, i64)> {
        self.steps.iter().copied().chain(self.deals.iter().flat_map(Deal::told)).collect()
    }

    pub fn begins(&mut self, payments: &[Paid], day: i32) {
        if let Some(deal) = self.deals.last_mut().filter(|deal| deal.last.is_some_and(|last| last < day)) {
            deal.over = true;
            deal.count(payments, day);
        }
        for plan in &mut self.schedules {
            while plan.instalments.get(plan.judged).is_some_and(|(due, _)| plan.last(*due) < day) {
                plan.released.extend(plan.resting.filter(|from| *from <= plan.judged).map(|_| plan.judged));
                plan.judged += 1;
            }
        }
    }

    /// The case came to be worked no more, or again.
    pub fn rested(&mut self, now: bool, day: i32) {
        let running = |plan: &&mut Schedule| plan.to.is_none() && plan.judged < plan.instalments.len();
        if let Some(plan) = self.schedules.last_mut().filter(running) {
            let due = plan.instalments.iter().filter(|(due, _)| *due < day).count();
            plan.resting = now.then_some(due);
        }
        if let Some(deal) = self.deals.last_mut() {
            match now {
                true => deal.rested = deal.rested.or(Some(day)),
                false if deal.over => {}
                false => deal.rested = None,
            }
        }
    }

    /// Instalments that were judged, as things stand now: day, state, amount due, units in time.
    pub fn instalments(&self, payments: &[Paid]) -> Vec<(i32, &'static str, i64, i64)> {
        self.schedules.iter().flat_map(|plan| plan.told(payments)).collect()
    }
}

/// What is left of the payments from an entry on.
fn came(payments: &[Paid], from: usize) -> i64 {
    payments.iter().filter(|paid| paid.0 >= from).map(|paid| paid.2).sum()
}

impl Schedule {
    fn last(&self, due: i32) -> i32 {
        (due + 3).max(self.made)
    }

    fn told(&self, payments: &[Paid]) -> Vec<(i32, &'static str, i64, i64)> {
        let to = self.to.unwrap_or(usize::MAX);
        let paid = payments.iter().filter(|paid| self.from <= paid.0 && paid.0 < to);
        let mut units: Vec<i32> = paid.flat_map(|paid| std::iter::repeat_n(paid.1, paid.2 as usize)).collect();
        units.sort_unstable();
        let mut units = units.into_iter();
        let judged = self.instalments.iter().take(self.judged).map(|(due, amount)| {
            let own: Vec<i32> = units.by_ref().take(*amount as usize).collect();
            let in_time = own.iter().filter(|day| **day <= self.last(*due)).count() as i64;
            let state = match (in_time == *amount, own.len() as i64 == *amount) {
                (true, _) => "kept",
                (_, true) => "late",
                _ => "missed",
            };
            (self.last(*due), state, *amount, in_time)
        });
        let told = |(at, told): (usize, (i32, &'static str, i64, i64))| {
            (told.1 == "kept" || !self.released.contains(&at)).then_some(told)
        };
        judged.enumerate().filter_map(told).collect()
    }
}
