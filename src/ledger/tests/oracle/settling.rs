//! What settles which token, and what is taken back of it.

use std::collections::BTreeMap;

use super::{Oracle, Token};
use crate::domain::vocabulary::Component;
use Component::Principal;

impl Oracle {
    pub(super) fn owe(&mut self, component: Component, claim: &str, units: i64) {
        for _ in 0..units {
            let mut token = Token { component, claim: claim.to_owned(), settled: None, off: None };
            if !self.floating.is_empty() {
                self.clock += 1;
                token.settled = Some((self.floating.remove(0), self.clock));
            }
            self.tokens.push(token);
        }
    }

    pub(super) fn settle_one(&mut self, entry: &str, component: Component, claims: &[String]) -> bool {
        let owed = |token: &&mut Token| token.settled.is_none() && token.component == component;
        let wanted = if component == Principal { claims } else { &[String::new()] };
        for claim in wanted {
            let mut tokens = self.tokens.iter_mut().filter(owed);
            if let Some(token) = tokens.find(|token| component != Principal || &token.claim == claim) {
                self.clock += 1;
                token.settled = Some((entry.to_owned(), self.clock));
                return true;
            }
        }
        false
    }

    /// Settles one unit that was written off.
    pub(super) fn regain_one(&mut self, entry: &str, component: Component, claims: &[String]) -> bool {
        let writes_off = |entry: &str| self.entries.get(entry).is_some_and(|known| known.writes_off);
        let off = |token: &Token| token.settled.as_ref().is_some_and(|(by, _)| writes_off(by));
        let all = self.tokens.iter().enumerate();
        let all = all.filter(|(_, token)| token.component == component && off(token) && !writes_off(entry));
        let first = all.min_by_key(|(_, token)| {
            (claims.iter().position(|claim| *claim == token.claim), token.settled.as_ref().map(|(_, when)| *when))
        });
        let Some((at, _)) = first else { return false };
        self.clock += 1;
        self.tokens[at].off = self.tokens[at].settled.replace((entry.to_owned(), self.clock)).map(|(by, _)| by);
        true
    }

    pub(super) fn settle(
        &mut self,
        entry: &str,
        units: i64,
        stated: &BTreeMap<Component, i64>,
        first: Option<&str>,
    ) -> i64 {
        let mut claims = self.oldest();
        claims.sort_by_key(|claim| Some(claim.as_str()) != first);
        let mut left = units;
        for component in self.order.clone() {
            for _ in 0..stated.get(&component).copied().unwrap_or(0).min(left) {
                let settled = self.settle_one(entry, component, &claims);
                left -= i64::from(settled || self.regain_one(entry, component, &claims));
            }
        }
        for component in self.order.clone() {
            while left > 0 && self.settle_one(entry, component, &claims) {
                left -= 1;
            }
        }
        for component in self.order.clone() {
            while left > 0 && self.regain_one(entry, component, &claims) {
                left -= 1;
            }
        }
        left
    }

    pub(super) fn float(&mut self, entry: &str, units: i64) {
        self.floating.extend((0..units).map(|_| entry.to_owned()));
    }

    pub(super) fn reverse(&mut self, target: &str, units: i64) {
        let entry = self.entries[target].clone();
        let state = if entry.payment.is_some() { "more_than_payment" } else { "more_than_other" };
        *self.beyond.entry(state).or_default() += (units - entry.left).max(0);
        let units = units.min(entry.left);
        self.entries.get_mut(target).unwrap().left -= units;
        if let Some((component, claim)) = &entry.increase {
            let stated = BTreeMap::from([(*component, units)]);
            let left = self.settle(target, units, &stated, (*component == Principal).then_some(claim.as_str()));
            self.float(target, left);
            return;
        }
        if let Some(agent) = &entry.payment {
            *self.collected.entry(agent.clone()).or_default() -= units;
            let payments = self.payments();
            self.agreed.moved(&payments, self.today);
            let on_promises = self.pledged.iter().filter(|(by, ..)| by == target).count() as i64;
            for _ in 0..(units - (entry.left - on_promises)).max(0) {
                let last = self.pledged.iter().rposition(|(by, ..)| by == target).unwrap();
                let (_, at, late) = self.pledged.remove(last);
                let pledge = &mut self.pledges[at];
                *(if late { &mut pledge.late } else { &mut pledge.in_time }) -= 1;
            }
        }
        let mut again = Vec::new();
        for _ in 0..units {
            if let Some(at) = self.floating.iter().position(|by| by == target) {
                self.floating.remove(at);
                continue;
            }
            let mine = self
                .tokens
                .iter()
                .enumerate()
                .filter(|(_, token)| token.settled.as_ref().is_some_and(|(by, _)| by == target));
            let last = mine.max_by_key(|(_, token)| token.settled.as_ref().map(|(_, when)| *when)).map(|(at, _)| at);
            match last {
                Some(at) if self.tokens[at].off.is_some() => {
                    self.clock += 1;
                    self.tokens[at].settled = self.tokens[at].off.take().map(|off| (off, self.clock));
                }
                Some(at) => {
                    let token = self.tokens.remove(at);
                    again.push((token.component, token.claim));
                }
                None => {
                    // It was settled since it was written off: what settled it settles what is owed.
                    let off = self.tokens.iter().enumerate().filter(|(_, token)| token.off.as_deref() == Some(target));
                    let last = off.max_by_key(|(_, token)| token.settled.as_ref().map(|(_, when)| *when));
                    let at = last.expect("every unit that is left settled something").0;
                    self.clock += 1;
                    self.tokens[at].off = None;
                    self.tokens[at].settled.as_mut().unwrap().1 = self.clock;
                }
            }
        }
        for (component, claim) in again {
            self.owe(component, &claim, 1);
        }
    }
}
