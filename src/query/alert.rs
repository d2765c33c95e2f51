//! What changed between two scorecards, as somebody is told of it.

use super::scorecard::{Scorecard, TargetStatus};
use crate::kpi::target::TargetState;

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertKind {
    /// The state of the last period differs, or there is one for the first time that is not on track.
    State {
        /// The state told before.
        before: Option<TargetState>,
    },
    /// The last whole period has become out of the ordinary.
    Anomaly,
    /// The guard of the last period does not hold any more.
    Guard,
}

/// One thing to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Why.
    pub kind: AlertKind,
    /// How the target stands now.
    pub status: TargetStatus,
}

/// What a scorecard has to tell to somebody who has seen the one before.
#[must_use]
pub fn alerts(before: Option<&Scorecard>, now: &Scorecard) -> Vec<Alert> {
    let mut found = Vec::new();
    for status in &now.targets {
        let known = before.and_then(|card| card.targets.iter().find(|one| one.target.id == status.target.id));
        let mut tell = |kind| found.push(Alert { kind, status: status.clone() });
        let (was, is) = (known.and_then(TargetStatus::state), status.state());
        let first = known.is_none() && is.is_some_and(|is| is > TargetState::OnTrack);
        if first || (known.is_some() && was != is) {
            tell(AlertKind::State { before: was });
        }
        if status.anomaly == Some(true) && known.is_none_or(|known| known.anomaly != Some(true)) {
            tell(AlertKind::Anomaly);
        }
        let broken = |one: &TargetStatus| one.periods.last().and_then(|last| last.guarded) == Some(false);
        if broken(status) && !known.is_some_and(broken) {
            tell(AlertKind::Guard);
        }
    }
    found
}
