//! What is told of persons ([`crate::domain::of_person`]) who are no parties of a case that they are asked about with: the case does
//! not know of it until something happens with them on it, and the law that protects them holds before.

use std::collections::HashMap;
use std::sync::Arc;

use super::IngestError;
use super::derive::CaseEntry;
use super::writing::Writing;
use crate::domain::activity::Activity;
use crate::domain::ids::PersonId;
use crate::domain::of_person::told_of;
use crate::domain::time::Timestamp;

/// What stands of what is told of a person in the whole market, in the order of facts.
pub type ToldElsewhere = Arc<[Activity]>;

/// Persons of one generation, each with what is told of it: so many are remembered together at the least, about twice as many at
/// the most.
const GENERATION: usize = 65_536;

/// Of whom it is known what is told. Most persons have nothing.
#[derive(Default)]
pub(super) struct ToldPersons {
    young: HashMap<PersonId, ToldElsewhere>,
    old: HashMap<PersonId, ToldElsewhere>,
    /// Persons and activities among the young.
    held: usize,
}

impl ToldPersons {
    pub(super) fn get(&self, person: &PersonId) -> Option<ToldElsewhere> {
        self.young.get(person).or_else(|| self.old.get(person)).map(Arc::clone)
    }

    /// Takes what a commit has read, and forgets of whom it tells something.
    pub(super) fn apply(&mut self, news: ToldNews) {
        for person in &news.anew {
            self.young.remove(person);
            self.old.remove(person);
        }
        for (person, told) in news.read {
            if news.anew.contains(&person) {
                continue; // read before it was told
            }
            if self.held >= GENERATION {
                self.old = std::mem::take(&mut self.young);
                self.held = 0;
            }
            self.held += 1 + told.len();
            self.young.insert(person, told);
        }
    }
}

/// What a commit has to do with what is told of persons.
#[derive(Default)]
pub struct ToldNews {
    /// What was told of these before it.
    read: HashMap<PersonId, ToldElsewhere>,
    /// Of these it tells something, or takes it back.
    anew: Vec<PersonId>,
}

impl ToldNews {
    /// These activities come or go.
    pub(super) fn anew(&mut self, activities: &[&Activity]) {
        self.anew.extend(activities.iter().filter_map(|activity| told_of(activity)).cloned());
    }
}

impl Writing<'_> {
    /// Brings what is told of these persons into memory.
    pub(super) async fn load_told(&mut self, persons: &[PersonId]) -> Result<(), IngestError> {
        let missing: Vec<&PersonId> = persons.iter().filter(|person| !self.told.read.contains_key(*person)).collect();
        let mut told: HashMap<PersonId, Vec<Activity>> =
            missing.iter().map(|person| (PersonId::clone(person), Vec::new())).collect();
        for stored in self.tx.told_of(&missing).await? {
            let of = told_of(&stored.activity).and_then(|person| told.get_mut(person));
            if let Some(of) = of.filter(|_| stored.voided.is_none()) {
                of.push(stored.activity);
            }
        }
        for (person, mut activities) in told {
            activities.sort_by(|a, b| a.order().cmp(&b.order()));
            self.told.read.insert(person, activities.into());
        }
        Ok(())
    }

    /// A case's state with what is told elsewhere of a person whom it does not know, up to an instant.
    pub(super) async fn knowing(
        &mut self,
        entry: Arc<CaseEntry>,
        person: Option<&PersonId>,
        at: Timestamp,
    ) -> Result<Arc<CaseEntry>, IngestError> {
        let Some(person) = person.filter(|person| !entry.knows(person)) else { return Ok(entry) };
        self.load_told(std::slice::from_ref(person)).await?;
        let told = self.told.read.get(person).filter(|told| !told.is_empty());
        Ok(told.map_or(entry.clone(), |told| Arc::new(entry.knowing(told.iter(), at))))
    }
}

impl CaseEntry {
    /// Whether what is told of the person on other cases is folded in: it is or was a party, or something happened with it on this
    /// case.
    #[must_use]
    pub fn knows(&self, person: &PersonId) -> bool {
        let is_party = self.versions.iter().any(|version| version.party(person).is_some());
        is_party || self.met.contains(person)
    }

    /// The same with what is told of a person whom it does not know, as far as it was told until an instant.
    #[must_use]
    pub fn knowing<'a>(&self, told: impl Iterator<Item = &'a Activity>, at: Timestamp) -> Self {
        let mut knowing = self.clone();
        knowing.watch.told_belatedly(told.filter(|activity| activity.occurred <= at));
        knowing
    }

    /// Something happens on the case.
    pub(super) fn meet(&mut self, activity: &Activity) {
        if let Some(person) = activity.person.as_ref().filter(|person| !self.knows(person)) {
            self.met.insert(person.clone());
        }
    }
}
