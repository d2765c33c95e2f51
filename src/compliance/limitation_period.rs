//! After how long a claim is lost, and what may no longer be done then.

use std::cell::OnceCell;

use chrono::{Datelike, NaiveDate};

use super::judgement::{Note, Speaking};
use super::limitation_run::{Course, Effect, Ends, Event, Period};
use super::mark::short;
use super::situation::Situation;
use super::{applies, since};
use crate::domain::case::{Claim, LimitationEventKind};
use crate::domain::detail::{Detail, LegalStepKind};
use crate::domain::ids::RuleId;
use crate::domain::limitation::RunsFrom;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::{Calendar, add_months};
use crate::rules::model::{LimitationPeriod, Limits, Rule, Term};
use crate::rules::ruleset::Jurisdiction;
use crate::rules::words::{Attribute, Count, LimitationStart, TermUnit};

/// What is asked of a limitation period.
pub(super) struct Asked<'a> {
    /// The day on which it is asked.
    pub date: NaiveDate,
    /// What happened before counts.
    pub before: Timestamp,
    /// Whether the claim of that number is asked about.
    pub claim: &'a dyn Fn(usize) -> bool,
    /// It is asked for an act that itself brings the claim before a court.
    pub new_action: bool,
    /// Only periods are asked for that may have ended: what is left out has not.
    pub over: bool,
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
    let step = match &situation.activity.detail {
        Detail::LegalStep { step } => Some(*step),
        _ => None,
    };
    let new_action = matches!(step, Some(LegalStepKind::Lawsuit | LegalStepKind::PaymentOrder));
    let asked = Asked { date, before: situation.at, claim: &meant, new_action, over: true };
    last_days((rule, limits), &term, situation, calendar, &asked, &mut |ends| match ends {
        // An action that was brought in time is served in time.
        Ok(ends) if ends.action && step == Some(LegalStepKind::Service) => {}
        Ok(ends) => missing = missing.or(decide(&mut judgement, date, &ends)),
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

/// Tells until when each claim can be enforced that is asked about and that the version of the rule holds for, by its title
/// where it has one; or what is missing to tell.
pub(super) fn last_days(
    (rule, limits): (&Rule, &LimitationPeriod),
    term: &Term,
    situation: &Situation<'_>,
    calendar: &Calendar,
    asked: &Asked<'_>,
    tell: &mut dyn FnMut(Result<Ends, Attribute>),
) {
    let titled = situation.watch.titled_on(situation.version).filter(|on| *on <= asked.date);
    let claims = &situation.version.claims;
    let made = OnceCell::new();
    let course = || made.get_or_init(|| Course::new(events(limits, situation, asked), claims.len() > 1));
    let period = Period {
        limits,
        term: *term,
        start: NaiveDate::MAX,
        born: NaiveDate::MIN,
        by: RunsFrom::Start,
        calendar,
        subdivision: situation.subdivision(),
        new_action: asked.new_action,
    };
    // What begins the claim's term anew begins the title's anew too: enforcement in the last year keeps it alive.
    let of_title = titled.zip(limits.titled_years).map(|(on, years)| {
        let term = Term { length: years, unit: TermUnit::Years, count: Count::ClearDays, ..*term };
        Period { term, start: on, born: on, by: RunsFrom::Title, ..period }
    });
    if claims.is_empty() {
        tell(of_title.as_ref().map(|title| title.ends(course(), None)).ok_or(Attribute::ClaimArose));
    }
    let mut with_default: Option<([Event; 2], Course)> = None;
    for (_, claim) in claims.iter().enumerate().filter(|(number, _)| (asked.claim)(*number)) {
        let id = || Some(short(claim.id.as_str()));
        let has_title = match titled.filter(|_| of_title.is_some() || limits.start == LimitationStart::Title) {
            Some(on) => has_title(claim, on, claims.len() == 1),
            None => Ok(false),
        };
        match (&of_title, has_title) {
            (_, Err(attribute)) => {
                tell(Err(attribute));
                continue;
            }
            (Some(title), Ok(true)) => {
                if !asked.over || asked.date > title.first_end() {
                    tell(Ok(title.ends(course(), id())));
                }
                continue;
            }
            // Of what arose later the title says nothing.
            (None, Ok(false)) if titled.is_some() && limits.start == LimitationStart::Title => continue,
            _ => {}
        }
        // Each claim has the law of its own day.
        match applies::holds_for(rule, claim) {
            None => continue,
            Some(Some(attribute)) => {
                tell(Err(attribute));
                continue;
            }
            Some(None) => {}
        }
        let Some(day) = begins(limits.start, claim, situation) else {
            tell(Err(start_attribute(limits.start)));
            continue;
        };
        let (start, by) = match limits.start {
            LimitationStart::EndOfYearArose | LimitationStart::EndOfYearDue => (end_of_year(day), RunsFrom::Start),
            LimitationStart::Title => (day, RunsFrom::Title),
            _ => (day, RunsFrom::Start),
        };
        let born = if limits.start == LimitationStart::Title { day } else { claim.arose.map_or(day, |on| on.min(day)) };
        let period = Period { start, born, by, ..period };
        let most = limits.max_years.map_or(NaiveDate::MAX, |years| add_months(start, u32::from(years) * 12));
        if asked.over && asked.date <= period.first_end().min(most) {
            continue;
        }
        let default = in_default(limits, day, situation, asked);
        if let Some(default) = default
            && with_default.as_ref().is_none_or(|(other, _)| *other != default)
        {
            with_default = Some((default, course().with(&default)));
        }
        let way = match &with_default {
            Some((_, course)) if default.is_some() => course,
            _ => course(),
        };
        let mut ends = period.ends(way, id());
        if ends.proved > most {
            (ends.proved, ends.by) = (most, RunsFrom::LongestTerm);
        }
        if ends.possible < NaiveDate::MAX {
            ends.possible = ends.possible.min(most);
        }
        tell(Ok(ends));
    }
}

/// Whether a title of that day is one of the claim: what arose later it cannot be of. Without any day of its own the only
/// claim of a case is the one that has the title.
fn has_title(claim: &Claim, on: NaiveDate, only: bool) -> Result<bool, Attribute> {
    match claim.arose.or(claim.due_original).or(claim.due_current) {
        Some(day) => Ok(day <= on),
        None if only => Ok(true),
        None => Err(Attribute::ClaimArose),
    }
}

/// From when to when the debtor's default holds the period of a claim that fell due on a day, where the law lets it.
fn in_default(
    limits: &LimitationPeriod,
    due: NaiveDate,
    situation: &Situation<'_>,
    asked: &Asked<'_>,
) -> Option<[Event; 2]> {
    let until = add_months(due, u32::from(limits.suspended_in_default_years?) * 12);
    let default = situation.version.dates.default_on;
    // Nobody is in default before the claim is due.
    let from = default.map_or(due, |on| on.max(due));
    let lacks = if default.is_some() { None } else { Some(Attribute::DefaultDate) };
    let event = |effect, on, lacks| Event { effect, on, revives: false, claim: None, lacks };
    let both = [event(Effect::DefaultBegins, from, lacks), event(Effect::DefaultEnds, until, None)];
    (from < until && from <= asked.date).then_some(both)
}

/// Keeps the worst over all claims; what is missing where the last day that is proved has passed and the one that is possible
/// has not.
fn decide(judgement: &mut Speaking, date: NaiveDate, ends: &Ends) -> Option<Attribute> {
    if date <= ends.proved {
        return None;
    }
    if date <= ends.possible {
        return Some(ends.lacks);
    }
    let over = date.signed_duration_since(ends.proved).num_days();
    judgement.answer = Answer::Broken;
    judgement.note = Note::Word("last day passed");
    judgement.observed = judgement.observed.max(Some(over));
    judgement.limit = Some(0);
    judgement.unit = Some(Unit::Days);
    None
}

/// What a period rests on that such an event has begun anew.
const fn begun_by(kind: LimitationEventKind) -> RunsFrom {
    match kind {
        LimitationEventKind::DemandReceived => RunsFrom::DemandReceived,
        LimitationEventKind::Acknowledgement => RunsFrom::Acknowledgement,
        LimitationEventKind::Payment => RunsFrom::Payment,
        LimitationEventKind::CourtAction | LimitationEventKind::Enforcement => RunsFrom::CourtAction,
        LimitationEventKind::Negotiation | LimitationEventKind::Suspension | LimitationEventKind::Resumption => {
            RunsFrom::Resumption
        }
    }
}

/// What is recorded of something that may move a period.
struct Recorded {
    kind: LimitationEventKind,
    on: NaiveDate,
    reached: Option<bool>,
    written: Option<bool>,
    /// What is missing where it is not known whether it was in writing.
    form: Attribute,
    claim: Option<std::num::NonZeroU64>,
}

impl Recorded {
    /// What the law makes of it; `None`: nothing.
    fn weighed(self, limits: &LimitationPeriod, several: &dyn Fn(NaiveDate) -> bool) -> Option<Event> {
        use LimitationEventKind as K;
        let anew = |kind| limits.interrupted_by.has(kind);
        let proceedings = self.kind == K::CourtAction;
        let effect = match self.kind {
            K::Suspension => Effect::Holds { negotiations: false, action: false },
            K::Negotiation if limits.negotiation_suspends == Some(false) => return None,
            K::Negotiation => Effect::Holds { negotiations: true, action: false },
            K::Resumption => Effect::GoesOn,
            K::CourtAction if limits.court_action_suspends => Effect::Holds { negotiations: false, action: true },
            K::CourtAction if !anew(K::CourtAction) => Effect::Pends,
            kind if anew(kind) || kind == K::Enforcement && anew(K::CourtAction) => {
                Effect::Anew { by: begun_by(kind), proceedings }
            }
            _ => return None,
        };
        let in_writing = match self.kind {
            K::DemandReceived => limits.demanded_in_writing,
            K::Acknowledgement => limits.acknowledged_in_writing,
            _ => false,
        };
        if self.reached == Some(false) || in_writing && self.written == Some(false) {
            return None;
        }
        let lacks = match self.kind {
            // Whether this law lets them hold it was not read.
            K::Negotiation => limits.negotiation_suspends.is_none().then_some(Attribute::Pack),
            K::DemandReceived if self.reached.is_none() => Some(Attribute::ReachedDebtor),
            K::Payment if self.claim.is_none() && several(self.on) => Some(Attribute::Claim),
            _ => (in_writing && self.written.is_none()).then_some(self.form),
        };
        let revives =
            limits.revived_by.has(self.kind) || self.kind == K::Enforcement && limits.revived_by.has(K::CourtAction);
        Some(Event { effect, on: self.on, revives, claim: self.claim, lacks })
    }
}

/// What begins the term anew or holds it. Most cases have nothing of the kind, for which nothing is allocated.
fn events(limits: &LimitationPeriod, situation: &Situation<'_>, asked: &Asked<'_>) -> Vec<Event> {
    let (dates, zone) = (&situation.version.dates, situation.home_zone());
    let recorded = dates.limitation_events.iter().map(|event| Recorded {
        kind: event.kind,
        on: event.on,
        reached: event.reached_debtor,
        written: event.written,
        form: Attribute::Written,
        claim: None,
    });
    let told = [
        (LimitationEventKind::Payment, dates.last_payment),
        (LimitationEventKind::Acknowledgement, dates.last_acknowledgement),
    ];
    let told = told.into_iter().filter_map(|(kind, on)| {
        // It is recorded as one in the form that the law asks for.
        let (reached, written, form, claim) = (None, Some(true), Attribute::Written, None);
        Some(Recorded { kind, on: on?, reached, written, form, claim })
    });
    let marks = situation.watch.memory().marks.iter().filter(|mark| mark.at < asked.before);
    let marks = marks.map(|mark| {
        let on = situation.date_in(mark.at, zone);
        let demanded = mark.kind == LimitationEventKind::DemandReceived;
        Recorded {
            kind: mark.kind,
            // Money counts from its value date; none is paid before it came.
            on: mark.valued.map_or(on, |valued| valued.min(on)),
            reached: mark.reached,
            written: mark.written,
            form: if demanded { Attribute::NoticeForm } else { Attribute::Written },
            claim: mark.claim,
        }
    });
    // A payment that names no claim is one on the only claim there was.
    let several = |on: NaiveDate| {
        situation.version.claims.iter().filter(|claim| claim.arose.is_none_or(|day| day <= on)).nth(1).is_some()
    };
    let all = recorded.chain(told).chain(marks).filter(|event| event.on <= asked.date);
    all.filter_map(|event| event.weighed(limits, &several)).collect()
}

fn end_of_year(date: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(date.year(), 12, 31).unwrap_or(date)
}

/// The day by which the law reckons the start of a claim's period.
fn begins(from: LimitationStart, claim: &Claim, situation: &Situation<'_>) -> Option<NaiveDate> {
    let dates = &situation.version.dates;
    match from {
        LimitationStart::Arose | LimitationStart::EndOfYearArose => claim.arose,
        LimitationStart::Due | LimitationStart::EndOfYearDue => claim.due(),
        LimitationStart::CauseOfAction => dates.cause_of_action,
        LimitationStart::Default => dates.default_on,
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
