//! Whose contacts are gathered over all cases of a market: those of one person, or of everybody in one household.

use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::case::CaseVersion;
use super::ids::{Inline, PersonId};
use super::party::Party;

/// A person or a household, whose contacts rules may count over all cases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Circle {
    /// One person.
    Person(PersonId),
    /// All persons whose parties state the same household key; persons who share an address and state none are no household.
    Household(Inline),
}

impl Circle {
    /// The household of that key.
    #[must_use]
    pub fn household(key: &str) -> Self {
        Self::Household(key.into())
    }

    /// The circles of a party: the person, and its household if one is stated.
    pub fn of_party(party: &Party) -> impl Iterator<Item = Self> + use<> {
        let household = party.household.as_deref().map(Self::household);
        std::iter::once(Self::Person(party.person.clone())).chain(household)
    }

    /// The circles of somebody who is contacted about a case: the person, and the household that the case states for it.
    pub fn of_person(person: &PersonId, version: &CaseVersion) -> impl Iterator<Item = Self> + use<> {
        let household = version.party(person).and_then(|party| party.household.as_deref()).map(Self::household);
        std::iter::once(Self::Person(person.clone())).chain(household)
    }

    /// The circles in which an activity stands under that version of its case; a contact that names nobody is with the
    /// debtor. None where nobody is known.
    pub fn of(activity: &Activity, version: &CaseVersion) -> impl Iterator<Item = Self> + use<> {
        let person = activity.person.as_ref().or(version.primary().map(|party| &party.person));
        person.map(|person| Self::of_person(person, version)).into_iter().flatten()
    }
}
