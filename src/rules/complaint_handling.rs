//! The limits of a rule on answering complaints and data-subject requests.

use serde::{Deserialize, Serialize};

use super::model::Term;
use super::parse_limits::term;
use super::reader::Reader;
use super::words::{Set, words};
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// What must be answered.
    Matter { Complaint = "complaint", DataRequest = "data_request" }
);
words!(Matter);

/// By when a matter is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplaintHandling {
    /// What must be answered.
    pub of: Set<Matter>,
    /// Acknowledged within.
    pub acknowledge: Option<Term>,
    /// Told how it stands at least so often.
    pub update_every: Option<Term>,
    /// Answered within.
    pub answer: Option<Term>,
    /// The same once the person was told that it takes longer.
    pub extended: Option<Term>,
    /// The tenant belongs to a dispute scheme.
    pub scheme: bool,
}

/// Reads a rule on complaints.
pub fn complaint_handling(table: &mut Reader<'_, '_>) -> ComplaintHandling {
    if !table.has("of") {
        table.missing("of", "[\"complaint\"], or [\"data_request\"], or both");
    }
    let limits = ComplaintHandling {
        of: table.set("of"),
        acknowledge: term(table, "acknowledge"),
        update_every: term(table, "update_every"),
        answer: term(table, "answer"),
        extended: term(table, "extended"),
        scheme: table.boolean("scheme").unwrap_or(false),
    };
    if limits.extended.is_some() && limits.answer.is_none() {
        table.wrong("extended", "extended needs answer, the term that it replaces", "add answer");
    }
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    let figure = ["acknowledge", "update_every", "answer"].into_iter().any(|key| table.has(key));
    if figure && no_figure {
        table.wrong("no_figure", "a term and no_figure are both given", "remove one");
    }
    if !figure && !no_figure && !limits.scheme {
        let example =
            "{ days = 56, count = ..., from = \"received\", roll = ... }, or acknowledge, or no_figure = true";
        table.missing("answer", example);
    }
    limits
}
