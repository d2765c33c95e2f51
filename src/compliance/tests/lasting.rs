//! Conditions that the law ends after a time, against a calendar of days.

use proptest::prelude::*;
use serde_json::json;

use super::small::{activity, ask, fold, noon, rules, version};
use crate::domain::time::DAY;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A moratorium blocks from when it is known for ten days from its beginning (or from when it is known), a debt relief
    /// for as long as it is recorded; a recorded end comes first. What is asked tells when it ends.
    #[test]
    fn a_condition_lasts_so_long(
        told in prop::collection::vec((0_i64..20, 0_i64..5, prop::option::of(1_i64..20), any::<bool>()), 1..5),
        calls in prop::collection::vec(0_i64..50, 1..12),
        received in any::<bool>(),
    ) {
        let from = if received { "received" } else { "sent" };
        let rules = rules(&format!(
            "[rule.contact_block]\nconditions = [\"moratorium\", \"debt_relief\"]\nlasts_for = [\"moratorium\"]\n\
             lasts = {{ days = 10, count = \"clear_days\", from = \"{from}\", roll = \"none\" }}"
        ));
        let conditions: Vec<_> = told.iter().map(|(day, known, length, relief)| {
            let mut one = json!({
                "condition": if *relief { "debt_relief" } else { "moratorium" },
                "from": noon(*day).0, "received": noon(day + known).0,
            });
            if let Some(length) = length {
                one["until"] = json!(noon(day + length).plus(DAY / 4).0);
            }
            one
        }).collect();
        let version = version(json!({}), json!({ "conditions": conditions }));
        let call = |number: usize, day: i64| {
            activity(number, noon(day), json!({}), json!({ "kind": "contact", "channel": "call" }))
        };
        // The first day that is free again; none: no end is known.
        let blocked = |day: i64| {
            let ends = told.iter().filter_map(|(began, known, length, relief)| {
                let start = if received { began + known } else { *began };
                let recorded = length.map(|length| began + length + 1);
                let by_law = (!relief).then_some(start + 11);
                let free = match (recorded, by_law) {
                    (Some(recorded), Some(by_law)) => Some(recorded.min(by_law)),
                    (recorded, by_law) => recorded.or(by_law),
                };
                (began + known <= day && free.is_none_or(|free| day < free)).then_some(free)
            });
            let ends: Vec<Option<i64>> = ends.collect();
            (!ends.is_empty()).then(|| ends.iter().copied().collect::<Option<Vec<i64>>>().and_then(|all| all.into_iter().max()))
        };
        let mut days = calls.clone();
        days.sort_unstable();
        let history: Vec<_> = days.iter().enumerate().map(|(number, day)| call(number, *day)).collect();
        let expected: Vec<String> = days.iter().enumerate()
            .filter(|(_, day)| blocked(**day).is_some())
            .map(|(number, _)| format!("a{number:03}"))
            .collect();
        let (_, found) = fold(&rules, &version, &history, noon(60));
        prop_assert_eq!(found.broken, expected);
        let (watch, _) = fold(&rules, &version, &[], noon(0));
        for day in calls {
            let said = ask(&rules, &version, &watch, &call(900, day)).unwrap();
            prop_assert_eq!(said.allowed_from.map(|at| (at.0 - noon(0).0 + DAY / 2).div_euclid(DAY)), blocked(day).flatten().map(|free| {
                // A recorded end lies in the evening of the day before.
                let evening = told.iter().any(|(began, known, length, _)| {
                    began + known <= day && length.is_some_and(|length| began + length + 1 == free)
                });
                if evening && said.allowed_from.is_some_and(|at| (at.0 - noon(0).0).rem_euclid(DAY) == DAY / 4) { free - 1 } else { free }
            }));
        }
    }
}
