//! Questions about the past: the case as it was at that instant, and the contacts that its person had had by then about any
//! case, both derived from their histories as they are known today.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
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
use crate::ingest::{IngestError, aside};
use crate::rules::{Admittance, PersonScope};
use crate::store::{CaseHistory, StoredActivity};

/// Cases of a person that are read at once.
const PAGE: usize = 500;

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

impl Desk<'_> {
    /// Replaces the ground of every question about the past by that of its instant.
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
        let mut cases_of: HashMap<Circle, Vec<CaseId>> = HashMap::new();
        for (question, warm) in &past {
            for circle in self.circles(&warm.entry, warm.person.as_ref(), self.at(question)) {
                if let Entry::Vacant(place) = cases_of.entry(circle) {
                    let cases = self.cases_of(place.key()).await?;
                    place.insert(cases);
                }
            }
        }
        let wanted: BTreeSet<CaseId> =
            past.iter().map(|(question, _)| &question.case).chain(cases_of.values().flatten()).cloned().collect();
        let wanted: Vec<CaseId> = wanted.into_iter().collect();
        let store = self.markets.store().scope(&self.market.key.tenant);
        let mut histories: HashMap<CaseId, CaseHistory> = HashMap::new();
        for some in wanted.chunks(PAGE) {
            histories.extend(store.case_histories(&self.market.key.market, some).await?);
        }
        for (question, warm) in &mut past {
            let at = self.at(question);
            if let Some(entry) =
                histories.get(&question.case).and_then(|history| self.entry_at(history, &Sight::until(at)))
            {
                warm.entry = Arc::new(entry);
            }
            let scope = self.scope(&warm.entry, at);
            for circle in self.circles(&warm.entry, warm.person.as_ref(), at) {
                let cases = match cases_of.get(&circle) {
                    Some(cases) => cases,
                    // What the case stated then is not what it states now.
                    None => {
                        let cases = self.cases_of(&circle).await?;
                        let unread = cases.iter().filter(|case| !histories.contains_key(*case));
                        let unread: Vec<CaseId> = unread.cloned().collect();
                        for some in unread.chunks(PAGE) {
                            histories.extend(store.case_histories(&self.market.key.market, some).await?);
                        }
                        cases_of.entry(circle.clone()).or_insert(cases)
                    }
                };
                let told = cases.iter().filter_map(|case| Some((case, histories.get(case)?)));
                let log = self.log_of(&circle, told, scope, &Sight::until(at));
                warm.logs.insert(circle, log);
            }
        }
        Ok(())
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
        let mut histories = scope.case_histories(market, std::slice::from_ref(case)).await?;
        let entry = histories.get(case).and_then(|history| self.entry_at(history, sight));
        let entry = entry.ok_or_else(|| IngestError::NotFound { what: "case", id: case.to_string() })?;
        let primary = || entry.version_at(sight.at).primary().map(|party| party.person.clone());
        let person = person.cloned().or_else(primary);
        let entry = self.knowing(entry, person.as_ref(), sight).await?;
        let counted = self.scope(&entry, sight.at);
        let mut logs = PersonLogs::default();
        for circle in self.circles(&entry, person.as_ref(), sight.at) {
            let cases = self.cases_of(&circle).await?;
            for some in cases.chunks(PAGE) {
                histories.extend(scope.case_histories(market, some).await?);
            }
            let told = cases.iter().filter_map(|case| Some((case, histories.get(case)?)));
            let log = self.log_of(&circle, told, counted, sight);
            logs.insert(circle, log);
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

    /// Every case that concerns the person or the household.
    async fn cases_of(&self, circle: &Circle) -> Result<Vec<CaseId>, IngestError> {
        let scope = self.markets.store().scope(&self.market.key.tenant);
        Ok(scope.cases_of(&self.market.key.market, std::iter::once(circle)).await?)
    }

    /// The case's state, as far as it is to be seen.
    fn entry_at(&self, history: &CaseHistory, sight: &Sight) -> Option<CaseEntry> {
        // What a case remembers does not depend on what was told about others; only its findings do.
        let persons = PersonLogs::default();
        let env = Env { market: self.market, rules: self.rules, persons: &persons, kinds: Kinds::NONE };
        let versions = versions(history, sight, sight.at);
        let fold = || fold::fold(&env, versions.into_iter(), seen(history, sight), sight.at);
        aside(history.activities.len(), fold).map(|(entry, _)| entry)
    }

    /// The contacts of a circle that are to be seen, as rules of that scope count them.
    fn log_of<'h>(
        &self,
        circle: &Circle,
        cases: impl Iterator<Item = (&'h CaseId, &'h CaseHistory)>,
        scope: PersonScope,
        sight: &Sight,
    ) -> PersonLog {
        let mut log = PersonLog::empty(scope, Timestamp(i64::MIN));
        for (case, history) in cases {
            // An activity that concerns several cases is told once, with the first of them.
            for activity in seen(history, sight).filter(|activity| activity.cases.first() == Some(case)) {
                let Some(contact) = Admittance::of(activity) else { continue };
                let versions = versions(history, sight, activity.occurred);
                let Some(version) = versions.last() else { continue };
                let counts = self.rules.reach().counts_for(circle, scope, contact);
                if counts && Circle::of(activity, version).any(|one| one == *circle) {
                    ContactStamp::of(activity, version).into_iter().for_each(|stamp| log.push(stamp));
                }
            }
        }
        log
    }
}

/// The versions of a case until an instant, in their order. The first holds from ever; a later one that is still to come
/// has said nothing yet.
fn versions<'h>(history: &'h CaseHistory, sight: &Sight, at: Timestamp) -> Vec<&'h CaseVersion> {
    let known = history.versions.iter().filter(|(revision, _)| sight.knows(*revision));
    let mut versions: Vec<&CaseVersion> = known.map(|(_, version)| version).collect();
    versions.sort_by(|a, b| a.order().cmp(&b.order()));
    let begun = versions.partition_point(|version| version.effective <= at).max(1);
    versions.truncate(begun);
    versions
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
