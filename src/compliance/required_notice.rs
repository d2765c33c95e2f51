//! A notice that must be sent after, before or with an event. What is due after an event is watched by a timer.

use super::judgement::{Note, Speaking};
use super::limitation_period;
use super::notice_period::{earlier_steps, form_fits};
use super::since;
use super::situation::Situation;
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::verdict::Answer;
use crate::domain::vocabulary::Form;
use crate::rules::model::RequiredNotice;
use crate::rules::ruleset::Jurisdiction;
use crate::rules::words::{Attribute, Timing};

/// The activity is one of the notices, in a form that counts. `None`: its form is not recorded, or it came back: courts hold that
/// sending is enough (Mahon v. Credit Bureau, 171 F.3d 1197), but of a notice that is known to have failed.
pub(crate) fn satisfies(limits: &RequiredNotice, activity: &Activity) -> Option<bool> {
    if !limits.notices.iter().any(|step| step.matches(activity)) {
        return Some(false);
    }
    let form: Option<Form> = match &activity.detail {
        Detail::Contact(contact) if contact.came_back() => return None,
        Detail::Contact(contact) => contact.form,
        _ => return Some(true),
    };
    form_fits(limits.forms, form)
}

/// Judges the notices that are due before or with the event. Those due after it answer when their term ends.
pub(crate) fn judge(
    limits: &RequiredNotice,
    situation: &Situation<'_>,
    jurisdiction: &Jurisdiction,
) -> Option<Speaking> {
    if limits.timing == Timing::Within {
        if limits.term.is_none() {
            return Some(Speaking::no_figure());
        }
        // The term answers when it ends. That it never begins, because its day is not known, is told at once.
        return since::first(limits.since?, situation).err().map(Speaking::missing);
    }
    if limits.first_event && happened_before(limits, situation) {
        return None;
    }
    let mut doubt = None;
    if !limits.if_expired.is_empty() {
        doubt = limitation_period::expired(&limits.if_expired, situation, jurisdiction)?;
    }
    if limits.timing == Timing::With {
        match satisfies(limits, situation.activity) {
            Some(true) => return Some(Speaking::new(Answer::Kept)),
            None => return Some(Speaking::missing(Attribute::NoticeForm)),
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
        return Some(Speaking::new(Answer::Kept));
    }
    if open_form {
        return Some(Speaking::missing(Attribute::NoticeForm));
    }
    if situation.version.history_complete_from.is_some() {
        return Some(Speaking::missing(Attribute::History));
    }
    if let Some(attribute) = doubt {
        return Some(Speaking::missing(attribute));
    }
    let mut judgement = Speaking::new(Answer::Broken);
    judgement.note = Note::Word("the notice is missing");
    judgement.evidence.push(situation.activity.id.clone());
    Some(judgement)
}

fn happened_before(limits: &RequiredNotice, situation: &Situation<'_>) -> bool {
    limits.event.iter().any(|step| situation.watch.happened(step))
        || earlier_steps(situation, &limits.event).next().is_some()
}

/// The activity (or the placement, where it is absent) is an event after which a notice falls due.
#[allow(clippy::option_option)] // three answers, of which an event gives two
pub(crate) fn opens(
    limits: &RequiredNotice,
    situation: &Situation<'_>,
    trigger: Option<&Activity>,
) -> Option<Option<Attribute>> {
    if let Some(since) = limits.since {
        let day = since::first(since, situation).ok()?;
        let sent = earlier_steps(situation, &limits.notices)
            .any(|step| step.sent >= day && form_fits(limits.forms, step.form) != Some(false));
        return (trigger.is_none() && !sent).then_some(None);
    }
    if limits.paid_off && !situation.watch.paid_off_by(situation.activity) {
        return None;
    }
    // Of claims that nobody stated it cannot be told whether they are settled.
    let open = (limits.paid_off && situation.version.claims.is_empty()).then_some(Attribute::Principal);
    let event = limits.event.iter().any(|step| step.matches(situation.activity));
    let first = !(trigger.is_some() && limits.first_event && happened_before(limits, situation));
    if limits.timing != Timing::Within || !event || !first {
        return None;
    }
    let carried = trigger.is_some_and(|activity| satisfies(limits, activity) == Some(true));
    let before =
        || earlier_steps(situation, &limits.notices).any(|step| form_fits(limits.forms, step.form) != Some(false));
    if carried || (limits.once && before()) { None } else { Some(open) }
}
