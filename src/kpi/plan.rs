//! From a question to the blocks that answer it: which series, which days and months.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::asked::{check, undeclared_sets};
use super::block::{BlockKey, CellGrain};
use super::catalogue::Catalogue;
use super::columns::Days;
use super::curve::{self, Curve};
use super::definition::{Clock, Definition, Kind, KpiInfo};
use super::dimension::{DimSet, Dimension};
use super::formula::{Leaf, Window};
use super::lift;
use super::made::MadeInto;
use super::need::Need;
use super::period::Period;
use super::query::{Query, QueryError};
use super::ranges::{merge, ranges};
use super::schema::Measure;
use super::shape::{Compared, Comparison, Frame, Framed, Shape, Stretches};
use super::unit::Unit;
use crate::domain::time::day_number;
use crate::domain::validation::Violation;

/// A stretch of stored blocks: those of the series and grain whose period lies from `from` up to but not including `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockRange {
    /// Measure and dimension set.
    pub series: u32,
    /// Day or month.
    pub grain: CellGrain,
    /// Day number of the first period's first day.
    pub from: i32,
    /// Day number that periods begin before.
    pub to: i32,
}

impl BlockRange {
    /// Whether a block lies in the stretch.
    #[must_use]
    pub fn holds(&self, key: &BlockKey) -> bool {
        self.series == key.series && self.grain == key.grain && (self.from..self.to).contains(&key.period)
    }
}

/// A way to answer one question. Holds no figures, so it may be kept and used again.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) query: Query,
    pub(super) shape: Shape,
    /// Periods of the rows, then those that they are compared with, then (of a question for the first few groups) the
    /// whole question.
    pub(super) framed: Framed,
    pub(super) stretches: Stretches,
    /// Working days of each period, if a KPI asks for them and the market's holidays are known.
    pub(super) working_days: Vec<Option<i128>>,
    pub(super) kpis: Vec<Arc<Planned>>,
    pub(super) feeds: Vec<Feed>,
}

/// One KPI of a plan.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) definition: Definition,
    /// Feed of each leaf.
    pub(super) feeds: Vec<usize>,
    /// Feeds of the records of each need, and of the leaves by what each value of must have its own.
    pub(super) needs: Vec<(Vec<usize>, Vec<usize>)>,
    /// Digits and quantities are the definition's; the currency is grouped for money.
    pub(super) group_by: Vec<Dimension>,
}

/// What one series gives to the answer.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    measure: usize,
    pub(super) series: u32,
    pub(super) width: usize,
    /// Where in a tuple each grouped value stands.
    pub(super) groups: Vec<usize>,
    pub(super) currency: Option<usize>,
    /// Where the agent stands.
    pub(super) agent: Option<usize>,
    /// Where the value stands that `made_into` goes by.
    pub(super) distinct: Option<usize>,
    /// That value is the id of a debtor.
    pub(super) ids: bool,
    /// What is made of the sums by that value.
    pub(super) made_into: MadeInto,
    /// Place in the tuple, and which filter of the question it must pass.
    pub(super) filters: Vec<(usize, usize)>,
    /// The only dimensions that it is grouped and filtered by, of records that are needed by these alone.
    pub(super) by: Option<DimSet>,
    /// The dimension of which each value is told apart in every group, of records that each must have: the last of `groups`.
    pub(super) each: Option<Dimension>,
    money: bool,
    /// Whether the measure's sums are amounts of the currency.
    pub(super) amounts: bool,
    /// Whether the cells of all earlier days are needed.
    pub(super) stock: bool,
    /// Whether running sums are needed.
    pub(super) sums: bool,
    pub(super) mean: bool,
    pub(super) ranges: Vec<BlockRange>,
}

impl Feed {
    /// Whether accounts are counted as their cells are met: each period is one stretch, which knows its first day.
    pub(super) fn counts_at_once(&self) -> bool {
        self.made_into == MadeInto::Accounts && !self.sums
    }

    /// Whether it takes a block.
    pub(super) fn takes(&self, key: &BlockKey) -> bool {
        self.ranges.iter().any(|range| range.holds(key))
    }

    /// Whether the groups of the question and what is counted tell the rows of a block apart.
    pub(super) fn tells_rows_apart(&self) -> bool {
        let told = |at: usize| self.groups.contains(&at) || self.currency == Some(at) || self.distinct == Some(at);
        (0..self.width).all(told)
    }
}

impl Catalogue {
    /// Plans a question.
    ///
    /// # Errors
    /// Everything that is wrong with it: unknown KPIs, an empty or too long span, dimensions that no declared set of a
    /// measure answers. The last names what is declared and how to declare more.
    pub fn plan(&self, query: &Query) -> Result<Plan, QueryError> {
        self.plan_shaped(query, &Shape::default())
    }

    /// Plans a question whose answer has a shape of its own.
    ///
    /// # Errors
    /// As [`Catalogue::plan`], and what is wrong with the shape.
    pub fn plan_shaped(&self, query: &Query, shape: &Shape) -> Result<Plan, QueryError> {
        let mut wrong: Vec<Violation> = Vec::new();
        let periods = check(query, shape, self.case_dimensions(), &mut wrong);
        let meant: Vec<_> = query.kpis.iter().map(|id| self.meant(id, &shape.calendar.defaults)).collect();
        let known: Vec<&Definition> = meant.iter().flatten().map(AsRef::as_ref).collect();
        wrong.append(&mut self.stray_filters(&query.filters, &known));
        let whole = known.iter().any(|kpi| kpi.is_compared_whole());
        let compared = Compared { part: known.iter().any(|kpi| !kpi.is_compared_whole()), whole };
        let mut framed = shape.framed(query, &periods, compared, &mut wrong);
        if shape.top.is_some() {
            framed.all.push(Period { start: day_number(query.from), end: day_number(query.to), whole: true });
        }
        let mut undeclared: Vec<Violation> = Vec::new();
        let mean = known.iter().any(|kpi| kpi.leaves.iter().any(|leaf| leaf.window == Window::Mean));
        let stretches = Stretches::of(&framed.all, shape.by_day, shape.calendar.today.filter(|_| mean));
        let (query, shape) = (query.clone(), shape.clone());
        let (kpis, feeds, working_days) = (Vec::new(), Vec::new(), Vec::new());
        let mut plan = Plan { query, shape, framed, stretches, working_days, kpis, feeds };
        for (place, definition) in meant.iter().enumerate() {
            let Some(definition) = definition.as_deref() else {
                let id = plan.query.kpis.get(place).map_or("", String::as_str);
                let text = format!("\"{id}\" is no KPI: ListKpis names them");
                wrong.push(Violation::new(format!("kpi_ids[{place}]"), text));
                continue;
            };
            let groups = plan.query.group_by.iter().map(|one| ("group_by", *one));
            let asked = groups.chain(plan.query.filters.iter().map(|(one, _)| ("filters", *one)));
            let mut refused = definition.info.refused_by(asked, self.case_dimensions());
            if !refused.is_empty() {
                // That it is not kept so, either, would read as if it were to be declared.
                wrong.append(&mut refused);
                continue;
            }
            wrong.extend(curve::refused(definition, &plan.query, &plan.shape));
            wrong.extend(lift::refused(definition, &plan.query, &plan.shape));
            plan.add(self, definition, &mut undeclared);
        }
        let only_undeclared = wrong.is_empty();
        wrong.append(&mut undeclared);
        if !wrong.is_empty() {
            return Err(QueryError { violations: wrong, undeclared: only_undeclared });
        }
        let simple = plan.stretches.plain();
        for feed in &mut plan.feeds {
            feed.sums |= !simple;
            feed.ranges = ranges(feed, &plan.stretches);
        }
        if plan.kpis.iter().any(|kpi| kpi.definition.counts_working_days()) {
            let today = plan.shape.calendar.today.map(day_number);
            let days = |period: Period| plan.shape.calendar.working_days(period.start, period.end);
            plan.working_days = plan.framed.all.iter().map(|period| days(period.begun(today))).collect();
        }
        Ok(plan)
    }
}

impl Plan {
    /// The blocks that the answer is made of, sorted and without overlaps. Blocks that do not exist are zero.
    #[must_use]
    pub fn ranges(&self) -> Vec<BlockRange> {
        merge(self.feeds.iter().flat_map(|feed| feed.ranges.iter().copied()).collect())
    }

    /// The days that lie in one of those blocks, and those between them.
    #[must_use]
    pub fn days(&self, catalogue: &Catalogue) -> Days {
        let ranges = || self.feeds.iter().flat_map(|feed| feed.ranges.iter());
        // A block of a month begins on its first day.
        let behind = |range: &BlockRange| range.to.saturating_add(if range.grain == CellGrain::Month { 31 } else { 0 });
        let first = ranges().map(|range| range.from).min().unwrap_or(i32::MAX);
        let last = ranges().map(behind).max().unwrap_or(i32::MIN);
        let by_month = ranges().all(|range| range.grain == CellGrain::Month) && catalogue.layout().is_plain();
        Days { range: first..=last, by_month, together: catalogue.layout().is_linear() }
    }

    /// The periods of the answer, in order.
    #[must_use]
    pub fn periods(&self) -> &[Period] {
        self.framed.all.get(..self.framed.rows).unwrap_or_default()
    }

    /// The period with which a figure of another one is compared, by their places.
    pub(super) fn base_of(&self, definition: &Definition, slot: usize) -> Option<usize> {
        let bases = if definition.is_compared_whole() { &self.framed.whole } else { &self.framed.base };
        bases.get(slot).copied().flatten()
    }

    /// The stretches of a period that have begun, and how many days they have: a mean of a month that is not over is none of the
    /// days to come, unless what they bring is known.
    pub(super) fn begun(&self, definition: &Definition, slot: usize) -> ((usize, usize), i128) {
        let today = self.shape.calendar.today.filter(|_| !definition.told.ahead).map(day_number);
        let Some(period) = self.framed.all.get(slot).map(|period| period.begun(today)) else { return ((0, 0), 1) };
        let place = |day: i32| self.stretches.cuts.partition_point(|cut| *cut < day);
        ((place(period.start), place(period.end)), period.days().into())
    }

    /// Whether any figure is money.
    #[must_use]
    pub fn has_money(&self) -> bool {
        self.kpis.iter().any(|kpi| kpi.definition.money)
    }

    /// The least and the greatest that a figure can be, if all are proportions: a part is never more than its whole.
    #[must_use]
    pub fn range(&self) -> Option<(i64, i64)> {
        let proportions = self.kpis.iter().all(|kpi| kpi.definition.info.proportion);
        let whole = self.kpis.first().and_then(|kpi| kpi.definition.info.unit.whole());
        whole.filter(|_| proportions).map(|whole| (0, whole))
    }

    /// The unit of the first figure.
    #[must_use]
    pub fn unit(&self) -> Option<Unit> {
        self.kpis.first().map(|kpi| kpi.definition.info.unit)
    }

    /// Whether any figure is a percentile.
    pub(super) fn has_percentiles(&self) -> bool {
        self.kpis.iter().any(|kpi| self.is_percentile(kpi))
    }

    /// Whether the figure is a percentile, which is made of the values themselves.
    pub(super) fn is_percentile(&self, kpi: &Planned) -> bool {
        let of = |feed: &usize| self.feeds.get(*feed).map(|feed| feed.made_into);
        kpi.feeds.iter().filter_map(of).any(|one| matches!(one, MadeInto::Percentile(_) | MadeInto::Survival(..)))
    }

    /// Whether any figure is a lift against a control, which each market has its own of.
    #[must_use]
    pub fn has_lifts(&self) -> bool {
        self.kpis.iter().any(|kpi| kpi.definition.info.kind == Kind::Lift)
    }

    /// Whether any figure is of a cohort, whose cells know the day of placement alone.
    #[must_use]
    pub fn has_cohorts(&self) -> bool {
        let of = |info: &KpiInfo| info.kind == Kind::Cohort || info.clock == Clock::Placed;
        self.kpis.iter().any(|kpi| of(&kpi.definition.info))
    }

    /// The stretch with which the running total of a period begins: the question's first. A period before the question, which
    /// another one is compared with, runs from the first such; one within it is told there, too, and comes to the same. A window
    /// of its own, and days that are stated, run from their own beginning.
    pub(super) fn running_from(&self, slot: usize) -> usize {
        let of = |slot: usize| self.stretches.slots.get(slot).map_or(0, |(first, _)| *first);
        if self.shape.frame != Frame::Period {
            return of(slot);
        }
        let start = |slot: usize| self.framed.all.get(slot).map(|period| period.start);
        let shifted = matches!(self.shape.comparison, Some(Comparison::PreviousPeriod | Comparison::YearEarlier));
        let within = slot < self.framed.rows || (shifted && start(slot) >= start(0));
        of(if within { 0 } else { self.framed.rows })
    }

    fn add(&mut self, catalogue: &Catalogue, definition: &Definition, undeclared: &mut Vec<Violation>) {
        let money = definition.money;
        // Money is always answered by currency, so that grouping by it adds nothing.
        let group_by: Vec<Dimension> =
            self.query.group_by.iter().copied().filter(|one| !(money && *one == Dimension::Currency)).collect();
        let mut feeds = Vec::with_capacity(definition.leaves.len());
        let mut missing: BTreeMap<&str, DimSet> = BTreeMap::new();
        let mut feed = |leaf: &Leaf, curve, apart| {
            let measure = catalogue.measures.get(leaf.measure)?;
            let found = self.feed((leaf, measure), &group_by, (money, curve), apart);
            found.map_err(|asked| missing.insert(&measure.id, asked)).ok()
        };
        for (place, leaf) in definition.leaves.iter().enumerate() {
            feeds.extend(feed(leaf, Curve::of(definition, place), (None, None)));
        }
        let mut of_need = |need: &Need| {
            let mut all = |leaves: &[Leaf]| -> Vec<usize> {
                leaves.iter().filter_map(|leaf| feed(leaf, None, (need.by, need.each))).collect()
            };
            (all(&need.leaves), if need.each.is_some() { all(&definition.leaves) } else { Vec::new() })
        };
        let needs = definition.needs.iter().map(&mut of_need).collect();
        if missing.is_empty() {
            self.kpis.push(Arc::new(Planned { definition: definition.clone(), feeds, needs, group_by }));
        } else {
            undeclared.push(undeclared_sets(definition, &missing, catalogue.case_dimensions()));
        }
    }

    /// The feed of a leaf, shared by all leaves of the same measure.
    fn feed(
        &mut self,
        (leaf, measure): (&Leaf, &Measure),
        group_by: &[Dimension],
        (money, curve): (bool, Option<Curve>),
        (by, each): (Option<DimSet>, Option<Dimension>),
    ) -> Result<usize, DimSet> {
        let made_into = MadeInto::of(leaf, measure, curve);
        let asked = (leaf.measure, money, made_into, by, each);
        let same = |feed: &Feed| (feed.measure, feed.money, feed.made_into, feed.by, feed.each) == asked;
        let known = self.feeds.iter().position(same);
        let place = match known {
            Some(place) => place,
            None => {
                // A base that is not kept by currency (agents) serves every currency of a money KPI.
                let skip = |one: Dimension| money && one == Dimension::Currency && !measure.by_currency;
                let filters: Vec<(usize, Dimension)> =
                    self.query.filters.iter().map(|(one, _)| *one).enumerate().collect();
                // Of a curve the months are told by what was cumulated, and not by what the facts are of.
                let own = |one: Dimension| {
                    curve.is_some() && one == Dimension::MonthsSince || by.is_some_and(|by| !by.has(one))
                };
                let keep = |one: Dimension| !skip(one) && !own(one);
                let filters: Vec<(usize, Dimension)> = filters.into_iter().filter(|(_, one)| keep(*one)).collect();
                let groups = group_by.iter().copied().filter(|one| !own(*one));
                let asked: DimSet = groups.chain(filters.iter().map(|(_, one)| *one)).collect();
                let by_month = curve.is_some_and(Curve::by_month);
                let asked = if by_month { asked.with(Dimension::MonthsSince) } else { asked };
                let asked = each.map_or(asked, |each| asked.with(each));
                let fits = measure.sets.iter().filter(|(set, _)| set.contains(asked));
                let (set, series) = *fits.min_by_key(|(set, _)| (set.len(), *set)).ok_or(asked)?;
                let at = |dimension: Dimension| set.position(dimension);
                // No value stands behind the last place.
                let place = |one: &Dimension| at(*one).filter(|_| !own(*one)).unwrap_or(usize::MAX);
                self.feeds.push(Feed {
                    measure: leaf.measure,
                    series,
                    width: set.len(),
                    groups: group_by.iter().chain(&each).map(place).collect(),
                    currency: at(Dimension::Currency).filter(|_| money && measure.by_currency && by.is_none()),
                    agent: at(Dimension::Agent),
                    distinct: measure.own_dimension().or(by_month.then_some(Dimension::MonthsSince)).and_then(at),
                    ids: made_into == MadeInto::Distinct && measure.distinct() == Some(Dimension::Debtor),
                    made_into,
                    by,
                    each,
                    filters: filters.iter().filter_map(|(number, one)| Some((at(*one)?, *number))).collect(),
                    money,
                    amounts: measure.quantity.money > 0,
                    stock: false,
                    sums: false,
                    mean: false,
                    ranges: Vec::new(),
                });
                self.feeds.len() - 1
            }
        };
        if let Some(feed) = self.feeds.get_mut(place) {
            feed.stock |= matches!(leaf.window, Window::Opening | Window::Closing | Window::Mean);
            feed.sums |= !matches!(leaf.window, Window::Flow | Window::Percentile(_) | Window::Survival(..));
            feed.mean |= leaf.window == Window::Mean;
        }
        Ok(place)
    }
}
