//! Limits of one rule that take each other back: what one of them asks for the other forbids, or it says nothing beside it.

use super::super::model::{Limits, Rule, Term};
use super::super::words::{Count, Roll, TermUnit};
use crate::domain::diagnostic::Diagnostic;

/// Checks a rule as it was written.
pub(super) fn check(rule: &Rule, found: &mut Vec<Diagnostic>) {
    tightened(rule, found);
    let told = match &rule.limits {
        Limits::FeeCap(limits) if limits.minimum.zip(limits.maximum).is_some_and(|(least, most)| least > most) => {
            ("minimum is more than maximum: what may always be charged may not be", "let minimum be the lower of both")
        }
        Limits::LimitationPeriod(limits) => {
            let most = limits.max_years.map(|years| Term { length: years, unit: TermUnit::Years, ..PLAIN });
            let short = limits.term.zip(most).is_some_and(|(term, most)| later(&term, &most));
            if !short {
                return;
            }
            ("max_years ends before the term: the term can never run to its end", "write the longest term in max_years")
        }
        Limits::ComplaintHandling(limits) => {
            if !limits.acknowledge.zip(limits.answer).is_some_and(|(first, then)| after(&first, &then)) {
                return;
            }
            ("acknowledge ends after answer: whoever has answered need not acknowledge", "let acknowledge end first")
        }
        Limits::PaymentTerm(limits) => {
            if !limits.longest_agreed.is_some_and(|agreed| after(&limits.longest, &agreed)) {
                return;
            }
            (
                "longest_agreed is shorter than longest: what is agreed could only be what needs no agreement",
                "write a longer time in longest_agreed, or remove it",
            )
        }
        _ => return,
    };
    found.push(diagnostic(rule, told));
}

/// Checks a rule that a tenant tightens. A stricter limit may leave one that the law has without effect; it may not ask for
/// what nobody can do.
pub(super) fn tightened(rule: &Rule, found: &mut Vec<Diagnostic>) {
    match &rule.limits {
        Limits::Content(limits) => {
            let banned = |word: &str| limits.forbidden.iter().flat_map(|entry| entry.split('|')).any(|one| one == word);
            for item in limits.items.iter().filter(|item| item.split('|').all(banned)) {
                let message =
                    format!("rule {} can never be kept: \"{item}\" is among its items and forbidden", rule.id);
                found.push(rule.limits_position.wrong(message, "remove it from items or from forbidden"));
            }
        }
        // The age counts from the sending, and the term begins no earlier.
        Limits::NoticePeriod(limits)
            if limits.required
                && limits.waived_by.is_empty()
                && limits.term.zip(limits.max_age).is_some_and(|(term, age)| !sooner(&term, &age)) =>
        {
            let why = "can never be kept: once its term has ended, the step is older than max_age";
            found.push(diagnostic(rule, (why, "write a max_age that ends after the term")));
        }
        Limits::RecordRetention(limits)
            if limits.keep_at_least.zip(limits.erase_by).is_some_and(|(keep, erase)| later(&keep, &erase)) =>
        {
            let why = "can never be kept: keep_at_least ends after erase_by";
            found.push(diagnostic(rule, (why, "let erase_by end no earlier than keep_at_least")));
        }
        _ => {}
    }
}

fn diagnostic(rule: &Rule, (why, remedy): (&str, &str)) -> Diagnostic {
    let joint = if why.starts_with("can never") { " " } else { ": " };
    rule.limits_position.wrong(format!("rule {}{joint}{why}", rule.id), remedy)
}

/// How the years of `max_years` are counted.
const PLAIN: Term = Term {
    length: 0,
    unit: TermUnit::Years,
    count: Count::ClearDays,
    from: super::super::words::CountFrom::Sent,
    deemed_days: 0,
    roll: Roll::None,
};

/// The fewest and the most days after its first day on which a term may end, whatever the months and holidays are.
fn days(term: &Term) -> (i64, i64) {
    let length = i64::from(term.length);
    let (least, most) = match term.unit {
        TermUnit::Days => (length, length),
        // Of any nine days one is a working day, but for holidays that follow each other.
        TermUnit::WorkingDays => (length, length * 9 + 30),
        TermUnit::Weeks => (length * 7, length * 7),
        TermUnit::Months => (length * 365 / 12 - 3, length * 366 / 12 + 3),
        TermUnit::Years => (length * 365, length * 366),
    };
    let first = i64::from(term.count == Count::FromNthDay);
    let roll = if term.roll == Roll::NextWorkingDay { 30 } else { 0 };
    (least - first, most + roll)
}

/// Both count in the same way, and differ in their length at most.
fn alike(a: &Term, b: &Term) -> bool {
    a.unit == b.unit && a.count == b.count && a.roll == b.roll
}

/// From the same day `a` ends later than `b`, whatever day it is.
fn later(a: &Term, b: &Term) -> bool {
    if alike(a, b) { a.length > b.length } else { days(a).0 > days(b).1 }
}

/// From the same day `a` may end sooner than `b`.
fn sooner(a: &Term, b: &Term) -> bool {
    if alike(a, b) { a.length < b.length } else { days(a).0 < days(b).1 }
}

/// The same as [`later`] of terms that begin with the same event only where they state it alike.
fn after(a: &Term, b: &Term) -> bool {
    a.from == b.from && a.deemed_days == b.deemed_days && later(a, b)
}
