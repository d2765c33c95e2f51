//! The dimensions that measures may be kept by, and ordered sets of them.

use serde::{Deserialize, Serialize};

use super::histogram;
use crate::domain::fact::{Dims, Fact};
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// A dimension of KPI facts. The order of this list is the order of a tuple's values.
    Dimension {
        Agent = "agent", Team = "team", Client = "client", Portfolio = "portfolio", Product = "product",
        Stage = "stage", Campaign = "campaign", Template = "template", Rule = "rule", Jurisdiction = "jurisdiction",
        Channel = "channel", Direction = "direction", State = "state", Source = "source",
        DpdBucket = "dpd_bucket", ToBucket = "to_bucket",
        /// Step of a histogram that the fact's value lies in; no question groups by it.
        Length = "length", Currency = "currency",
    }
);

/// How many dimensions there are.
pub const DIMENSIONS: usize = Dimension::ALL.len();
/// The most dimensions that one stored tuple has, the currency and a distinct count's own dimension included.
pub const MAX_WIDTH: usize = 6;
/// What a group is called whose facts lack the dimension.
pub const UNATTRIBUTED: &str = "unattributed";

impl Dimension {
    /// The fact's value in this dimension; `None` if it has none.
    #[must_use]
    pub fn of(self, dims: &Dims) -> Option<&str> {
        match self {
            Self::Agent => dims.agent.as_deref(),
            Self::Team => dims.team.as_deref(),
            Self::Client => dims.client.as_deref(),
            Self::Portfolio => dims.portfolio.as_deref(),
            Self::Product => dims.product.as_deref(),
            Self::Stage => dims.stage.as_deref(),
            Self::Campaign => dims.campaign.as_deref(),
            Self::Template => dims.template.as_deref(),
            Self::Rule => dims.rule.as_deref(),
            Self::Jurisdiction => dims.jurisdiction.as_deref(),
            Self::State => dims.state.as_deref(),
            Self::Channel => dims.channel.map(crate::domain::vocabulary::Channel::as_str),
            Self::Direction => dims.direction.map(crate::domain::vocabulary::Direction::as_str),
            Self::Source => dims.source.as_deref(),
            Self::DpdBucket => dims.bucket.as_deref(),
            Self::ToBucket => dims.to_bucket.as_deref(),
            Self::Currency => dims.currency.as_ref().map(crate::domain::money::Currency::code),
            Self::Length => None,
        }
    }

    /// The fact's value in a dimension that is computed of its numbers; `None` if it has none.
    #[must_use]
    pub fn computed(self, fact: &Fact) -> Option<String> {
        match self {
            Self::Length => fact.value.map(|value| histogram::step(value).to_string()),
            _ => None,
        }
    }

    /// Whether measures may be kept by it, and questions grouped by it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Length)
    }

    /// The place of this dimension in [`Dimension::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A set of dimensions, held in the order of [`Dimension::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct DimSet(u32);

/// The dimensions that are computed of a fact's numbers.
pub(super) const COMPUTED: DimSet = DimSet(1 << Dimension::Length.index());

impl DimSet {
    /// Whether the dimension is in the set.
    #[must_use]
    pub const fn has(self, dimension: Dimension) -> bool {
        self.0 & (1 << dimension.index()) != 0
    }

    /// The set with one more dimension.
    #[must_use]
    pub const fn with(self, dimension: Dimension) -> Self {
        Self(self.0 | (1 << dimension.index()))
    }

    /// The set without one dimension.
    #[must_use]
    pub const fn without(self, dimension: Dimension) -> Self {
        Self(self.0 & !(1 << dimension.index()))
    }

    /// Whether every dimension of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// How many dimensions are in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether the set has no dimension.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The dimensions, in tuple order.
    pub fn iter(self) -> impl Iterator<Item = Dimension> {
        Dimension::ALL.iter().copied().filter(move |dimension| self.has(*dimension))
    }

    /// Where in the tuple the dimension's value stands.
    #[must_use]
    pub fn position(self, dimension: Dimension) -> Option<usize> {
        self.iter().position(|other| other == dimension)
    }
}

impl FromIterator<Dimension> for DimSet {
    fn from_iter<I: IntoIterator<Item = Dimension>>(dimensions: I) -> Self {
        dimensions.into_iter().fold(Self::default(), Self::with)
    }
}

impl std::fmt::Display for DimSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[")?;
        for (index, dimension) in self.iter().enumerate() {
            write!(f, "{}{dimension}", if index > 0 { ", " } else { "" })?;
        }
        f.write_str("]")
    }
}
