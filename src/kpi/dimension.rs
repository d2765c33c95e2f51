//! The dimensions that measures may be kept by, and ordered sets of them.

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::{histogram, ids, since, survival};
use crate::domain::case_dimensions::{CaseDimensions, MOST};
use crate::domain::fact::{Dims, Fact, FactKind, SEQUENCES, ValueOf};
use crate::domain::time::date_of_day;
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// A dimension of KPI facts. The order of this list is the order of a tuple's values.
    Dimension {
        Agent = "agent", Team = "team", Client = "client", Portfolio = "portfolio", Product = "product",
        Stage = "stage", Campaign = "campaign", Template = "template", Rule = "rule", Jurisdiction = "jurisdiction",
        Channel = "channel", Direction = "direction", State = "state", Source = "source",
        DpdBucket = "dpd_bucket", ToBucket = "to_bucket", Sequence = "sequence", Segment = "segment",
        /// Hour of the day at the debtor's, 00 to 23.
        Hour = "hour",
        /// Day of the week at the debtor's, 1 (Monday) to 7.
        Weekday = "weekday",
        /// Month in which the case came in: 2026-03.
        Vintage = "vintage",
        /// Whole months from the day on which the case came in, 00 to 98; 99 for more.
        MonthsSince = "months_since",
        /// Step of a histogram that the fact's value lies in; no question groups by it.
        Length = "length",
        /// The day on which the account was seen before for the same; no question groups by it.
        Since = "since",
        /// The debtor whom the fact is of; no question groups by it.
        Debtor = "debtor",
        /// A part of an account's life, with the days since it came in; no question groups by it.
        Life = "life", Currency = "currency",
        /// The first of the case's values that definitions state as dimensions: see [`Dimension::named`].
        Case1 = "case_1", Case2 = "case_2", Case3 = "case_3", Case4 = "case_4", Case5 = "case_5", Case6 = "case_6",
    }
);

/// How many dimensions there are.
pub const DIMENSIONS: usize = Dimension::ALL.len();
/// The most dimensions that one stored tuple has, the currency and a distinct count's own dimension included.
pub const MAX_WIDTH: usize = 6;
/// The dimensions of values of cases.
const CASE: [Dimension; MOST] = {
    use Dimension as D;
    [D::Case1, D::Case2, D::Case3, D::Case4, D::Case5, D::Case6]
};
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
            Self::Sequence => dims.sequence.as_deref(),
            Self::Segment => dims.segment.as_deref(),
            Self::Case1 | Self::Case2 | Self::Case3 | Self::Case4 | Self::Case5 | Self::Case6 => {
                dims.case_word(self.case_place()?)
            }
            Self::Hour
            | Self::Weekday
            | Self::Vintage
            | Self::MonthsSince
            | Self::Length
            | Self::Since
            | Self::Debtor
            | Self::Life => None,
        }
    }

    /// The fact's value in a dimension that is computed of its numbers; `None` if it has none.
    #[must_use]
    pub fn computed(self, fact: &Fact) -> Option<String> {
        match self {
            Self::Length => fact.value.map(|value| histogram::step(value).to_string()),
            Self::Since => fact.value.map(|gap| since::written(i64::from(fact.day).saturating_sub(gap))),
            Self::Debtor => fact
                .value
                .filter(|_| fact.kind.value_of() == Some(ValueOf::Id))
                .map(|id| ids::written(id.cast_unsigned())),
            Self::Life => survival::written(fact.dims.state.as_deref()?, fact.value?),
            Self::Hour => fact.hour.map(|hour| format!("{:02}", hour % 24)),
            Self::Weekday => fact.hour.map(|hour| (hour / 24 + 1).to_string()),
            Self::Vintage => fact.placed.map(|day| date_of_day(day).format("%Y-%m").to_string()),
            Self::MonthsSince => fact.placed.map(|placed| format!("{:02}", months_since(placed, fact.day))),
            _ => None,
        }
    }

    /// As [`Dimension::computed`], with lengths and lives by the values themselves instead of steps: for one answer.
    #[must_use]
    pub fn computed_exactly(self, fact: &Fact) -> Option<String> {
        match self {
            Self::Length => fact.value.map(|value| value.max(0).to_string()),
            Self::Life => survival::exactly(fact.dims.state.as_deref()?, fact.value?),
            _ => self.computed(fact),
        }
    }

    /// What its values look like, where this is none of them: no fact could ever have it. Of a dimension whose values are
    /// names, any text is one; the empty text stands for facts without the dimension.
    #[must_use]
    pub fn not_its_value(self, value: &str) -> Option<String> {
        use crate::domain::vocabulary::{Channel, Direction};
        let number = |most: u8, width: usize| {
            let digits = value.len() == width && value.bytes().all(|digit| digit.is_ascii_digit());
            digits && value.parse::<u8>().is_ok_and(|number| number <= most)
        };
        let (known, known_as) = match self {
            _ if value.is_empty() => return None,
            Self::Channel => (Channel::parse(value).is_some(), words(Channel::ALL.iter().map(|one| one.as_str()))),
            Self::Direction => {
                (Direction::parse(value).is_some(), words(Direction::ALL.iter().map(|one| one.as_str())))
            }
            Self::Sequence => (SEQUENCES.contains(&value), words(SEQUENCES.into_iter())),
            Self::Hour => (number(23, 2), "two digits from 00 to 23".to_owned()),
            Self::Weekday => (number(7, 1) && value != "0", "1 (Monday) to 7".to_owned()),
            Self::MonthsSince => (number(99, 2), "two digits from 00 to 99".to_owned()),
            Self::Vintage => (is_month(value), "a month such as 2026-03".to_owned()),
            Self::Currency => (is_currency(value), "an ISO 4217 code such as EUR".to_owned()),
            _ => return None,
        };
        (!known).then_some(known_as)
    }

    /// Whether facts of a kind can have it.
    #[must_use]
    pub const fn is_had_by(self, kind: FactKind) -> bool {
        match self {
            Self::DpdBucket => kind.has_bucket(),
            Self::ToBucket => kind.has_to_bucket(),
            Self::Rule | Self::Jurisdiction => kind.has_rule(),
            Self::Source => kind.has_source(),
            Self::Hour | Self::Weekday => kind.has_hour(),
            _ => true,
        }
    }

    /// Whether it says how somebody was in touch.
    #[must_use]
    pub const fn is_of_contact(self) -> bool {
        matches!(self, Self::Channel | Self::Direction | Self::Campaign | Self::Template)
    }

    /// Whether it is computed of a fact's numbers.
    #[must_use]
    pub const fn is_computed(self) -> bool {
        COMPUTED.has(self)
    }

    /// The dimension of a name that definitions and questions may use; of cases, those that the definitions state.
    #[must_use]
    pub fn named(name: &str, case: &CaseDimensions) -> Option<Self> {
        match case.place(name) {
            Some(place) => CASE.get(place).copied(),
            None => Self::parse(name).filter(|one| one.is_open() && one.case_place().is_none()),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self, case: &CaseDimensions) -> &str {
        self.case_place().and_then(|place| case.name(place)).unwrap_or(self.as_str())
    }

    /// Every name that definitions and questions may use.
    pub fn names(case: &CaseDimensions) -> impl Iterator<Item = &str> {
        let all = Self::ALL.iter().filter(|one| one.is_open() && one.case_place().is_none());
        all.map(|one| one.as_str()).chain(case.names())
    }

    /// Of a value of cases: its place among those that definitions state.
    pub(super) fn case_place(self) -> Option<usize> {
        CASE.iter().position(|one| *one == self)
    }

    /// Whether measures may be kept by it, and questions grouped by it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Length | Self::Since | Self::Debtor | Self::Life)
    }

    /// The place of this dimension in [`Dimension::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A set of dimensions, held in the order of [`Dimension::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct DimSet(u64);

/// The dimensions that are computed of a fact's numbers.
pub(super) const COMPUTED: DimSet = DimSet(
    1 << Dimension::Length.index()
        | 1 << Dimension::Since.index()
        | 1 << Dimension::Debtor.index()
        | 1 << Dimension::Life.index()
        | 1 << Dimension::Hour.index()
        | 1 << Dimension::Weekday.index()
        | 1 << Dimension::Vintage.index()
        | 1 << Dimension::MonthsSince.index(),
);

fn words<'w>(all: impl Iterator<Item = &'w str>) -> String {
    format!("one of {}", all.collect::<Vec<_>>().join(", "))
}

/// Whether a text is a month as vintages are written.
fn is_month(value: &str) -> bool {
    let first = format!("{value}-01");
    value.len() == 7 && first.parse::<chrono::NaiveDate>().is_ok_and(|day| day.format("%Y-%m-%d").to_string() == first)
}

/// Whether a text is a currency as facts have it.
fn is_currency(value: &str) -> bool {
    crate::domain::money::Currency::parse(value).is_some_and(|currency| currency.code() == value)
}

/// The most months that are told apart.
pub(super) const MOST_MONTHS: i32 = 99;

/// Whole months from a day to another, 0 to [`MOST_MONTHS`]: a month is over on the same day of the next one, or on its last
/// day where it has no such day.
pub(super) fn months_since(from: i32, to: i32) -> i32 {
    let (first, last) = (date_of_day(from), date_of_day(to));
    let months = (last.year() - first.year()) * 12 + last.month() as i32 - first.month() as i32;
    let over = |months: i32| {
        let months = u32::try_from(months).ok().map(chrono::Months::new)?;
        first.checked_add_months(months).map(|date| date <= last)
    };
    let whole = if over(months) == Some(true) { months } else { months - 1 };
    whole.clamp(0, MOST_MONTHS)
}

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

    /// The dimensions that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
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

impl DimSet {
    /// The set in words: `[agent, segment:region]`.
    #[must_use]
    pub fn shown(self, case: &CaseDimensions) -> String {
        let names: Vec<&str> = self.iter().map(|dimension| dimension.name(case)).collect();
        format!("[{}]", names.join(", "))
    }

    /// Whether a value of cases is in the set.
    #[must_use]
    pub fn has_case_values(self) -> bool {
        CASE.iter().any(|one| self.has(*one))
    }
}

#[cfg(test)]
mod tests {
    use super::months_since;
    use crate::domain::time::day_number;

    #[test]
    fn a_month_is_over_on_the_same_day_of_the_next() {
        let months = |from: &str, to: &str| {
            let day = |text: &str| day_number(text.parse().unwrap());
            months_since(day(from), day(to))
        };
        for (from, to, whole) in [
            ("2026-01-15", "2026-01-15", 0),
            ("2026-01-15", "2026-02-14", 0),
            ("2026-01-15", "2026-02-15", 1),
            ("2026-01-31", "2026-02-27", 0),
            ("2026-01-31", "2026-02-28", 1),
            ("2026-01-31", "2026-03-30", 1),
            ("2026-01-31", "2027-01-31", 12),
            ("2026-01-15", "2026-01-14", 0),
            ("2026-01-15", "2025-01-01", 0),
            ("2000-01-15", "2026-01-14", 99),
        ] {
            assert_eq!(months(from, to), whole, "{from} to {to}");
        }
    }
}
