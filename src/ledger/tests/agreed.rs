//! Plans and settlements counted differently: every unit paid goes to the next unit of an instalment, by value day.

use super::*;
use crate::domain::detail::SettlementStep;

/// A payment: number of its entry, value day, units left.
type Paid = (usize, i32, i64);

#[derive(Debug)]
struct Schedule {
    id: String,
    from: usize,
    made: i32,
    /// Due days of the units to pay, instalment by instalment, and how many instalments are judged.
    instalments: Vec<(i32, i64)>,
    judged: usize,
}

#[derive(Debug, Default)]
pub(super) struct Agreed {
    plan: Option<Schedule>,
    /// Number of entries before it, amount agreed, balance.
    deal: Option<(usize, i64, i64)>,
    /// Day, state, amount due, units in time.
    pub instalments: Vec<(i32, &'static str, i64, i64)>,
    /// Day and state.
    pub plans: Vec<(i32, &'static str)>,
    /// Day, state, amount, balance.
    pub settlements: Vec<(i32, &'static str, i64, i64)>,
}

impl Agreed {
    fn over(&mut self, how: &'static str, day: i32) {
        if self.plan.take().is_some() {
            self.plans.push((day, how));
        }
    }

    pub fn happened(&mut self, activity: &Activity, (entries, balance): (usize, i64), day: i32) {
        match &activity.detail {
            Detail::Plan { instalments, .. } => {
                self.over("replaced", day);
                self.plans.push((day, "made"));
                let mut due: Vec<_> = instalments.iter().map(|one| (day_number(one.due), one.amount)).collect();
                due.retain(|(_, units)| *units > 0);
                due.sort_by_key(|(day, _)| *day);
                let id = activity.id.as_str().to_owned();
                let plan = Schedule { id, from: entries, made: day, instalments: due, judged: 0 };
                self.plan = Some(plan).filter(|plan| !plan.instalments.is_empty());
            }
            Detail::PlanEnded { plan, broken } if self.plan.as_ref().is_some_and(|known| known.id == plan.as_str()) => {
                self.over(if *broken { "broken" } else { "ended" }, day);
            }
            Detail::Settlement { step, amount, .. } => {
                let known = self.deal;
                let (state, of) = match step {
                    SettlementStep::Offer => ("offer", balance),
                    SettlementStep::Accepted => ("accepted", balance),
                    SettlementStep::Broken => ("broken", known.map_or(balance, |(_, _, balance)| balance)),
                };
                match step {
                    SettlementStep::Offer => {}
                    SettlementStep::Accepted => self.deal = Some((entries, amount.minor, balance)),
                    SettlementStep::Broken => self.deal = None,
                }
                self.settlements.push((day, state, amount.minor, of));
            }
            _ => {}
        }
    }

    pub fn paid(&mut self, payments: &[Paid], day: i32) {
        if let Some((from, amount, balance)) = self.deal {
            let paid: i64 = payments.iter().filter(|paid| paid.0 >= from).map(|paid| paid.2).sum();
            if paid >= amount {
                self.settlements.push((day, "paid", paid, balance));
                self.deal = None;
            }
        }
    }

    pub fn begins(&mut self, payments: &[Paid], day: i32) {
        let Some(plan) = &mut self.plan else { return };
        let mut units: Vec<i32> = payments
            .iter()
            .filter(|paid| paid.0 >= plan.from)
            .flat_map(|paid| std::iter::repeat_n(paid.1, paid.2 as usize))
            .collect();
        units.sort_unstable();
        let mut units = units.into_iter();
        for (at, (due, amount)) in plan.instalments.iter().enumerate() {
            let own: Vec<i32> = units.by_ref().take(*amount as usize).collect();
            let last = (due + 3).max(plan.made);
            if at < plan.judged || last >= day {
                continue;
            }
            plan.judged += 1;
            let by = |until: i32| own.iter().filter(|paid| **paid <= until).count() as i64;
            let state = match (by(*due), by(last)) {
                (in_time, _) if in_time == *amount => "kept",
                (_, late) if late == *amount => "late",
                _ => "missed",
            };
            self.instalments.push((last, state, *amount, by(*due)));
        }
        if plan.judged == plan.instalments.len() {
            self.plan = None;
        }
    }
}
