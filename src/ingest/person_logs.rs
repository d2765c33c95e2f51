//! Contacts that rules count over all cases of a person or a household: which of them a commit has to know, and what it knows of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::IngestError;
use super::group::Writing;
use super::person_contacts::{CircleContact, in_force};
use super::writing::counted;
use crate::compliance::{ContactStamp, PersonLog, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::ids::CaseId;
use crate::domain::time::{DAY, Timestamp};
use crate::rules::PersonScope;
use crate::store::CaseHistory;

/// Beside what rules look back at, so much is kept in memory for contacts that come late.
const LATE: i64 = 60 * DAY;

/// What must be known of a circle: for whose rules, and from when on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    pub(super) scope: PersonScope,
    pub(super) since: Timestamp,
}

/// The needs of several circles; those of one are joined.
#[derive(Debug, Default)]
pub(super) struct Needs(HashMap<Circle, Need>);

impl Needs {
    pub(super) fn has(&self, circle: &Circle) -> bool {
        self.0.contains_key(circle)
    }

    pub(super) fn add(&mut self, circle: Circle, need: Need) {
        let known = self.0.entry(circle).or_insert(need);
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
        for (circle, need) in needs.0 {
            if self.persons.get(&circle).is_some_and(|log| log.covers(need.scope, need.since)) {
                continue;
            }
            match self.context.state.circle(&circle).filter(|log| log.covers(need.scope, need.since)) {
                Some(log) => self.take_log(circle, log),
                None => {
                    let known = self.persons.get(&circle).map(PersonLog::scope).unwrap_or_default();
                    missing.add(circle, Need { scope: need.scope.with(known), ..need });
                }
            }
        }
        let loaded = self.stored_logs(missing, self.revision).await?;
        for (circle, log) in loaded {
            self.changed.insert(circle.clone());
            self.take_log(circle, log);
        }
        Ok(())
    }

    /// Takes a log that holds more, as it was before this commit; what this commit has changed in the one it had is
    /// changed in this one too.
    fn take_log(&mut self, circle: Circle, log: Arc<PersonLog>) {
        if let (Some(before), Some(now)) = (self.before.shared(&circle), self.persons.shared(&circle)) {
            let mut fresh = PersonLog::clone(&log);
            let has = |log: &PersonLog, stamp: &ContactStamp| log.stamps().contains(stamp);
            before.stamps().iter().filter(|one| !has(&now, one)).for_each(|one| fresh.remove(one));
            now.stamps().iter().filter(|one| !has(&before, one)).for_each(|one| fresh.push(one.clone()));
            self.before.insert(circle.clone(), log);
            self.persons.insert(circle, fresh);
        } else {
            self.persons.insert(circle, log);
        }
    }

    /// The logs of these circles as they are stored, of what was committed before revision `before`.
    pub(super) async fn stored_logs(&self, needs: Needs, before: u64) -> Result<PersonLogs, IngestError> {
        let mut logs = PersonLogs::default();
        if needs.0.is_empty() {
            return Ok(logs);
        }
        let mut cases: HashMap<Circle, Vec<CaseId>> = HashMap::new();
        for (circle, case) in self.tx.cases_of(needs.0.keys()).await? {
            cases.entry(circle).or_default().push(case);
        }
        let wanted: HashSet<&CaseId> = cases.values().flatten().collect();
        let wanted: Vec<CaseId> = wanted.into_iter().cloned().collect();
        let since = needs.0.values().map(|need| need.since).min().unwrap_or_default();
        let histories = self.tx.contact_histories(&wanted, since).await?;
        let mut scopes: HashMap<Circle, PersonScope> = HashMap::with_capacity(needs.0.len());
        for (circle, need) in &needs.0 {
            let cases = cases.get(circle).into_iter().flatten();
            let versions = cases.filter_map(|case| histories.get(case)).flat_map(|history| &history.versions);
            let known = versions.filter(|(revision, _)| *revision < before);
            let scope = known.fold(need.scope, |scope, (_, version)| scope.with(self.scope_of(version)));
            *logs.change(circle) = PersonLog::empty(scope, need.since);
            scopes.insert(circle.clone(), scope);
        }
        let lead = |case: &CaseId, activity: &Activity| activity.cases.first() == Some(case);
        for (case, history) in &histories {
            for activity in counted(history, before).filter(|activity| lead(case, activity)) {
                let Some(version) = version_of(history, before, activity.occurred) else { continue };
                for contact in CircleContact::of(self, activity, version) {
                    let (Some(need), Some(scope)) = (needs.0.get(&contact.circle), scopes.get(&contact.circle)) else {
                        continue;
                    };
                    if activity.occurred >= need.since && contact.counts_in(self, *scope) {
                        logs.change(&contact.circle).push(contact.stamp);
                    }
                }
            }
        }
        Ok(logs)
    }

    /// Keeps what a circle's log was before this commit changes it.
    pub(super) fn keep_before(&mut self, circle: &Circle) {
        self.changed.insert(circle.clone());
        if self.before.get(circle).is_none() {
            let log = self.persons.shared(circle).unwrap_or_default();
            self.before.insert(circle.clone(), log);
        }
    }

    /// The logs as they were before this commit.
    pub(super) fn logs_before(&self) -> PersonLogs {
        let mut logs = self.persons.clone();
        for (circle, log) in self.before.iter() {
            logs.insert(circle.clone(), Arc::clone(log));
        }
        logs
    }

    /// What this commit knows of persons and households and memory does not, without what lies too far back.
    pub(super) fn changed_logs(&mut self) -> Vec<(Circle, Arc<PersonLog>)> {
        let changed = std::mem::take(&mut self.changed);
        let mut logs = Vec::with_capacity(changed.len());
        for circle in changed {
            let scope = self.persons.get(&circle).map(PersonLog::scope).unwrap_or_default();
            let span = self.window(scope).saturating_add(LATE);
            self.persons.change(&circle).prune(span);
            logs.extend(self.persons.shared(&circle).map(|log| (circle, log)));
        }
        logs
    }

    /// What must be known of the persons of these histories to judge everything in them from an instant on.
    pub(super) fn needs_of(&self, history: &CaseHistory, from: Timestamp) -> Needs {
        let mut needs = Needs::default();
        for activity in history.activities.iter().map(|stored| &stored.activity).filter(|one| one.occurred >= from) {
            let Some(version) = version_of(history, u64::MAX, activity.occurred) else { continue };
            for contact in CircleContact::of(self, activity, version) {
                if contact.counts_in(self, contact.scope) {
                    needs.add(contact.circle, self.need(contact.scope, from));
                }
            }
        }
        needs
    }
}

impl Needs {
    /// Joins others in.
    pub(super) fn join(&mut self, others: Self) {
        for (circle, need) in others.0 {
            self.add(circle, need);
        }
    }
}

/// The version in force at an instant, among those committed before revision `before`.
pub(super) fn version_of(history: &CaseHistory, before: u64, at: Timestamp) -> Option<&CaseVersion> {
    let known = history.versions.iter().filter(|(revision, _)| *revision < before).map(|(_, version)| version);
    in_force(known, at)
}
