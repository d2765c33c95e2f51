//! When a person had a condition: what the case states of it, and what activities told.

use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::situation::Situation;
use crate::domain::ids::{ActivityId, PersonId};
use crate::domain::party::Condition;
use crate::domain::time::{Timestamp, add_days};
use crate::domain::vocabulary::PartyRole;
use crate::rules::calendar::Calendar;
use crate::rules::model::Lasting;
use crate::rules::words::{BindFrom, CountFrom, Set};

/// An end of a condition told by an activity.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub condition: Condition,
    /// Absent: of everybody.
    pub person: Option<PersonId>,
    /// When it ended.
    pub at: Timestamp,
    /// When the activity was, which decides whether a version came before it.
    pub told: Timestamp,
}

impl Memory {
    /// When an activity ended what the master data states of a person since an instant, in a version that came into force at
    /// another: the first end after that instant that was told after the version, for a later one that states it says that it holds
    /// again.
    pub fn ended(
        &self,
        condition: Condition,
        person: &PersonId,
        from: Timestamp,
        version: Timestamp,
    ) -> Option<Timestamp> {
        let ends = self.ended.iter().filter(|one| {
            let of_person = one.person.as_ref().is_none_or(|of| of == person);
            one.condition == condition && of_person && one.told >= version && one.at >= from
        });
        ends.map(|one| one.at).min()
    }
}

/// Whose conditions concern the person dealt with.
#[derive(Clone, Copy, Default)]
pub(crate) struct Whose {
    /// Parties of these roles, beside the person.
    roles: Set<PartyRole>,
}

impl Whose {
    /// Beside the person's own those of the primary party toward the roles `toward`; and those of the roles `of` toward the primary
    /// party and these.
    pub fn sharing(toward: Set<PartyRole>, of: Set<PartyRole>, situation: &Situation<'_>) -> Self {
        let mut roles = Set::default();
        let near = situation.role.is_some_and(|role| toward.has(role));
        if near {
            roles.insert(PartyRole::Primary);
        }
        if near || situation.role == Some(PartyRole::Primary) {
            of.iter().for_each(|role| roles.insert(role));
        }
        Self { roles }
    }

    fn has(self, role: Option<PartyRole>) -> bool {
        role.is_some_and(|role| self.roles.has(role))
    }
}

/// A stretch of time with a condition.
pub(crate) struct Stretch<'a> {
    pub condition: Condition,
    /// When it began in the world.
    pub began: Timestamp,
    /// When the collector learnt of it.
    pub received: Timestamp,
    /// From when on it binds.
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    /// The same where a rejection by the collector ends no dispute.
    pub until_answered: Option<Timestamp>,
    pub written: Option<bool>,
    /// It states grounds, for a dispute.
    pub grounded: Option<bool>,
    /// The person consented to direct contact.
    pub direct: bool,
    /// Whose it is; absent: everybody's of the case.
    pub whose: Option<&'a PersonId>,
    /// The activity that told it, where one did.
    pub id: Option<&'a ActivityId>,
}

impl Stretch<'_> {
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// Every stretch of these conditions of the person, in no order.
pub(crate) fn stretches<'a>(
    wanted: Set<Condition>,
    bind: BindFrom,
    situation: &'a Situation<'_>,
) -> impl Iterator<Item = Stretch<'a>> + 'a {
    stretches_of(Whose::default(), wanted, bind, situation)
}

/// The same, with those of others that concern the person.
fn stretches_of<'a>(
    whose: Whose,
    wanted: Set<Condition>,
    bind: BindFrom,
    situation: &'a Situation<'_>,
) -> impl Iterator<Item = Stretch<'a>> + 'a {
    let (memory, version) = (situation.watch.memory(), situation.version);
    let own = situation.party.map(|party| &party.person);
    let others = version.parties.iter().filter(move |party| whose.has(Some(party.role)) && Some(&party.person) != own);
    let parties = situation.party.into_iter().chain(others);
    let stated = parties.flat_map(|party| party.conditions.iter().map(|one| (&party.person, one)));
    let stated = stated.filter(move |(_, one)| wanted.has(one.condition)).map(move |(person, one)| {
        let ended = memory.ended(one.condition, person, one.from, version.effective);
        let until = [one.until, ended].into_iter().flatten().min();
        let received = one.received.unwrap_or(one.from).max(one.from);
        Stretch {
            condition: one.condition,
            began: one.from,
            received,
            from: if bind == BindFrom::Received { received } else { one.from },
            until,
            until_answered: until,
            written: one.written,
            grounded: None,
            direct: one.direct_contact_consented,
            whose: Some(person),
            id: None,
        }
    });
    let flags = memory.flags.iter().filter(move |flag| wanted.has(flag.condition));
    let told = flags.filter_map(move |flag| {
        let of = match &flag.person {
            Some(of) if Some(of) != situation.person => {
                let role = version.party(of).map(|party| party.role).or(flag.role);
                whose.has(role).then_some(Some(of))?
            }
            _ => situation.person,
        };
        Some(Stretch {
            condition: flag.condition,
            began: flag.from,
            received: flag.received,
            from: match bind {
                BindFrom::Received => flag.received,
                BindFrom::Occurred => flag.from,
                BindFrom::Effective => flag.effective,
            },
            until: flag.until(of),
            until_answered: flag.until_answered(of),
            written: flag.written,
            grounded: flag.grounded,
            direct: flag.direct,
            whose: flag.person.as_ref(),
            id: Some(&flag.id),
        })
    });
    stated.chain(told)
}

/// The same, each ended where the law ends it whatever is recorded.
pub(crate) fn lasting<'a>(
    lasts: &'a Lasting,
    wanted: Set<Condition>,
    bind: BindFrom,
    situation: &'a Situation<'_>,
    calendar: &'a Calendar,
) -> impl Iterator<Item = Stretch<'a>> + 'a {
    lasting_of(Whose::default(), lasts, wanted, bind, situation, calendar)
}

/// The same, with those of others that concern the person.
pub(crate) fn lasting_of<'a>(
    whose: Whose,
    lasts: &'a Lasting,
    wanted: Set<Condition>,
    bind: BindFrom,
    situation: &'a Situation<'_>,
    calendar: &'a Calendar,
) -> impl Iterator<Item = Stretch<'a>> + 'a {
    let zone = situation.home_zone();
    stretches_of(whose, wanted, bind, situation).map(move |mut one| {
        if let Some(term) = lasts.term.as_ref().filter(|_| lasts.of.admits(one.condition)) {
            let start = if term.from == CountFrom::Received { one.received } else { one.began };
            let last = calendar.last_day(term, situation.date_in(start, zone), situation.subdivision());
            let end = Timestamp::start_of(add_days(last, 1), zone);
            for until in [&mut one.until, &mut one.until_answered] {
                *until = Some(until.map_or(end, |until| until.min(end)));
            }
        }
        one
    })
}

/// The person has one of these conditions at the instant judged.
pub(crate) fn any(wanted: Set<Condition>, bind: BindFrom, situation: &Situation<'_>) -> Option<Condition> {
    if !wanted.meets(situation.known.conditions) {
        return None;
    }
    stretches(wanted, bind, situation).find(|one| one.holds(situation.at)).map(|one| one.condition)
}
