//! A record's fields as a mapping writes them: constants, and operators that read the row or the case's state.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use crate::config::document::{Complaints, integer};
use crate::domain::money::{Currency, Money};

/// What an operator makes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// The money of a column, as amount and currency. The column's value becomes its running total.
    Money(String),
    /// How much the column's running total grew since the case's last event that read it.
    IncreaseOf(String),
    /// What is open on the case by the records made so far; no record where nothing is open.
    OpenBalance,
    /// The text of a column; the field is left out where the column is empty.
    Text(String),
    /// The whole number of a column; left out where empty.
    Integer(String),
    /// The date of a column (YYYY-MM-DD or RFC 3339, in the source's zone); left out where empty.
    Date(String),
    /// The instant of a column, read as the times of events are; left out where empty.
    Time(String),
    /// The money of a column in minor units, for fields that have no currency of their own; left out where empty.
    Minor(String),
    /// The activity, of one of these kinds, that the record became whose id stands in a column; left out where empty.
    ActivityOf {
        /// The column.
        column: String,
        /// What the field may name.
        kinds: &'static [&'static str],
    },
    /// The event's date and so many days.
    DaysAfterEvent(i64),
}

/// The names of the operators.
pub const OPERATORS: [&str; 10] = [
    "money",
    "increase_of",
    "open_balance",
    "text",
    "integer",
    "date",
    "time",
    "minor",
    "activity_of",
    "days_after_event",
];

/// Fields that name another activity, with the kinds that they may name.
const NAMING: [(&str, &[&str]); 6] = [
    ("reverses", &["payment", "charge", "interest", "adjustment"]),
    ("promise", &["promise"]),
    ("supersedes", &["promise"]),
    ("plan", &["plan"]),
    ("notice", &["contact"]),
    ("payments", &["payment"]),
];

/// A value of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Stands in every record as it is.
    Constant(Value),
    /// A table of further values.
    Object(Vec<(String, Node)>),
    /// An array of further values.
    Array(Vec<Node>),
    /// Made from the row.
    Operator(Operator),
}

/// Why a row gave no value, and what state an operator reads.
pub trait Scope {
    /// Why the row is refused.
    type Refusal;
    /// The operator's value; `None` leaves the field out.
    ///
    /// # Errors
    /// A refusal of the whole row.
    fn evaluate(&mut self, operator: &Operator) -> Result<Option<Value>, Self::Refusal>;
}

impl Node {
    /// The constant of a field of a table.
    #[must_use]
    pub fn constant(&self, field: &str) -> Option<&Value> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find_map(|(key, value)| match value {
            Self::Constant(constant) if key == field => Some(constant),
            _ => None,
        })
    }

    /// Reads a template from TOML.
    pub fn read(value: &DeValue, at: usize, out: &mut Complaints) -> Self {
        match value {
            DeValue::String(text) => Self::Constant(Value::String(text.as_ref().to_owned())),
            DeValue::Boolean(value) => Self::Constant(Value::Bool(*value)),
            DeValue::Integer(_) => match integer(value) {
                Some(number) => Self::Constant(json!(number)),
                None => {
                    out.at(at, "the number is beyond 64 bits", "write a smaller number");
                    Self::Constant(Value::Null)
                }
            },
            DeValue::Float(_) => {
                out.at(
                    at,
                    "floating-point numbers have no place in a record",
                    "write a whole number, money in minor units",
                );
                Self::Constant(Value::Null)
            }
            DeValue::Datetime(date) => Self::Constant(Value::String(date.to_string())),
            DeValue::Array(items) => {
                Self::Array(items.iter().map(|item| Self::read(item.get_ref(), item.span().start, out)).collect())
            }
            DeValue::Table(table) => Self::table(table, out),
        }
    }

    /// Reads a table: an operator if its only key names one.
    pub fn table(table: &DeTable, out: &mut Complaints) -> Self {
        if let Some((key, value)) = table.iter().next().filter(|_| table.len() == 1) {
            let name = key.get_ref().as_ref();
            if OPERATORS.contains(&name) {
                return match operator(name, value.get_ref()) {
                    Some(operator) => Self::Operator(operator),
                    None => {
                        let wanted = match name {
                            "open_balance" => "open_balance = true",
                            "days_after_event" => "days_after_event = <number of days up to 36500>",
                            _ => "the name of a column in quotes",
                        };
                        out.at(
                            value.span().start,
                            format!("{name} has no use for this value"),
                            format!("write {wanted}"),
                        );
                        Self::Constant(Value::Null)
                    }
                };
            }
        }
        let fields = table.iter().map(|(key, value)| {
            let (key, at) = (key.get_ref().as_ref(), value.span().start);
            (key.to_owned(), Self::read(value.get_ref(), at, out).aimed(key, at, out))
        });
        Self::Object(fields.collect())
    }

    /// Tells an operator that names an activity which kinds the field may name.
    fn aimed(self, key: &str, at: usize, out: &mut Complaints) -> Self {
        match self {
            Self::Operator(Operator::ActivityOf { column, .. }) => {
                let kinds = NAMING.into_iter().find(|(field, _)| *field == key).map(|(_, kinds)| kinds);
                if kinds.is_none() {
                    let fields = NAMING.map(|(field, _)| field).join(", ");
                    out.at(at, format!("{key} names no activity"), format!("use activity_of in one of {fields}"));
                }
                Self::Operator(Operator::ActivityOf { column, kinds: kinds.unwrap_or_default() })
            }
            Self::Array(items) => Self::Array(items.into_iter().map(|item| item.aimed(key, at, out)).collect()),
            other => other,
        }
    }

    /// Whether an operator names the activity of another record.
    #[must_use]
    pub fn refers(&self) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::Object(fields) => fields.iter().any(|(_, node)| node.refers()),
            Self::Array(items) => items.iter().any(Self::refers),
            Self::Operator(operator) => matches!(operator, Operator::ActivityOf { .. }),
        }
    }

    /// The columns that operators read.
    pub fn columns(&self, found: &mut Vec<String>) {
        match self {
            Self::Constant(_) => {}
            Self::Object(fields) => fields.iter().for_each(|(_, node)| node.columns(found)),
            Self::Array(items) => items.iter().for_each(|node| node.columns(found)),
            Self::Operator(operator) => match operator {
                Operator::Money(column)
                | Operator::IncreaseOf(column)
                | Operator::Text(column)
                | Operator::Integer(column)
                | Operator::Time(column)
                | Operator::Minor(column)
                | Operator::ActivityOf { column, .. }
                | Operator::Date(column) => found.push(column.clone()),
                Operator::OpenBalance | Operator::DaysAfterEvent(_) => {}
            },
        }
    }

    /// The JSON form with every operator evaluated; `None` where the value is left out.
    ///
    /// # Errors
    /// The first refusal of the scope.
    pub fn fill<S: Scope>(&self, scope: &mut S) -> Result<Option<Value>, S::Refusal> {
        Ok(match self {
            Self::Constant(value) => Some(value.clone()),
            Self::Operator(operator) => scope.evaluate(operator)?,
            Self::Object(fields) => {
                let mut object = Map::new();
                for (key, node) in fields {
                    if let Some(value) = node.fill(scope)? {
                        object.insert(key.clone(), value);
                    }
                }
                Some(Value::Object(object))
            }
            Self::Array(items) => {
                let mut array = Vec::with_capacity(items.len());
                for node in items {
                    array.extend(node.fill(scope)?);
                }
                Some(Value::Array(array))
            }
        })
    }
}

fn operator(name: &str, value: &DeValue) -> Option<Operator> {
    match (name, value) {
        ("open_balance", DeValue::Boolean(true)) => Some(Operator::OpenBalance),
        ("days_after_event", _) => {
            integer(value).filter(|days| (-36_500..=36_500).contains(days)).map(Operator::DaysAfterEvent)
        }
        (_, DeValue::String(column)) => {
            let column = column.as_ref().to_owned();
            match name {
                "money" => Some(Operator::Money(column)),
                "increase_of" => Some(Operator::IncreaseOf(column)),
                "text" => Some(Operator::Text(column)),
                "integer" => Some(Operator::Integer(column)),
                "date" => Some(Operator::Date(column)),
                "time" => Some(Operator::Time(column)),
                "minor" => Some(Operator::Minor(column)),
                "activity_of" => Some(Operator::ActivityOf { column, kinds: &[] }),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A scope in which every operator has some value: a template can be tried before a row is read.
pub struct Sample(pub Currency);

impl Scope for Sample {
    type Refusal = std::convert::Infallible;

    fn evaluate(&mut self, operator: &Operator) -> Result<Option<Value>, Self::Refusal> {
        Ok(Some(match operator {
            Operator::Money(_) | Operator::IncreaseOf(_) | Operator::OpenBalance => money(Money::new(1, self.0)),
            Operator::Text(_) | Operator::ActivityOf { .. } => json!("x"),
            Operator::Integer(_) | Operator::Minor(_) | Operator::Time(_) => json!(1),
            Operator::Date(_) | Operator::DaysAfterEvent(_) => date(NaiveDate::default()),
        }))
    }
}

/// Money in the JSON form of the domain's records.
#[must_use]
pub fn money(money: Money) -> Value {
    json!({ "m": money.minor, "c": money.currency.code() })
}

/// A date in the JSON form of the domain's records.
#[must_use]
pub fn date(date: NaiveDate) -> Value {
    Value::String(date.to_string())
}
