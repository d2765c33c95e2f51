//! Contacts that come, go or change hands: which of their persons' logs they stand in, and which later contacts are judged
//! anew for them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::IngestError;
use super::group::{CaseWork, Group, Writing};
use super::person_logs::Needs;
use crate::compliance::{ContactStamp, PersonLog, judged_with};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::PartyRole;
use crate::rules::{Admittance, PersonScope};

/// A contact of a person or a household, as one of its cases sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CircleContact {
    pub(super) circle: Circle,
    /// The rules that speak in the case. Rules of the circle's other cases may count the contact all the same.
    pub(super) scope: PersonScope,
    pub(super) stamp: ContactStamp,
    /// This is the case under which the contact is counted: the first that it names.
    lead: bool,
    contact: Admittance,
}

impl CircleContact {
    /// The contact in its circles as that version of a case sees it; none if no rule of the tenant looks over a person's
    /// cases.
    pub(super) fn of(
        writing: &Writing<'_>,
        activity: &Activity,
        version: &CaseVersion,
    ) -> impl Iterator<Item = Self> + use<> {
        let looks = writing.rules.reach().looks_at_persons();
        let stamp = ContactStamp::of(activity, version).filter(|_| looks);
        let lead = activity.cases.first() == Some(&version.case);
        let seen = Admittance::of(activity).zip(stamp).map(|(contact, stamp)| {
            let scope = writing.scope_of(version);
            let one = move |circle| Self { circle, scope, stamp: stamp.clone(), lead, contact };
            Circle::of(activity, version).map(one)
        });
        seen.into_iter().flatten()
    }

    /// Rules of that scope look over all of the circle's cases when they judge or count the contact.
    pub(super) fn counts_in(&self, writing: &Writing<'_>, scope: PersonScope) -> bool {
        writing.rules.reach().counts_for(&self.circle, scope, self.contact)
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
        let mut contacts: Vec<CircleContact> = Vec::new();
        for (case, work) in &self.cases {
            for activity in &work.activities {
                let Some(version) = self.in_force(case, activity.occurred) else { continue };
                contacts.extend(CircleContact::of(writing, activity, version));
            }
        }
        let here = contacts.iter().map(|contact| contact.stamp.id.as_str().to_owned()).collect();
        self.put_contacts(writing, contacts, &here, "late_fact").await
    }

    /// Whom a contact concerns, with whom that person lives, and who made it is what the version in force then states. Where
    /// a version that comes in states it otherwise for contacts that are there, they are counted by it from now on.
    async fn attribute_contacts(&mut self, writing: &mut Writing<'_>) -> Result<(), IngestError> {
        if !writing.rules.reach().looks_at_persons() {
            return Ok(());
        }
        let moves = |(case, work): &(&CaseId, &CaseWork<'_>)| {
            let Some(entry) = self.entries.get(*case).filter(|_| !work.versions.is_empty()) else { return false };
            let mut stated = entry.versions.iter().chain(work.versions.iter().copied()).map(attributed);
            let first = stated.next();
            stated.any(|one| Some(one) != first)
        };
        let cases: Vec<CaseId> = self.cases.iter().filter(moves).map(|(case, _)| case.clone()).collect();
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for (case, history) in writing.tx.case_histories(&cases).await? {
            let stored =
                history.activities.iter().filter(|one| one.revision < writing.revision && one.voided.is_none());
            for activity in stored.map(|one| &one.activity) {
                let before = self.entries.get(&case).map(|entry| entry.version_at(activity.occurred));
                let [old, new] = [before, self.in_force(&case, activity.occurred)].map(|version| {
                    let contacts =
                        version.into_iter().flat_map(|version| CircleContact::of(writing, activity, version));
                    contacts.filter(|contact| contact.lead).collect::<Vec<_>>()
                });
                let has = |list: &[CircleContact], one: &CircleContact| {
                    list.iter().any(|other| other.circle == one.circle && other.stamp == one.stamp)
                };
                gone.extend(old.iter().filter(|one| !has(&new, one)).cloned());
                come.extend(new.iter().filter(|one| !has(&old, one)).cloned());
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
        mut contacts: Vec<CircleContact>,
        here: &HashSet<String>,
        reason: &'static str,
    ) -> Result<(), IngestError> {
        contacts.sort_by(|a, b| a.stamp.order().cmp(&b.stamp.order()));
        self.load_for(writing, &contacts).await?;
        let mut later = Vec::new();
        for contact in contacts.into_iter().filter(|contact| contact.lead) {
            // The rules of all of the person's cases count it, whatever its own case says.
            let Some(scope) = writing.persons.get(&contact.circle).map(PersonLog::scope) else { continue };
            if !contact.counts_in(writing, scope) {
                continue;
            }
            let CircleContact { circle, stamp, .. } = contact;
            writing.keep_before(&circle);
            let log = writing.persons.change(&circle);
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
        contacts: Vec<CircleContact>,
    ) -> Result<(), IngestError> {
        self.load_for(writing, &contacts).await?;
        let mut later = Vec::new();
        for CircleContact { circle, stamp, .. } in contacts.into_iter().filter(|contact| contact.lead) {
            if writing.persons.get(&circle).is_none() {
                continue; // no rule has counted it
            }
            writing.keep_before(&circle);
            let log = writing.persons.change(&circle);
            later.extend(judged_with(writing.rules.reach(), log.scope(), log, &stamp).cloned());
            log.remove(&stamp);
        }
        self.judge_again(writing, later, "void").await
    }

    /// Brings in the logs of the persons contacted: for the rules of the contact's own case, and for those of all other
    /// cases of the person, which may have counted, or may yet count, the contact.
    async fn load_for(&self, writing: &mut Writing<'_>, contacts: &[CircleContact]) -> Result<(), IngestError> {
        if contacts.is_empty() {
            return Ok(());
        }
        let mut stated: HashMap<&Circle, PersonScope> =
            contacts.iter().map(|contact| (&contact.circle, PersonScope::default())).collect();
        for version in self.cases.values().flat_map(|work| work.versions.iter().copied()) {
            for circle in version.parties.iter().flat_map(Circle::of_party) {
                if let Some(known) = stated.get_mut(&circle) {
                    *known = known.with(writing.scope_of(version));
                }
            }
        }
        let (mut needs, mut asides) = (Needs::default(), Vec::new());
        for contact in contacts {
            let scope = contact.scope.with(stated.get(&contact.circle).copied().unwrap_or_default());
            if contact.counts_in(writing, scope) {
                needs.add(contact.circle.clone(), writing.need(scope, contact.stamp.at));
            } else {
                asides.push(contact);
            }
        }
        self.weigh(writing, &asides, &mut needs).await?;
        writing.load_logs(needs).await?;
        // Rules of another case may look back further than those of the contact's own.
        let mut needs = Needs::default();
        for contact in contacts {
            if let Some(scope) = writing.persons.get(&contact.circle).map(PersonLog::scope) {
                needs.add(contact.circle.clone(), writing.need(scope, contact.stamp.at));
            }
        }
        writing.load_logs(needs).await
    }

    /// Contacts that no rule of their own case counts for a person: adds the needs of those that a rule of another case of
    /// that person may count. Mostly there is none, and looking up which cases there are tells.
    async fn weigh(
        &self,
        writing: &mut Writing<'_>,
        asides: &[&CircleContact],
        needs: &mut Needs,
    ) -> Result<(), IngestError> {
        let mut unknown: HashMap<&Circle, Vec<&CircleContact>> = HashMap::new();
        for contact in asides {
            let remembered = || writing.context.state.circle(&contact.circle).is_some();
            if needs.has(&contact.circle) || writing.persons.get(&contact.circle).is_some() || remembered() {
                needs.add(contact.circle.clone(), writing.need(PersonScope::default(), contact.stamp.at));
            } else {
                unknown.entry(&contact.circle).or_default().push(contact);
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let mut cases: HashMap<Circle, Vec<CaseId>> = HashMap::new();
        for (circle, case) in writing.tx.cases_of(unknown.keys().copied()).await? {
            cases.entry(circle).or_default().push(case);
        }
        for (circle, contacts) in unknown {
            let cases = cases.get(circle).map_or(&[][..], Vec::as_slice);
            let looking = cases
                .iter()
                .try_fold(PersonScope::default(), |scope, case| Some(scope.with(self.scope_in_memory(writing, case)?)));
            if looking.is_some_and(PersonScope::is_empty) {
                // No rule looks at it: worth remembering, however far back.
                let nothing = PersonLog::empty(PersonScope::default(), Timestamp(i64::MIN));
                writing.persons.insert(circle.clone(), nothing);
                writing.changed.insert(circle.clone());
                continue;
            }
            for contact in contacts {
                if looking.is_none_or(|scope| contact.counts_in(writing, scope)) {
                    needs.add(contact.circle.clone(), writing.need(PersonScope::default(), contact.stamp.at));
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

    /// Persons who were contacted about a case without being its parties: their contacts count as theirs all the same.
    pub(super) fn strangers(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (case, work) in &self.cases {
            let stored = self.entries.get(case).map_or(&[][..], |entry| entry.versions.as_slice());
            let own = work.activities.iter().filter(|activity| activity.cases.contains(case));
            for person in own.filter_map(|activity| activity.person.as_ref()) {
                let known = |version: &CaseVersion| version.party(person).is_some();
                if !stored.iter().any(known) && !work.versions.iter().any(|version| known(version)) {
                    found.push((person.as_str().to_owned(), case.as_str().to_owned()));
                }
            }
        }
        found
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

/// What a version states of a party that decides how contacts are counted over cases: its person, role and household.
type Attributed<'v> = (&'v PersonId, PartyRole, Option<&'v str>);

/// What a version states that does so: who collects, and its parties.
fn attributed(version: &CaseVersion) -> (Option<&str>, Vec<Attributed<'_>>) {
    let parties = version.parties.iter().map(|party| (&party.person, party.role, party.household.as_deref()));
    (version.identity.collector_entity.as_deref(), parties.collect())
}
