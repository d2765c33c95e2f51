//! What changes between two revisions in what is counted under a policy.
//!
//! A record is told from the revision on at which it is there and one of its cases has entered the filter; it counts from then
//! on, unless it is void. It names those of its cases that have entered, and its leaf says which. All are functions of what is
//! stored, whenever they are asked for. Each record is looked at for one of the reasons for which it may count otherwise than
//! before: it is new, a void takes it out, or one of its cases has entered.

use std::collections::{BTreeMap, HashMap};

use super::lists::Raw;
use super::merge::Merge;
use super::partner::{Record, Tell, tells_voids, told};
use super::{Filter, states};
use crate::domain::digest::{Tallies, day};
use crate::domain::feed::{Place, SyncEntity};
use crate::domain::ids::{CaseId, FindingId, MarketId, VersionId};
use crate::domain::market::Market;
use crate::domain::sharing::Sharing;
use crate::ingest::IngestError;
use crate::store::{FeedRecord, FeedVersion, FindingPast, Kept, TenantScope};

/// A count of one window of revisions.
pub(super) struct Count<'a> {
    pub(super) scope: &'a TenantScope,
    pub(super) market: &'a Market,
    /// What the partner's feed is narrowed to.
    pub(super) filter: &'a Filter,
    pub(super) sharing: &'a Sharing,
    pub(super) tell: Tell,
    /// Behind the first revision, up to the second one.
    pub(super) window: (u64, u64),
}

/// Where a case enters the filter: the first of its versions that is admitted.
type Entry = (u64, VersionId);

/// What is known of the cases and records that a portion concerns.
#[derive(Default)]
pub(super) struct Known {
    /// Cases are not chosen: all are told.
    all: bool,
    entries: HashMap<CaseId, Option<Entry>>,
    /// Activities that voids take out.
    targets: HashMap<String, FeedRecord>,
    /// Voids of activities that came after them, by target.
    earlier: HashMap<String, FeedRecord>,
    /// Which activities are void: by which void, since which revision.
    voidings: HashMap<String, (String, u64)>,
    pasts: HashMap<FindingId, FindingPast>,
}

impl Known {
    /// The revision from which on a case is told; `None` for never.
    fn entry(&self, case: &CaseId) -> Option<u64> {
        if self.all {
            return Some(0);
        }
        self.entries.get(case)?.as_ref().map(|(revision, _)| *revision)
    }

    /// Whether a case is told by now.
    pub(super) fn tells_case(&self, case: &CaseId) -> bool {
        self.entry(case).is_some()
    }

    /// The revision from which on a finding's case is told.
    fn entry_of(&self, past: &FindingPast) -> Option<u64> {
        if self.all { Some(0) } else { self.entry(past.row.finding.case.as_ref()?) }
    }

    /// Whether a finding is told by now.
    pub(super) fn tells_finding(&self, past: &FindingPast) -> bool {
        self.entry_of(past).is_some()
    }

    /// A finding with its past.
    pub(super) fn past(&self, id: FindingId) -> Option<&FindingPast> {
        self.pasts.get(&id)
    }

    /// What a void takes out, if that is on record.
    pub(super) fn target(&self, void: &FeedRecord) -> Option<&FeedRecord> {
        self.targets.get(void.target()?)
    }

    /// The cases of a record that are not told by a revision.
    pub(super) fn outside(&self, row: &FeedRecord, at: u64) -> Vec<CaseId> {
        let inside = |case: &CaseId| self.entry(case).is_some_and(|entry| entry <= at);
        row.cases().iter().filter(|case| !inside(case)).cloned().collect()
    }

    /// The revision from which on a record is told, and the case whose entry it is told by; `None` if it is never.
    pub(super) fn tells<'k>(
        &self,
        row: &'k FeedRecord,
        target: Option<&'k FeedRecord>,
    ) -> Option<(u64, Option<&'k CaseId>)> {
        if self.all {
            return Some((row.revision, None));
        }
        let own = row.cases().iter().filter_map(|case| Some((self.entry(case)?, case)));
        // What a void takes out tells whom it concerns, from when it is there itself.
        let of_target = target.into_iter().flat_map(|target| {
            target.cases().iter().filter_map(|case| Some((self.entry(case)?.max(target.revision), case)))
        });
        let (since, case) = own.chain(of_target).min()?;
        Some((since.max(row.revision), Some(case)))
    }
}

impl Count<'_> {
    fn id(&self) -> &MarketId {
        &self.market.key.market
    }

    fn within(&self, revision: u64) -> bool {
        revision > self.window.0 && revision <= self.window.1
    }

    /// What the changes of the window add and take out; `page` rows of each list are held at a time.
    pub(super) async fn changes(&self, page: u32) -> Result<Tallies, IngestError> {
        let (from, to) = self.window;
        let mut merge = Merge::new(self.filter, &Place { through: from, last: None }, page, None);
        let mut sum = Tallies::default();
        loop {
            let rows = merge.take(self.scope, self.id(), to).await?.rows;
            if rows.is_empty() {
                return Ok(sum);
            }
            let known = self.known(&rows).await?;
            for raw in &rows {
                match raw {
                    Raw::Version(row, _) => self.version(row, &known, &mut sum).await?,
                    Raw::Record(row, _) if row.entity == SyncEntity::Void => self.void(row, &known, &mut sum)?,
                    Raw::Record(row, _) => self.activity(row, &known, &mut sum)?,
                    Raw::Run(_) => return Err(IngestError::internal("a run of activities counts for nothing")),
                    Raw::Finding(revision, id) => {
                        if let Some(past) = known.pasts.get(id) {
                            self.finding(past, *revision, &known, &mut sum)?;
                        }
                    }
                }
            }
        }
    }

    /// Adds a record, or takes it out.
    fn note(&self, entity: SyncEntity, record: Record<'_>, out: bool, sum: &mut Tallies) -> Result<(), IngestError> {
        if self.filter.wants(entity)
            && let Some(counted) = told(self.tell, record, self.sharing)?
        {
            sum.note((entity, day(self.market, counted.at)), counted.leaf, counted.amount, out);
        }
        Ok(())
    }

    /// Adds an activity or void as it is told at a revision, or takes that out.
    fn record(
        &self,
        row: &FeedRecord,
        known: &Known,
        at: u64,
        out: bool,
        sum: &mut Tallies,
    ) -> Result<(), IngestError> {
        self.note(row.entity, Record::Activity(row, &known.outside(row, at)), out, sum)
    }

    /// Has a record that was told before the window counted as it is told behind it, if it is this case by whose entry it names
    /// more: the first one of its own that enters in the window.
    fn widened(&self, row: &FeedRecord, case: &CaseId, known: &Known, sum: &mut Tallies) -> Result<(), IngestError> {
        let entries = row.cases().iter().filter_map(|case| Some((known.entry(case)?, case)));
        if entries.filter(|(entry, _)| self.within(*entry)).min().is_some_and(|(_, first)| first == case) {
            self.record(row, known, self.window.0, true, sum)?;
            self.record(row, known, self.window.1, false, sum)?;
        }
        Ok(())
    }

    /// Whether an activity is void at the end of the window, as the partner can tell.
    fn is_void(&self, voided: Option<u64>) -> bool {
        tells_voids(self.sharing) && voided.is_some_and(|since| since <= self.window.1)
    }

    async fn version(&self, row: &FeedVersion, known: &Known, sum: &mut Tallies) -> Result<(), IngestError> {
        if known.entry(&row.case).is_some_and(|entry| entry <= self.window.1) {
            self.note(SyncEntity::Case, Record::Version(row), false, sum)?;
        }
        let enters = known.entries.get(&row.case).and_then(Option::as_ref);
        if enters.is_some_and(|(revision, version)| *revision == row.revision && *version == row.version) {
            self.enters(&row.case, sum).await?;
        }
        Ok(())
    }

    fn activity(&self, row: &FeedRecord, known: &Known, sum: &mut Tallies) -> Result<(), IngestError> {
        let to = self.window.1;
        let voided = known.voidings.get(row.id()).map(|(_, since)| *since);
        if known.tells(row, None).is_some_and(|(since, _)| since <= to) && !self.is_void(voided) {
            self.record(row, known, to, false, sum)?;
        }
        // A void that came before it: only now it is known whom that concerns.
        if let Some(void) = known.earlier.get(row.id()).filter(|void| void.revision <= self.window.0)
            && known.tells(void, Some(row)).is_some_and(|(since, _)| self.within(since))
        {
            self.record(void, known, to, false, sum)?;
        }
        Ok(())
    }

    fn void(&self, row: &FeedRecord, known: &Known, sum: &mut Tallies) -> Result<(), IngestError> {
        let (from, to) = self.window;
        let target = known.target(row);
        if known.tells(row, target).is_some_and(|(since, _)| since <= to) {
            self.record(row, known, to, false, sum)?;
        }
        let taken = target.filter(|target| {
            let first = known.voidings.get(target.id()).is_some_and(|(void, _)| void == row.id());
            let was = target.revision <= from && known.tells(target, None).is_some_and(|(since, _)| since <= from);
            first && was && target.entity == SyncEntity::Activity && tells_voids(self.sharing)
        });
        taken.map_or(Ok(()), |target| self.record(target, known, from, true, sum))
    }

    fn finding(&self, past: &FindingPast, revision: u64, known: &Known, sum: &mut Tallies) -> Result<(), IngestError> {
        let (from, to) = self.window;
        // Of several changes the first one stands for all.
        if changes_of(past).any(|other| other > from && other < revision) {
            return Ok(());
        }
        let Some(entry) = known.entry_of(past).filter(|entry| *entry <= to) else { return Ok(()) };
        if entry <= from {
            self.state(past, from, true, sum)?;
        }
        self.state(past, to, false, sum)
    }

    /// Adds a finding as it stood at a revision, or takes that out.
    fn state(&self, past: &FindingPast, at: u64, out: bool, sum: &mut Tallies) -> Result<(), IngestError> {
        let Some((row, ..)) = states::before(past, at.saturating_add(1)) else { return Ok(()) };
        self.note(SyncEntity::Finding, Record::Finding(&row, states::leaf(&row)), out, sum)
    }

    /// Adds what is older than the window of a case that enters the filter in it; what was told by another case names this one, too.
    async fn enters(&self, case: &CaseId, sum: &mut Tallies) -> Result<(), IngestError> {
        let (from, to) = self.window;
        let (versions, records) = self.scope.case_feed(self.id(), case).await?;
        for row in versions.iter().filter(|row| row.revision <= from) {
            self.note(SyncEntity::Case, Record::Version(row), false, sum)?;
        }
        let of_void = records.iter().filter(|(row, _)| row.entity == SyncEntity::Void);
        let mut voids: BTreeMap<String, FeedRecord> =
            of_void.map(|(row, _)| (row.id().to_owned(), row.clone())).collect();
        let voided = records.iter().filter(|(_, since)| since.is_some()).map(|(row, _)| row.id().to_owned()).collect();
        voids.extend(self.scope.voids_of(self.id(), voided).await?.into_iter().map(|row| (row.id().to_owned(), row)));
        let mut known = Known::default();
        let targets = voids.values().filter_map(FeedRecord::target).map(str::to_owned).collect();
        let targets = self.scope.records_of(self.id(), targets).await?;
        known.targets = targets.into_iter().map(|row| (row.id().to_owned(), row)).collect();
        let rows = records.iter().map(|(row, _)| row).chain(voids.values()).chain(known.targets.values());
        known.entries = self.entries(rows.flat_map(FeedRecord::cases).cloned().collect()).await?;
        let activities = records.iter().filter(|(row, _)| row.entity == SyncEntity::Activity && row.revision <= from);
        for (row, voided) in activities {
            match known.tells(row, None) {
                Some(_) if self.is_void(*voided) => {}
                Some((since, _)) if since <= from => self.widened(row, case, &known, sum)?,
                Some((since, by)) if self.within(since) && by == Some(case) => {
                    self.record(row, &known, to, false, sum)?
                }
                _ => {}
            }
        }
        for void in voids.values().filter(|void| void.revision <= from) {
            let target = known.target(void);
            // One whose target comes in the window is counted with that.
            let with_target = target.is_some_and(|target| self.within(target.revision));
            match known.tells(void, target) {
                Some((since, _)) if since <= from => self.widened(void, case, &known, sum)?,
                Some((since, by)) if self.within(since) && by == Some(case) && !with_target => {
                    self.record(void, &known, to, false, sum)?;
                }
                _ => {}
            }
        }
        if self.filter.wants(SyncEntity::Finding) {
            let ids = self.scope.finding_ids_of(self.id(), vec![case.to_string()]).await?;
            for past in self.scope.finding_pasts(self.id(), &ids).await?.values() {
                // One that changes in the window is counted with that.
                if !changes_of(past).any(|revision| self.within(revision)) {
                    self.state(past, from, false, sum)?;
                }
            }
        }
        Ok(())
    }

    /// What the rows of a page need besides themselves.
    async fn known(&self, rows: &[Raw]) -> Result<Known, IngestError> {
        let (scope, market) = (self.scope, self.id());
        let mut known = Known { all: !self.filter.chooses_cases(), ..Known::default() };
        let records = || {
            rows.iter().filter_map(|raw| match raw {
                Raw::Record(row, _) => Some(&**row),
                _ => None,
            })
        };
        let targets: Vec<String> = records().filter_map(FeedRecord::target).map(str::to_owned).collect();
        let mut ids: Vec<String> =
            records().filter(|row| row.entity == SyncEntity::Activity).map(|row| row.id().to_owned()).collect();
        if !known.all && self.filter.wants(SyncEntity::Void) {
            for void in scope.voids_of(market, ids.clone()).await? {
                known.earlier.extend(void.target().map(str::to_owned).map(|target| (target, void.clone())));
            }
        }
        if tells_voids(self.sharing) {
            ids.extend(targets.iter().cloned());
            known.voidings = scope.voidings(market, ids).await?;
        }
        known.targets =
            scope.records_of(market, targets).await?.into_iter().map(|row| (row.id().to_owned(), row)).collect();
        let mut findings: Vec<FindingId> = rows
            .iter()
            .filter_map(|raw| match raw {
                Raw::Finding(_, id) => Some(*id),
                _ => None,
            })
            .collect();
        findings.sort_unstable();
        findings.dedup();
        known.pasts = scope.finding_pasts(market, &findings).await?;
        if !known.all {
            let of_versions = rows.iter().filter_map(|raw| match raw {
                Raw::Version(row, _) => Some(&row.case),
                _ => None,
            });
            let of_records = records().chain(known.targets.values()).chain(known.earlier.values());
            let of_findings = known.pasts.values().filter_map(|past| past.row.finding.case.as_ref());
            let cases = of_versions.chain(of_records.flat_map(FeedRecord::cases)).chain(of_findings);
            known.entries = self.entries(cases.cloned().collect()).await?;
        }
        Ok(known)
    }

    /// The same for records of a day, which are told by now or not.
    pub(super) async fn known_of(&self, kept: &[Kept]) -> Result<Known, IngestError> {
        let rows = kept.iter().map(|kept| match kept {
            Kept::Version(row) => Raw::Version(row.clone(), true),
            Kept::Activity(row, _) => Raw::Record(row.clone(), None),
            Kept::Finding(state) => Raw::Finding(state.revision, state.id),
        });
        self.known(&rows.collect::<Vec<_>>()).await
    }

    /// Where these cases enter the filter.
    async fn entries(&self, mut cases: Vec<CaseId>) -> Result<HashMap<CaseId, Option<Entry>>, IngestError> {
        cases.sort_unstable();
        cases.dedup();
        let mut entries = HashMap::with_capacity(cases.len());
        for (case, versions) in self.scope.versions_of(self.id(), &cases).await? {
            let mut first: Option<Entry> = None;
            for row in versions {
                if self.filter.admits(&row.read()?) {
                    let entry = (row.revision, row.version.clone());
                    first = Some(first.map_or(entry.clone(), |first| first.min(entry)));
                }
            }
            entries.insert(case, first);
        }
        Ok(entries)
    }
}

/// The revisions at which a finding changed.
fn changes_of(past: &FindingPast) -> impl Iterator<Item = u64> {
    past.derived.iter().map(|state| state.revision).chain(past.decisions.iter().map(|decision| decision.revision))
}
