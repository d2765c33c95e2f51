//! A market: one tenant in one country, with one zone for its KPI days.

use chrono_tz::Tz;

use super::buckets::Buckets;
use super::case::LegalClass;
use super::case_dimensions::CaseDimensions;
use super::ids::{MarketId, TenantId};
use super::money::Currency;
use super::vocabulary::{Component, DebtClass, DebtType};

/// The key of a market. Every stored row begins with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MarketKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The market of that tenant.
    pub market: MarketId,
}

/// What configuration says of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    /// Tenant and country.
    pub key: MarketKey,
    /// ISO 3166-1 alpha-2 code of the country, upper case.
    pub region: String,
    /// Zone of the market's KPI days.
    pub zone: Tz,
    /// Currency of a case that names none, and of figures over no case.
    pub currency: Currency,
    /// Days of grace after the due date of a promise or an instalment, in which payment still keeps it. It is judged after
    /// them.
    pub promise_grace_days: u16,
    /// Days for which the last right-party contact earns its agent and channel the payments that name nobody and count
    /// towards no promise, each 24 hours; 0 for never.
    pub attribution_days: u16,
    /// Components in the order in which a payment settles them, where the payment does not say.
    pub payment_order: [Component; 3],
    /// Kinds of debt of which the country's law states another order. No setting of a tenant changes it.
    pub payment_orders: Vec<PaymentOrderOf>,
    /// Buckets of days past due, as the KPI definitions state them.
    pub buckets: Buckets,
    /// Values of cases that are dimensions, as the KPI definitions state them.
    pub case_dimensions: CaseDimensions,
}

/// An order in which payments on debts of some kind settle components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrderOf {
    /// Classes of debt; none: all.
    pub debt_classes: Vec<DebtClass>,
    /// Where the debt comes from; none: from anywhere.
    pub debt_types: Vec<DebtType>,
    /// Each component once.
    pub order: [Component; 3],
}

impl PaymentOrderOf {
    /// Whether it is such a debt. One of which nothing is stated is none.
    fn is_of(&self, debt: &LegalClass) -> bool {
        fn among<T: PartialEq>(all: &[T], one: Option<T>) -> bool {
            all.is_empty() || one.is_some_and(|one| all.contains(&one))
        }
        among(&self.debt_classes, debt.debt_class) && among(&self.debt_types, debt.debt_type)
    }
}

impl Market {
    /// The order in which payments on a debt settle components, where they do not say.
    #[must_use]
    pub fn payment_order_of(&self, debt: &LegalClass) -> [Component; 3] {
        let own = self.payment_orders.iter().find(|order| order.is_of(debt));
        own.map_or(self.payment_order, |own| own.order)
    }
}

/// The attribution days of a market whose configuration states none.
pub const DEFAULT_ATTRIBUTION_DAYS: u16 = 30;

/// The payment order of a market whose configuration states none: costs, then interest, then principal (as
/// § 367 BGB, art. 1194 c.c. have it).
pub const DEFAULT_PAYMENT_ORDER: [Component; 3] = [Component::Cost, Component::Interest, Component::Principal];
