//! The derivation of a group's cases: onto the remembered state where its facts come last, anew from history where not.

use std::collections::HashMap;
use std::sync::Arc;

use super::IngestError;
use super::derive::{CaseEntry, Effects, Event};
use super::group::{CaseWork, Group, Map, Set, Writing};
use super::kept::Kept;
use super::person_logs::Needs;
use super::turns::{Turns, aside};
use super::writing::counted;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::ids::{ActivityId, CaseId};
use crate::domain::time::Timestamp;
use crate::store::{CaseHistory, StoredActivity};

/// Cases whose histories are read at once.
pub(super) const TOGETHER: usize = 500;

impl Group<'_> {
    /// Derives every case that the group touches: onto its state where its new facts come last, anew where not.
    pub(super) async fn derive(&mut self, writing: &mut Writing<'_>) -> Result<(), IngestError> {
        self.note_contacts(writing).await?;
        let mut anew: Vec<Anew<'_>> = Vec::new();
        let mut turns = Turns::begin();
        for (case, work) in std::mem::take(&mut self.cases) {
            if let Some((reason, from)) = work.refold {
                let from = earliest(&work).map_or(from, |first| first.min(from));
                anew.push(Anew { case, work, reason, from });
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
                anew.push(Anew { case, work, reason, from });
                continue;
            };
            if let Some(kept) = &mut entry.kept {
                kept.add(work.records);
            }
            let stood = entry.ahead(&writing.env()).map(|(_, effects)| effects);
            turns.each(events, |event| entry.step(&writing.env(), event, &mut effects));
            writing.take_step(&case, entry, stood, effects);
            turns.give_way().await;
        }
        self.derive_anew(writing, anew).await
    }

    async fn derive_anew(&mut self, writing: &mut Writing<'_>, mut anew: Vec<Anew<'_>>) -> Result<(), IngestError> {
        // Of cases of one person, which may be many, not all histories are in memory at once.
        while !anew.is_empty() {
            let rest = anew.split_off(anew.len().min(TOGETHER));
            self.derive_some(writing, std::mem::replace(&mut anew, rest)).await?;
        }
        Ok(())
    }

    async fn derive_some(&mut self, writing: &mut Writing<'_>, anew: Vec<Anew<'_>>) -> Result<(), IngestError> {
        let mut histories: HashMap<CaseId, CaseHistory> = HashMap::with_capacity(anew.len());
        let mut kept: Map<CaseId, Kept> = Map::default();
        let mut unknown: Vec<CaseId> = Vec::new();
        for one in &anew {
            let entry = self.entries.get(&one.case).cloned().or_else(|| writing.context.state.case_at_hand(&one.case));
            let entry = entry.filter(|_| !one.work.reread);
            match entry.and_then(|entry| one.remembered(&entry, writing.revision)) {
                Some((history, now)) => {
                    histories.insert(one.case.clone(), history);
                    kept.insert(one.case.clone(), now);
                }
                None => unknown.push(one.case.clone()),
            }
        }
        histories.extend(writing.tx.case_histories(&unknown).await?);
        // What lies before the first change is judged alike in both views, whatever is known of it.
        let mut needs = Needs::default();
        for one in &anew {
            if let Some(history) = histories.get(&one.case) {
                needs.join(writing.needs_of(history, one.from));
            }
        }
        writing.load_logs(needs).await?;
        let old_logs = writing.logs_before();
        let mut turns = Turns::begin();
        for Anew { case, reason, from, .. } in anew {
            let Some(history) = histories.get(&case) else { continue };
            let both = aside(history.activities.len(), || writing.refold_both(history, from, &old_logs));
            let Some((old, mut entry, new)) = both else { continue };
            entry.kept = kept.remove(&case).or_else(|| Some(Kept::of(counted(history, u64::MAX))));
            let reason = if old.is_none() { "new" } else { reason };
            writing.take_difference(old.unwrap_or_default(), new, reason);
            let next = entry.ahead(&writing.env()).map_or_else(|| entry.next_due(), |(ahead, _)| ahead.next_due());
            writing.queue_due(&case, &mut entry, next, false);
            writing.updated.push((case, Arc::new(entry)));
            turns.give_way().await;
        }
        Ok(())
    }
}

/// A case to be derived anew: what comes, why, and the earliest instant that changes.
struct Anew<'w> {
    case: CaseId,
    work: CaseWork<'w>,
    reason: &'static str,
    from: Timestamp,
}

impl Anew<'_> {
    /// The history as the database would tell it within this commit, and what is kept of it from now on; `None` if memory
    /// does not hold enough.
    fn remembered(&self, entry: &CaseEntry, revision: u64) -> Option<(CaseHistory, Kept)> {
        let before = entry.kept.as_ref()?;
        let voided: Set<&str> = self.work.voided.iter().map(ActivityId::as_str).collect();
        let known = before.activities()?.into_iter().map(|activity| {
            let voided = voided.contains(activity.id.as_str()).then_some(revision);
            StoredActivity { revision: 0, recorded: Timestamp::default(), voided, activity }
        });
        let new = self.work.activities.iter().map(|activity| StoredActivity {
            revision,
            recorded: Timestamp::default(),
            voided: None,
            activity: Activity::clone(activity),
        });
        let versions = entry.versions.iter().map(|version| (0, version.clone()));
        let more = self.work.versions.iter().map(|version| (revision, CaseVersion::clone(version)));
        let history = CaseHistory {
            versions: versions.chain(more).collect(),
            activities: known.chain(new).collect(),
            advanced_to: Some(entry.advanced_to),
            due_at: entry.stored_due,
        };
        let mut kept = if voided.is_empty() { before.clone() } else { before.without(&voided)? };
        kept.add(self.work.records.clone());
        Some((history, kept))
    }
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
    entry.kept = Some(Kept::default());
    for event in events.iter() {
        if let Event::Version(version) = event {
            entry.remember_for(&writing.env(), version);
        }
    }
    Some(entry)
}
