//! What two rules have in common: cases that both concern, days on which both are in force.

use chrono::NaiveDate;

use super::super::head::Scope;
use super::super::model::Rule;
use super::super::words::{Set, VersionBy, Word};
use crate::domain::money::Currency;

/// Words that both sets admit; `None` if there are none. An empty set admits all.
fn words<T: Word>(a: Set<T>, b: Set<T>) -> Option<Set<T>> {
    if a.is_empty() || b.is_empty() {
        return Some(if a.is_empty() { b } else { a });
    }
    let both: Vec<T> = a.iter().filter(|word| b.has(*word)).collect();
    (!both.is_empty()).then(|| Set::of(&both))
}

/// The flag that both ask for; `None` if they contradict each other.
#[allow(clippy::option_option)] // either may ask for nothing
fn flags(a: Option<bool>, b: Option<bool>) -> Option<Option<bool>> {
    match (a, b) {
        (Some(a), Some(b)) if a != b => None,
        _ => Some(a.or(b)),
    }
}

/// The narrower of two upper bounds.
fn at_most<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Nothing lies between two bounds.
fn empty<T: Ord>(low: Option<T>, high: Option<T>) -> bool {
    low.zip(high).is_some_and(|(low, high)| high < low)
}

/// Bounds of the principal, which can be compared only in one currency; in two, no case has both.
fn one_currency(a: Option<(i64, Currency)>, b: Option<(i64, Currency)>) -> bool {
    a.zip(b).is_none_or(|((_, a), (_, b))| a == b)
}

/// The cases that both scopes admit; `None` if no case can have both.
pub(super) fn scopes(a: &Scope, b: &Scope) -> Option<Scope> {
    let (past_due_min, past_due_max) = (a.past_due_min.max(b.past_due_min), at_most(a.past_due_max, b.past_due_max));
    let bounds = [a.min_principal, b.min_principal, a.max_principal, b.max_principal];
    let comparable = bounds.iter().all(|one| bounds.iter().all(|other| one_currency(*one, *other)));
    let (min_principal, max_principal) =
        (a.min_principal.max(b.min_principal), at_most(a.max_principal, b.max_principal));
    if !comparable || empty(past_due_min, past_due_max) || empty(min_principal, max_principal) {
        return None;
    }
    Some(Scope {
        past_due_min,
        past_due_max,
        min_principal,
        max_principal,
        collector_role: words(a.collector_role, b.collector_role)?,
        ownership: words(a.ownership, b.ownership)?,
        debt_class: words(a.debt_class, b.debt_class)?,
        debt_type: words(a.debt_type, b.debt_type)?,
        creditor_type: words(a.creditor_type, b.creditor_type)?,
        debtor_kind: words(a.debtor_kind, b.debtor_kind)?,
        person_role: words(a.person_role, b.person_role)?,
        regulated_credit: flags(a.regulated_credit, b.regulated_credit)?,
        eu_bank_npl: flags(a.eu_bank_npl, b.eu_bank_npl)?,
        secured: flags(a.secured, b.secured)?,
        titled: flags(a.titled, b.titled)?,
    })
}

/// The days of a rule, by the date that picks its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    /// First day; from ever if absent.
    pub(super) from: Option<NaiveDate>,
    /// Last day; open if absent.
    pub(super) until: Option<NaiveDate>,
    /// Which date.
    pub(super) by: VersionBy,
}

impl Days {
    pub(super) const fn of(rule: &Rule) -> Self {
        Self { from: rule.valid_from, until: rule.valid_until, by: rule.version_by }
    }

    /// The days that both have; `None` if there are none. Days by different dates may always fall together.
    pub(super) fn meet(self, other: Self) -> Option<Self> {
        if self.by != other.by {
            return Some(self);
        }
        let from = self.from.max(other.from);
        let until = at_most(self.until, other.until);
        (!empty(from, until)).then_some(Self { from, until, by: self.by })
    }
}
