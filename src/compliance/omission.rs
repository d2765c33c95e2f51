//! What must be done within a term: which activity begins it, which one ends it, and what is found when it runs out.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::duties::{self, Fate};
use super::memory::{Memory, Task, Timer};
use super::since;
use super::situation::Situation;
use super::span::{Span, zones};
use super::verdict::consequence;
use super::watch::test;
use super::{CaseWatch, Context, Emission, TestOutcome, applies, dispute_handling, documents_held, required_notice};
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::finding::{Finding, Steered};
use crate::domain::ids::{ActivityId, FindingId};
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Observation, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::model::{Limits, Term};
use crate::rules::ruleset::ActiveRule;
use crate::rules::words::{Attribute, CountFrom, Subject, TermUnit};

/// The timers that an activity (or the placement, where `fact` is absent) begins under a rule.
pub(crate) fn begin(
    active: &Arc<ActiveRule>,
    situation: &Situation<'_>,
    calendar: &Calendar,
    fact: Option<&Activity>,
    possible: Option<Attribute>,
) -> Vec<Timer> {
    let rule = &*active.rule;
    let duty = fact.filter(|fact| duties::may_begin(&rule.limits, fact));
    if duty.is_none() && single(&rule.limits).is_none() || !situation.lead && rule.subject != Subject::Case {
        return Vec::new();
    }
    // What happened while the case was worked elsewhere is not held against who has it now.
    if situation.version.history_complete_from.is_some_and(|complete| situation.at < complete) {
        return Vec::new();
    }
    let Some(fact) = duty else {
        return one(active, situation, calendar, fact, possible).into_iter().collect();
    };
    if !applies::concerns(rule, situation) {
        return Vec::new();
    }
    let Some(doubt) = applies::scope(active, situation) else { return Vec::new() };
    duties::begin(active, situation, calendar, fact, doubt.or(possible))
}

/// The only term of a rule's kind, and what is due.
fn single(limits: &Limits) -> Option<(&Term, Task)> {
    match limits {
        Limits::RequiredNotice(limits) => limits.term.as_ref().map(|term| (term, Task::Notice)),
        Limits::DisputeHandling(limits) => limits.answer_within.as_ref().map(|term| (term, Task::Dispute)),
        Limits::DocumentsHeld(limits) => limits.within.as_ref().map(|term| (term, Task::Produce)),
        _ => None,
    }
}

/// The timer of a notice, of a dispute or of documents.
fn one(
    active: &Arc<ActiveRule>,
    situation: &Situation<'_>,
    calendar: &Calendar,
    fact: Option<&Activity>,
    possible: Option<Attribute>,
) -> Option<Timer> {
    let rule = &*active.rule;
    let (term, task) = single(&rule.limits)?;
    let unsure = match (&rule.limits, fact) {
        (Limits::RequiredNotice(limits), _) => required_notice::opens(limits, situation, fact)?,
        (Limits::DisputeHandling(limits), Some(fact)) => dispute_handling::opens(limits, fact, situation, calendar)?,
        (Limits::DocumentsHeld(limits), Some(fact)) => {
            limits.request.iter().any(|step| step.matches(fact)).then_some(None)?
        }
        _ => return None,
    };
    if applies::exempt(rule, situation) {
        return None;
    }
    let doubt = applies::scope(active, situation)?;
    let (began, span) = match day(&rule.limits, situation) {
        Some(first_day) => {
            let last_day = calendar.last_day(term, first_day, situation.subdivision());
            let due = zones(situation).map(|zone| Timestamp::start_of(add_days(last_day, 1), zone)).max()?;
            // What ended before the case came is not held against who has it now.
            if due <= situation.at {
                return None;
            }
            (Timestamp::start_of(first_day, situation.home_zone()), Span { due, first_day, last_day })
        }
        None => {
            let moment = match (term.from, fact) {
                (CountFrom::Received, Some(fact)) => fact.known(),
                _ => situation.activity.occurred,
            };
            (situation.activity.occurred, Span::of(term, moment, situation, calendar)?)
        }
    };
    Some(Timer {
        span,
        began,
        rule: Arc::clone(active),
        trigger: fact.map(|fact| fact.id.clone()),
        person: situation.person.cloned(),
        agent: fact.and_then(|fact| fact.actor.agent.clone()),
        uncertain: doubt.or(possible).or(unsure).map(|attribute| Cow::Borrowed(attribute.as_str())),
        task,
    })
}

/// The day with which the term begins, where no activity begins it.
fn day(limits: &Limits, situation: &Situation<'_>) -> Option<NaiveDate> {
    let Limits::RequiredNotice(limits) = limits else { return None };
    since::first(limits.since?, situation).ok()
}

/// It was before the first day of the term. `zone` is the market's, in which dates are written down.
fn is_before(timer: &Timer, activity: &Activity, zone: Tz) -> bool {
    if activity.date_only {
        return activity.occurred.date(zone) < timer.span.first_day;
    }
    activity.occurred < timer.began
}

/// What the activity does to the timer of a notice, of a dispute or of documents. `zone` is the market's.
pub(crate) fn fate(timer: &Timer, memory: &Memory, activity: &Activity, zone: Tz) -> Fate {
    let kept = |kept: bool| if kept { Fate::Kept } else { Fate::Stays };
    match &timer.rule.rule.limits {
        // A notice from before the day speaks of something else. Of one whose date alone is known that date counts.
        Limits::RequiredNotice(limits) if limits.since.is_some() && is_before(timer, activity, zone) => Fate::Stays,
        Limits::RequiredNotice(limits) => required_notice::satisfies(limits, activity).map_or(Fate::Unknown, kept),
        Limits::DisputeHandling(limits) => {
            // What was withdrawn needs no answer.
            let ended = || dispute_handling::ends(limits, activity);
            let meant = match (&activity.detail, &timer.trigger) {
                (Detail::Dispute { reference, .. }, Some(opened)) => {
                    memory.is_meant(memory.meant(reference.as_deref(), activity.person.as_ref()), opened)
                }
                _ => true,
            };
            kept(meant && (limits.answer.iter().any(|step| step.matches(activity)) || ended()))
        }
        Limits::DocumentsHeld(limits) => {
            let missing = documents_held::unproduced(limits, memory, timer.began, activity.occurred, Some(activity));
            kept(missing.is_none())
        }
        _ => Fate::Unknown,
    }
}

impl CaseWatch {
    /// Ends the terms that this activity satisfies.
    pub(super) fn satisfy(&mut self, activity: &Activity, zone: Tz, out: &mut Vec<Emission>) {
        if self.memory().timers.is_empty() {
            return;
        }
        let memory = self.remember_in();
        let mut timers = std::mem::take(&mut memory.timers);
        let mut fates = duties::fates(&mut timers, memory, activity, zone).into_iter();
        timers.retain(|timer| {
            let outcome = match fates.next() {
                Some(Fate::Stays) => return true,
                Some(Fate::Kept) => TestOutcome::Passed,
                Some(Fate::Dropped) => return false,
                Some(Fate::Unknown) | None => TestOutcome::Unknown,
            };
            out.push(test(&timer.rule.rule, outcome, activity.occurred, None));
            false
        });
        memory.timers = timers;
    }

    /// Ends the terms that are over, in the order of their due times, by what is found then.
    pub(super) fn fire_all(&mut self, ctx: &Context<'_>, over: &dyn Fn(&Timer) -> bool, out: &mut Vec<Emission>) {
        if !self.memory().timers.iter().any(over) {
            return;
        }
        let memory = self.remember_in();
        let (mut due, later): (Vec<Timer>, Vec<Timer>) = std::mem::take(&mut memory.timers).into_iter().partition(over);
        memory.timers = later;
        due.sort_by(|a, b| {
            let key = |timer: &Timer| (timer.span.due, timer.rule.rule.id.clone(), timer.trigger.clone());
            key(a).cmp(&key(b))
        });
        for timer in due {
            self.fire(ctx, &timer, out);
        }
    }

    /// What is found when a term runs out.
    pub(super) fn fire(&self, ctx: &Context<'_>, timer: &Timer, out: &mut Vec<Emission>) {
        let rule = &timer.rule.rule;
        if matches!(&rule.limits, Limits::RequiredNotice(limits) if limits.unless_paid && self.balance <= 0) {
            return;
        }
        let Some(severity) = consequence(ctx.rules, &timer.rule, false).severity else { return };
        if let Some(uncertain) = &timer.uncertain {
            out.push(test(rule, TestOutcome::Unknown, timer.span.due, Attribute::parse(uncertain)));
            return;
        }
        out.push(test(rule, TestOutcome::Failed, timer.span.due, None));
        let case = &ctx.version.case;
        let day = timer.span.last_day.to_string();
        let trigger = timer.trigger.as_ref().map_or("placement", ActivityId::as_str);
        let key = &ctx.market.key;
        let words = words(&timer.task);
        let subject: &[&str] = match &timer.task {
            Task::Notice | Task::Dispute | Task::Produce => &[case.as_str(), trigger, &day],
            _ => &[case.as_str(), trigger, &day, words],
        };
        out.push(Emission::Opened(Box::new(Finding {
            id: FindingId::of(&key.tenant, &key.market, &rule.id, subject),
            rule: rule.id.clone(),
            jurisdiction: rule.jurisdiction.clone(),
            pack_digest: timer.rule.pack_digest.to_string(),
            pack_version: timer.rule.pack_version.to_string(),
            severity,
            effect: rule.effect,
            case: Some(case.clone()),
            person: timer.person.clone(),
            activity: timer.trigger.clone(),
            agent: timer.agent.clone(),
            client: Some(ctx.version.identity.creditor.clone()),
            steered: Steered::of(ctx.market, ctx.version, timer.agent.as_deref(), None),
            at: timer.span.due,
            omission: true,
            known_at_time: true,
            observed: Observation {
                limit: length(timer),
                unit: Some(Unit::Days),
                note: Some(format!("{words} {day}")),
                observed: None,
            },
            evidence: timer.trigger.iter().cloned().collect(),
        })));
    }
}

/// What was not done, in words before the day.
const fn words(task: &Task) -> &'static str {
    match task {
        Task::Notice => "not sent by",
        Task::Dispute => "not answered by",
        Task::Produce => "not produced by",
        Task::HandOver { .. } => "not handed over by",
        Task::Acknowledge { .. } => "not acknowledged by",
        Task::Update { .. } => "not updated by",
        Task::Answer { .. } => "not answered by",
        Task::Withdraw { .. } => "not withdrawn by",
        Task::Erase => "not erased by",
    }
}

/// The length of the term in days, as the finding shows it: of weeks, months, years and working days as many as there were.
fn length(timer: &Timer) -> Option<i64> {
    let term = match (&timer.task, &timer.rule.rule.limits) {
        (Task::Notice, Limits::RequiredNotice(limits)) => limits.term,
        (Task::Dispute, Limits::DisputeHandling(limits)) => limits.answer_within,
        (Task::Produce, Limits::DocumentsHeld(limits)) => limits.within,
        (Task::HandOver { .. }, Limits::ClientFunds(limits)) => limits.within,
        (Task::Acknowledge { .. }, Limits::ComplaintHandling(limits)) => limits.acknowledge,
        (Task::Update { .. }, Limits::ComplaintHandling(limits)) => limits.update_every,
        // The longer term is no longer there for an extension where one has been told.
        (Task::Answer { longer, .. }, Limits::ComplaintHandling(limits)) => match longer {
            None => limits.extended.or(limits.answer),
            Some(_) => limits.answer,
        },
        (Task::Withdraw { paid: false, .. }, Limits::CreditReporting(limits)) => limits.erase,
        (Task::Withdraw { paid: true, .. }, Limits::CreditReporting(limits)) => limits.erase_paid,
        (Task::Erase, Limits::RecordRetention(limits)) => limits.erase_by,
        _ => None,
    };
    let term = term?;
    if term.unit == TermUnit::Days {
        return Some(term.length.into());
    }
    Some(timer.span.days())
}
