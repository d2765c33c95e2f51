//! What definitions say once they are read: measures, formulas and KPIs, with the places of their parts.

use super::dimension::{DimSet, Dimension};
use super::layout::{Aggregate, Source};
use super::unit::Quantity;
use crate::domain::fact::{FactKind, SEEN_BY_CHANNEL};

/// A sum over facts of one kind, kept for its declared dimension sets.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) fact: FactKind,
    pub(crate) source: Source,
    /// Money, money times days, or a number.
    pub(crate) quantity: Quantity,
    /// Whether tuples carry the currency: always for money, by request for counts.
    pub(crate) by_currency: bool,
    /// The sets as declared.
    pub(crate) declared: Vec<DimSet>,
    /// The stored sets (declared, plus currency and a distinct count's dimension) with their series.
    pub(crate) sets: Vec<(DimSet, u32)>,
    /// Which file, and where in it.
    pub(crate) place: Place,
}

impl Measure {
    /// Whether it counts the steps of a value, of which only percentiles are figures.
    pub(crate) const fn is_histogram(&self) -> bool {
        matches!(self.source.aggregate, Aggregate::Histogram)
    }

    /// Whether it keeps the lives of accounts, of which only percentiles of survival are figures.
    pub(crate) const fn is_lives(&self) -> bool {
        matches!(self.source.aggregate, Aggregate::Lives)
    }

    /// Whether figures are no sums of what its facts add.
    pub(crate) const fn is_no_sum(&self) -> bool {
        matches!(self.source.aggregate, Aggregate::Histogram | Aggregate::Lives | Aggregate::Distinct(_))
    }

    /// Whether it counts accounts once in each period.
    pub(crate) const fn counts_accounts(&self) -> bool {
        matches!(self.source.aggregate, Aggregate::Accounts)
    }

    /// The dimension of stored tuples that no set declares.
    pub(crate) const fn own_dimension(&self) -> Option<Dimension> {
        self.source.aggregate.own_dimension()
    }

    /// Whether any of its facts can have a dimension of a contact.
    pub(crate) fn can_have(&self, dimension: Dimension) -> bool {
        let states = &self.source.filter.states;
        match (self.fact, dimension) {
            (FactKind::AccountSeen, Dimension::Channel) => {
                states.is_empty() || states.iter().any(|state| SEEN_BY_CHANNEL.contains(&&**state))
            }
            (FactKind::AccountSeen, Dimension::Direction) => {
                let addresses = |state: &&str| state.starts_with("address");
                states.is_empty() || states.iter().any(|state| addresses(&&**state))
            }
            (FactKind::AccountSeen, _) => false,
            (fact, _) => fact.has_contact(),
        }
    }

    /// The dimension whose values are counted, for distinct counts.
    pub(crate) const fn distinct(&self) -> Option<Dimension> {
        match self.source.aggregate {
            Aggregate::Distinct(dimension) => Some(dimension),
            _ => None,
        }
    }
}

/// What a measure says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasureInfo<'a> {
    /// Id, as formulas name it.
    pub id: &'a str,
    /// For people.
    pub title: &'a str,
    /// Which facts it counts.
    pub description: &'a str,
    /// The kind of facts.
    pub fact: FactKind,
    /// Money, money times days, or a number.
    pub quantity: Quantity,
    /// The dimension sets that it is kept by.
    pub dimension_sets: &'a [DimSet],
}

/// Where a definition stands: number of the file, byte offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) at: usize,
}
