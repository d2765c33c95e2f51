//! The limits of a rule on limitation: after how long a claim is lost.

use super::model::Term;
use super::parse_limits::{steps, term};
use super::reader::Reader;
use super::step::Step;
use super::words::{LimitationStart, Set};
use crate::domain::case::LimitationEventKind;

/// After how long a claim is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitationPeriod {
    /// The term; absent: no figure.
    pub term: Option<Term>,
    /// From when it runs.
    pub start: LimitationStart,
    /// What begins it anew.
    pub interrupted_by: Set<LimitationEventKind>,
    /// What of that begins it anew after its end, too.
    pub revived_by: Set<LimitationEventKind>,
    /// An acknowledgement counts only in writing.
    pub acknowledged_in_writing: bool,
    /// A demand or reminder counts only in writing.
    pub demanded_in_writing: bool,
    /// Negotiations hold it. `None`: whether they do was not read.
    pub negotiation_suspends: Option<bool>,
    /// After negotiations it does not end before so many months.
    pub months_after_negotiation: Option<u16>,
    /// An action holds it, and does not begin it anew.
    pub court_action_suspends: bool,
    /// The debtor's default holds it, for so many years from the day from which it is reckoned at most.
    pub suspended_in_default_years: Option<u16>,
    /// Longest term from the start, in years, whatever interrupted it.
    pub max_years: Option<u16>,
    /// Term of a title from its day, in years.
    pub titled_years: Option<u16>,
    /// What is forbidden afterwards.
    pub forbids: Vec<Step>,
}

/// Reads a rule on limitation.
pub fn limitation(table: &mut Reader<'_, '_>) -> Option<LimitationPeriod> {
    let term = term(table, "term");
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    if term.is_none() && !no_figure && !table.has("term") {
        table.missing("term", "{ years = 3, count = ..., from = ..., roll = ... }, or no_figure = true");
    }
    let start = table.need_word::<LimitationStart>("start");
    let years = |table: &mut Reader<'_, '_>, key| table.integer(key, 1, 100).and_then(|n| u16::try_from(n).ok());
    let months = |table: &mut Reader<'_, '_>, key| table.integer(key, 1, 60).and_then(|n| u16::try_from(n).ok());
    let (interrupted_by, revived_by) = (table.set("interrupted_by"), table.set("revived_by"));
    if let Some(one) = revived_by.iter().find(|one: &LimitationEventKind| !interrupted_by.has(*one)) {
        let message = format!("{one} does not begin the period anew while it runs");
        table.wrong("revived_by", &message, "name it in interrupted_by, too");
    }
    let acknowledged_in_writing = table.boolean("acknowledged_in_writing").unwrap_or(false);
    if acknowledged_in_writing && !interrupted_by.has(LimitationEventKind::Acknowledgement) {
        table.wrong("acknowledged_in_writing", "no acknowledgement begins the period anew", "remove it");
    }
    let demanded_in_writing = table.boolean("demanded_in_writing").unwrap_or(false);
    if demanded_in_writing && !interrupted_by.has(LimitationEventKind::DemandReceived) {
        table.wrong("demanded_in_writing", "no demand begins the period anew", "remove it");
    }
    let negotiation_suspends = table.boolean("negotiation_suspends");
    let months_after_negotiation = months(table, "months_after_negotiation");
    if months_after_negotiation.is_some() && negotiation_suspends != Some(true) {
        let remedy = "state negotiation_suspends = true, or remove it";
        table.wrong("months_after_negotiation", "negotiations do not hold the period", remedy);
    }
    let court_action_suspends = table.boolean("court_action_suspends").unwrap_or(false);
    if court_action_suspends && interrupted_by.has(LimitationEventKind::CourtAction) {
        let remedy = "remove it, or court_action from interrupted_by";
        table.wrong("court_action_suspends", "an action begins the period anew", remedy);
    }
    Some(LimitationPeriod {
        term,
        interrupted_by,
        revived_by,
        acknowledged_in_writing,
        demanded_in_writing,
        negotiation_suspends,
        months_after_negotiation,
        court_action_suspends,
        suspended_in_default_years: years(table, "suspended_in_default_years"),
        max_years: years(table, "max_years"),
        titled_years: years(table, "titled_years"),
        forbids: steps(table, "forbids", true),
        // Last: every key is read before.
        start: start?,
    })
}
