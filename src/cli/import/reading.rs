//! What the operators of a mapping see of one row and its case.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::engine::{Refused, Row};
use super::ids::Seen;
use super::mapping::Mapping;
use super::template::{self, Operator, Scope};
use crate::domain::money::Money;
use crate::domain::time::{Timestamp, add_days};

/// What the operators of one activity see.
pub struct Reading<'r, R> {
    mapping: &'r Mapping,
    row: &'r R,
    date: NaiveDate,
    open: i64,
    totals: &'r HashMap<String, i64>,
    seen: &'r Seen,
    /// Money read from columns: their new running totals.
    pub read: BTreeMap<String, i64>,
    /// The open balance was asked for and there is none.
    pub nothing_open: bool,
}

impl<'r, R: Row> Reading<'r, R> {
    /// For one activity of a row.
    pub fn new(
        mapping: &'r Mapping,
        row: &'r R,
        date: NaiveDate,
        open: i64,
        totals: &'r HashMap<String, i64>,
        seen: &'r Seen,
    ) -> Self {
        Self { mapping, row, date, open, totals, seen, read: BTreeMap::new(), nothing_open: false }
    }

    fn money(&self, column: &str, text: &str) -> Result<Money, Refused> {
        let money = self.mapping.money(text);
        money.map_err(|error| Refused::new("an amount cannot be read", format!("{column}: {error}")))
    }

    fn amount(&mut self, column: &str) -> Result<i64, Refused> {
        let money = self.money(column, self.row.column(column))?;
        self.read.insert(column.to_owned(), money.minor);
        Ok(money.minor)
    }
}

/// The instant of a text: RFC 3339, or a local date and time in `zone`, or the start of a date there.
pub fn instant(text: &str, zone: Tz) -> Option<Timestamp> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(Timestamp::from(at));
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some(Timestamp::start_of(date, zone));
    }
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .ok()?;
    Some(Timestamp::at_local(local.date(), local.time(), zone))
}

impl<R: Row> Scope for Reading<'_, R> {
    type Refusal = Refused;

    fn evaluate(&mut self, operator: &Operator) -> Result<Option<Value>, Refused> {
        let currency = self.mapping.currency;
        let money = |minor| Some(template::money(Money::new(minor, currency)));
        Ok(match operator {
            Operator::Money(column) => money(self.amount(column)?),
            Operator::IncreaseOf(column) => {
                let before = self.totals.get(column).copied();
                let now = self.amount(column)?;
                let before =
                    before.ok_or_else(|| Refused::new("a running total has no value before", column.as_str()))?;
                match now.checked_sub(before) {
                    Some(increase) if increase >= 0 => money(increase),
                    _ => return Err(Refused::new("a running total fell", format!("{column}: {before} to {now}"))),
                }
            }
            Operator::OpenBalance => {
                self.nothing_open = self.open <= 0;
                money(self.open.max(0))
            }
            Operator::Text(column) => {
                Some(self.row.column(column)).filter(|text| !text.is_empty()).map(|text| json!(text))
            }
            Operator::Integer(column) => match self.row.column(column) {
                "" => None,
                text => match text.parse::<i64>() {
                    Ok(number) => Some(json!(number)),
                    Err(_) => return Err(Refused::new("a whole number cannot be read", format!("{column}: {text}"))),
                },
            },
            Operator::Time(column) => match self.row.column(column) {
                "" => None,
                text => {
                    let unreadable = || Refused::new("a time cannot be read", format!("{column}: {text}"));
                    Some(json!(instant(text, self.mapping.zone).ok_or_else(unreadable)?.0))
                }
            },
            Operator::Minor(column) => match self.row.column(column) {
                "" => None,
                text => Some(json!(self.money(column, text)?.minor)),
            },
            Operator::ActivityOf { column, kinds } => match self.row.column(column) {
                "" => None,
                record => Some(json!(self.seen.activity_of(record, kinds, column)?)),
            },
            Operator::Date(column) => match self.row.column(column) {
                "" => None,
                text => Some(template::date(self.date_of(column, text)?)),
            },
            Operator::DaysAfterEvent(days) => Some(template::date(add_days(self.date, *days))),
        })
    }
}

impl<R: Row> Reading<'_, R> {
    fn date_of(&self, column: &str, text: &str) -> Result<NaiveDate, Refused> {
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(date);
        }
        DateTime::parse_from_rfc3339(text)
            .map(|at| Timestamp::from(at).date(self.mapping.zone))
            .map_err(|_| Refused::new("a date cannot be read", format!("{column}: {text}")))
    }
}
