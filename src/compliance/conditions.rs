//! When a person had a condition: what the case states of it, and what activities told.

use super::situation::Situation;
use crate::domain::party::Condition;
use crate::domain::time::Timestamp;
use crate::rules::words::{BindFrom, Set};

/// A stretch of time with a condition.
pub(crate) struct Stretch {
    pub condition: Condition,
    /// From when on it binds.
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    pub written: Option<bool>,
}

impl Stretch {
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// Every stretch of these conditions of the person, in no order.
pub(crate) fn stretches<'a>(
    wanted: Set<Condition>,
    bind: BindFrom,
    situation: &'a Situation<'_>,
) -> impl Iterator<Item = Stretch> + 'a {
    let stated = situation.party.into_iter().flat_map(|party| &party.conditions);
    let stated = stated.filter(move |one| wanted.has(one.condition)).map(move |one| Stretch {
        condition: one.condition,
        from: if bind == BindFrom::Received { one.received.unwrap_or(one.from).max(one.from) } else { one.from },
        until: one.until,
        written: one.written,
    });
    let flags = situation.watch.memory().flags.iter();
    let concerns = |person: &Option<_>| person.is_none() || person.as_ref() == situation.person;
    let told =
        flags.filter(move |flag| wanted.has(flag.condition) && concerns(&flag.person)).map(move |flag| Stretch {
            condition: flag.condition,
            from: match bind {
                BindFrom::Received => flag.received,
                BindFrom::Occurred => flag.from,
                BindFrom::Effective => flag.effective,
            },
            until: flag.until,
            written: flag.written,
        });
    stated.chain(told)
}

/// The person has one of these conditions at the instant judged.
pub(crate) fn any(wanted: Set<Condition>, bind: BindFrom, situation: &Situation<'_>) -> Option<Condition> {
    stretches(wanted, bind, situation).find(|one| one.holds(situation.at)).map(|one| one.condition)
}
