//! Limits of the kinds about notices: what must go before a step, and how long before.

use super::model::Term;
use super::step::Step;
use super::words::{Set, Since, Timing};
use crate::domain::ids::RuleId;
use crate::domain::vocabulary::Form;

/// Step B not before a term after step A has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticePeriod {
    /// Step A: any of these.
    pub after: Vec<Step>,
    /// The day that stands for step A; `after` is empty then.
    pub since: Option<Since>,
    /// Step B: any of these.
    pub before: Vec<Step>,
    /// The term; absent with `respect_deadline`.
    pub term: Option<Term>,
    /// B without any A is a breach.
    pub required: bool,
    /// B is also too early before the day after the deadline that A gave.
    pub respect_deadline: bool,
    /// A older than this does not count.
    pub max_age: Option<Term>,
    /// A counts only in one of these forms.
    pub forms: Set<Form>,
    /// Not where the debtor evidently evades.
    pub unless_evasion: bool,
    /// Not where the due date was fixed by contract.
    pub unless_due_fixed: bool,
    /// Steps that count only from the due date on; the term of a step before it begins with the due date.
    pub after_due: bool,
    /// Any of these steps before B makes A and its term unnecessary.
    pub waived_by: Vec<Step>,
}

/// A notice that must be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredNotice {
    /// Any of these satisfies it.
    pub notices: Vec<Step>,
    /// The event: any of these.
    pub event: Vec<Step>,
    /// The day that stands for the event; `event` is empty then.
    pub since: Option<Since>,
    /// Only a payment that settles all that is owed is the event.
    pub paid_off: bool,
    /// Within a term after the event, before it, or with it.
    pub timing: Timing,
    /// The term, for timing `within`; absent: no figure.
    pub term: Option<Term>,
    /// Only the first event of the case counts.
    pub first_event: bool,
    /// One notice serves every later event.
    pub once: bool,
    /// The notice counts only in one of these forms.
    pub forms: Set<Form>,
    /// Not due if the debt is paid before the term ends.
    pub unless_paid: bool,
    /// Only where a claim has expired under one of these rules, for timing `before` and `with`.
    pub if_expired: Vec<RuleId>,
}

impl RequiredNotice {
    /// Its term begins with a day that the case states, not with an activity.
    #[must_use]
    pub const fn begins_with_a_day(&self) -> bool {
        self.since.is_some() && self.term.is_some()
    }
}
