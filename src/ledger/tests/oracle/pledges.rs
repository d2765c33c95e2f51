//! Promises counted by units: which one each unit paid goes to, and what became of them.

use super::super::*;
use super::{Oracle, Pledge};

impl Oracle {
    pub(super) fn pay_pledges(&mut self, id: &str, units: i64, day: i32, named: Option<usize>) {
        for _ in 0..units {
            let open = self.pledges.iter().enumerate().filter(|(at, pledge)| {
                let ended = !["open", "judged"].contains(&pledge.state) || pledge.given_up_late;
                let open = pledge.state == "open" || day <= pledge.last || named == Some(*at);
                !ended && open && pledge.in_time + pledge.late < pledge.amount
            });
            let next = open.min_by_key(|(at, pledge)| (named != Some(*at), pledge.due, pledge.made, pledge.id.clone()));
            let Some((at, _)) = next else { return };
            let late = day > self.pledges[at].last;
            let pledge = &mut self.pledges[at];
            *(if late { &mut pledge.late } else { &mut pledge.in_time }) += 1;
            self.pledged.push((id.to_owned(), at, late));
        }
    }

    pub(super) fn pledge(&mut self, activity: &Activity, promise: &Promise, day: i32) {
        let id = activity.id.as_str().to_owned();
        self.pledges.push(Pledge {
            id: id.clone(),
            state: "open",
            in_time: 0,
            late: 0,
            amount: promise.amount.minor,
            made: activity.occurred,
            last: (day_number(promise.due) + 3).max(day),
            due: day_number(promise.due),
            agent: activity.actor.agent.clone(),
            given_up_late: false,
            released: false,
        });
        if let Some(old) = promise.supersedes.as_ref().filter(|old| old.as_str() != id) {
            self.end(old.as_str(), "superseded", day);
        }
        for (target, matter) in std::mem::take(&mut self.waiting) {
            match matter {
                _ if target != id => self.waiting.push((target, matter)),
                Ok("superseded") if promise.supersedes.is_some() => {}
                // What was replaced or withdrawn before it was made never gets beyond that.
                Ok(how) => self.end(&id, how, i32::MIN),
                Err(entry) => {
                    let paid = self.entries[&entry].clone();
                    let on_promises = self.pledged.iter().filter(|(by, ..)| by == &entry).count() as i64;
                    self.pay_pledges(&entry, paid.left - on_promises, paid.day, Some(self.pledges.len() - 1));
                }
            }
        }
    }

    pub(super) fn end(&mut self, id: &str, how: &'static str, day: i32) {
        match self.pledges.iter_mut().find(|pledge| pledge.id == id) {
            None => self.waiting.push((id.to_owned(), Ok(how))),
            Some(pledge) if pledge.state != "open" || pledge.in_time >= pledge.amount => {}
            Some(pledge) if day > pledge.due => pledge.given_up_late = true,
            Some(pledge) => {
                pledge.state = how;
                self.ended.push((self.today, how, pledge.amount));
            }
        }
    }

    /// A day begins: promises whose last day was before it are judged.
    pub(in crate::ledger::tests) fn begins(&mut self, day: i32) {
        self.agreed.begins(&self.payments(), day);
        for pledge in self.pledges.iter_mut().filter(|pledge| pledge.state == "open" && pledge.last < day) {
            pledge.state = "judged";
            if pledge.released && pledge.in_time < pledge.amount {
                pledge.state = "released";
                self.ended.push((pledge.last, "released", pledge.amount));
            }
        }
    }

    /// Whether the case is worked has perhaps changed.
    pub(in crate::ledger::tests) fn rested(&mut self, day: i32) {
        let now = self.closed || self.gone.is_some();
        if now == std::mem::replace(&mut self.resting, now) {
            return;
        }
        for pledge in self.pledges.iter_mut().filter(|pledge| pledge.state == "open") {
            pledge.released = now && (pledge.released || day <= pledge.due && pledge.in_time < pledge.amount);
        }
        self.agreed.rested(now, day);
    }

    /// Promises that were judged, as things stand now: day, state, promised, paid in time, days from due to full.
    pub(in crate::ledger::tests) fn judged(&self) -> Vec<(i32, &'static str, i64, i64, Option<i64>)> {
        let judged = self.pledges.iter().enumerate().filter(|(_, pledge)| pledge.state == "judged");
        let told = judged.map(|(at, pledge)| {
            let state = pledge.shown();
            let paid = self.pledged.iter().filter(|(_, of, _)| *of == at).map(|(by, ..)| self.entries[by].day);
            let days = i64::from(paid.max().unwrap_or(pledge.due) - pledge.due).max(0);
            let full = ["kept", "late"].contains(&state).then_some(days);
            (pledge.last, state, pledge.amount, pledge.in_time.min(pledge.amount), full)
        });
        told.collect()
    }
}

impl Pledge {
    /// Its state as it is told.
    pub(in crate::ledger::tests) fn shown(&self) -> &'static str {
        match (self.state, self.in_time, self.in_time + self.late) {
            ("judged", paid, _) if paid >= self.amount => "kept",
            ("judged", ..) if self.given_up_late => "broken",
            ("judged", _, paid) if paid >= self.amount => "late",
            ("judged", 0, _) => "broken",
            ("judged", ..) => "partly_kept",
            (state, ..) => state,
        }
    }
}
