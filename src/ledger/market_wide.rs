//! Facts that concern a market and no case: costs, revenue and sales.

use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::market::Market;
use crate::domain::money::Money;
use crate::domain::time::day_number;

use super::dims::DimRef;

/// The fact of a market-wide kind: kind, amount and client.
pub(super) fn market_wide(detail: &Detail) -> Option<(FactKind, Money, Option<&str>)> {
    match detail {
        Detail::OperatingCost { amount, .. } => Some((FactKind::OperatingCost, *amount, None)),
        Detail::ClientRevenue { amount, client } => Some((FactKind::ClientRevenue, *amount, client.as_deref())),
        Detail::CreditSales { amount, client } => Some((FactKind::CreditSales, *amount, client.as_deref())),
        _ => None,
    }
}

/// Emits the facts of an activity that names no case. One that names cases is counted by its first case's ledger,
/// under that case's dimensions, and emits nothing here.
pub fn market_facts(market: &Market, activity: &Activity, out: &mut Vec<Fact>) {
    if !activity.cases.is_empty() {
        return;
    }
    let cost = activity.control.cost.map(|cost| (FactKind::OperatingCost, cost, None));
    for (kind, amount, client) in market_wide(&activity.detail).into_iter().chain(cost) {
        let dims = DimRef {
            agent: activity.actor.agent.as_deref(),
            team: activity.actor.team.as_deref(),
            client,
            currency: Some(amount.currency),
            ..DimRef::default()
        };
        out.push(Fact {
            kind,
            day: day_number(activity.occurred.date(market.zone)),
            sign: 1,
            count: 1,
            amount: amount.minor,
            amount2: 0,
            days_due: None,
            days_invoice: None,
            flags: 0,
            dims: dims.shared(),
        });
    }
}
