//! Questions about the past: the case as it was at that instant, and the contacts that its person had had by then about any
//! case, both derived from their histories as they are known today.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::state::Warm;
use super::{Desk, Question};
use crate::compliance::{ContactStamp, PersonLog, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::detail::Detail;
use crate::domain::facts::Kinds;
use crate::domain::ids::{ActivityId, CaseId, PermitId, PersonId};
use crate::domain::time::Timestamp;
use crate::ingest::derive::{CaseEntry, Env};
use crate::ingest::fold;
use crate::ingest::market_state::HeldPermit;
use crate::ingest::{IngestError, Turns, aside};
use crate::rules::{Admittance, PersonScope};
use crate::store::{CaseHistory, StoredActivity};

/// Cases of a person whose contacts are read at once.
const PAGE: usize = 100;
/// Cases asked about whose histories are read at once.
const CASES: usize = 16;
/// Before every fact.
const BEGINNING: Timestamp = Timestamp(i64::MIN);

/// How much of the histories is looked at.
pub(super) struct Sight {
    /// Up to that instant.
    pub(super) at: Timestamp,
    /// And before that fact, by the order of facts.
    pub(super) before: Option<(Timestamp, i64, ActivityId)>,
    /// As known at that revision; as known today if absent.
    pub(super) known: Option<u64>,
}

impl Sight {
    const fn until(at: Timestamp) -> Self {
        Self { at, before: None, known: None }
    }

    fn knows(&self, revision: u64) -> bool {
        self.known.is_none_or(|known| revision <= known)
    }

    fn sees(&self, stored: &StoredActivity) -> bool {
        let activity = &stored.activity;
        let before = self.before.as_ref().is_none_or(|(at, seq, id)| activity.order() < (*at, *seq, id));
        before
            && activity.occurred <= self.at
            && self.knows(stored.revision)
            && !stored.voided.is_some_and(|voided| self.knows(voided))
    }
}

/// What one answer stands on.
pub(super) struct Ground {
    /// The case.
    pub(super) entry: Arc<CaseEntry>,
    /// The person: the primary party if none was named.
    pub(super) person: Option<PersonId>,
    /// The contacts of the person and its household over all cases, where a rule counts them.
    pub(super) logs: PersonLogs,
    /// Permits that hold a place now; where the past is looked at, those that a check on record counted.
    pub(super) permits: Vec<HeldPermit>,
    /// Revision of the market.
    pub(super) revision: u64,
}

/// States of a case by instant.
type Then = BTreeMap<Timestamp, Arc<CaseEntry>>;

impl Desk<'_> {
    /// Replaces the ground of every question about the past by that of its instant. Who asks of many instants of a case, or of
    /// a person, gets them from one look at its history.
    pub(super) async fn look_back(&self, questions: &[Question], warm: &mut [Option<Warm>]) -> Result<(), IngestError> {
        let is_past = |question: &Question, warm: &Warm| {
            let at = self.at(question);
            warm.too_long_ago || at < self.now && warm.entry.is_past(at)
        };
        let mut past: Vec<(&Question, &mut Warm)> = questions
            .iter()
            .zip(warm.iter_mut())
            .filter_map(|(question, warm)| Some((question, warm.as_mut()?)))
            .filter(|(question, warm)| is_past(question, warm))
            .collect();
        if past.is_empty() {
            return Ok(());
        }
        let mut instants: BTreeMap<CaseId, BTreeSet<Timestamp>> = BTreeMap::new();
        for (question, _) in &past {
            instants.entry(question.case.clone()).or_default().insert(self.at(question));
        }
        let entries = self.entries_at(&instants).await?;
        let mut asked: BTreeMap<Circle, Vec<(PersonScope, Timestamp, usize)>> = BTreeMap::new();
        for (place, (question, warm)) in past.iter_mut().enumerate() {
            let at = self.at(question);
            if let Some(entry) = entries.get(&question.case).and_then(|entries| entries.get(&at)) {
                warm.entry = Arc::clone(entry);
            }
            warm.logs = PersonLogs::default();
            let scope = self.scope(&warm.entry, at);
            for circle in self.circles(&warm.entry, warm.person.as_ref(), at) {
                asked.entry(circle).or_default().push((scope, at, place));
            }
        }
        for (circle, mut asked) in asked {
            asked.sort_unstable();
            let scopes = asked.iter().map(|(scope, ..)| *scope).collect();
            let until = asked.iter().map(|(_, at, _)| *at).max().unwrap_or(self.now);
            let logs = self.logs_of(&circle, scopes, &Sight::until(until)).await?;
            let mut turns = Turns::begin();
            for alike in asked.chunk_by(|(scope, at, _), next| (scope, at) == (&next.0, &next.1)) {
                let Some((scope, at, _)) = alike.first() else { continue };
                let log = logs.get(scope).map_or_else(|| PersonLog::empty(*scope, BEGINNING), |log| log.until(*at));
                let log = Arc::new(log);
                for (.., place) in alike {
                    let Some((_, warm)) = past.get_mut(*place) else { continue };
                    warm.logs.insert(circle.clone(), Arc::clone(&log));
                }
                turns.give_way().await;
            }
        }
        Ok(())
    }

    /// Cases at some instants each, as they are known today; unknown cases are absent.
    async fn entries_at(
        &self,
        instants: &BTreeMap<CaseId, BTreeSet<Timestamp>>,
    ) -> Result<HashMap<CaseId, Then>, IngestError> {
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let persons = PersonLogs::default();
        let env = self.env(&persons);
        let (mut found, mut turns) = (HashMap::new(), Turns::begin());
        let cases: Vec<CaseId> = instants.keys().cloned().collect();
        for some in cases.chunks(CASES) {
            for (case, history) in scope.case_histories(&self.market.key.market, some).await? {
                let Some((instants, last)) = instants.get(&case).and_then(|all| Some((all, *all.last()?))) else {
                    continue;
                };
                let sight = Sight::until(last);
                let mut then = Then::new();
                aside(history.activities.len() + instants.len(), || {
                    let versions = versions(&history, &sight);
                    let tell = |at, entry| drop(then.insert(at, Arc::new(entry)));
                    fold::fold_at(&env, versions.into_iter(), seen(&history, &sight), instants.iter().copied(), tell);
                });
                found.insert(case, then);
                turns.give_way().await;
            }
        }
        Ok(found)
    }

    /// A case by itself, as far as it is to be seen.
    pub(super) async fn entry(&self, case: &CaseId, sight: &Sight) -> Result<Option<CaseEntry>, IngestError> {
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let histories = scope.case_histories(&self.market.key.market, std::slice::from_ref(case)).await?;
        Ok(histories.get(case).and_then(|history| self.entry_at(history, sight)))
    }

    /// A case and the contacts of its person, as far as they are to be seen.
    pub(super) async fn ground(
        &self,
        case: &CaseId,
        person: Option<&PersonId>,
        sight: &Sight,
    ) -> Result<Ground, IngestError> {
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let market = &self.market.key.market;
        let revision = scope.head(market).await?.map_or(0, |head| head.revision);
        let histories = scope.case_histories(market, std::slice::from_ref(case)).await?;
        let entry = histories.get(case).and_then(|history| self.entry_at(history, sight));
        let entry = entry.ok_or_else(|| IngestError::NotFound { what: "case", id: case.to_string() })?;
        let primary = || entry.version_at(sight.at).primary().map(|party| party.person.clone());
        let person = person.cloned().or_else(primary);
        let entry = self.knowing(entry, person.as_ref(), sight).await?;
        let counted = self.scope(&entry, sight.at);
        let mut logs = PersonLogs::default();
        for circle in self.circles(&entry, person.as_ref(), sight.at) {
            for (_, log) in self.logs_of(&circle, BTreeSet::from([counted]), sight).await? {
                logs.insert(circle.clone(), log);
            }
        }
        Ok(Ground { entry: Arc::new(entry), person, logs, permits: Vec::new(), revision })
    }

    /// The case, with what is told elsewhere of a person whom it does not know.
    async fn knowing(
        &self,
        entry: CaseEntry,
        person: Option<&PersonId>,
        sight: &Sight,
    ) -> Result<CaseEntry, IngestError> {
        let Some(person) = person.filter(|person| !entry.knows(person)) else { return Ok(entry) };
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let told = scope.told_of(&self.market.key.market, person).await?;
        let seen = told.iter().filter(|stored| sight.sees(stored)).map(|stored| &stored.activity);
        Ok(entry.knowing(seen, sight.at))
    }

    /// Permits by their ids, which held places then, each with its case as it is to be seen.
    pub(super) async fn held(
        &self,
        own: &CaseId,
        ids: &[String],
        sight: &Sight,
    ) -> Result<Vec<HeldPermit>, IngestError> {
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(row) = scope.permit(&self.market.key.market, &PermitId::trusted(id)).await? else { continue };
            let elsewhere = match row.permit.case() {
                case if case == own => None,
                case => self.entry(case, sight).await?.map(Arc::new),
            };
            found.push(HeldPermit { permit: Arc::new(row.permit), elsewhere });
        }
        Ok(found)
    }

    /// Whose rules look over all cases of a person of that case.
    fn scope(&self, entry: &CaseEntry, at: Timestamp) -> PersonScope {
        self.rules.reach().person_scope(entry.version_at(at), &self.market.region)
    }

    /// The person, and its household, where rules of the case look over all cases of them.
    fn circles(&self, entry: &CaseEntry, person: Option<&PersonId>, at: Timestamp) -> Vec<Circle> {
        let version = entry.version_at(at);
        let all = person.into_iter().flat_map(|person| Circle::of_person(person, version));
        self.rules.reach().circles(self.scope(entry, at), all).collect()
    }

    /// What cases are derived with here. What a case remembers does not depend on what was told about others; only its
    /// findings do.
    fn env<'e>(&'e self, persons: &'e PersonLogs) -> Env<'e> {
        Env { market: self.market, rules: self.rules, persons, kinds: Kinds::NONE }
    }

    /// The case's state, as far as it is to be seen.
    fn entry_at(&self, history: &CaseHistory, sight: &Sight) -> Option<CaseEntry> {
        let persons = PersonLogs::default();
        let env = self.env(&persons);
        let mut versions = versions(history, sight);
        versions.truncate(begun(&versions, sight.at));
        let fold = || fold::fold(&env, versions.into_iter(), seen(history, sight), sight.at);
        aside(history.activities.len(), fold).map(|(entry, _)| entry)
    }

    /// The contacts of a circle over all its cases that are to be seen, as rules of each scope count them.
    async fn logs_of(
        &self,
        circle: &Circle,
        scopes: BTreeSet<PersonScope>,
        sight: &Sight,
    ) -> Result<BTreeMap<PersonScope, PersonLog>, IngestError> {
        let mut logs: BTreeMap<_, _> = scopes.into_iter().map(|one| (one, PersonLog::empty(one, BEGINNING))).collect();
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let cases = scope.cases_of(&self.market.key.market, std::iter::once(circle)).await?;
        let mut turns = Turns::begin();
        for some in cases.chunks(PAGE) {
            for (case, history) in scope.contact_histories(&self.market.key.market, some).await? {
                aside(history.activities.len(), || self.note_contacts(circle, &case, &history, sight, &mut logs));
                turns.give_way().await;
            }
        }
        Ok(logs)
    }

    /// Puts the contacts of one case into the logs of a circle.
    fn note_contacts(
        &self,
        circle: &Circle,
        case: &CaseId,
        history: &CaseHistory,
        sight: &Sight,
        logs: &mut BTreeMap<PersonScope, PersonLog>,
    ) {
        let versions = versions(history, sight);
        // An activity that concerns several cases is told once, with the first of them.
        for activity in seen(history, sight).filter(|activity| activity.cases.first() == Some(case)) {
            let Some(contact) = Admittance::of(activity) else { continue };
            let Some(version) = begun(&versions, activity.occurred).checked_sub(1).and_then(|at| versions.get(at))
            else {
                continue;
            };
            if Circle::of(activity, version).all(|one| one != *circle) {
                continue;
            }
            for (scope, log) in &mut *logs {
                if self.rules.reach().counts_for(circle, *scope, contact) {
                    ContactStamp::of(activity, version).into_iter().for_each(|stamp| log.push(stamp));
                }
            }
        }
    }
}

/// The versions of a case that are known, in their order.
fn versions<'h>(history: &'h CaseHistory, sight: &Sight) -> Vec<&'h CaseVersion> {
    let known = history.versions.iter().filter(|(revision, _)| sight.knows(*revision));
    let mut versions: Vec<&CaseVersion> = known.map(|(_, version)| version).collect();
    versions.sort_by(|a, b| a.order().cmp(&b.order()));
    versions
}

/// How many of them have said something by an instant. The first holds from ever; a later one that is still to come has said
/// nothing yet.
fn begun(versions: &[&CaseVersion], at: Timestamp) -> usize {
    versions.partition_point(|version| version.effective <= at).max(1)
}

/// Activities of a case that are to be seen, but for voids and what they took away.
fn seen<'h>(history: &'h CaseHistory, sight: &Sight) -> impl Iterator<Item = &'h Activity> {
    history
        .activities
        .iter()
        .filter(move |stored| sight.sees(stored))
        .map(|stored| &stored.activity)
        .filter(|activity| !matches!(activity.detail, Detail::Void { .. }))
}
