//! The limits of a rule on how long records are kept.

use serde::{Deserialize, Serialize};

use super::model::Term;
use super::parse_limits::term;
use super::reader::Reader;
use super::words::words;
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// From when records are kept.
    RetentionStart {
        /// The collector's last contact, charge, legal step or report.
        LastActivity = "last_activity",
        CaseClosed = "case_closed",
        /// The record itself.
        Record = "record",
    }
);
words!(RetentionStart);

/// How long records are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRetention {
    /// Which records; all if empty.
    pub records: Vec<String>,
    /// Not erased before this has passed.
    pub keep_at_least: Option<Term>,
    /// Erased when this has passed.
    pub erase_by: Option<Term>,
    /// From when both run.
    pub start: RetentionStart,
}

/// Reads a rule on records.
pub fn record_retention(table: &mut Reader<'_, '_>) -> Option<RecordRetention> {
    let (keep_at_least, erase_by) = (term(table, "keep_at_least"), term(table, "erase_by"));
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    let figure = table.has("keep_at_least") || table.has("erase_by");
    if !figure && !no_figure {
        table.missing("keep_at_least", "{ years = 3, count = ..., from = ..., roll = ... }, or erase_by, or no_figure");
    }
    if figure && no_figure {
        table.wrong("no_figure", "a term and no_figure are both given", "remove one");
    }
    let start = if no_figure {
        table.word("start").or(Some(RetentionStart::LastActivity))
    } else {
        table.need_word::<RetentionStart>("start")
    };
    if erase_by.is_some() && start.is_some_and(|start| start != RetentionStart::CaseClosed) {
        table.wrong("erase_by", "erase_by runs from the closing of a case", "write start = \"case_closed\"");
    }
    Some(RecordRetention { records: table.texts("records"), keep_at_least, erase_by, start: start? })
}
