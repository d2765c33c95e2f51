//! The permits of a market that hold a place, in memory: what checks count beside what happened.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::derive::CaseEntry;
use crate::compliance::Planned;
use crate::domain::circle::Circle;
use crate::domain::ids::{CaseId, PermitId};
use crate::domain::permit::Permit;
use crate::domain::time::Timestamp;
use crate::store::PermitRow;

/// Permits by what they concern. Those whose time is over leave when others come.
#[derive(Default)]
pub(super) struct HeldPermits {
    all: HashMap<PermitId, Arc<Permit>>,
    ends: BTreeSet<(Timestamp, PermitId)>,
    of_case: HashMap<CaseId, Vec<Arc<Permit>>>,
    of_circle: HashMap<Circle, Vec<Arc<Permit>>>,
}

impl HeldPermits {
    /// Takes over what a commit of that recorded time has made of permits.
    pub(super) fn apply(&mut self, rows: Vec<PermitRow>, recorded: Timestamp) {
        for row in rows {
            self.remove(&row.permit.id);
            if row.released.is_none() && !row.used && row.permit.ends > recorded {
                self.insert(Arc::new(row.permit));
            }
        }
        while let Some((ends, id)) = self.ends.first().cloned() {
            if ends > recorded {
                break;
            }
            self.remove(&id);
        }
    }

    fn insert(&mut self, permit: Arc<Permit>) {
        self.ends.insert((permit.ends, permit.id.clone()));
        self.of_case.entry(permit.case().clone()).or_default().push(Arc::clone(&permit));
        for circle in permit.circles() {
            self.of_circle.entry(circle).or_default().push(Arc::clone(&permit));
        }
        self.all.insert(permit.id.clone(), permit);
    }

    fn remove(&mut self, id: &PermitId) {
        let Some(permit) = self.all.remove(id) else { return };
        self.ends.remove(&(permit.ends, id.clone()));
        leave(&mut self.of_case, permit.case(), id);
        for circle in permit.circles() {
            leave(&mut self.of_circle, &circle, id);
        }
    }

    /// How many hold a place at an instant.
    pub(super) fn held(&self, now: Timestamp) -> usize {
        self.all.len() - self.ends.iter().take_while(|(ends, _)| *ends <= now).count()
    }

    /// Permits that hold a place at an instant on that case or in one of these circles, by the instant that they are planned
    /// for.
    pub(super) fn concerning(&self, case: &CaseId, circles: &[Circle], now: Timestamp) -> Vec<Arc<Permit>> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let here = self.of_case.get(case).into_iter().flatten();
        let elsewhere = circles.iter().filter_map(|circle| self.of_circle.get(circle)).flatten();
        let elsewhere = elsewhere.filter(|permit| permit.case() != case);
        let mut found: Vec<Arc<Permit>> =
            here.chain(elsewhere).filter(|permit| permit.ends > now).map(Arc::clone).collect();
        found.sort_by(|a, b| (a.at(), &a.id).cmp(&(b.at(), &b.id)));
        // One with the person stands in the household too.
        found.dedup_by(|a, b| a.id == b.id);
        found
    }
}

/// A permit that holds a place, with the state of its case where that is another one than the one asked about.
#[derive(Clone)]
pub struct HeldPermit {
    /// The permit.
    pub permit: Arc<Permit>,
    /// The state of its case, if it is in memory.
    pub elsewhere: Option<Arc<CaseEntry>>,
}

impl HeldPermit {
    /// The permits as rules count them in a check on a case. One on a case that is not in memory is judged as if it were
    /// planned on the case asked about.
    #[must_use]
    pub fn among<'a>(held: &'a [Self], own: &'a CaseEntry) -> Vec<Planned<'a>> {
        let planned = |one: &'a Self| {
            let entry = one.elsewhere.as_deref().unwrap_or(own);
            Planned { permit: &one.permit, watch: &entry.watch, version: entry.version_at(one.permit.at()) }
        };
        held.iter().map(planned).collect()
    }
}

/// Takes a permit off a list, and the list away when it is empty.
fn leave<K: std::hash::Hash + Eq>(lists: &mut HashMap<K, Vec<Arc<Permit>>>, key: &K, id: &PermitId) {
    let Some(list) = lists.get_mut(key) else { return };
    list.retain(|permit| permit.id != *id);
    if list.is_empty() {
        lists.remove(key);
    }
}
