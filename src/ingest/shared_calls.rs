//! Calls about several cases: what a promise on one of them says of the call is for the fold of the case that the call is
//! counted on, the first one. Who reads that case's history finds such promises in it ([`crate::store::CaseHistory`]); here a
//! commit hands them to the state in memory.

use std::collections::BTreeSet;

use super::IngestError;
use super::group::{Group, Made, Map, Set, Writing};
use crate::domain::activity::Activity;
use crate::domain::ids::{ActivityId, CaseId};
use crate::domain::shared_call::{counted_elsewhere, is_shared_call, named};

impl<'w> Group<'w> {
    /// Hands the promises among what is new to the cases that their calls are counted on; and has those cases derived from what
    /// is on record whose calls are new and were promised on before.
    pub(super) async fn hand_promises_over(
        &mut self,
        writing: &mut Writing<'_>,
        new: &[&'w Activity],
        stored_as: &Map<&str, Made>,
    ) -> Result<(), IngestError> {
        let mut handed: Vec<(CaseId, &'w Activity)> = Vec::new();
        let promises: Vec<&'w Activity> = new.iter().copied().filter(|one| named(one).is_some()).collect();
        let calls: Map<&str, &'w Activity> =
            new.iter().filter(|one| is_shared_call(one)).map(|call| (call.id.as_str(), *call)).collect();
        for call in calls.values() {
            let Some((lead, others)) = call.cases.split_first() else { continue };
            let made = others.iter().filter_map(|case| self.entries.get(case)?.ledger.promised_on(&call.id)).min();
            if let Some(made) = made {
                let work = self.cases.entry(lead.clone()).or_default();
                work.refold("late_fact", made.min(call.occurred));
                work.reread = true;
            }
        }
        let here: Set<&str> =
            if promises.is_empty() { Set::default() } else { new.iter().map(|one| one.id.as_str()).collect() };
        let mut stored: BTreeSet<&str> = BTreeSet::new();
        for promise in &promises {
            let Some(call) = named(promise) else { continue };
            if let Some(lead) = calls.get(call.as_str()).and_then(|call| counted_elsewhere(call, promise)) {
                handed.push((lead.clone(), promise));
            } else if !here.contains(call.as_str()) && !self.is_counted_on_own(promise, call) {
                stored.insert(call.as_str());
            }
        }
        for call in writing.tx.activities(stored.into_iter().map(str::to_owned).collect()).await? {
            let of =
                promises.iter().filter_map(|promise| Some((counted_elsewhere(&call.activity, promise)?, *promise)));
            handed.extend(of.map(|(lead, promise)| (lead.clone(), promise)));
        }
        self.know(writing, handed.iter().map(|(lead, _)| lead)).await?;
        for (lead, promise) in handed {
            self.cases.entry(lead).or_default().take(promise, stored_as);
        }
        Ok(())
    }

    /// Whether the promise's own case is known to be the one that its call is counted on: then nobody has to be asked.
    fn is_counted_on_own(&self, promise: &Activity, call: &ActivityId) -> bool {
        let own = promise.cases.first().and_then(|case| self.entries.get(case));
        own.is_some_and(|entry| entry.ledger.leads(call))
    }

    /// Takes promises that are void out of the cases that their calls are counted on.
    pub(super) async fn take_promises_back(
        &mut self,
        writing: &Writing<'_>,
        void: &[&Activity],
    ) -> Result<(), IngestError> {
        let calls: BTreeSet<&str> = void.iter().filter_map(|one| named(one)).map(ActivityId::as_str).collect();
        for call in writing.tx.activities(calls.into_iter().map(str::to_owned).collect()).await? {
            for promise in void {
                if let Some(lead) = counted_elsewhere(&call.activity, promise) {
                    self.cases.entry(lead.clone()).or_default().void(promise);
                }
            }
        }
        Ok(())
    }
}
