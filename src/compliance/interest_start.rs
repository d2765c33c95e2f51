//! Interest against the earliest day on which it may have begun.

use chrono::NaiveDate;

use super::judgement::{Note, Speaking};
use super::notice_period::{Earlier, earlier_steps, term_start};
use super::situation::Situation;
use crate::domain::case::Claim;
use crate::domain::detail::Interest;
use crate::domain::time::add_days;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::interest_cap::{InterestCap, InterestStart, StartAfter};
use crate::rules::words::{Attribute, CountFrom};

/// First day on which interest may run by one of the ways.
enum Begun {
    On(NaiveDate),
    /// It may be so, no earlier than a day where one is known: the attribute is missing to tell.
    Perhaps(Option<NaiveDate>, Attribute),
}

/// Interest began no earlier than the earliest way to begin it allows.
pub(super) fn started(
    limits: &InterestCap,
    interest: &Interest,
    (claim, strange): (Option<&Claim>, bool),
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Speaking {
    let Some(from) = interest.from else { return Speaking::missing(Attribute::AccrualPeriod) };
    let claims: Vec<&Claim> = claim.map_or_else(|| situation.version.claims.iter().collect(), |claim| vec![claim]);
    let (mut first, mut missing) = (None, None);
    for start in &limits.starts {
        // Of a claim that the case does not state no day is known.
        let unknown = strange && matches!(start.after, StartAfter::Due | StartAfter::Invoice);
        let ways = if unknown {
            vec![Begun::Perhaps(None, Attribute::Claim)]
        } else {
            begins(start, &claims, situation, calendar)
        };
        for way in ways {
            match way {
                Begun::On(day) => first = Some(first.map_or(day, |other: NaiveDate| other.min(day))),
                // What is not known clears nobody where it could not be early enough.
                Begun::Perhaps(Some(day), _) if from < day => {}
                Begun::Perhaps(_, attribute) => missing = missing.or(Some(attribute)),
            }
        }
    }
    if first.is_some_and(|first| from >= first) {
        return Speaking::new(Answer::Kept);
    }
    if let Some(attribute) = missing {
        return Speaking::missing(attribute);
    }
    let mut judgement = Speaking::new(Answer::Broken);
    judgement.note = Note::Word(if first.is_some() { "begins too early" } else { "nothing has begun it" });
    if let Some(first) = first {
        judgement = judgement.seen(first.signed_duration_since(from).num_days(), 0, Unit::Days);
    }
    judgement
}

/// The days on which interest may run by one way: of each claim, or of each step. None: this way does not apply.
fn begins(start: &InterestStart, claims: &[&Claim], situation: &Situation<'_>, calendar: &Calendar) -> Vec<Begun> {
    let subdivision = situation.subdivision();
    let after =
        |day: NaiveDate| add_days(start.term.as_ref().map_or(day, |term| calendar.last_day(term, day, subdivision)), 1);
    let day_or =
        |day: Option<NaiveDate>, attribute| day.map_or(Begun::Perhaps(None, attribute), |day| Begun::On(after(day)));
    // Any of the claims may be the one on which interest runs: the day of each counts, also one that is not known.
    let each = |pick: &dyn Fn(&Claim) -> Option<NaiveDate>, attribute| {
        let days = claims.iter().map(|claim| day_or(pick(claim), attribute));
        if claims.is_empty() { vec![Begun::Perhaps(None, attribute)] } else { days.collect() }
    };
    match start.after {
        StartAfter::Due if start.only_if_fixed => {
            let fixed = |claim: &&Claim| match (claim.due_fixed_by_contract, claim.due()) {
                (Some(false), _) => None,
                (_, None) => Some(Begun::Perhaps(None, Attribute::DueDate)),
                (Some(true), Some(due)) => Some(Begun::On(after(due))),
                (None, Some(due)) => Some(Begun::Perhaps(Some(after(due)), Attribute::DueFixedByContract)),
            };
            if claims.is_empty() {
                return vec![Begun::Perhaps(None, Attribute::DueDate)];
            }
            claims.iter().filter_map(fixed).collect()
        }
        StartAfter::Due => each(&Claim::due, Attribute::DueDate),
        StartAfter::Default => vec![day_or(situation.version.dates.default_on, Attribute::DefaultDate)],
        StartAfter::Title => {
            situation.watch.titled_on(situation.version).map(|day| Begun::On(after(day))).into_iter().collect()
        }
        StartAfter::Invoice => match start.term.map(|term| (term.from, term.deemed_days)) {
            Some((CountFrom::Received, _)) => each(&|claim| claim.invoice_received, Attribute::InvoiceDate),
            Some((CountFrom::DeemedReceived, days)) => {
                let deemed = move |claim: &Claim| claim.invoice_date.map(|on| add_days(on, days.into()));
                each(&move |claim| claim.invoice_received.or(deemed(claim)), Attribute::InvoiceDate)
            }
            _ => each(&|claim| claim.invoice_date, Attribute::InvoiceDate),
        },
        StartAfter::Steps => {
            let begun = |step: Earlier| {
                let day = start.term.as_ref().map_or(Some(step.sent), |term| term_start(term, &step));
                // Nothing is received before it is sent.
                day.map_or(Begun::Perhaps(Some(after(step.sent)), Attribute::Received), |day| Begun::On(after(day)))
            };
            let mut found: Vec<Begun> = earlier_steps(situation, &start.steps).map(begun).collect();
            if situation.version.history_complete_from.is_some() {
                found.push(Begun::Perhaps(None, Attribute::History));
            }
            found
        }
    }
}
