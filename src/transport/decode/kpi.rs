//! Questions about KPIs.

use super::request::market;
use super::{At, DecodeError, collect};
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::ids::MarketId;
use crate::domain::money::Currency;
use crate::domain::time::day_number;
use crate::proto::google::r#type::Date;
use crate::proto::v1;
use crate::query::KpiQuestion;
use crate::query::kpi::drill::Figure;
use crate::query::kpi::{Comparison, Dimension, Frame, Grain, Period, Query, Shape, shape};

const MAX_KPIS: usize = 50;
const MAX_MARKETS: usize = 50;
const MAX_GROUP_BY: usize = 8;
const MAX_FILTERS: usize = 16;
const MAX_FILTER_VALUES: usize = 1000;

/// A question and the shape of its answer, which has no calendar yet: that is the market's.
///
/// # Errors
/// Every field that is wrong. Whether the KPIs exist and are kept by these dimensions is for the catalogue to say.
pub fn question(wire: v1::QueryKpisRequest, case: &CaseDimensions) -> Result<(MarketId, KpiQuestion), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let asked = asked(at, wire, case);
        Some((market?, asked?))
    })
}

/// A question for several markets; no market stands for all that the caller may read.
///
/// # Errors
/// As [`question`].
pub fn across(
    wire: v1::QueryKpisAcrossMarketsRequest,
    case: &CaseDimensions,
) -> Result<(Vec<MarketId>, KpiQuestion), DecodeError> {
    collect("", |at| {
        let codes = at.field("region_codes");
        let one = |at: &At<'_>, code: String| {
            let region = crate::wire::decode::party::region(at, &code)?;
            at.id(&region.to_ascii_lowercase(), MarketId::new)
        };
        let markets = codes.list(wire.region_codes, MAX_MARKETS, one);
        codes.no_doubles(markets.iter().map(MarketId::as_str));
        let question_at = at.field("question");
        let wire = question_at.required(wire.question)?;
        if !wire.region_code.is_empty() {
            question_at.field("region_code").refuse("is not read here: name the markets in region_codes");
        }
        Some((markets, asked(&question_at, wire, case)?))
    })
}

/// A question that is watched.
///
/// # Errors
/// As [`question`].
pub fn watched(wire: v1::WatchKpisRequest, case: &CaseDimensions) -> Result<(MarketId, KpiQuestion), DecodeError> {
    collect("", |at| {
        let at = at.field("question");
        let wire = at.required(wire.question)?;
        let market = market(&at, &wire.region_code);
        let asked = asked(&at, wire, case);
        Some((market?, asked?))
    })
}

/// What is asked of whatever market.
fn asked(at: &At<'_>, wire: v1::QueryKpisRequest, case: &CaseDimensions) -> Option<KpiQuestion> {
    let kpis_at = at.field("kpi_ids");
    if wire.kpi_ids.is_empty() {
        kpis_at.refuse("is required: name at least one KPI");
    }
    let kpis = kpis_at.names(wire.kpi_ids, MAX_KPIS);
    let grain = at.field("grain").word(wire.grain);
    let span = span(at, ("start_date", wire.start_date), ("end_date", wire.end_date));
    let group_by = at.field("group_by").list(wire.group_by, MAX_GROUP_BY, |at, name| dimension(at, &name, case));
    let filters = filters(&at.field("filters"), wire.filters, case);
    let frame = frame(at, wire.rolling, wire.to_date);
    let comparison = wire.comparison.and_then(|wire| comparison(&at.field("comparison"), &wire));
    let order = at.field("order").optional_word(wire.order);
    let top = match wire.top {
        0 => None,
        top => at.field("top").within(top, 1_i32, shape::MAX_TOP as i32).map(|top| top.unsigned_abs() as usize),
    };
    let (totals, exact) = (wire.totals, wire.exact_percentiles);
    let case_dimensions = case.clone();
    let shape = Shape { frame, comparison, totals, order, top, exact, case_dimensions, ..Shape::default() };
    let as_of = at.field("as_of_time").optional_time(wire.as_of_time);
    let as_known_at = at.field("as_known_time").optional_time(wire.as_known_time);
    if wire.read_mask.is_some_and(|mask| !mask.paths.is_empty()) {
        at.field("read_mask").refuse("is for QueryKpis: rows of this call come whole, so leave it out");
    }
    let (from, to) = span?;
    let query = Query { kpis, grain: grain?, from, to, group_by, filters };
    Some(KpiQuestion { query, shape, as_of, as_known_at, frozen: wire.frozen })
}

/// Which KPIs of which quarter are to be told among others'.
///
/// # Errors
/// Every field that is wrong.
pub fn benchmarks(wire: v1::GetBenchmarksRequest) -> Result<(MarketId, Vec<String>, chrono::NaiveDate), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let kpis_at = at.field("kpi_ids");
        if wire.kpi_ids.is_empty() {
            kpis_at.refuse("is required: name at least one KPI");
        }
        let kpis = kpis_at.names(wire.kpi_ids, MAX_KPIS);
        let quarter = at.field("quarter_start_date").date(wire.quarter_start_date);
        Some((market?, kpis, quarter?))
    })
}

/// Of which days the data quality is asked.
///
/// # Errors
/// Every field that is wrong.
pub fn quality(
    wire: &v1::GetDataQualityRequest,
) -> Result<(MarketId, (chrono::NaiveDate, chrono::NaiveDate)), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let days = span(at, ("start_date", wire.start_date), ("end_date", wire.end_date));
        Some((market?, days?))
    })
}

/// A figure whose records are asked for.
///
/// # Errors
/// Every field that is wrong. Whether the KPI exists is for the catalogue to say.
pub fn figure(wire: v1::DrillDownRequest, case: &CaseDimensions) -> Result<(MarketId, Figure), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let kpi = at.field("kpi_id").name(wire.kpi_id);
        let span = span(at, ("start_date", wire.start_date), ("end_date", wire.end_date));
        let group_at = at.field("group");
        let group = group_at.list(wire.group, MAX_GROUP_BY, |at, wire| {
            let dimension = dimension(&at.field("dimension"), &wire.dimension, case);
            if wire.unattributed && !wire.value.is_empty() {
                at.field("value").refuse("is of a group that is unattributed: leave one of the two out");
            } else if !wire.unattributed && wire.value.is_empty() {
                at.field("value")
                    .refuse("is required: send the group's value, or unattributed for the group without one");
            } else if let Some(dimension) = dimension {
                value_of(&at.field("value"), dimension, &wire.value);
            }
            Some((dimension?, (!wire.unattributed).then_some(wire.value)))
        });
        group_at.no_doubles(group.iter().map(|(dimension, _)| dimension.name(case)));
        let filters = filters(&at.field("filters"), wire.filters, case);
        let currency = match wire.currency_code.as_str() {
            "" => None,
            code => {
                let currency = Currency::parse(code);
                if currency.is_none() {
                    let shown: String = code.chars().take(40).collect();
                    at.field("currency_code").refuse(format!("{shown:?} is no ISO 4217 code: send one such as EUR"));
                }
                currency
            }
        };
        let first = wire.question_start_date.and_then(|date| at.field("question_start_date").date(Some(date)));
        let (from, to) = span?;
        if let Some(first) = first.filter(|first| *first > from) {
            let text =
                format!("{first} is after start_date, {from}: send the first day of the question, which is no later");
            at.field("question_start_date").refuse(text);
        }
        let period = Period { start: day_number(from), end: day_number(to), whole: true };
        let running_from = first.map_or(period.start, day_number);
        Some((
            market?,
            Figure { kpi: kpi?, period, running_from, group, filters, currency, case_dimensions: case.clone() },
        ))
    })
}

/// First day and the day after the last one.
fn span(
    at: &At<'_>,
    start: (&'static str, Option<Date>),
    end: (&'static str, Option<Date>),
) -> Option<(chrono::NaiveDate, chrono::NaiveDate)> {
    let from = at.field(start.0).date(start.1);
    let to = at.field(end.0).date(end.1);
    let (from, to) = (from?, to?);
    if to <= from {
        at.field(end.0).refuse(format!("{to} is not after {}, {from}: send the day after the last one", start.0));
        return None;
    }
    Some((from, to))
}

fn frame(at: &At<'_>, rolling: Option<v1::RollingWindow>, to_date: i32) -> Frame {
    let to_date: Option<Grain> = at.field("to_date").optional_word(to_date);
    let rolling = rolling.and_then(|wire| {
        let at = at.field("rolling");
        let count = at.field("count").within(wire.count, 1_i32, shape::MAX_ROLLING as i32);
        let unit: Option<Grain> = at.field("unit").word(wire.unit);
        Some(Frame::Rolling(count?.unsigned_abs(), unit?))
    });
    match (rolling, to_date) {
        (Some(_), Some(_)) => {
            at.field("to_date").refuse("excludes rolling: send one of the two");
            Frame::Period
        }
        (Some(rolling), None) => rolling,
        (None, Some(unit)) => Frame::ToDate(unit),
        (None, None) => Frame::Period,
    }
}

fn comparison(at: &At<'_>, wire: &v1::Comparison) -> Option<Comparison> {
    use v1::ComparisonKind as K;
    let kind = K::try_from(wire.kind).ok().filter(|kind| *kind != K::Unspecified);
    let Some(kind) = kind else {
        at.field("kind").refuse(format!("{} is no value of ComparisonKind: send one of its values 1 to 4", wire.kind));
        return None;
    };
    let stray = |name: &'static str, date: Option<&Date>, of: K| {
        if date.is_some() && kind != of {
            let of = of.as_str_name();
            at.field(name).refuse(format!("belongs to {of}: leave it out, or send that kind"));
        }
    };
    stray("baseline_start_date", wire.baseline_start_date.as_ref(), K::Baseline);
    stray("baseline_end_date", wire.baseline_end_date.as_ref(), K::Baseline);
    stray("split_date", wire.split_date.as_ref(), K::BeforeAfter);
    match kind {
        K::Unspecified => None,
        K::PreviousPeriod => Some(Comparison::PreviousPeriod),
        K::YearEarlier => Some(Comparison::YearEarlier),
        K::Baseline => {
            let start = ("baseline_start_date", wire.baseline_start_date);
            let (from, to) = span(at, start, ("baseline_end_date", wire.baseline_end_date))?;
            Some(Comparison::Baseline(from, to))
        }
        K::BeforeAfter => at.field("split_date").date(wire.split_date).map(Comparison::BeforeAfter),
    }
}

/// What must hold of the facts counted.
pub fn filters(at: &At<'_>, wire: Vec<v1::DimensionFilter>, case: &CaseDimensions) -> Vec<(Dimension, Vec<String>)> {
    at.list(wire, MAX_FILTERS, |at, wire| {
        let dimension = dimension(&at.field("dimension"), &wire.dimension, case);
        let values_at = at.field("values");
        if wire.values.is_empty() {
            values_at.refuse("is required: send at least one value");
        }
        let values = values_at.list(wire.values, MAX_FILTER_VALUES, |at, value| {
            if value.is_empty() {
                return Some(value);
            }
            let value = at.optional_text(value)?;
            if let Some(dimension) = dimension {
                value_of(at, dimension, &value);
            }
            Some(value)
        });
        Some((dimension?, values))
    })
}

/// Refuses what no fact can have: figures of it would all be nothing.
fn value_of(at: &At<'_>, dimension: Dimension, value: &str) {
    if let Some(known) = dimension.not_its_value(value) {
        let shown: String = value.chars().take(40).collect();
        at.refuse(format!("{shown:?} is no {} that facts can have: send {known}", dimension.as_str()));
    }
}

fn dimension(at: &At<'_>, name: &str, case: &CaseDimensions) -> Option<Dimension> {
    let found = Dimension::named(name, case);
    if found.is_none() {
        let known: Vec<&str> = Dimension::names(case).collect();
        let shown: String = name.chars().take(40).collect();
        let of_case = name.starts_with("attribute:") || name.starts_with("segment:");
        let or = if of_case { ", or state it in case_dimensions of the KPI files" } else { "" };
        at.refuse(format!("{shown:?} is no dimension: send one of {}{or}", known.join(", ")));
    }
    found
}
