//! Contacts that come, go or change hands: which of their persons' logs they stand in, and which later contacts are judged
//! anew for them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::IngestError;
use super::group::{Group, Writing};
use super::person_logs::Needs;
use crate::compliance::{ContactStamp, PersonLog, judged_with};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Channel, Technology};
use crate::rules::PersonScope;

/// A contact of a person, as one of its cases sees it.
#[derive(Debug, Clone)]
pub(super) struct PersonContact {
    pub(super) person: PersonId,
    /// The rules that speak in the case. Rules of the person's other cases may count the contact all the same.
    pub(super) scope: PersonScope,
    pub(super) stamp: ContactStamp,
    /// This is the case under which the contact is counted: the first that it names.
    lead: bool,
    channel: Channel,
    technology: Option<Technology>,
}

impl PersonContact {
    /// The contact as that version of a case sees it; `None` if no rule of the tenant looks over a person's cases.
    pub(super) fn of(writing: &Writing<'_>, activity: &Activity, version: &CaseVersion) -> Option<Self> {
        let Detail::Contact(contact) = &activity.detail else { return None };
        let reach = writing.rules.reach();
        if !reach.looks_at_persons() {
            return None;
        }
        let person = activity.person.as_ref().or(version.primary().map(|party| &party.person))?;
        Some(Self {
            person: person.clone(),
            scope: writing.scope_of(version),
            stamp: ContactStamp::of(activity)?,
            lead: activity.cases.first() == Some(&version.case),
            channel: contact.channel,
            technology: contact.technology,
        })
    }

    /// Rules of that scope look over all of the person's cases when they judge or count the contact.
    pub(super) fn counts_in(&self, writing: &Writing<'_>, scope: PersonScope) -> bool {
        writing.rules.reach().counts_for_person(scope, self.channel, self.technology)
    }
}

/// The version in force at an instant; the first holds from ever.
pub(super) fn in_force<'v>(
    versions: impl Iterator<Item = &'v CaseVersion> + Clone,
    at: Timestamp,
) -> Option<&'v CaseVersion> {
    let effective = versions.clone().filter(|version| version.effective <= at);
    effective.max_by(|a, b| a.order().cmp(&b.order())).or_else(|| versions.min_by(|a, b| a.order().cmp(&b.order())))
}

impl Group<'_> {
    /// Puts the group's contacts into their persons' logs; where one comes before contacts already judged, the cases of
    /// those are derived anew.
    pub(super) async fn note_contacts(&mut self, writing: &mut Writing<'_>) -> Result<(), IngestError> {
        self.attribute_contacts(writing).await?;
        let mut contacts: Vec<PersonContact> = Vec::new();
        for (case, work) in &self.cases {
            for activity in &work.activities {
                let Some(version) = self.in_force(case, activity.occurred) else { continue };
                contacts.extend(PersonContact::of(writing, activity, version));
            }
        }
        let here = contacts.iter().map(|contact| contact.stamp.id.as_str().to_owned()).collect();
        self.put_contacts(writing, contacts, &here, "late_fact").await
    }

    /// Contacts that name nobody are with the debtor of their case. Where a version brings the debtor in later than them,
    /// they are counted for that person from now on.
    async fn attribute_contacts(&mut self, writing: &mut Writing<'_>) -> Result<(), IngestError> {
        let without_debtor = |case: &CaseId| {
            let entry = self.entries.get(case);
            entry.is_some_and(|entry| entry.versions.iter().any(|version| version.primary().is_none()))
        };
        let changed = self.cases.iter().filter(|(_, work)| !work.versions.is_empty());
        let cases: Vec<CaseId> = changed.map(|(case, _)| case).filter(|case| without_debtor(case)).cloned().collect();
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for (case, history) in writing.tx.case_histories(&cases).await? {
            let stored =
                history.activities.iter().filter(|one| one.revision < writing.revision && one.voided.is_none());
            for activity in stored.map(|one| &one.activity).filter(|one| one.person.is_none()) {
                let before = self.entries.get(&case).map(|entry| entry.version_at(activity.occurred));
                let [old, new] = [before, self.in_force(&case, activity.occurred)]
                    .map(|version| PersonContact::of(writing, activity, version?).filter(|contact| contact.lead));
                if old.as_ref().map(|one| &one.person) != new.as_ref().map(|one| &one.person) {
                    gone.extend(old);
                    come.extend(new);
                }
            }
        }
        self.forget_contacts(writing, gone).await?;
        self.put_contacts(writing, come, &HashSet::new(), "case_version").await
    }

    /// Puts contacts into their persons' logs and marks the cases of later ones that are counted with them, but for those
    /// that are judged in this commit anyway.
    async fn put_contacts(
        &mut self,
        writing: &mut Writing<'_>,
        mut contacts: Vec<PersonContact>,
        here: &HashSet<String>,
        reason: &'static str,
    ) -> Result<(), IngestError> {
        contacts.sort_by(|a, b| a.stamp.order().cmp(&b.stamp.order()));
        self.load_for(writing, &contacts).await?;
        let mut later = Vec::new();
        for contact in contacts.into_iter().filter(|contact| contact.lead) {
            // The rules of all of the person's cases count it, whatever its own case says.
            let Some(scope) = writing.persons.get(&contact.person).map(PersonLog::scope) else { continue };
            if !contact.counts_in(writing, scope) {
                continue;
            }
            let PersonContact { person, stamp, .. } = contact;
            writing.keep_before(&person);
            let log = writing.persons.change(&person);
            log.push(stamp.clone());
            let judged = judged_with(writing.rules.reach(), scope, log, &stamp);
            later.extend(judged.filter(|one| !here.contains(one.id.as_str())).cloned());
        }
        self.judge_again(writing, later, reason).await
    }

    /// The version of a case that is in force at an instant once the group is stored.
    fn in_force(&self, case: &CaseId, at: Timestamp) -> Option<&CaseVersion> {
        let stored = self.entries.get(case).into_iter().flat_map(|entry| entry.versions.iter());
        let new = self.cases.get(case).into_iter().flat_map(|work| work.versions.iter().copied());
        in_force(stored.chain(new), at)
    }

    /// Takes void contacts out of their persons' logs and marks the cases of those that were counted with them.
    pub(super) async fn forget_contacts(
        &mut self,
        writing: &mut Writing<'_>,
        contacts: Vec<PersonContact>,
    ) -> Result<(), IngestError> {
        self.load_for(writing, &contacts).await?;
        let mut later = Vec::new();
        for PersonContact { person, stamp, .. } in contacts.into_iter().filter(|contact| contact.lead) {
            if writing.persons.get(&person).is_none() {
                continue; // no rule has counted it
            }
            writing.keep_before(&person);
            let log = writing.persons.change(&person);
            later.extend(judged_with(writing.rules.reach(), log.scope(), log, &stamp).cloned());
            log.remove(&stamp);
        }
        self.judge_again(writing, later, "void").await
    }

    /// Brings in the logs of the persons contacted: for the rules of the contact's own case, and for those of all other
    /// cases of the person, which may have counted, or may yet count, the contact.
    async fn load_for(&self, writing: &mut Writing<'_>, contacts: &[PersonContact]) -> Result<(), IngestError> {
        if contacts.is_empty() {
            return Ok(());
        }
        let mut stated: HashMap<&PersonId, PersonScope> =
            contacts.iter().map(|contact| (&contact.person, PersonScope::default())).collect();
        for version in self.cases.values().flat_map(|work| work.versions.iter().copied()) {
            for party in &version.parties {
                if let Some(known) = stated.get_mut(&party.person) {
                    *known = known.with(writing.scope_of(version));
                }
            }
        }
        let (mut needs, mut asides) = (Needs::default(), Vec::new());
        for contact in contacts {
            let scope = contact.scope.with(stated.get(&contact.person).copied().unwrap_or_default());
            if contact.counts_in(writing, scope) {
                needs.add(contact.person.clone(), writing.need(scope, contact.stamp.at));
            } else {
                asides.push(contact);
            }
        }
        self.weigh(writing, &asides, &mut needs).await?;
        writing.load_logs(needs).await?;
        // Rules of another case may look back further than those of the contact's own.
        let mut needs = Needs::default();
        for contact in contacts {
            if let Some(scope) = writing.persons.get(&contact.person).map(PersonLog::scope) {
                needs.add(contact.person.clone(), writing.need(scope, contact.stamp.at));
            }
        }
        writing.load_logs(needs).await
    }

    /// Contacts that no rule of their own case counts for a person: adds the needs of those that a rule of another case of
    /// that person may count. Mostly there is none, and looking up which cases there are tells.
    async fn weigh(
        &self,
        writing: &mut Writing<'_>,
        asides: &[&PersonContact],
        needs: &mut Needs,
    ) -> Result<(), IngestError> {
        let mut unknown: HashMap<&str, Vec<&PersonContact>> = HashMap::new();
        for contact in asides {
            let remembered = || writing.context.state.person(&contact.person).is_some();
            if needs.has(&contact.person) || writing.persons.get(&contact.person).is_some() || remembered() {
                needs.add(contact.person.clone(), writing.need(PersonScope::default(), contact.stamp.at));
            } else {
                unknown.entry(contact.person.as_str()).or_default().push(contact);
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let persons = unknown.keys().map(|person| (*person).to_owned()).collect();
        let mut cases: HashMap<String, Vec<CaseId>> = HashMap::new();
        for (person, case) in writing.tx.cases_of_persons(persons).await? {
            cases.entry(person).or_default().push(case);
        }
        for (person, contacts) in unknown {
            let cases = cases.get(person).map_or(&[][..], Vec::as_slice);
            let looking = cases
                .iter()
                .try_fold(PersonScope::default(), |scope, case| Some(scope.with(self.scope_in_memory(writing, case)?)));
            if looking.is_some_and(PersonScope::is_empty) {
                // No rule looks at the person: worth remembering, however far back.
                let person = PersonId::trusted(person);
                writing.persons.insert(person.clone(), PersonLog::empty(PersonScope::default(), Timestamp(i64::MIN)));
                writing.changed.insert(person);
                continue;
            }
            for contact in contacts {
                if looking.is_none_or(|scope| contact.counts_in(writing, scope)) {
                    needs.add(contact.person.clone(), writing.need(PersonScope::default(), contact.stamp.at));
                }
            }
        }
        Ok(())
    }

    /// The rules that look at persons under any version of a case; `None` if the case is not in memory.
    fn scope_in_memory(&self, writing: &Writing<'_>, case: &CaseId) -> Option<PersonScope> {
        let stored = self.entries.get(case).map(Arc::clone).or_else(|| writing.context.state.case(case));
        let new = self.cases.get(case).map_or(&[][..], |work| &work.versions);
        let known = stored.is_some() || !new.is_empty();
        let versions = stored.iter().flat_map(|entry| entry.versions.iter()).chain(new.iter().copied());
        known.then(|| versions.fold(PersonScope::default(), |scope, version| scope.with(writing.scope_of(version))))
    }

    /// Marks the cases of contacts that are judged anew.
    async fn judge_again(
        &mut self,
        writing: &mut Writing<'_>,
        contacts: Vec<ContactStamp>,
        reason: &'static str,
    ) -> Result<(), IngestError> {
        let ids: HashSet<String> = contacts.into_iter().map(|stamp| stamp.id.as_str().to_owned()).collect();
        for stored in writing.tx.activities(ids.into_iter().collect()).await? {
            for case in &stored.activity.cases {
                self.cases.entry(case.clone()).or_default().refold(reason, stored.activity.occurred);
            }
        }
        Ok(())
    }
}
