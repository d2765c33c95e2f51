//! From the words of the command line to requests.

use chrono::NaiveDate;

use super::args::Ask;
use crate::cli::error::CliError;
use crate::cli::simulate::instant;
use crate::proto::google::r#type::Date;
use crate::proto::v1;
use crate::query::kpi::{Grain, RowOrder};
use crate::wire::encode::scalar::date;
use crate::wire::words::Word;

/// A question; `with` is what it is compared with.
///
/// # Errors
/// A word that means nothing, with those that do.
pub fn question(market: &str, ask: &Ask, with: Option<&str>) -> Result<v1::QueryKpisRequest, CliError> {
    let order = match ask.order.as_deref() {
        None => 0,
        Some(text) => {
            let known = || RowOrder::ALL.iter().map(|one| one.as_str());
            RowOrder::parse(text).ok_or_else(|| unknown("--order", text, known()))?.number()
        }
    };
    let instant = |text: &Option<String>| text.as_deref().map(instant).transpose();
    Ok(v1::QueryKpisRequest {
        region_code: market.to_owned(),
        kpi_ids: ask.kpi.clone(),
        grain: grain("--grain", &ask.grain)?.number(),
        start_date: Some(date(ask.from)),
        end_date: Some(date(ask.to)),
        group_by: ask.by.clone(),
        filters: ask.filters.iter().map(|text| filter(text)).collect::<Result<_, _>>()?,
        rolling: ask.rolling.as_deref().map(rolling).transpose()?,
        to_date: ask.to_date.as_deref().map_or(Ok(0), |text| grain("--to-date", text).map(Grain::number))?,
        comparison: with.map(comparison).transpose()?,
        totals: ask.totals,
        order,
        top: ask.top.unwrap_or(0),
        as_of_time: instant(&ask.as_of)?,
        as_known_time: instant(&ask.as_known)?,
        frozen: ask.frozen,
        exact_percentiles: ask.exact,
        read_mask: None,
    })
}

fn unknown<'w>(option: &str, text: &str, known: impl Iterator<Item = &'w str>) -> CliError {
    let known: Vec<&str> = known.collect();
    CliError::new(format!("{option} {text} means nothing: write one of {}", known.join(", ")))
}

fn grain(option: &str, text: &str) -> Result<Grain, CliError> {
    Grain::parse(text).ok_or_else(|| unknown(option, text, Grain::ALL.iter().map(|one| one.as_str())))
}

/// `channel=call,sms`; nothing behind the sign stands for facts without the dimension.
pub fn filter(text: &str) -> Result<v1::DimensionFilter, CliError> {
    let (dimension, values) = pair("--where", text)?;
    Ok(v1::DimensionFilter { dimension, values: values.split(',').map(str::to_owned).collect() })
}

/// `agent=ann`; nothing behind the sign stands for the group without the dimension.
pub fn group(text: &str) -> Result<v1::GroupValue, CliError> {
    let (dimension, value) = pair("--group", text)?;
    Ok(v1::GroupValue { dimension, unattributed: value.is_empty(), value })
}

fn pair(option: &str, text: &str) -> Result<(String, String), CliError> {
    let pair = text.split_once('=').filter(|(dimension, _)| !dimension.is_empty());
    let (dimension, value) =
        pair.ok_or_else(|| CliError::new(format!("{option} {text} has no dimension: write {option} channel=call")))?;
    Ok((dimension.to_owned(), value.to_owned()))
}

fn rolling(text: &str) -> Result<v1::RollingWindow, CliError> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let count = count.parse::<i32>();
    let count = count.map_err(|_| CliError::new(format!("--rolling {text} has no number: write --rolling 30day")))?;
    Ok(v1::RollingWindow { count, unit: grain("--rolling", unit.trim())?.number() })
}

fn comparison(text: &str) -> Result<v1::Comparison, CliError> {
    use v1::ComparisonKind as K;
    let day = |text: &str| -> Result<Option<Date>, CliError> {
        let day = text.parse::<NaiveDate>();
        day.map(|day| Some(date(day))).map_err(|_| CliError::new(format!("{text} is no date: write 2026-01-31")))
    };
    let plain = |kind: K| v1::Comparison { kind: kind.into(), ..Default::default() };
    match (text, text.split_once(':')) {
        ("previous", _) => Ok(plain(K::PreviousPeriod)),
        ("year", _) => Ok(plain(K::YearEarlier)),
        (_, Some(("baseline", span))) => {
            let (from, to) = span
                .split_once("..")
                .ok_or_else(|| CliError::new(format!("{span} is no span: write baseline:2026-01-01..2026-02-01")))?;
            let (from, to) = (day(from)?, day(to)?);
            Ok(v1::Comparison { baseline_start_date: from, baseline_end_date: to, ..plain(K::Baseline) })
        }
        (_, Some(("before", on))) => Ok(v1::Comparison { split_date: day(on)?, ..plain(K::BeforeAfter) }),
        _ => {
            let known = ["previous", "year", "baseline:FIRST..AFTER_LAST", "before:DATE"];
            Err(unknown("--with", text, known.into_iter()))
        }
    }
}
