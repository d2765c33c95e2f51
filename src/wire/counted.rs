//! What of a message is counted where copies are compared: its instant and its amount. Both are read from the message alone,
//! so that whoever got it, whole or in part, counts the same.

use super::decode::amount::Sign;
use super::decode::collect;
use crate::domain::money::Money;
use crate::domain::time::{SECOND, Timestamp};
use crate::proto::google::r#type as common;
use crate::proto::v1;
use crate::proto::v1::activity::Detail;

/// The instant on whose day a record counts. One that is not shared is that of 1970-01-01 00:00 UTC: no day is told by it.
#[must_use]
pub fn instant(time: Option<&prost_types::Timestamp>) -> Timestamp {
    let (seconds, nanos) = time.map_or((0, 0), |time| (time.seconds, time.nanos));
    Timestamp(seconds.saturating_mul(SECOND).saturating_add(i64::from(nanos) / 1000))
}

/// The principal of a case, if the message states one: the sum over its claims.
#[must_use]
pub fn of_case(case: &v1::Case) -> Option<Money> {
    let mut sum: Option<Money> = None;
    for claim in &case.claims {
        let principal = money(claim.principal.as_ref())?;
        let so_far = sum.map_or(0, |sum| sum.minor);
        sum = Some(Money::new(so_far.saturating_add(principal.minor), principal.currency));
    }
    sum
}

/// The amount of an activity, if the message states one.
#[must_use]
pub fn of_activity(activity: &v1::Activity) -> Option<Money> {
    let amount = match activity.detail.as_ref()? {
        Detail::Promise(detail) => &detail.amount,
        Detail::Payment(detail) => &detail.amount,
        Detail::Reversal(detail) => &detail.amount,
        Detail::Charge(detail) => &detail.amount,
        Detail::Interest(detail) => &detail.amount,
        Detail::Adjustment(detail) => &detail.amount,
        Detail::Settlement(detail) => &detail.amount,
        Detail::CreditReport(detail) => &detail.amount,
        Detail::Remittance(detail) => &detail.amount,
        Detail::OperatingCost(detail) => &detail.amount,
        Detail::ClientRevenue(detail) => &detail.amount,
        Detail::CreditSales(detail) => &detail.amount,
        _ => return None,
    };
    money(amount.as_ref())
}

fn money(wire: Option<&common::Money>) -> Option<Money> {
    collect("amount", |at| at.optional_money(wire.cloned(), Sign::Any)).ok()
}
