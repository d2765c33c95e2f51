//! Questions about the past: the case as it was at that instant, and the contacts that its person had had by then about any
//! case, both derived from their histories as they are known today.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::state::Warm;
use super::{Desk, Question};
use crate::compliance::{ContactStamp, PersonLog, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::time::Timestamp;
use crate::ingest::IngestError;
use crate::ingest::derive::{self, CaseEntry, Env};
use crate::rules::PersonScope;
use crate::store::{CaseFilter, CaseHistory};

/// Cases of a person that are read at once.
const PAGE: u32 = 500;

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
        let mut cases_of: HashMap<PersonId, Vec<CaseId>> = HashMap::new();
        for (question, warm) in &past {
            let counted = !self.scope(&warm.entry, self.at(question)).is_empty();
            if let Some(person) = warm.person.as_ref().filter(|_| counted)
                && !cases_of.contains_key(person)
            {
                cases_of.insert(person.clone(), self.cases_of(person).await?);
            }
        }
        let wanted: BTreeSet<CaseId> =
            past.iter().map(|(question, _)| &question.case).chain(cases_of.values().flatten()).cloned().collect();
        let wanted: Vec<CaseId> = wanted.into_iter().collect();
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let mut histories: HashMap<CaseId, CaseHistory> = HashMap::new();
        for some in wanted.chunks(PAGE as usize) {
            histories.extend(scope.case_histories(&self.market.key.market, some).await?);
        }
        for (question, warm) in &mut past {
            let at = self.at(question);
            if let Some(entry) = histories.get(&question.case).and_then(|history| self.entry_at(history, at)) {
                warm.entry = Arc::new(entry);
            }
            if let Some((person, cases)) = warm.person.as_ref().and_then(|person| cases_of.get_key_value(person)) {
                let told = cases.iter().filter_map(|case| Some((case, histories.get(case)?)));
                warm.log = Some(Arc::new(self.log_of(person, told, self.scope(&warm.entry, at), at)));
            }
        }
        Ok(())
    }

    /// Whose rules look over all cases of a person of that case.
    fn scope(&self, entry: &CaseEntry, at: Timestamp) -> PersonScope {
        self.rules.reach().person_scope(entry.version_at(at), &self.market.region)
    }

    /// Every case on which the person is a party or was contacted.
    async fn cases_of(&self, person: &PersonId) -> Result<Vec<CaseId>, IngestError> {
        let scope = self.markets.store().scope(&self.market.key.tenant);
        let filter = CaseFilter { person: Some(person.clone()) };
        let mut cases: Vec<CaseId> = Vec::new();
        loop {
            let after = cases.last().map_or("", CaseId::as_str);
            let page = scope.list_cases(&self.market.key.market, &filter, after, PAGE).await?;
            let last = page.len() < PAGE as usize;
            cases.extend(page);
            if last {
                return Ok(cases);
            }
        }
    }

    /// The case's state at an instant.
    fn entry_at(&self, history: &CaseHistory, at: Timestamp) -> Option<CaseEntry> {
        // What a case remembers does not depend on what was told about others; only its findings do.
        let persons = PersonLogs::default();
        let env = Env { market: self.market, rules: self.rules, persons: &persons };
        derive::fold(&env, versions(history, at).into_iter(), until(history, at), at).map(|(entry, _)| entry)
    }

    /// The contacts that a person had had until an instant, as rules of that scope count them.
    fn log_of<'h>(
        &self,
        person: &PersonId,
        cases: impl Iterator<Item = (&'h CaseId, &'h CaseHistory)>,
        scope: PersonScope,
        at: Timestamp,
    ) -> PersonLog {
        let mut log = PersonLog::empty(scope, Timestamp(i64::MIN));
        for (case, history) in cases {
            // An activity that concerns several cases is told once, with the first of them.
            for activity in until(history, at).filter(|activity| activity.cases.first() == Some(case)) {
                let Detail::Contact(contact) = &activity.detail else { continue };
                let versions = versions(history, activity.occurred);
                let primary = || versions.last().and_then(|version| version.primary()).map(|party| &party.person);
                let counts = self.rules.reach().counts_for_person(scope, contact.channel, contact.technology);
                if counts && activity.person.as_ref().or_else(primary) == Some(person) {
                    ContactStamp::of(activity).into_iter().for_each(|stamp| log.push(stamp));
                }
            }
        }
        log
    }
}

/// The versions of a case until an instant, in their order. The first holds from ever; a later one that is still to come
/// has said nothing yet.
fn versions(history: &CaseHistory, at: Timestamp) -> Vec<&CaseVersion> {
    let mut versions: Vec<&CaseVersion> = history.versions.iter().map(|(_, version)| version).collect();
    versions.sort_by(|a, b| a.order().cmp(&b.order()));
    let known = versions.partition_point(|version| version.effective <= at).max(1);
    versions.truncate(known);
    versions
}

/// Activities of a case up to an instant, but for voids and what they took away.
fn until(history: &CaseHistory, at: Timestamp) -> impl Iterator<Item = &Activity> {
    history
        .activities
        .iter()
        .filter(move |stored| stored.voided.is_none() && stored.activity.occurred <= at)
        .map(|stored| &stored.activity)
        .filter(|activity| !matches!(activity.detail, Detail::Void { .. }))
}
