//! What activities tell of a person binds on all cases of that person ([`crate::domain::of_person`]). Who reads a case's history finds
//! it there ([`crate::store::CaseHistory`]); here a commit hands it to the other cases' states in memory, and has cases derived
//! from what is on record whose persons come in after something was told of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::IngestError;
use super::group::{Group, Made, Map, Place, Set, Writing};
use super::writer::ItemResult;
use crate::domain::activity::Activity;
use crate::domain::circle::Circle;
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::of_person::told_of;
use crate::domain::validation::{Refusal, Violation};

/// How often what one commit tells of persons may bind on a case: each time is a step of that case's derivation, and all of them
/// are in memory at once.
const BINDINGS: usize = 50_000;
/// Pairs of a case and what was told before that are looked at together.
const TOGETHER: usize = 10_000;

impl<'w> Group<'w> {
    /// Refuses for now what would bind on too many cases beside what was sent before it. A record alone is taken, however many
    /// cases the person has.
    pub(super) async fn bound_told(
        &mut self,
        writing: &Writing<'_>,
        admitted: &mut Map<&'w str, (Place, &'w Activity)>,
    ) -> Result<(), IngestError> {
        let mut told: Vec<(Place, &Activity, Circle)> = admitted
            .values()
            .filter_map(|(place, activity)| Some((*place, *activity, Circle::Person(told_of(activity)?.clone()))))
            .collect();
        if told.len() < 2 {
            return Ok(());
        }
        let circles: BTreeSet<&Circle> = told.iter().map(|(.., circle)| circle).collect();
        let mut cases: HashMap<Circle, usize> = HashMap::new();
        for (circle, _) in writing.tx.cases_of(circles.into_iter()).await? {
            *cases.entry(circle).or_default() += 1;
        }
        for version in self.cases.values().filter_map(|work| work.versions.first()) {
            version
                .parties
                .iter()
                .for_each(|party| *cases.entry(Circle::Person(party.person.clone())).or_default() += 1);
        }
        told.sort_by_key(|(place, ..)| *place);
        let mut bindings = 0_usize;
        for (place, activity, circle) in told {
            let more = cases.get(&circle).copied().unwrap_or_default();
            if bindings > 0 && bindings + more > BINDINGS {
                let id = activity.id.as_str();
                admitted.remove(id);
                let again = self.repeats.iter().filter(|(.., first)| *first == id).map(|(place, ..)| *place);
                let places: Vec<Place> = again.chain([place]).collect();
                self.repeats.retain(|(.., first)| *first != id);
                self.results.extend(places.into_iter().map(|place| (place, too_much(more))));
            } else {
                bindings += more;
            }
        }
        Ok(())
    }

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
        for activity in before.iter().map(|stored| &stored.activity) {
            let told = told_of(activity).filter(|_| !here.contains(activity.id.as_str()));
            let cases = told.and_then(|person| comers.get(person)).into_iter().flatten();
            pairs.extend(cases.filter(|case| !activity.cases.contains(case)).map(|case| (case.clone(), activity)));
            if pairs.len() >= TOGETHER {
                self.tell_before(writing, std::mem::take(&mut pairs)).await?;
            }
        }
        self.tell_before(writing, pairs).await
    }

    /// Hands what was told before to cases that it has come to concern.
    async fn tell_before(
        &mut self,
        writing: &Writing<'_>,
        mut pairs: Vec<(CaseId, &Activity)>,
    ) -> Result<(), IngestError> {
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

/// The refusal of what binds on so many cases.
fn too_much(cases: usize) -> ItemResult {
    let text = format!(
        "binds on {cases} cases of the person, and with what was sent beside it on more than {BINDINGS} in all: send it again, \
         with fewer others"
    );
    ItemResult::Refused(Refusal {
        reason: "TOO_MUCH_AT_ONCE",
        kind: ErrorKind::ResourceExhausted,
        violations: vec![Violation::new("person_id", text)],
        retryable: true,
    })
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
