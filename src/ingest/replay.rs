//! Stored history read again, batch by batch in the order of the cases' ids, as it was known at one revision: to derive it
//! under other rules without touching anything.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use futures::stream::FuturesOrdered;
use tokio::sync::OnceCell;
use tokio_util::task::AbortOnDropHandle;

use super::IngestError;
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
use crate::rules::{Admittance, RuleSet};
use crate::store::{CaseFilter, CaseHistory, StoredActivity, TenantScope, Voids};

/// Cases of one batch.
const BATCH: u32 = 250;
/// Batches that are on their way where a history is told to its end: one through the database, one being put together, and
/// one that waits to be derived.
pub const READ_AHEAD: usize = 3;
/// Voids that are held at once, at most: some twenty megabytes.
const VOIDS: usize = 200_000;
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
    after: String,
    kinds: Kinds,
    /// The market's voids, where they are read before any case; `None` in there if they are too many to be held.
    voids: Option<Arc<OnceCell<Option<Voids>>>>,
}

/// What is told of a case.
pub enum Told<'c, 'f> {
    /// A fact, with what caused it.
    Fact(Cause<'c>, &'f Fact),
    /// A finding that stands.
    Finding(&'f Finding),
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
        Self { scope, market, known, now, until, after: String::new(), kinds: Kinds::ALL, voids: None }
    }

    /// The same of so many cases that the market's voids are read once, before them.
    #[must_use]
    pub fn of_many(mut self) -> Self {
        self.voids = Some(Arc::default());
        self
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

    /// The same from the cases behind the given one on.
    #[must_use]
    pub fn after(mut self, case: String) -> Self {
        self.after = case;
        self
    }

    /// The last case that was read; empty before the first.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.after
    }

    /// The next cases; `None` at the end. The contacts of persons are gathered as far as rules of one of `sets` count
    /// them over all of a person's cases.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn next(&mut self, sets: &[&RuleSet]) -> Result<Option<Chunk>, IngestError> {
        match self.cases().await? {
            Some(cases) => self.read(cases, sets).await.map(Some),
            None => Ok(None),
        }
    }

    /// The ids of the next cases, for [`Replay::read`]: several batches may be read at a time.
    ///
    /// # Errors
    /// The database is away.
    pub async fn cases(&mut self) -> Result<Option<Vec<CaseId>>, IngestError> {
        let market = &self.market.key.market;
        let cases = self.scope.list_cases(market, &CaseFilter::default(), &self.after, BATCH).await?;
        let Some(last) = cases.last() else { return Ok(None) };
        self.after = last.as_str().to_owned();
        Ok(Some(cases))
    }

    /// Has the next batches read by tasks of their own, in their order, until so many are on their way: they come through the
    /// database and are put together while others are derived.
    ///
    /// # Errors
    /// The database is away.
    pub async fn read_ahead<T, F>(
        &mut self,
        reading: &mut FuturesOrdered<AbortOnDropHandle<T>>,
        most: usize,
        read: impl Fn(Self, Vec<CaseId>) -> F,
    ) -> Result<(), IngestError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        while reading.len() < most {
            let Some(cases) = self.cases().await? else { break };
            reading.push_back(AbortOnDropHandle::new(tokio::spawn(read(self.clone(), cases))));
        }
        Ok(())
    }

    /// Reads these cases, as [`Replay::next`] does.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn read(&self, cases: Vec<CaseId>, sets: &[&RuleSet]) -> Result<Chunk, IngestError> {
        let market = &self.market.key.market;
        let voids = match &self.voids {
            Some(voids) => voids.get_or_try_init(|| self.scope.voids(market, VOIDS)).await?.as_ref(),
            None => None,
        };
        let mut histories = match voids {
            Some(voids) => self.scope.case_histories_knowing(market, &cases, voids).await?,
            None => self.scope.case_histories(market, &cases).await?,
        };
        let circles = self.circles_of(&histories, sets);
        let mut logs = PersonLogs::default();
        self.note(&histories, &circles, &mut logs);
        let here: HashSet<&CaseId> = cases.iter().collect();
        let wanted: Vec<&Circle> = circles.iter().collect();
        for some in wanted.chunks(OTHERS) {
            let others = self.scope.cases_of(market, some.iter().copied()).await?;
            let others: Vec<CaseId> = others.into_iter().filter(|case| !here.contains(case)).collect();
            for some in others.chunks(OTHERS) {
                let contacts = self.scope.contact_histories(market, some).await?;
                self.note(&contacts, &circles, &mut logs);
            }
        }
        let in_order = cases.iter().filter_map(|case| histories.remove_entry(case));
        Ok(Chunk { histories: in_order.collect(), persons: logs })
    }

    /// Persons and households of whose contacts a rule counts some over all of their cases.
    fn circles_of(&self, histories: &HashMap<CaseId, CaseHistory>, sets: &[&RuleSet]) -> BTreeSet<Circle> {
        let mut circles = BTreeSet::new();
        if sets.iter().all(|rules| rules.is_empty()) {
            return circles;
        }
        for history in histories.values() {
            for (activity, version) in self.contacts(history) {
                let Some(contact) = Admittance::of(activity) else { continue };
                for circle in Circle::of(activity, version) {
                    let counts = sets.iter().map(|rules| rules.reach()).any(|reach| {
                        let scope = reach.person_scope(version, &self.market.region);
                        !scope.is_empty() && reach.counts_for(&circle, scope, contact)
                    });
                    if counts && !circles.contains(&circle) {
                        circles.insert(circle);
                    }
                }
            }
        }
        circles
    }

    /// Notes the contacts of these circles, each once: with the first of its cases.
    fn note(&self, histories: &HashMap<CaseId, CaseHistory>, circles: &BTreeSet<Circle>, logs: &mut PersonLogs) {
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

    /// What these rules say of the cases of a chunk, case by case.
    pub fn derive<'c>(
        &'c self,
        chunk: &'c Chunk,
        rules: &'c RuleSet,
    ) -> impl Iterator<Item = (&'c CaseId, Effects)> + use<'c> {
        let env = Env { market: &self.market, rules, persons: &chunk.persons, kinds: self.kinds };
        let before = self.known.saturating_add(1);
        chunk.histories.iter().map(move |(case, history)| {
            let versions = history.versions.iter().filter(|(revision, _)| *revision < before);
            let versions = versions.map(|(_, version)| version);
            (case, judge(&env, versions, counted(history, before), self.now).unwrap_or_default())
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

impl Chunk {
    /// How many cases.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.histories.len()
    }

    /// Their ids, in the order in which they are told.
    #[must_use]
    pub fn ids(&self) -> Vec<CaseId> {
        self.histories.iter().map(|(case, _)| case.clone()).collect()
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
        self.histories.iter().map(|(_, history)| history.activities.len()).sum()
    }
}
