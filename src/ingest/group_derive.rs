//! The derivation of a group's cases: onto the remembered state where its facts come last, anew from history where not.

use std::collections::HashSet;
use std::sync::Arc;

use super::IngestError;
use super::derive::{CaseEntry, Effects, Event};
use super::group::{Group, Writing};
use super::writing::note_contact;
use crate::domain::activity::Activity;
use crate::domain::ids::{CaseId, PersonId};

impl Group<'_> {
    /// Derives every case that the group touches: onto its state where its new facts come last, anew where not.
    pub(super) async fn derive(&mut self, writing: &mut Writing<'_>) -> Result<(), IngestError> {
        self.note_contacts(writing).await?;
        let mut anew: Vec<(CaseId, &'static str)> = Vec::new();
        for (case, work) in std::mem::take(&mut self.cases) {
            if let Some(reason) = work.refold {
                anew.push((case, reason));
                continue;
            }
            let mut events: Vec<Event<'_>> = work.versions.iter().copied().map(Event::Version).collect();
            events.extend(work.activities.iter().copied().map(Event::Activity));
            events.sort_by_cached_key(Event::position);
            let mut effects = Effects::default();
            let base = match self.entries.get(&case) {
                Some(entry) if events.first().is_some_and(|event| entry.accepts(&event.position())) => {
                    Some(CaseEntry::clone(entry))
                }
                Some(_) => None,
                None => open_first(writing, &mut events, &mut effects),
            };
            let Some(mut entry) = base else {
                let reason = if work.versions.is_empty() { "late_fact" } else { "case_version" };
                anew.push((case, reason));
                continue;
            };
            for event in events {
                entry.step(&writing.env(), event, &mut effects);
            }
            let horizon = entry.advanced_to;
            entry.fire(&writing.env(), horizon, &mut effects);
            writing.take(effects, "new");
            writing.queue_due(&case, &mut entry, false);
            writing.updated.push((case, Arc::new(entry)));
        }
        self.derive_anew(writing, anew).await
    }

    async fn derive_anew(
        &mut self,
        writing: &mut Writing<'_>,
        anew: Vec<(CaseId, &'static str)>,
    ) -> Result<(), IngestError> {
        if anew.is_empty() {
            return Ok(());
        }
        let ids: Vec<CaseId> = anew.iter().map(|(case, _)| case.clone()).collect();
        let histories = writing.tx.case_histories(&ids).await?;
        let old_logs = writing.logs_for(&histories, writing.revision).await?;
        let new_logs = writing.logs_for(&histories, u64::MAX).await?;
        for (case, reason) in anew {
            let Some(history) = histories.get(&case) else { continue };
            let old = writing.refold(history, writing.revision, &old_logs).map(|(_, effects)| effects);
            let Some((mut entry, new)) = writing.refold(history, u64::MAX, &new_logs) else { continue };
            let reason = if old.is_none() { "new" } else { reason };
            writing.take_difference(old.unwrap_or_default(), new, reason);
            writing.queue_due(&case, &mut entry, false);
            writing.updated.push((case, Arc::new(entry)));
        }
        for (person, log) in new_logs {
            writing.persons.insert(person, log);
        }
        Ok(())
    }

    /// Puts the group's contacts into their persons' logs; where one comes before a contact already judged, the
    /// person's cases are derived anew.
    async fn note_contacts(&mut self, writing: &mut Writing<'_>) -> Result<(), IngestError> {
        if !writing.counts_persons() {
            return Ok(());
        }
        let mut contacts: Vec<&Activity> =
            self.cases.values().flat_map(|work| work.activities.iter().copied()).collect();
        contacts.sort_by(|a, b| a.order().cmp(&b.order()));
        contacts.dedup_by(|a, b| a.id == b.id);
        let persons: HashSet<PersonId> = contacts.iter().filter_map(|contact| contact.person.clone()).collect();
        writing.load_persons(&persons).await?;
        let late: HashSet<PersonId> = contacts
            .iter()
            .filter(|contact| {
                contact
                    .person
                    .as_ref()
                    .and_then(|person| writing.persons.get(person)?.last())
                    .is_some_and(|last| last > contact.occurred)
            })
            .filter_map(|contact| contact.person.clone())
            .collect();
        for contact in contacts {
            note_contact(&mut writing.persons, contact, |_| true);
        }
        self.refold_cases_of(writing, &late, "late_fact").await
    }
}

/// Opens a case that is new: its first version holds from ever.
fn open_first(writing: &Writing<'_>, events: &mut Vec<Event<'_>>, effects: &mut Effects) -> Option<CaseEntry> {
    // A first fact before the first version goes the way of history, which knows how to order it.
    let Some(Event::Version(first)) = events.first().copied() else { return None };
    events.remove(0);
    Some(CaseEntry::open(&writing.env(), first, effects))
}
