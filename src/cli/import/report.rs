//! What became of every row: nothing is dropped in silence.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};

use super::engine::{Idle, Records, Refused};
use super::source::Unreadable;
use crate::domain::money::{Currency, format_minor};

/// A count of records and the sum of their amounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Sum in minor units.
    pub minor: i128,
}

impl Sum {
    fn add(&mut self, minor: i64) {
        self.count += 1;
        self.minor += i128::from(minor);
    }
}

/// Rows of one event that have in common that no activity was made of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// How many.
    pub count: u64,
    /// Lines of the first few.
    pub first: Vec<u64>,
}

/// Rows refused for one reason, with the first few.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// Line and what was seen, of the first few.
    pub first: Vec<(u64, String)>,
}

const EXAMPLES: usize = 3;
/// How many events, or values of an event, are told apart.
const MOST: usize = 200;
/// Longest text of a sentence, in characters: it may quote what stands in a cell.
const LONGEST: usize = 400;
/// Longest name of an event in the table, in characters.
const LONGEST_EVENT: usize = 100;

/// The account of an import, on this side of the wire.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows by event: read, and refused among them.
    pub events: BTreeMap<String, (u64, u64)>,
    /// Cases opened, with their principals.
    pub cases: Sum,
    /// Versions of cases after the first.
    pub versions: u64,
    /// Activities made, by kind.
    pub activities: BTreeMap<&'static str, Sum>,
    /// Activities that did not apply, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Rows that became no activity as the mapping says, by event and reason.
    pub ignored: BTreeMap<(String, String), Rows>,
    /// Rows that became no activity because no `when` takes them, by event and what they hold in the columns asked for.
    pub untaken: BTreeMap<(String, String), Rows>,
    /// Rows refused, by reason.
    pub refused: BTreeMap<&'static str, Refusals>,
}

impl Report {
    /// Accounts for one row: its event, its line and what became of it.
    pub fn row(&mut self, event: &str, line: u64, outcome: &Result<Records, Refused>) {
        // Garbage in the event column must not grow the table without end.
        let known = self.events.len() < MOST || self.events.contains_key(event);
        let name = if known { event } else { "(others)" };
        let counts = match self.events.get_mut(name) {
            Some(counts) => counts,
            None => self.events.entry(name.to_owned()).or_default(),
        };
        counts.0 += 1;
        match outcome {
            Ok(records) => {
                self.made(records);
                match &records.idle {
                    None => {}
                    Some(Idle::Meant(reason)) => count(&mut self.ignored, name, reason, line),
                    Some(Idle::Untaken(seen)) => count(&mut self.untaken, name, seen, line),
                }
            }
            Err(refused) => {
                counts.1 += 1;
                self.refuse(refused.reason, 1, line, refused.seen.clone());
            }
        }
    }

    /// Accounts for a row that never got as far as an event. Each line that it takes counts as a row: they may have been rows
    /// that a quotation mark has swallowed.
    pub fn unreadable(&mut self, line: u64, unreadable: Unreadable) {
        let counts = self.events.entry("(unreadable)".to_owned()).or_default();
        counts.0 += unreadable.lines;
        counts.1 += unreadable.lines;
        self.refuse("the row cannot be read", unreadable.lines, line, unreadable.seen);
    }

    fn refuse(&mut self, reason: &'static str, rows: u64, line: u64, seen: String) {
        let refusals = self.refused.entry(reason).or_default();
        refusals.count += rows;
        if refusals.first.len() < EXAMPLES {
            refusals.first.push((line, seen));
        }
    }

    fn made(&mut self, records: &Records) {
        match &records.version {
            Some(version) if records.opened => self.cases.add(version.principal()),
            Some(_) => self.versions += 1,
            None => {}
        }
        for activity in &records.activities {
            let minor = activity.detail.money().map_or(0, |money| money.minor);
            self.activities.entry(activity.detail.kind()).or_default().add(minor);
        }
        for reason in &records.left_out {
            *self.left_out.entry(reason).or_default() += 1;
        }
    }

    /// Rows read.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.events.values().map(|(read, _)| read).sum()
    }

    /// Rows refused.
    #[must_use]
    pub fn refused_rows(&self) -> u64 {
        self.events.values().map(|(_, refused)| refused).sum()
    }

    /// Rows that became no activity because no `when` takes them.
    #[must_use]
    pub fn untaken_rows(&self) -> u64 {
        self.untaken.values().map(|rows| rows.count).sum()
    }

    /// The report as text, with amounts in `currency`.
    #[must_use]
    pub fn text(&self, currency: Currency) -> String {
        Printed { report: self, currency }.to_string()
    }
}

fn count(rows: &mut BTreeMap<(String, String), Rows>, event: &str, what: &str, line: u64) {
    let what: String = what.chars().take(LONGEST_EVENT).collect();
    let mut key = (event.to_owned(), what);
    if rows.len() >= MOST && !rows.contains_key(&key) {
        "(others)".clone_into(&mut key.1);
    }
    let rows = rows.entry(key).or_default();
    rows.count += 1;
    if rows.first.len() < EXAMPLES {
        rows.first.push(line);
    }
}

struct Printed<'r> {
    report: &'r Report,
    currency: Currency,
}

impl Printed<'_> {
    fn money(&self, minor: i128) -> String {
        format!("{} {}", format_minor(minor, self.currency.exponent()), self.currency)
    }
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        let mut events = table(&["event", "rows", "refused"]);
        for (event, (rows, refused)) in &report.events {
            let name: String = printable(event).chars().take(LONGEST_EVENT).collect();
            events.add_row([name, rows.to_string(), refused.to_string()]);
        }
        events.add_row(["total".to_owned(), report.rows().to_string(), report.refused_rows().to_string()]);
        writeln!(f, "{events}\n")?;

        let mut made = table(&["record made", "count", "amount"]);
        made.add_row(["case".to_owned(), report.cases.count.to_string(), self.money(report.cases.minor)]);
        made.add_row(["later case version".to_owned(), report.versions.to_string(), String::new()]);
        for (kind, sum) in &report.activities {
            let amount = if sum.minor == 0 { String::new() } else { self.money(sum.minor) };
            made.add_row([(*kind).to_owned(), sum.count.to_string(), amount]);
        }
        write!(f, "{made}")?;
        for (reason, count) in &report.left_out {
            write!(f, "\nleft out: {count} activities, because {reason}")?;
        }
        for ((event, reason), rows) in &report.ignored {
            let (event, reason) = (printable(event), printable(reason));
            write!(f, "\nignored: {} rows of {event}, because {reason}", rows.count)?;
        }
        for ((event, seen), rows) in &report.untaken {
            let (event, seen) = (printable(event), printable(seen));
            write!(f, "\nmade no activity: {} rows of {event}, because no `when` takes {seen}", rows.count)?;
            let lines: Vec<String> = rows.first.iter().map(u64::to_string).collect();
            let more = if rows.count > rows.first.len() as u64 { ", ..." } else { "" };
            write!(
                f,
                "\n    line {}{more}; list the value under [[event.emit]] or [[event.ignore]]",
                lines.join(", ")
            )?;
        }
        for (reason, refusals) in &report.refused {
            write!(f, "\nrefused: {} rows, because {reason}", refusals.count)?;
            for (line, seen) in &refusals.first {
                write!(f, "\n    line {line}: {}", printable(seen))?;
            }
        }
        Ok(())
    }
}

/// A table in the style of the program's output: numbers to the right.
#[must_use]
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header.iter().copied());
    for index in 1..header.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Text from elsewhere without what could move the terminal's cursor, and not without end.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(LONGEST).collect()
}
