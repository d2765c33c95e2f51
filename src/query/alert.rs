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
        // Who was told that something is wrong is told that it is over, too.
        let mut turn =
            |wrong: &dyn Fn(&TargetStatus) -> bool, begins, ends| match (known.is_some_and(wrong), wrong(status)) {
                (false, true) => tell(begins),
                (true, false) => tell(ends),
                _ => {}
            };
        turn(&is_odd, AlertKind::Anomaly, AlertKind::AnomalyOver);
        turn(&is_broken, AlertKind::Guard, AlertKind::GuardOver);
    }
    let gone = |one: &&TargetStatus| !now.targets.iter().any(|status| status.target.id == one.target.id);
    for known in before.into_iter().flat_map(|card| &card.targets).filter(gone) {
        // It holds no more, or the tenant's file has it no more: nothing is judged by it.
        let nothing =
            TargetStatus { periods: Vec::new(), since: None, trend: None, anomaly: None, rank: None, ..known.clone() };
        let mut tell = |kind| found.push(Alert { kind, status: nothing.clone() });
        if known.state().is_some() {
            tell(AlertKind::State { before: known.state() });
        }
        if is_odd(known) {
            tell(AlertKind::AnomalyOver);
        }
        if is_broken(known) {
            tell(AlertKind::GuardOver);
        }
    }
    found
}

/// Whether the last whole period is out of the ordinary.
fn is_odd(status: &TargetStatus) -> bool {
    status.anomaly == Some(true)
}

/// Whether the guard of the last period does not hold.
fn is_broken(status: &TargetStatus) -> bool {
    status.periods.last().and_then(|last| last.guarded) == Some(false)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::domain::case_dimensions::CaseDimensions;
    use crate::kpi::target::{Judged, Side, Target};
    use crate::kpi::{Exact, Grain, Period};

    fn status(id: &str, state: Option<TargetState>, anomaly: bool, guarded: bool) -> TargetStatus {
        let target = Target {
            id: id.to_owned(),
            kpi: "payments".to_owned(),
            grain: Grain::Month,
            from: NaiveDate::MIN,
            until: None,
            group: Vec::new(),
            case_dimensions: CaseDimensions::default(),
            currency: None,
            goal: Exact::whole(1),
            side: Side::AtLeast,
            margin: Exact::ZERO,
            hysteresis: Exact::ZERO,
            guard: None,
        };
        let period = Period { start: 0, end: 31, whole: true };
        let value = state.map(|_| Exact::ZERO);
        let periods = vec![Judged { period, value, goal: target.goal, state, guarded: Some(guarded) }];
        TargetStatus { target, periods, since: None, trend: None, anomaly: Some(anomaly), rank: None, decimals: 0 }
    }

    fn card(targets: Vec<TargetStatus>) -> Scorecard {
        Scorecard { targets, revision: 1, filling: Vec::new() }
    }

    #[test]
    fn of_a_target_that_is_gone_all_that_was_told_is_over() {
        let missed = Some(TargetState::Missed);
        let before = card(vec![
            status("all", missed, true, false),
            status("state", Some(TargetState::OnTrack), false, true),
            status("nothing", None, false, true),
            status("stays", missed, true, false),
        ]);
        let now = card(vec![status("stays", missed, true, false)]);
        let told: Vec<_> = alerts(Some(&before), &now)
            .into_iter()
            .map(|alert| {
                assert_eq!((alert.status.state(), alert.status.anomaly), (None, None));
                (alert.status.target.id, alert.kind)
            })
            .collect();
        let expected = [
            ("all", AlertKind::State { before: missed }),
            ("all", AlertKind::AnomalyOver),
            ("all", AlertKind::GuardOver),
            ("state", AlertKind::State { before: Some(TargetState::OnTrack) }),
        ];
        assert_eq!(told, expected.map(|(id, kind)| (id.to_owned(), kind)));
        assert!(alerts(None, &card(Vec::new())).is_empty());
    }
}
