//! Duties about money, reports, records and matters that fall due within a term: which activity begins one, and what
//! an activity does to those that run.

use std::borrow::Cow;
use std::sync::Arc;

use chrono_tz::Tz;

use super::brought::Brought;
use super::complaint_handling::step;
use super::memory::{Memory, Task, Timer};
use super::omission;
use super::situation::Situation;
use super::span::Span;
use super::{client_funds, credit_reporting, record_retention};
use crate::domain::activity::Activity;
use crate::domain::detail::{CreditReportKind, Detail, MatterStep, Remittance};
use crate::domain::ids::ActivityId;
use crate::domain::time::{Timestamp, add_days};
use crate::rules::calendar::Calendar;
use crate::rules::model::{ComplaintHandling, Limits, Term};
use crate::rules::ruleset::ActiveRule;
use crate::rules::words::{Attribute, CountFrom};

/// What an activity does to a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Stays,
    /// The act was done.
    Kept,
    /// It cannot be told whether it was.
    Unknown,
    /// It is not asked for any more.
    Dropped,
}

/// The rule's kind has terms, and the activity may begin one. Cheap: it is asked of every rule.
pub(crate) fn may_begin(limits: &Limits, activity: &Activity) -> bool {
    match (limits, &activity.detail) {
        (Limits::ClientFunds(limits), Detail::Payment(_)) => limits.within.is_some(),
        (Limits::CreditReporting(limits), Detail::CreditReport { report, .. }) => {
            limits.erase.is_some() && *report == CreditReportKind::Furnish
        }
        (Limits::CreditReporting(limits), Detail::Payment(_)) => limits.erase_paid.is_some(),
        (Limits::RecordRetention(limits), Detail::CaseStatus { closed: true, .. }) => limits.erase_by.is_some(),
        (Limits::ComplaintHandling(limits), detail) => step(detail).is_some_and(|(matter, ..)| limits.of.has(matter)),
        _ => false,
    }
}

/// The timers that an activity begins under a rule.
pub(crate) fn begin(
    active: &Arc<ActiveRule>,
    situation: &Situation<'_>,
    calendar: &Calendar,
    activity: &Activity,
    uncertain: Option<Attribute>,
) -> Vec<Timer> {
    let timer = |span, task| Timer {
        span,
        began: activity.occurred,
        rule: Arc::clone(active),
        trigger: Some(activity.id.clone()),
        person: situation.person.cloned(),
        agent: activity.actor.agent.clone(),
        uncertain: uncertain.map(|attribute| Cow::Borrowed(attribute.as_str())),
        task,
    };
    let after = |term: &Term| {
        let moment = if term.from == CountFrom::Received { activity.known() } else { activity.occurred };
        Span::of(term, moment, situation, calendar)
    };
    let mut begun = Vec::new();
    match &active.rule.limits {
        Limits::ClientFunds(limits) => {
            if let (Some(term), Some(payment)) = (&limits.within, client_funds::collected(situation)) {
                let left = payment.amount.minor;
                begun.extend(after(term).map(|end| timer(end, Task::HandOver { left })));
            }
        }
        Limits::CreditReporting(limits) => match &activity.detail {
            Detail::CreditReport { bureau, .. } => {
                let last = limits.erase.as_ref().and_then(|term| {
                    let (first_day, last_day) = credit_reporting::stands(limits, term, situation, calendar).ok()?;
                    let due = Timestamp::start_of(add_days(last_day, 1), situation.home_zone());
                    Some(Span { due, first_day, last_day })
                });
                begun.extend(last.map(|end| timer(end, Task::Withdraw { bureau: bureau.clone(), paid: false })));
            }
            _ if situation.watch.paid_off_by(activity) && !situation.watch.memory().reports.is_empty() => {
                let end = limits.erase_paid.as_ref().and_then(after);
                begun.extend(end.map(|end| timer(end, Task::Withdraw { bureau: None, paid: true })));
            }
            _ => {}
        },
        Limits::RecordRetention(limits) => {
            let end = limits.erase_by.as_ref().and_then(after);
            begun.extend(end.map(|end| timer(end, Task::Erase)));
        }
        Limits::ComplaintHandling(limits) => matter(limits, activity, situation, &after, &timer, &mut begun),
        _ => {}
    }
    // A term that ended before it began is judged where it is begun.
    begun.retain(|timer| timer.span.due > situation.at);
    begun
}

fn matter(
    limits: &ComplaintHandling,
    activity: &Activity,
    situation: &Situation<'_>,
    after: &dyn Fn(&Term) -> Option<Span>,
    timer: &dyn Fn(Span, Task) -> Timer,
    begun: &mut Vec<Timer>,
) {
    let Some((matter, step, reference)) = step(&activity.detail) else { return };
    let matters = &situation.watch.memory().matters;
    let open = || Brought::of_step(matters, matter, reference).and_then(|at| matters.get(at)).filter(|one| one.open);
    let opened = match step {
        MatterStep::Opened => &activity.id,
        step if is_told(step) && !is_final(step) => match open() {
            Some(brought) => &brought.opened,
            None => return,
        },
        _ => return,
    };
    let opened = || opened.clone();
    if step == MatterStep::Opened {
        let end = limits.acknowledge.as_ref().and_then(after);
        begun.extend(end.map(|end| timer(end, Task::Acknowledge { opened: opened() })));
        let longer = limits.extended.as_ref().and_then(after);
        let end = limits.answer.as_ref().and_then(after);
        begun.extend(end.map(|end| timer(end, Task::Answer { opened: opened(), longer })));
    }
    let end = limits.update_every.as_ref().and_then(after);
    begun.extend(end.map(|end| timer(end, Task::Update { opened: opened() })));
}

/// Nothing more is owed after this step.
pub(crate) const fn is_final(step: MatterStep) -> bool {
    matches!(step, MatterStep::ResolvedUpheld | MatterStep::ResolvedRejected | MatterStep::Withdrawn)
}

/// The person heard something by this step.
const fn is_told(step: MatterStep) -> bool {
    !matches!(step, MatterStep::Opened | MatterStep::Forwarded | MatterStep::Verified)
}

/// What an activity does to each timer, in their order. Money handed over is taken off the timers here.
pub(crate) fn fates(timers: &mut [Timer], memory: &Memory, activity: &Activity, zone: Tz) -> Vec<Fate> {
    let mut fates: Vec<Fate> = timers.iter().map(|timer| plain(timer, memory, activity, zone)).collect();
    if let Detail::Remittance(remittance) = &activity.detail {
        hand_over(timers, remittance, activity, &mut fates);
    }
    if let Some((matter, step, reference)) = step(&activity.detail) {
        let matters = &memory.matters;
        let open = Brought::of_step(matters, matter, reference).and_then(|at| matters.get(at)).filter(|one| one.open);
        if let Some(brought) = open {
            told(timers, step, &brought.opened, &mut fates);
        }
    }
    if let Detail::Reversal { reverses, amount, .. } = &activity.detail {
        for (timer, fate) in timers.iter_mut().zip(&mut fates).filter(|(one, _)| one.trigger.as_ref() == Some(reverses))
        {
            let settled = matches!(&timer.rule.rule.limits, Limits::RequiredNotice(limits) if limits.paid_off);
            match &mut timer.task {
                Task::HandOver { left } => {
                    *left = left.saturating_sub(amount.minor);
                    if *left <= 0 {
                        *fate = Fate::Dropped;
                    }
                }
                Task::Withdraw { paid: true, .. } => *fate = Fate::Dropped,
                Task::Notice if settled => *fate = Fate::Dropped,
                _ => {}
            }
        }
    }
    fates
}

fn plain(timer: &Timer, memory: &Memory, activity: &Activity, zone: Tz) -> Fate {
    match (&timer.task, &timer.rule.rule.limits, &activity.detail) {
        (Task::Notice | Task::Dispute | Task::Produce, ..) => omission::fate(timer, memory, activity, zone),
        (
            Task::Withdraw { bureau, .. },
            _,
            Detail::CreditReport { report: CreditReportKind::Withdraw, bureau: at, .. },
        ) if bureau.is_none() || at.is_none() || bureau == at => Fate::Kept,
        (Task::Erase, Limits::RecordRetention(limits), Detail::RecordsErased { records, .. })
            if record_retention::touches(limits, records) =>
        {
            Fate::Kept
        }
        (Task::Erase, _, Detail::CaseStatus { closed: false, .. }) => Fate::Dropped,
        _ => Fate::Stays,
    }
}

/// Timers of the same rule, oldest first: a rule's money and matters are its own.
fn of_one_rule(timers: &[Timer], fits: impl Fn(&Timer) -> bool) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, timer) in timers.iter().enumerate().filter(|(_, timer)| fits(timer)) {
        let same = |other: &usize| {
            timers.get(*other).is_some_and(|other| {
                other.rule.rule.id == timer.rule.rule.id
                    && std::mem::discriminant(&other.task) == std::mem::discriminant(&timer.task)
            })
        };
        match groups.iter_mut().find(|group| group.first().is_some_and(same)) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    for group in &mut groups {
        group.sort_by_key(|at| timers.get(*at).map(|timer| (timer.span.due, timer.trigger.clone())));
    }
    groups
}

fn hand_over(timers: &mut [Timer], remittance: &Remittance, activity: &Activity, fates: &mut [Fate]) {
    for group in of_one_rule(timers, |timer| matches!(timer.task, Task::HandOver { .. })) {
        let mut over = remittance.amount.minor.saturating_add(remittance.withheld.unwrap_or(0));
        for at in group {
            let (Some(timer), Some(fate)) = (timers.get_mut(at), fates.get_mut(at)) else { continue };
            let named = timer.trigger.as_ref().is_some_and(|id| remittance.payments.contains(id));
            let Task::HandOver { left } = &mut timer.task else { continue };
            if !remittance.payments.is_empty() && !named {
                continue;
            }
            if remittance.payments.is_empty() && activity.cases.len() > 1 {
                // Which part of it belongs to this case is not told.
                *fate = Fate::Unknown;
            } else {
                // Whatever it names, no more is handed over than it amounts to.
                let taken = (*left).min(over);
                *left -= taken;
                over -= taken;
                if *left == 0 {
                    *fate = Fate::Kept;
                }
            }
        }
    }
}

/// A step of the matter that an activity opened. A term of it that has run out is no longer there: the step is then late
/// and does nothing for any other matter.
fn told(timers: &mut [Timer], step: MatterStep, opened: &ActivityId, fates: &mut [Fate]) {
    if !is_told(step) {
        return;
    }
    for group in of_one_rule(timers, |timer| timer.task.opened() == Some(opened)) {
        let Some(at) = group.first().copied() else { continue };
        let (Some(timer), Some(fate)) = (timers.get_mut(at), fates.get_mut(at)) else { continue };
        match &mut timer.task {
            // Whatever is told after the opening acknowledges it.
            Task::Acknowledge { .. } | Task::Update { .. } => *fate = Fate::Kept,
            Task::Answer { longer, .. } if step == MatterStep::Extended => {
                if let Some(longer) = longer.take() {
                    timer.span = longer;
                }
            }
            Task::Answer { .. } if is_final(step) => *fate = Fate::Kept,
            _ => {}
        }
    }
}
