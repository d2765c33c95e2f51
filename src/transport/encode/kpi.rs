//! KPI definitions and figures.

use super::scalar::date;
use crate::proto::google::r#type::Decimal;
use crate::proto::v1;
use crate::query::kpi::{Dimension, KpiInfo, NoValue, Row};
use crate::transport::words::Word;

/// A definition.
#[must_use]
pub fn kpi(kpi: &KpiInfo) -> v1::Kpi {
    v1::Kpi {
        kpi_id: kpi.id.clone(),
        title: kpi.title.clone(),
        description: kpi.description.clone(),
        formula: kpi.formula.clone(),
        source: kpi.source.clone(),
        kind: kpi.kind.as_str().to_owned(),
        unit: kpi.unit.number(),
        decimals: kpi.decimals.map(small),
        unit_counted: kpi.unit_counted.clone(),
        base: kpi.base.clone(),
        clock: kpi.clock.as_str().to_owned(),
        currency_policy: kpi.currency_policy.as_str().to_owned(),
        additivity: kpi.additivity.as_str().to_owned(),
        attribution: kpi.attribution.as_str().to_owned(),
        dimension_as_of: kpi.dimension_as_of.as_str().to_owned(),
        rounding: kpi.rounding.as_str().to_owned(),
        variants: kpi.variants.clone(),
        alias_of: kpi.alias_of.clone().unwrap_or_default(),
        proportion: kpi.proportion,
        dimension_sets: kpi
            .group_by
            .iter()
            .map(|dimensions| v1::DimensionSet { dimensions: dimensions.clone() })
            .collect(),
    }
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A figure, grouped by these dimensions.
#[must_use]
pub fn row(row: &Row, group_by: &[Dimension]) -> v1::KpiRow {
    let decimal = |text: Option<String>| text.map(|value| Decimal { value });
    let bound = |bound: f64| Decimal { value: format!("{bound:.*}", row.decimals as usize + 1) };
    v1::KpiRow {
        kpi_id: row.kpi.to_string(),
        variant_id: row.variant.to_string(),
        period_start_date: Some(date(row.start)),
        period_end_date: Some(date(row.end)),
        whole_period: row.whole_period,
        group: group_by
            .iter()
            .zip(row.group.iter())
            .map(|(dimension, value)| v1::GroupValue {
                dimension: dimension.as_str().to_owned(),
                value: value.as_deref().unwrap_or_default().to_owned(),
                unattributed: value.is_none(),
            })
            .collect(),
        currency_code: row.currency.map(|currency| currency.code().to_owned()).unwrap_or_default(),
        value: decimal(row.value_text()),
        no_value_reason: row.no_value.map_or(0, |reason| no_value(reason).into()),
        numerator: decimal(row.numerator_text()),
        denominator: decimal(row.denominator_text()),
        sample_size: row.sample_size.and_then(|size| i64::try_from(size).ok()),
        unit: row.unit.number(),
        decimals: small(row.decimals),
        interval_low: row.interval.map(|(low, _)| bound(low)),
        interval_high: row.interval.map(|(_, high)| bound(high)),
    }
}

const fn no_value(reason: NoValue) -> v1::NoValueReason {
    match reason {
        NoValue::EmptyDenominator => v1::NoValueReason::EmptyDenominator,
        NoValue::NoFacts => v1::NoValueReason::NoFacts,
        NoValue::NeedsWholeMonths => v1::NoValueReason::NeedsWholeMonths,
        NoValue::Overflow => v1::NoValueReason::Overflow,
        NoValue::NeedsOneMonth => v1::NoValueReason::NeedsOneMonth,
    }
}
