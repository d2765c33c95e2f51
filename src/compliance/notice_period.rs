//! Step B not before the term after step A has ended.

use chrono::NaiveDate;

use super::judgement::{Note, Speaking};
use super::memory::Past;
use super::since;
use super::situation::Situation;
use crate::domain::case::PriorNotice;
use crate::domain::ids::ActivityId;
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Answer, Unit};
use crate::domain::vocabulary::Form;
use crate::rules::calendar::Calendar;
use crate::rules::model::{NoticePeriod, Term};
use crate::rules::step::Step;
use crate::rules::words::{Attribute, CountFrom, Set, Since};

/// Step A as it was found, among the activities or among what happened before the case came here.
pub(crate) struct Earlier {
    pub sent: NaiveDate,
    pub received: Option<NaiveDate>,
    pub deadline: Option<NaiveDate>,
    /// `None`: the form is not recorded.
    pub form: Option<Form>,
    pub id: Option<ActivityId>,
}

/// Every earlier activity that was one of these steps, in their order.
pub(crate) fn told_before<'a>(situation: &'a Situation<'_>, steps: &'a [Step]) -> impl Iterator<Item = &'a Past> + 'a {
    let own = &situation.activity.id;
    let past = situation.watch.memory().past.iter();
    past.filter(move |past| past.at <= situation.at && past.id != *own && steps.iter().any(|step| past.is(step)))
}

/// Every notice of these steps that went before the case came here.
pub(crate) fn sent_elsewhere<'a>(
    situation: &'a Situation<'_>,
    steps: &'a [Step],
) -> impl Iterator<Item = &'a PriorNotice> + 'a {
    let prior = situation.version.prior_notices.iter();
    prior.filter(move |notice| steps.iter().any(|step| prior_is(notice, step)))
}

/// Every earlier step of these, in no order.
pub(crate) fn earlier_steps<'a>(situation: &'a Situation<'_>, steps: &'a [Step]) -> impl Iterator<Item = Earlier> + 'a {
    let zone = situation.home_zone();
    let told = told_before(situation, steps).map(move |past| Earlier {
        sent: situation.date_in(past.at, zone),
        received: past.received.map(|at| situation.date_in(at, zone)),
        deadline: past.deadline,
        form: past.form,
        id: Some(past.id.clone()),
    });
    let prior = sent_elsewhere(situation, steps).map(|notice| Earlier {
        sent: notice.sent,
        received: notice.received,
        deadline: notice.deadline,
        form: None,
        id: None,
    });
    told.chain(prior)
}

fn prior_is(notice: &PriorNotice, step: &Step) -> bool {
    match step {
        Step::Demand => notice.kind == "demand",
        Step::Reminder => notice.kind == "reminder",
        Step::Notice(kind) => *notice.kind == **kind,
        _ => false,
    }
}

/// The form admits the notice; an unrecorded form leaves it open.
pub(crate) fn form_fits(forms: Set<Form>, form: Option<Form>) -> Option<bool> {
    if forms.is_empty() { Some(true) } else { form.map(|form| forms.has(form)) }
}

/// From which day the term runs; `None` if that day is not recorded.
pub(crate) fn term_start(term: &Term, step: &Earlier) -> Option<NaiveDate> {
    match term.from {
        CountFrom::Sent => Some(step.sent),
        CountFrom::Received => step.received,
        CountFrom::DeemedReceived => Some(step.received.unwrap_or(add_days(step.sent, term.deemed_days.into()))),
    }
}

/// The last day of the term after the latest of the steps; `None` if there is none, or its beginning is not recorded.
pub(crate) fn last_day_after(
    term: &Term,
    after: &[Step],
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<NaiveDate> {
    let mut last = None;
    for step in earlier_steps(situation, after) {
        last = last.max(Some(calendar.last_day(term, term_start(term, &step)?, situation.subdivision())));
    }
    last
}

pub(crate) fn judge(limits: &NoticePeriod, situation: &Situation<'_>, calendar: &Calendar) -> Option<Speaking> {
    let version = situation.version;
    if limits.unless_evasion && version.terms.evasion == Some(true) {
        return None;
    }
    let fixed = version.claims.iter().map(|claim| claim.due_fixed_by_contract);
    if limits.unless_due_fixed && !version.claims.is_empty() && fixed.clone().all(|one| one == Some(true)) {
        return None;
    }
    let doubt =
        (limits.unless_due_fixed && fixed.clone().any(|one| one.is_none())).then_some(Attribute::DueFixedByContract);
    let (date, subdivision) = (situation.date(), situation.subdivision());
    let too_old =
        |step: &Earlier| limits.max_age.is_some_and(|age| calendar.last_day(&age, step.sent, subdivision) < date);
    let due = if limits.after_due {
        let Some(due) = version.oldest_due() else {
            return Some(Speaking::missing(Attribute::DueDate));
        };
        Some(due)
    } else {
        None
    };
    let waived = |step: &Earlier| step.sent <= date && due.is_none_or(|due| step.sent >= due);
    if earlier_steps(situation, &limits.waived_by).any(|step| waived(&step)) {
        return Some(Speaking::new(Answer::Kept));
    }
    let doubtful = |judgement: Speaking| judgement.in_doubt(doubt);
    if let Some(since) = limits.since {
        return Some(doubtful(after_day(since, limits.term.as_ref()?, situation, calendar)));
    }
    let steps = || {
        let steps = earlier_steps(situation, &limits.after).filter(|step| step.sent <= date && !too_old(step));
        steps.map(|step| (form_fits(limits.forms, step.form), step)).filter(|(fits, _)| *fits != Some(false))
    };
    let Some((fits, step)) = steps().max_by_key(|(_, step)| step.sent) else {
        if !limits.required {
            return None;
        }
        if version.history_complete_from.is_some() {
            return Some(Speaking::missing(Attribute::History));
        }
        let mut judgement = Speaking::new(Answer::Broken);
        judgement.note = Note::Word("the earlier step is missing");
        judgement.evidence.push(situation.activity.id.clone());
        return Some(doubtful(judgement));
    };
    // The last day on which B is too early after A; `None`: none is.
    let last = |step: &Earlier| {
        let mut last: Option<NaiveDate> = None;
        if let Some(term) = &limits.term {
            let start = term_start(term, step)?;
            last = Some(calendar.last_day(term, due.map_or(start, |due| start.max(due)), subdivision));
        }
        Some(if limits.respect_deadline { last.max(step.deadline) } else { last })
    };
    let Some(ends) = last(&step) else { return Some(Speaking::missing(Attribute::Received)) };
    let early = ends.is_some_and(|ends| date <= ends);
    // The first day on which this step no longer makes it too early; with a step that may not count, also the one that does.
    let mut free = ends.map(|ends| add_days(ends, 1));
    if fits.is_none() {
        // If this one does not count, the latest that does decides, or that there is none.
        let sure = steps().filter(|(fits, _)| fits.is_some()).map(|(_, step)| step).max_by_key(|step| step.sent);
        let early_then = sure.as_ref().map(|step| match last(step) {
            Some(ends) => ends.is_some_and(|ends| date <= ends),
            // When it came is not recorded either.
            None => !early,
        });
        if early != early_then.unwrap_or(limits.required) {
            return Some(Speaking::missing(Attribute::NoticeForm));
        }
        free = match sure.as_ref().map(&last) {
            Some(Some(ends)) => free.max(ends.map(|ends| add_days(ends, 1))),
            None if !limits.required => free,
            // It stays open whether there is a notice, or when it came.
            _ => None,
        };
    }
    // A step that is too old by then is none.
    let lasts =
        |on: &NaiveDate| limits.max_age.is_none_or(|age| calendar.last_day(&age, step.sent, subdivision) >= *on);
    let free = free.filter(|on| !limits.required || lasts(on));
    let Some(ends) = ends else { return Some(Speaking::new(Answer::Kept)) };
    let days = date.signed_duration_since(step.sent).num_days();
    let needed = ends.signed_duration_since(step.sent).num_days() + 1;
    let mut judgement = Speaking::new(if early { Answer::Broken } else { Answer::Kept }).seen(days, needed, Unit::Days);
    if early {
        judgement.allowed_from = free.map(|on| Timestamp::start_of(on, situation.home_zone()));
        judgement.evidence.extend(step.id);
        judgement.evidence.push(situation.activity.id.clone());
    }
    Some(doubtful(judgement))
}

/// Step B not before the term after a day has ended. Claims of several days leave it open which one B concerns, unless it
/// is too early or late enough for all of them.
fn after_day(since: Since, term: &Term, situation: &Situation<'_>, calendar: &Calendar) -> Speaking {
    let (earliest, latest) = match since::days(since, situation) {
        Ok(days) => days,
        Err(attribute) => return Speaking::missing(attribute),
    };
    let last = |day| calendar.last_day(term, day, situation.subdivision());
    let date = situation.date();
    let days = |from: NaiveDate| from.signed_duration_since(earliest).num_days();
    let answer = if date <= last(latest) { Answer::Broken } else { Answer::Kept };
    let mut judgement = Speaking::new(answer).seen(days(date), days(last(earliest)) + 1, Unit::Days);
    if answer == Answer::Broken {
        judgement.allowed_from = Some(Timestamp::start_of(add_days(last(latest), 1), situation.home_zone()));
        judgement.evidence.push(situation.activity.id.clone());
    }
    judgement.in_doubt((date > last(earliest)).then_some(Attribute::Claim))
}
