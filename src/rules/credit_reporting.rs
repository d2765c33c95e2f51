//! The limits of a rule on reports to credit bureaus.

use serde::{Deserialize, Serialize};

use super::model::Term;
use super::parse_fee;
use super::parse_limits::{past_steps, term};
use super::parse_rule::Defaults;
use super::reader::Reader;
use super::step::Step;
use super::words::{Set, words};
use crate::domain::money::Currency;
use crate::domain::party::Condition;
use crate::domain::vocabulary::{Form, vocabulary};

vocabulary!(
    /// Of which of several notices a waiting time runs.
    WaitFrom { First = "first", Last = "last" }
);
vocabulary!(
    /// From when a report's longest life runs.
    EraseFrom { Due = "due", Default = "default", Title = "title", Report = "report" }
);
words!(WaitFrom, EraseFrom);

/// What must go before a report, and how long it may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditReporting {
    /// Not at all.
    pub never: bool,
    /// Notices that must have gone: any of these steps.
    pub notices: Vec<Step>,
    /// So many of them.
    pub min_notices: u32,
    /// They count only in these forms.
    pub forms: Set<Form>,
    /// They count only from the due date on.
    pub after_due: bool,
    /// At least this from the first to the last.
    pub spacing: Option<Term>,
    /// The report is lawful after this.
    pub wait: Option<Term>,
    /// Of which notice it runs.
    pub wait_from: WaitFrom,
    /// The last notice is no older.
    pub max_age: Option<Term>,
    /// One of these must have gone too, not before the first notice.
    pub announced: Vec<Step>,
    /// A conversation about the debt does instead of the notice and its wait.
    pub or_spoken: bool,
    /// Any of these does instead of notices, wait and overdue.
    pub instead: Vec<Step>,
    /// One of these must have happened.
    pub requires: Vec<Step>,
    /// So long ago.
    pub requires_wait: Option<Term>,
    /// Since the oldest due date.
    pub overdue: Option<Term>,
    /// Least amount, minor units.
    pub min_debt: Option<i64>,
    /// Its currency: the pack's.
    pub currency: Option<Currency>,
    /// Conditions under which nothing is reported.
    pub block_if: Set<Condition>,
    /// A disputed debt only with the mark.
    pub mark_disputed: bool,
    /// At most so many reports of a case.
    pub max_reports: Option<u32>,
    /// The report stands no longer.
    pub erase: Option<Term>,
    /// From when that runs.
    pub erase_from: EraseFrom,
    /// It begins so many days later.
    pub erase_delay_days: u16,
    /// Withdrawn so soon after the debt was paid.
    pub erase_paid: Option<Term>,
    /// A number is spoken of and not stated.
    pub no_figure: bool,
}

const KEYS: [&str; 12] = [
    "never",
    "notices",
    "announced",
    "or_spoken",
    "requires",
    "overdue",
    "min_debt",
    "block_if",
    "mark_disputed",
    "max_reports",
    "erase",
    "erase_paid",
];

/// Reads a rule on credit reports.
pub fn credit_reporting(table: &mut Reader<'_, '_>, defaults: &Defaults<'_>) -> CreditReporting {
    let min_debt = match defaults.currency {
        Some(currency) => parse_fee::amount(table, "min_debt", currency),
        None => {
            if table.has("min_debt") {
                table.wrong("min_debt", "min_debt has no currency", "add currency to the pack's head");
            }
            None
        }
    };
    let count = |table: &mut Reader<'_, '_>, key| table.integer(key, 1, 100).and_then(|n| u32::try_from(n).ok());
    let erase_from = table.word::<EraseFrom>("erase_from");
    let limits = CreditReporting {
        never: table.boolean("never").unwrap_or(false),
        notices: past_steps(table, "notices", false),
        min_notices: count(table, "min_notices").unwrap_or(1),
        forms: table.set("forms"),
        after_due: table.boolean("after_due").unwrap_or(false),
        spacing: term(table, "spacing"),
        wait: term(table, "wait"),
        wait_from: table.word("wait_from").unwrap_or(WaitFrom::Last),
        max_age: term(table, "max_age"),
        announced: past_steps(table, "announced", false),
        or_spoken: table.boolean("or_spoken").unwrap_or(false),
        instead: past_steps(table, "instead", false),
        requires: past_steps(table, "requires", false),
        requires_wait: term(table, "requires_wait"),
        overdue: term(table, "overdue"),
        min_debt,
        currency: defaults.currency,
        block_if: table.set("block_if"),
        mark_disputed: table.boolean("mark_disputed").unwrap_or(false),
        max_reports: count(table, "max_reports"),
        erase: term(table, "erase"),
        erase_from: erase_from.unwrap_or(EraseFrom::Report),
        erase_delay_days: table.integer("erase_delay_days", 0, 3660).and_then(|n| u16::try_from(n).ok()).unwrap_or(0),
        erase_paid: term(table, "erase_paid"),
        no_figure: table.boolean("no_figure").unwrap_or(false),
    };
    let needs: [(&'static str, &'static str, bool); 6] = [
        ("wait", "notices", limits.notices.is_empty()),
        ("spacing", "notices", limits.notices.is_empty()),
        ("max_age", "notices", limits.notices.is_empty()),
        ("min_notices", "notices", limits.notices.is_empty()),
        ("requires_wait", "requires", limits.requires.is_empty()),
        ("erase_from", "erase", limits.erase.is_none()),
    ];
    for (key, needed, absent) in needs {
        if absent && table.has(key) {
            table.wrong(key, &format!("{key} needs {needed}"), &format!("add {needed}, or remove {key}"));
        }
    }
    if limits.erase.is_some() && erase_from.is_none() {
        table.missing("erase_from", "\"due\", \"default\", \"title\" or \"report\"");
    }
    if !limits.no_figure && !KEYS.into_iter().any(|key| table.has(key)) {
        table.missing("notices", "[\"notice:...\"], or another of the kind's keys, or no_figure = true");
    }
    limits
}
