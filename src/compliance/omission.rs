//! What must be done within a term: which activity begins it, which one ends it, and what is found when it runs out.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::NaiveDate;

use super::memory::{Memory, Timer};
use super::situation::Situation;
use super::verdict::consequence;
use super::watch::test;
use super::{CaseWatch, Context, Emission, TestOutcome, applies, dispute_handling, documents_held, required_notice};
use crate::domain::activity::Activity;
use crate::domain::finding::Finding;
use crate::domain::ids::{ActivityId, FindingId};
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Observation, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::model::{Limits, Term};
use crate::rules::ruleset::ActiveRule;
use crate::rules::words::{Attribute, CountFrom, Subject};

/// The term of a rule that finds omissions, and what its finding says was not done.
fn term_of(limits: &Limits) -> Option<(&Term, &'static str)> {
    match limits {
        Limits::RequiredNotice(limits) => limits.term.as_ref().map(|term| (term, "not sent by")),
        Limits::DisputeHandling(limits) => limits.answer_within.as_ref().map(|term| (term, "not answered by")),
        Limits::DocumentsHeld(limits) => limits.within.as_ref().map(|term| (term, "not produced by")),
        _ => None,
    }
}

/// The timer that an activity (or the placement, where `fact` is absent) begins under a rule.
pub(crate) fn begins(
    active: &Arc<ActiveRule>,
    situation: &Situation<'_>,
    calendar: &Calendar,
    fact: Option<&Activity>,
    possible: Option<Attribute>,
) -> Option<Timer> {
    let rule = &*active.rule;
    let (term, _) = term_of(&rule.limits)?;
    if !situation.lead && rule.subject != Subject::Case {
        return None;
    }
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
    let doubt = applies::scope(rule, situation)?;
    // What happened while the case was worked elsewhere is not held against who has it now.
    if situation.version.history_complete_from.is_some_and(|complete| situation.at < complete) {
        return None;
    }
    let moment = match (term.from, fact) {
        (CountFrom::Received, Some(fact)) => fact.known(),
        _ => situation.at,
    };
    let (due, last_day) = due(term, moment, situation, calendar)?;
    Some(Timer {
        due,
        last_day,
        began: situation.at,
        rule: Arc::clone(active),
        trigger: fact.map(|fact| fact.id.clone()),
        person: situation.person.cloned(),
        agent: fact.and_then(|fact| fact.actor.agent.clone()),
        uncertain: doubt.or(possible).or(unsure).map(|attribute| Cow::Borrowed(attribute.as_str())),
    })
}

/// When the term ends: late only if it is late wherever the person may be.
fn due(
    term: &Term,
    moment: Timestamp,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<(Timestamp, NaiveDate)> {
    let zones = situation.zones.as_slice();
    let fallback = [situation.home_zone()];
    let zones = if zones.is_empty() { &fallback } else { zones };
    let deemed = if term.from == CountFrom::DeemedReceived { i64::from(term.deemed_days) } else { 0 };
    let ends = zones.iter().map(|zone| {
        let start = add_days(moment.date(*zone), deemed);
        let last = calendar.last_day(term, start, situation.subdivision());
        (Timestamp::start_of(add_days(last, 1), *zone), last)
    });
    ends.max()
}

/// Whether the activity ends the timer; `None`: the timer goes on.
fn ends(timer: &Timer, memory: &Memory, activity: &Activity) -> Option<TestOutcome> {
    match &timer.rule.rule.limits {
        Limits::RequiredNotice(limits) => match required_notice::satisfies(limits, activity) {
            Some(false) => None,
            Some(true) => Some(TestOutcome::Passed),
            None => Some(TestOutcome::Unknown),
        },
        Limits::DisputeHandling(limits) => {
            let answered = limits.answer.iter().any(|step| step.matches(activity));
            // What was withdrawn needs no answer.
            let ended = dispute_handling::ends(limits, activity);
            (answered || ended).then_some(TestOutcome::Passed)
        }
        Limits::DocumentsHeld(limits) => {
            let missing = documents_held::unproduced(limits, memory, timer.began, activity.occurred, Some(activity));
            missing.is_none().then_some(TestOutcome::Passed)
        }
        _ => Some(TestOutcome::Unknown),
    }
}

impl CaseWatch {
    /// Ends the terms that this activity satisfies.
    pub(super) fn satisfy(&mut self, activity: &Activity, out: &mut Vec<Emission>) {
        if self.memory().timers.is_empty() {
            return;
        }
        let memory = self.remember_in();
        let mut timers = std::mem::take(&mut memory.timers);
        timers.retain(|timer| {
            let Some(outcome) = ends(timer, memory, activity) else { return true };
            out.push(test(&timer.rule.rule, outcome, activity.occurred));
            false
        });
        memory.timers = timers;
    }

    /// What is found when a term runs out.
    pub(super) fn fire(&self, ctx: &Context<'_>, timer: &Timer, out: &mut Vec<Emission>) {
        let rule = &timer.rule.rule;
        let Some((term, what)) = term_of(&rule.limits) else { return };
        if matches!(&rule.limits, Limits::RequiredNotice(limits) if limits.unless_paid && self.balance <= 0) {
            return;
        }
        let Some(severity) = consequence(ctx.rules, &timer.rule).severity else { return };
        if timer.uncertain.is_some() {
            out.push(test(rule, TestOutcome::Unknown, timer.due));
            return;
        }
        out.push(test(rule, TestOutcome::Failed, timer.due));
        let case = &ctx.version.case;
        let day = timer.last_day.to_string();
        let trigger = timer.trigger.as_ref().map_or("placement", ActivityId::as_str);
        let key = &ctx.market.key;
        out.push(Emission::Opened(Box::new(Finding {
            id: FindingId::of(&key.tenant, &key.market, &rule.id, &[case.as_str(), trigger, &day]),
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
            at: timer.due,
            omission: true,
            known_at_time: true,
            observed: Observation {
                limit: Some(term.length.into()),
                unit: Some(Unit::Days),
                note: Some(format!("{what} {day}")),
                observed: None,
            },
            evidence: timer.trigger.iter().cloned().collect(),
        })));
    }
}
