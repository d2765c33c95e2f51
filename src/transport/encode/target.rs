//! Targets, scorecards and alerts.

use crate::proto::google::r#type::Decimal;
use crate::proto::v1;
use crate::query::kpi::Exact;
use crate::query::kpi::target::Judged;
use crate::query::{Alert, AlertKind, TargetStatus};
use crate::wire::encode::scalar::date;
use crate::wire::words::{Word as _, number};

/// The fewest digits behind the point of what is held against a mean.
const MEAN_DIGITS: u32 = 2;

/// How a target stands.
#[must_use]
pub fn status(status: &TargetStatus) -> v1::TargetStatus {
    let (target, digits) = (&status.target, status.decimals);
    v1::TargetStatus {
        target_id: target.id.clone(),
        kpi_id: target.kpi.clone(),
        grain: target.grain.number(),
        group: target
            .group
            .iter()
            .map(|(dimension, value)| v1::GroupValue {
                dimension: dimension.name(&target.case_dimensions).to_owned(),
                value: value.clone(),
                unattributed: false,
            })
            .collect(),
        currency_code: target.currency.map(|currency| currency.code().to_owned()).unwrap_or_default(),
        goal: decimal(target.goal, digits),
        side: target.side.number(),
        periods: status.periods.iter().map(|one| judged(one, digits)).collect(),
        state: number(status.state()),
        state_since_date: status.since.map(date),
        trend: number(status.trend.map(|(trend, _)| trend)),
        // Against a mean, which of whole numbers is none.
        trend_change: status.trend.and_then(|(_, change)| decimal(change.absolute, digits.max(MEAN_DIGITS))),
        trend_change_percent: status.trend.and_then(|(_, change)| decimal(change.relative?, 2)),
        anomaly: status.anomaly,
        rank: status.rank.map(|rank| small(rank.place)),
        ranked_count: status.rank.map_or(0, |rank| small(rank.of)),
        guard_kpi_id: target.guard.as_ref().map(|guard| guard.kpi.clone()).unwrap_or_default(),
    }
}

fn small(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn decimal(value: Exact, digits: u32) -> Option<Decimal> {
    value.text(digits).map(|value| Decimal { value })
}

fn judged(judged: &Judged, digits: u32) -> v1::JudgedPeriod {
    v1::JudgedPeriod {
        start_date: Some(date(judged.period.first())),
        end_date: Some(date(judged.period.end_date())),
        value: judged.value.and_then(|value| decimal(value, digits)),
        goal: decimal(judged.goal, digits),
        state: number(judged.state),
        guard_holds: judged.guarded,
    }
}

/// Something that somebody should know.
#[must_use]
pub fn alert(alert: &Alert) -> v1::Alert {
    let (kind, before) = match alert.kind {
        AlertKind::State { before } => (v1::AlertKind::State, before),
        AlertKind::Anomaly => (v1::AlertKind::Anomaly, None),
        AlertKind::AnomalyOver => (v1::AlertKind::AnomalyOver, None),
        AlertKind::Guard => (v1::AlertKind::Guard, None),
        AlertKind::GuardOver => (v1::AlertKind::GuardOver, None),
    };
    v1::Alert { kind: kind.into(), previous_state: number(before), status: Some(status(&alert.status)) }
}
