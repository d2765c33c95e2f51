//! A KPI's definition: what it says of itself, and the formula that computes it.

use serde::{Deserialize, Serialize};

use super::exact::Exact;
use super::formula::{Leaf, Node, Window};
use super::need::Need;
use super::not_by::NotBy;
use super::period::Period;
use super::schema::Measure;
use super::unit::{Quantity, Unit};
use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// Kind of a KPI.
    Kind {
        /// One measure or sum over the period.
        Simple = "simple",
        /// A numerator over a denominator.
        Ratio = "ratio",
        /// A formula of measures.
        Derived = "derived",
        /// A running total.
        Cumulative = "cumulative",
        /// A stock at the beginning or end of the period, or its daily mean, or its change.
        Balance = "balance",
        /// Another name of a KPI.
        Alias = "alias",
        /// A percentile of the values of the period.
        Duration = "duration",
        /// What became, by the end of a month, of the accounts that stood in a bucket of days past due at its beginning.
        Transition = "transition",
        /// The share of some contacts or visits that led to a payment within a window.
        Conversion = "conversion",
        /// The conversion of template variants against that of the template's control.
        Lift = "lift",
        /// What came of the cases that came in in the period, cumulated by whole months since then.
        Cohort = "cohort",
    }
);
vocabulary!(
    /// Which day puts a fact into a period.
    Clock {
        /// The day on which it happened.
        Occurred = "occurred",
        /// The day on which the message was sent.
        Sent = "sent",
        /// The day on which due date plus grace passed.
        PromiseDue = "promise_due",
        /// The day on which the case came in.
        Placed = "placed",
        /// The end of the period.
        PeriodEnd = "period_end",
        /// The beginning of the period.
        PeriodStart = "period_start",
        /// Flows of the period and stocks at its ends.
        Period = "period",
    }
);
vocabulary!(
    /// What happens to several currencies.
    CurrencyPolicy {
        /// The KPI holds no money.
        None = "none",
        /// One row for each currency; nothing is converted or summed over currencies.
        PerCurrency = "per_currency",
    }
);
vocabulary!(
    /// What values may be added up.
    Additivity {
        /// Over periods and over groups.
        TimeAndGroups = "time_and_groups",
        /// Over the groups of one period only: stocks.
        Groups = "groups",
        /// Neither: quotients, distinct counts.
        None = "none",
    }
);
vocabulary!(
    /// Whose the facts are when an answer is grouped by agent or team.
    Attribution {
        /// Of whoever did what is counted.
        Actor = "actor",
        /// Of the agent or team that the case is assigned to on the fact's day.
        Assigned = "assigned",
        /// A payment's own agent, else its promise's, else the last right-party contact's, else the case's.
        PaymentChain = "payment_chain",
        /// Each measure's own.
        Mixed = "mixed",
    }
);
vocabulary!(
    /// Which version of a case gives a fact its dimensions.
    DimensionAsOf { Fact = "fact" }
);
vocabulary!(
    /// How a quotient becomes decimal text.
    Rounding {
        /// To the nearest, ties to the even digit.
        HalfEven = "half_even",
    }
);

/// Everything a caller may want to know of a KPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KpiInfo {
    /// Id, as questions name it.
    pub id: String,
    /// For people.
    pub title: String,
    /// What it says, with its limits.
    pub description: String,
    /// The formula in words.
    pub formula: String,
    /// Where the formula comes from.
    pub source: String,
    /// Kind of the definition.
    pub kind: Kind,
    /// Unit of the value.
    pub unit: Unit,
    /// What one unit of the denominator is: call, promise, account, amount.
    pub unit_counted: String,
    /// What the value is a share or mean of.
    pub base: String,
    /// Which day puts a fact into a period.
    pub clock: Clock,
    /// What happens to several currencies.
    pub currency_policy: CurrencyPolicy,
    /// What values may be added up.
    pub additivity: Additivity,
    /// Whose the facts are.
    pub attribution: Attribution,
    /// Which version of a case gives the dimensions.
    pub dimension_as_of: DimensionAsOf,
    /// How the decimal text is rounded.
    pub rounding: Rounding,
    /// Digits behind the point; `None`: as many as the currency has.
    pub decimals: Option<u32>,
    /// Other readings of the same figure.
    pub variants: Vec<String>,
    /// The KPI that this id stands for, if it is only another name.
    pub alias_of: Option<String>,
    /// Whether the numerator is a part of the denominator's count, so that an interval can be given.
    pub proportion: bool,
    /// Dimension sets by which every measure of the KPI is kept, as lists of names.
    pub group_by: Vec<Vec<String>>,
    /// Records without which there is no value, in words.
    pub needs: Vec<String>,
    /// Dimensions by which it is not told, for the two sides of its formula would be of different groups.
    pub not_by: Vec<NotBy>,
    /// The KPI that must not fall where this one gets better: without it, this one alone says little.
    pub guard: Option<String>,
}

/// A compiled KPI.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) info: KpiInfo,
    pub(crate) root: Root,
    pub(crate) leaves: Vec<Leaf>,
    /// Whether any measure is money: then answers are by currency.
    pub(crate) money: bool,
    /// What must be over before there is a value.
    pub(crate) told: Told,
    /// Of a lift: the variant that the others are held against.
    pub(crate) control: Option<String>,
    /// Records without which a figure would be zero only because nobody sent them.
    pub(crate) needs: Vec<Need>,
    /// Leaves whose facts are those that what stands above the line comes from, each once; `None` if no leaves are.
    pub(crate) sampled: Option<Vec<usize>>,
}

/// What must be over before a figure has a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// So many days after the period's end, if any must pass.
    pub(crate) after_days: Option<i32>,
    /// So many months after a cohort's last placement, of a cohort with one horizon.
    pub(crate) months: Option<u16>,
    /// Some of what is counted is known ahead, so that a period which has not begun may have a value.
    pub(crate) ahead: bool,
}

/// The computation.
#[derive(Debug, Clone)]
pub(crate) enum Root {
    Single(Node, Quantity),
    Quotient { above: (Node, Quantity), below: (Node, Quantity) },
}

/// Why a row has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoValue {
    /// There is nothing to divide by.
    EmptyDenominator,
    /// The group has no fact in any currency, so that not even zero can be stated.
    NoFacts,
    /// The formula needs whole months, and the period is not made of such.
    NeedsWholeMonths,
    /// Beyond 128 bits.
    Overflow,
    /// Accounts are followed from month to month, and the period is not one whole month.
    NeedsOneMonth,
    /// The formula divides by working days, and no holidays of the market's country are known.
    NoCalendar,
    /// What the figure is about is not over yet.
    Immature,
    /// Fewer accounts than that have come so far.
    NotReached,
    /// The template has no control, or the message no variant.
    NoControl,
    /// Records that the figure needs were not sent: see `needs`.
    MissingInput,
    /// More was taken from the base than there was, so that a quotient by it says nothing.
    NegativeDenominator,
    /// The period has not begun, and nothing of it is known ahead.
    NotBegun,
}

impl NoValue {
    /// Stable word for the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyDenominator => "empty_denominator",
            Self::NoFacts => "no_facts",
            Self::NeedsWholeMonths => "needs_whole_months",
            Self::Overflow => "overflow",
            Self::NeedsOneMonth => "needs_one_month",
            Self::NoCalendar => "no_calendar",
            Self::Immature => "immature",
            Self::NotReached => "not_reached",
            Self::NoControl => "no_control",
            Self::MissingInput => "missing_input",
            Self::NegativeDenominator => "negative_denominator",
            Self::NotBegun => "not_begun",
        }
    }
}

/// What a formula may ask of the period that it is computed for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) period: Period,
    /// Working days in it, if the market's holidays are known.
    pub(crate) working_days: Option<i128>,
    /// The day that it is, which is not over.
    pub(crate) today: Option<i32>,
    /// Of a cohort's curve, the last month since placement that is in it.
    pub(crate) month: Option<u16>,
}

/// A quotient. A base below nothing gives none: its sign would turn the figure's.
pub(super) fn quotient(above: Exact, below: Exact) -> Result<Exact, NoValue> {
    match below.numerator() {
        0 => Err(NoValue::EmptyDenominator),
        ..0 => Err(NoValue::NegativeDenominator),
        _ => above.divide(below).ok_or(NoValue::Overflow),
    }
}

impl Definition {
    /// Whether any of it is a stock, made of the changes of all days. A running total is none: its facts are those of its days.
    pub(crate) fn has_stock(&self) -> bool {
        let stock = |leaf: &Leaf| matches!(leaf.window, Window::Opening | Window::Closing | Window::Mean);
        self.info.kind != Kind::Cumulative && self.leaves.iter().any(stock)
    }

    /// Whether the formula asks for the period's working days.
    pub(crate) fn counts_working_days(&self) -> bool {
        self.root.has(&|node| matches!(node, Node::WorkingDays))
    }

    /// Whether a period that is not over is compared with a whole one all the same: what is known ahead is told of the whole
    /// period, and what needs whole months has no part.
    pub(crate) fn is_compared_whole(&self) -> bool {
        let months = || self.root.has(&|node| matches!(node, Node::Months));
        self.told.ahead || self.info.kind == Kind::Transition || months()
    }
}

impl Node {
    /// Computes the formula of one group and period.
    pub(crate) fn compute(
        &self,
        leaf: &impl Fn(usize) -> Result<Exact, NoValue>,
        at: Moment,
    ) -> Result<Exact, NoValue> {
        match self {
            Self::Leaf(place) => leaf(*place),
            Self::Number(number) => Ok(*number),
            Self::Days => Ok(Exact::whole(at.period.begun(at.today).days().into())),
            Self::Months => match at.period.months() {
                // What there is so far of several months has no number of them yet: all of them would be too many.
                Some(2..) if at.today.is_some_and(|today| today < at.period.end) => Err(NoValue::Immature),
                months => months.map(Exact::whole).ok_or(NoValue::NeedsWholeMonths),
            },
            Self::LastDay => Ok(Exact::whole(i128::from(at.period.begun(at.today).end) - 1)),
            Self::WorkingDays => at.working_days.map(Exact::whole).ok_or(NoValue::NoCalendar),
            Self::Add(parts) => parts
                .iter()
                .try_fold(Exact::ZERO, |sum, part| sum.add(part.compute(leaf, at)?).ok_or(NoValue::Overflow)),
            Self::Subtract(parts) => {
                let Some((first, rest)) = parts.split_first() else { return Ok(Exact::ZERO) };
                let first = first.compute(leaf, at)?;
                rest.iter()
                    .try_fold(first, |left, part| left.subtract(part.compute(leaf, at)?).ok_or(NoValue::Overflow))
            }
            Self::Divide(parts) => {
                let (above, below) = (parts.0.compute(leaf, at)?, parts.1.compute(leaf, at)?);
                quotient(above, below)
            }
            Self::Multiply(parts) => {
                let (one, other) = (parts.0.compute(leaf, at)?, parts.1.compute(leaf, at)?);
                one.multiply(other).ok_or(NoValue::Overflow)
            }
            Self::Scale(part, by) => part.compute(leaf, at)?.multiply(*by).ok_or(NoValue::Overflow),
        }
    }

    /// Calls `visit` with every leaf of the formula.
    pub(crate) fn each_leaf(&self, visit: &mut impl FnMut(usize)) {
        match self {
            Self::Leaf(place) => visit(*place),
            Self::Number(_) | Self::Months | Self::Days | Self::WorkingDays | Self::LastDay => {}
            Self::Add(parts) | Self::Subtract(parts) => parts.iter().for_each(|part| part.each_leaf(visit)),
            Self::Divide(parts) | Self::Multiply(parts) => {
                parts.0.each_leaf(visit);
                parts.1.each_leaf(visit);
            }
            Self::Scale(part, _) => part.each_leaf(visit),
        }
    }

    /// Whether that holds of any part of the formula.
    fn any(&self, holds: &impl Fn(&Self) -> bool) -> bool {
        holds(self)
            || match self {
                Self::Leaf(_) | Self::Number(_) | Self::Months | Self::Days | Self::WorkingDays | Self::LastDay => {
                    false
                }
                Self::Add(parts) | Self::Subtract(parts) => parts.iter().any(|part| part.any(holds)),
                Self::Divide(parts) | Self::Multiply(parts) => parts.0.any(holds) || parts.1.any(holds),
                Self::Scale(part, _) => part.any(holds),
            }
    }

    /// Whether the formula only adds, subtracts and scales, so that it adds up like its measures.
    fn is_linear(&self) -> bool {
        match self {
            Self::Leaf(_) => true,
            Self::Number(number) => number.is_zero(),
            Self::Months | Self::Days | Self::WorkingDays | Self::LastDay | Self::Divide(_) | Self::Multiply(_) => {
                false
            }
            Self::Add(parts) | Self::Subtract(parts) => parts.iter().all(Self::is_linear),
            Self::Scale(part, _) => part.is_linear(),
        }
    }
}

impl Root {
    /// Whether that holds of any part of its formulas.
    fn has(&self, holds: &impl Fn(&Node) -> bool) -> bool {
        match self {
            Self::Single(node, _) => node.any(holds),
            Self::Quotient { above, below } => above.0.any(holds) || below.0.any(holds),
        }
    }

    /// What follows from the formula about adding values up.
    pub(crate) fn additivity(&self, leaves: &[Leaf], measures: &[Measure]) -> Additivity {
        let Self::Single(node, _) = self else { return Additivity::None };
        let distinct = leaves.iter().any(|leaf| measures.get(leaf.measure).is_none_or(Measure::is_no_sum));
        // Accounts that are counted once a period are in one group each, and may be in several periods.
        let once = |leaf: &Leaf| measures.get(leaf.measure).is_none_or(Measure::counts_accounts);
        if !node.is_linear() || distinct {
            Additivity::None
        } else if leaves.iter().all(|leaf| leaf.window == Window::Flow && !once(leaf)) {
            Additivity::TimeAndGroups
        } else {
            Additivity::Groups
        }
    }
}
