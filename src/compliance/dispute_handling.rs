//! After a dispute, stop until it is dealt with, and deal with it in time.

use chrono::NaiveDate;

use super::conditions::stretches;
use super::judgement::{Note, Speaking};
use super::meant::Meant;
use super::memory::{Past, What};
use super::notice_period::{earlier_steps, last_day_after};
use super::situation::Situation;
use crate::domain::activity::Activity;
use crate::domain::detail::{Detail, MatterStep};
use crate::domain::ids::ActivityId;
use crate::domain::party::Condition;
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::conduct::DisputeHandling;
use crate::rules::step::Step;
use crate::rules::words::{Attribute, BindFrom};

/// A dispute, or what a rule treats like one.
struct Opening {
    /// When it was stated.
    stated: Timestamp,
    /// From when it binds.
    binds: Timestamp,
    /// When the collector learnt of it.
    received: Timestamp,
    /// When it ended by itself.
    until: Option<Timestamp>,
    written: Option<bool>,
    grounded: Option<bool>,
    id: Option<ActivityId>,
}

/// How long a stop lasts.
enum Stop {
    Over,
    /// Until the end of that day.
    Until(NaiveDate),
    Open,
}

pub(crate) fn judge(
    limits: &DisputeHandling,
    from: BindFrom,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<Speaking> {
    let last_day = limits
        .only_within
        .as_ref()
        .and_then(|term| last_day_after(term, &limits.only_within_after, situation, calendar));
    let mut found: Option<Speaking> = None;
    let mut enders = None;
    for opening in openings(limits, from, situation) {
        let late = last_day.is_some_and(|last| situation.date_in(opening.stated, situation.home_zone()) > last);
        let unwritten = limits.written_only && opening.written == Some(false);
        let groundless = limits.grounded_only && opening.grounded == Some(false);
        if opening.binds > situation.at || late || unwritten || groundless {
            continue;
        }
        let enders = enders.get_or_insert_with(|| enders_of(limits, situation));
        let stop = stop(limits, &opening, enders, situation, calendar);
        if let Stop::Over = stop {
            continue;
        }
        let open = match (limits.written_only && opening.written.is_none(), limits.grounded_only) {
            (true, _) => Some(Attribute::Written),
            (false, true) if opening.grounded.is_none() => Some(Attribute::Grounds),
            _ => None,
        };
        let judgement = stopped(&opening, stop, open, situation);
        // What is certain, and what lasts longest, speaks.
        let rank = |one: &Speaking| (one.answer == Answer::Broken, one.allowed_from.is_none(), one.allowed_from);
        if found.as_ref().is_none_or(|old| rank(old) < rank(&judgement)) {
            found = Some(judgement);
        }
    }
    Some(found.unwrap_or_else(|| Speaking::new(Answer::Kept)))
}

fn stopped(opening: &Opening, stop: Stop, open: Option<Attribute>, situation: &Situation<'_>) -> Speaking {
    let mut judgement = match open {
        Some(attribute) => Speaking::missing(attribute),
        None => Speaking { note: Note::Word("disputed"), ..Speaking::new(Answer::Broken).seen(1, 0, Unit::Flag) },
    };
    if let Stop::Until(last) = stop {
        judgement.allowed_from = Some(Timestamp::start_of(add_days(last, 1), situation.home_zone()));
    }
    judgement.known_at_time = situation.at >= opening.received;
    judgement.evidence.extend(opening.id.clone());
    judgement.evidence.push(situation.activity.id.clone());
    judgement
}

fn openings<'a>(
    limits: &'a DisputeHandling,
    from: BindFrom,
    situation: &'a Situation<'_>,
) -> impl Iterator<Item = Opening> + 'a {
    let told = stretches(limits.conditions, from, situation).map(|one| Opening {
        stated: one.began,
        binds: one.from,
        received: one.received,
        until: one.until,
        written: one.written,
        grounded: one.grounded,
        id: one.id.cloned(),
    });
    let memory = situation.watch.memory();
    let own = &situation.activity.id;
    let past = memory.past.iter().filter(move |past| past.id != *own);
    let others = past.filter(|past| limits.opened_by.iter().any(|step| past.is(step))).map(move |past| {
        let received = past.received.unwrap_or(past.at).max(past.at);
        Opening {
            stated: past.at,
            binds: if from == BindFrom::Occurred { past.at } else { received },
            received,
            until: None,
            written: None,
            grounded: None,
            id: Some(past.id.clone()),
        }
    });
    told.chain(others)
}

/// A step that ends a stop: when, and which disputes it means; `None`: whatever was opened before.
type Ender<'a> = (Timestamp, Option<Meant<'a>>);

fn enders_of<'a>(limits: &DisputeHandling, situation: &Situation<'a>) -> Vec<Ender<'a>> {
    let (own, memory) = (&situation.activity.id, situation.watch.memory());
    let ends =
        |past: &&Past| past.at <= situation.at && past.id != *own && limits.until.iter().any(|step| past.is(step));
    let ender = |past: &'a Past| {
        let of_dispute = matches!(past.what, What::Other(Step::DisputeStage(_)));
        (past.at, of_dispute.then(|| memory.meant_at(past.reference.as_deref(), past.at)))
    };
    memory.past.iter().filter(ends).map(ender).collect()
}

fn stop(
    limits: &DisputeHandling,
    opening: &Opening,
    enders: &[Ender<'_>],
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Stop {
    let memory = situation.watch.memory();
    let enders = enders.iter().filter(|(at, meant)| {
        let means = |opened| meant.is_none_or(|meant| memory.is_meant(meant, opened));
        *at >= opening.stated && opening.id.as_ref().is_none_or(means)
    });
    let ended = enders.map(|(at, _)| *at).chain(opening.until.filter(|until| *until <= situation.at)).min();
    match (ended, &limits.resume) {
        (None, _) => Stop::Open,
        (Some(_), None) => Stop::Over,
        (Some(ended), Some(term)) => {
            let last =
                calendar.last_day(term, situation.date_in(ended, situation.home_zone()), situation.subdivision());
            if situation.date() <= last { Stop::Until(last) } else { Stop::Over }
        }
    }
}

/// The activity opens what must be answered. `Some(attribute)`: that is missing to tell whether it must.
#[allow(clippy::option_option)] // three answers
pub(crate) fn opens(
    limits: &DisputeHandling,
    activity: &Activity,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<Option<Attribute>> {
    let (condition, written, grounded) = match &activity.detail {
        Detail::Dispute { step: MatterStep::Opened, written, grounded, .. } => {
            (Some(Condition::Disputed), *written, *grounded)
        }
        Detail::Condition { condition, ended: false, written, .. } => (Some(*condition), *written, None),
        _ => (None, None, None),
    };
    let hit = condition.is_some_and(|condition| limits.conditions.has(condition))
        || limits.opened_by.iter().any(|step| step.matches(activity));
    let unwritten = limits.written_only && written == Some(false);
    let groundless = limits.grounded_only && grounded == Some(false);
    if !hit || unwritten || groundless {
        return None;
    }
    let due = limits.answer_if_before.is_empty() || earlier_steps(situation, &limits.answer_if_before).next().is_some();
    let last = limits
        .only_within
        .as_ref()
        .and_then(|term| last_day_after(term, &limits.only_within_after, situation, calendar));
    if !due || last.is_some_and(|last| situation.date() > last) {
        return None;
    }
    if limits.written_only && written.is_none() {
        return Some(Some(Attribute::Written));
    }
    Some((limits.grounded_only && grounded.is_none()).then_some(Attribute::Grounds))
}

/// The activity ends the matter itself, so that nothing is left to answer.
pub(crate) fn ends(limits: &DisputeHandling, activity: &Activity) -> bool {
    match &activity.detail {
        Detail::Dispute { step: MatterStep::Withdrawn, .. } => limits.conditions.has(Condition::Disputed),
        Detail::Condition { condition, ended: true, .. } => limits.conditions.has(*condition),
        _ => false,
    }
}
