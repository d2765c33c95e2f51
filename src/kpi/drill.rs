//! From a figure down to the facts that make it: what each fact gives to numerator and denominator.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::asked::CHANGED;
use super::catalogue::Catalogue;
use super::definition::{Definition, Kind, Moment, Root};
use super::dimension::{DimSet, Dimension};
use super::exact::Exact;
use super::formula::{Leaf, Node, Window};
use super::ids;
use super::period::Period;
use super::query::QueryError;
use super::row::part_text;
use super::schema::Measure;
use super::unit::Quantity;
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::fact::Fact;
use crate::domain::facts::Kinds;
use crate::domain::money::Currency;
use crate::domain::time::day_number;
use crate::domain::validation::Violation;

/// A figure, as the row of an answer names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// The KPI.
    pub kpi: String,
    /// Its days.
    pub period: Period,
    /// First day of the question, with which running totals begin.
    pub running_from: i32,
    /// Its group; `None`: facts without the dimension.
    pub group: Vec<(Dimension, Option<String>)>,
    /// The question's filters.
    pub filters: Vec<(Dimension, Vec<String>)>,
    /// Its currency, of a figure of money.
    pub currency: Option<Currency>,
    /// What dimensions of cases stand for: the definitions must still say the same.
    pub case_dimensions: CaseDimensions,
}

/// A figure ready to be taken apart.
#[derive(Debug)]
pub struct Drill {
    figure: Figure,
    definition: Definition,
    /// The measure of each leaf.
    measures: Vec<Measure>,
    /// The day that it is.
    today: Option<i32>,
    /// Whether numerator and denominator are sums, to which each fact gives its own part.
    sums: (bool, bool),
    digits: u32,
    /// Dimensions whose values are not told where they are counted.
    withheld: DimSet,
    /// Of a cohort: the last month since placement that counts above the line, and the leaves that stand there.
    month: Option<u16>,
    above: Vec<usize>,
}

/// Whether the fact is of that month since placement or an earlier one.
fn is_within(month: u16, fact: &Fact) -> bool {
    let own = Dimension::MonthsSince.computed(fact).and_then(|text| text.parse::<u16>().ok());
    own.is_some_and(|own| own <= month)
}

/// What facts give to one measure.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Given {
    value: Exact,
    facts: i64,
}

/// What one record gives to a figure.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contribution {
    /// By leaf of the formula, and for a distinct count by the value counted.
    parts: BTreeMap<(usize, Option<String>), Given>,
}

/// One part of a contribution in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributedPart {
    /// The measure.
    pub measure: String,
    /// When it is summed: `flow`, `opening`, `closing`, `mean`, `running`.
    pub window: &'static str,
    /// What is given, in whole units of the currency if the measure is money.
    pub value: String,
    /// The value that a distinct count counts.
    pub counted: Option<String>,
    /// How many facts, or things that facts count.
    pub facts: i64,
}

impl Contribution {
    /// Whether it gives nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.values().all(|given| given.value.is_zero() && given.facts == 0)
    }

    /// Adds what another record of the same figure gives.
    pub fn merge(&mut self, other: &Self) {
        for (key, given) in &other.parts {
            self.give(key.clone(), *given);
        }
    }

    fn give(&mut self, key: (usize, Option<String>), given: Given) {
        let slot = self.parts.entry(key).or_insert(Given { value: Exact::ZERO, facts: 0 });
        slot.value = slot.value.add(given.value).unwrap_or(slot.value);
        slot.facts = slot.facts.wrapping_add(given.facts);
    }
}

impl Catalogue {
    /// Makes a figure ready to be taken apart, as it is told on a day.
    ///
    /// # Errors
    /// There is no such KPI, or its currency is missing or one too many.
    pub fn drill(&self, figure: Figure, today: NaiveDate) -> Result<Drill, QueryError> {
        let wrong =
            |field: &str, text: String| QueryError { violations: vec![Violation::new(field, text)], undeclared: false };
        let Some(definition) = self.kpi(&figure.kpi) else {
            return Err(wrong("kpi_id", format!("\"{}\" is no KPI: ListKpis names them", figure.kpi)));
        };
        let asked = figure.group.iter().map(|(one, _)| *one).chain(figure.filters.iter().map(|(one, _)| *one));
        if asked.collect::<DimSet>().has_case_values() && figure.case_dimensions != *self.case_dimensions() {
            return Err(wrong("group", CHANGED.to_owned()));
        }
        match (definition.money, figure.currency) {
            (true, None) => {
                let text = format!(
                    "is required: {} is money, and its figures are by currency; behind a row without one there are no facts",
                    figure.kpi
                );
                return Err(wrong("currency_code", text));
            }
            (false, Some(_)) => {
                let text = format!("does not belong to {}, which holds no money: leave it out", figure.kpi);
                return Err(wrong("currency_code", text));
            }
            _ => {}
        }
        let mut stray = Vec::new();
        for (at, (dimension, value)) in figure.group.iter().enumerate() {
            let value = value.iter().map(|value| (format!("group[{at}].value"), value.as_str()));
            stray.append(&mut self.not_values_of(&[definition], *dimension, value));
        }
        stray.append(&mut self.stray_filters(&figure.filters, &[definition]));
        let groups = figure.group.iter().map(|(one, _)| ("group", *one));
        let by = groups.chain(figure.filters.iter().map(|(one, _)| ("filters", *one)));
        stray.append(&mut definition.info.refused_by(by, self.case_dimensions()));
        if !stray.is_empty() {
            return Err(QueryError { violations: stray, undeclared: false });
        }
        let measures = definition.leaves.iter().filter_map(|leaf| self.measures.get(leaf.measure)).cloned().collect();
        let mut drill = Drill {
            digits: figure.currency.map_or(0, |currency| currency.exponent()),
            month: None,
            withheld: DimSet::default(),
            above: definition.above(),
            figure,
            definition: definition.clone(),
            today: Some(day_number(today)),
            measures,
            sums: (false, false),
        };
        if definition.info.kind == Kind::Cohort {
            let of = drill.figure.group.iter().find(|(one, _)| *one == Dimension::MonthsSince);
            let own = of.and_then(|(_, value)| value.as_deref()?.parse().ok());
            let month = definition.told.months.and_then(|months| months.checked_sub(1)).or(own);
            let Some(month) = month else {
                let text = format!("{} is a curve by months since placement: name months_since", drill.figure.kpi);
                return Err(wrong("group", text));
            };
            drill.month = Some(month);
        }
        drill.sums = match &drill.definition.root {
            Root::Single(node, _) => (drill.is_sum(node), false),
            Root::Quotient { above, below } => (drill.is_sum(&above.0), drill.is_sum(&below.0)),
        };
        Ok(drill)
    }
}

impl Drill {
    /// The kinds of facts that may give anything to the figure.
    #[must_use]
    pub fn kinds(&self) -> Kinds {
        self.measures.iter().map(|measure| measure.fact).collect()
    }

    /// Leaves out which values of these dimensions are counted.
    pub fn withhold(&mut self, dimensions: impl IntoIterator<Item = Dimension>) {
        self.withheld = dimensions.into_iter().collect();
    }

    /// The figure.
    #[must_use]
    pub const fn figure(&self) -> &Figure {
        &self.figure
    }

    /// Adds what a fact gives to the figure.
    pub fn add(&self, fact: &Fact, to: &mut Contribution) {
        for (place, (leaf, measure)) in self.definition.leaves.iter().zip(&self.measures).enumerate() {
            if self.month.is_some_and(|month| self.above.contains(&place) && !is_within(month, fact)) {
                continue;
            }
            let Some(value) = self.given(leaf, measure, fact) else { continue };
            let counted = measure.distinct().and_then(|one| {
                let computed = || one.computed(fact).map(|text| ids::shown(&text).to_owned());
                one.of(&fact.dims).map(str::to_owned).or_else(computed)
            });
            let values = measure.is_histogram() || measure.is_lives();
            let counted = if values { fact.value.map(|value| value.to_string()) } else { counted };
            let facts = i64::from(fact.sign).wrapping_mul(fact.count);
            to.give((place, counted), Given { value, facts });
        }
    }

    /// What a record adds to the numerator; `None` where that is no sum over records. Money in whole units.
    #[must_use]
    pub fn numerator(&self, of: &Contribution) -> Option<String> {
        let (Root::Single(node, quantity) | Root::Quotient { above: (node, quantity), .. }) = &self.definition.root;
        self.sums.0.then(|| self.text(node, *quantity, of))?
    }

    /// What a record adds to the denominator; `None` where there is none or it is no sum over records.
    #[must_use]
    pub fn denominator(&self, of: &Contribution) -> Option<String> {
        let Root::Quotient { below: (node, quantity), .. } = &self.definition.root else { return None };
        self.sums.1.then(|| self.text(node, *quantity, of))?
    }

    /// The parts of a contribution by measure.
    #[must_use]
    pub fn parts(&self, of: &Contribution) -> Vec<ContributedPart> {
        let part = |((place, counted), given): (&(usize, Option<String>), &Given)| {
            let (leaf, measure) = (self.definition.leaves.get(*place)?, self.measures.get(*place)?);
            let shift = if measure.quantity.money > 0 { self.digits } else { 0 };
            let is_told = measure.distinct().is_none_or(|one| !self.withheld.has(one));
            Some(ContributedPart {
                measure: measure.id.clone(),
                window: word(leaf.window),
                value: part_text(given.value, shift)?,
                counted: counted.clone().filter(|_| is_told),
                facts: given.facts,
            })
        };
        of.parts.iter().filter_map(part).collect()
    }

    fn text(&self, node: &Node, quantity: Quantity, of: &Contribution) -> Option<String> {
        let sum = |leaf: usize| {
            let of_leaf = of.parts.iter().filter(|((place, _), _)| *place == leaf);
            Ok(of_leaf.fold(Exact::ZERO, |sum, (_, given)| sum.add(given.value).unwrap_or(sum)))
        };
        let value = node.compute(&sum, self.moment()).ok()?;
        part_text(value.reduced(), if quantity.money > 0 { self.digits } else { 0 })
    }

    const fn moment(&self) -> Moment {
        // Formulas that ask for working days are told by their parts: see `is_sum`.
        Moment { period: self.figure.period, working_days: None, today: self.today, month: None }
    }

    /// What the fact gives to a leaf.
    fn given(&self, leaf: &Leaf, measure: &Measure, fact: &Fact) -> Option<Exact> {
        if fact.kind != measure.fact || !self.takes(measure, fact) {
            return None;
        }
        let period = self.figure.period;
        let value = Exact::whole(measure.source.take(fact)?);
        // Cells of cohorts are of the day on which the case came in.
        let day = measure.source.on.of(fact)?;
        if measure.counts_accounts()
            && fact.value.is_some_and(|gap| i64::from(day).saturating_sub(gap) >= i64::from(period.start))
        {
            // The account was seen before in the period.
            return None;
        }
        let whole = |inside: bool| inside.then_some(value);
        match leaf.window {
            Window::Flow | Window::Percentile(_) | Window::Survival(..) => {
                whole((period.start..period.end).contains(&day))
            }
            Window::Running => whole((self.figure.running_from.min(period.start)..period.end).contains(&day)),
            Window::Opening => whole(day < period.start),
            Window::Closing => whole(day < period.end),
            Window::Mean if day < period.start => Some(value),
            Window::Mean => {
                let period = period.begun(self.today.filter(|_| !self.definition.told.ahead));
                let left = i128::from(period.end) - i128::from(day);
                let share = Exact::new(left, i128::from(period.days()))?;
                whole(left > 0)?.multiply(share)
            }
        }
    }

    /// Whether the fact is of the figure's group and currency and passes its filters.
    fn takes(&self, measure: &Measure, fact: &Fact) -> bool {
        let dims = &fact.dims;
        // A base that is not kept by currency serves every currency.
        let skip = |one: Dimension| {
            (self.definition.money && one == Dimension::Currency && !measure.by_currency)
                || (self.month.is_some() && one == Dimension::MonthsSince)
        };
        let currency = self.figure.currency.filter(|_| measure.by_currency);
        let own = |one: Dimension| one.of(dims).map(str::to_owned).or_else(|| one.computed(fact));
        currency.is_none_or(|currency| dims.currency == Some(currency))
            && self.figure.group.iter().all(|(one, value)| skip(*one) || own(*one) == *value)
            && self.figure.filters.iter().all(|(one, values)| {
                let own = own(*one).unwrap_or_default();
                skip(*one) || values.contains(&own)
            })
    }

    /// Whether the formula is a sum over facts: it only adds, subtracts, and scales by what is the same for all.
    fn is_sum(&self, node: &Node) -> bool {
        let distinct = |leaf: &usize| self.measures.get(*leaf).is_none_or(Measure::is_no_sum);
        match node {
            Node::Leaf(leaf) => !distinct(leaf),
            Node::Number(number) => number.is_zero(),
            Node::Months | Node::Days | Node::WorkingDays | Node::LastDay => false,
            Node::Multiply(parts) => {
                (self.is_sum(&parts.0) && fixed(&parts.1)) || (fixed(&parts.0) && self.is_sum(&parts.1))
            }
            Node::Add(parts) | Node::Subtract(parts) => parts.iter().all(|part| self.is_sum(part)),
            Node::Divide(parts) => self.is_sum(&parts.0) && fixed(&parts.1),
            Node::Scale(part, _) => self.is_sum(part),
        }
    }
}

/// Whether the formula is the same for every fact of a period of whole months.
fn fixed(node: &Node) -> bool {
    match node {
        Node::Leaf(_) | Node::WorkingDays => false,
        Node::Number(_) | Node::Months | Node::Days | Node::LastDay => true,
        Node::Add(parts) | Node::Subtract(parts) => parts.iter().all(fixed),
        Node::Divide(parts) | Node::Multiply(parts) => fixed(&parts.0) && fixed(&parts.1),
        Node::Scale(part, _) => fixed(part),
    }
}

const fn word(window: Window) -> &'static str {
    match window {
        Window::Flow => "flow",
        Window::Opening => "opening",
        Window::Closing => "closing",
        Window::Mean => "mean",
        Window::Running => "running",
        Window::Percentile(_) => "percentile",
        Window::Survival(..) => "survival",
    }
}
