//! Fees that may be higher later, and rates that are rounded up, against sums done by hand.

use proptest::prelude::*;
use serde_json::json;

use super::small::{activity, fold, noon, rules, version};
use crate::domain::time::add_days;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A fee of up to 10.00 is kept, one of up to 20.00 once six days since a demand and three since its deadline have
    /// passed; where the deadline is not known that stays open.
    #[test]
    fn a_factor_that_holds_later(acts in prop::collection::vec((1_i64..6, prop::option::of(0_i64..12), 0_i64..6), 1..16)) {
        let rules = rules(
            "[rule.fee_cap]\nsteps = [\"collection\"]\nbound = \"ceiling\"\namount = \"10.00\"\nper = \"charge\"\nfactor_later = \"2\"\n\
             later_after = [\"demand\"]\nlater_than_step = { days = 6, count = \"clear_days\", from = \"sent\", roll = \"none\" }\n\
             later_than_deadline = { days = 3, count = \"clear_days\", from = \"sent\", roll = \"none\" }",
        );
        let version = version(json!({}), json!({}));
        let (mut day, mut history) = (0, Vec::new());
        let mut demands: Vec<(i64, Option<i64>)> = Vec::new();
        let (mut broken, mut unknown) = (Vec::new(), Vec::new());
        for (number, (wait, deadline, what)) in acts.iter().enumerate() {
            day += wait;
            let detail = if *what == 0 {
                let mut letter = json!({ "kind": "contact", "channel": "letter", "purpose": "demand", "outcome": "sent" });
                let last = deadline.map(|days| day + days);
                if let Some(last) = last {
                    letter["deadline"] = json!(add_days("2026-01-05".parse().unwrap(), last).to_string());
                }
                demands.push((day, last));
                letter
            } else {
                let old = |sent: i64| day > sent + 6;
                let heavy = demands.iter().any(|(sent, last)| old(*sent) && last.is_some_and(|last| day > last + 3));
                let open = demands.iter().any(|(sent, last)| old(*sent) && last.is_none());
                let id = format!("a{number:03}");
                match what * 500 {
                    ..=1000 => {}
                    1001..=2000 if heavy => {}
                    1001..=2000 if open => unknown.push(id),
                    _ => broken.push(id),
                }
                json!({ "kind": "charge", "step": "collection", "amount": { "m": what * 500, "c": "EUR" } })
            };
            history.push(activity(number, noon(day), json!({}), detail));
        }
        let (_, found) = fold(&rules, &version, &history, noon(day + 1));
        prop_assert_eq!(found.broken, broken);
        prop_assert_eq!(found.unknown, unknown);
    }

    /// A rate is rounded up to the next step; one that lies on a step stays there.
    #[test]
    fn a_rate_rounded_up(hundredths in 0_i64..2000, step in prop::sample::select(vec![10_i64, 25, 50, 100]), above in any::<bool>()) {
        let percent = |hundredths: i64| format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let rules = rules(&format!(
            "[rule.interest_cap]\nbound = \"ceiling\"\nrate = {{ percent = \"{}\", round_up_to = \"{}\" }}",
            percent(hundredths), percent(step),
        ));
        let cap = (hundredths + step - 1) / step * step * 100;
        let detail = json!({
            "kind": "interest", "amount": { "m": 0, "c": "EUR" }, "from": "2026-01-05", "to": "2026-01-05", "base": 10_000,
            "rate_ppm": cap + i64::from(above),
        });
        let (_, found) = fold(&rules, &version(json!({}), json!({})), &[activity(0, noon(1), json!({}), detail)], noon(9));
        prop_assert_eq!(found.broken.len(), usize::from(above));
    }
}
