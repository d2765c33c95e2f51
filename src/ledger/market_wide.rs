//! Facts that concern a market and no case: costs, revenue and sales.

use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::market::Market;
use crate::domain::money::Money;
use crate::domain::time::day_number;

use super::dims::DimRef;

/// What a market-wide kind is counted as.
pub(super) struct Counted<'a> {
    pub kind: FactKind,
    pub amount: Money,
    /// Second amount, minor units.
    pub amount2: i64,
    pub client: Option<&'a str>,
}

/// The kinds of facts that activities without a case make, rosters aside.
pub const MARKET_WIDE: [FactKind; 4] =
    [FactKind::OperatingCost, FactKind::ClientRevenue, FactKind::CreditSales, FactKind::Remittance];

/// The fact of a market-wide kind.
pub(super) fn market_wide(detail: &Detail) -> Option<Counted<'_>> {
    let plain = |kind, amount: &Money, client| Some(Counted { kind, amount: *amount, amount2: 0, client });
    match detail {
        Detail::OperatingCost { amount, .. } => plain(FactKind::OperatingCost, amount, None),
        Detail::ClientRevenue { amount, client } => plain(FactKind::ClientRevenue, amount, client.as_deref()),
        Detail::CreditSales { amount, client } => plain(FactKind::CreditSales, amount, client.as_deref()),
        Detail::Remittance(remittance) => Some(Counted {
            kind: FactKind::Remittance,
            amount: remittance.amount,
            amount2: remittance.withheld.unwrap_or(0),
            client: None,
        }),
        _ => None,
    }
}

/// Emits the facts of an activity that names no case. One that names cases is counted by its first case's ledger,
/// under that case's dimensions, and emits nothing here.
pub fn market_facts(market: &Market, activity: &Activity, out: &mut impl Extend<Fact>) {
    if !activity.cases.is_empty() {
        return;
    }
    let cost =
        activity.control.cost.map(|amount| Counted { kind: FactKind::OperatingCost, amount, amount2: 0, client: None });
    for Counted { kind, amount, amount2, client } in market_wide(&activity.detail).into_iter().chain(cost) {
        let dims = DimRef {
            agent: activity.actor.agent.as_deref(),
            team: activity.actor.team.as_deref(),
            client,
            currency: Some(amount.currency),
            ..DimRef::default()
        };
        let day = day_number(activity.occurred.date(market.zone));
        out.extend([Fact { amount: amount.minor, amount2, ..Fact::new(kind, day, dims.shared()) }]);
    }
}
