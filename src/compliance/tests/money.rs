//! Interest, dated tables, payments: random histories against a count by hand.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::bench::{act, at, date, euros, files, fold, rules, version};
use crate::compliance::Emission;
use crate::domain::activity::Activity;
use crate::rules::Packs;
use crate::rules::words::Attribute;

const DAYS: i64 = 900;

/// A table of three periods: days on which the second and third begin, and values in hundredths of a percent.
#[derive(Debug, Clone)]
struct Table {
    ends: (i64, i64),
    values: [i64; 3],
    hole: bool,
}

fn table() -> impl Strategy<Value = Table> {
    let values = [-200..3_000_i64, -200..3_000_i64, -200..3_000_i64];
    (1..400_i64, 1..400_i64, values, prop::bool::weighted(0.2)).prop_map(|(first, second, values, hole)| Table {
        ends: (first, first + second),
        values,
        hole,
    })
}

fn percent(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100)
}

impl Table {
    fn text(&self) -> String {
        let (first, second) = self.ends;
        let middle =
            if self.hole { "no_figure = true".to_owned() } else { format!("value = \"{}\"", percent(self.values[1])) };
        format!(
            "[[rate]]\nid = \"x\"\ntitle = \"t\"\nunit = \"percent\"\nsource = \"s\"\nconfidence = \"read\"\nentries = [\n\
             {{ from = {}, until = {}, value = \"{}\" }},\n{{ from = {}, until = {}, {middle} }},\n\
             {{ from = {}, value = \"{}\" }} ]\n",
            date(0),
            date(first - 1),
            percent(self.values[0]),
            date(first),
            date(second - 1),
            date(second),
            percent(self.values[2]),
        )
    }

    /// Hundredths of a percent on a day.
    fn on(&self, day: i64) -> Option<i64> {
        let (first, second) = self.ends;
        match day {
            ..0 => None,
            day if day < first => Some(self.values[0]),
            day if day < second => (!self.hole).then_some(self.values[1]),
            _ => Some(self.values[2]),
        }
    }
}

fn interest(id: &str, from: i64, to: i64, rest: Value) -> Activity {
    let mut detail = json!({ "kind": "interest", "amount": euros(0), "from": date(from), "to": date(to) });
    for (key, value) in rest.as_object().unwrap() {
        detail[key] = value.clone();
    }
    act(id, at(to.max(0), 0), detail)
}

/// How many tests missed a figure of a table.
fn unheld(told: &[Emission]) -> usize {
    let misses = |one: &&Emission| matches!(one, Emission::Test { missing: Some(Attribute::TableRate), .. });
    told.iter().filter(misses).count()
}

const RATE: &str = "[rule.interest_cap]\nbound = \"BOUND\"\nrate = { table = \"x\", points = \"POINTS\" }";

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// An amount is a breach exactly above the sum over its days, counted one by one; a rate exactly above the lowest
    /// day's. Where some days have no figure, more than the others yield is unknown, and so is a rate that they allow; where
    /// none has one, all is. A floor or a default rate accuses nobody, and misses nothing.
    #[test]
    fn interest_day_by_day(
        table in table(), points in 0..1_500_i64, from in -3..600_i64, length in 0..250_i64,
        base in 0..1_000_000_000_i64, above in -2..=2_i64,
    ) {
        let (to, over) = (from + length, above > 0);
        let each: Vec<Option<i64>> = (from..=to).map(|day| table.on(day).map(|rate| (rate + points).max(0))).collect();
        let days: Vec<i64> = each.iter().copied().flatten().collect();
        let limits = RATE.replace("POINTS", &percent(points));
        let law = rules("", &limits.replace("BOUND", "ceiling"), &table.text(), "");
        let sum: i128 = days.iter().map(|rate| i128::from(base) * i128::from(*rate)).sum();
        let lowest = days.iter().copied().min().unwrap_or(0);
        // Hundredths of a percent of a year of 365 days, half up.
        let cap = i64::try_from((sum * 2 + 3_650_000).div_euclid(7_300_000)).unwrap();
        let (amount, rate) = (cap + above, lowest * 100 + above);
        let history = [
            interest("amount", from, to, json!({ "amount": euros(amount.max(0)), "base": base })),
            interest("rate", from, to, json!({ "rate_ppm": rate.max(0) })),
        ];
        let case = version(json!({ "claims": [{ "id": "c1", "principal": base }] }));
        let (told, found) = fold(&law, &case, &history, &[], DAYS);
        let (missed, wrong) = match (each.len() - days.len(), days.len()) {
            (0, _) => (0, vec!["amount", "rate"]),
            (_, 0) => (2, vec![]),
            _ => (1, vec!["rate"]),
        };
        prop_assert_eq!(unheld(&told), missed);
        prop_assert_eq!(found, if over { wrong } else { vec![] });
        for bound in ["floor", "default_if_not_agreed", "set_off_against"] {
            let own = rules("", &limits.replace("BOUND", bound), &table.text(), "");
            let (told, accused) = fold(&own, &version(json!({})), &history, &[], DAYS);
            prop_assert!(accused.is_empty() && unheld(&told) == 0);
        }
    }

    /// An accrual cut in two is allowed no more than the whole, but for the rounding of one more end.
    #[test]
    fn a_cut_gains_nothing(table in table(), from in 0..300_i64, cut in 0..100_i64, rest in 1..100_i64, base in 0..1_000_000_i64) {
        let limits = RATE.replace("POINTS", "1").replace("BOUND", "ceiling");
        let law = rules("", &limits, &table.text(), "");
        let most = |from: i64, to: i64| {
            let days: Option<Vec<i64>> = (from..=to).map(|day| table.on(day).map(|rate| (rate + 100).max(0))).collect();
            let sum: i128 = days?.iter().map(|rate| i128::from(base) * i128::from(*rate)).sum();
            i64::try_from((sum * 2 + 3_650_000).div_euclid(7_300_000)).ok()
        };
        let (Some(first), Some(second)) = (most(from, from + cut), most(from + cut + 1, from + cut + rest)) else { return Ok(()) };
        let whole = interest("whole", from, from + cut + rest, json!({ "amount": euros((first + second - 1).max(0)), "base": base }));
        let (_, accused) = fold(&law, &version(json!({})), &[whole], &[], DAYS);
        prop_assert!(accused.is_empty());
    }

    /// A table is refused exactly if its periods overlap or leave days out.
    #[test]
    fn tables_without_overlap_or_gap(shifts in prop::collection::vec(-2..=2_i64, 1..5), weights in prop::collection::vec(1..100_i64, 5)) {
        let mut text = "[[rate]]\nid = \"x\"\ntitle = \"t\"\nunit = \"percent\"\nsource = \"s\"\nconfidence = \"read\"\nentries = [\n".to_owned();
        let mut day = 0;
        for (index, weight) in weights.iter().enumerate().take(shifts.len() + 1) {
            let from = if index == 0 { day } else { day + shifts[index - 1] };
            day += weight + 2;
            text.push_str(&format!("{{ from = {}, until = {}, value = \"1\" }},\n", date(from), date(day - 1)));
        }
        text.push(']');
        let limits = RATE.replace("POINTS", "1").replace("BOUND", "ceiling");
        let told = Packs::compile(&files("", &limits, &text)).err().map(|found| found.0.len()).unwrap_or(0);
        prop_assert_eq!(told, shifts.iter().filter(|shift| **shift != 0).count());
    }

    /// A yearly number times the tier's factor, half up, by the day of the charge; unknown where the table has none.
    #[test]
    fn fees_by_a_yearly_number(first in 1..200_000_i64, second in 1..200_000_i64, times in 1..80_000_i64, day in -5..700_i64, above in -1..=1_i64) {
        let amount = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
        let table = format!(
            "[[rate]]\nid = \"y\"\ntitle = \"t\"\nunit = \"amount\"\ncurrency = \"EUR\"\nsource = \"s\"\nconfidence = \"read\"\n\
             entries = [{{ from = {}, until = {}, value = \"{}\" }}, {{ from = {}, until = {}, value = \"{}\" }}]\n",
            date(0), date(364), amount(first), date(365), date(600), amount(second),
        );
        let factor = format!("{}.{:04}", times / 10_000, times % 10_000);
        let limits = format!("[rule.fee_cap]\nsteps = [\"demand\"]\nbound = \"ceiling\"\nyearly = \"y\"\ntimes = \"{factor}\"\nper = \"charge\"");
        let law = rules("", &limits, &table, "");
        let yearly = match day { 0..365 => Some(first), 365..=600 => Some(second), _ => None };
        let cap = (i128::from(yearly.unwrap_or(0)) * i128::from(times) * 2 + 10_000).div_euclid(20_000);
        let net = (i64::try_from(cap).unwrap() + above).max(0);
        let charge = act("fee", at(day, 0), json!({ "kind": "charge", "step": "demand", "amount": euros(net) }));
        let (told, found) = fold(&law, &version(json!({})), &[charge], &[], DAYS);
        prop_assert_eq!(found.len(), usize::from(yearly.is_some() && i128::from(net) > cap));
        prop_assert_eq!(unheld(&told), usize::from(yearly.is_none()));
    }
}
