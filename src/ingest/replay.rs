//! Stored history read again, batch by batch in the order of the cases' ids, as it was known at one revision: to derive it
//! under other rules without touching anything.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::IngestError;
use super::batches::Batch;
use super::derive::{Cause, Effects, Env};
use super::fold;
use super::judge::judge;
use super::person_logs::version_of;
use super::writing::counted;
use crate::compliance::{ContactStamp, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::detail::Detail;
use crate::domain::fact::Fact;
use crate::domain::facts::Kinds;
use crate::domain::finding::Finding;
use crate::domain::ids::{CaseId, RuleId};
use crate::domain::market::Market;
use crate::domain::time::Timestamp;
use crate::rules::words::Attribute;
use crate::rules::{Admittance, PersonScope, Reach, RuleSet};
use crate::store::{CaseFilter, CaseHistory, StoredActivity, StoredHistories, TenantScope, Voids};

/// Batches that are on their way where a history is told to its end: one through the database, one being put together, and
/// one that waits to be derived.
pub const READ_AHEAD: usize = 3;
/// Cases that are taken apart at once: with their activities they fit a processor's own cache.
const PART: usize = 32;
/// Further cases of the batch's persons that are read at once; only stamps of their contacts are kept.
const OTHERS: usize = 250;

/// A test of a rule whose outcome is not known: the rule, what is missing, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The rule.
    pub rule: RuleId,
    /// What it lacked.
    pub attribute: Attribute,
    /// When.
    pub at: Timestamp,
    /// Of when a case becomes barred, which is unknown as long as it lasts: until then.
    pub until: Option<Timestamp>,
}

/// A replay of one market.
#[derive(Clone)]
pub struct Replay {
    scope: TenantScope,
    market: Market,
    /// What later commits stored is not seen.
    known: u64,
    /// Terms that ended until then have ended.
    now: Timestamp,
    /// What happened later is left out.
    until: Timestamp,
    kinds: Kinds,
}

/// What is told of a case.
pub enum Told<'c, 'f> {
    /// A fact, with what caused it.
    Fact(Cause<'c>, &'f Fact),
    /// A finding that stands.
    Finding(&'f Finding),
}

/// Some cases as they were read, perhaps still as their bytes.
pub struct Unopened(Read);

enum Read {
    Stored(Arc<StoredHistories>, Range<usize>),
    Whole(Chunk),
}

/// Some cases, with all that judging them takes.
pub struct Chunk {
    histories: Vec<(CaseId, CaseHistory)>,
    persons: PersonLogs,
}

impl Replay {
    /// A replay of what was committed up to revision `known`, with every timer up to `now` fired.
    #[must_use]
    pub const fn new(scope: TenantScope, market: Market, known: u64, now: Timestamp) -> Self {
        let until = Timestamp(i64::MAX);
        Self { scope, market, known, now, until, kinds: Kinds::ALL }
    }

    /// The same of what had happened up to `until`: later activities are left out, and a case whose first version takes
    /// effect later is not there yet.
    #[must_use]
    pub fn as_of(mut self, until: Timestamp) -> Self {
        self.until = until;
        self.now = self.now.min(until);
        self
    }

    /// The same, of whose facts only these kinds are told.
    #[must_use]
    pub const fn counting(mut self, kinds: Kinds) -> Self {
        self.kinds = kinds;
        self
    }

    /// The ids of the next cases behind one; `None` behind the last.
    pub(super) async fn cases(&self, after: &str, most: usize) -> Result<Option<Vec<CaseId>>, IngestError> {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let cases = self.scope.list_cases(&self.market.key.market, &CaseFilter::default(), after, most).await?;
        Ok((!cases.is_empty()).then_some(cases))
    }

    /// The market's voids; `None` if there are more than `most`.
    pub(super) async fn voids(&self, most: usize) -> Result<Option<Voids>, IngestError> {
        Ok(self.scope.voids(&self.market.key.market, most).await?)
    }

    /// The histories of cases that follow each other.
    pub(super) async fn stored(&self, cases: Vec<CaseId>, voids: Arc<Voids>) -> Result<StoredHistories, IngestError> {
        Ok(self.scope.stored_histories(&self.market.key.market, cases, voids).await?)
    }

    /// Reads the histories of these cases. The contacts of persons are gathered as far as rules of one of `sets` count them
    /// over all of a person's cases.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn read(&self, batch: Batch, sets: &[&RuleSet]) -> Result<Unopened, IngestError> {
        let market = &self.market.key.market;
        let histories = match &batch {
            Batch::Stored(stretch, places) if sets.iter().any(|rules| rules.reach().looks_at_persons()) => {
                stretch.read(places.clone())?
            }
            Batch::Stored(stretch, places) => {
                return Ok(Unopened(Read::Stored(Arc::clone(stretch), places.clone())));
            }
            Batch::Listed(cases) => {
                let mut found = self.scope.case_histories(market, cases).await?;
                cases.iter().filter_map(|case| found.remove_entry(case)).collect()
            }
        };
        let circles = self.circles_of(&histories, sets);
        let mut logs = PersonLogs::default();
        self.note(histories.iter().map(|(case, history)| (case, history)), &circles, &mut logs);
        let here: HashSet<&CaseId> = batch.cases().iter().collect();
        let wanted: Vec<&Circle> = circles.iter().collect();
        for some in wanted.chunks(OTHERS) {
            let others = self.scope.cases_of(market, some.iter().copied()).await?;
            let others: Vec<CaseId> = others.into_iter().filter(|case| !here.contains(case)).collect();
            for some in others.chunks(OTHERS) {
                let contacts = self.scope.contact_histories(market, some).await?;
                self.note(contacts.iter(), &circles, &mut logs);
            }
        }
        Ok(Unopened(Read::Whole(Chunk { histories, persons: logs })))
    }

    /// Every case of the persons and households that these cases have ever named, or somebody was contacted of.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn of_their_persons(&self, cases: &[CaseId]) -> Result<Vec<CaseId>, IngestError> {
        let market = &self.market.key.market;
        let histories = self.scope.contact_histories(market, cases).await?;
        let mut circles: BTreeSet<Circle> = BTreeSet::new();
        for history in histories.values() {
            for (_, version) in &history.versions {
                circles.extend(version.parties.iter().flat_map(Circle::of_party));
                let contacts = history.activities.iter();
                circles.extend(contacts.flat_map(|stored| Circle::of(&stored.activity, version)));
            }
        }
        Ok(self.scope.cases_of(market, circles.iter()).await?)
    }

    /// Persons and households of whose contacts a rule counts some over all of their cases.
    fn circles_of(&self, histories: &[(CaseId, CaseHistory)], sets: &[&RuleSet]) -> BTreeSet<Circle> {
        let mut circles = BTreeSet::new();
        if sets.iter().all(|rules| rules.is_empty()) {
            return circles;
        }
        for (_, history) in histories {
            // Most cases have one version, and most versions are of no such rule's scope.
            let mut scoped: Option<(&CaseVersion, Vec<(&Reach, PersonScope)>)> = None;
            for (activity, version) in self.contacts(history) {
                if scoped.as_ref().is_none_or(|(of, _)| !std::ptr::eq(*of, version)) {
                    let reaches = sets.iter().map(|rules| rules.reach());
                    let scopes = reaches.map(|reach| (reach, reach.person_scope(version, &self.market.region)));
                    scoped = Some((version, scopes.filter(|(_, scope)| !scope.is_empty()).collect()));
                }
                let scopes = scoped.as_ref().map_or(&[][..], |(_, scopes)| scopes);
                let Some(contact) = Admittance::of(activity).filter(|_| !scopes.is_empty()) else { continue };
                for circle in Circle::of(activity, version) {
                    let counts = scopes.iter().any(|(reach, scope)| reach.counts_for(&circle, *scope, contact));
                    if counts && !circles.contains(&circle) {
                        circles.insert(circle);
                    }
                }
            }
        }
        circles
    }

    /// Notes the contacts of these circles, each once: with the first of its cases.
    fn note<'h>(
        &self,
        histories: impl Iterator<Item = (&'h CaseId, &'h CaseHistory)>,
        circles: &BTreeSet<Circle>,
        logs: &mut PersonLogs,
    ) {
        if circles.is_empty() {
            return;
        }
        for (case, history) in histories {
            let lead = |(activity, _): &(&Activity, &CaseVersion)| activity.cases.first() == Some(case);
            for (activity, version) in self.contacts(history).filter(lead) {
                let Some(stamp) = ContactStamp::of(activity, version) else { continue };
                for circle in Circle::of(activity, version).filter(|circle| circles.contains(circle)) {
                    logs.change(&circle).push(stamp.clone());
                }
            }
        }
    }

    fn contacts<'h>(&self, history: &'h CaseHistory) -> impl Iterator<Item = (&'h Activity, &'h CaseVersion)> {
        let before = self.known.saturating_add(1);
        let contacts = counted(history, before).filter(|one| matches!(one.detail, Detail::Contact(_)));
        contacts.filter_map(move |one| Some((one, version_of(history, before, one.occurred)?)))
    }

    /// What each of these sets of rules says of the cases of a chunk, case by case.
    pub fn judge<'c, const N: usize>(
        &'c self,
        chunk: &'c Chunk,
        sets: [&'c RuleSet; N],
    ) -> impl Iterator<Item = [Effects; N]> + use<'c, N> {
        let envs = sets.map(|rules| Env { market: &self.market, rules, persons: &chunk.persons, kinds: self.kinds });
        let before = self.known.saturating_add(1);
        chunk.histories.iter().map(move |(_, history)| {
            let versions = history.versions.iter().filter(|(revision, _)| *revision < before);
            let versions = versions.map(|(_, version)| version);
            let said = judge(envs.each_ref(), versions, counted(history, before), self.now);
            said.unwrap_or_else(|| std::array::from_fn(|_| Effects::default()))
        })
    }

    /// Tells every fact of a chunk's cases with its case and cause, and each case's findings. Returns what tests of rules
    /// lacked.
    pub fn tell<'c>(
        &self,
        chunk: &'c Chunk,
        rules: &RuleSet,
        note: &mut dyn FnMut(&'c CaseId, Told<'c, '_>),
    ) -> Vec<Unknown> {
        let mut unknown = Vec::new();
        for (case, history) in &chunk.histories {
            let mut told = |cause, fact: &Fact| note(case, Told::Fact(cause, fact));
            let Some(effects) = self.fold(&chunk.persons, history, rules, &mut told) else { continue };
            effects.findings.values().for_each(|finding| note(case, Told::Finding(finding)));
            let tested = effects.unknown.into_iter();
            unknown.extend(tested.map(|(rule, attribute, at)| Unknown { rule, attribute, at, until: None }));
            let ends = effects.looks.iter().skip(1).map(|(at, _)| *at).chain([Timestamp(i64::MAX)]);
            let ends: Vec<Timestamp> = ends.collect();
            for ((at, missing), until) in effects.looks.into_iter().zip(ends) {
                let of = |(rule, attribute)| Unknown { rule, attribute, at, until: Some(until) };
                unknown.extend(missing.into_iter().map(of));
            }
        }
        unknown
    }

    fn fold<'c>(
        &self,
        persons: &PersonLogs,
        history: &'c CaseHistory,
        rules: &RuleSet,
        note: &mut dyn FnMut(Cause<'c>, &Fact),
    ) -> Option<Effects> {
        let env = Env { market: &self.market, rules, persons, kinds: self.kinds };
        let before = self.known.saturating_add(1);
        let versions = history.versions.iter().filter(|(revision, _)| *revision < before).map(|(_, version)| version);
        let versions = versions.filter(|version| version.effective <= self.until);
        let activities = counted(history, before).filter(|one| one.occurred <= self.until);
        fold::fold_noting(&env, versions, activities, self.now, note).map(|(_, effects)| effects)
    }
}

impl Unopened {
    /// The ids of its cases, in the order in which they are told.
    #[must_use]
    pub fn ids(&self) -> Vec<CaseId> {
        match &self.0 {
            Read::Whole(chunk) => chunk.histories.iter().map(|(case, _)| case.clone()).collect(),
            Read::Stored(stretch, places) => stretch.cases().get(places.clone()).unwrap_or_default().to_vec(),
        }
    }

    /// Takes apart what was read, some cases at a time: what is told at once is still near the processor. Keeps one busy.
    ///
    /// # Errors
    /// A row is corrupt.
    pub fn open(self) -> impl Iterator<Item = Result<Chunk, IngestError>> {
        let (whole, stored) = match self.0 {
            Read::Whole(chunk) => (Some(chunk), None),
            Read::Stored(stretch, places) => (None, Some((stretch, places))),
        };
        let parts = stored.into_iter().flat_map(|(stretch, places)| {
            let ends = places.clone().step_by(PART).map(move |start| start..places.end.min(start + PART));
            ends.map(move |part| Ok(Chunk { histories: stretch.read(part)?, persons: PersonLogs::default() }))
        });
        whole.map(Ok).into_iter().chain(parts)
    }
}

impl Chunk {
    /// How many cases.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.histories.len()
    }

    /// How many records of commits up to a revision, each activity with the first of its cases.
    #[must_use]
    pub fn records(&self, known: u64) -> usize {
        let of = |(case, history): &(CaseId, CaseHistory)| {
            let versions = history.versions.iter().filter(|(revision, _)| *revision <= known).count();
            let own = |row: &&StoredActivity| row.revision <= known && row.activity.cases.first() == Some(case);
            versions + history.activities.iter().filter(own).count()
        };
        self.histories.iter().map(of).sum()
    }

    /// How many activities, those that several cases share counted with each.
    #[must_use]
    pub fn activities(&self) -> usize {
        let own = |(case, history): &(CaseId, CaseHistory)| {
            history.activities.iter().filter(|stored| stored.activity.cases.contains(case)).count()
        };
        self.histories.iter().map(own).sum()
    }
}
