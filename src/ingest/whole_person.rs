//! What activities tell of a person binds on all cases of that person ([`crate::domain::of_person`]). Who reads a case's history finds
//! it there ([`crate::store::CaseHistory`]); here a commit hands it to the other cases' states in memory, and has cases derived
//! from what is on record whose persons come in after something was told of them.

use std::collections::{BTreeMap, BTreeSet};

use super::IngestError;
use super::group::{Group, Made, Map, Set, Writing};
use crate::domain::activity::Activity;
use crate::domain::circle::Circle;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::of_person::told_of;

impl<'w> Group<'w> {
    /// Hands what is new of persons to their other cases, and what was told before to the cases that they come into. `strangers` are
    /// persons who were contacted about a case without being its parties, with that case.
    pub(super) async fn tell_of_persons(
        &mut self,
        writing: &mut Writing<'_>,
        new: &[&'w Activity],
        stored_as: &Map<&str, Made>,
        strangers: &[(String, String)],
    ) -> Result<(), IngestError> {
        let others = others(writing, new).await?;
        self.know(writing, others.iter().map(|(case, _)| case)).await?;
        for (case, activity) in &others {
            self.cases.entry(case.clone()).or_default().take(activity, stored_as);
        }
        writing.told.anew(new);
        writing.tx.insert_told_of(new).await?;
        writing.tx.insert_told(&others).await?;
        let comers = self.comers(strangers);
        let persons: Vec<&PersonId> = comers.keys().collect();
        let before = writing.tx.told_of(&persons).await?;
        if before.is_empty() {
            return Ok(());
        }
        let here: Set<&str> = new.iter().map(|activity| activity.id.as_str()).collect();
        let mut pairs: Vec<(CaseId, &Activity)> = Vec::new();
        for activity in
            before.iter().map(|stored| &stored.activity).filter(|activity| !here.contains(activity.id.as_str()))
        {
            let cases = told_of(activity).and_then(|person| comers.get(person)).into_iter().flatten();
            pairs.extend(cases.filter(|case| !activity.cases.contains(case)).map(|case| (case.clone(), activity)));
        }
        if pairs.is_empty() {
            return Ok(());
        }
        // Whoever is no party comes with each contact, and is known from the first on.
        let cases: BTreeSet<&str> = pairs.iter().map(|(case, _)| case.as_str()).collect();
        let known = writing.tx.told_cases(cases.into_iter().map(str::to_owned).collect()).await?;
        pairs.retain(|(case, activity)| !known.contains(&(case.as_str().to_owned(), activity.id.as_str().to_owned())));
        for (case, activity) in &pairs {
            let work = self.cases.entry(case.clone()).or_default();
            work.refold(if work.versions.is_empty() { "late_fact" } else { "case_version" }, activity.occurred);
            work.reread = true;
        }
        Ok(writing.tx.insert_told(&pairs).await?)
    }

    /// The persons who have to do with cases that had nothing to do with them before, as far as memory tells.
    fn comers(&self, strangers: &[(String, String)]) -> BTreeMap<PersonId, BTreeSet<CaseId>> {
        let mut comers: BTreeMap<PersonId, BTreeSet<CaseId>> = BTreeMap::new();
        for (case, work) in self.cases.iter().filter(|(_, work)| !work.versions.is_empty()) {
            let stored = self.entries.get(case).map_or(&[][..], |entry| entry.versions.as_slice());
            for party in work.versions.iter().flat_map(|version| &version.parties) {
                if !stored.iter().any(|version| version.party(&party.person).is_some()) {
                    comers.entry(party.person.clone()).or_default().insert(case.clone());
                }
            }
        }
        for (person, case) in strangers {
            comers.entry(PersonId::trusted(person)).or_default().insert(CaseId::trusted(case));
        }
        comers
    }

    /// Takes what is void out of the other cases of the persons of whom it told.
    pub(super) async fn untell_persons(
        &mut self,
        writing: &mut Writing<'_>,
        void: &[&Activity],
    ) -> Result<(), IngestError> {
        writing.told.anew(void);
        for (case, activity) in others(writing, void).await? {
            self.cases.entry(case).or_default().void(activity);
        }
        Ok(())
    }
}

/// The cases on which activities bind that do not name them.
async fn others<'a>(
    writing: &Writing<'_>,
    activities: &[&'a Activity],
) -> Result<Vec<(CaseId, &'a Activity)>, IngestError> {
    let told: Vec<(Circle, &Activity)> = activities
        .iter()
        .filter_map(|activity| Some((Circle::Person(told_of(activity)?.clone()), *activity)))
        .collect();
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let circles: BTreeSet<&Circle> = told.iter().map(|(circle, _)| circle).collect();
    let mut others = Vec::new();
    for (of, case) in writing.tx.cases_of(circles.into_iter()).await? {
        let here = told.iter().filter(|(circle, activity)| *circle == of && !activity.cases.contains(&case));
        others.extend(here.map(|(_, activity)| (case.clone(), *activity)));
    }
    Ok(others)
}
