//! Roster records against a look at each day by itself.

use proptest::prelude::*;

use super::*;
use crate::domain::time::date_of_day;
use crate::ledger::roster_facts;

const FIRST: &str = "2024-03-01";

fn record(id: usize, hours: i64, agent: u8, fte: u32, until: Option<i32>) -> Activity {
    let detail = Detail::AgentRoster {
        agent: format!("agent{agent}"),
        team: (fte == 500).then(|| "half".to_owned()),
        fte_thousandths: fte,
        until: until.map(|days| date_of_day(day(FIRST) + days)),
    };
    let occurred = at("2024-03-01 00:00").plus(hours * 3_600_000_000);
    let mut record = activity(&format!("r{id:02}"), occurred, detail);
    record.cases.clear();
    record
}

proptest! {
    #[test]
    fn headcount_is_what_each_day_s_last_record_says(
        drawn in prop::collection::vec(
            (0_i64..480, 0_u8..2, prop::sample::select(&[0_u32, 500, 1_000][..]), prop::option::of(0_i32..25)), 0..10),
    ) {
        let make = |(id, (hours, agent, fte, until)): (usize, &(i64, u8, u32, Option<i32>))| {
            record(id, *hours, *agent, *fte, *until)
        };
        let records: Vec<Activity> = drawn.iter().enumerate().map(make).collect();
        let mut facts = Vec::new();
        roster_facts(&market(), records.iter(), &mut facts);
        for today in day(FIRST)..day(FIRST) + 40 {
            for agent in ["agent0", "agent1"] {
                let of = |fact: &&Fact| fact.day <= today && fact.dims.agent.as_deref() == Some(agent);
                let told: i64 =
                    facts.iter().filter(of).map(|fact| i64::from(fact.sign) * fact.value.unwrap_or(0)).sum();
                let begun = |record: &&Activity| {
                    let named = matches!(&record.detail, Detail::AgentRoster { agent: one, .. } if one == agent);
                    named && day_number(record.occurred.date(market().zone)) <= today
                };
                let last = records.iter().filter(begun).max_by(|a, b| a.order().cmp(&b.order()));
                let wanted = match last.map(|record| &record.detail) {
                    Some(Detail::AgentRoster { fte_thousandths, until, .. })
                        if until.is_none_or(|until| day_number(until) >= today) => i64::from(*fte_thousandths),
                    _ => 0,
                };
                prop_assert_eq!(told, wanted, "{} on {}", agent, date_of_day(today));
            }
        }
    }
}
