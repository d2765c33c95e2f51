//! Structured formulas: named measures added, subtracted, divided and scaled, over the period or as a stock.

use std::collections::BTreeMap;

use super::exact::Exact;
use super::read::{Reader, Table, Value, names};
use super::schema::{Measure, Place};
use super::unit::Quantity;

/// When a measure is summed, relative to a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Window {
    /// The period's own days.
    Flow,
    /// All days before the period.
    Opening,
    /// All days up to the period's end.
    Closing,
    /// The mean of the stock at the end of each day of the period.
    Mean,
    /// From the question's first day to the period's end.
    Running,
    /// A percentile of the values of the period.
    Percentile(u8),
    /// The days within which so many of a hundred accounts that began in the period reached one of the ends, by the bits of
    /// their places in `ENDS`.
    Survival(u8, u16),
}

/// A formula as written, with byte offsets.
#[derive(Debug, Clone)]
pub(crate) enum Raw {
    Name(String, usize),
    Number(Exact),
    Parameter(String, usize),
    Add(Vec<Self>, usize),
    Subtract(Vec<Self>, usize),
    Divide(Box<(Self, Self)>, usize),
    Multiply(Box<(Self, Self)>, usize),
    Scale(Box<Self>, Exact),
    Window(Window, Box<Self>, usize),
}

/// A formula ready to compute.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Number of the leaf.
    Leaf(usize),
    Number(Exact),
    /// Months of the period.
    Months,
    /// Days of the period.
    Days,
    /// Working days of the period.
    WorkingDays,
    /// Number of the period's last day, in days since 1970-01-01.
    LastDay,
    Add(Vec<Self>),
    Subtract(Vec<Self>),
    Divide(Box<(Self, Self)>),
    Multiply(Box<(Self, Self)>),
    Scale(Box<Self>, Exact),
}

/// A measure in a window: what cells give to a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) measure: usize,
    pub(crate) window: Window,
}

/// A value that a KPI fixes for its formula.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Parameter {
    Number(Exact),
    /// The period's number of months.
    Months,
    /// The period's number of days.
    Days,
    /// The period's number of working days in the market's country.
    WorkingDays,
    /// The number of the period's last day, in days since 1970-01-01.
    LastDay,
}

const FORMS: &str = "\"name\", a number, { add = [..] }, { subtract = [..] }, { divide = [a, b] }, \
                     { multiply = [a, b] }, { scale = x, by = \"1/2\" }, { opening = x }, { closing = x }, { mean = x }, { parameter = \"n\" }";

/// Reads a formula.
pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Raw> {
    let at = value.span().start;
    if let Some(name) = value.get_ref().as_str() {
        return Some(Raw::Name(name.to_owned(), at));
    }
    if let Some(number) = super::read::whole(value) {
        return Some(Raw::Number(Exact::whole(number)));
    }
    let inner = value.get_ref().as_table().filter(|table| !table.is_empty());
    let Some(inner) = inner else {
        reader.wrong(at, "this is no formula", format!("write one of {FORMS}"));
        return None;
    };
    let mut table = Table::new(inner, at, "a formula");
    let mut found: Vec<Option<Raw>> = Vec::new();
    for (key, window) in [("opening", Window::Opening), ("closing", Window::Closing), ("mean", Window::Mean)] {
        if let Some(value) = table.get(key) {
            found.push(read(reader, value).map(|raw| Raw::Window(window, Box::new(raw), at)));
        }
    }
    if let Some(value) = table.get("add") {
        found.push(list(reader, value).map(|parts| Raw::Add(parts, at)));
    }
    if let Some(value) = table.get("subtract") {
        found.push(list(reader, value).map(|parts| Raw::Subtract(parts, at)));
    }
    if let Some(value) = table.get("divide") {
        found.push(pair(reader, value, "divide").map(|parts| Raw::Divide(Box::new(parts), at)));
    }
    if let Some(value) = table.get("multiply") {
        found.push(pair(reader, value, "multiply").map(|parts| Raw::Multiply(Box::new(parts), at)));
    }
    if let Some(value) = table.get("scale") {
        let raw = read(reader, value);
        let by = table.text(reader, "by").and_then(|(text, at)| {
            let by = Exact::parse(text);
            if by.is_none() {
                reader.wrong(at, format!("\"{text}\" is no number"), "write by = \"0.5\" or by = \"1/12\"");
            }
            by
        });
        found.push(raw.zip(by).map(|(raw, by)| Raw::Scale(Box::new(raw), by)));
    }
    if let Some((name, at)) = table.maybe_text(reader, "parameter") {
        found.push(Some(Raw::Parameter(name.to_owned(), at)));
    }
    table.finish(reader);
    if found.len() > 1 {
        reader.wrong(at, "this formula does more than one thing", format!("write one of {FORMS}"));
    }
    found.into_iter().next().flatten()
}

fn pair(reader: &mut Reader<'_>, value: &Value<'_>, what: &str) -> Option<(Raw, Raw)> {
    let parts = list(reader, value).and_then(|parts| <[Raw; 2]>::try_from(parts).ok());
    if parts.is_none() {
        reader.wrong(value.span().start, format!("{what} takes two formulas"), format!("write {what} = [a, b]"));
    }
    parts.map(|[one, other]| (one, other))
}

fn list(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Vec<Raw>> {
    let items = value.get_ref().as_array().filter(|items| !items.is_empty());
    let Some(items) = items else {
        reader.wrong(value.span().start, "this is no list of formulas", "write [\"payments\", \"charges\"]");
        return None;
    };
    items.iter().map(|item| read(reader, item)).collect()
}

/// What names in formulas stand for.
pub(crate) struct Scope<'a> {
    pub(crate) measures: &'a [Measure],
    pub(crate) by_id: &'a BTreeMap<&'a str, usize>,
    pub(crate) formulas: &'a BTreeMap<&'a str, &'a Raw>,
    pub(crate) parameters: &'a BTreeMap<String, Parameter>,
}

/// A fault found while names are resolved: offset, message, remedy. The offset is in the KPI's file, or the formula's.
pub(crate) type Fault = (usize, String, String);

/// Turns written formulas into computable ones and infers their quantities.
pub(crate) struct Resolver<'a> {
    scope: &'a Scope<'a>,
    pub(crate) leaves: Vec<Leaf>,
    /// Formulas being followed, to stop at circles.
    path: Vec<&'a str>,
    pub(crate) used_parameters: Vec<String>,
}

impl<'a> Resolver<'a> {
    pub(crate) const fn new(scope: &'a Scope<'a>) -> Self {
        Self { scope, leaves: Vec::new(), path: Vec::new(), used_parameters: Vec::new() }
    }

    /// Resolves one formula in a window.
    ///
    /// # Errors
    /// An unknown name, a circle, unlike quantities, or a stock of something that is no sum.
    pub(crate) fn resolve(&mut self, raw: &'a Raw, window: Window) -> Result<(Node, Quantity), Fault> {
        match raw {
            Raw::Name(name, at) => self.name(name, *at, window),
            Raw::Number(number) => Ok((Node::Number(*number), Quantity::NUMBER)),
            Raw::Parameter(name, at) => {
                self.used_parameters.push(name.clone());
                match self.scope.parameters.get(name) {
                    Some(Parameter::Number(number)) => Ok((Node::Number(*number), Quantity::NUMBER)),
                    Some(Parameter::Months) => Ok((Node::Months, Quantity::NUMBER)),
                    Some(Parameter::Days) => Ok((Node::Days, Quantity::DAYS)),
                    Some(Parameter::WorkingDays) => Ok((Node::WorkingDays, Quantity::NUMBER)),
                    Some(Parameter::LastDay) => Ok((Node::LastDay, Quantity::DAYS)),
                    None => {
                        let remedy =
                            format!("add parameters = {{ {name} = 1 }} or {{ {name} = \"months\" }} to the KPI");
                        Err((*at, format!("the parameter \"{name}\" has no value"), remedy))
                    }
                }
            }
            Raw::Add(parts, at) => self.sum(parts, *at, window).map(|(parts, quantity)| (Node::Add(parts), quantity)),
            Raw::Subtract(parts, at) => {
                self.sum(parts, *at, window).map(|(parts, quantity)| (Node::Subtract(parts), quantity))
            }
            Raw::Divide(parts, at) => {
                if window != Window::Flow {
                    let message = "a stock is a sum over time, and a quotient is none".to_owned();
                    return Err((
                        *at,
                        message,
                        "divide the stocks, instead of taking the stock of a quotient".to_owned(),
                    ));
                }
                let (above, over) = self.resolve(&parts.0, window)?;
                let (below, under) = self.resolve(&parts.1, window)?;
                Ok((Node::Divide(Box::new((above, below))), over.over(under)))
            }
            Raw::Multiply(parts, at) => {
                if window != Window::Flow {
                    let message = "a stock is a sum over time, and a product is none".to_owned();
                    return Err((
                        *at,
                        message,
                        "multiply the stocks, instead of taking the stock of a product".to_owned(),
                    ));
                }
                let (one, of) = self.resolve(&parts.0, window)?;
                let (other, by) = self.resolve(&parts.1, window)?;
                Ok((Node::Multiply(Box::new((one, other))), of.times(by)))
            }
            Raw::Scale(raw, by) => {
                let (node, quantity) = self.resolve(raw, window)?;
                Ok((Node::Scale(Box::new(node), *by), quantity))
            }
            Raw::Window(inner, raw, at) => {
                if window != Window::Flow {
                    let message = "a stock inside a stock".to_owned();
                    return Err((*at, message, "name opening, closing or mean once".to_owned()));
                }
                self.resolve(raw, *inner)
            }
        }
    }

    fn sum(&mut self, raws: &'a [Raw], at: usize, window: Window) -> Result<(Vec<Node>, Quantity), Fault> {
        let mut nodes = Vec::with_capacity(raws.len());
        let mut of: Option<Quantity> = None;
        for raw in raws {
            let (node, quantity) = self.resolve(raw, window)?;
            if let Some(of) = of.filter(|of| *of != quantity) {
                let message = format!("{of} and {quantity} are not added or subtracted");
                return Err((at, message, "add and subtract like quantities".to_owned()));
            }
            of = Some(quantity);
            nodes.push(node);
        }
        Ok((nodes, of.unwrap_or_default()))
    }

    fn name(&mut self, name: &'a str, at: usize, window: Window) -> Result<(Node, Quantity), Fault> {
        if let Some(measure) = self.scope.by_id.get(name) {
            let Some(found) = self.scope.measures.get(*measure) else {
                return Err((at, format!("there is no measure \"{name}\""), String::new()));
            };
            let percentile = matches!(window, Window::Percentile(_) | Window::Survival(..));
            let survival = matches!(window, Window::Survival(..));
            if (found.is_histogram() || found.is_lives()) != percentile || found.is_lives() != survival {
                let message = if percentile {
                    format!("\"{name}\" keeps no values that have percentiles")
                } else {
                    format!("\"{name}\" keeps values, of which only percentiles are figures")
                };
                let remedy = "write kind = \"duration\", a percentile, and a measure with agg = \"histogram\", or with agg = \
                              \"lives\" and the key reached";
                return Err((at, message, remedy.to_owned()));
            }
            if (found.distinct().is_some() || found.counts_accounts()) && window != Window::Flow {
                let message = format!("\"{name}\" counts distinct values, which have no stock");
                return Err((at, message, "use it over the period".to_owned()));
            }
            let leaf = Leaf { measure: *measure, window };
            let place = self.leaves.iter().position(|known| *known == leaf).unwrap_or_else(|| {
                self.leaves.push(leaf);
                self.leaves.len() - 1
            });
            return Ok((Node::Leaf(place), found.quantity));
        }
        let Some((name, raw)) = self.scope.formulas.get_key_value(name) else {
            let known = self.scope.by_id.keys().chain(self.scope.formulas.keys()).copied();
            let message = format!("there is no measure or formula \"{name}\"");
            return Err((at, message, format!("define it, or name one of {}", names(known))));
        };
        if self.path.contains(name) {
            let message = format!("the formula \"{name}\" uses itself");
            return Err((at, message, "break the circle".to_owned()));
        }
        self.path.push(name);
        let found = self
            .resolve(raw, window)
            .map_err(|(_, message, remedy)| (at, format!("in the formula \"{name}\": {message}"), remedy));
        self.path.pop();
        found
    }
}

/// Where a formula stands, with its text and id.
#[derive(Debug, Clone)]
pub(crate) struct Formula {
    pub(crate) id: String,
    pub(crate) raw: Raw,
    pub(crate) place: Place,
}

/// Reads one `[[formula]]` table.
pub(crate) fn formula(reader: &mut Reader<'_>, mut table: Table<'_>, file: usize) -> Option<Formula> {
    let id = super::parse_measure::id(reader, &mut table, "formula");
    table.text(reader, "title");
    table.text(reader, "description");
    let raw = match table.need(reader, "formula") {
        Some(value) => read(reader, value),
        None => None,
    };
    let place = Place { file, at: table.at };
    table.finish(reader);
    Some(Formula { id: id?, raw: raw?, place })
}
