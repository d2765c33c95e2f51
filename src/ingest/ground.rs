//! What facts and findings rest on besides the records: the tenant's rules, the market's settings, and what this program makes
//! of records.

use std::sync::{Arc, Weak};

use crate::config::Snapshot;
use crate::domain::market::Market;
use crate::rules::RuleSet;

/// What this program makes of records; it grows where a new program makes other facts of them, or has other timers.
const WAY: u32 = 19;

/// The mark of what facts rest on besides the records: whatever of it changes, everything that changes with it is derived
/// anew. First the digest of the rules, then what settings and program add.
#[must_use]
pub fn ground(market: &Market, rules: &RuleSet) -> String {
    let Market {
        region,
        zone,
        currency,
        promise_grace_days,
        attribution_days,
        payment_order,
        payment_orders,
        buckets,
        case_dimensions,
        ..
    } = market;
    let of_cases: Vec<&str> = case_dimensions.names().collect();
    let settings = format!(
        "{region} {zone} {currency:?} {promise_grace_days} {attribution_days} {payment_order:?} {payment_orders:?} {buckets:?} {of_cases:?} {WAY}"
    );
    let hash = blake3::hash(settings.as_bytes()).to_hex();
    format!("{} {}", rules.digest(), hash.get(..16).unwrap_or_default())
}

/// Whether two marks differ by rules alone: of the facts, only those that follow from rules are others then.
#[must_use]
pub(super) fn differ_by_rules_alone(one: &str, other: &str) -> bool {
    let rest = |mark: &str| mark.split_once(' ').map(|(_, rest)| rest.to_owned());
    one != other && rest(one).is_some() && rest(one) == rest(other)
}

/// What is remembered of a market was derived by.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// The mark of everything.
    pub mark: String,
    /// The configuration that was last seen to say just this.
    seen: Weak<Snapshot>,
}

impl Ground {
    /// By these rules in a market.
    #[must_use]
    pub fn of(snapshot: &Arc<Snapshot>, market: &Market, rules: &Arc<RuleSet>) -> Self {
        Self { rules: Arc::clone(rules), mark: ground(market, rules), seen: Arc::downgrade(snapshot) }
    }

    /// Whether a configuration was seen to say just this.
    #[must_use]
    pub fn is_of(&self, snapshot: &Arc<Snapshot>) -> bool {
        std::ptr::eq(self.seen.as_ptr(), Arc::as_ptr(snapshot))
    }

    /// Whether both are known to be of one configuration.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Weak::ptr_eq(&self.seen, &other.seen) && self.mark == other.mark
    }

    /// Notes that another configuration says the same, if it does: another one is loaded for whatever reason.
    pub(super) fn note(&mut self, other: &Self) -> bool {
        let same = self.mark == other.mark;
        if same {
            self.seen = Weak::clone(&other.seen);
        }
        same
    }
}
