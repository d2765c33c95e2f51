//! Headcount: the roster records of a market as changes of full-time equivalents. An agent's records take each other's place,
//! so they are counted together.

use std::collections::BTreeMap;

use super::dims::DimRef;
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::market::Market;
use crate::domain::time::day_number;

/// Emits what roster records come to: an agent's full-time equivalent from the day of a record on, up to its last day, or to
/// the next record of the agent, whichever is earlier. Of two records of a day the later one counts. Others are passed over.
pub fn roster_facts<'a>(market: &Market, records: impl Iterator<Item = &'a Activity>, out: &mut impl Extend<Fact>) {
    let mut agents: BTreeMap<&str, Vec<&Activity>> = BTreeMap::new();
    for record in records {
        if let Detail::AgentRoster { agent, .. } = &record.detail {
            agents.entry(agent).or_default().push(record);
        }
    }
    let from = |record: &Activity| day_number(record.occurred.date(market.zone));
    for (agent, mut records) in agents {
        records.sort_by(|a, b| a.order().cmp(&b.order()));
        for (at, record) in records.iter().enumerate() {
            let Detail::AgentRoster { team, fte_thousandths, until, .. } = &record.detail else { continue };
            let (first, next) = (from(record), records.get(at + 1).map(|next| from(next)));
            let end = until.map(|last| day_number(last).saturating_add(1));
            let end = [end, next].into_iter().flatten().min();
            if *fte_thousandths == 0 || end.is_some_and(|end| end <= first) {
                continue;
            }
            let dims = DimRef { agent: Some(agent), team: team.as_deref(), ..DimRef::default() }.shared();
            let fact = Fact { value: Some(i64::from(*fte_thousandths)), ..Fact::new(FactKind::Headcount, first, dims) };
            if let Some(end) = end {
                out.extend([Fact { day: end, sign: -1, ..fact.clone() }]);
            }
            out.extend([fact]);
        }
    }
}
