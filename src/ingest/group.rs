//! A group of requests in one commit: admitted, derived, written once. Nothing that it rests on changes meanwhile: the market
//! row's lock is held, or what was read before it was taken is seen to stand when it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::admit;
pub(super) use super::case_work::CaseWork;
use super::derive::{CaseEntry, Effects};
pub(super) use super::items::{Made, Map, Place, Set, activities};
use super::items::{records, upserts, written};
use super::market_state::MarketState;
use super::person_contacts::CircleContact;
use super::repeated::same_or_conflict;
use super::targets::Targets;
use super::work::Work;
use super::writer::{Commit, ItemResult, Markets};
pub(super) use super::writing::Writing;
use super::writing::is_void;
use super::{IngestError, checks, fill, findings, permits, push, reasons, rederive, rosters, tick};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::digest::Leaf;
use crate::domain::ids::{CaseId, PermitId};
use crate::domain::market::MarketKey;
use crate::ledger::market_facts;
use crate::store::{ActivityRow, CaseUpsertRow, version_record};

/// Where a group belongs.
pub struct GroupContext<'a> {
    /// The writers of this process.
    pub markets: &'a Arc<Markets>,
    /// The market.
    pub key: &'a MarketKey,
    /// What is remembered of it.
    pub state: &'a MarketState,
}

/// Commits a group; one [`Commit`] a job.
pub(super) async fn commit(context: &GroupContext<'_>, work: &[Work]) -> Result<Vec<Commit>, IngestError> {
    // In commits of their own, before this one, so that what it stores is never stored twice.
    let mut decided = findings::decide(context, work).await?;
    decided.extend(permits::decide(context, work).await?);
    // What needs no lock is done before it is taken: on SQLite it is one for all markets.
    let records = records(work);
    context.state.bring_to_hand(activities(work).flat_map(|(_, activity)| &activity.cases));
    let mut writing = Writing::begin_ahead(context).await?;
    let mut group = Group {
        results: Map::default(),
        repeats: Vec::new(),
        cases: Map::default(),
        entries: Map::default(),
        freed: Vec::new(),
        rosters: false,
        records,
    };
    group.load(&mut writing, work).await?;
    group.admit_versions(&writing, work);
    let activities = group.admit_activities(&mut writing, work).await?;
    group.store(&mut writing, activities, work).await?;
    group.derive(&mut writing).await?;
    checks::log(&mut writing, work).await?;
    push::mark(&mut writing, work).await?;
    let (mut revision, record_time) = writing.commit().await?;
    for job in work {
        let until = match job {
            Work::Settle(until) => *until,
            Work::Fill(beginning) => beginning.settled,
            Work::Derive => {
                Box::pin(rederive::portion(context)).await;
                revision = context.state.revision().unwrap_or(revision);
                continue;
            }
            _ => continue,
        };
        // In commits of their own: they start from what this one has made of the cases.
        tick::run(context, until, tick::Cause::Asked).await?;
        if let Work::Fill(beginning) = job {
            fill::begin(context, beginning).await;
        }
        revision = context.state.revision().unwrap_or(revision);
    }
    let results = group.results;
    Ok(work
        .iter()
        .enumerate()
        .map(|(job, work)| {
            if let Some(decided) = decided.remove(&job) {
                return decided;
            }
            let count = match work {
                Work::Cases(cases) => cases.len(),
                Work::Activities(activities) => activities.len(),
                Work::Correction(both) => both.len(),
                Work::Push(push) => push.cases.len() + push.activities.len(),
                _ => 0,
            };
            let result = |index| results.get(&(job, index)).cloned().unwrap_or(ItemResult::Created);
            Commit { revision, record_time, results: (0..count).map(result).collect() }
        })
        .collect())
}

pub(super) struct Group<'w> {
    /// Results of records that were not stored. A record without one was.
    pub(super) results: Map<Place, ItemResult>,
    /// Records that repeat another of the group, with that one's id: judged when it is known what became of it.
    pub(super) repeats: Vec<(Place, &'w Activity, &'w str)>,
    pub(super) cases: Map<CaseId, CaseWork<'w>>,
    /// States before this commit.
    pub(super) entries: Map<CaseId, Arc<CaseEntry>>,
    /// Permits that void contacts named.
    freed: Vec<PermitId>,
    /// Roster records are new or voided.
    rosters: bool,
    /// What will be stored of each activity and its leaf, by job and index.
    records: Vec<Vec<(Vec<u8>, Leaf)>>,
}

impl<'w> Group<'w> {
    /// Reads the states of every case that the group names.
    async fn load(&mut self, writing: &mut Writing<'_>, work: &'w [Work]) -> Result<(), IngestError> {
        let mut cases: Set<&CaseId> = upserts(work).map(|(_, upsert)| &upsert.version.case).collect();
        cases.extend(activities(work).flat_map(|(_, activity)| &activity.cases));
        for job in work {
            if let Work::Load(asked, _) = job {
                cases.extend(asked);
            }
        }
        let cases: Vec<CaseId> = cases.into_iter().cloned().collect();
        self.entries = writing.entries(&cases).await?;
        for job in work {
            if let Work::Load(_, persons) = job {
                writing.load_parties_of(&self.entries, persons).await?;
                writing.load_told(persons).await?;
            }
        }
        Ok(())
    }

    /// Reads the states of these cases, as far as the group does not have them yet.
    pub(super) async fn know(
        &mut self,
        writing: &mut Writing<'_>,
        cases: impl Iterator<Item = &CaseId>,
    ) -> Result<(), IngestError> {
        let unknown: BTreeSet<&CaseId> = cases.filter(|case| !self.entries.contains_key(*case)).collect();
        let unknown: Vec<CaseId> = unknown.into_iter().cloned().collect();
        self.entries.extend(writing.entries(&unknown).await?);
        Ok(())
    }

    fn admit_versions(&mut self, writing: &Writing<'_>, work: &'w [Work]) {
        for (place, upsert) in upserts(work) {
            let case = &upsert.version.case;
            let stored = self.entries.get(case);
            let mut known: Vec<&CaseVersion> = stored.iter().flat_map(|entry| entry.versions.iter()).collect();
            known.extend(self.cases.get(case).iter().flat_map(|work| work.versions.iter().copied()));
            match admit::version(upsert, &known, writing.recorded) {
                Some(result) => {
                    self.results.insert(place, result);
                }
                None => self.cases.entry(case.clone()).or_default().versions.push(&upsert.version),
            }
        }
    }

    /// Judges activities against their cases and against each other; returns those to be stored.
    async fn admit_activities(
        &mut self,
        writing: &mut Writing<'_>,
        work: &'w [Work],
    ) -> Result<Map<&'w str, (Place, &'w Activity)>, IngestError> {
        let mut voiding: Map<&str, &str> = Map::default();
        let mut unfit = Vec::new();
        let targets = Targets::of(writing, work).await?;
        self.judge_corrections(writing, work, &targets).await?;
        let mut admitted: Map<&str, (Place, &Activity)> = Map::default();
        for (place, activity) in activities(work) {
            if self.results.contains_key(&place) {
                continue;
            }
            if admitted.contains_key(activity.id.as_str()) {
                self.repeats.push((place, activity, activity.id.as_str()));
                continue;
            }
            let version = |id: &str| {
                let stored = self.entries.get(id).map(|entry| entry.current());
                stored.or_else(|| self.cases.get(id)?.versions.first().copied())
            };
            if let Some(result) =
                admit::activity(activity, writing.recorded, writing.market.zone, &writing.dispositions, version)
            {
                self.results.insert(place, result);
                unfit.push((place, activity));
                continue;
            }
            if let Some(result) = targets.without_effect(activity)
                && writing.tx.activities(vec![activity.id.as_str().to_owned()]).await?.is_empty()
            {
                self.results.insert(place, result);
                continue;
            }
            if let Some(target) = void_target(activity)
                && let Some(first) = voiding.insert(target, activity.id.as_str())
            {
                // A first one whose id is another record's is refused, and voids nothing.
                let known = writing.tx.activities(vec![first.to_owned()]).await?;
                if known.iter().all(|known| void_target(&known.activity) == Some(target)) {
                    voiding.insert(target, first);
                    self.repeats.push((place, activity, first));
                    continue;
                }
            }
            admitted.insert(activity.id.as_str(), (place, activity));
        }
        self.stored_before(writing, unfit).await?;
        self.bound_told(writing, &mut admitted).await?;
        Ok(admitted)
    }

    /// Stores what was admitted, and sorts it to its cases.
    async fn store(
        &mut self,
        writing: &mut Writing<'_>,
        admitted: Map<&'w str, (Place, &'w Activity)>,
        work: &[Work],
    ) -> Result<(), IngestError> {
        let mut versions = Vec::new();
        for work in self.cases.values() {
            for version in &work.versions {
                versions.push(CaseUpsertRow { version, record: version_record(version) });
            }
        }
        writing.stored |= !versions.is_empty();
        writing.tally_versions(&versions);
        writing.tx.insert_versions(writing.revision, writing.recorded, versions).await?;
        let mut rows = Vec::with_capacity(admitted.len());
        let mut stored_as: Map<&str, Made> =
            Map::with_capacity_and_hasher(admitted.len(), foldhash::quality::RandomState::default());
        let doubts = writing.context.state.recent.doubts(admitted.keys().copied());
        for ((id, ((job, index), activity)), doubtful) in admitted.iter().zip(doubts) {
            let made = self.records.get_mut(*job).and_then(|records| records.get_mut(*index)).map(std::mem::take);
            let (record, leaf) = made.unwrap_or_else(|| written(activity));
            stored_as.insert(*id, Made { leaf, record: record.as_slice().into() });
            rows.push(ActivityRow { activity, record, doubtful });
        }
        let outcome = writing.tx.insert_activities(writing.revision, writing.recorded, rows).await?;
        writing.context.state.recent.note(admitted.keys().copied(), outcome.surprising);
        let existing = outcome.existing;
        writing.stored |= existing.len() < admitted.len();
        let stored = writing.tx.activities(existing.iter().cloned().collect()).await?;
        for stored in &stored {
            if let Some((place, activity)) = admitted.get(stored.activity.id.as_str()) {
                self.results.insert(*place, same_or_conflict(&stored.activity, activity));
            }
        }
        for (place, activity, first) in std::mem::take(&mut self.repeats) {
            let before = stored.iter().find(|stored| stored.activity.id.as_str() == first).map(|row| &row.activity);
            let Some(kept) = before.or_else(|| admitted.get(first).map(|(_, kept)| *kept)) else { continue };
            // Two voids of one target: the first is on record, so is what the second asks for.
            let done = void_target(kept).is_some() && void_target(kept) == void_target(activity);
            let result = if done { ItemResult::Duplicate } else { same_or_conflict(kept, activity) };
            self.results.insert(place, result);
        }
        let new: Vec<&'w Activity> =
            admitted.iter().filter(|(id, _)| !existing.contains(**id)).map(|(_, (_, activity))| *activity).collect();
        self.void(writing, &new).await?;
        let reasons = reasons::of(&new, work, &self.entries);
        writing.tx.insert_reasons(writing.revision, reasons).await?;
        writing.use_permits(new.iter().copied(), std::mem::take(&mut self.freed)).await?;
        let waiting = writing.context.state.waiting_voids(new.iter().map(|activity| activity.id.as_str()));
        let voided_now: Set<&str> = new.iter().filter_map(|activity| void_target(activity)).collect();
        let void = waiting.iter().map(String::as_str).chain(voided_now.iter().copied()).collect();
        writing.tally_records(&new, &stored_as, &void);
        let mut counted = Vec::with_capacity(new.len());
        for activity in new {
            let arrives_void = waiting.contains(activity.id.as_str());
            if arrives_void {
                writing.resolved.push(activity.id.as_str().to_owned());
            }
            // Voids are final, also where another was waiting for them.
            if is_void(activity) {
                continue;
            }
            if arrives_void || voided_now.contains(activity.id.as_str()) {
                continue;
            }
            if activity.cases.is_empty() {
                self.rosters |= rosters::is_roster(activity);
                let mut effects = Effects::default();
                market_facts(&writing.market, activity, &mut effects.facts);
                writing.take(effects, "new");
            }
            for case in &activity.cases {
                self.cases.entry(case.clone()).or_default().take(activity, &stored_as);
            }
            counted.push(activity);
        }
        self.hand_promises_over(writing, &counted, &stored_as).await?;
        let strangers = self.strangers();
        writing.tx.insert_persons(strangers.clone()).await?;
        self.tell_of_persons(writing, &counted, &stored_as, &strangers).await?;
        writing.tx.resolve_voids(writing.resolved.clone()).await?;
        if self.rosters {
            rosters::recount(writing).await?;
        }
        Ok(())
    }

    /// Records the group's voids and marks the cases of their targets to be derived anew.
    async fn void(&mut self, writing: &mut Writing<'_>, new: &[&'w Activity]) -> Result<(), IngestError> {
        let voids: Vec<&Activity> = new.iter().copied().filter(|activity| is_void(activity)).collect();
        if voids.is_empty() {
            return Ok(());
        }
        let here: Set<&str> = new.iter().map(|activity| activity.id.as_str()).collect();
        let targets = voids.iter().filter_map(|void| void_target(void)).map(str::to_owned).collect();
        let stored: Map<String, Activity> = writing
            .tx
            .activities(targets)
            .await?
            .into_iter()
            .map(|stored| (stored.activity.id.as_str().to_owned(), stored.activity))
            .collect();
        let mut rows = Vec::new();
        let mut targets: Vec<&Activity> = Vec::new();
        for void in voids {
            let Detail::Void { target, .. } = &void.detail else { continue };
            let is_here = here.contains(target.as_str());
            let pending = !is_here && !stored.contains_key(target.as_str());
            if pending {
                writing.waiting.push(target.as_str().to_owned());
            }
            rows.push((target.clone(), void.id.clone(), pending));
            if is_here {
                continue;
            }
            let Some(old) = stored.get(target.as_str()).filter(|old| !is_void(old)) else { continue };
            self.freed.extend(permits::permit_of(old));
            if old.cases.is_empty() {
                self.rosters |= rosters::is_roster(old);
                let mut effects = Effects::default();
                market_facts(&writing.market, old, &mut effects.facts);
                writing.take_difference(effects, Effects::default(), "void");
            }
            for case in &old.cases {
                self.cases.entry(case.clone()).or_default().void(old);
            }
            targets.push(old);
        }
        self.take_promises_back(writing, &targets).await?;
        self.untell_persons(writing, &targets).await?;
        writing.tx.insert_voids(writing.revision, &rows).await?;
        writing.tally_voided(&targets).await?;
        self.know(writing, targets.iter().flat_map(|old| &old.cases)).await?;
        let mut contacts = Vec::new();
        for old in targets {
            if let Some(entry) = old.cases.first().and_then(|case| self.entries.get(case)) {
                contacts.extend(CircleContact::of(writing, old, entry.version_at(old.occurred)));
            }
        }
        self.forget_contacts(writing, contacts).await
    }
}

pub(super) fn void_target(activity: &Activity) -> Option<&str> {
    match &activity.detail {
        Detail::Void { target, .. } => Some(target.as_str()),
        _ => None,
    }
}
