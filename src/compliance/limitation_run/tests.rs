//! Ways that several claims go, beside each claim that goes alone and looks at every event.

use proptest::prelude::*;

use super::*;
use crate::domain::time::date_of_day;
use crate::rules::words::{Count, CountFrom, LimitationStart, Set, TermUnit};

fn event() -> impl Strategy<Value = Event> {
    let anew = |proceedings| Effect::Anew { by: RunsFrom::Payment, proceedings };
    let effect = prop_oneof![
        6 => Just(anew(false)),
        1 => Just(Effect::Anew { by: RunsFrom::Acknowledgement, proceedings: false }),
        1 => Just(anew(true)),
        1 => any::<(bool, bool)>().prop_map(|(negotiations, action)| Effect::Holds { negotiations, action }),
        1 => Just(Effect::Pends),
        2 => Just(Effect::GoesOn),
        1 => Just(Effect::DefaultBegins),
        1 => Just(Effect::DefaultEnds),
    ];
    let lacks = prop::option::weighted(0.2, prop_oneof![Just(Attribute::Claim), Just(Attribute::Written)]);
    let claim = prop::option::weighted(0.2, (1..4_u64).prop_map(|claim| NonZeroU64::new(claim).unwrap()));
    (effect, 0..4_000_i32, prop::bool::weighted(0.1), claim, lacks).prop_map(|(effect, day, revives, claim, lacks)| {
        // An end of what holds a period is certain.
        let lacks = lacks.filter(|_| !matches!(effect, Effect::GoesOn | Effect::DefaultEnds));
        Event { effect, on: date_of_day(10_000 + day / 7 * 7), revives, claim, lacks }
    })
}

/// As [`Period::run`], event by event, and with nothing left out.
fn plain(period: &Period<'_>, events: &[Event], claim: Option<NonZeroU64>, proved: bool) -> Run {
    let mut run = Run { last: period.anew(period.start), by: period.by, ..Run::default() };
    for (place, event) in events.iter().enumerate() {
        let concerns = event.on >= period.born && (event.claim.is_none() || event.claim == claim);
        if !concerns || proved && event.lacks.is_some() {
            continue;
        }
        match event.effect {
            Effect::GoesOn => period.goes_on(&mut run, event.on),
            Effect::DefaultEnds => period.default_ends(&mut run, event.on),
            effect => {
                let later = events.iter().skip(place + 1).any(|later| later.effect == Effect::GoesOn);
                let held = run.since.is_some() && (run.in_default || !proved || later);
                if event.revives || held || event.on <= period.end(&run) {
                    period.take(&mut run, effect, event.on);
                    run.lacks = run.lacks.or(event.lacks);
                }
            }
        }
    }
    run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever periods have gone the same way before.
    #[test]
    fn a_period_ends_where_it_ends_for_who_looks_at_every_event_alone(
        events in prop::collection::vec(event(), 0..24),
        claims in prop::collection::vec((0..4_000_i32, 0..900_i32, 1..5_u64, 1..4_u16, any::<bool>()), 1..12),
        months_after_negotiation in prop::option::of(1..9_u16),
    ) {
        let limits = LimitationPeriod {
            term: None,
            start: LimitationStart::Due,
            interrupted_by: Set::default(),
            revived_by: Set::default(),
            acknowledged_in_writing: false,
            demanded_in_writing: false,
            negotiation_suspends: Some(true),
            months_after_negotiation,
            court_action_suspends: false,
            suspended_in_default_years: None,
            max_years: None,
            titled_years: None,
            forbids: Vec::new(),
        };
        let calendar = Calendar::default();
        let shared = Course::new(events.clone(), true);
        let mut sorted = events;
        sorted.sort_by_key(|event| event.on);
        for (day, earlier, claim, years, new_action) in claims {
            let term = Term {
                length: years,
                unit: TermUnit::Years,
                count: Count::ClearDays,
                from: CountFrom::Sent,
                deemed_days: 0,
                roll: Roll::NextWorkingDay,
            };
            let start = date_of_day(10_000 + day);
            let born = date_of_day(10_000 + day - earlier);
            let (calendar, subdivision) = (&calendar, None);
            let period =
                Period { limits: &limits, term, start, born, by: RunsFrom::Start, calendar, subdivision, new_action };
            let claim = NonZeroU64::new(claim);
            let [proved, all] = [true, false].map(|proved| plain(&period, &sorted, claim, proved));
            prop_assert!(period.first_end() <= period.end(&proved) && period.first_end() <= period.end(&all));
            prop_assert_eq!(period.run(&shared.proved, claim, true), proved.clone());
            if let Some(way) = &shared.all {
                prop_assert_eq!(period.run(way, claim, false), all);
            } else {
                prop_assert_eq!(period.ends(&shared, claim).proved, period.end(&proved));
            }
        }
    }
}
