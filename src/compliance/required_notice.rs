//! A notice that must be sent after, before or with an event. What is due after an event is watched by a timer.

use std::borrow::Cow;
use std::sync::Arc;

use super::judgement::{Judgement, Note};
use super::memory::{Task, Timer};
use super::notice_period::{earlier_steps, form_fits};
use super::omission;
use super::situation::Situation;
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::verdict::Answer;
use crate::domain::vocabulary::Form;
use crate::rules::calendar::Calendar;
use crate::rules::model::RequiredNotice;
use crate::rules::ruleset::ActiveRule;
use crate::rules::words::{Attribute, CountFrom, Timing};

/// The activity is one of the notices, in a form that counts. `None`: its form is not recorded.
pub(crate) fn satisfies(limits: &RequiredNotice, activity: &Activity) -> Option<bool> {
    if !limits.notices.iter().any(|step| step.matches(activity)) {
        return Some(false);
    }
    let form: Option<Form> = match &activity.detail {
        Detail::Contact(contact) => contact.form,
        _ => return Some(true),
    };
    form_fits(limits.forms, form)
}

/// Judges the notices that are due before or with the event. Those due after it answer when their term ends.
pub(crate) fn judge(limits: &RequiredNotice, situation: &Situation<'_>, _calendar: &Calendar) -> Option<Judgement> {
    if limits.timing == Timing::Within {
        return (limits.term.is_none()).then(Judgement::no_figure);
    }
    if limits.first_event && happened_before(limits, situation) {
        return None;
    }
    if limits.timing == Timing::With {
        match satisfies(limits, situation.activity) {
            Some(true) => return Some(Judgement::new(Answer::Kept)),
            None => return Some(Judgement::missing(Attribute::NoticeForm)),
            Some(false) => {}
        }
    } else if satisfies(limits, situation.activity) == Some(true) {
        // The notice is itself no event that would need a notice before it.
        return None;
    }
    let mut open_form = false;
    let sent = earlier_steps(situation, &limits.notices).any(|step| {
        let fits = form_fits(limits.forms, step.form);
        open_form |= fits.is_none();
        fits == Some(true)
    });
    if sent {
        return Some(Judgement::new(Answer::Kept));
    }
    if open_form {
        return Some(Judgement::missing(Attribute::NoticeForm));
    }
    if situation.version.history_complete_from.is_some() {
        return Some(Judgement::missing(Attribute::History));
    }
    let mut judgement = Judgement::new(Answer::Broken);
    judgement.note = Note::Word("the notice is missing");
    judgement.evidence.push(situation.activity.id.clone());
    Some(judgement)
}

fn happened_before(limits: &RequiredNotice, situation: &Situation<'_>) -> bool {
    limits.event.iter().any(|step| situation.watch.happened(step))
        || earlier_steps(situation, &limits.event).next().is_some()
}

/// The timer that an event starts. `None`: nothing falls due.
pub(crate) fn timer(
    limits: &RequiredNotice,
    active: &Arc<ActiveRule>,
    situation: &Situation<'_>,
    calendar: &Calendar,
    trigger: Option<&Activity>,
    uncertain: Option<&'static str>,
) -> Option<Timer> {
    let term = limits.term?;
    if limits.timing != Timing::Within || trigger.is_some() && limits.first_event && happened_before(limits, situation)
    {
        return None;
    }
    // What happened while the case was worked elsewhere is not held against who has it now.
    if situation.version.history_complete_from.is_some_and(|complete| situation.at < complete) {
        return None;
    }
    let carried = trigger.is_some_and(|activity| satisfies(limits, activity) == Some(true));
    let before =
        || earlier_steps(situation, &limits.notices).any(|step| form_fits(limits.forms, step.form) != Some(false));
    if carried || (limits.once && before()) {
        return None;
    }
    let moment = match (term.from, trigger) {
        (CountFrom::Received, Some(activity)) => activity.known(),
        _ => situation.at,
    };
    let (due, last_day) = omission::ends(&term, moment, situation, calendar)?;
    Some(Timer {
        due,
        last_day,
        rule: Arc::clone(active),
        trigger: trigger.map(|activity| activity.id.clone()),
        person: situation.person.cloned(),
        agent: trigger.and_then(|activity| activity.actor.agent.clone()),
        uncertain: uncertain.map(Cow::Borrowed),
        task: Task::Notice,
    })
}
