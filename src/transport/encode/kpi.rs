//! KPI definitions and figures.

use crate::proto::google::r#type::Decimal;
use crate::proto::v1;
use crate::query::kpi::drill::{ContributedPart, Drill};
use crate::query::kpi::exchange::{DatePolicy, Reporting};
use crate::query::kpi::peers::Withheld;
use crate::query::kpi::{KpiInfo, NoValue, Row, RowKind, Stand};
use crate::query::quality::{KpiGap, Quality};
use crate::query::{AcrossAnswer, Benchmark, DrillRecord, FigureSource, KpiAnswer, KpiFilling, NoPeers, Record};
use crate::wire::encode::scalar::{date, revision, time};
use crate::wire::words::Word;

/// A definition, and how far its cells are if they are not whole.
#[must_use]
pub fn kpi((kpi, filling): &(KpiInfo, Option<KpiFilling>)) -> v1::Kpi {
    v1::Kpi {
        filling: filling.as_ref().map(self::filling),
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
        needs: kpi.needs.clone(),
        guard_kpi_id: kpi.guard.clone().unwrap_or_default(),
        refused_dimensions: kpi
            .not_by
            .iter()
            .map(|one| v1::RefusedDimensions {
                dimensions: one.dimensions.clone(),
                reason: one.because.clone(),
                instead: one.ask.clone(),
            })
            .collect(),
        dimension_sets: kpi
            .group_by
            .iter()
            .map(|dimensions| v1::DimensionSet { dimensions: dimensions.clone() })
            .collect(),
    }
}

/// A KPI that is not ready.
#[must_use]
pub fn filling(filling: &KpiFilling) -> v1::KpiFilling {
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let answering = match filling.stand {
        Stand::Former => v1::AnsweringDefinition::Former,
        Stand::Current => v1::AnsweringDefinition::Current,
    };
    v1::KpiFilling {
        kpi_id: filling.kpi.clone(),
        answering: answering.into(),
        former_definitions_digest: filling.former_digest.clone().unwrap_or_default(),
        records_done: whole(filling.done),
        records_total: whole(filling.total),
        start_time: filling.since.map(time),
        last_error: filling.error.clone(),
        error_time: filling.error_at.map(time),
    }
}

pub(super) fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A figure, grouped by these dimensions.
#[must_use]
pub fn row(row: &Row, group_by: &[String]) -> v1::KpiRow {
    let decimal = |text: Option<String>| text.map(|value| Decimal { value });
    let bound = |bound: f64| Decimal { value: format!("{bound:.*}", row.decimals as usize + 1) };
    v1::KpiRow {
        kpi_id: row.kpi.to_string(),
        variant_id: row.variant.to_string(),
        period_start_date: Some(date(row.start)),
        period_end_date: Some(date(row.end)),
        whole_period: row.whole_period,
        running_period: row.running,
        // The rest and the total are no group: empty values would read as the group of facts without the dimension.
        group: group_by
            .iter()
            .zip(row.group.iter())
            .filter(|_| row.kind == RowKind::Group)
            .map(|(dimension, value)| v1::GroupValue {
                dimension: dimension.clone(),
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
        row_kind: row.kind.number(),
        compared: row.base.as_deref().map(|base| compared(row, base)),
        frozen: None,
        freeze_time: None,
    }
}

/// What a figure was when its period was closed, and what has changed since.
pub(super) fn restated(row: &Row, before: &Row) -> v1::ComparedFigure {
    let mut restated = row.clone();
    restated.base = Some(Box::new(before.clone()));
    compared(&restated, before)
}

/// The figures of an answer, each with what it was when its period was closed.
#[must_use]
pub fn answer(found: &KpiAnswer, group_by: &[String]) -> v1::QueryKpisResponse {
    let one = |(place, row): (usize, &Row)| {
        let mut wire = self::row(row, group_by);
        if let Some((at, before)) = found.frozen.get(&place) {
            wire.frozen = Some(restated(row, before));
            wire.freeze_time = Some(time(*at));
        }
        wire
    };
    v1::QueryKpisResponse {
        rows: found.answer.rows.iter().enumerate().map(one).collect(),
        revision: revision(found.revision),
        definitions_digest: found.catalogue_digest.clone(),
        source: source(found.source).into(),
        filling: found.filling.iter().map(filling).collect(),
    }
}

/// A figure among others.
#[must_use]
pub fn benchmark(benchmark: &Benchmark) -> v1::Benchmark {
    let decimal = |value: &String| Some(Decimal { value: value.clone() });
    let mut wire = v1::Benchmark {
        kpi_id: benchmark.kpi.clone(),
        own: benchmark.own.as_ref().map(|own| row(own, &[])),
        published: benchmark
            .published
            .iter()
            .map(|one| v1::PublishedFigure {
                low: decimal(&one.low),
                high: decimal(&one.high),
                source: one.source.clone(),
                published: one.published.clone(),
                covers: one.covers.clone(),
                note: one.note.clone(),
            })
            .collect(),
        ..Default::default()
    };
    match &benchmark.peers {
        Ok(quartiles) => {
            let [lower, median, upper] = &quartiles.texts;
            wire.tenant_count = i32::try_from(quartiles.tenants).unwrap_or(i32::MAX);
            (wire.lower_quartile, wire.median, wire.upper_quartile) = (decimal(lower), decimal(median), decimal(upper));
        }
        Err(why) => {
            let reason = match why {
                NoPeers::Withheld(Withheld::TooFew) => v1::NoPeersReason::TooFew,
                NoPeers::Withheld(Withheld::Dominated) => v1::NoPeersReason::Dominated,
                NoPeers::NotShared => v1::NoPeersReason::NotShared,
                NoPeers::NotComparable => v1::NoPeersReason::NotComparable,
            };
            wire.no_peers_reason = reason.into();
        }
    }
    wire
}

/// What a market's records leave open.
#[must_use]
pub fn quality(quality: &Quality) -> v1::GetDataQualityResponse {
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let fields = |send: &[&str]| send.iter().map(|field| (*field).to_owned()).collect();
    v1::GetDataQualityResponse {
        rules: quality
            .rules
            .iter()
            .map(|gap| v1::RuleGap {
                rule_id: gap.rule.as_str().to_owned(),
                attribute: gap.attribute.to_owned(),
                unknown_count: whole(gap.unknown),
                fields: gap.send.clone(),
            })
            .collect(),
        kpis: quality
            .kpis
            .iter()
            .map(|KpiGap { gap, send, dimension }| v1::KpiGap {
                kpi_id: gap.kpi.clone(),
                measure_id: gap.measure.clone(),
                lack: gap.lack.as_str().to_owned(),
                lacking_count: whole(gap.lacking),
                fact_count: whole(gap.taken),
                disables: gap.disables,
                fields: fields(send),
                of: dimension.as_ref().zip(gap.of.as_ref()).map(|(dimension, of)| v1::GroupValue {
                    dimension: dimension.clone(),
                    value: of.value.clone().unwrap_or_default(),
                    unattributed: of.value.is_none(),
                }),
                currency_code: (gap.of.as_ref().and_then(|of| of.currency))
                    .map_or_else(String::new, |currency| currency.code().to_owned()),
            })
            .collect(),
        revision: revision(quality.revision),
    }
}

/// The figure that a row is compared with, and the change.
pub(super) fn compared(row: &Row, base: &Row) -> v1::ComparedFigure {
    let decimal = |text: Option<String>| text.map(|value| Decimal { value });
    let change = row.change();
    v1::ComparedFigure {
        period_start_date: Some(date(base.start)),
        period_end_date: Some(date(base.end)),
        value: decimal(base.value_text()),
        no_value_reason: base.no_value.map_or(0, |reason| no_value(reason).into()),
        numerator: decimal(base.numerator_text()),
        denominator: decimal(base.denominator_text()),
        sample_size: base.sample_size.and_then(|size| i64::try_from(size).ok()),
        change: decimal(change.and_then(|change| change.absolute.text(row.decimals))),
        change_percent: decimal(change.and_then(|change| change.relative?.text(2))),
        whole_period: base.whole_period,
    }
}

pub(super) const fn no_value(reason: NoValue) -> v1::NoValueReason {
    match reason {
        NoValue::EmptyDenominator => v1::NoValueReason::EmptyDenominator,
        NoValue::NoFacts => v1::NoValueReason::NoFacts,
        NoValue::NeedsWholeMonths => v1::NoValueReason::NeedsWholeMonths,
        NoValue::Overflow => v1::NoValueReason::Overflow,
        NoValue::NeedsOneMonth => v1::NoValueReason::NeedsOneMonth,
        NoValue::NoCalendar => v1::NoValueReason::NoCalendar,
        NoValue::Immature => v1::NoValueReason::Immature,
        NoValue::NotReached => v1::NoValueReason::NotReached,
        NoValue::NoControl => v1::NoValueReason::NoControl,
        NoValue::MissingInput => v1::NoValueReason::MissingInput,
        NoValue::NegativeDenominator => v1::NoValueReason::NegativeDenominator,
        NoValue::NotBegun => v1::NoValueReason::NotBegun,
    }
}

/// What figures were made of.
#[must_use]
pub const fn source(source: FigureSource) -> v1::FigureSource {
    match source {
        FigureSource::Cells => v1::FigureSource::Cells,
        FigureSource::Facts => v1::FigureSource::Facts,
    }
}

/// Figures of several markets, and over all of them.
#[must_use]
pub fn across(answer: &AcrossAnswer, group_by: &[String]) -> v1::QueryKpisAcrossMarketsResponse {
    let rows = |rows: &[Row]| rows.iter().map(|one| row(one, group_by)).collect();
    v1::QueryKpisAcrossMarketsResponse {
        markets: answer
            .markets
            .iter()
            .map(|(market, answer)| v1::MarketFigures {
                region_code: market.as_str().to_ascii_uppercase(),
                rows: rows(&answer.answer.rows),
                revision: revision(answer.revision),
                filling: answer.filling.iter().map(filling).collect(),
                source: source(answer.source).into(),
            })
            .collect(),
        rows: rows(&answer.across.rows),
        conversion: answer.reporting.as_deref().map(conversion),
    }
}

fn conversion(reporting: &Reporting) -> v1::Conversion {
    let (policy, fixed) = match reporting.policy {
        DatePolicy::FactDay => (v1::RateDatePolicy::FactDay, None),
        DatePolicy::PeriodEnd => (v1::RateDatePolicy::PeriodEnd, None),
        DatePolicy::Fixed(on) => (v1::RateDatePolicy::Fixed, Some(date(on))),
    };
    v1::Conversion {
        currency_code: reporting.currency.code().to_owned(),
        table_id: reporting.rates.id.clone(),
        source: reporting.rates.source.clone(),
        date_policy: policy.into(),
        fixed_date: fixed,
    }
}

/// A record behind a figure.
#[must_use]
pub fn record(drill: &Drill, record: &DrillRecord) -> v1::ContributingRecord {
    let decimal = |value: String| Decimal { value };
    let mut wire = v1::ContributingRecord {
        case_id: record.origin.case.as_ref().map(|case| case.as_str().to_owned()).unwrap_or_default(),
        numerator: drill.numerator(&record.given).map(decimal),
        denominator: drill.denominator(&record.given).map(decimal),
        parts: drill.parts(&record.given).into_iter().map(part).collect(),
        ..Default::default()
    };
    match &record.origin.record {
        Record::Activity(id) => wire.activity_id.clone_from(id),
        Record::Version(id) => wire.case_version_id.clone_from(id),
        Record::Timer(due) => wire.deadline_time = Some(time(*due)),
        Record::Check(id) => wire.check_id.clone_from(id),
        Record::Finding(id) => wire.finding_id = id.to_string(),
    }
    wire
}

fn part(part: ContributedPart) -> v1::ContributedPart {
    v1::ContributedPart {
        measure_id: part.measure,
        window: part.window.to_owned(),
        value: Some(Decimal { value: part.value }),
        fact_count: part.facts,
        counted: part.counted.unwrap_or_default(),
    }
}
