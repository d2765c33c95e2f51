//! What the outcome of a contact tells the collector of a person: a death, an insolvency, a representation, a request to cease.
//! It holds from then on as a condition that an activity began does, and ends as one does.

use super::memory::{Flag, Memory};
use super::remember::flag;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::{Contact, Detail};
use crate::domain::ids::PersonId;
use crate::domain::party::{Condition, ConditionPeriod};
use crate::domain::vocabulary::{Channel, Direction, PartyRole};

/// The conditions that the outcome of a contact reports, one for each person whom it concerns; most report none. What stands
/// already is not reported anew.
pub(super) fn of(activity: &Activity, version: &CaseVersion, memory: &Memory) -> Vec<Flag> {
    let Detail::Contact(contact) = &activity.detail else { return Vec::new() };
    let Some(condition) = contact.outcome.and_then(|outcome| outcome.reports()) else { return Vec::new() };
    let written = written(activity, contact);
    let concerned = whose(activity, version, condition).into_iter();
    let concerned = concerned.map(|person| Flag { person, ..flag(activity, condition, written, None, false) });
    concerned.filter(|flag| !stands(flag, &memory.flags) && !is_consented(flag, version, memory)).collect()
}

/// Whom it concerns; a person of nobody's name: everybody of the case.
///
/// A death, an insolvency or a representation that somebody reports who owes nothing, as who answers the debtor's telephone
/// does, is the debtor's. A request to cease is of whoever made it, and of the debtor too where that one speaks for the debtor; of
/// somebody else without a name nobody could tell later whom it binds.
fn whose(activity: &Activity, version: &CaseVersion, condition: Condition) -> Vec<Option<PersonId>> {
    let primary = version.primary().map(|party| party.person.clone());
    let contacted = activity.person.clone().or_else(|| primary.clone());
    let party = contacted.as_ref().and_then(|person| version.party(person));
    let role = activity.role_of(party);
    if matches!(role, Some(PartyRole::Primary | PartyRole::CoDebtor | PartyRole::Guarantor)) {
        return vec![contacted];
    }
    if condition != Condition::CeaseRequested {
        return vec![primary];
    }
    let speaks =
        matches!(role, Some(PartyRole::Guardian | PartyRole::Executor | PartyRole::Attorney | PartyRole::Adviser));
    let own = activity.person.clone().map(Some);
    own.into_iter().chain(speaks.then_some(primary)).collect()
}

/// Whether it was stated in writing. What is said is not; of a text nobody can tell whether the law takes it for one, but of a
/// letter.
fn written(activity: &Activity, contact: &Contact) -> Option<bool> {
    match contact.channel {
        Channel::Call | Channel::Visit => Some(false),
        Channel::Letter | Channel::Fax if activity.direction() == Direction::Inbound => Some(true),
        _ => None,
    }
}

/// A form of statement says no more than another.
fn covers(known: Option<bool>, new: Option<bool>) -> bool {
    known == Some(true) || known == new || new == Some(false)
}

/// The same is known of the person: who repeats it on the telephone takes no consent to direct contact back.
fn stands(flag: &Flag, flags: &[Flag]) -> bool {
    flags.iter().any(|known| {
        known.condition == flag.condition
            && known.until(flag.person.as_ref()).is_none()
            && (known.person.is_none() || known.person == flag.person)
            && covers(known.written, flag.written)
    })
}

/// The case states it of the person, and that the person may be contacted all the same.
fn is_consented(flag: &Flag, version: &CaseVersion, memory: &Memory) -> bool {
    let party = flag.person.as_ref().and_then(|person| version.party(person));
    let holds = |person: &PersonId, one: &ConditionPeriod| {
        let ended = memory.ended(one.condition, person, one.from, version.effective);
        let until = [one.until, ended].into_iter().flatten().min();
        one.from <= flag.from && until.is_none_or(|end| flag.from < end)
    };
    party.is_some_and(|party| {
        let consented = party.conditions.iter().filter(|one| one.direct_contact_consented);
        consented
            .filter(|one| one.condition == flag.condition)
            .any(|one| holds(&party.person, one) && covers(one.written, flag.written))
    })
}
