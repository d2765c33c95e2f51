//! After how long a claim is lost, and what may no longer be done then.

use chrono::{Datelike, NaiveDate};

use super::judgement::{Note, Speaking};
use super::memory::Mark;
use super::situation::Situation;
use super::{applies, since};
use crate::domain::case::{Claim, LimitationEventKind};
use crate::domain::detail::Detail;
use crate::domain::ids::RuleId;
use crate::domain::limitation::RunsFrom;
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::{Calendar, add_months};
use crate::rules::model::{LimitationPeriod, Limits, Rule, Term};
use crate::rules::ruleset::Jurisdiction;
use crate::rules::words::{Attribute, Count, LimitationStart, TermUnit};

/// Something that begins the term anew or holds it.
struct Event {
    kind: LimitationEventKind,
    on: NaiveDate,
    certain: bool,
}

/// What is asked of a limitation period.
pub(super) struct Asked<'a> {
    /// The day on which it is asked.
    pub date: NaiveDate,
    /// What happened before counts.
    pub before: Timestamp,
    /// Whether the claim of that number is asked about.
    pub claim: &'a dyn Fn(usize) -> bool,
}

/// The last day on which a claim can be enforced.
#[derive(Clone, Copy)]
pub(super) struct Last {
    /// That day; the end of the calendar while the period stands still.
    pub day: NaiveDate,
    /// What the period that ends then rests on.
    pub by: RunsFrom,
}

/// Whether a claim of the case has expired under one of these rules of the jurisdiction. `None`: it has not.
/// `Some(Some(attribute))`: that is missing to tell.
#[allow(clippy::option_option)] // three answers
pub(crate) fn expired(
    rules: &[RuleId],
    situation: &Situation<'_>,
    jurisdiction: &Jurisdiction,
) -> Option<Option<Attribute>> {
    let mut maybe = None;
    for active in jurisdiction.limitations.iter().filter(|active| rules.contains(&active.rule.id)) {
        let Limits::LimitationPeriod(limits) = &active.rule.limits else { continue };
        let Some(doubt) = applies::scope(active, situation) else { continue };
        let judgement = judge(&active.rule, limits, situation, Situation::calendar(jurisdiction))?;
        match (judgement.answer, judgement.note, doubt) {
            (Answer::Broken, _, None) => return Some(None),
            (Answer::Broken, _, doubt) => maybe = maybe.or(doubt),
            (Answer::Unknown, Note::Missing(attribute), _) => maybe = maybe.or(Some(attribute)),
            (Answer::Unknown, ..) => maybe = maybe.or(Some(Attribute::ReachedDebtor)),
            _ => {}
        }
    }
    maybe.map(Some)
}

pub(crate) fn judge(
    rule: &Rule,
    limits: &LimitationPeriod,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<Speaking> {
    let Some(term) = limits.term else { return Some(Speaking::no_figure()) };
    // What counts is when the act reached whom it concerns, where that is recorded.
    let at = match &situation.activity.detail {
        Detail::Contact(contact) => contact.delivered.unwrap_or(situation.activity.known()),
        _ => situation.activity.occurred,
    };
    let date = situation.date_in(at, situation.home_zone()).max(situation.date());
    let mut judgement = Speaking::new(Answer::Kept);
    let mut missing = None;
    let (named, claims) = (since::named(&situation.activity.detail), &situation.version.claims);
    if named.is_some_and(|id| !claims.iter().any(|claim| claim.id == *id)) {
        return Some(Speaking::missing(Attribute::Claim));
    }
    let meant = |number: usize| named.is_none_or(|id| claims.get(number).is_some_and(|claim| claim.id == *id));
    let asked = Asked { date, before: situation.at, claim: &meant };
    let of_unknown_form = |mark: &Mark| mark.kind == LimitationEventKind::Acknowledgement && mark.in_due_form.is_none();
    let unwritten = limits.acknowledged_in_writing && situation.watch.memory().marks.iter().any(of_unknown_form);
    let unproved = if unwritten { Attribute::Written } else { Attribute::ReachedDebtor };
    last_days((rule, limits), &term, situation, calendar, &asked, &mut |last| match last {
        Ok((certain, possible)) => decide(&mut judgement, date, (certain.day, possible.day), unproved),
        Err(attribute) => missing = missing.or(Some(attribute)),
    });
    if judgement.answer == Answer::Kept
        && let Some(attribute) = missing
    {
        return Some(Speaking::missing(attribute));
    }
    if judgement.answer == Answer::Broken {
        judgement.evidence.push(situation.activity.id.clone());
    }
    Some(judgement)
}

/// Tells the last day of the title, or else of each claim that is asked about and that the version of the rule holds for: by
/// interruptions that are proved, and by all of them; or what is missing to tell.
pub(super) fn last_days(
    (rule, limits): (&Rule, &LimitationPeriod),
    term: &Term,
    situation: &Situation<'_>,
    calendar: &Calendar,
    asked: &Asked<'_>,
    tell: &mut dyn FnMut(Result<(Last, Last), Attribute>),
) {
    let titled = situation.watch.titled_on(situation.version).filter(|on| *on <= asked.date);
    let events = events(limits, situation, asked);
    if let (Some(on), Some(years)) = (titled, limits.titled_years) {
        // What begins the claim's term anew begins the title's anew too: enforcement in the last year keeps it alive.
        let term = Term { length: years, unit: TermUnit::Years, count: Count::ClearDays, ..*term };
        let begins = (on, RunsFrom::Title);
        let last = |certain_only: bool| last_day(limits, &term, begins, &events, certain_only, situation, calendar);
        return tell(Ok(both(&events, last)));
    }
    if situation.version.claims.is_empty() {
        tell(Err(Attribute::ClaimArose));
    }
    for (_, claim) in situation.version.claims.iter().enumerate().filter(|(number, _)| (asked.claim)(*number)) {
        // Each claim has the law of its own day.
        match applies::holds_for(rule, claim) {
            None => continue,
            Some(Some(attribute)) => {
                tell(Err(attribute));
                continue;
            }
            Some(None) => {}
        }
        let Some(start) = start(limits.start, claim, situation) else {
            tell(Err(start_attribute(limits.start)));
            continue;
        };
        let by = if limits.start == LimitationStart::Title { RunsFrom::Title } else { RunsFrom::Start };
        let most = limits.max_years.map_or(NaiveDate::MAX, |years| add_months(start, u32::from(years) * 12));
        let last = |certain_only: bool| {
            let last = last_day(limits, term, (start, by), &events, certain_only, situation, calendar);
            if last.day > most { Last { day: most, by: RunsFrom::LongestTerm } } else { last }
        };
        tell(Ok(both(&events, last)));
    }
}

/// The last day by the events that are certain, and by all of them: one day where all are.
fn both(events: &[Event], last: impl Fn(bool) -> Last) -> (Last, Last) {
    let certain = last(true);
    let possible = if events.iter().all(|event| event.certain) { certain } else { last(false) };
    (certain, possible)
}

/// Keeps the worst over all claims. `certain` counts only interruptions that are proved, `possible` all of them.
/// `unproved` is missing where they differ.
fn decide(judgement: &mut Speaking, date: NaiveDate, (certain, possible): (NaiveDate, NaiveDate), unproved: Attribute) {
    let over = date.signed_duration_since(certain).num_days();
    if date > certain.max(possible) {
        judgement.answer = Answer::Broken;
        judgement.note = Note::Word("last day passed");
        judgement.observed = judgement.observed.max(Some(over));
        judgement.limit = Some(0);
        judgement.unit = Some(Unit::Days);
    } else if date > certain && judgement.answer == Answer::Kept {
        *judgement = Speaking::missing(unproved);
    }
}

fn last_day(
    limits: &LimitationPeriod,
    term: &Term,
    (start, mut by): (NaiveDate, RunsFrom),
    events: &[Event],
    certain_only: bool,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Last {
    let subdivision = situation.subdivision();
    let mut last = calendar.last_day(term, start, subdivision);
    let mut held: Option<NaiveDate> = None;
    for event in events.iter().filter(|event| event.on >= start && (event.certain || !certain_only)) {
        match event.kind {
            LimitationEventKind::Suspension | LimitationEventKind::Negotiation => held = held.or(Some(event.on)),
            LimitationEventKind::Resumption => {
                if let Some(from) = held.take() {
                    last = add_days(last, event.on.signed_duration_since(from).num_days());
                    by = if by == RunsFrom::Start { RunsFrom::Resumption } else { by };
                }
            }
            kind if limits.interrupted_by.has(kind) && (event.on <= last || limits.revived_by.has(kind)) => {
                last = calendar.last_day(term, event.on, subdivision);
                by = begun_by(kind);
            }
            _ => {}
        }
    }
    if held.is_some() {
        // The clock still stands.
        last = NaiveDate::MAX;
    }
    Last { day: last, by }
}

/// What a period rests on that such an event has begun anew.
const fn begun_by(kind: LimitationEventKind) -> RunsFrom {
    match kind {
        LimitationEventKind::DemandReceived => RunsFrom::DemandReceived,
        LimitationEventKind::Acknowledgement => RunsFrom::Acknowledgement,
        LimitationEventKind::Payment => RunsFrom::Payment,
        LimitationEventKind::CourtAction => RunsFrom::CourtAction,
        LimitationEventKind::Negotiation | LimitationEventKind::Suspension | LimitationEventKind::Resumption => {
            RunsFrom::Resumption
        }
    }
}

/// What begins the term anew or holds it, by day. Most cases have nothing of the kind, for which nothing is allocated.
fn events(limits: &LimitationPeriod, situation: &Situation<'_>, asked: &Asked<'_>) -> Vec<Event> {
    let dates = &situation.version.dates;
    let zone = situation.home_zone();
    let counts = |kind| {
        let holds = matches!(
            kind,
            LimitationEventKind::Suspension | LimitationEventKind::Negotiation | LimitationEventKind::Resumption
        );
        holds || limits.interrupted_by.has(kind)
    };
    let recorded =
        dates.limitation_events.iter().filter(|event| event.reached_debtor != Some(false) && counts(event.kind));
    let recorded = recorded.map(|event| Event {
        kind: event.kind,
        on: event.on,
        certain: event.kind != LimitationEventKind::DemandReceived || event.reached_debtor == Some(true),
    });
    let told = [
        (LimitationEventKind::Payment, dates.last_payment),
        (LimitationEventKind::Acknowledgement, dates.last_acknowledgement),
    ];
    let told = told.into_iter().filter(|(kind, _)| counts(*kind));
    let told = told.filter_map(|(kind, on)| on.map(|on| Event { kind, on, certain: true }));
    let marks = situation.watch.memory().marks.iter().filter(|mark| mark.at < asked.before && counts(mark.kind));
    let asked_for = |mark: &Mark| match mark.kind {
        LimitationEventKind::DemandReceived => true,
        LimitationEventKind::Acknowledgement => limits.acknowledged_in_writing,
        _ => false,
    };
    let may_count = |mark: &&Mark| mark.in_due_form != Some(false) || !asked_for(mark);
    let marks = marks.filter(may_count).map(|mark| Event {
        kind: mark.kind,
        on: situation.date_in(mark.at, zone),
        certain: mark.in_due_form.is_some() || !asked_for(mark),
    });
    let mut events: Vec<Event> = recorded.chain(told).chain(marks).filter(|event| event.on <= asked.date).collect();
    events.sort_by_key(|event| event.on);
    events
}

fn end_of_year(date: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(date.year(), 12, 31).unwrap_or(date)
}

fn start(from: LimitationStart, claim: &Claim, situation: &Situation<'_>) -> Option<NaiveDate> {
    let dates = &situation.version.dates;
    match from {
        LimitationStart::Arose => claim.arose,
        LimitationStart::Due => claim.due(),
        LimitationStart::CauseOfAction => dates.cause_of_action,
        LimitationStart::Default => dates.default_on,
        LimitationStart::EndOfYearArose => claim.arose.map(end_of_year),
        LimitationStart::EndOfYearDue => claim.due().map(end_of_year),
        LimitationStart::Title => situation.watch.titled_on(situation.version),
        LimitationStart::LastPaymentOrDefault => dates.last_payment.or(dates.default_on),
    }
}

const fn start_attribute(from: LimitationStart) -> Attribute {
    match from {
        LimitationStart::Arose | LimitationStart::EndOfYearArose => Attribute::ClaimArose,
        LimitationStart::Due | LimitationStart::EndOfYearDue => Attribute::DueDate,
        LimitationStart::CauseOfAction => Attribute::CauseOfAction,
        LimitationStart::Title => Attribute::TitleDate,
        LimitationStart::Default | LimitationStart::LastPaymentOrDefault => Attribute::DefaultDate,
    }
}
