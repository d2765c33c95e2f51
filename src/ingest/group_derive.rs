//! The derivation of a group's cases: onto the remembered state where its facts come last, anew from history where not.

use std::sync::Arc;

use super::IngestError;
use super::derive::{CaseEntry, Effects, Event};
use super::group::{CaseWork, Group, Writing};
use super::person_logs::Needs;
use crate::domain::ids::CaseId;
use crate::domain::time::Timestamp;

impl Group<'_> {
    /// Derives every case that the group touches: onto its state where its new facts come last, anew where not.
    pub(super) async fn derive(&mut self, writing: &mut Writing<'_>) -> Result<(), IngestError> {
        self.note_contacts(writing).await?;
        let mut anew: Vec<Anew> = Vec::new();
        for (case, work) in std::mem::take(&mut self.cases) {
            if let Some((reason, from)) = work.refold {
                anew.push(Anew { from: earliest(&work).map_or(from, |first| first.min(from)), case, reason });
                continue;
            }
            let mut events: Vec<Event<'_>> = work.versions.iter().copied().map(Event::Version).collect();
            events.extend(work.activities.iter().copied().map(Event::Activity));
            events.sort_by_cached_key(Event::position);
            let mut effects = Effects::default();
            let base = match self.entries.get(&case) {
                Some(entry)
                    if events.first().is_some_and(|event| entry.accepts(&event.position()))
                        && work.versions.iter().all(|version| entry.remembers_for(&writing.env(), version)) =>
                {
                    Some(CaseEntry::clone(entry))
                }
                Some(_) => None,
                None => open_first(writing, &mut events, &mut effects),
            };
            let Some(mut entry) = base else {
                let reason = if work.versions.is_empty() { "late_fact" } else { "case_version" };
                let from = earliest(&work).unwrap_or_default();
                anew.push(Anew { case, reason, from });
                continue;
            };
            let stood = entry.ahead(&writing.env()).map(|(_, effects)| effects);
            for event in events {
                entry.step(&writing.env(), event, &mut effects);
            }
            writing.take_step(&case, entry, stood, effects);
        }
        self.derive_anew(writing, anew).await
    }

    async fn derive_anew(&mut self, writing: &mut Writing<'_>, anew: Vec<Anew>) -> Result<(), IngestError> {
        if anew.is_empty() {
            return Ok(());
        }
        let ids: Vec<CaseId> = anew.iter().map(|one| one.case.clone()).collect();
        let histories = writing.tx.case_histories(&ids).await?;
        // What lies before the first change is judged alike in both views, whatever is known of it.
        let mut needs = Needs::default();
        for one in &anew {
            if let Some(history) = histories.get(&one.case) {
                needs.join(writing.needs_of(history, one.from));
            }
        }
        writing.load_logs(needs).await?;
        let old_logs = writing.logs_before();
        for Anew { case, reason, .. } in anew {
            let Some(history) = histories.get(&case) else { continue };
            let old = writing.refold(history, writing.revision, &old_logs).map(|(_, effects)| effects);
            let Some((mut entry, new)) = writing.refold(history, u64::MAX, &writing.persons) else { continue };
            let reason = if old.is_none() { "new" } else { reason };
            writing.take_difference(old.unwrap_or_default(), new, reason);
            let next = entry.ahead(&writing.env()).map_or_else(|| entry.next_due(), |(ahead, _)| ahead.next_due());
            writing.queue_due(&case, &mut entry, next, false);
            writing.updated.push((case, Arc::new(entry)));
        }
        Ok(())
    }
}

/// A case to be derived anew: why, and the earliest instant that changes.
struct Anew {
    case: CaseId,
    reason: &'static str,
    from: Timestamp,
}

/// The earliest instant of what is new in a case.
fn earliest(work: &CaseWork<'_>) -> Option<Timestamp> {
    let versions = work.versions.iter().map(|version| version.effective);
    versions.chain(work.activities.iter().map(|activity| activity.occurred)).min()
}

/// Opens a case that is new: its first version holds from ever.
fn open_first(writing: &Writing<'_>, events: &mut Vec<Event<'_>>, effects: &mut Effects) -> Option<CaseEntry> {
    // A first fact before the first version goes the way of history, which knows how to order it.
    let Some(Event::Version(first)) = events.first().copied() else { return None };
    events.remove(0);
    let mut entry = CaseEntry::open(&writing.env(), first, effects);
    for event in events.iter() {
        if let Event::Version(version) = event {
            entry.remember_for(&writing.env(), version);
        }
    }
    Some(entry)
}
