//! How long a condition binds, where the law ends it whatever is recorded.

use super::model::Term;
use super::parse_limits::term;
use super::reader::Reader;
use super::words::{CountFrom, Set};
use crate::domain::party::Condition;

/// The longest time that conditions bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lasting {
    /// From the condition's beginning, or from when the collector learnt of it. Absent: until its recorded end.
    pub term: Option<Term>,
    /// Conditions that it ends; empty: all of the rule.
    pub of: Set<Condition>,
}

/// Reads the keys `lasts` and `lasts_for` of a rule that names these conditions.
pub fn lasting(table: &mut Reader<'_, '_>, named: Set<Condition>) -> Lasting {
    let term = term(table, "lasts");
    let of = table.set("lasts_for");
    if term.is_none() && !of.is_empty() {
        table.missing("lasts", "{ days = 60, count = ..., from = \"sent\", roll = ... }, how long they last");
    }
    if term.is_some() && named.is_empty() || !named.covers(of) {
        table.wrong("lasts", "lasts speaks of a condition that the rule does not name", "name it among the conditions");
    }
    if term.is_some_and(|term| term.from == CountFrom::DeemedReceived) {
        table.wrong("lasts", "a condition is received or not", "write from = \"sent\" (its beginning) or \"received\"");
    }
    Lasting { term, of }
}
