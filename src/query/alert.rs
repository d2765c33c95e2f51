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
    /// It is not any more.
    AnomalyOver,
    /// The guard of the last period does not hold any more.
    Guard,
    /// It does again, or has no figure.
    GuardOver,
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
        let odd = |one: &TargetStatus| one.anomaly == Some(true);
        let broken = |one: &TargetStatus| one.periods.last().and_then(|last| last.guarded) == Some(false);
        // Who was told that something is wrong is told that it is over, too.
        let mut turn =
            |wrong: &dyn Fn(&TargetStatus) -> bool, begins, ends| match (known.is_some_and(wrong), wrong(status)) {
                (false, true) => tell(begins),
                (true, false) => tell(ends),
                _ => {}
            };
        turn(&odd, AlertKind::Anomaly, AlertKind::AnomalyOver);
        turn(&broken, AlertKind::Guard, AlertKind::GuardOver);
    }
    found
}
