//! How a fact finds its cells: measures by kind of fact, and the tables of columns that share a dimension set.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::dimension::{COMPUTED, DimSet, Dimension};
use crate::domain::fact::{Fact, FactKind};
use crate::domain::vocabulary::vocabulary;

/// The most columns of one table: the mask of a stored row has 64 bits.
pub(crate) const MAX_COLUMNS: usize = 64;

/// A place among at most [`MAX_COLUMNS`] as a bit.
pub(crate) const fn bit(place: usize) -> u64 {
    if place < MAX_COLUMNS { 1 << place } else { 0 }
}

/// Which number of a fact is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Amount {
    First,
    Second,
    /// The fact's length or number.
    Value,
}

/// Which clock of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Clock {
    Due,
    Invoice,
}

impl Clock {
    pub(crate) const fn of(self, fact: &Fact) -> Option<i32> {
        match self {
            Self::Due => fact.days_due,
            Self::Invoice => fact.days_invoice,
        }
    }
}

/// Which day of a fact its cell is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum On {
    /// The fact's own.
    #[default]
    Fact,
    /// The day on which the case came in: cells of cohorts.
    Placed,
}

impl On {
    /// The day; none if the fact has none such.
    pub(crate) const fn of(self, fact: &Fact) -> Option<i32> {
        match self {
            Self::Fact => Some(fact.day),
            Self::Placed => fact.placed,
        }
    }
}

/// What a measure adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Aggregate {
    Count,
    Sum(Amount),
    SumProduct(Amount, Clock),
    /// Cells count facts per value of the dimension; the figure is how many values are left with any.
    Distinct(Dimension),
    /// Cells count facts by the day on which their account was seen before; the figure is how many accounts a period has.
    Accounts,
    /// Cells count facts per step of their value; the figure is a percentile.
    Histogram,
    /// Cells count beginnings and ends of accounts' lives, ends per step of their days; the figure is a percentile of
    /// survival.
    Lives,
}

impl Aggregate {
    /// The dimension of stored tuples that no set declares.
    pub(crate) const fn own_dimension(self) -> Option<Dimension> {
        match self {
            Self::Distinct(dimension) => Some(dimension),
            Self::Accounts => Some(Dimension::Since),
            Self::Histogram => Some(Dimension::Length),
            Self::Lives => Some(Dimension::Life),
            Self::Count | Self::Sum(_) | Self::SumProduct(..) => None,
        }
    }
}

/// Which facts of its kind a measure takes. Every part that is stated must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Filter {
    /// Bits of [`crate::domain::vocabulary::Channel`]; 0: any, also none.
    pub(crate) channels: u16,
    /// Bits of [`crate::domain::vocabulary::Direction`]; 0: any, also none.
    pub(crate) directions: u16,
    pub(crate) flags_set: u16,
    pub(crate) flags_clear: u16,
    /// Empty: any, also none.
    pub(crate) states: Vec<Box<str>>,
    /// Empty: any, also none.
    pub(crate) buckets: Vec<Box<str>>,
    /// Whether an agent must be named (true) or must not be (false).
    pub(crate) agent: Option<bool>,
    pub(crate) due: Option<bool>,
    pub(crate) invoice: Option<bool>,
    /// Least and largest value, both included; facts without a value are none of them.
    pub(crate) value: Option<(i64, i64)>,
}

impl Filter {
    #[inline]
    fn takes(&self, fact: &Fact) -> bool {
        let dims = &*fact.dims;
        let presence = |asked: Option<bool>, there: bool| asked.is_none_or(|asked| asked == there);
        fact.flags & (self.flags_set | self.flags_clear) == self.flags_set
            && (self.channels == 0 || dims.channel.is_some_and(|channel| self.channels & (1 << channel as u16) != 0))
            && (self.directions == 0 || dims.direction.is_some_and(|d| self.directions & (1 << d as u16) != 0))
            && (self.states.is_empty()
                || dims.state.as_deref().is_some_and(|state| self.states.iter().any(|one| **one == *state)))
            && (self.buckets.is_empty()
                || dims.bucket.as_deref().is_some_and(|bucket| self.buckets.iter().any(|one| **one == *bucket)))
            && presence(self.agent, dims.agent.is_some())
            && presence(self.due, fact.days_due.is_some())
            && presence(self.invoice, fact.days_invoice.is_some())
            && self.value.is_none_or(|(least, most)| fact.value.is_some_and(|value| least <= value && value <= most))
    }
}

vocabulary!(
    /// What a measure may miss of a fact.
    Lack {
        /// Who acted, or whose the case is.
        Agent = "agent",
        /// When the claim was due.
        DueDate = "due_date",
        /// When the invoice was issued.
        InvoiceDate = "invoice_date",
        /// How long it took.
        Length = "length",
        /// When the account becomes barred by limitation.
        Limitation = "limitation",
        /// So much to be taken back: reversals state more than was left of their payment, or name nothing that is there.
        Reversed = "reversed",
        /// The end of the account: it is open and owes nothing, and no record closes it.
        Closing = "closing",
        /// There is no such fact at all.
        Facts = "facts",
    }
);

/// A measure as facts meet it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) aggregate: Aggregate,
    pub(crate) on: On,
    pub(crate) filter: Filter,
}

impl Source {
    /// What the measure misses of a fact that it would take otherwise.
    pub(crate) fn lacks(&self, fact: &Fact) -> Option<Lack> {
        let filter = Filter { agent: None, due: None, invoice: None, value: None, ..self.filter.clone() };
        if !filter.takes(fact) {
            return None;
        }
        let clock = match self.aggregate {
            Aggregate::SumProduct(_, clock) => Some(clock),
            _ => None,
        };
        let agent = self.filter.agent == Some(true) || self.aggregate == Aggregate::Distinct(Dimension::Agent);
        let due = self.filter.due == Some(true) || clock == Some(Clock::Due);
        let invoice = self.filter.invoice == Some(true) || clock == Some(Clock::Invoice);
        let length = self.filter.value.is_some()
            || matches!(self.aggregate, Aggregate::Histogram | Aggregate::Sum(Amount::Value));
        let lacks = |needed: bool, there: bool, lack: Lack| (needed && !there).then_some(lack);
        lacks(agent, fact.dims.agent.is_some(), Lack::Agent)
            .or(lacks(due, fact.days_due.is_some(), Lack::DueDate))
            .or(lacks(invoice, fact.days_invoice.is_some(), Lack::InvoiceDate))
            .or(lacks(length, fact.value.is_some(), Lack::Length))
    }

    /// What the fact adds to the measure's sum; `None` if the measure does not take it.
    #[inline]
    pub(crate) fn take(&self, fact: &Fact) -> Option<i128> {
        if !self.filter.takes(fact) {
            return None;
        }
        self.on.of(fact)?;
        let amount = |which| {
            Some(i128::from(match which {
                Amount::First => fact.amount,
                Amount::Second => fact.amount2,
                Amount::Value => fact.value?,
            }))
        };
        let value = match self.aggregate {
            Aggregate::Count | Aggregate::Accounts => i128::from(fact.count),
            Aggregate::Histogram | Aggregate::Lives => fact.value.map(|_| i128::from(fact.count))?,
            Aggregate::Sum(which) => amount(which)?,
            Aggregate::SumProduct(which, clock) => amount(which)? * i128::from(clock.of(fact)?),
            Aggregate::Distinct(Dimension::Debtor) => fact.value.map(|_| i128::from(fact.count))?,
            Aggregate::Distinct(dimension) => dimension.of(&fact.dims).map(|_| i128::from(fact.count))?,
        };
        Some(value * i128::from(fact.sign))
    }
}

/// Columns that share kind of fact and dimension set: one look-up serves them all.
#[derive(Debug, Clone)]
pub(crate) struct TableLayout {
    /// Number in the layout.
    pub(crate) id: usize,
    /// Which day of a fact its cells are of.
    pub(crate) on: On,
    /// Whether the row follows from more than a fact's dimensions and day.
    pub(crate) by_itself: bool,
    /// Dimensions of the tuple, in order.
    pub(crate) dims: Vec<Dimension>,
    /// Series of each column.
    pub(crate) series: Arc<[u32]>,
    /// The column of each of the kind's sources that has one here.
    pub(crate) columns: [u8; MAX_COLUMNS],
    /// The places of these sources as bits.
    pub(crate) sources: u64,
}

/// The measures over one kind of fact.
#[derive(Debug, Clone, Default)]
pub(crate) struct KindLayout {
    pub(crate) sources: Vec<Source>,
    /// The places, as bits, of sources that take facts of any state or of none.
    any_state: u64,
    /// Those of sources that take facts of a state, those of any state among them.
    by_state: Vec<(Box<str>, u64)>,
    pub(crate) tables: Vec<TableLayout>,
    /// Dimensions of any table that are computed of a fact's numbers.
    pub(crate) computed: DimSet,
    /// Whether the row of any table follows from more than a fact's dimensions and day.
    pub(crate) by_itself: bool,
}

impl KindLayout {
    /// The places, as bits, of sources that may take a fact of that state.
    pub(crate) fn of_state(&self, state: Option<&str>) -> u64 {
        let named = state.and_then(|state| self.by_state.iter().find(|(one, _)| **one == *state));
        named.map_or(self.any_state, |(_, places)| *places)
    }

    fn push(&mut self, source: Source) -> usize {
        let place = self.sources.len();
        let bit = bit(place);
        for state in &source.filter.states {
            if !self.by_state.iter().any(|(one, _)| one == state) {
                self.by_state.push((state.clone(), self.any_state));
            }
        }
        let any = source.filter.states.is_empty();
        if any {
            self.any_state |= bit;
        }
        for (state, places) in &mut self.by_state {
            if any || source.filter.states.contains(state) {
                *places |= bit;
            }
        }
        self.sources.push(source);
        place
    }
}

/// All kinds.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    kinds: Vec<KindLayout>,
    tables: usize,
    /// Lengths are counted by themselves and not by steps, which is for one answer alone.
    pub(crate) exact: bool,
}

impl Layout {
    pub(crate) fn kind(&self, kind: FactKind) -> Option<&KindLayout> {
        self.kinds.get(kind as usize)
    }

    /// Whether the row of every fact follows from its dimensions and its day.
    pub(crate) fn is_plain(&self) -> bool {
        self.kinds.iter().all(|kind| !kind.by_itself)
    }

    /// Whether facts that differ in nothing but their counts, amounts and values may be added up before they are taken.
    pub(crate) fn is_linear(&self) -> bool {
        let linear = |source: &Source| {
            let Filter { due, invoice, value, .. } = &source.filter;
            let sums = matches!(source.aggregate, Aggregate::Count | Aggregate::Sum(_) | Aggregate::Distinct(_));
            sums && due.is_none() && invoice.is_none() && value.is_none()
        };
        self.is_plain() && self.kinds.iter().flat_map(|kind| &kind.sources).all(linear)
    }

    pub(crate) const fn tables(&self) -> usize {
        self.tables
    }

    /// Adds a measure: its source, and each dimension set with its series.
    pub(crate) fn insert(&mut self, kind: FactKind, source: Source, sets: &[(DimSet, u32)]) {
        self.kinds.resize_with(FactKind::ALL.len(), KindLayout::default);
        let Some(layout) = self.kinds.get_mut(kind as usize) else { return };
        let on = source.on;
        let source = layout.push(source);
        for (set, series) in sets {
            let computed = set.intersection(COMPUTED);
            layout.computed = layout.computed.union(computed);
            let by_itself = on != On::Fact || !computed.is_empty();
            layout.by_itself |= by_itself;
            let dims: Vec<Dimension> = set.iter().collect();
            let room = |table: &TableLayout| table.series.len() < MAX_COLUMNS && table.sources & bit(source) == 0;
            let found = layout.tables.iter_mut().find(|t| t.dims == dims && t.on == on && room(t));
            let table = match found {
                Some(table) => table,
                None => {
                    layout.tables.push(TableLayout {
                        id: self.tables,
                        on,
                        by_itself,
                        dims,
                        series: Arc::from([]),
                        columns: [0; MAX_COLUMNS],
                        sources: 0,
                    });
                    self.tables += 1;
                    let Some(table) = layout.tables.last_mut() else { continue };
                    table
                }
            };
            // Fewer than MAX_COLUMNS.
            if let Some(column) = table.columns.get_mut(source) {
                *column = table.series.len() as u8;
            }
            table.sources |= bit(source);
            table.series = table.series.iter().copied().chain([*series]).collect();
        }
    }
}
