//! Contacts that rules count over all cases of a person: which of them a commit has to know, and what it knows of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::IngestError;
use super::group::Writing;
use super::person_contacts::{PersonContact, in_force};
use super::writing::counted;
use crate::compliance::{ContactStamp, PersonLog, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::time::{DAY, Timestamp};
use crate::rules::PersonScope;
use crate::store::CaseHistory;

/// Beside what rules look back at, so much is kept in memory for contacts that come late.
const LATE: i64 = 60 * DAY;

/// What must be known of a person: for whose rules, and from when on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    pub(super) scope: PersonScope,
    pub(super) since: Timestamp,
}

/// The needs of several persons; those of one are joined.
#[derive(Debug, Default)]
pub(super) struct Needs(HashMap<PersonId, Need>);

impl Needs {
    pub(super) fn has(&self, person: &PersonId) -> bool {
        self.0.contains_key(person)
    }

    pub(super) fn add(&mut self, person: PersonId, need: Need) {
        let known = self.0.entry(person).or_insert(need);
        *known = Need { scope: known.scope.with(need.scope), since: known.since.min(need.since) };
    }
}

impl Writing<'_> {
    /// The jurisdictions whose rules look over all cases of the version's persons.
    pub(super) fn scope_of(&self, version: &CaseVersion) -> PersonScope {
        self.rules.reach().person_scope(version, &self.market.region)
    }

    fn window(&self, scope: PersonScope) -> i64 {
        self.rules.reach().person_window(scope)
    }

    /// What must be known to judge a contact of that scope at an instant.
    pub(super) fn need(&self, scope: PersonScope, at: Timestamp) -> Need {
        Need { scope, since: at.plus(-self.window(scope)) }
    }

    /// Brings the logs of these persons into this commit's view: from memory where it holds enough, else as stored before
    /// this commit.
    pub(super) async fn load_logs(&mut self, needs: Needs) -> Result<(), IngestError> {
        let mut missing = Needs::default();
        for (person, need) in needs.0 {
            if self.persons.get(&person).is_some_and(|log| log.covers(need.scope, need.since)) {
                continue;
            }
            match self.context.state.person(&person).filter(|log| log.covers(need.scope, need.since)) {
                Some(log) => self.take_log(person, log),
                None => {
                    let known = self.persons.get(&person).map(PersonLog::scope).unwrap_or_default();
                    missing.add(person, Need { scope: need.scope.with(known), ..need });
                }
            }
        }
        let loaded = self.stored_logs(missing, self.revision).await?;
        for (person, log) in loaded {
            self.changed.insert(person.clone());
            self.take_log(person, log);
        }
        Ok(())
    }

    /// Takes a log that holds more, as it was before this commit; what this commit has changed in the one it had is
    /// changed in this one too.
    fn take_log(&mut self, person: PersonId, log: Arc<PersonLog>) {
        if let (Some(before), Some(now)) = (self.before.shared(&person), self.persons.shared(&person)) {
            let mut fresh = PersonLog::clone(&log);
            let has = |log: &PersonLog, stamp: &ContactStamp| log.stamps().iter().any(|one| one.id == stamp.id);
            now.stamps().iter().filter(|one| !has(&before, one)).for_each(|one| fresh.push(one.clone()));
            before.stamps().iter().filter(|one| !has(&now, one)).for_each(|one| fresh.remove(one));
            self.before.insert(person.clone(), log);
            self.persons.insert(person, fresh);
        } else {
            self.persons.insert(person, log);
        }
    }

    /// The logs of these persons as they are stored, of what was committed before revision `before`.
    pub(super) async fn stored_logs(&self, needs: Needs, before: u64) -> Result<PersonLogs, IngestError> {
        let mut logs = PersonLogs::default();
        if needs.0.is_empty() {
            return Ok(logs);
        }
        let ids = needs.0.keys().map(|person| person.as_str().to_owned()).collect();
        let mut cases: HashMap<PersonId, Vec<CaseId>> = HashMap::new();
        for (person, case) in self.tx.cases_of_persons(ids).await? {
            cases.entry(PersonId::trusted(&person)).or_default().push(case);
        }
        let wanted: HashSet<&CaseId> = cases.values().flatten().collect();
        let wanted: Vec<CaseId> = wanted.into_iter().cloned().collect();
        let since = needs.0.values().map(|need| need.since).min().unwrap_or_default();
        let histories = self.tx.contact_histories(&wanted, since).await?;
        let mut scopes: HashMap<PersonId, PersonScope> = HashMap::with_capacity(needs.0.len());
        for (person, need) in &needs.0 {
            let cases = cases.get(person).into_iter().flatten();
            let versions = cases.filter_map(|case| histories.get(case)).flat_map(|history| &history.versions);
            let known = versions.filter(|(revision, _)| *revision < before);
            let scope = known.fold(need.scope, |scope, (_, version)| scope.with(self.scope_of(version)));
            *logs.change(person) = PersonLog::empty(scope, need.since);
            scopes.insert(person.clone(), scope);
        }
        let lead = |case: &CaseId, activity: &Activity| activity.cases.first() == Some(case);
        for (case, history) in &histories {
            for activity in counted(history, before).filter(|activity| lead(case, activity)) {
                let Some(version) = version_of(history, before, activity.occurred) else { continue };
                let primary = || version.primary().map(|party| &party.person);
                let Some(person) = activity.person.as_ref().or_else(primary) else { continue };
                let (Some(need), Some(scope)) = (needs.0.get(person), scopes.get(person)) else { continue };
                let Detail::Contact(contact) = &activity.detail else { continue };
                let counts = self.rules.reach().counts_for_person(*scope, contact.channel, contact.technology);
                if let Some(stamp) = ContactStamp::of(activity).filter(|_| counts && activity.occurred >= need.since) {
                    logs.change(person).push(stamp);
                }
            }
        }
        Ok(logs)
    }

    /// Keeps what a person's log was before this commit changes it.
    pub(super) fn keep_before(&mut self, person: &PersonId) {
        self.changed.insert(person.clone());
        if self.before.get(person).is_none() {
            let log = self.persons.shared(person).unwrap_or_default();
            self.before.insert(person.clone(), log);
        }
    }

    /// The logs as they were before this commit.
    pub(super) fn logs_before(&self) -> PersonLogs {
        let mut logs = self.persons.clone();
        for (person, log) in self.before.iter() {
            logs.insert(person.clone(), Arc::clone(log));
        }
        logs
    }

    /// What this commit knows of persons and memory does not, without what lies too far back.
    pub(super) fn changed_logs(&mut self) -> Vec<(PersonId, Arc<PersonLog>)> {
        let changed = std::mem::take(&mut self.changed);
        let mut logs = Vec::with_capacity(changed.len());
        for person in changed {
            let scope = self.persons.get(&person).map(PersonLog::scope).unwrap_or_default();
            let span = self.window(scope).saturating_add(LATE);
            self.persons.change(&person).prune(span);
            logs.extend(self.persons.shared(&person).map(|log| (person, log)));
        }
        logs
    }

    /// What must be known of the persons of these histories to judge everything in them from an instant on.
    pub(super) fn needs_of(&self, history: &CaseHistory, from: Timestamp) -> Needs {
        let mut needs = Needs::default();
        for activity in history.activities.iter().map(|stored| &stored.activity).filter(|one| one.occurred >= from) {
            let Some(version) = version_of(history, u64::MAX, activity.occurred) else { continue };
            if let Some(contact) =
                PersonContact::of(self, activity, version).filter(|contact| contact.counts_in(self, contact.scope))
            {
                needs.add(contact.person, self.need(contact.scope, from));
            }
        }
        needs
    }
}

impl Needs {
    /// Joins others in.
    pub(super) fn join(&mut self, others: Self) {
        for (person, need) in others.0 {
            self.add(person, need);
        }
    }
}

/// The version in force at an instant, among those committed before revision `before`.
pub(super) fn version_of(history: &CaseHistory, before: u64, at: Timestamp) -> Option<&CaseVersion> {
    let known = history.versions.iter().filter(|(revision, _)| *revision < before).map(|(_, version)| version);
    in_force(known, at)
}
