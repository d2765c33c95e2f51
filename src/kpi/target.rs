//! Targets: what a figure ought to be, and how the periods stand to it. A state follows from the figures alone, whenever it
//! is asked for.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::dimension::Dimension;
use super::exact::Exact;
use super::period::{Grain, Period};
use super::row::Change;
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::money::Currency;
use crate::domain::time::day_number;
use crate::domain::vocabulary::vocabulary;

/// Periods before the current one by which trend, anomaly and hysteresis are judged.
pub const PERIODS: u32 = 12;
/// The fewest earlier periods against which a figure can be out of the ordinary.
const FEWEST: usize = 6;
/// How many times the usual spread a figure must be off: the customary bound for the modified z-score.
const OFF: f64 = 3.5;
/// The median of absolute deviations of a normal distribution, as a share of its standard deviation.
const MAD: f64 = 0.674_5;

vocabulary!(
    /// On which side of its goal a figure is good.
    Side { AtLeast = "at_least", AtMost = "at_most" }
);
vocabulary!(
    /// How a figure stands to its target, from good to bad.
    TargetState { OnTrack = "on_track", AtRisk = "at_risk", Missed = "missed" }
);
vocabulary!(
    /// Where a figure moves.
    Trend { Up = "up", Down = "down", Flat = "flat" }
);

/// What a figure ought to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its id, unique in the tenant.
    pub id: String,
    /// The KPI.
    pub kpi: String,
    /// Length of the periods that are judged.
    pub grain: Grain,
    /// First day on which it holds.
    pub from: NaiveDate,
    /// Last day.
    pub until: Option<NaiveDate>,
    /// The group that it is for; empty: the whole market.
    pub group: Vec<(Dimension, String)>,
    /// What dimensions of cases in it stand for.
    pub case_dimensions: CaseDimensions,
    /// The currency, for figures of money.
    pub currency: Option<Currency>,
    /// The goal, in the KPI's unit.
    pub goal: Exact,
    /// On which side of it a figure is good.
    pub side: Side,
    /// How far short of the goal a figure is at risk and not missed.
    pub margin: Exact,
    /// How far beyond a bound a figure must come before its state gets better.
    pub hysteresis: Exact,
    /// Another KPI without which this one says little: high numbers of accounts per agent, and what is recovered.
    pub guard: Option<Guard>,
}

/// A bound that another KPI must keep in the same period and group, or the target is at risk at best.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// The other KPI.
    pub kpi: String,
    /// On which side of the bound it must be.
    pub side: Side,
    /// The bound.
    pub bound: Bound,
}

/// What a guard is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// The figure that the tenant's file states.
    Stated(Exact),
    /// Its own figure of the period before: what the KPI's definition asks for where the file states no guard. It is not judged in
    /// a period that is not over, or without one of the two figures, and says nothing then.
    Before,
}

/// What a period has come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reached {
    /// The period.
    pub period: Period,
    /// The figure; `None` where it has no value.
    pub value: Option<Exact>,
    /// The guard's; `None` where there is none.
    pub guard: Option<Exact>,
    /// So many days of a sum's goal are due, of how many.
    pub due: (i64, i64),
    /// The whole period is over.
    pub over: bool,
}

/// How one period stands to the target.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The period.
    pub period: Period,
    /// The figure; `None` where it has no value.
    pub value: Option<Exact>,
    /// What it ought to be: of a sum in a period that is not over, the elapsed share of the goal, see [`Side::due`].
    pub goal: Exact,
    /// How it stands; `None` without a value.
    pub state: Option<TargetState>,
    /// Whether the guard holds; `None` without a guard or without its figure.
    pub guarded: Option<bool>,
}

impl Side {
    /// The days of which a sum's goal is due in a period that is not over: those that are over of what must be at least so much,
    /// for today's may still come; those that have begun of what may be at most so much.
    #[must_use]
    pub fn due(self, period: Period, today: NaiveDate) -> i64 {
        let today = day_number(today);
        let behind = match self {
            Self::AtLeast => today,
            Self::AtMost => today.saturating_add(1),
        };
        i64::from(period.end.min(behind).max(period.start)) - i64::from(period.start)
    }

    /// How far a value is short of a bound; below zero if it is beyond it.
    fn short(self, value: Exact, bound: Exact) -> Option<Exact> {
        match self {
            Self::AtLeast => bound.subtract(value),
            Self::AtMost => value.subtract(bound),
        }
    }

    /// Whether the value is on the good side.
    #[must_use]
    pub fn holds(self, value: Exact, bound: Exact) -> bool {
        self.short(value, bound).is_some_and(|short| short.numerator() <= 0)
    }
}

impl Target {
    /// Whether the target holds in some day of the period.
    #[must_use]
    pub fn concerns(&self, period: Period) -> bool {
        self.from < period.end_date() && self.until.is_none_or(|until| until >= period.first())
    }

    /// What figures of a KPI are held against: the goal, the bound of a guard that the tenant's file states.
    pub fn bounds_of(&self, kpi: &str) -> impl Iterator<Item = (&'static str, Exact)> {
        let goal = (kpi == self.kpi).then_some(("goal", self.goal));
        let bound = self.guard.as_ref().filter(|guard| guard.kpi == kpi).and_then(|guard| match guard.bound {
            Bound::Stated(bound) => Some(("bound", bound)),
            Bound::Before => None,
        });
        goal.into_iter().chain(bound)
    }

    /// Judges periods one after the other: each with its figure, its guard's figure, and the days of its whole span, of
    /// which a sum must have its share by the period's end if `additive`.
    #[must_use]
    pub fn judge(&self, figures: &[Reached], additive: bool) -> Vec<Judged> {
        let mut before: Option<TargetState> = None;
        let mut earlier: Option<Exact> = None;
        let mut judged = Vec::with_capacity(figures.len());
        for Reached { period, value, guard, due: (due, whole), over } in figures {
            let share = Exact::new(i128::from(*due), i128::from((*whole).max(1)));
            let goal = share.filter(|_| additive && due < whole).and_then(|share| self.goal.multiply(share));
            let goal = goal.unwrap_or(self.goal);
            let bound = self.guard.as_ref().and_then(|guard| match guard.bound {
                Bound::Stated(bound) => Some(bound),
                Bound::Before => earlier.filter(|_| *over),
            });
            let guarded = match (&self.guard, guard, bound) {
                (Some(guard), Some(value), Some(bound)) => Some(guard.side.holds(*value, bound)),
                _ => None,
            };
            earlier = *guard;
            let state = value.and_then(|value| self.state(value, goal, before));
            // A good figure that its guard does not bear out is no success.
            let state = state.map(|state| if guarded == Some(false) { state.max(TargetState::AtRisk) } else { state });
            // Nor is one of which that is not known.
            let stated = self.guard.as_ref().is_some_and(|guard| guard.bound != Bound::Before);
            let unknown = stated && guarded.is_none();
            let state = state.filter(|state| !unknown || *state != TargetState::OnTrack);
            before = state.or(before);
            judged.push(Judged { period: *period, value: *value, goal, state, guarded });
        }
        judged
    }

    fn state(&self, value: Exact, goal: Exact, before: Option<TargetState>) -> Option<TargetState> {
        let short = self.side.short(value, goal)?;
        let at = |short: Exact| {
            let beyond = short.subtract(self.margin)?;
            Some(match (short.numerator() <= 0, beyond.numerator() <= 0) {
                (true, _) => TargetState::OnTrack,
                (false, true) => TargetState::AtRisk,
                (false, false) => TargetState::Missed,
            })
        };
        let plain = at(short)?;
        match before {
            // It gets better only beyond the bound by the hysteresis, and never worse for that.
            Some(before) if plain < before => Some(at(short.add(self.hysteresis)?)?.min(before)),
            _ => Some(plain),
        }
    }
}

/// Where the last of these figures moves against the mean of those before it, and by how much; `None` of fewer than two.
#[must_use]
pub fn trend(values: &[Exact]) -> Option<(Trend, Change)> {
    let (last, before) = values.split_last()?;
    let count = i128::try_from(before.len()).ok().filter(|count| *count > 0)?;
    let sum = before.iter().try_fold(Exact::ZERO, |sum, value| sum.add(*value))?;
    let change = Change::of(*last, sum.divide(Exact::whole(count))?)?;
    let trend = match change.absolute.numerator() {
        0 => Trend::Flat,
        1.. => Trend::Up,
        _ => Trend::Down,
    };
    Some((trend, change))
}

/// Whether the last figure is out of the ordinary against those before it: by the modified z-score, which single odd
/// periods do not spoil. `None` with fewer than six earlier figures.
#[must_use]
pub fn is_anomaly(values: &[Exact]) -> Option<bool> {
    let (last, before) = values.split_last().filter(|(_, before)| before.len() >= FEWEST)?;
    let mut values: Vec<f64> = before.iter().map(|value| value.approximate()).collect();
    let middle = median(&mut values)?;
    let mut off: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let spread = median(&mut off)?;
    let distance = (last.approximate() - middle).abs();
    // Where the earlier figures hardly differ, any other one is out of the ordinary.
    Some(if spread > 0.0 { MAD * distance / spread > OFF } else { distance > 0.0 })
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    let lower = values.get(middle.checked_sub(1 - values.len() % 2)?).copied()?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use TargetState::{AtRisk, Missed, OnTrack};

    fn target(side: Side) -> Target {
        Target {
            id: "t".to_owned(),
            kpi: "cei".to_owned(),
            grain: Grain::Month,
            from: "2026-01-01".parse().unwrap(),
            until: None,
            group: Vec::new(),
            case_dimensions: CaseDimensions::default(),
            currency: None,
            goal: Exact::whole(80),
            side,
            margin: Exact::whole(5),
            hysteresis: Exact::whole(2),
            guard: None,
        }
    }

    fn reached(value: i128, days: i64) -> Reached {
        let period = Period { start: 0, end: 30, whole: true };
        Reached { period, value: Some(Exact::whole(value)), guard: None, due: (days, 30), over: days == 30 }
    }

    fn periods(values: &[i128]) -> Vec<Reached> {
        values.iter().map(|value| reached(*value, 30)).collect()
    }

    fn states(target: &Target, values: &[i128]) -> Vec<TargetState> {
        target.judge(&periods(values), false).into_iter().map(|one| one.state.unwrap()).collect()
    }

    #[test]
    fn a_state_gets_worse_at_once_and_better_beyond_the_bound() {
        let at_least = target(Side::AtLeast);
        assert_eq!(states(&at_least, &[80, 79, 75, 74]), [OnTrack, AtRisk, AtRisk, Missed]);
        // 75 and 76 are at risk of their own, but not far enough beyond the bound to be so after a miss; 80 and 81 likewise.
        assert_eq!(
            states(&at_least, &[74, 75, 76, 77, 80, 81, 82, 80]),
            [Missed, Missed, Missed, AtRisk, AtRisk, AtRisk, OnTrack, OnTrack]
        );
        assert_eq!(states(&at_least, &[60, 90]), [Missed, OnTrack], "a leap passes both bounds");
        let at_most = target(Side::AtMost);
        assert_eq!(
            states(&at_most, &[80, 81, 85, 86, 84, 83, 79, 78]),
            [OnTrack, AtRisk, AtRisk, Missed, Missed, AtRisk, AtRisk, OnTrack]
        );
    }

    #[test]
    fn a_sum_must_have_its_share_of_a_period_that_is_not_over() {
        let mut target = target(Side::AtLeast);
        target.hysteresis = Exact::ZERO;
        let figures = [reached(41, 15)];
        let judged = &target.judge(&figures, true)[0];
        assert_eq!((judged.goal, judged.state), (Exact::whole(40), Some(OnTrack)));
        assert_eq!(target.judge(&figures, false)[0].state, Some(Missed), "a quotient has no share");
    }

    #[test]
    fn the_day_that_it_is_counts_for_whoever_is_judged() {
        let month = Period { start: 0, end: 30, whole: true };
        let of = |day: i32| {
            let today = crate::domain::time::date_of_day(day);
            (Side::AtLeast.due(month, today), Side::AtMost.due(month, today))
        };
        assert_eq!([of(-1), of(0), of(9), of(29), of(30)], [(0, 0), (0, 1), (9, 10), (29, 30), (30, 30)]);
    }

    #[test]
    fn a_guard_that_does_not_hold_spoils_a_success() {
        let mut target = target(Side::AtLeast);
        target.guard = Some(Guard {
            kpi: "recovery_rate".to_owned(),
            side: Side::AtLeast,
            bound: Bound::Stated(Exact::whole(10)),
        });
        let mut figures = periods(&[90, 90, 90]);
        figures[0].guard = Some(Exact::whole(9));
        figures[1].guard = Some(Exact::whole(10));
        let judged = target.judge(&figures, false);
        let of = |at: usize| (judged[at].state, judged[at].guarded);
        let expected = [(Some(AtRisk), Some(false)), (Some(OnTrack), Some(true)), (None, None)];
        assert_eq!([of(0), of(1), of(2)], expected, "without the guard's figure a good one says nothing");
        assert_eq!(target.judge(&periods(&[20]), false)[0].state, Some(Missed), "a bad one is bad without it");
    }

    #[test]
    fn the_guard_of_a_definition_must_not_fall() {
        let mut target = target(Side::AtLeast);
        target.guard = Some(Guard { kpi: "recovery_rate".to_owned(), side: Side::AtLeast, bound: Bound::Before });
        let mut figures = periods(&[90, 90, 90, 90, 90, 90]);
        for (figure, guard) in figures.iter_mut().zip([Some(10), Some(10), Some(9), None, Some(8), Some(2)]) {
            figure.guard = guard.map(Exact::whole);
        }
        figures[5].over = false;
        let judged = target.judge(&figures, false);
        let of: Vec<_> = judged.iter().map(|one| (one.state.unwrap(), one.guarded)).collect();
        let nothing = (OnTrack, None);
        let expected = [nothing, (OnTrack, Some(true)), (AtRisk, Some(false)), nothing, nothing, nothing];
        assert_eq!(of, expected, "nothing is said without two figures, and of a period that is not over");
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_told_by_the_spread() {
        let of = |values: &[i128]| is_anomaly(&values.iter().map(|value| Exact::whole(*value)).collect::<Vec<_>>());
        assert_eq!(of(&[1, 2, 3, 4, 5, 100]), None, "too few to know");
        assert_eq!(of(&[10, 11, 9, 10, 12, 8, 11]), Some(false));
        assert_eq!(of(&[10, 11, 9, 10, 12, 8, 30]), Some(true));
        assert_eq!(of(&[10, 11, 9, 10, 12, 90, 11]), Some(false), "one odd period spoils nothing");
        assert_eq!(of(&[5, 5, 5, 5, 5, 5, 5]), Some(false));
        assert_eq!(of(&[5, 5, 5, 5, 5, 5, 6]), Some(true));
        let trend = |values: &[i128]| trend(&values.iter().map(|value| Exact::whole(*value)).collect::<Vec<_>>());
        let by = |values: &[i128]| {
            let change = trend(values).unwrap().1;
            (change.absolute.text(2).unwrap(), change.relative.and_then(|percent| percent.text(2)))
        };
        assert_eq!(by(&[4, 2, 1]), ("-2.00".to_owned(), Some("-66.67".to_owned())), "of a mean of three");
        assert_eq!(by(&[0, 5]), ("5.00".to_owned(), None), "nothing has no hundredth part");
        assert_eq!(by(&[-4, -2]), ("2.00".to_owned(), Some("50.00".to_owned())));
        let trend = |values: &[i128]| trend(values).map(|(trend, _)| trend);
        assert_eq!(
            [trend(&[1]), trend(&[1, 2]), trend(&[4, 2, 3]), trend(&[4, 2, 1])],
            [None, Some(Trend::Up), Some(Trend::Flat), Some(Trend::Down)]
        );
    }

    #[test]
    fn medians_of_even_and_odd_numbers() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }
}
