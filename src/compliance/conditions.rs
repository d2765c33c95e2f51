//! When a person had a condition: what the case states of it, and what activities told.

use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::situation::Situation;
use crate::domain::ids::{ActivityId, PersonId};
use crate::domain::party::Condition;
use crate::domain::time::{Timestamp, add_days};
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
    let (memory, version) = (situation.watch.memory(), situation.version.effective);
    let stated = situation.party.into_iter().flat_map(|party| party.conditions.iter().map(|one| (&party.person, one)));
    let stated = stated.filter(move |(_, one)| wanted.has(one.condition)).map(move |(person, one)| {
        let ended = memory.ended(one.condition, person, one.from, version);
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
            id: None,
        }
    });
    let flags = memory.flags.iter();
    let concerns = |person: &Option<_>| person.is_none() || person.as_ref() == situation.person;
    let told =
        flags.filter(move |flag| wanted.has(flag.condition) && concerns(&flag.person)).map(move |flag| Stretch {
            condition: flag.condition,
            began: flag.from,
            received: flag.received,
            from: match bind {
                BindFrom::Received => flag.received,
                BindFrom::Occurred => flag.from,
                BindFrom::Effective => flag.effective,
            },
            until: flag.until(situation.person),
            until_answered: flag.until_answered(situation.person),
            written: flag.written,
            grounded: flag.grounded,
            direct: flag.direct,
            id: Some(&flag.id),
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
    let zone = situation.home_zone();
    stretches(wanted, bind, situation).map(move |mut one| {
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
